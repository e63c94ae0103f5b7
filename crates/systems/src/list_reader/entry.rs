//! Builds a loan or a hold from its row.

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    DateOrNever, first_number, has_happened, is_ready_now, site_id, text_after_words,
    text_around_words, web_link, work_id,
};
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::Failure;
use url::Url;

use super::column::{Field, WHOLE};
use super::date::{NamedDay, NamedDays, first_date, read_date, read_end, read_named_day};
use super::description::ListDescription;
use super::row::Row;
use super::state_signs::find_state;

/// An entry of a list.
pub(crate) trait Entry: Sized {
    /// What a list of them holds, in a failure's words.
    const WHAT: &'static str;

    /// Builds the entry from what its columns say.
    fn from_row(
        row: &Row<'_>,
        list: &'static ListDescription<Self>,
        context: &ReadContext<'_>,
    ) -> Result<Self, Failure>;

    /// Takes back that the entry waits, whose row lacks the control that others have.
    fn doubt_waiting(&mut self, _row: &Row<'_>) {}
}

impl Entry for Loan {
    const WHAT: &'static str = "loans";

    fn from_row(
        row: &Row<'_>,
        list: &'static ListDescription<Self>,
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
        let mut event = None;
        let due = if let Some(status) = &status {
            status.due
        } else if list.has_column(Field::Due) {
            let words = row.value(Field::Due).unwrap_or_default();
            match read_list_date(list, &words, context)? {
                Some(due) => due,
                None if text_after_words(&words, list.due_events).is_some() => {
                    event = Some(words);
                    DateOrNever::Never
                }
                None => return Err(Failure::page_changed("a loan without a due date")),
            }
        } else {
            DateOrNever::Never
        };
        let has = |field| row.value(field).is_some();
        let renewable = if has(Field::NotRenewable) {
            Some(false)
        } else {
            has(Field::Renewable).then_some(true)
        };
        let renewal = list.renewal.as_ref().zip(row.element_of(Field::Renewal));
        let renewal = renewal.map(|(renewal, cell)| renewal.read(cell));
        let renewal = renewal.unwrap_or_default();
        let renewable = renewable.or(renewal.is_offered);
        let reason = row.value(Field::RenewalReason).or(renewal.reason);
        let reason = reason.filter(|_| renewable == Some(false));
        let note = row.value(Field::Note);
        let note = note.or(status.as_ref().and_then(|status| status.note.clone()));
        let note = note.filter(|note| Some(note) != reason.as_ref());
        let notes: Vec<String> = event.into_iter().chain(note).chain(renewal.note).collect();
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
            note: Some(notes.join(" ")).filter(|note| !note.is_empty()),
            renewable_reason: reason,
            url,
        })
    }
}

impl Entry for Hold {
    const WHAT: &'static str = "holds";

    fn from_row(
        row: &Row<'_>,
        list: &'static ListDescription<Self>,
        context: &ReadContext<'_>,
    ) -> Result<Self, Failure> {
        let Work {
            id,
            title,
            author,
            url,
        } = read_work(row, context)?;
        let words = row.value(Field::State).unwrap_or_default();
        let days = row.value(Field::Days).unwrap_or_default();
        let days = NamedDays::read(&days, context)?;
        let state = find_state(&list.state_signs, row, &words, !days.is_empty())
            .unwrap_or_else(|| read_list_state(&words, list));
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
            .or_else(|| {
                row.value(Field::ExpiresIfWaiting)
                    .filter(|_| state == HoldState::Waiting)
            })
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
                .or(until.filter(|_| state == HoldState::Ready))
                .or(days.pickup_by(state)),
            suspended_until: read_end(row.value(Field::SuspendedUntil), context)?
                .or(until.filter(|_| state == HoldState::Suspended))
                .or(days.suspended_until(state)),
            expires,
            pickup_branch: row.value(Field::PickupBranch).or_else(|| {
                row.value(Field::Branch)
                    .filter(|_| state == HoldState::Ready)
            }),
            digital: false,
            note: row.value(Field::Note).or(unknown_words).or(other_day),
            url,
        })
    }

    fn doubt_waiting(&mut self, row: &Row<'_>) {
        if self.state == HoldState::Waiting {
            self.state = HoldState::Other;
            self.note = row.value(Field::State);
        }
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
    // One column may have both.
    let is_both = |author: &String| *author == title && title.contains('/');
    let author = row.value(Field::Author).filter(|author| !is_both(author));
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

/// Reads a hold's state by the words of its list, or else by those of other languages.
fn read_list_state(words: &str, list: &ListDescription<Hold>) -> HoldState {
    match read_state(words, list.states, list.states_begin) {
        HoldState::Other => {
            let words = words.replace('\u{2019}', "'");
            read_state(&words, list.other_states, list.states_begin)
        }
        state => state,
    }
}

/// Reads a hold's state. A word for “ready” counts only if it describes the present, and one for [`HoldState::Other`]
/// if it says what happened. `=available` are all the words.
fn read_state(words: &str, states: &[(HoldState, &[&str])], is_at_beginning: bool) -> HoldState {
    let words = words.to_lowercase();
    let means = |(state, known): &&(HoldState, &[&str])| {
        known.iter().any(|known| {
            if let Some(whole) = known.strip_prefix(WHOLE) {
                return words.trim().trim_end_matches('.') == whole;
            }
            let around = if is_at_beginning {
                let after = words.strip_prefix(known);
                let after = after.filter(|after| !after.starts_with(char::is_alphabetic));
                after.map(|after| ("", after))
            } else {
                text_around_words(&words, &[known])
            };
            around.is_some_and(|(before, after)| match state {
                HoldState::Ready => is_ready_now(before, after),
                HoldState::Other => has_happened(before, after),
                _ => true,
            })
        })
    };
    let state = states.iter().find(means);
    state.map_or(HoldState::Other, |(state, _)| *state)
}
