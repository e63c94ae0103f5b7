//! Finds a page's JSON state without parsing the HTML, and decodes the few fields that are used out of
//! some 250 KB.
//!
//! The names are the site's. A field is optional here if any page may lack it; [`super::pages`] decides whether
//! *this* page may lack it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::values::{Amount, FormatNames, Text, present};

/// The maximum number of occurrences of the state's attribute; real pages have two. Each one costs a search
/// through a part of the page.
const MAX_OCCURRENCES: usize = 64;

/// The maximum number of bytes of a tag before the attribute.
const MAX_TAG_BYTES: usize = 16_384;

/// The maximum number of attributes of a tag.
const MAX_ATTRIBUTES: usize = 64;

/// Why a page's state can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoState {
    /// The page has no such script.
    Missing,
    /// The page ends before its state does.
    CutOff,
    /// The state is not JSON at this byte, or a field that is used has another shape.
    Malformed(usize),
}

impl fmt::Display for NoState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the page carries no state (data-iso-key _0)"),
            Self::CutOff => f.write_str("the page ends before its state does"),
            Self::Malformed(at) => write!(f, "the page's state has an unknown shape at byte {at}"),
        }
    }
}

/// Finds and decodes the state of a page: `script[type="application/json"][data-iso-key="_0"]`.
pub(super) fn parse_state(body: &str) -> Result<State<'_>, NoState> {
    let from = after_script_tag(body).ok_or(NoState::Missing)?;
    // The parser stops at the end of the JSON, so `</script>` needn't be found first.
    let mut values = serde_json::Deserializer::from_str(from).into_iter::<State<'_>>();
    match values.next() {
        Some(Ok(state)) => {
            let rest = from.get(values.byte_offset()..).unwrap_or_default();
            if rest.trim_start().starts_with("</") {
                Ok(state)
            } else {
                Err(NoState::CutOff)
            }
        }
        Some(Err(error)) if error.is_eof() => Err(NoState::CutOff),
        // The parser's message may quote the page, so only the position is kept.
        Some(Err(error)) => Err(NoState::Malformed(offset(from, &error))),
        None => Err(NoState::CutOff),
    }
}

/// Returns the text after the opening tag of the script with the state.
fn after_script_tag(body: &str) -> Option<&str> {
    let mut places = body.match_indices("data-iso-key").take(MAX_OCCURRENCES);
    places.find_map(|(at, _)| {
        // A `div` of the real pages has the same attribute.
        let before = body.get(..at)?;
        let from = before.ceil_char_boundary(at.saturating_sub(MAX_TAG_BYTES));
        let open = from + before.get(from..)?.rfind('<')?;
        let (attributes, after) = tag(body.get(open..)?, "script")?;
        let value = |name: &str| {
            attributes
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim())
        };
        let is_state = value("data-iso-key") == Some("_0")
            && value("type").is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
        is_state.then_some(after)
    })
}

