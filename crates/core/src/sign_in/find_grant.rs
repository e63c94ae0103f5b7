//! What a person may see now.

use super::grant::{Grant, PersonId};
use crate::email_address::EmailAddress;
use crate::family::Family;
use crate::store::{FamilyStore, StoreResult};

/// Whether a person is a recipient of a family. Somebody whose emails stopped still is one.
pub fn is_recipient(family: &Family, person: &PersonId) -> bool {
    let mut recipients = family.recipients.iter();
    recipients.any(|address| PersonId::from_address(address) == *person)
}

/// Finds what a person may see; `None`: the person is neither a recipient nor an operator.
pub async fn find_grant(
    store: &(impl FamilyStore + ?Sized),
    operators: &[EmailAddress],
    person: &PersonId,
) -> StoreResult<Option<Grant>> {
    Ok(grant_among(&store.families().await?, operators, person))
}

/// What a person may see if these are all families.
pub(crate) fn grant_among(
    families: &[Family],
    operators: &[EmailAddress],
    person: &PersonId,
) -> Option<Grant> {
    let mut operators = operators.iter();
    let is_operator = operators.any(|address| PersonId::from_address(address) == *person);
    let families = families.iter();
    let families: Vec<_> = families
        .filter(|family| is_recipient(family, person))
        .map(|family| family.id.clone())
        .collect();
    (is_operator || !families.is_empty()).then(|| Grant {
        person: person.clone(),
        families,
        is_operator,
    })
}
