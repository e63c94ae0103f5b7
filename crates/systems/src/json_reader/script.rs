//! Finds the JSON in a page without building the page's tree.

use hippo_core::failure::Failure;
use serde_json::Value;

use super::decode::{decode_beginning, no_json};
use super::value::Path;

/// The tags of a script. Nobody writes them otherwise, and a search for any case would take twice as long.
const OPENINGS: [&str; 2] = ["<script", "<SCRIPT"];
const CLOSINGS: [&str; 2] = ["</script", "</SCRIPT"];

/// The maximum number of scripts that are looked at; real pages have some 30.
const MAX_SCRIPTS: usize = 512;

/// The maximum number of bytes of a tag.
const MAX_TAG_BYTES: usize = 16_384;

/// The maximum number of attributes of a tag.
const MAX_ATTRIBUTES: usize = 64;

/// Decodes what is at these paths in the first `script` with these attributes. `None` if there is no such script.
pub(crate) fn decode_script(
    body: &str,
    attributes: &[(&str, &str)],
    paths: &[Path],
) -> Result<Option<Value>, Failure> {
    let Some(script) = find_script(body, attributes) else {
        return Ok(None);
    };
    let is_end = |rest: &str| {
        CLOSINGS
            .iter()
            .any(|end| rest.trim_start().starts_with(end))
    };
    // The decoder stops at the end of the JSON, so that the script's end needn't be found first.
    match decode_beginning(script, paths) {
        Ok((state, rest)) if is_end(rest) => Ok(Some(state)),
        Err(error) if !error.is_eof() => Err(no_json()),
        _ => Err(Failure::page_changed("the page ends before its state does")),
    }
}

/// Returns the text after the opening tag of the script.
fn find_script<'a>(body: &'a str, expected: &[(&str, &str)]) -> Option<&'a str> {
    let scripts = OPENINGS
        .iter()
        .flat_map(|opening| body.match_indices(opening));
    scripts.take(MAX_SCRIPTS).find_map(|(at, opening)| {
        let rest = body.get(at + opening.len()..)?;
        let tag = rest.get(..rest.floor_char_boundary(MAX_TAG_BYTES))?;
        let (attributes, length) = parse_attributes(tag)?;
        let has = |(name, value): &(&str, &str)| {
            let mut own = attributes.iter();
            let own = own.find(|(own, _)| own.eq_ignore_ascii_case(name));
            own.is_some_and(|(_, own)| own.trim().eq_ignore_ascii_case(value))
        };
        rest.get(length..).filter(|_| expected.iter().all(has))
    })
}

/// Parses the rest of an opening tag after its name: its attributes, and its length.
fn parse_attributes(tag: &str) -> Option<(Vec<(&str, &str)>, usize)> {
    let is_space = |c: char| c.is_ascii_whitespace() || c == '/';
    let mut rest = tag.strip_prefix(is_space)?;
    let mut attributes = Vec::new();
    while attributes.len() <= MAX_ATTRIBUTES {
        rest = rest.trim_start_matches(is_space);
        if let Some(after) = rest.strip_prefix('>') {
            return Some((attributes, tag.len() - after.len()));
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>'))?;
        let (key, after) = rest.split_at(end);
        rest = after.trim_start();
        let Some(after) = rest.strip_prefix('=') else {
            attributes.push((key, ""));
            continue;
        };
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, after) = match quote {
            Some(quote) => after.get(1..)?.split_once(quote)?,
            None => after.split_at(after.find(|c: char| c.is_ascii_whitespace() || c == '>')?),
        };
        attributes.push((key, value));
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn decode(body: &str) -> Result<Option<Value>, Failure> {
        let attributes = [("type", "application/json"), ("data-key", "_0")];
        decode_script(body, &attributes, &["a"])
    }

    #[rstest]
    #[case(r#"<script type="application/json" data-key="_0">"#)]
    #[case("<script data-key='_0' type='application/json'>")]
    #[case("<SCRIPT nonce=\"a>b\" data-key=_0\n type=application/json>")]
    #[case(r#"<script async type = "application/json" data-x="a > b < c" data-key = "_0" >"#)]
    fn script_is_found_in_any_attribute_order_and_quoting(#[case] opening: &str) {
        let body = format!(
            r#"<div data-key="_0"><script data-key="_1">1</script><script>if (a <b) {{}}</script>
            {opening} {{"a":"<\/script>","b":7}}
</script></div>"#
        );
        assert_eq!(decode(&body).unwrap(), Some(json!({"a": "</script>"})));
    }

    #[rstest]
    #[case("")]
    #[case("<div data-key=\"_0\">")]
    #[case("data-key")]
    #[case(r#"<script data-key="_0" type="text/javascript">{}</script>"#)]
    #[case(r#"<script data-key="_0" type="application/json"#)]
    #[case(r#"<scripted data-key="_0" type="application/json">{}</scripted>"#)]
    fn page_without_the_script_has_none(#[case] body: &str) {
        assert_eq!(decode(body).unwrap(), None);
    }

    #[rstest]
    #[case::nothing("", "ends before")]
    #[case::cut_off(r#"{"a":{"cu"#, "ends before")]
    #[case::not_closed("{}", "ends before")]
    #[case::no_json("nothing</script>", "no JSON")]
    #[case::half("{\"a\":</SCRIPT>", "no JSON")]
    fn script_that_is_not_whole_is_a_changed_page(#[case] text: &str, #[case] expected: &str) {
        let body = format!(r#"<script data-key="_0" type="application/json">{text}"#);
        let failure = decode(&body).unwrap_err();
        assert!(failure.detail.contains(expected), "{failure}");
    }

    #[test]
    fn page_with_too_many_scripts_has_none() {
        let body = "<script a='".repeat(600_000);
        assert_eq!(decode(&body).unwrap(), None);
    }
}
