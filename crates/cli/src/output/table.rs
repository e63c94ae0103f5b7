//! Aligned tables, fit to the terminal.

use hippo_core::text::clean;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

/// How a cell looks on a terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Good,
    Warning,
    Bad,
    Faint,
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

/// A cell: its text, without control characters, and its tone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    /// A shorter text for a narrow terminal.
    short: Option<String>,
    tone: Tone,
}

impl Cell {
    /// Creates a cell; control characters are removed.
    pub(crate) fn new(text: impl AsRef<str>, tone: Tone) -> Self {
        Self {
            text: clean(text.as_ref()),
            short: None,
            tone,
        }
    }

    /// Sets a shorter text for a narrow terminal.
    pub(crate) fn or_short(mut self, short: impl AsRef<str>) -> Self {
        self.short = Some(clean(short.as_ref()));
        self
    }

    fn text(&self, is_short: bool) -> &str {
        match &self.short {
            Some(short) if is_short => short,
            _ => &self.text,
        }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// A column: its heading, its alignment, and how it adapts to a narrow terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    head: &'static str,
    right: bool,
    fixed: bool,
    wraps: bool,
    drop_order: DropOrder,
}

/// When a column is dropped on a narrow terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum DropOrder {
    Never,
    Last,
    First,
}

impl Column {
    /// Marks a redundant column, which is dropped first.
    pub(crate) const fn dispensable(mut self) -> Self {
        self.drop_order = DropOrder::First;
        self
    }

    /// Marks a column that is dropped only if the table wouldn't fit otherwise, from left to right.
    pub(crate) const fn dispensable_at_last(mut self) -> Self {
        self.drop_order = DropOrder::Last;
        self
    }
}

/// A column of sentences, which are wrapped on a narrow terminal and never cut.
pub(crate) const fn sentences(head: &'static str) -> Column {
    Column {
        wraps: true,
        ..words(head)
    }
}

/// A column of words, which shrinks on a narrow terminal.
pub(crate) const fn words(head: &'static str) -> Column {
    Column {
        head,
        right: false,
        fixed: false,
        wraps: false,
        drop_order: DropOrder::Never,
    }
}

/// A column that is never cut, for ids and times.
pub(crate) const fn fixed(head: &'static str) -> Column {
    Column {
        fixed: true,
        ..words(head)
    }
}

/// A column of numbers, aligned to the right.
pub(crate) const fn numbers(head: &'static str) -> Column {
    Column {
        right: true,
        ..fixed(head)
    }
}

/// The least width of a column of words, unless its words are narrower.
const MIN_COLUMN_WIDTH: usize = 8;

/// An aligned table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    has_heads: bool,
}

/// A table's layout for one width.
struct Layout {
    /// The remaining columns: index, column and width.
    columns: Vec<(usize, Column, usize)>,
    /// Whether cells use their short text.
    is_short: bool,
    /// Whether even this layout is too wide, so that each row becomes a block.
    is_too_wide: bool,
}

