//! Redacts names. Common words stay, and so do identifiers of the site's makers. Other parts are replaced.

use super::Redactor;
use crate::allow_list;

/// A longer part of a name is more likely a value.
const MAX_PART_CHARS: usize = 40;

/// Marks a replaced part in the list of kept names.
const FILLED_MARK: &str = "…";

/// Who may have chosen a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameOrigin {
    /// The site's makers: the name of a class, an id, a field, a key.
    Site,
    /// Anyone: only common words stay.
    Anyone,
    /// A patron, perhaps: nothing stays.
    Nobody,
}

/// A redacted name, and its form in the list of kept names.
#[derive(Default)]
struct FilledName {
    written: String,
    shown: String,
}

impl FilledName {
    fn keep(&mut self, text: &str) {
        self.written.push_str(text);
        self.shown.push_str(text);
    }

    fn fill(&mut self, filler: &str) {
        self.written.push_str(filler);
        if !self.shown.ends_with(FILLED_MARK) {
            self.shown.push_str(FILLED_MARK);
        }
    }
}

impl Redactor {
    /// Redacts one or more names of classes, ids or fields, separated by spaces.
    pub(crate) fn names(&mut self, names: &str) -> String {
        self.redact_names(names, NameOrigin::Site)
    }

    /// Redacts a single name. With spaces in it, it counts as text.
    pub(crate) fn name(&mut self, name: &str) -> String {
        let origin = if name.trim().contains(char::is_whitespace) {
            NameOrigin::Anyone
        } else {
            NameOrigin::Site
        };
        self.redact_names(name, origin)
    }

    /// Redacts a name, keeping only common words.
    pub(super) fn name_with_known_words(&mut self, name: &str) -> String {
        self.redact_names(name, NameOrigin::Anyone)
    }

    /// Keeps a known name of a header or cookie, and replaces any other.
    pub(super) fn known_or_filled(&mut self, name: &str, is_known: bool) -> String {
        if is_known && !self.filler.is_forbidden(name) {
            self.kept.add_name(name);
            return name.to_owned();
        }
        self.redact_name(name, NameOrigin::Nobody).written
    }

    /// Redacts an element's name. Real elements stay, and no other name becomes one.
    pub(super) fn redact_element_name(&mut self, name: &str) -> String {
        if allow_list::is_element(name) {
            return name.to_owned();
        }
        let filled = self.redact_name(name, NameOrigin::Anyone).written;
        if allow_list::is_element(&filled) {
            return "x".repeat(filled.chars().count());
        }
        filled
    }

    /// Redacts an attribute's name.
    pub(super) fn redact_attribute_name(&mut self, name: &str) -> String {
        let filled = if allow_list::is_attribute(name) {
            self.redact_name(name, NameOrigin::Site).written
        } else {
            self.redact_name(name, NameOrigin::Anyone).written
        };
        filled.replace(['"', '\'', '<', '>', '=', '/', ' '], "_")
    }

    fn redact_names(&mut self, names: &str, origin: NameOrigin) -> String {
        let mut written = String::with_capacity(names.len());
        for part in names.split_inclusive(char::is_whitespace) {
            let name = part.trim_end();
            let filled = self.redact_name(name, origin);
            if filled.shown.chars().any(char::is_alphanumeric) {
                self.kept.add_name(&filled.shown);
            }
            written.push_str(&filled.written);
            if name.len() < part.len() {
                written.push(' ');
            }
        }
        written
    }

