//! Mutants that give a wrong account undetected, and why.

/// A class of mutants that change the account without leaving a trace.
#[derive(Debug)]
pub(crate) struct KnownSurvivor {
    /// The prefix of the account's name.
    account: &'static str,
    /// The prefix of the change's description.
    change: &'static str,
    /// The difference to the original account; `*` for any.
    difference: &'static str,
    /// Why it can't be detected.
    #[allow(dead_code, reason = "documentation in the list")]
    why: &'static str,
}

impl KnownSurvivor {
    /// Whether it is one of a system's.
    pub(crate) fn is_of(&self, system: &str) -> bool {
        self.account.split(' ').next() == Some(system)
    }
}

/// Survivors on the demo library's pages; the test asserts that each of them still survives.
pub(crate) const KNOWN: &[KnownSurvivor] = &[
    KnownSurvivor {
        account: "bibliotheca",
        change: "cell emptied (no class)",
        difference: "other holds",
        why: "a hold that waits has an empty cell in place of the word that it's ready",
    },
    KnownSurvivor {
        account: "bibliocommons",
        change: "value emptied (entities.checkouts.#.actions",
        difference: "other loans",
        why: "`renew` among a loan's actions is the only sign that it may be renewed; a list without it is what every other loan has",
    },
    KnownSurvivor {
        account: "bibliocommons",
        change: "key dropped (entities.checkouts.#.actions.#",
        difference: "other loans",
        why: "the same: one action less",
    },
    KnownSurvivor {
        account: "sierra",
        change: "all pages of another patron",
        difference: "*",
        why: "Sierra prints the patron's record, which we do not know, never the card's number; mixed pages of two patrons are detected",
    },
    KnownSurvivor {
        account: "sierra",
        change: "cell emptied (patFuncMark)",
        difference: "other loans",
        why: "a loan that can't be renewed has an empty cell in place of its checkbox",
    },
    KnownSurvivor {
        account: "sierra",
        change: "input dropped (renew",
        difference: "other loans",
        why: "the same",
    },
    KnownSurvivor {
        account: "sierra",
        change: "attribute renamed (checked)",
        difference: "other holds",
        why: "only the ticked box distinguishes a frozen hold from a waiting one",
    },
    KnownSurvivor {
        account: "sierra",
        change: "attribute removed (checked)",
        difference: "other holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "sierra",
        change: "one attribute removed (checked of input)",
        difference: "other holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "sierra",
        change: "cell emptied (patFuncFreeze)",
        difference: "other holds",
        why: "a hold that cannot be frozen has an empty cell in place of the box",
    },
    KnownSurvivor {
        account: "sierra",
        change: "column dropped (5)",
        difference: "other holds",
        why: "a site where holds cannot be frozen has no such column",
    },
    KnownSurvivor {
        account: "enterprise older",
        change: "row dropped",
        difference: "fewer loans",
        why: "older Enterprise prints no totals",
    },
    KnownSurvivor {
        account: "enterprise older",
        change: "tr dropped",
        difference: "fewer loans",
        why: "the same",
    },
    KnownSurvivor {
        account: "enterprise older",
        change: "row dropped",
        difference: "fewer holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "enterprise older",
        change: "tr dropped",
        difference: "fewer holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "enterprise newer",
        change: "row dropped",
        difference: "fewer holds",
        why: "newer Enterprise prints the total of the loans only",
    },
    KnownSurvivor {
        account: "enterprise newer",
        change: "tr dropped",
        difference: "fewer holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "enterprise",
        change: "a page of another patron",
        difference: "*",
        why: "Enterprise doesn't print whose lists it shows",
    },
    KnownSurvivor {
        account: "enterprise",
        change: "all pages of another patron",
        difference: "*",
        why: "the same",
    },
    KnownSurvivor {
        account: "horizon",
        change: "cell dropped (no class)",
        difference: "fewer holds",
        why: "no page of holds is known, and so no total of them: a row or a table that is not recognised goes unnoticed",
    },
    KnownSurvivor {
        account: "horizon",
        change: "cell emptied (no class)",
        difference: "fewer holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "horizon",
        change: "column dropped (0)",
        difference: "fewer holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "horizon",
        change: "head dropped",
        difference: "fewer holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "horizon",
        change: "head emptied",
        difference: "fewer holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "horizon",
        change: "head hollow",
        difference: "fewer holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "horizon",
        change: "row dropped",
        difference: "fewer holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "horizon",
        change: "row hollow",
        difference: "fewer holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "horizon",
        change: "table dropped (tableBackground",
        difference: "fewer holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "horizon",
        change: "a page of another patron",
        difference: "*",
        why: "Horizon prints the patron's name only",
    },
    KnownSurvivor {
        account: "horizon",
        change: "all pages of another patron",
        difference: "*",
        why: "the same",
    },
    KnownSurvivor {
        account: "horizon",
        change: "a dropped (boldWhiteFont2)",
        difference: "other holds",
        why: "in a list without a column for the state, every hold waits",
    },
    KnownSurvivor {
        account: "horizon",
        change: "cell emptied (no class)",
        difference: "other holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "horizon",
        change: "column dropped (2)",
        difference: "other holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "horizon",
        change: "row dropped",
        difference: "other holds",
        why: "the same, if the row of the headers is missing",
    },
    KnownSurvivor {
        account: "horizon",
        change: "cell emptied (no class)",
        difference: "other loans",
        why: "a loan that can't be renewed has no box",
    },
    KnownSurvivor {
        account: "polaris",
        change: "column dropped (3)",
        difference: "other loans",
        why: "in a list without the renewals that are left, a loan with a box can be renewed",
    },
    KnownSurvivor {
        account: "koha",
        change: "all pages of another patron",
        difference: "*",
        why: "Koha prints the patron's record, which we do not know, never the card's number; mixed pages of two patrons are detected",
    },
    KnownSurvivor {
        account: "koha",
        change: "class removed (automatic-renewal)",
        difference: "other loans",
        why: "an automatic renewal is printed in the place of the reason against a renewal; only a class distinguishes them",
    },
    KnownSurvivor {
        account: "koha",
        change: "class renamed (automatic-renewal)",
        difference: "other loans",
        why: "the same",
    },
    KnownSurvivor {
        account: "koha older blocked",
        change: "one attribute removed (class of span)",
        difference: "other loans",
        why: "the same, and the same for the cost of a renewal",
    },
    KnownSurvivor {
        account: "koha newer blocked",
        change: "one attribute removed (class of span)",
        difference: "other loans",
        why: "the same",
    },
    KnownSurvivor {
        account: "symphony-ws",
        change: "a page of another patron",
        difference: "*",
        why: "the answer to the login names the patron's record; saved records alone don't say whose card it is",
    },
    KnownSurvivor {
        account: "symphony-ws",
        change: "all pages of another patron",
        difference: "*",
        why: "the same",
    },
    KnownSurvivor {
        account: "symphony-ws",
        change: "key dropped (fields.blockList.#)",
        difference: "other fines",
        why: "the interface states no totals",
    },
    KnownSurvivor {
        account: "symphony-ws",
        change: "key dropped (fields.circRecordList.#)",
        difference: "fewer loans",
        why: "the same",
    },
    KnownSurvivor {
        account: "symphony-ws",
        change: "key dropped (fields.holdRecordList.#)",
        difference: "fewer holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "symphony-ws",
        change: "value emptied (fields.blockList)",
        difference: "other fines",
        why: "the same; an empty list states that there are none",
    },
    KnownSurvivor {
        account: "symphony-ws",
        change: "value emptied (fields.circRecordList)",
        difference: "fewer loans",
        why: "the same",
    },
    KnownSurvivor {
        account: "symphony-ws",
        change: "value emptied (fields.holdRecordList)",
        difference: "fewer holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "symphony-ws",
        change: "value null (fields.circRecordList.#.fields.dueDate)",
        difference: "other loans",
        why: "null means a loan without end",
    },
    KnownSurvivor {
        account: "symphony-ws",
        change: "value null (fields.circRecordList.#.fields.renewalCount)",
        difference: "other loans",
        why: "null means that it was never renewed",
    },
    KnownSurvivor {
        account: "vufind-de",
        change: "count changed",
        difference: "other loans",
        why: "how often a loan was renewed is confirmed by nothing; `VuFind` has no tables, so that the number stands anywhere",
    },
    KnownSurvivor {
        account: "vufind-de",
        change: "count changed",
        difference: "other holds",
        why: "the same for the place in the queue",
    },
    KnownSurvivor {
        account: "winbiap",
        change: "count changed",
        difference: "other loans",
        why: "how often a loan was renewed is confirmed by nothing; it is in a row of details",
    },
    KnownSurvivor {
        account: "winbiap",
        change: "count changed",
        difference: "other holds",
        why: "the same for the place in the queue",
    },
];

