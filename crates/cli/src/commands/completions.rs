//! `hippo completions`: completion scripts for shells, and the ids that they offer.

use clap::{Args, ValueEnum};
use clap_complete::Shell;
use hippo_core::run::JobName;

use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::print;

/// Print a completion script for a shell.
///
/// Bash, zsh and fish also complete the ids of families, libraries, cards, labels and runs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo completions bash >~/.local/share/bash-completion/completions/hippo
  hippo completions zsh >~/.zfunc/_hippo
  hippo completions fish >~/.config/fish/completions/hippo.fish")]
pub(crate) struct Completions {
    /// The shell.
    #[arg(required_unless_present = "ids")]
    pub(crate) shell: Option<Shell>,
    /// Print the ids of this kind, one per line. The scripts use it.
    #[arg(
        long,
        value_enum,
        value_name = "KIND",
        hide = true,
        conflicts_with = "shell"
    )]
    pub(crate) ids: Option<IdKind>,
}

/// A kind of id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IdKind {
    Family,
    Library,
    /// The built-in libraries.
    Catalogue,
    Card,
    Label,
    Run,
}

/// Prints the script.
pub(crate) fn run(shell: Shell, command: clap::Command) {
    print(&script(shell, command));
}

/// Prints the ids of a kind.
pub(crate) async fn print_ids(kind: IdKind, globals: &Globals) -> CommandResult {
    let ids = match kind {
        IdKind::Catalogue => hippo_systems::catalogue::libraries()
            .into_iter()
            .map(|library| library.id)
            .collect(),
        kind => load_ids(kind, &globals.open().await?).await?,
    };
    for id in ids {
        print(&format!("{id}\n"));
    }
    Ok(Outcome::Done)
}

/// How many runs of each label are offered.
const MAX_RUNS_PER_LABEL: usize = 5;

async fn load_ids(kind: IdKind, context: &Context) -> Result<Vec<String>, CommandError> {
    let mut ids = Vec::new();
    match kind {
        IdKind::Catalogue => {}
        IdKind::Library => {
            let libraries = context.store.libraries().await?;
            ids.extend(libraries.iter().map(|library| library.id.to_string()));
        }
        IdKind::Family | IdKind::Card => {
            for family in context.store.families().await? {
                if kind == IdKind::Family {
                    ids.push(family.id.to_string());
                } else {
                    let cards = context.store.family_cards(&family.id).await?;
                    ids.extend(cards.iter().map(|record| record.card.id.to_string()));
                }
            }
        }
        IdKind::Label | IdKind::Run => {
            for job in JobName::all() {
                if kind == IdKind::Label {
                    ids.extend(context.deployment.declared_labels(job));
                }
                let runs = context
                    .store
                    .newest_runs_by_label(job, MAX_RUNS_PER_LABEL)
                    .await?;
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

/// The options whose values are ids, and the kind of each.
const ID_OPTIONS: [(&str, &str); 3] = [
    ("family", "family"),
    ("library", "library"),
    ("label", "label"),
];

/// The commands whose first argument is an id, and the kind of each.
pub(super) const ID_ARGUMENTS: [(&str, &str); 23] = [
    ("family edit", "family"),
    ("family pause", "family"),
    ("family remove", "family"),
    ("family add-recipient", "family"),
    ("family remove-recipient", "family"),
    ("family allow-recipient", "family"),
    ("feed add", "family"),
    ("feed list", "family"),
    ("feed revoke", "family"),
    ("feed write", "family"),
    ("notices resend", "family"),
    ("library add", "catalogue"),
    ("library edit", "library"),
    ("library remove", "library"),
    ("card check", "card"),
    ("card record", "card"),
    ("card set-pin", "card"),
    ("card retry", "card"),
    ("card pause", "card"),
    ("card remove", "card"),
    ("runs show", "run"),
    ("schedule pause", "label"),
    ("schedule resume", "label"),
];

/// Generates a shell's script; those of bash, zsh and fish look up ids when they complete.
pub(super) fn script(shell: Shell, mut command: clap::Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "hippo", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => script + &with_cases(BASH_IDS),
        // Zsh calls the function of this name.
        Shell::Zsh => script.replacen(
            "\n_hippo() {",
            &(with_cases(ZSH_IDS) + "_hippo_words() {"),
            1,
        ),
        Shell::Fish => script + &fish_ids(),
        _ => script,
    }
}

/// Fills the options and commands into a script of bash or zsh.
fn with_cases(script: &str) -> String {
    let cases = |indent: &str, all: &[(&str, &str)], prefix: &str| -> String {
        all.iter()
            .map(|(name, kind)| format!("{indent}\"{prefix}{name}\") kind={kind} ;;\n"))
            .collect()
    };
    script
        .replace("OPTIONS\n", &cases("        ", &ID_OPTIONS, "--"))
        .replace("ARGUMENTS\n", &cases("            ", &ID_ARGUMENTS, ""))
}

/// Extends clap's script of bash.
const BASH_IDS: &str = r#"
# Ids, as the home or the stack has them now.
_hippo_with_ids() {
    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" kind="" line
    case "$before" in
OPTIONS
    esac
    if [[ -z "$kind" && "$word" != -* ]]; then
        case "${COMP_WORDS[*]:1:COMP_CWORD-1}" in
ARGUMENTS
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

/// Extends clap's script of zsh, before its function.
const ZSH_IDS: &str = r#"
# Ids, as the home or the stack has them now.
_hippo() {
    local kind="" before="${words[CURRENT-1]}"
    local -a ids
    case "$before" in
OPTIONS
    esac
    if [[ -z "$kind" && "${words[CURRENT]}" != -* ]]; then
        case "${(j: :)words[2,CURRENT-1]}" in
ARGUMENTS
        esac
    fi
    if [[ -n "$kind" ]]; then
        ids=("${(@f)$("${words[1]}" completions --ids "$kind" 2>/dev/null)}")
        compadd -a ids
        return
    fi
    _hippo_words "$@"
}

"#;

/// Extends clap's script of fish.
fn fish_ids() -> String {
    let ids = |kind: &str| format!("-a '(__hippo_ids {kind})'");
    let mut script = FISH_IDS.to_owned();
    for (option, kind) in ID_OPTIONS {
        script.push_str(&format!("complete -c hippo -l {option} -x {}\n", ids(kind)));
    }
    for (path, kind) in ID_ARGUMENTS {
        script.push_str(&format!(
            "complete -c hippo -n '__hippo_is_after {path}' -f {}\n",
            ids(kind)
        ));
    }
    script
}

const FISH_IDS: &str = r#"
# Ids, as the home or the stack has them now.
function __hippo_ids
    set -l words (commandline -opc)
    $words[1] completions --ids $argv[1] 2>/dev/null
end
function __hippo_is_after
    set -l words (commandline -opc)
    set -e words[1]
    test "$words" = "$argv"
end
"#;
