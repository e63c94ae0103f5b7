//! Where a command works: on this machine, or on AWS.

use clap::ValueEnum;

/// The stack's name unless a person gives another; `samconfig.toml.example` has the same.
pub(crate) const DEFAULT_STACK: &str = "libraryhippo";

/// Where a command works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// A home on this machine.
    #[default]
    Local,
    /// A deployed stack.
    Aws,
}
