//! Reports what an import did or would do.

use serde::Serialize;

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferPart {
    /// A library.
    Library,
    /// A family.
    Family,
    /// A card.
    Card,
    /// A notice.
    Notice,
}

/// How many records of one kind were added, completed or left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// They were new.
    pub added: usize,
    /// They were stored already and took what was newer.
    pub completed: usize,
    /// They were the same or newer.
    pub unchanged: usize,
    /// They differ or can't be added, so they stay as they are.
    pub different: usize,
}

/// A record that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// Its kind.
    pub part: TransferPart,
    /// Its id; its key for a notice.
    pub id: String,
    /// The reason, as the rest of a sentence.
    pub reason: String,
}

/// The result of an import or of its dry run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// The libraries.
    pub libraries: Tally,
    /// The families.
    pub families: Tally,
    /// The cards.
    pub cards: Tally,
    /// The notices.
    pub notices: Tally,
    /// What differs. A family that differs stands for its cards and notices.
    pub differences: Vec<Difference>,
}

impl ImportReport {
    fn tally(&mut self, part: TransferPart) -> &mut Tally {
        match part {
            TransferPart::Library => &mut self.libraries,
            TransferPart::Family => &mut self.families,
            TransferPart::Card => &mut self.cards,
            TransferPart::Notice => &mut self.notices,
        }
    }

    pub(super) fn add_difference(
        &mut self,
        part: TransferPart,
        id: impl ToString,
        reason: impl Into<String>,
    ) {
        self.tally(part).different += 1;
        self.differences.push(Difference {
            part,
            id: id.to_string(),
            reason: reason.into(),
        });
    }

    pub(super) fn merge(&mut self, other: Self) {
        for part in [
            TransferPart::Library,
            TransferPart::Family,
            TransferPart::Card,
            TransferPart::Notice,
        ] {
            let more = *other.clone().tally(part);
            let tally = self.tally(part);
            tally.added += more.added;
            tally.completed += more.completed;
            tally.unchanged += more.unchanged;
            tally.different += more.different;
        }
        self.differences.extend(other.differences);
    }
}
