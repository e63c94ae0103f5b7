//! The phrases of a description, which a recording for a bug report keeps.

use hippo_browser::Phrase::{self, Anywhere, Beginning, OfPerson, Script, Whole};
use hippo_browser::reading::{
    NEVER_PHRASES, WORDS_NEGATING_READY_AFTER, WORDS_NEGATING_READY_BEFORE, WORDS_OF_A_CONDITION,
};
use hippo_core::account::HoldState;

use super::column::{Field, Part, Place, WHOLE};
use super::count::{CREDIT, NOTHING_OWED};
use super::date::UNTIL;
use super::date_setting::DateSetting;
use super::description::{AccountDescription, Count, Fact, ListDescription, ListMark};
use super::login::LoginDescription;
use super::login_words::{
    BLOCKABLE, BLOCKED, CREDENTIALS, LOCKED, NEW_PIN, OF_THE_REQUEST, OUTAGES, REFUSALS,
};
use super::sentence::{BEGINNINGS, FILLERS};
use super::state_signs::StateSign;
use super::words::OF_RENEWAL;

/// Lists the words of an account's and a login's description.
pub(super) fn phrases(account: &AccountDescription, login: &LoginDescription) -> Vec<Phrase> {
    let mut phrases: Vec<_> = NEVER_PHRASES.into_iter().map(Anywhere).collect();
    for list in &account.loans {
        add_list(list, &mut phrases);
    }
    for list in &account.holds {
        add_list(list, &mut phrases);
    }
    let unread = account.unread.iter().flat_map(|fact| fact.words);
    phrases.extend(unread.map(|words| Phrase::Count(words)));
    let counts = account.loan_counts.iter().chain(&account.hold_counts);
    let facts = [&account.fines, &account.card_expires, &account.number];
    let facts = facts.into_iter().flatten();
    for Fact { words, .. } in facts {
        phrases.extend(words.iter().map(|words| OfPerson(words)));
    }
    for Fact { words, .. } in counts.flat_map(|Count(facts)| facts.iter()) {
        phrases.extend(words.iter().map(|words| Phrase::Count(words)));
    }
    let DateSetting { names, formats } = account.date_format;
    // A recording keeps names alone: `dformat`, not `var dformat`.
    let names = names
        .iter()
        .map(|name| name.trim_start_matches("var ").trim_end_matches(':'));
    let values = formats
        .iter()
        .flat_map(|(values, _)| values.iter().copied());
    phrases.extend(names.chain(values).map(Script));
    let words = NOTHING_OWED.iter().chain(CREDIT);
    phrases.extend(words.map(|words| Anywhere(words)));
    phrases.extend(login_phrases(login));
    phrases
}

/// Lists the words of a login's description, and those of any login.
pub(crate) fn login_phrases(login: &LoginDescription) -> impl Iterator<Item = Phrase> {
    let own = [login.refused, login.blocked, login.outages];
    let of_any: [&[&'static str]; 8] = [
        &LOCKED,
        &OUTAGES,
        &OF_THE_REQUEST,
        &NEW_PIN,
        &CREDENTIALS,
        &REFUSALS,
        &BLOCKABLE,
        &BLOCKED,
    ];
    let words = own.into_iter().chain(of_any).flatten();
    words.map(|words| Anywhere(words))
}

fn add_list<E>(list: &ListDescription<E>, phrases: &mut Vec<Phrase>) {
    for column in &list.columns {
        if let Place::Header(words) | Place::Cell(_, words) = column.place {
            let words = words.iter().map(|words| words.trim_start_matches(WHOLE));
            phrases.extend(words.map(Anywhere));
        }
        if let Place::Column(column) = column.place {
            phrases.extend(column.headers.iter().map(Beginning));
        }
        let is_count = matches!(column.field, Field::Renewals | Field::Position);
        match column.part {
            Part::After(words) | Part::LineAfter(words) if is_count => {
                phrases.extend(words.iter().map(|words| Phrase::Count(words)));
            }
            Part::After(words) | Part::LineAfter(words) => {
                phrases.extend(words.iter().map(|words| Anywhere(words)));
            }
            Part::LineBeginning(words) => {
                phrases.extend(words.iter().map(|words| Beginning(words)));
            }
            Part::Count { after, before } => {
                let words = after.iter().chain(before);
                phrases.extend(words.map(|words| Phrase::Count(words)));
            }
            _ => {}
        }
    }
    let identified_by = list.identified_by.iter().filter_map(|sign| match sign {
        ListMark::Header(words) | ListMark::Heading(words) => Some(*words),
        _ => None,
    });
    for words in identified_by.chain([list.none]) {
        phrases.extend(words.iter().map(|words| Anywhere(words)));
    }
    if list.blank_page.is_some() {
        let words = FILLERS.iter().chain(&BEGINNINGS).map(|words| words.trim());
        let things = list.none.iter().filter_map(|none| none.strip_prefix("no "));
        phrases.extend(words.chain(["you"]).chain(things).map(Anywhere));
    }
    if list.has_column(Field::NotRenewable) {
        let words = OF_RENEWAL.into_iter().flatten();
        phrases.extend(words.map(|words| Anywhere(words)));
    }
    if list.has_column(Field::Until) {
        phrases.extend(UNTIL.map(Anywhere));
    }
    if list
        .states
        .iter()
        .any(|(state, _)| *state == HoldState::Ready)
    {
        let negating = WORDS_NEGATING_READY_BEFORE
            .iter()
            .chain(&WORDS_NEGATING_READY_AFTER)
            .chain(&WORDS_OF_A_CONDITION);
        phrases.extend(negating.map(|words| Anywhere(words)));
    }
    for (_, sign) in &list.state_signs {
        if let StateSign::Beginning(beginnings) = sign {
            phrases.extend(beginnings.iter().map(Beginning));
        }
    }
    if let Some(renewal) = &list.renewal {
        let words = [renewal.bare_refusal_words, renewal.automatic_words];
        phrases.extend(words.into_iter().flat_map(|words| words.iter()).map(Whole));
    }
    if let Some(words) = &list.status {
        let words = words.due.iter().chain(words.events).chain(&words.renewals);
        phrases.extend(words.map(|words| Anywhere(words)));
    }
    let keep = if list.states_begin {
        Beginning
    } else {
        Anywhere
    };
    for (_, words) in list.other_states {
        let words = words.iter().map(|words| words.trim_start_matches(WHOLE));
        phrases.extend(words.map(keep));
    }
    phrases.extend(list.due_events.iter().map(|words| Anywhere(words)));
    let states = list.states.iter().flat_map(|(_, words)| *words);
    phrases.extend(states.map(|words| match words.strip_prefix(WHOLE) {
        Some(whole) => Whole(whole),
        None => keep(words),
    }));
    phrases.extend(list.total.iter().map(|words| Phrase::Count(words)));
}
