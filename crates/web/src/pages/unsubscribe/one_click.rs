//! The form that a mail provider sends (RFC 8058, section 3.2).

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use hippo_core::mail::mime::ONE_CLICK;

/// Whether a body is the one field of one-click unsubscribing, and nothing else.
///
/// Providers send it as an encoded form or, as the RFC prefers, in parts.
pub(super) fn is_one_click(headers: &HeaderMap, body: &[u8]) -> bool {
    if body == ONE_CLICK.as_bytes() {
        return true;
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|one| one.to_str().ok());
    let boundary = content_type.and_then(find_boundary);
    let body = str::from_utf8(body).ok();
    matches!((boundary, body), (Some(boundary), Some(body)) if has_one_field(body, boundary))
}

/// The boundary of `multipart/form-data; boundary=…`.
fn find_boundary(content_type: &str) -> Option<&str> {
    let (media_type, parameters) = content_type.split_once(';')?;
    if !media_type
        .trim()
        .eq_ignore_ascii_case("multipart/form-data")
    {
        return None;
    }
    let (name, value) = parameters.split_once('=')?;
    let value = value.trim();
    let quoted = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let boundary = quoted.unwrap_or(value);
    let is_boundary = name.trim().eq_ignore_ascii_case("boundary") && !boundary.is_empty();
    is_boundary.then_some(boundary)
}

/// Whether the body has one part, which is the field.
fn has_one_field(body: &str, boundary: &str) -> bool {
    let (name, value) = ONE_CLICK.split_once('=').unwrap_or_default();
    let part = body
        .strip_prefix("--")
        .and_then(|rest| rest.strip_prefix(boundary))
        .and_then(|rest| rest.strip_prefix("\r\n"))
        .map(|rest| rest.strip_suffix("\r\n").unwrap_or(rest))
        .and_then(|rest| rest.strip_suffix("--"))
        .and_then(|rest| rest.strip_suffix(boundary))
        .and_then(|rest| rest.strip_suffix("\r\n--"));
    let Some((head, content)) = part.and_then(|part| part.split_once("\r\n\r\n")) else {
        return false;
    };
    let is_named = head.split("\r\n").any(|line| {
        let disposition = line.split_once(':');
        disposition.is_some_and(|(header, value)| {
            header.eq_ignore_ascii_case("Content-Disposition")
                && value
                    .split(';')
                    .any(|one| one.trim() == format!("name=\"{name}\""))
        })
    });
    is_named && content == value
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const FORM: &str = "application/x-www-form-urlencoded";
    const PARTS: &str = "multipart/form-data; boundary=x-1";

    #[rstest]
    #[case::form(FORM, "List-Unsubscribe=One-Click", true)]
    #[case::no_type("", "List-Unsubscribe=One-Click", true)]
    #[case::line_end(FORM, "List-Unsubscribe=One-Click\r\n", false)]
    #[case::other_field(FORM, "List-Unsubscribe=One-Click&a=b", false)]
    #[case::other_value(FORM, "List-Unsubscribe=One-click", false)]
    #[case::empty(FORM, "", false)]
    #[case::parts(
        PARTS,
        "--x-1\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x-1--\r\n",
        true
    )]
    #[case::parts_with_a_type(
        "multipart/form-data; boundary=\"x-1\"",
        "--x-1\r\ncontent-disposition: form-data; name=\"List-Unsubscribe\"\r\nContent-Type: text/plain\r\n\r\nOne-Click\r\n--x-1--",
        true
    )]
    #[case::parts_without_their_type(
        FORM,
        "--x-1\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x-1--\r\n",
        false
    )]
    #[case::other_boundary(
        PARTS,
        "--x-2\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x-2--\r\n",
        false
    )]
    #[case::other_name(
        PARTS,
        "--x-1\r\nContent-Disposition: form-data; name=\"List\"\r\n\r\nOne-Click\r\n--x-1--\r\n",
        false
    )]
    #[case::other_content(
        PARTS,
        "--x-1\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nNo\r\n--x-1--\r\n",
        false
    )]
    #[case::two_parts(
        PARTS,
        "--x-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x-1\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x-1--\r\n",
        false
    )]
    #[case::cut_off(
        PARTS,
        "--x-1\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click",
        false
    )]
    fn body_is_exactly_the_field(
        #[case] content_type: &str,
        #[case] body: &str,
        #[case] expected: bool,
    ) {
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        }
        assert_eq!(is_one_click(&headers, body.as_bytes()), expected);
    }
}
