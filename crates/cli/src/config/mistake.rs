//! Errors in a TOML file, in plain words.

use crate::suggest::did_you_mean;

/// Describes an error in a TOML file by its line number.
///
/// It never quotes the line, which may hold a secret.
pub(crate) fn describe_toml_error(error: &toml::de::Error, text: &str) -> String {
    let message = match (error.message(), key_at(error, text)) {
        ("duplicate key", Some(key)) => format!("“{key}” is there twice"),
        (message, _) => plain_message(message),
    };
    // A key that is missing at the top has no line of its own.
    let is_at_top = |span: &std::ops::Range<usize>| {
        span.start == 0 && error.message().starts_with("missing field")
    };
    match error
        .span()
        .filter(|span| !is_at_top(span))
        .and_then(|span| line_of(text, span.start))
    {
        Some(line) => format!("has a mistake in line {line}: {message}."),
        None => format!("has a mistake: {message}."),
    }
}

/// The key at the place of an error, if there is nothing but a key.
fn key_at<'a>(error: &toml::de::Error, text: &'a str) -> Option<&'a str> {
    let key = text.get(error.span()?)?.trim_matches(['"', '\'']);
    let is_of_key = |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | '-');
    (!key.is_empty() && key.chars().all(is_of_key)).then_some(key)
}

/// Rewrites a message of the TOML parser in plain words, without values that may be secret.
fn plain_message(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let known = |names: &[&str]| {
        // These keys exist only to be rejected.
        let names = names.iter().copied();
        let names = names.filter(|name| !matches!(*name, "client_secret" | "password" | "pin"));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    if let (true, [name, names @ ..]) = (message.starts_with("unknown field"), &*quoted) {
        let known = known(names);
        let (meant, keys) = (did_you_mean(name, &known), known.join(", "));
        return match meant.as_str() {
            "" => format!("“{name}” isn't known here; the keys are {keys}"),
            meant => format!("“{name}” isn't known here.{meant} The keys are {keys}"),
        };
    }
    if let (true, [_, names @ ..]) = (message.starts_with("unknown variant"), &*quoted) {
        return format!(
            "the word in quotes isn't known here; write one of {}",
            known(names).join(", ")
        );
    }
    if let (true, [name]) = (message.starts_with("missing field"), &*quoted) {
        return format!("“{name}” is missing");
    }
    if let (true, [name]) = (message.starts_with("duplicate field"), &*quoted) {
        return format!("“{name}” is there twice");
    }
    if message.starts_with("wanted exactly 1 element") {
        return "a table in { } has one key here".to_owned();
    }
    if message.contains("leading zero") {
        return "a number can't begin with 0; write it in quotes".to_owned();
    }
    if message.starts_with("invalid type") || message.starts_with("invalid value") {
        let expected = message
            .rsplit_once("expected ")
            .map_or("", |(_, last)| last);
        return format!("expected {}", value_words(expected));
    }
    message.replace('`', "\"")
}

/// The expected type of a value, in words.
fn value_words(expected: &str) -> &str {
    match expected {
        "usize" | "u16" | "u32" | "u64" | "i64" => "a whole number, 0 or more",
        "f64" | "f32" => "a number",
        "a string" | "path string" | "a borrowed string" => "text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list in [ ]",
        "a map" => "a table",
        structure if structure.starts_with("struct ") => "a table",
        other => other,
    }
}

/// The line number of a key of the table that begins at this byte, from 1; of the table, if it lacks the key.
pub(crate) fn line_of_key(text: &str, table: usize, key: &str) -> Option<usize> {
    let first = line_of(text, table)?;
    let names_key = |line: &str| {
        let rest = line.trim_start().strip_prefix(key);
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let lines = text.lines().enumerate().skip(first - 1);
    let is_in_table =
        |(index, line): &(usize, &str)| *index < first || !line.trim_start().starts_with("[[");
    let mut lines = lines.take_while(is_in_table);
    let found = lines.find(|(_, line)| names_key(line));
    Some(found.map_or(first, |(index, _)| index + 1))
}

/// The line number of a byte, from 1.
pub(crate) fn line_of(text: &str, byte: usize) -> Option<usize> {
    Some(text.get(..byte.min(text.len()))?.matches('\n').count() + 1)
}
