//! `hippo completions`: a script for a shell, and the ids that it offers.

use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::Shell;
use hippo_core::run::Job;

use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::print;

/// Print a completion script for a shell.
///
/// That of bash completes ids too: families, libraries, cards, labels and runs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo completions bash >~/.local/share/bash-completion/completions/hippo
  hippo completions zsh >~/.zfunc/_hippo")]
pub(crate) struct Completions {
    /// The shell.
    #[arg(required_unless_present = "ids")]
    pub(crate) shell: Option<Shell>,
    /// Print the ids of this kind, one a line; the script of bash asks for them.
    #[arg(
        long,
        value_enum,
        value_name = "KIND",
        hide = true,
        conflicts_with = "shell"
    )]
    pub(crate) ids: Option<IdKind>,
}

/// What an id is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IdKind {
    /// The families of the home or the stack.
    Family,
    /// Its libraries.
    Library,
    /// The libraries that come with the program.
    Known,
    /// Its cards.
    Card,
    /// The labels of its runs.
    Label,
    /// Its last runs.
    Run,
}

/// Prints the script.
pub(crate) fn run(shell: Shell) {
    let mut script = Vec::new();
    let mut command = crate::args::Args::command();
    clap_complete::generate(shell, &mut command, "hippo", &mut script);
    print(&String::from_utf8_lossy(&script));
    if shell == Shell::Bash {
        print(BASH_IDS);
    }
}

/// Prints the ids of a kind.
pub(crate) async fn print_ids(kind: IdKind, globals: &Globals) -> CommandResult {
    let ids = match kind {
        IdKind::Known => hippo_systems::known::known_libraries()
            .into_iter()
            .map(|library| library.id)
            .collect(),
        kind => ids_of(kind, &globals.open().await?).await?,
    };
    for id in ids {
        print(&format!("{id}\n"));
    }
    Ok(Outcome::Done)
}

/// How many runs of each label are offered.
const RUNS: usize = 5;

async fn ids_of(kind: IdKind, context: &Context) -> Result<Vec<String>, CommandError> {
    let mut ids = Vec::new();
    match kind {
        IdKind::Known => {}
        IdKind::Library => {
            let libraries = context.store.libraries().await?;
            ids.extend(libraries.iter().map(|library| library.id.to_string()));
        }
        IdKind::Family | IdKind::Card => {
            for family in context.store.families().await? {
                if kind == IdKind::Family {
                    ids.push(family.id.to_string());
                } else {
                    let cards = context.store.cards_of(&family.id).await?;
                    ids.extend(cards.iter().map(|record| record.card.id.to_string()));
                }
            }
        }
        IdKind::Label | IdKind::Run => {
            for job in Job::ALL {
                let runs = context.store.newest_of_each_label(job, RUNS).await?;
                ids.extend(runs.iter().map(|run| match kind {
                    IdKind::Label => run.key.label.to_string(),
                    _ => run.key.to_string(),
                }));
            }
        }
    }
    ids.sort();
    ids.dedup();
    Ok(ids)
}

/// What the script of bash has beside what clap writes: ids, as the home has them now.
const BASH_IDS: &str = r#"
# Ids, as the home or the stack has them now.
_hippo_with_ids() {
    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" kind="" line
    case "$before" in
        --family) kind=family ;;
        --library) kind=library ;;
        --card) kind=card ;;
        --label) kind=label ;;
    esac
    if [[ -z "$kind" && "$word" != -* ]]; then
        case "${COMP_WORDS[*]:1:COMP_CWORD-1}" in
            "family edit"|"family pause"|"family remove") kind=family ;;
            "family add-recipient"|"family remove-recipient"|"family allow-recipient") kind=family ;;
            "notices resend") kind=family ;;
            "library add") kind=known ;;
            "library edit"|"library remove") kind=library ;;
            "card set-pin"|"card retry"|"card pause"|"card remove") kind=card ;;
            "runs show") kind=run ;;
        esac
    fi
    if [[ -n "$kind" ]]; then
        COMPREPLY=()
        while IFS= read -r line; do
            [[ "$line" == "$word"* ]] && COMPREPLY+=("$line")
        done < <("${COMP_WORDS[0]}" completions --ids "$kind" 2>/dev/null)
        return 0
    fi
    _hippo "$@"
}

complete -F _hippo_with_ids -o nosort -o bashdefault -o default hippo 2>/dev/null ||
    complete -F _hippo_with_ids -o bashdefault -o default hippo
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_whose_id_is_completed_takes_one() {
        let root = crate::args::Args::command();
        let paths: Vec<&str> = BASH_IDS
            .lines()
            .filter(|line| line.contains(") kind=") && line.contains('"'))
            .flat_map(|line| line.split('"').skip(1).step_by(2))
            .collect();
        assert_eq!(paths.len(), 15);
        for path in paths {
            let mut command = &root;
            for name in path.split(' ') {
                let found = command.find_subcommand(name);
                command = found.unwrap_or_else(|| panic!("there is no {path}"));
            }
            assert!(command.get_positionals().next().is_some(), "{path}");
        }
    }
}
