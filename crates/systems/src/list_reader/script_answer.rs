//! Unwraps an answer to a page's script: JSON whose HTML the script puts into the page.

use std::borrow::Cow;

use hippo_core::failure::Failure;
use serde_json::Value;

/// The keys of JSON that lead the browser to another page.
const REDIRECTS: [&str; 3] = ["redirectURL", "redirectUrl", "redirect"];

/// The HTML and all other text of an answer, from a page or from JSON.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ScriptAnswer<'b> {
    /// The page, or the fragments of a page one after the other.
    pub(crate) html: Cow<'b, str>,
    /// The scripts that the answer runs; for a page, the page itself.
    pub(crate) script: Cow<'b, str>,
    /// Whether it came as JSON: a fragment of a page.
    pub(crate) is_fragment: bool,
    /// Whether the JSON redirects the browser.
    pub(crate) is_redirect: bool,
}

impl<'b> ScriptAnswer<'b> {
    /// Unwraps an answer whose fragments have these keys. JSON that is malformed, or breaks off, is a changed page.
    pub(crate) fn unwrap(body: &'b str, fragments: &[&str]) -> Result<Self, Failure> {
        let trimmed = body.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        if !trimmed.starts_with('{') {
            return Ok(Self {
                html: Cow::Borrowed(body),
                script: Cow::Borrowed(body),
                is_fragment: false,
                is_redirect: false,
            });
        }
        let Ok(Value::Object(object)) = serde_json::from_str(trimmed) else {
            return Err(Failure::page_changed("truncated or malformed JSON"));
        };
        let mut html = String::new();
        for value in fragments.iter().filter_map(|key| object.get(*key)) {
            append_texts(value, &mut html);
        }
        let mut script = html.clone();
        let others = object
            .iter()
            .filter(|(key, _)| !fragments.contains(&key.as_str()));
        for (_, value) in others {
            append_texts(value, &mut script);
        }
        Ok(Self {
            html: Cow::Owned(html),
            script: Cow::Owned(script),
            is_fragment: true,
            is_redirect: REDIRECTS.iter().any(|key| object.contains_key(*key)),
        })
    }
}

/// Appends every string of a value, each on lines of its own.
fn append_texts(value: &Value, to: &mut String) {
    match value {
        Value::String(text) => {
            to.push_str(text);
            to.push('\n');
        }
        Value::Array(values) => values.iter().for_each(|value| append_texts(value, to)),
        Value::Object(values) => values.values().for_each(|value| append_texts(value, to)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(r#"{"content":"<p>a</p>","inits":[]}"#, "<p>a</p>\n")]
    #[case(
        r#" {"zones":{"x":"<p>a</p>","y":"<p>b</p>"}}"#,
        "<p>a</p>\n<p>b</p>\n"
    )]
    #[case("<p>a</p>", "<p>a</p>")]
    #[case(r#"{"script":"x"}"#, "")]
    fn html_is_unwrapped_from_json(#[case] body: &str, #[case] html: &str) {
        let answer = ScriptAnswer::unwrap(body, &["content", "zones"]).unwrap();
        assert_eq!(answer.html, html);
    }

    #[test]
    fn truncated_json_is_a_changed_page() {
        assert!(ScriptAnswer::unwrap(r#"{"content":"<p>a"#, &["content"]).is_err());
    }
}
