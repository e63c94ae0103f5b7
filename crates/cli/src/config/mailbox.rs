//! Email addresses in the configuration.

use hippo_core::email_address::EmailAddress;
use hippo_core::mail::mime::Sender;

/// Parses the sender of emails; an error message completes a sentence after the file's path.
pub(crate) fn sender(
    from: &str,
    reply_to: Option<&str>,
    unsubscribe: Option<&str>,
) -> Result<Sender, String> {
    let (name, from) = mailbox("mail.from", from)?;
    let address = |key: &str, text: Option<&str>| match text {
        Some(text) => mailbox(key, text).map(|(_, address)| Some(address)),
        None => Ok(None),
    };
    let mut sender = Sender::new(from);
    if let Some(name) = name {
        sender.name = name;
    }
    sender.reply_to = address("mail.reply_to", reply_to)?;
    sender.unsubscribe = address("mail.unsubscribe", unsubscribe)?;
    Ok(sender)
}

/// Parses `Name <address>`, or an address alone.
pub(crate) fn mailbox(key: &str, text: &str) -> Result<(Option<String>, EmailAddress), String> {
    let malformed = || {
        format!(
            "has a malformed email address at “{key}”. Write it like hippo@example.org or LibraryHippo \
             <hippo@example.org>."
        )
    };
    let text = text.trim();
    let (name, address) = match text
        .strip_suffix('>')
        .and_then(|text| text.rsplit_once('<'))
    {
        Some((name, address)) => (
            hippo_core::text::clean(name.trim().trim_matches('"')),
            address,
        ),
        None => (String::new(), text),
    };
    let address = address.trim().parse().map_err(|_| malformed())?;
    Ok(((!name.is_empty()).then_some(name), address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("hippo@example.org", None, "hippo@example.org")]
    #[case(
        "LibraryHippo <hippo@example.org>",
        Some("LibraryHippo"),
        "hippo@example.org"
    )]
    #[case(
        "\"Hippo, the\" <hippo@localhost>",
        Some("Hippo, the"),
        "hippo@localhost"
    )]
    fn mailbox_has_an_optional_name(
        #[case] text: &str,
        #[case] name: Option<&str>,
        #[case] address: &str,
    ) {
        let (found, parsed) = mailbox("mail.from", text).unwrap();
        assert_eq!((found.as_deref(), parsed.as_str()), (name, address));
    }

    #[rstest]
    #[case("")]
    #[case("hippo")]
    #[case("Hippo <hippo@example.org")]
    #[case("Hippo <>")]
    fn malformed_mailbox_is_reported_by_its_key(#[case] text: &str) {
        let message = mailbox("mail.from", text).unwrap_err();
        assert!(message.contains("mail.from") && message.contains("hippo@example.org"));
    }
}
