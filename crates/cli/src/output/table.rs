//! Aligned tables, fit to the terminal.

use hippo_core::text::clean;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How a cell looks on a terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// Soon.
    Warning,
    /// Wrong, or overdue.
    Bad,
    /// Not important.
    Faint,
    /// A head.
    Bold,
}

impl Tone {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Warning => Some("33"),
            Self::Bad => Some("31"),
            Self::Faint => Some("2"),
            Self::Bold => Some("1"),
        }
    }
}

/// One cell: its words, made harmless for a terminal, and how it looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// These words in this tone.
    pub(crate) fn new(text: impl AsRef<str>, tone: Tone) -> Self {
        Self {
            text: clean(text.as_ref()),
            tone,
        }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// A column: its head, and whether it holds numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    head: &'static str,
    right: bool,
    fixed: bool,
}

/// A column of words; it gives way when the terminal is narrow.
pub(crate) const fn words(head: &'static str) -> Column {
    Column {
        head,
        right: false,
        fixed: false,
    }
}

/// A column of words that are never cut: ids, times.
pub(crate) const fn fixed(head: &'static str) -> Column {
    Column {
        head,
        right: false,
        fixed: true,
    }
}

/// A column of numbers, aligned to the right.
pub(crate) const fn numbers(head: &'static str) -> Column {
    Column {
        head,
        right: true,
        fixed: true,
    }
}

/// The narrowest that a column of words gets.
const NARROWEST: usize = 8;

/// An aligned table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as text, every line ended; cut to `width` where one is given.
    pub(crate) fn render(&self, width: Option<usize>, color: bool) -> String {
        let widths = self.widths(width);
        let heads: Vec<Cell> = self
            .columns
            .iter()
            .map(|column| Cell::new(column.head, Tone::Faint))
            .collect();
        let mut text = String::new();
        for row in std::iter::once(&heads).chain(&self.rows) {
            text.push_str(&self.line(row, &widths, color));
            text.push('\n');
        }
        text
    }

    fn line(&self, row: &[Cell], widths: &[usize], color: bool) -> String {
        let mut line = String::new();
        // Spaces at the end of a line are never printed: a cell pays for those of the one before.
        let mut owed = 0;
        for (cell, (column, width)) in row.iter().zip(self.columns.iter().zip(widths)) {
            let shown = cut(&cell.text, *width);
            let space = width.saturating_sub(shown.width());
            if !shown.is_empty() {
                let before = owed + if column.right { space } else { 0 };
                line.extend(std::iter::repeat_n(' ', before));
                line.push_str(&paint(&shown, cell.tone, color));
                owed = if column.right { 0 } else { space };
            } else {
                owed += width;
            }
            owed += 2;
        }
        line
    }

    fn widths(&self, limit: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = (0..self.columns.len())
            .map(|index| {
                let head = self
                    .columns
                    .get(index)
                    .map_or(0, |column| column.head.width());
                self.rows
                    .iter()
                    .filter_map(|row| row.get(index))
                    .map(|cell| cell.text.width())
                    .fold(head, usize::max)
            })
            .collect();
        let Some(limit) = limit else {
            return widths;
        };
        let gaps = 2 * self.columns.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > limit {
            // The widest column of words gives way, one cell at a time.
            let widest = widths
                .iter_mut()
                .zip(&self.columns)
                .filter(|(width, column)| !column.fixed && **width > NARROWEST)
                .max_by_key(|(width, _)| **width);
            match widest {
                Some((width, _)) => *width -= 1,
                None => break,
            }
        }
        widths
    }
}

/// `text` in a tone, if colours are wanted.
pub(crate) fn paint(text: &str, tone: Tone, color: bool) -> String {
    match tone.code() {
        Some(code) if color => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        _ => text.to_owned(),
    }
}

/// `text` in at most `width` columns, with an ellipsis where something is left out.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used + 1 > width {
            break;
        }
        shown.push(c);
    }
    format!("{}…", shown.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new([fixed("ID"), words("NAME"), numbers("OUT")]);
        table.row(["a".into(), "Ines Calder".into(), "4".into()]);
        table.row([
            Cell::from("bb"),
            "図書館".into(),
            Cell::new("12", Tone::Bad),
        ]);
        table.row(["c".into(), "".into(), "".into()]);
        table
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen_and_lines_end_without_spaces() {
        insta::assert_snapshot!(table().render(None, false), @"
        ID  NAME         OUT
        a   Ines Calder    4
        bb  図書館        12
        c
        ");
    }

    #[test]
    fn a_narrow_terminal_cuts_words_and_never_numbers() {
        insta::assert_snapshot!(table().render(Some(18), false), @"
        ID  NAME       OUT
        a   Ines Cal…    4
        bb  図書館      12
        c
        ");
    }

    #[test]
    fn only_a_terminal_sees_colours_and_words_from_outside_bring_none() {
        assert!(table().render(None, true).contains("\u{1b}[31m12\u{1b}[0m"));
        let mut table = Table::new([words("X")]);
        table.row(["\u{1b}[31mred".into()]);
        assert!(!table.render(None, false).contains('\u{1b}'));
    }
}
