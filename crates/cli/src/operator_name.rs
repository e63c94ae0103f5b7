//! Who gives a command.

/// The variables that name the person, the most telling first: behind `sudo`, `USER` is another.
const VARIABLES: [&str; 4] = ["SUDO_USER", "USER", "LOGNAME", "USERNAME"];

/// The longest name that is kept, in characters.
const MAX_NAME_CHARS: usize = 64;

/// Returns the name of the person's account on this machine.
pub(crate) fn operator_name() -> String {
    name_from(|variable| std::env::var(variable).ok())
}

fn name_from(lookup: impl Fn(&str) -> Option<String>) -> String {
    let names = VARIABLES.iter().filter_map(|variable| lookup(variable));
    names
        .map(|name| hippo_core::text::clean(&name))
        .find(|name| !name.is_empty())
        .map_or_else(
            || "somebody".to_owned(),
            |name| name.chars().take(MAX_NAME_CHARS).collect(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_variable_with_a_name_counts() {
        let name = |set: &[(&str, &str)]| {
            name_from(|variable| {
                let found = set.iter().find(|(name, _)| *name == variable);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(name(&[("USER", "root"), ("SUDO_USER", "ana")]), "ana");
        assert_eq!(name(&[("USER", " "), ("LOGNAME", "a\x1bna")]), "ana");
        assert_eq!(name(&[]), "somebody");
        assert_eq!(name(&[("USER", &"é".repeat(99))]), "é".repeat(64));
    }
}