/// Parses an opening tag with this name: its attributes, and the text after the tag.
fn tag<'a>(text: &'a str, name: &str) -> Option<(Vec<(&'a str, &'a str)>, &'a str)> {
    let is_space = |c: char| c.is_ascii_whitespace() || c == '/';
    let inside = text.strip_prefix('<')?;
    let (found, mut rest) = inside.split_at_checked(name.len())?;
    if !found.eq_ignore_ascii_case(name) || !rest.starts_with(is_space) {
        return None;
    }
    let mut attributes = Vec::new();
    while attributes.len() <= MAX_ATTRIBUTES {
        rest = rest.trim_start_matches(is_space);
        if let Some(after) = rest.strip_prefix('>') {
            return Some((attributes, after));
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

/// Returns the byte of the text at which the parser stopped.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let lines_before = error.line().saturating_sub(1);
    let before: usize = text
        .split_inclusive('\n')
        .take(lines_before)
        .map(str::len)
        .sum();
    before + error.column()
}

/// The parts of a page's state that are used.
#[derive(Debug, Deserialize)]
pub(super) struct State<'a> {
    #[serde(borrow)]
    pub(super) app: Option<App<'a>>,
    #[serde(borrow)]
    pub(super) auth: Option<Auth<'a>>,
    #[serde(borrow)]
    pub(super) borrowing: Option<Borrowing<'a>>,
    #[serde(borrow)]
    pub(super) entities: Option<Entities<'a>>,
    pub(super) errors: Option<Errors>,
    #[serde(borrow)]
    pub(super) localization: Option<Localization<'a>>,
    #[serde(borrow)]
    pub(super) library: Option<Library<'a>>,
}

/// The library whose site this is.
#[derive(Debug, Deserialize)]
pub(super) struct Library<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct App<'a> {
    #[serde(borrow, rename = "currentURL")]
    pub(super) current_url: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Auth<'a> {
    /// `Some(None)` if nobody is logged in.
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) current_user_id: Option<Option<Text<'a>>>,
    #[serde(default)]
    pub(super) login_error: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Errors {
    pub(super) library_error: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Borrowing<'a> {
    /// The totals in the fines of the page's head.
    #[serde(borrow)]
    pub(super) fines: Option<Summarised<'a>>,
    /// The same totals in the page itself.
    #[serde(borrow)]
    pub(super) borrowing: Option<Summarised<'a>>,
    #[serde(borrow)]
    pub(super) checkedout: Option<List<'a>>,
    #[serde(borrow)]
    pub(super) holds: Option<List<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Summarised<'a> {
    #[serde(borrow)]
    pub(super) summaries: Option<Summaries<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Summaries<'a> {
    pub(super) checkedout: Option<LoanSummary>,
    #[serde(borrow)]
    pub(super) holds: Option<HoldSummary<'a>>,
    pub(super) fines: Option<FineSummary>,
}

#[derive(Debug, Deserialize)]
pub(super) struct LoanSummary {
    pub(super) total: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HoldSummary<'a> {
    pub(super) total_operative: Option<u32>,
    /// The counts by status and kind of material.
    #[serde(borrow)]
    pub(super) status: Option<BTreeMap<Text<'a>, BTreeMap<Text<'a>, u32>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FineSummary {
    pub(super) total_fines: Option<Amount>,
    pub(super) total_credits: Option<Amount>,
}

/// One page of a list: the ids in order, and the page's position.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List<'a> {
    #[serde(borrow)]
    pub(super) items: Option<Vec<Text<'a>>>,
    pub(super) pagination: Option<Pagination>,
    pub(super) hold_error: Option<IgnoredAny>,
}

/// All four fields are missing if the list is not on this page.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Pagination {
    pub(super) count: Option<u32>,
    pub(super) page: Option<u32>,
    pub(super) limit: Option<u32>,
    pub(super) pages: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entities<'a> {
    #[serde(borrow, default)]
    pub(super) accounts: HashMap<Text<'a>, AccountEntry<'a>>,
    #[serde(borrow, default)]
    pub(super) users: HashMap<Text<'a>, UserEntry<'a>>,
    #[serde(borrow, default)]
    pub(super) checkouts: HashMap<Text<'a>, LoanEntry<'a>>,
    #[serde(borrow, default)]
    pub(super) holds: HashMap<Text<'a>, HoldEntry<'a>>,
    #[serde(borrow, default)]
    pub(super) bibs: HashMap<Text<'a>, Bib<'a>>,
    // No recorded page has any of these, so any shape is accepted.
    #[serde(default)]
    pub(super) messages: Value,
    #[serde(default)]
    pub(super) system_messages: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountEntry<'a> {
    /// The card's library: a user may have cards at several.
    #[serde(borrow)]
    pub(super) lib_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) barcode: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) expiry_date: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct UserEntry<'a> {
    #[serde(borrow)]
    pub(super) accounts: Option<Vec<Text<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoanEntry<'a> {
    #[serde(borrow)]
    pub(super) material_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) due_date: Option<Text<'a>>,
    /// Negative if the site doesn't count renewals.
    pub(super) times_renewed: Option<i64>,
    #[serde(borrow)]
    pub(super) metadata_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) status: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) actions: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) bib_title: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) volume: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HoldEntry<'a> {
    #[serde(borrow)]
    pub(super) material_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) metadata_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) status: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) bib_title: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) pickup_location: Option<Branch<'a>>,
    #[serde(borrow)]
    pub(super) pickup_by_date: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) suspend_end_date: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) expiry_date: Option<Text<'a>>,
    /// −1 if the hold has no position in the queue.
    pub(super) holds_position: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Branch<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bib<'a> {
    #[serde(borrow)]
    pub(super) brief_info: Option<BriefInfo<'a>>,
    pub(super) availability: Option<Availability>,
}

