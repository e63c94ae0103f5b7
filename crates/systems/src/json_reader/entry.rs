//! Builds a loan or a hold from an entry of its list.

use std::borrow::Cow;

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::{join_title, site_id, tidy, work_id};
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::Failure;

use super::description::EntriesDescription;
use super::value::{JsonObject, Path};
use crate::list_reader::Field;

/// The states that codes mean.
pub(super) type States = [(HoldState, &'static [&'static str])];

/// An entry of a list.
pub(crate) trait JsonEntry: Sized {
    /// What a list of them holds, in a failure's words.
    const WHAT: &'static str;

    /// Builds the entry from what its fields say.
    fn from_fields(fields: &EntryFields<'_>, states: &States) -> Result<Self, Failure>;

    fn id(&self) -> &str;
}

/// An entry, with the paths of its fields.
pub(crate) struct EntryFields<'a> {
    entry: JsonObject<'a>,
    /// Its id, if the list has its entries by their ids.
    id: Option<&'a str>,
    paths: &'static [(Field, Path)],
}

impl<'a> EntryFields<'a> {
    fn paths(&self, field: Field) -> impl Iterator<Item = Path> {
        let paths = self.paths.iter().filter(move |(of, _)| *of == field);
        paths.map(|(_, path)| *path)
    }

