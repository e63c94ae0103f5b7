//! What a command prints: tables for people, one JSON document for machines.

mod fold;
pub(crate) mod progress;
pub(crate) mod stdout;
pub(crate) mod table;
pub(crate) mod time;

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use self::fold::fold;
pub(crate) use self::stdout::print;
use self::table::Table;

/// How a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Output {
    /// One JSON document on standard output, and nothing else there.
    pub(crate) json: bool,
    /// Nothing at all: a step on the way to another answer.
    pub(crate) quiet: bool,
    /// Whether tables are coloured.
    pub(crate) color: bool,
    /// The terminal's width, where there is a terminal.
    pub(crate) width: Option<usize>,
}

impl Output {
    /// For this process's standard output.
    pub(crate) fn new(json: bool, no_color: bool) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let wants_none =
            no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            json,
            quiet: false,
            color: is_terminal && !wants_none,
            width: terminal_size::terminal_size()
                .and_then(|(width, _)| is_terminal.then_some(usize::from(width.0).max(40))),
        }
    }

    /// Prints a paragraph for people, folded to the terminal; text of several lines stays as it is.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        let text = text.as_ref();
        if text.contains('\n') || text.starts_with(' ') {
            self.say_whole(text);
        } else {
            self.say_folded("", text);
        }
    }

    /// Prints a line for people as it is: a command to copy is not broken.
    pub(crate) fn say_whole(&self, line: impl AsRef<str>) {
        if !self.json && !self.quiet {
            print(&format!("{}\n", line.as_ref()));
        }
    }

    /// Prints a paragraph for people, folded to the terminal; every line begins with `indent`.
    pub(crate) fn say_folded(&self, indent: &str, text: &str) {
        self.say_whole(fold(text, indent, self.width));
    }

    /// Prints a table for people.
    pub(crate) fn table(&self, table: &Table) {
        if !self.json && !self.quiet {
            print(&table.render(self.width, self.color));
        }
    }

    /// Prints a line for people to standard error.
    pub(crate) fn note(&self, line: impl AsRef<str>) {
        if !self.json {
            note(line);
        }
    }

    /// Prints the document for machines.
    pub(crate) fn document(&self, document: &impl Serialize) {
        if self.json {
            print_json(document);
        }
    }
}

/// Prints one JSON document, whatever `--json` says.
pub(crate) fn print_json(document: &impl Serialize) {
    print_document(serde_json::to_string(document));
}

/// Prints a document that a person reads too: over many lines on a terminal, else on one.
pub(crate) fn print_json_for_people(document: &impl Serialize) {
    print_document(if std::io::stdout().is_terminal() {
        serde_json::to_string_pretty(document)
    } else {
        serde_json::to_string(document)
    });
}

fn print_document(written: serde_json::Result<String>) {
    match written {
        Ok(text) => print(&format!("{text}\n")),
        Err(error) => tracing::error!(%error, "A document could not be written as JSON."),
    }
}

/// Prints a line to standard error: what a person should know beside the answer.
pub(crate) fn note(line: impl AsRef<str>) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(std::io::stderr().lock(), "{}", line.as_ref());
}

/// `1 card`, `2 cards`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
