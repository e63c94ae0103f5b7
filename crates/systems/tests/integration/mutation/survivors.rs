//! The mutants that nobody could see through, by name, and why.

/// A class of mutants that say something else, and cannot be told.
#[derive(Debug)]
pub(crate) struct Known {
    /// How the account's name begins.
    account: &'static str,
    /// How what was done begins.
    done: &'static str,
    /// What it says then; `*` for whatever it is.
    lie: &'static str,
    /// Why that cannot be seen.
    #[allow(dead_code, reason = "for who reads the list")]
    why: &'static str,
}

/// Of the demo library's pages; each of them is seen by the test to survive.
pub(crate) const KNOWN: [Known; 23] = [
    Known {
        account: "bibliocommons",
        done: "value emptied (entities.checkouts.#.actions",
        lie: "other loans",
        why: "`renew` among a loan's actions is the only sign that it may be renewed; a list without it is what every other loan has",
    },
    Known {
        account: "bibliocommons",
        done: "key dropped (entities.checkouts.#.actions.#",
        lie: "other loans",
        why: "the same: one action less",
    },
    Known {
        account: "sierra",
        done: "all pages of another patron",
        lie: "*",
        why: "Sierra prints the patron's record, which we do not know, never the card's number; pages of two patrons are told",
    },
    Known {
        account: "sierra",
        done: "cell emptied (patFuncMark)",
        lie: "other loans",
        why: "a loan that is not to be renewed has an empty cell in place of its checkbox",
    },
    Known {
        account: "sierra",
        done: "input dropped (renew",
        lie: "other loans",
        why: "the same",
    },
    Known {
        account: "sierra",
        done: "attribute renamed (checked)",
        lie: "other holds",
        why: "only the tick in its box tells a frozen hold from one that waits",
    },
    Known {
        account: "sierra",
        done: "attribute removed (checked)",
        lie: "other holds",
        why: "the same",
    },
    Known {
        account: "sierra",
        done: "one attribute removed (checked of input)",
        lie: "other holds",
        why: "the same",
    },
    Known {
        account: "sierra",
        done: "cell emptied (patFuncFreeze)",
        lie: "other holds",
        why: "a hold that cannot be frozen has an empty cell in place of the box",
    },
    Known {
        account: "sierra",
        done: "column dropped (5)",
        lie: "other holds",
        why: "a site where holds cannot be frozen has no such column",
    },
    Known {
        account: "enterprise older",
        done: "row dropped",
        lie: "fewer loans",
        why: "older Enterprise prints no totals",
    },
    Known {
        account: "enterprise older",
        done: "tr dropped",
        lie: "fewer loans",
        why: "the same",
    },
    Known {
        account: "enterprise older",
        done: "row dropped",
        lie: "fewer holds",
        why: "the same",
    },
    Known {
        account: "enterprise older",
        done: "tr dropped",
        lie: "fewer holds",
        why: "the same",
    },
    Known {
        account: "enterprise newer",
        done: "row dropped",
        lie: "fewer holds",
        why: "newer Enterprise prints the total of the loans only",
    },
    Known {
        account: "enterprise newer",
        done: "tr dropped",
        lie: "fewer holds",
        why: "the same",
    },
    Known {
        account: "enterprise",
        done: "a page of another patron",
        lie: "*",
        why: "Enterprise prints nothing that tells whose its lists are",
    },
    Known {
        account: "enterprise",
        done: "all pages of another patron",
        lie: "*",
        why: "the same",
    },
    Known {
        account: "koha",
        done: "all pages of another patron",
        lie: "*",
        why: "Koha prints the patron's record, which we do not know, never the card's number; pages of two patrons are told",
    },
    Known {
        account: "koha",
        done: "class removed (automatic-renewal)",
        lie: "other loans",
        why: "that the library renews an item by itself stands where it says why it is not renewed; only a class tells them apart",
    },
    Known {
        account: "koha",
        done: "class renamed (automatic-renewal)",
        lie: "other loans",
        why: "the same",
    },
    Known {
        account: "koha older blocked",
        done: "one attribute removed (class of span)",
        lie: "other loans",
        why: "the same; and that of what a renewal costs",
    },
    Known {
        account: "koha newer blocked",
        done: "one attribute removed (class of span)",
        lie: "other loans",
        why: "the same",
    },
];

/// Besides, of the recorded pages.
pub(crate) const RECORDED: [Known; 7] = [
    Known {
        account: "enterprise recorded",
        done: "row dropped",
        lie: "fewer loans",
        why: "recorded from the older Enterprise, which prints no totals",
    },
    Known {
        account: "enterprise recorded",
        done: "tr dropped",
        lie: "fewer loans",
        why: "the same",
    },
    Known {
        account: "enterprise recorded",
        done: "row dropped",
        lie: "fewer holds",
        why: "the same",
    },
    Known {
        account: "enterprise recorded",
        done: "tr dropped",
        lie: "fewer holds",
        why: "the same",
    },
    Known {
        account: "sierra recorded",
        done: "row dropped",
        lie: "fewer loans",
        why: "recorded tables were cut out of their pages, without the row that holds the total",
    },
    Known {
        account: "sierra recorded",
        done: "tr dropped",
        lie: "fewer loans",
        why: "the same",
    },
    Known {
        account: "sierra recorded loan-renewed-once",
        done: "cell emptied (no class)",
        lie: "other loans",
        why: "an older page: the cell of the checkbox, as above",
    },
];

/// Besides, of pages that were changed twice: what one change alone would not do.
const TWICE: [Known; 3] = [
    Known {
        account: "enterprise",
        done: "row doubled",
        lie: "more holds",
        why: "a row that is there twice is seen, but two rows that differ are two; Enterprise prints no total of the holds",
    },
    Known {
        account: "enterprise older",
        done: "row hollow",
        lie: "fewer loans",
        why: "a row without its class and without cells is none; older Enterprise prints no totals",
    },
    Known {
        account: "sierra",
        done: "cell emptied (xpatFuncFreeze)",
        lie: "other holds",
        why: "a cell without its box, as above, under another name",
    },
];

/// Which of the known survivors this is, of [`KNOWN`], then of [`RECORDED`], then of those of two changes; of
/// two, one will do.
pub(crate) fn explains(account: &str, done: &str, lie: &str) -> Option<usize> {
    let is_twice = done.contains(" + ");
    let twice = TWICE.iter().filter(|_| is_twice);
    KNOWN
        .iter()
        .chain(&RECORDED)
        .chain(twice)
        .position(|known| {
            account.starts_with(known.account)
                && done.split(" + ").any(|done| done.starts_with(known.done))
                && (known.lie == "*" || lie == known.lie)
        })
}