impl Table {
    /// Creates an empty table.
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
            has_heads: true,
        }
    }

    /// Creates an empty table without headings, indented by two spaces.
    pub(crate) fn headless(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            has_heads: false,
            ..Self::new(columns)
        }
    }

    /// Adds a row with one cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Renders the table, fit to `width` if one is given; every line ends with a line break.
    ///
    /// A table that is too wide first drops its dispensable columns, then shortens cells and cuts
    /// columns of words, then drops the columns that are dispensable at last. If that isn't enough,
    /// each row becomes a block.
    pub(crate) fn render(&self, width: Option<usize>, color: bool) -> String {
        let layout = self.layout(width);
        if layout.is_too_wide && self.has_heads {
            return self.blocks(width, color);
        }
        let heads: Vec<Cell> = self
            .columns
            .iter()
            .map(|column| Cell::new(column.head, Tone::Faint))
            .collect();
        let mut text = String::new();
        for row in self
            .has_heads
            .then_some(&heads)
            .into_iter()
            .chain(&self.rows)
        {
            for line in render_row(row, &layout, color) {
                if !self.has_heads {
                    text.push_str("  ");
                }
                text.push_str(&line);
                text.push('\n');
            }
        }
        text
    }

    fn layout(&self, width: Option<usize>) -> Layout {
        let all = |_: &Column| true;
        let Some(width) = width else {
            return self.natural_layout(all, false);
        };
        let width = if self.has_heads {
            width
        } else {
            width.saturating_sub(2)
        };
        let wanted = |column: &Column| column.drop_order < DropOrder::First;
        for layout in [
            self.natural_layout(all, false),
            self.natural_layout(wanted, false),
        ] {
            if layout.width() <= width {
                return layout;
            }
        }
        let mut layout = self.narrowed_layout(width, wanted);
        let mut dropped = Vec::new();
        let at_last = |column: &&Column| column.drop_order == DropOrder::Last;
        for last in self.columns.iter().filter(at_last) {
            if !layout.is_too_wide {
                break;
            }
            dropped.push(last.head);
            layout = self.narrowed_layout(width, |column| {
                wanted(column) && !dropped.contains(&column.head)
            });
        }
        layout
    }

    /// Shrinks columns of words until the table fits into `width`, if possible.
    fn narrowed_layout(&self, width: usize, is_shown: impl Fn(&Column) -> bool) -> Layout {
        let mut layout = self.natural_layout(is_shown, true);
        let min_width: Vec<usize> = layout
            .columns
            .iter()
            .map(|(index, column, natural)| match column {
                Column { fixed: true, .. } => *natural,
                Column { wraps: true, .. } => self.longest_word(*index),
                _ => self.min_width(*index).min(*natural),
            })
            .collect();
        while layout.width() > width {
            // The widest column that can shrink loses one column of text at a time.
            let widest = layout
                .columns
                .iter_mut()
                .zip(&min_width)
                .filter(|((_, _, width), min_width)| width > min_width)
                .max_by_key(|((_, _, width), _)| *width);
            match widest {
                Some(((_, _, width), _)) => *width -= 1,
                None => {
                    layout.is_too_wide = true;
                    break;
                }
            }
        }
        layout
    }

    /// Makes every column as wide as its widest cell.
    fn natural_layout(&self, is_shown: impl Fn(&Column) -> bool, is_short: bool) -> Layout {
        let columns = self.columns.iter().enumerate();
        Layout {
            columns: columns
                .filter(|(_, column)| is_shown(column))
                .map(|(index, column)| {
                    let head = if self.has_heads {
                        column.head.width()
                    } else {
                        0
                    };
                    let width = self
                        .column(index)
                        .map(|cell| cell.text(is_short).width())
                        .fold(head, usize::max);
                    (index, *column, width)
                })
                .collect(),
            is_short,
            is_too_wide: false,
        }
    }

    /// The width that keeps the first word of every cell whole.
    fn min_width(&self, index: usize) -> usize {
        let first_word = |cell: &Cell| {
            let mut words = cell.text(true).split(' ');
            let first = words.next().unwrap_or_default().width();
            // The ellipsis needs a column too.
            first + usize::from(words.next().is_some())
        };
        match self.has_heads {
            true => self
                .column(index)
                .map(first_word)
                .fold(MIN_COLUMN_WIDTH, usize::max),
            false => MIN_COLUMN_WIDTH,
        }
    }

    /// The width of the longest word of a column, and of its heading.
    fn longest_word(&self, index: usize) -> usize {
        let head = match self.columns.get(index) {
            Some(column) if self.has_heads => column.head.width(),
            _ => 0,
        };
        self.column(index)
            .flat_map(|cell| cell.text(true).split(' '))
            .map(UnicodeWidthStr::width)
            .fold(head, usize::max)
    }

    fn column(&self, index: usize) -> impl Iterator<Item = &Cell> {
        self.rows.iter().filter_map(move |row| row.get(index))
    }

    /// Renders each row as a block: one line for each cell that isn't empty, after its heading.
    fn blocks(&self, width: Option<usize>, color: bool) -> String {
        let heads = self.columns.iter().map(|column| column.head.width());
        let margin = heads.max().unwrap_or_default() + 2;
        let mut blocks = Vec::new();
        for row in &self.rows {
            let mut block = String::new();
            for (column, cell) in self.columns.iter().zip(row) {
                if cell.text.is_empty() {
                    continue;
                }
                let indent = " ".repeat(margin);
                let folded = super::fold::fold(&cell.text, &indent, width);
                let mut head = paint(column.head, Tone::Faint, color);
                head.push_str(&" ".repeat(margin.saturating_sub(column.head.width())));
                for (number, line) in folded.lines().enumerate() {
                    let before = if number == 0 { &head } else { &indent };
                    block.push_str(before);
                    block.push_str(&paint(line.trim_start(), cell.tone, color));
                    block.push('\n');
                }
            }
            blocks.push(block);
        }
        blocks.join("\n")
    }
}

