//! Adds up what a patron owes: the interface lists each bill as a block.

use hippo_browser::reading::tidy;
use hippo_core::failure::Failure;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::records::OfPatron;
use super::values::Reference;

/// The fields of a block.
#[derive(Debug, Deserialize)]
pub(super) struct Block {
    patron: Option<Reference>,
    owed: Option<Sum>,
    comment: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sum {
    currency_code: Option<String>,
    amount: String,
}

/// The patron's debt.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Balance {
    /// `None` if the record has no list of blocks.
    pub(super) fines: Option<Decimal>,
    /// The ISO 4217 code of its currency, if there is a bill.
    pub(super) currency: Option<String>,
}

impl OfPatron for Block {
    fn patron_key(&self) -> Option<&str> {
        self.patron.as_ref()?.key.as_deref()
    }
}

impl Block {
    /// Returns the library's words about the block.
    pub(super) fn comment(&self) -> Option<String> {
        let comment = self.comment.as_deref().map(tidy);
        comment.filter(|words| !words.is_empty())
    }
}

/// Adds up the blocks. Sums in two currencies are `page_changed`.
pub(super) fn add_up(blocks: Option<&[(String, Block)]>) -> Result<Balance, Failure> {
    let Some(blocks) = blocks else {
        return Ok(Balance::default());
    };
    let mut balance = Balance {
        fines: Some(Decimal::new(0, 2)),
        currency: None,
    };
    for (_, block) in blocks {
        let owed = block
            .owed
            .as_ref()
            .ok_or_else(|| Failure::page_changed("a bill without a sum"))?;
        let sum = Decimal::from_str_exact(owed.amount.trim()).ok();
        balance.fines = sum.and_then(|sum| balance.fines?.checked_add(sum));
        if balance.fines.is_none() {
            return Err(Failure::page_changed("a bill whose sum is no amount"));
        }
        let code = owed
            .currency_code
            .as_deref()
            .filter(|code| is_currency(code));
        match (&balance.currency, code) {
            (None, Some(code)) => balance.currency = Some(code.to_owned()),
            (Some(one), Some(other)) if one != other => {
                return Err(Failure::page_changed("bills in two currencies"));
            }
            _ => {}
        }
    }
    Ok(balance)
}

fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}
