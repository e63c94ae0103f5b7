//! Adds up what a patron owes.

use std::borrow::Cow;

use hippo_core::failure::Failure;
use rust_decimal::Decimal;

use super::description::BillsDescription;
use super::value::JsonObject;

/// The patron's debt.
#[derive(Debug, Default)]
pub(super) struct Balance {
    /// `None` if the record has no list of bills.
    pub(super) fines: Option<Decimal>,
    /// The ISO 4217 code of its currency, if there is a bill.
    pub(super) currency: Option<String>,
}

/// Adds up the bills, and collects their messages. Sums in two currencies are `page_changed`.
pub(super) fn add_up(
    description: &BillsDescription,
    bills: Option<&[JsonObject<'_>]>,
    messages: &mut Vec<String>,
) -> Result<Balance, Failure> {
    let Some(bills) = bills else {
        return Ok(Balance::default());
    };
    let mut total = Decimal::new(0, 2);
    let mut currency = None;
    for bill in bills {
        let sum = bill.amount(description.sum)?;
        total = sum
            .and_then(|sum| total.checked_add(sum))
            .ok_or_else(|| Failure::page_changed("a bill without a sum"))?;
        let code = bill.text(description.currency)?;
        let code = code.filter(|code| is_currency(code));
        if let (Some(one), Some(other)) = (&currency, &code)
            && one != other
        {
            return Err(Failure::page_changed("bills in two currencies"));
        }
        currency = currency.or(code);
        messages.extend(bill.words(description.message)?);
    }
    Ok(Balance {
        fines: Some(total),
        currency: currency.map(Cow::into_owned),
    })
}

fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}