    fn redact_name(&mut self, name: &str, origin: NameOrigin) -> FilledName {
        let mut filled = FilledName::default();
        let is_shaped = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-:.@/$*+%#[]{}()\\".contains(c));
        // `@click` is a name. With text before the `@` it is an email address.
        let is_address = name.get(1..).is_some_and(|rest| rest.contains('@'));
        let origin = if self.filler.is_forbidden(name) {
            NameOrigin::Nobody
        } else if origin == NameOrigin::Site && (!is_shaped || is_address) {
            NameOrigin::Anyone
        } else {
            origin
        };
        let mut in_brackets = 0_usize;
        let mut rest = name;
        while let Some(first) = rest.chars().next() {
            // `due-2026-11-21`: next to a shifted date, the original would reveal the shift.
            if first.is_ascii_digit()
                && let Some((length, moved)) = self.dates.at(rest, &self.filler)
            {
                filled.fill(&moved);
                rest = rest.get(length..).unwrap_or_default();
                continue;
            }
            if first.is_alphanumeric() {
                let end = rest
                    .find(|c: char| !c.is_alphanumeric())
                    .unwrap_or(rest.len());
                let (piece, after) = rest.split_at(end);
                // `hold[Title]`: brackets may contain data.
                let origin = if in_brackets > 0 && origin == NameOrigin::Site {
                    NameOrigin::Anyone
                } else {
                    origin
                };
                self.piece(piece, origin, &mut filled);
                rest = after;
                continue;
            }
            match first {
                '[' | '{' | '(' => in_brackets += 1,
                ']' | '}' | ')' => in_brackets = in_brackets.saturating_sub(1),
                _ => {}
            }
            let is_plain = first.is_ascii_graphic() || first == ' ';
            filled.keep(if is_plain {
                rest.get(..1).unwrap_or("_")
            } else {
                "_"
            });
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
        filled
    }

    /// Redacts a run of letters and digits within a name.
    fn piece(&mut self, piece: &str, origin: NameOrigin, filled: &mut FilledName) {
        let is_plain =
            piece.is_ascii() && piece.len() <= MAX_PART_CHARS && !self.filler.is_forbidden(piece);
        if !is_plain || origin == NameOrigin::Nobody {
            filled.fill(&self.filler.word(piece));
            return;
        }
        let letters = piece
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(piece.len());
        let (before, from) = piece.split_at(letters);
        let end = from
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        let digits = piece.bytes().filter(u8::is_ascii_digit).count();
        // `col2`, `h1`. A longer mixture is more likely a token.
        let is_name = digits <= 2 && (after.is_empty() || piece.len() <= 12);
        if is_name {
            self.letters(piece, origin, filled);
            return;
        }
        // `cancelb1234567x00`: only the number is a value.
        let is_numbered =
            after.len() <= 4 && after.bytes().filter(u8::is_ascii_alphabetic).count() <= 1;
        if !before.is_empty() && is_numbered {
            self.letters(before, origin, filled);
            filled.fill(&self.filler.word(number));
            filled.keep(after);
        } else {
            filled.fill(&self.filler.word(piece));
        }
    }

    /// Redacts letters such as `patFuncTitle`, `h1`, `CPL`. A site's own names begin in lower case, or are known.
    fn letters(&mut self, piece: &str, origin: NameOrigin, filled: &mut FilledName) {
        if origin == NameOrigin::Site
            && piece.starts_with(|c: char| c.is_ascii_lowercase())
            && !self.is_page_word(piece)
        {
            filled.keep(piece);
            return;
        }
        if allow_list::is_common_word(piece) {
            filled.keep(piece);
            return;
        }
        for word in allow_list::words(piece) {
            let is_number = word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit());
            if is_number || allow_list::is_common_word(word) {
                filled.keep(word);
            } else {
                filled.fill(&self.filler.word(word));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::redact::tests::redactor;

    #[rstest]
    #[case("patFuncTitle col2 sr-only", "patFuncTitle col2 sr-only")]
    #[case("opac-user-checkouts_panel", "opac-user-checkouts_panel")]
    #[case("READY_FOR_PICKUP", "READY_FOR_PICKUP")]
    #[case("md:w-1/2", "md:w-1/2")]
    fn names_of_the_site_are_kept(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(redactor().names(name), expected);
    }

    #[rstest]
    #[case("branch-CPL")]
    #[case("CPL")]
    #[case("user-Okafor")]
    #[case("OkaforTable")]
    #[case("hold[The CPL Okafor]")]
    #[case("okafor's")]
    #[case("okafor,ada")]
    #[case("fmé-okafor")]
    fn name_with_personal_words_is_filled(#[case] name: &str) {
        let mut redactor = redactor();
        let filled = redactor.names(name);
        assert_eq!(filled.chars().count(), name.chars().count(), "{filled}");
        for word in ["CPL", "okafor"] {
            assert!(
                !filled.to_lowercase().contains(&word.to_lowercase()),
                "{filled}"
            );
        }
        let kept = format!("{:?}", redactor.kept);
        assert!(!kept.contains(&filled), "{kept}");
    }

    #[rstest]
    #[case("bib-the-quiet-okafor")]
    #[case("okafor")]
    #[case("user_okafor")]
    #[case("hold-okafor42")]
    #[case("okaforTable")]
    #[case("nora.wren@example.org")]
    fn name_with_page_words_is_filled(#[case] name: &str) {
        let mut redactor = redactor();
        redactor.learn_page_words("<p>OKAFOR, Nora <b>The Quiet Ok&#97;for</b> Holds</p>");
        let filled = redactor.names(name);
        assert_eq!(filled.chars().count(), name.chars().count(), "{filled}");
        for word in ["okafor", "quiet", "nora", "wren"] {
            assert!(!filled.contains(word), "{filled}");
        }
        assert_eq!(redactor.names("holds-x_panel"), "holds-x_panel");
        let kept = format!("{:?}", redactor.kept);
        assert!(!kept.contains(&filled), "{kept}");
    }

    #[test]
    fn date_in_a_name_is_moved() {
        let filled = redactor().names("due-2026-11-21 cal_11-21-26_x");
        assert_eq!(filled, "due-2026-11-22 cal_11-22-26_x");
    }

    #[rstest]
    #[case("okaforform")]
    #[case("b-okafor")]
    #[case("q")]
    fn element_name_never_becomes_another_element(#[case] name: &str) {
        let mut redactor = redactor();
        for _ in 0..50 {
            let filled = redactor.redact_element_name(name);
            let is_same = filled == name;
            assert_eq!(crate::allow_list::is_element(&filled), is_same, "{filled}");
        }
    }
}
