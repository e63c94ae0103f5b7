//! What a person who is known already may see now.

use super::grant::{Grant, PersonId};
use crate::email_address::EmailAddress;
use crate::store::{FamilyStore, StoreResult};

/// Finds what a person may see; `None`: the person is no recipient and no operator.
pub async fn find_grant(
    families: &(impl FamilyStore + ?Sized),
    operators: &[EmailAddress],
    person: &PersonId,
) -> StoreResult<Option<Grant>> {
    let is_person = |address: &EmailAddress| PersonId::from_address(address) == *person;
    let families = families.families().await?.into_iter();
    let families: Vec<_> = families
        .filter(|family| family.recipients.iter().any(is_person))
        .map(|family| family.id)
        .collect();
    let is_operator = operators.iter().any(is_person);
    Ok((is_operator || !families.is_empty()).then(|| Grant {
        person: person.clone(),
        families,
        is_operator,
    }))
}