impl Layout {
    fn width(&self) -> usize {
        let gaps = 2 * self.columns.len().saturating_sub(1);
        self.columns
            .iter()
            .map(|(_, _, width)| width)
            .sum::<usize>()
            + gaps
    }
}

/// Renders a row: one line, or more if a column wraps its text.
fn render_row(row: &[Cell], layout: &Layout, color: bool) -> Vec<String> {
    let columns = layout.columns.iter();
    let cells: Vec<RenderedCell> = columns
        .filter_map(|(index, column, width)| {
            let cell = row.get(*index)?;
            let text = cell.text(layout.is_short);
            let lines = match column.wraps {
                true => super::fold::fold(text, "", Some(*width)),
                false => truncate(text, *width),
            };
            Some(RenderedCell {
                lines: lines.lines().map(ToOwned::to_owned).collect(),
                tone: cell.tone,
                width: *width,
                right: column.right,
            })
        })
        .collect();
    let lines = cells
        .iter()
        .map(|cell| cell.lines.len())
        .fold(1, usize::max);
    (0..lines)
        .map(|line| render_line(&cells, line, color))
        .collect()
}

/// A cell's text, cut or wrapped to the width of its column.
struct RenderedCell {
    lines: Vec<String>,
    tone: Tone,
    width: usize,
    right: bool,
}

/// Renders the line of this number of a row, from 0.
fn render_line(cells: &[RenderedCell], number: usize, color: bool) -> String {
    let mut line = String::new();
    // Padding is written before the next cell, so that no line ends with spaces.
    let mut pending = 0;
    for cell in cells {
        let text = cell.lines.get(number).map_or("", String::as_str);
        let space = cell.width.saturating_sub(text.width());
        if !text.is_empty() {
            let before = pending + if cell.right { space } else { 0 };
            line.extend(std::iter::repeat_n(' ', before));
            line.push_str(&paint(text, cell.tone, color));
            pending = if cell.right { 0 } else { space };
        } else {
            pending += cell.width;
        }
        pending += 2;
    }
    line
}

/// Colours `text` in a tone, if colours are wanted.
pub(crate) fn paint(text: &str, tone: Tone, color: bool) -> String {
    match tone.code() {
        Some(code) if color => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        _ => text.to_owned(),
    }
}

