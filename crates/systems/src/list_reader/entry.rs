//! Builds a loan or a hold from its row.

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    DateOrNever, first_number, is_ready_now, site_id, text_around_words, web_link, work_id,
};
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::Failure;
use url::Url;

use super::column::Field;
use super::date::{NamedDay, first_date, read_date, read_end, read_named_day};
use super::description::ListDescription;
use super::row::Row;

/// An entry of a list.
pub(crate) trait Entry: Sized {
    /// What a list of them holds, in a failure's words.
    const WHAT: &'static str;

    /// Builds the entry from what its columns say.
    fn from_row(
        row: &Row<'_>,
        list: &ListDescription<Self>,
        context: &ReadContext<'_>,
    ) -> Result<Self, Failure>;
}

impl Entry for Loan {
    const WHAT: &'static str = "loans";

    fn from_row(
        row: &Row<'_>,
        list: &ListDescription<Self>,
        context: &ReadContext<'_>,
    ) -> Result<Self, Failure> {
        let Work {
            id,
            title,
            author,
            url,
        } = read_work(row, context)?;
        let status = list.status.as_ref().map(|words| {
            let text = row.value(Field::State).unwrap_or_default();
            words.read(&text, context.date_format)
        });
        let status = status.transpose()?;
        let due = if let Some(status) = &status {
            status.due
        } else if list.has_column(Field::Due) {
            let words = row.value(Field::Due);
            let due = words.map(|words| read_list_date(list, &words, context));
            let due = due.transpose()?.flatten();
            due.ok_or_else(|| Failure::page_changed("a loan without a due date"))?
        } else {
            DateOrNever::Never
        };
        let has = |field| row.value(field).is_some();
        let renewable = if has(Field::NotRenewable) {
            Some(false)
        } else {
            has(Field::Renewable).then_some(true)
        };
        let reason = row.value(Field::RenewalReason);
        let reason = reason.filter(|_| renewable == Some(false));
        Ok(Self {
            id,
            title,
            author,
            due: DateOrNever::date(due),
            renewals: row
                .value(Field::Renewals)
                .and_then(|words| first_number(&words))
                .filter(|_| !has(Field::RemainingRenewals))
                .or(status.as_ref().and_then(|status| status.renewals)),
            renewable,
            digital: false,
            format: row.value(Field::Format),
            note: row
                .value(Field::Note)
                .or(status.and_then(|status| status.note))
                .filter(|note| Some(note) != reason.as_ref()),
            renewable_reason: reason,
            url,
        })
    }
}

impl Entry for Hold {
    const WHAT: &'static str = "holds";

    fn from_row(
        row: &Row<'_>,
        list: &ListDescription<Self>,
        context: &ReadContext<'_>,
    ) -> Result<Self, Failure> {
        let Work {
            id,
            title,
            author,
            url,
        } = read_work(row, context)?;
        let words = row.value(Field::State).unwrap_or_default();
        let state = read_state(&words, list.states, list.states_begin);
        let unknown_words =
            Some(words).filter(|words| state == HoldState::Other && !words.is_empty());
        let may_be_suspended = matches!(state, HoldState::Waiting | HoldState::Other);
        let state = if may_be_suspended && row.value(Field::Suspended).is_some() {
            HoldState::Suspended
        } else if state == HoldState::Other && row.value(Field::Ready).is_some() {
            HoldState::Ready
        } else {
            state
        };
        let until_words = row.value(Field::Until).unwrap_or_default();
        let day = match state {
            HoldState::Ready | HoldState::Suspended => read_named_day(&until_words, context)?,
            _ => NamedDay::None,
        };
        let (until, other_day) = match day {
            NamedDay::None => (None, None),
            NamedDay::Last(day) => (Some(day), None),
            NamedDay::Other => (None, Some(until_words)),
        };
        let expires = row
            .value(Field::Expires)
            .map(|words| read_list_date(list, &words, context))
            .transpose()?
            .flatten()
            .and_then(DateOrNever::date);
        let number = |field| row.value(field).and_then(|words| first_number(&words));
        let position = number(Field::Position).filter(|position| *position > 0);
        let is_behind = |length: &u32| position.is_none_or(|position| position <= *length);
        Ok(Self {
            id,
            title,
            author,
            state,
            position,
            queue_length: number(Field::QueueLength).filter(is_behind),
            pickup_by: read_end(row.value(Field::PickupBy), context)?
                .or(until.filter(|_| state == HoldState::Ready)),
            suspended_until: read_end(row.value(Field::SuspendedUntil), context)?
                .or(until.filter(|_| state == HoldState::Suspended)),
            expires,
            pickup_branch: row.value(Field::PickupBranch),
            digital: false,
            note: row.value(Field::Note).or(unknown_words).or(other_day),
            url,
        })
    }
}

/// Reads a date of a list.
fn read_list_date<E>(
    list: &ListDescription<E>,
    words: &str,
    context: &ReadContext<'_>,
) -> Result<Option<DateOrNever>, Failure> {
    if list.takes_first_date {
        first_date(words, context).map(|(date, _)| date)
    } else {
        read_date(words, context)
    }
}

struct Work {
    id: String,
    title: String,
    author: Option<String>,
    url: Option<String>,
}

fn read_work(row: &Row<'_>, context: &ReadContext<'_>) -> Result<Work, Failure> {
    let title = row
        .value(Field::Title)
        .ok_or_else(|| Failure::page_changed("a row without a title"))?;
    let author = row.value(Field::Author);
    let id = row
        .value(Field::Id)
        .map_or_else(|| work_id(&title, author.as_deref()), |id| site_id(&id));
    let url = row
        .value(Field::Link)
        .and_then(|href| lasting_link(&href, context.base_url));
    Ok(Work {
        id,
        title,
        author,
        url,
    })
}

/// Resolves a link that lasts: one with a session's id does not, and one that is relative to its page can't be resolved
/// without the page's address.
fn lasting_link(href: &str, base: &Url) -> Option<String> {
    let href = href.trim();
    let is_whole = href.starts_with('/') || href.contains("://");
    let has_session = [";jsessionid=", "CSId=", "phpsessid="].iter().any(|name| {
        href.to_ascii_lowercase()
            .contains(&name.to_ascii_lowercase())
    });
    let url = web_link(href, base).filter(|_| is_whole && !has_session);
    url.map(String::from)
}

/// Reads a hold's state. A word for “ready” counts only if it describes the present.
fn read_state(words: &str, states: &[(HoldState, &[&str])], is_at_beginning: bool) -> HoldState {
    let words = words.to_lowercase();
    let means = |(state, known): &&(HoldState, &[&str])| {
        known.iter().any(|known| {
            let around = if is_at_beginning {
                let after = words.strip_prefix(known);
                let after = after.filter(|after| !after.starts_with(char::is_alphabetic));
                after.map(|after| ("", after))
            } else {
                text_around_words(&words, &[known])
            };
            around.is_some_and(|(before, after)| {
                *state != HoldState::Ready || is_ready_now(before, after)
            })
        })
    };
    let state = states.iter().find(means);
    state.map_or(HoldState::Other, |(state, _)| *state)
}
