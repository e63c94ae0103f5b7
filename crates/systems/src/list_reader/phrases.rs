//! The phrases of a description, which a recording for a bug report keeps.

use hippo_browser::Phrase::{self, Anywhere, Beginning, OfPerson};

use super::column::{Column, Field, Part, Place};
use super::count::OWES_NOTHING;
use super::description::{AccountDescription, Count, Fact, ListDescription, ToldBy};
use super::login::{CREDENTIALS, LoginDescription, OF_THE_REQUEST, OUTAGES, REFUSALS};

/// Lists the words of an account's and a login's description.
pub(super) fn phrases(account: &AccountDescription, login: &LoginDescription) -> Vec<Phrase> {
    let mut phrases = Vec::new();
    for list in &account.loans {
        add_list(list, &mut phrases);
    }
    for list in &account.holds {
        add_list(list, &mut phrases);
    }
    let counts = account.loan_counts.iter().chain(&account.hold_counts);
    let facts = [&account.fines, &account.card_expires, &account.number];
    let facts = facts.into_iter().flatten();
    for Fact { words, .. } in facts {
        phrases.extend(words.iter().map(|words| OfPerson(words)));
    }
    for Fact { words, .. } in counts.flat_map(|Count(facts)| facts.iter()) {
        phrases.extend(words.iter().map(|words| Phrase::Count(words)));
    }
    let of_login = [login.refused, login.blocked, login.outages, OWES_NOTHING];
    let of_any_login: [&[&'static str]; 4] = [&CREDENTIALS, &REFUSALS, &OUTAGES, &OF_THE_REQUEST];
    for words in of_login.into_iter().chain(of_any_login) {
        phrases.extend(words.iter().map(|words| Anywhere(words)));
    }
    phrases
}

fn add_list<E>(list: &ListDescription<E>, phrases: &mut Vec<Phrase>) {
    let mut add = |words: &[&'static str]| {
        phrases.extend(words.iter().map(|words| Anywhere(words)));
    };
    for column in &list.columns {
        if let Place::Header(words) = column.place {
            add(words);
        }
        if let Part::After(words) | Part::LineAfter(words) = column.part {
            add(words);
        }
    }
    for column in &list.columns {
        match column.part {
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
    let is_count = |column: &&Column| matches!(column.field, Field::Renewals | Field::Position);
    for column in list.columns.iter().filter(is_count) {
        if let Part::After(words) | Part::LineAfter(words) = column.part {
            phrases.extend(words.iter().map(|words| Phrase::Count(words)));
        }
    }
    let mut add = |words: &[&'static str]| {
        phrases.extend(words.iter().map(|words| Anywhere(words)));
    };
    for sign in &list.told_by {
        if let ToldBy::Header(words) | ToldBy::Heading(words) = sign {
            add(words);
        }
    }
    add(list.none);
    for (_, words) in list.states {
        add(words);
    }
    phrases.extend(list.total.iter().map(|words| Phrase::Count(words)));
}
