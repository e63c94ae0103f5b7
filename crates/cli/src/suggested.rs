//! The beginning of suggested command lines: `hippo`, with the options that a person needs again.
//!
//! A person who gave `--home` or `--target` on the command line copies a suggested line and expects it to
//! work on the same home or stack. What comes from the environment needs no option.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::{LazyLock, OnceLock};

use clap::parser::ValueSource;
use clap::{ArgMatches, ValueEnum as _};

use crate::target::Target;

/// `hippo` with the given options, as in `format!("{HIPPO} status")`.
pub(crate) const HIPPO: Hippo = Hippo { is_local: false };

/// The same for a command that only works on one machine: without the options of a stack.
pub(crate) const HIPPO_HERE: Hippo = Hippo { is_local: true };

/// The options of this process's command line.
static GIVEN: OnceLock<GivenOptions> = OnceLock::new();

/// The options, as far as they can be found in a command line that isn't parsed, or isn't valid.
static FOUND: LazyLock<GivenOptions> =
    LazyLock::new(|| GivenOptions::find(&std::env::args_os().collect::<Vec<_>>()));

/// The beginning of a suggested command line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hippo {
    is_local: bool,
}

/// The options of a command line that say which home or stack it works on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GivenOptions {
    home: Option<PathBuf>,
    target: Option<Target>,
    stack: Option<String>,
    region: Option<String>,
    /// Whether the command works on a stack.
    is_on_aws: bool,
}

impl GivenOptions {
    /// Keeps those that are on the command line itself, not in the environment.
    pub(crate) fn from_matches(matches: &ArgMatches) -> Self {
        fn given<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Option<T> {
            let is_given = matches.value_source(name) == Some(ValueSource::CommandLine);
            matches.get_one::<T>(name).filter(|_| is_given).cloned()
        }
        // The demo's suggestions are for the home that it keeps.
        let demo = matches.subcommand_matches("demo");
        let kept = demo.and_then(|demo| demo.get_one::<PathBuf>("keep").cloned());
        Self {
            home: kept.or_else(|| given(matches, "home")),
            target: given(matches, "target"),
            stack: given(matches, "stack"),
            region: given(matches, "region"),
            is_on_aws: matches.get_one("target") == Some(&Target::Aws),
        }
    }

    /// Finds those in arguments that may not be valid.
    fn find(arguments: &[OsString]) -> Self {
        let text = |name| {
            let value = find_option(arguments.iter().cloned(), name)?;
            value.into_string().ok()
        };
        let parse_target = |text: &str| Target::from_str(text, true).ok();
        let target = text("target").as_deref().and_then(parse_target);
        let of_environment = || parse_target(&std::env::var("HIPPO_TARGET").ok()?);
        Self {
            home: find_option(arguments.iter().cloned(), "home").map(PathBuf::from),
            target,
            stack: text("stack"),
            region: text("region"),
            is_on_aws: target.or_else(of_environment) == Some(Target::Aws),
        }
    }

    /// Makes all suggested command lines of this process begin with these options.
    pub(crate) fn remember(self) {
        // Only `main` calls this.
        let _ = GIVEN.set(self);
    }

    /// Writes the beginning of a command line; `is_local`: of one that only works on one machine.
    fn write(&self, f: &mut fmt::Formatter<'_>, is_local: bool) -> fmt::Result {
        f.write_str("hippo")?;
        if self.is_on_aws && !is_local {
            if self.target.is_some() {
                f.write_str(" --target aws")?;
            }
            if let Some(stack) = &self.stack {
                write!(f, " --stack {}", quoted(stack))?;
            }
            if let Some(region) = &self.region {
                write!(f, " --region {}", quoted(region))?;
            }
            return Ok(());
        }
        if self.target == Some(Target::Local) {
            f.write_str(" --target local")?;
        }
        if let Some(home) = &self.home {
            write!(f, " --home {}", quoted(&home.to_string_lossy()))?;
        }
        Ok(())
    }
}

impl fmt::Display for Hippo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = GIVEN.get().unwrap_or_else(|| &*FOUND);
        given.write(f, self.is_local)
    }
}

/// Finds the value of `--home` in arguments that may not be valid.
pub(crate) fn find_home_option(arguments: impl IntoIterator<Item = OsString>) -> Option<OsString> {
    find_option(arguments, "home")
}

