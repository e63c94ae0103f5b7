//! Redacts URLs. Hosts become examples. Known parts of paths and names of parameters stay.

use ::url::form_urlencoded;

use super::{Mode, Redactor};

impl Redactor {
    /// Redacts an absolute or relative URL.
    pub(crate) fn redact_url(&mut self, address: &str) -> String {
        let text = address.trim();
        if let Some(place) = text.strip_prefix('#') {
            return format!("#{}", self.id_or_known_words(place));
        }
        let (before, rest) = match self.head(text) {
            Some(parts) => parts,
            None => return self.other_scheme(text),
        };
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (rest, None),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let mut filled = before;
        filled.push_str(&self.redact_path(path));
        if let Some(query) = query {
            filled.push('?');
            filled.push_str(&self.redact_query(query));
        }
        if let Some(fragment) = fragment {
            filled.push('#');
            let fragment = self.redact_text(&decoded(fragment, false), Mode::Nothing);
            filled.extend(form_urlencoded::byte_serialize(fragment.as_bytes()));
        }
        filled
    }

    /// The scheme with an example host, and the rest. `None` for a scheme other than http(s).
    fn head<'a>(&mut self, text: &'a str) -> Option<(String, &'a str)> {
        let lower = text
            .get(..8.min(text.len()))
            .unwrap_or_default()
            .to_ascii_lowercase();
        let scheme = ["https://", "http://", "//"]
            .into_iter()
            .find(|scheme| lower.starts_with(scheme));
        let Some(scheme) = scheme else {
            let colon = text.find(':');
            let has_scheme = colon.is_some_and(|colon| {
                text.get(..colon).is_some_and(|scheme| {
                    !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
                })
            });
            return (!has_scheme).then(|| (String::new(), text));
        };
        let rest = text.get(scheme.len()..)?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (host, rest) = rest.split_at(end);
        Some((format!("{scheme}{}", self.replace_host(host)), rest))
    }

    fn other_scheme(&mut self, text: &str) -> String {
        let scheme = text
            .split(':')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        match scheme.as_str() {
            "javascript" => "javascript:void(0)".to_owned(),
            "data" => "data:,".to_owned(),
            "mailto" | "tel" => {
                let rest = text.get(scheme.len() + 1..).unwrap_or_default();
                format!("{scheme}:{}", self.redact_text(rest, Mode::Nothing))
            }
            _ => self.redact_text(text, Mode::Nothing),
        }
    }

    /// Replaces a host with an example. The first is `library.example`.
    pub(super) fn replace_host(&mut self, host: &str) -> String {
        // Drops the user name.
        let host = host
            .rsplit('@')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        if host.is_empty() {
            return host;
        }
        let number = self.hosts.len() + 1;
        let example = self.hosts.entry(host).or_insert_with(|| match number {
            1 => "library.example".to_owned(),
            number => format!("host-{number}.example"),
        });
        let example = example.clone();
        self.kept.hosts = self.hosts.len();
        example
    }

    pub(super) fn redact_path(&mut self, path: &str) -> String {
        let decoded = decoded(path, false);
        let mut filled = String::new();
        let mut rest = decoded.as_str();
        while let Some(first) = rest.chars().next() {
            let is_of_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
            if is_of_part(first) {
                let end = rest.find(|c| !is_of_part(c)).unwrap_or(rest.len());
                let (part, after) = rest.split_at(end);
                let part = self.part_of_path(part);
                filled.push_str(&encoded(&part, false));
                rest = after;
            } else {
                filled.push_str(&encoded(&super::text::sign(first).to_string(), false));
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
        filled
    }

    fn part_of_path(&mut self, part: &str) -> String {
        let is_locale = matches!(part.as_bytes(), [a, b, b'_', c, d]
            if a.is_ascii_lowercase() && b.is_ascii_lowercase() && c.is_ascii_uppercase() && d.is_ascii_uppercase());
        // The scope of a Sierra site.
        let is_scope = part.len() <= 3
            && part.strip_prefix('S').is_some_and(|number| {
                !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            });
        if is_locale || is_scope {
            self.kept.add_url_part(part);
            return part.to_owned();
        }
        self.known_part(part)
            .unwrap_or_else(|| self.redact_text(part, Mode::Nothing))
    }

    /// Keeps a known part, also with a number: `verl_12`. A part that is also the PIN, say, is replaced.
    fn known_part(&mut self, part: &str) -> Option<String> {
        if self.filler.is_forbidden(part) {
            return None;
        }
        if self.words.is_known_address_part(part) {
            self.kept.add_url_part(part);
            return Some(part.to_owned());
        }
        let (known, number) = part.rsplit_once('_')?;
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || !self.words.is_known_address_part(known) || self.filler.is_forbidden(known)
        {
            return None;
        }
        self.kept.add_url_part(known);
        Some(format!(
            "{known}_{}",
            self.redact_text(number, Mode::Nothing)
        ))
    }

    fn redact_query(&mut self, query: &str) -> String {
        let mut filled = String::new();
        let mut rest = query;
        loop {
            let end = rest.find(['&', ';']).unwrap_or(rest.len());
            let (pair, after) = rest.split_at(end);
            match pair.split_once('=') {
                Some((name, value)) => {
                    let name = decoded(name, true);
                    let name = self
                        .known_part(&name)
                        .unwrap_or_else(|| self.name_with_known_words(&name));
                    filled.push_str(&encoded(&name, true));
                    filled.push('=');
                    let value = self.redact_parameter(&decoded(value, true));
                    filled.push_str(&encoded(&value, true));
                }
                None => {
                    let value = self.redact_path(pair);
                    filled.push_str(&value);
                }
            }
            let Some(sign) = after.chars().next() else {
                return filled;
            };
            filled.push(sign);
            rest = after.get(1..).unwrap_or_default();
        }
    }

    /// Redacts the decoded value of a parameter.
    pub(crate) fn redact_parameter(&mut self, value: &str) -> String {
        if value.starts_with('/') || value.starts_with("http") {
            self.redact_url(value)
        } else {
            self.known_part(value)
                .unwrap_or_else(|| self.redact_text(value, Mode::Nothing))
        }
    }
}

/// Decodes percent signs. Invalid UTF-8 is replaced.
fn decoded(text: &str, is_query: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let hex = |byte: &u8| {
            char::from(*byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        match (first, after) {
            (b'%', [high, low, then @ ..]) if hex(high).is_some() && hex(low).is_some() => {
                bytes.push(hex(high).unwrap_or(0) * 16 + hex(low).unwrap_or(0));
                rest = then;
            }
            (b'+', _) if is_query => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encoded(text: &str, is_query: bool) -> String {
    if is_query {
        return form_urlencoded::byte_serialize(text.as_bytes()).collect();
    }
    let mut encoded = String::new();
    for character in text.chars() {
        let is_plain =
            character.is_ascii_alphanumeric() || "-._~/:@!$&'()*+,;=|".contains(character);
        if is_plain {
            encoded.push(character);
        } else {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    encoded
}
