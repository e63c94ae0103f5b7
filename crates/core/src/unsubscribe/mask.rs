//! Addresses for a page that anybody with the link can open.

use crate::email_address::EmailAddress;

/// Masks addresses: `p…@example.org`. Shows as many first letters as it takes to tell them apart.
pub fn mask_addresses(addresses: &[&EmailAddress]) -> Vec<String> {
    let longest = addresses.iter().map(|address| address.as_str().len()).max();
    let mut masked = Vec::new();
    for letters in 1..=longest.unwrap_or_default().max(1) {
        masked = addresses.iter().map(|one| mask(one, letters)).collect();
        let mut distinct: Vec<String> = masked.iter().map(|one| one.to_lowercase()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() == masked.len() {
            break;
        }
    }
    masked
}

/// Shows this many letters before the `@`.
fn mask(address: &EmailAddress, letters: usize) -> String {
    let (local, domain) = address.as_str().rsplit_once('@').unwrap_or_default();
    let shown: String = local.chars().take(letters).collect();
    match shown.len() < local.len() || letters == 1 {
        true => format!("{shown}…@{domain}"),
        false => format!("{shown}@{domain}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&["pat@example.org"], &["p…@example.org"])]
    #[case(&["p@example.org"], &["p…@example.org"])]
    #[case(&["pat@example.org", "sam@example.org"], &["p…@example.org", "s…@example.org"])]
    #[case(&["pat@example.org", "paul@example.org"], &["pat@example.org", "pau…@example.org"])]
    #[case(&["pat@example.org", "pat@example.net"], &["p…@example.org", "p…@example.net"])]
    #[case(&[], &[])]
    fn masked_addresses_stay_distinguishable(#[case] addresses: &[&str], #[case] masked: &[&str]) {
        let addresses: Vec<EmailAddress> =
            addresses.iter().map(|one| one.parse().unwrap()).collect();
        let addresses: Vec<&EmailAddress> = addresses.iter().collect();
        assert_eq!(mask_addresses(&addresses), masked);
    }
}