/// Finds the value of an option in arguments that may not be valid.
fn find_option(arguments: impl IntoIterator<Item = OsString>, name: &str) -> Option<OsString> {
    let mut arguments = arguments
        .into_iter()
        .take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        let text = argument.to_str();
        let Some(rest) = text.and_then(|text| text.strip_prefix("--")?.strip_prefix(name)) else {
            continue;
        };
        match rest.strip_prefix('=') {
            Some(value) => return Some(value.into()),
            None if rest.is_empty() => return arguments.next(),
            None => {}
        }
    }
    None
}

/// Quotes a word for a shell, because people copy the line, and somebody else may have chosen the word.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/=@%+,".contains(c);
    let begins_plainly = !word.is_empty() && !word.starts_with(['~', '=']);
    if begins_plainly && word.chars().all(is_plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::Args;
    use clap::CommandFactory as _;
    use rstest::rstest;

    struct Line(GivenOptions, bool);

    impl fmt::Display for Line {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.write(f, self.1)
        }
    }

    #[rstest]
    #[case::nothing(&["status"], "hippo", "hippo")]
    #[case::home(&["--home", "/srv/hippo", "status"], "hippo --home /srv/hippo", "hippo --home /srv/hippo")]
    #[case::after_the_command(&["card", "list", "--home=h"], "hippo --home h", "hippo --home h")]
    #[case::quoted(&["--home", "/My Books/it's", "status"], r"hippo --home '/My Books/it'\''s'", r"hippo --home '/My Books/it'\''s'")]
    #[case::stack(
        &["--target", "aws", "--home", "h", "status", "--stack", "lh", "--region", "ca-central-1"],
        "hippo --target aws --stack lh --region ca-central-1",
        "hippo --home h"
    )]
    #[case::kept_demo(&["demo", "--keep", "h"], "hippo --home h", "hippo --home h")]
    #[case::local(&["--target", "local", "status"], "hippo --target local", "hippo --target local")]
    fn suggested_lines_repeat_the_given_options(
        #[case] arguments: &[&str],
        #[case] expected: &str,
        #[case] expected_here: &str,
    ) {
        let line = ["hippo"].iter().chain(arguments);
        let matches = Args::command().try_get_matches_from(line).unwrap();
        let given = GivenOptions::from_matches(&matches);
        assert_eq!(Line(given.clone(), false).to_string(), expected);
        assert_eq!(Line(given, true).to_string(), expected_here);
    }

    #[rstest]
    #[case::nothing(&["card", "retry", "x"], "hippo")]
    #[case::home(&["card", "retry", "x", "--home", "h"], "hippo --home h")]
    #[case::wrong_option(&["--home=h", "status", "--famly", "x"], "hippo --home h")]
    #[case::stack(
        &["--target=aws", "--stack", "lh", "card", "retry", "x"],
        "hippo --target aws --stack lh"
    )]
    #[case::no_target(&["--target", "moon", "--home", "h"], "hippo --home h")]
    fn lines_after_a_mistake_repeat_the_options_too(
        #[case] arguments: &[&str],
        #[case] expected: &str,
    ) {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let given = GivenOptions::find(&arguments);
        assert_eq!(Line(given, false).to_string(), expected);
    }

    #[rstest]
    #[case(&["--home", "h", "--help"], Some("h"))]
    #[case(&["--homely", "h"], None)]
    #[case(&["card", "--home=h", "--help"], Some("h"))]
    #[case(&["--help", "--", "--home", "h"], None)]
    #[case(&["--home"], None)]
    fn home_is_found_in_unparsed_arguments(
        #[case] arguments: &[&str],
        #[case] expected: Option<&str>,
    ) {
        let arguments = arguments.iter().map(OsString::from);
        assert_eq!(find_home_option(arguments), expected.map(OsString::from));
    }

    #[rstest]
    #[case("/srv/hippo", "/srv/hippo")]
    #[case("~pat", "'~pat'")]
    #[case("", "''")]
    #[case("a;b'$(c)", r"'a;b'\''$(c)'")]
    #[case("opac?id=[1]", "'opac?id=[1]'")]
    fn words_are_quoted_for_the_shell(#[case] word: &str, #[case] expected: &str) {
        assert_eq!(quoted(word), expected);
    }
}