/// Additional survivors on the recorded pages.
pub(crate) const RECORDED: &[KnownSurvivor] = &[
    KnownSurvivor {
        account: "vufind-de recorded haan",
        change: "div dropped (recordHAAN",
        difference: "fewer loans",
        why: "the page states no total",
    },
    KnownSurvivor {
        account: "vufind-de recorded kreisre-ebook",
        change: "attribute removed (disabled)",
        difference: "other loans",
        why: "only the box tells whether a loan can be renewed",
    },
    KnownSurvivor {
        account: "vufind-de recorded kreisre-ebook",
        change: "attribute renamed (disabled)",
        difference: "other loans",
        why: "the same",
    },
    KnownSurvivor {
        account: "vufind-de recorded kreisre-ebook",
        change: "div dropped (alert-renew)",
        difference: "other loans",
        why: "the words why a loan can't be renewed are optional",
    },
    KnownSurvivor {
        account: "winbiap recorded geltendorf",
        change: "row dropped",
        difference: "fewer loans",
        why: "the page states no total",
    },
    KnownSurvivor {
        account: "winbiap recorded geltendorf",
        change: "row hollow",
        difference: "fewer loans",
        why: "the same",
    },
    KnownSurvivor {
        account: "winbiap recorded guetersloh-reslist",
        change: "cell emptied (no class)",
        difference: "other holds",
        why: "a library with one branch leaves the place of pick-up out",
    },
    KnownSurvivor {
        account: "winbiap recorded guetersloh-reslist",
        change: "column dropped (3)",
        difference: "other holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "winbiap recorded guetersloh-reslist",
        change: "span dropped (",
        difference: "other holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "bibliotheca recorded",
        change: "count changed",
        difference: "another expiry",
        why: "the card's last day is printed in words, so that its day looks like a count",
    },
    KnownSurvivor {
        account: "enterprise recorded",
        change: "row dropped",
        difference: "fewer loans",
        why: "recorded from the older Enterprise, which prints no totals",
    },
    KnownSurvivor {
        account: "enterprise recorded",
        change: "tr dropped",
        difference: "fewer loans",
        why: "the same",
    },
    KnownSurvivor {
        account: "enterprise recorded",
        change: "row dropped",
        difference: "fewer holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "enterprise recorded",
        change: "tr dropped",
        difference: "fewer holds",
        why: "the same",
    },
    KnownSurvivor {
        account: "sierra recorded",
        change: "row dropped",
        difference: "fewer loans",
        why: "recorded tables were cut out of their pages, without the row that holds the total",
    },
    KnownSurvivor {
        account: "sierra recorded",
        change: "tr dropped",
        difference: "fewer loans",
        why: "the same",
    },
    KnownSurvivor {
        account: "sierra recorded loan-renewed-once",
        change: "cell emptied (no class)",
        difference: "other loans",
        why: "an older page: the cell of the checkbox, as above",
    },
];

