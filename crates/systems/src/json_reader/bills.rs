//! Adds up what a patron owes.

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
        let sum = bill
            .text(description.sum)?
            .ok_or_else(|| Failure::page_changed("a bill without a sum"))?;
        total = Decimal::from_str_exact(sum.trim())
            .ok()
            .and_then(|sum| total.checked_add(sum))
            .ok_or_else(|| Failure::page_changed("a bill whose sum is no amount"))?;
        let code = bill.text(description.currency)?;
        match (currency, code.filter(|code| is_currency(code))) {
            (Some(one), Some(other)) if one != other => {
                return Err(Failure::page_changed("bills in two currencies"));
            }
            (_, code) => currency = currency.or(code),
        }
        messages.extend(bill.words(description.message)?);
    }
    Ok(Balance {
        fines: Some(total),
        currency: currency.map(str::to_owned),
    })
}

fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}