#[derive(Debug, Deserialize)]
pub(super) struct BriefInfo<'a> {
    #[serde(borrow)]
    pub(super) title: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) subtitle: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) authors: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) format: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Availability {
    /// The number of holds on the title.
    pub(super) held_copies: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Localization<'a> {
    #[serde(borrow)]
    pub(super) messages: Option<FormatNames<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(r#"<script type="application/json" data-iso-key="_0">"#)]
    #[case(r#"<script data-iso-key='_0' type='application/json'>"#)]
    #[case("<SCRIPT nonce=a>b data-iso-key=_0\n type=application/json>")]
    #[case(r#"<script async type = "application/json" data-x="a > b" data-iso-key = "_0" >"#)]
    fn script_is_found_in_any_attribute_order_and_quoting(#[case] opening: &str) {
        let opening = opening.replace("nonce=a>b", "nonce=\"a>b\"");
        let body = format!(
            r#"<div data-iso-key="_0"><script data-iso-key="_1">1</script>{opening} {{"auth":{{"currentUserId":7}}}}
</script></div>"#
        );
        let state = parse_state(&body).unwrap();
        let user = state.auth.unwrap().current_user_id.unwrap().unwrap();
        assert_eq!(user.as_str(), "7");
    }

    #[rstest]
    #[case("", NoState::Missing)]
    #[case("<div data-iso-key=\"_0\">", NoState::Missing)]
    #[case("data-iso-key", NoState::Missing)]
    #[case(
        r#"<script data-iso-key="_0" type="text/javascript">{}</script>"#,
        NoState::Missing
    )]
    #[case(
        r#"<script data-iso-key="_0" type="application/json"#,
        NoState::Missing
    )]
    #[case(
        r#"<script data-iso-key="_0" type="application/json">"#,
        NoState::CutOff
    )]
    #[case(
        r#"<script data-iso-key="_0" type="application/json">{"auth":{"cu"#,
        NoState::CutOff
    )]
    #[case(
        r#"<script data-iso-key="_0" type="application/json">{}"#,
        NoState::CutOff
    )]
    #[case(
        r#"<script data-iso-key="_0" type="application/json">nothing</script>"#,
        NoState::Malformed(2)
    )]
    #[case(
        "<script data-iso-key=\"_0\" type=\"application/json\">\n{\"auth\":7}</script>",
        NoState::Malformed(10)
    )]
    fn page_without_a_complete_state_names_the_reason(
        #[case] body: &str,
        #[case] expected: NoState,
    ) {
        assert_eq!(parse_state(body).unwrap_err(), expected);
    }

    #[test]
    fn page_with_too_many_occurrences_has_no_state() {
        let body = "<p ".to_owned() + &"data-iso-key ".repeat(600_000);
        assert_eq!(parse_state(&body).unwrap_err(), NoState::Missing);
    }

    #[test]
    fn null_user_is_anonymous_and_missing_user_is_unknown() {
        let user = |auth: &str| {
            let body = format!(
                r#"<script type="application/json" data-iso-key="_0">{{"auth":{auth}}}</script>"#
            );
            parse_state(&body)
                .unwrap()
                .auth
                .unwrap()
                .current_user_id
                .map(|user| user.map(|id| id.as_str().to_owned()))
        };
        assert_eq!(user(r#"{"currentUserId":null}"#), Some(None));
        assert_eq!(user("{}"), None);
        assert_eq!(user(r#"{"currentUserId":"7"}"#), Some(Some("7".to_owned())));
    }
}
