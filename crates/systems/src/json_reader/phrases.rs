//! The phrases of a description, which a recording for a bug report keeps.

use hippo_browser::Phrase::{self, Whole};

use super::description::{Codes, EntriesDescription, RecordDescription, Refusal, StateDescription};
use crate::list_reader::login_phrases;

/// Lists the codes of a description.
pub(crate) fn phrases(description: &RecordDescription) -> Vec<Phrase> {
    let mut codes = description.blocked.1.to_vec();
    add_list(&description.loans, &mut codes);
    add_list(&description.holds, &mut codes);
    for Refusal { codes: known, .. } in description.refusals.known {
        if let Codes::Are(known) = known {
            codes.extend(known.iter());
        }
    }
    codes.into_iter().map(Whole).collect()
}

/// Lists the codes of a description, and the words of its login form.
pub(crate) fn state_phrases(description: &StateDescription) -> Vec<Phrase> {
    let mut codes = Vec::new();
    add_list(&description.loans.entries, &mut codes);
    add_list(&description.holds.entries, &mut codes);
    let codes = codes.into_iter().map(Whole);
    codes.chain(login_phrases(description.login)).collect()
}

fn add_list<E>(list: &EntriesDescription<E>, codes: &mut Vec<&'static str>) {
    codes.extend(list.ignored.map(|(_, value)| value));
    codes.extend(list.states.iter().flat_map(|(_, codes)| codes.iter()));
}
