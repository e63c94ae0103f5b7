//! Output: tables and sentences for people, one JSON document for machines.

mod fold;
pub(crate) mod progress;
pub(crate) mod run_progress;
pub(crate) mod stdout;
pub(crate) mod table;

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use self::fold::fold;
pub(crate) use self::stdout::print;
use self::table::Table;
pub(crate) use hippo_core::time_format as time;

/// How a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Output {
    /// Whether to print one JSON document and nothing else on standard output.
    pub(crate) json: bool,
    /// Whether to print nothing.
    pub(crate) quiet: bool,
    /// Whether tables are coloured.
    pub(crate) color: bool,
    /// The terminal's width, where there is a terminal.
    pub(crate) width: Option<usize>,
}

impl Output {
    /// Detects how to print to this process's standard output.
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

    /// Prints a paragraph for people, wrapped to the terminal; text with line breaks stays as it is.
    pub(crate) fn print_text(&self, text: impl AsRef<str>) {
        let text = text.as_ref();
        if text.contains('\n') || text.starts_with(' ') {
            self.print_line(text);
        } else {
            self.print_indented("", text);
        }
    }

    /// Prints a line for people without wrapping, such as a command to copy.
    pub(crate) fn print_line(&self, line: impl AsRef<str>) {
        if !self.json && !self.quiet {
            print(&format!("{}\n", line.as_ref()));
        }
    }

    /// Prints a paragraph for people, wrapped to the terminal; every line starts with `indent`.
    pub(crate) fn print_indented(&self, indent: &str, text: &str) {
        self.print_line(fold(text, indent, self.width));
    }

    /// Prints a table for people.
    pub(crate) fn print_table(&self, table: &Table) {
        if !self.json && !self.quiet {
            print(&table.render(self.width, self.color));
        }
    }

    /// Prints a line for people to standard error.
    pub(crate) fn print_message(&self, line: impl AsRef<str>) {
        if !self.json {
            print_to_stderr(line);
        }
    }

    /// Prints the document for machines.
    pub(crate) fn print_document(&self, document: &impl Serialize) {
        if self.json {
            print_json(document);
        }
    }
}

/// Prints one JSON document, even without `--json`.
pub(crate) fn print_json(document: &impl Serialize) {
    write_json(serde_json::to_string(document));
}

/// Prints one JSON document, indented on a terminal.
pub(crate) fn print_json_for_people(document: &impl Serialize) {
    write_json(if std::io::stdout().is_terminal() {
        serde_json::to_string_pretty(document)
    } else {
        serde_json::to_string(document)
    });
}

fn write_json(written: serde_json::Result<String>) {
    match written {
        Ok(text) => print(&format!("{text}\n")),
        Err(error) => tracing::error!(%error, "A document couldn't be written as JSON."),
    }
}

/// Prints a line to standard error.
pub(crate) fn print_to_stderr(line: impl AsRef<str>) {
    // If this fails, there is no way to report it.
    let _ = writeln!(std::io::stderr().lock(), "{}", line.as_ref());
}

/// `1 card`, `2 cards`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