    /// Returns the value of the field's first path that has one.
    fn first<T>(
        &self,
        field: Field,
        get: impl Fn(JsonObject<'a>, Path) -> Result<Option<T>, Failure>,
    ) -> Result<Option<T>, Failure> {
        for path in self.paths(field) {
            if let Some(value) = get(self.entry, path)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn words(&self, field: Field) -> Result<Option<String>, Failure> {
        self.first(field, JsonObject::words)
    }

    fn date(&self, field: Field) -> Result<Option<NaiveDate>, Failure> {
        self.first(field, JsonObject::date)
    }

    fn count(&self, field: Field) -> Result<Option<u32>, Failure> {
        self.first(field, JsonObject::known_count)
    }

    /// Returns a place in a queue or its length. 0 is none.
    fn place(&self, field: Field) -> Result<Option<u32>, Failure> {
        Ok(self.count(field)?.filter(|place| *place > 0))
    }

    /// Returns the first title that has words. The subtitle belongs to the first path's.
    fn title(&self) -> Result<String, Failure> {
        for (index, path) in self.paths(Field::Title).enumerate() {
            let title = tidy(&self.entry.words(path)?.unwrap_or_default());
            if !title.is_empty() {
                let subtitle = self.words(Field::Subtitle)?.filter(|_| index == 0);
                return Ok(join_title(&title, &subtitle.unwrap_or_default()));
            }
        }
        Err(Failure::page_changed("an entry without a title"))
    }

    /// Returns the author, or the first of a list.
    fn author(&self) -> Result<Option<String>, Failure> {
        let author = self
            .first(Field::Author, JsonObject::first_words)?
            .map(|author| tidy(&author));
        Ok(author.filter(|author| !author.is_empty()))
    }

    /// Returns the code of an entry's state.
    fn state_code(&self) -> Result<Option<String>, Failure> {
        self.words(Field::State)
    }

    /// Returns the first id that isn't empty, or a hash of the work.
    fn id(&self, title: &str, author: Option<&str>) -> Result<String, Failure> {
        let id = match self.id {
            Some(id) => Some(Cow::Borrowed(id)),
            None => self.first(Field::Id, |entry, path| {
                let id = entry.text(path)?;
                Ok(id.filter(|id| !id.trim().is_empty()))
            })?,
        };
        Ok(id.map_or_else(|| work_id(title, author), |id| site_id(id.trim())))
    }
}

/// Reads an entry of a list, with the code of its state, which is empty without one. `None` for one that counts no more.
pub(super) fn read_entry<E: JsonEntry>(
    list: &EntriesDescription<E>,
    entry: JsonObject<'_>,
    id: Option<&str>,
    context: &ReadContext<'_>,
    messages: &mut Vec<String>,
) -> Result<Option<(String, E)>, Failure> {
    if let Some((path, value)) = list.ignored
        && entry.text(path)?.as_deref() == Some(value)
    {
        return Ok(None);
    }
    let fields = EntryFields {
        entry,
        id,
        paths: list.fields,
    };
    let mut read = E::from_fields(&fields, list.states)?;
    messages.extend((list.complete)(&mut read, entry, context)?);
    let code = fields.state_code()?.unwrap_or_default();
    Ok(Some((code, read)))
}

impl JsonEntry for Loan {
    const WHAT: &'static str = "loans";

    fn from_fields(fields: &EntryFields<'_>, _states: &States) -> Result<Self, Failure> {
        let title = fields.title()?;
        let author = fields.author()?;
        // A loan whose due date is null has no end.
        fields
            .first(Field::Due, |entry, path| Ok(entry.has(path)?.then_some(())))?
            .ok_or_else(|| Failure::page_changed("a loan without a due date"))?;
        Ok(Self {
            id: fields.id(&title, author.as_deref())?,
            title,
            author,
            due: fields.date(Field::Due)?,
            renewals: fields.count(Field::Renewals)?,
            renewable: None,
            renewable_reason: None,
            digital: false,
            format: fields.words(Field::Format)?,
            note: fields.words(Field::Note)?,
            url: None,
        })
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl JsonEntry for Hold {
    const WHAT: &'static str = "holds";

    fn from_fields(fields: &EntryFields<'_>, states: &States) -> Result<Self, Failure> {
        let title = fields.title()?;
        let author = fields.author()?;
        let code = fields
            .state_code()?
            .ok_or_else(|| Failure::page_changed("a hold without a state"))?;
        let state = states.iter().find(|(_, codes)| codes.contains(&&*code));
        let unknown_code = || state.is_none().then(|| make_readable(&code));
        Ok(Self {
            id: fields.id(&title, author.as_deref())?,
            title,
            author,
            state: state.map_or(HoldState::Other, |(state, _)| *state),
            position: fields.place(Field::Position)?,
            queue_length: fields.place(Field::QueueLength)?,
            pickup_by: fields.date(Field::PickupBy)?,
            suspended_until: fields.date(Field::SuspendedUntil)?,
            expires: fields.date(Field::Expires)?,
            pickup_branch: fields.words(Field::PickupBranch)?,
            digital: false,
            note: fields.words(Field::Note)?.or_else(unknown_code),
            url: None,
        })
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// Makes a code readable: `CLAIMED_RETURNED` becomes “Claimed returned”.
pub(crate) fn make_readable(code: &str) -> String {
    let words = code.replace('_', " ").to_lowercase();
    let mut rest = words.chars();
    let first = rest.next().into_iter().flat_map(char::to_uppercase);
    first.chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TITLES: &[(Field, Path)] = &[
        (Field::Title, "work.title"),
        (Field::Title, "own"),
        (Field::Subtitle, "work.subtitle"),
        (Field::State, "state"),
        (Field::Id, "key"),
    ];

    fn read(entry: &serde_json::Value, id: Option<&str>) -> Result<Hold, Failure> {
        let fields = EntryFields {
            entry: JsonObject::from_value(entry).unwrap(),
            id,
            paths: TITLES,
        };
        Hold::from_fields(&fields, &[(HoldState::Ready, &["READY"])])
    }

    #[test]
    fn subtitle_goes_with_the_first_title_only() {
        let entry = json!({"work": {"title": "Tides :", "subtitle": "a walk /"}, "own": "X", "state": "READY"});
        assert_eq!(read(&entry, None).unwrap().title, "Tides: a walk");
        let entry = json!({"work": {"title": " ", "subtitle": "a walk"}, "own": "X: a walk", "state": "READY"});
        assert_eq!(read(&entry, None).unwrap().title, "X: a walk");
    }

    #[test]
    fn unknown_state_is_told_in_readable_words() {
        let hold = read(&json!({"own": "X", "state": "AT_THE_BINDER"}), None).unwrap();
        assert_eq!(hold.state, HoldState::Other);
        assert_eq!(hold.note.as_deref(), Some("At the binder"));
        assert!(read(&json!({"own": "X", "state": ""}), None).is_err());
    }

    #[test]
    fn id_of_the_list_counts_before_the_entrys_own() {
        let entry = json!({"own": "X", "state": "READY", "key": " 7 "});
        assert_eq!(read(&entry, Some("8")).unwrap().id, "8");
        assert_eq!(read(&entry, None).unwrap().id, "7");
    }
}