/// Truncates `text` to `width` columns between two words, and adds an ellipsis.
///
/// A first word that is too long is cut in its middle.
fn truncate(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for word in text.split_inclusive(' ') {
        if kept.width() + word.trim_end().width() + 1 > width {
            break;
        }
        kept.push_str(word);
    }
    if kept.is_empty() {
        for c in text.chars() {
            if kept.width() + c.width().unwrap_or(0) + 1 > width {
                break;
            }
            kept.push(c);
        }
    }
    format!("{}…", kept.trim_end())
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
    fn columns_align_by_display_width_without_trailing_spaces() {
        insta::assert_snapshot!(table().render(None, false), @"
        ID  NAME         OUT
        a   Ines Calder    4
        bb  図書館        12
        c
        ");
    }

    /// A table like the one of `hippo status`.
    fn cards() -> Table {
        let mut table = Table::new([
            words("PATRON"),
            words("LIBRARY"),
            fixed("CHECKED"),
            fixed("AT").dispensable(),
            numbers("OUT"),
            fixed("DUE NEXT"),
            fixed("STATE"),
        ]);
        for (name, library) in [
            ("Ines Calder", "Hillcrest Town Library"),
            ("Tom", "図書館 of the Riverside"),
        ] {
            table.row([
                name.into(),
                library.into(),
                Cell::from("12 min ago, failed").or_short("12 min ago"),
                "11:48 today".into(),
                "12".into(),
                Cell::new("Wed 18 Nov, overdue", Tone::Bad).or_short("overdue"),
                "wrong_credentials".into(),
            ]);
        }
        table
    }

    #[test]
    fn narrow_terminal_cuts_at_words_and_keeps_numbers() {
        insta::assert_snapshot!(table().render(Some(17), false), @"
        ID  NAME      OUT
        a   Ines…       4
        bb  図書館     12
        c
        ");
    }

    #[test]
    fn eighty_columns_drop_redundant_columns_first() {
        let text = cards().render(Some(80), false);
        insta::assert_snapshot!(text, @"
        PATRON       LIBRARY                CHECKED     OUT  DUE NEXT  STATE
        Ines Calder  Hillcrest Town…        12 min ago   12  overdue   wrong_credentials
        Tom          図書館 of the…         12 min ago   12  overdue   wrong_credentials
        ");
        assert!(text.lines().all(|line| line.width() <= 80));
    }

    #[test]
    fn rows_become_blocks_when_columns_do_not_fit() {
        let text = cards().render(Some(60), false);
        insta::assert_snapshot!(text, @"
        PATRON    Ines Calder
        LIBRARY   Hillcrest Town Library
        CHECKED   12 min ago, failed
        AT        11:48 today
        OUT       12
        DUE NEXT  Wed 18 Nov, overdue
        STATE     wrong_credentials

        PATRON    Tom
        LIBRARY   図書館 of the Riverside
        CHECKED   12 min ago, failed
        AT        11:48 today
        OUT       12
        DUE NEXT  Wed 18 Nov, overdue
        STATE     wrong_credentials
        ");
        assert!(text.lines().all(|line| line.width() <= 60));
    }

    #[test]
    fn sentences_are_wrapped_and_never_cut() {
        let mut table = Table::new([fixed("CHECK"), sentences("FOUND"), fixed("AT")]);
        table.row([
            "mail".into(),
            Cell::new("Emails go to a folder, and to nobody.", Tone::Bad),
            "11:48".into(),
        ]);
        table.row([
            "clock".into(),
            "The clock is correct.".into(),
            "11:48".into(),
        ]);
        insta::assert_snapshot!(table.render(Some(34), false), @"
        CHECK  FOUND                 AT
        mail   Emails go to a        11:48
               folder, and to
               nobody.
        clock  The clock is          11:48
               correct.
        ");
        let blocks = table.render(Some(18), false);
        assert!(blocks.starts_with("CHECK  mail\nFOUND  "), "{blocks}");
    }

    #[test]
    fn table_without_headings_never_becomes_blocks() {
        let mut table = Table::headless([fixed(""), words("")]);
        table.row(["due today".into(), "The Lighthouse at Low Tide".into()]);
        assert_eq!(
            table.render(Some(30), false),
            "  due today  The Lighthouse…\n"
        );
    }

    #[test]
    fn colours_need_a_terminal_and_input_brings_none() {
        assert!(table().render(None, true).contains("\u{1b}[31m12\u{1b}[0m"));
        let mut table = Table::new([words("X")]);
        table.row(["\u{1b}[31mred".into()]);
        assert!(!table.render(None, false).contains('\u{1b}'));
    }
}
