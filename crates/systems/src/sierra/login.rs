//! The login form, of CAS or the older catalogue, and its message.

use std::sync::LazyLock;

use hippo_browser::reading::Css;

use crate::list_reader::LoginDescription;

/// CAS's form, and the older catalogue's own, which may be at the top of any page.
pub(super) static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    form: Css::new("#fm1 input[name=code], #fm1 #ipssonewpin, #fm1 input[name=pin1]"),
    other_form: Some(Css::new(
        "form:has(input[name=code]):has(input[name=pin], input[name=name])",
    )),
    number: &["=code"],
    pin: &["=pin"],
    name: &["=name"],
    messages: Css::new("#status.errors, #fm1 .errors, .errormessage, #ipssonewpin"),
    has_only_errors: true,
    refused: &[
        "information you submitted was invalid",
        "invalid account information",
        "cannot locate your record",
    ],
    blocked: &["problem with your library record"],
    outages: &[
        // The staff or the system is using the patron's record.
        "record is in use by",
        "cas is unavailable",
        "system is unavailable",
        "system is not available",
        "not available at this time",
    ],
    ..LoginDescription::default()
});
