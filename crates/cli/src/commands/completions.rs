//! `hippo completions`: a script for a shell.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::output::print;

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo completions bash >~/.local/share/bash-completion/completions/hippo
  hippo completions zsh >~/.zfunc/_hippo")]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(completions: &Completions) {
    let mut script = Vec::new();
    let mut command = crate::args::Args::command();
    clap_complete::generate(completions.shell, &mut command, "hippo", &mut script);
    print(&String::from_utf8_lossy(&script));
}
