//! The labels of a card's last day.

/// The labels that catalogues print in several languages. A longer one that ends with another needs no entry.
pub(crate) const CARD_EXPIRY: &[&str] = &[
    "exp date",
    "exp. date",
    "expiration date",
    "expiration",
    "expiry date",
    "expires",
    "expires on",
    "expire le",
    "fecha de vencimiento",
    "fecha de expiración",
    "fecha de caducidad",
    "fecha exp",
    "fecha exp.",
    "fecha venc",
    "fecha venc.",
    "gültig bis",
    "data di scadenza",
    "有效日期",
    "到期日",
];
