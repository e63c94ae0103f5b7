//! Builds DynamoDB's expressions: conditions, updates and queries.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{Attributes, number};

/// An expression over attributes, written `#name` and `:value`.
#[derive(Debug, Clone, Default)]
pub(super) struct Expression {
    text: String,
    values: Vec<(&'static str, AttributeValue)>,
}

impl Expression {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            values: Vec::new(),
        }
    }

    #[must_use]
    pub(super) fn value(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.values.push((name, value));
        self
    }

    /// The condition that the item exists.
    pub(super) fn exists() -> Self {
        Self::new("attribute_exists(#pk)")
    }

    /// The condition that the item doesn't exist.
    pub(super) fn absent() -> Self {
        Self::new("attribute_not_exists(#pk)")
    }

    /// The condition that the item still has this revision.
    pub(super) fn unchanged(revision: u64) -> Self {
        Self::new("#revision = :revision").value(":revision", number(revision))
    }

    /// The expression's text. `None` if it is empty.
    pub(super) fn text(&self) -> Option<String> {
        (!self.text.is_empty()).then(|| self.text.clone())
    }
}

/// The attribute names in these expressions. Each `#name` means the attribute `name`, so DynamoDB's
/// reserved words don't matter.
pub(super) fn names(expressions: &[&Expression]) -> Option<HashMap<String, String>> {
    let names: HashMap<String, String> = expressions
        .iter()
        .flat_map(|expression| expression.text.split('#').skip(1))
        .map(|rest| {
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            let name = rest.get(..end).unwrap_or_default();
            (format!("#{name}"), name.to_owned())
        })
        .collect();
    (!names.is_empty()).then_some(names)
}

/// The values of these expressions.
pub(super) fn values(expressions: &[&Expression]) -> Option<Attributes> {
    let values: Attributes = expressions
        .iter()
        .flat_map(|expression| &expression.values)
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    (!values.is_empty()).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholder_means_the_attribute_of_its_name() {
        let change = Expression::new("SET #data = :data, #back_off_until = :until");
        let condition = Expression::unchanged(7);
        let names = names(&[&change, &condition]).unwrap();
        let expected = ["data", "back_off_until", "revision"];
        assert_eq!(names.len(), expected.len());
        for name in expected {
            assert_eq!(names.get(&format!("#{name}")).unwrap(), name);
        }
        assert_eq!(values(&[&change, &condition]).unwrap().len(), 1);
    }
}
