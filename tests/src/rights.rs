//! The rights of the functions' roles, read from `tests/template/rights.txt`. The template's tests compare that
//! file with SAM's output.

use std::path::Path;

/// The rights of one role.
#[derive(Debug)]
pub struct Rights(Vec<Statement>);

#[derive(Debug)]
struct Statement {
    actions: Vec<String>,
    resources: Vec<String>,
    leading_keys: Vec<String>,
}

impl Rights {
    /// Reads the rights of a role of the template, such as `CheckCardsRole`.
    pub fn for_role(role: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("template/rights.txt");
        let text = std::fs::read_to_string(path).expect("the table of rights");
        let head = format!("{role}, taken by");
        let mut statements: Vec<Statement> = Vec::new();
        let lines = text.lines().skip_while(|line| !line.starts_with(&head));
        for line in lines.skip(1).take_while(|line| !line.is_empty()) {
            let (depth, words) = (line.len() - line.trim_start().len(), line.trim());
            if depth == 2 {
                statements.push(Statement {
                    actions: words.split(", ").map(str::to_owned).collect(),
                    resources: Vec::new(),
                    leading_keys: Vec::new(),
                });
            } else if let Some(statement) = statements.last_mut() {
                if let Some(resource) = words.strip_prefix("on ") {
                    statement.resources.push(resource.to_owned());
                } else if let Some((_, keys)) = words.split_once("dynamodb:LeadingKeys = ")
                    && words.starts_with("when ForAllValues:")
                {
                    statement.leading_keys = keys.split(" | ").map(str::to_owned).collect();
                }
            }
        }
        assert!(!statements.is_empty(), "no role {role} in rights.txt");
        Self(statements)
    }

    /// Whether the role may take this action on items of this partition.
    pub fn allow(&self, action: &str, partition: &str) -> bool {
        self.allow_on("Table.Arn", action, partition)
    }

    /// Whether the role may take this action on this resource: the table, or one of its indexes.
    pub fn allow_on(&self, resource: &str, action: &str, partition: &str) -> bool {
        self.0.iter().any(|statement| {
            statement.actions.iter().any(|allowed| allowed == action)
                && statement.resources.iter().any(|on| on == resource)
                && (statement.leading_keys.is_empty()
                    || statement.leading_keys.iter().any(|pattern| {
                        pattern.strip_suffix('*').map_or_else(
                            || pattern == partition,
                            |beginning| partition.starts_with(beginning),
                        )
                    }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_allows_only_its_own_actions_and_partitions() {
        let rights = Rights::for_role("CheckCardsRole");
        assert!(rights.allow("dynamodb:GetItem", "RUN#check-cards#all"));
        assert!(!rights.allow("dynamodb:GetItem", "RUN#notify-all#tick"));
        assert!(!rights.allow("dynamodb:DeleteItem", "RUN#check-cards#all"));
        assert!(Rights::for_role("CheckCardRole").allow("dynamodb:BatchGetItem", "SECRET#1"));
        assert!(!Rights::for_role("NotifyFamilyRole").allow("dynamodb:GetItem", "SECRET#1"));
        let rights = Rights::for_role("WebPagesRole");
        let index = "Table.Arn/index/cards-to-check";
        assert!(
            rights.allow_on(index, "dynamodb:Query", "0"),
            "in all partitions"
        );
        assert!(!rights.allow_on("Table.Arn", "dynamodb:Query", "0"));
        let rights = Rights::for_role("MailEventsRole");
        assert!(rights.allow("dynamodb:PutItem", "OPERATOR"));
        assert!(!rights.allow("dynamodb:PutItem", "FAMILY#conrad"));
        let rights = Rights::for_role("NotifyFamilyRole");
        let index = "Table.Arn/index/listing";
        assert!(rights.allow_on(index, "dynamodb:Query", "LIBRARY"));
        assert!(!rights.allow_on(index, "dynamodb:Query", "FAMILY#conrad"));
    }
}