/// Additional survivors with two changes, which one change alone doesn't cause.
const TWICE: &[KnownSurvivor] = &[
    KnownSurvivor {
        account: "enterprise",
        change: "row doubled",
        difference: "more holds",
        why: "a doubled row is detected, but two rows that differ count as two; Enterprise prints no total of the holds",
    },
    KnownSurvivor {
        account: "enterprise older",
        change: "row hollow",
        difference: "fewer loans",
        why: "a row without its class and without cells is ignored; older Enterprise prints no totals",
    },
    KnownSurvivor {
        account: "sierra",
        change: "cell emptied (xpatFuncFreeze)",
        difference: "other holds",
        why: "a cell without its box, as above, under another name",
    },
];

/// Returns the index of the survivor that explains a wrong account, in [`KNOWN`], then [`RECORDED`], then [`TWICE`].
/// With two changes, one match is enough.
pub(crate) fn find_survivor(account: &str, change: &str, difference: &str) -> Option<usize> {
    let is_twice = change.contains(" + ");
    let twice = TWICE.iter().filter(|_| is_twice);
    KNOWN.iter().chain(RECORDED).chain(twice).position(|known| {
        account.starts_with(known.account)
            && change
                .split(" + ")
                .any(|change| !known.change.is_empty() && change.starts_with(known.change))
            && (known.difference == "*" || difference == known.difference)
    })
}
