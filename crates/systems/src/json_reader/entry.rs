//! Builds a loan or a hold from an entry of its list.

use chrono::NaiveDate;
use hippo_browser::reading::{site_id, tidy, work_id};
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::Failure;

use super::value::{JsonObject, Path};
use crate::list_reader::Field;

/// The states that codes mean.
type States = [(HoldState, &'static [&'static str])];

/// An entry of a list.
pub(super) trait JsonEntry: Sized {
    /// What a list of them holds, in a failure's words.
    const WHAT: &'static str;

    /// Builds the entry from what its fields say.
    fn from_fields(fields: &EntryFields<'_>, states: &States) -> Result<Self, Failure>;
}

/// An entry, with the paths of its fields.
pub(super) struct EntryFields<'a> {
    entry: JsonObject<'a>,
    paths: &'static [(Field, Path)],
}

impl<'a> EntryFields<'a> {
    pub(super) fn new(entry: JsonObject<'a>, paths: &'static [(Field, Path)]) -> Self {
        Self { entry, paths }
    }

    /// Returns the value of the field's first path that has one.
    fn first<T>(
        &self,
        field: Field,
        get: impl Fn(JsonObject<'a>, Path) -> Result<Option<T>, Failure>,
    ) -> Result<Option<T>, Failure> {
        for (_, path) in self.paths.iter().filter(|(of, _)| *of == field) {
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
        self.first(field, JsonObject::count)
    }

    /// Returns a place in a queue or its length. 0 is none.
    fn place(&self, field: Field) -> Result<Option<u32>, Failure> {
        Ok(self.count(field)?.filter(|place| *place > 0))
    }

    fn title(&self) -> Result<String, Failure> {
        self.words(Field::Title)?
            .ok_or_else(|| Failure::page_changed("an entry without a title"))
    }

    /// Returns the first id that isn't empty, or a hash of the work.
    fn id(&self, title: &str, author: Option<&str>) -> Result<String, Failure> {
        let id = self.first(Field::Id, |entry, path| {
            let id = entry.text(path)?.map(str::trim);
            Ok(id.filter(|id| !id.is_empty()))
        })?;
        Ok(id.map_or_else(|| work_id(title, author), site_id))
    }
}

impl JsonEntry for Loan {
    const WHAT: &'static str = "loans";

    fn from_fields(fields: &EntryFields<'_>, _states: &States) -> Result<Self, Failure> {
        let title = fields.title()?;
        let author = fields.words(Field::Author)?;
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
}

impl JsonEntry for Hold {
    const WHAT: &'static str = "holds";

    fn from_fields(fields: &EntryFields<'_>, states: &States) -> Result<Self, Failure> {
        let title = fields.title()?;
        let author = fields.words(Field::Author)?;
        let code = fields
            .first(Field::State, JsonObject::text)?
            .ok_or_else(|| Failure::page_changed("a hold without a state"))?;
        let state = states.iter().find(|(_, codes)| codes.contains(&code));
        let unknown_code = || state.is_none().then(|| tidy(code));
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
}
