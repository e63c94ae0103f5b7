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
    /// The same in fewer words, for a narrow terminal.
    short: Option<String>,
    tone: Tone,
}

impl Cell {
    /// These words in this tone.
    pub(crate) fn new(text: impl AsRef<str>, tone: Tone) -> Self {
        Self {
            text: clean(text.as_ref()),
            short: None,
            tone,
        }
    }

    /// The same cell; on a narrow terminal it says no more than this.
    pub(crate) fn or_short(mut self, short: impl AsRef<str>) -> Self {
        self.short = Some(clean(short.as_ref()));
        self
    }

    fn shown(&self, is_short: bool) -> &str {
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

/// A column: its head, and whether it holds numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    head: &'static str,
    right: bool,
    fixed: bool,
    spared: Spared,
}

/// Whether a column may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Spared {
    Never,
    AtLast,
    First,
}

impl Column {
    /// The same column; it is left out where the terminal is narrow: another says as much.
    pub(crate) const fn dispensable(mut self) -> Self {
        self.spared = Spared::First;
        self
    }

    /// The same column; it is left out where the table would not fit otherwise, the first of these first.
    pub(crate) const fn dispensable_at_last(mut self) -> Self {
        self.spared = Spared::AtLast;
        self
    }
}

/// A column of words; it gives way when the terminal is narrow.
pub(crate) const fn words(head: &'static str) -> Column {
    Column {
        head,
        right: false,
        fixed: false,
        spared: Spared::Never,
    }
}

/// A column of words that are never cut: ids, times.
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

/// The narrowest that a column of words gets, unless its words are narrower.
const NARROWEST: usize = 8;

/// An aligned table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    has_heads: bool,
}

/// A table as it is laid out for one width.
struct Layout {
    /// The columns that are shown, with their widths.
    columns: Vec<(usize, Column, usize)>,
    is_short: bool,
    /// It is too wide even so: a block for each row.
    is_too_wide: bool,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
            has_heads: true,
        }
    }

    /// A table whose columns need no heads; it stands two columns in from the left.
    pub(crate) fn headless(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            has_heads: false,
            ..Self::new(columns)
        }
    }

    /// Adds a row; a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as text, every line ended; fit to `width` where one is given.
    ///
    /// Where it is too wide, it leaves out columns that can be spared, says cells in fewer words,
    /// cuts columns of words between two words, leaves out those that can be spared at last, and
    /// then prints a block for each row.
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
            if !self.has_heads {
                text.push_str("  ");
            }
            text.push_str(&line(row, &layout, color));
            text.push('\n');
        }
        text
    }

    fn layout(&self, width: Option<usize>) -> Layout {
        let all = |_: &Column| true;
        let Some(width) = width else {
            return self.natural(all, false);
        };
        let width = if self.has_heads {
            width
        } else {
            width.saturating_sub(2)
        };
        let wanted = |column: &Column| column.spared < Spared::First;
        for layout in [self.natural(all, false), self.natural(wanted, false)] {
            if layout.width() <= width {
                return layout;
            }
        }
        let mut layout = self.narrowed(width, wanted);
        let mut spared = Vec::new();
        let at_last = |column: &&Column| column.spared == Spared::AtLast;
        for last in self.columns.iter().filter(at_last) {
            if !layout.is_too_wide {
                break;
            }
            spared.push(last.head);
            layout = self.narrowed(width, |column| {
                wanted(column) && !spared.contains(&column.head)
            });
        }
        layout
    }

    /// Columns of words give way until the table is `width` wide, if they can.
    fn narrowed(&self, width: usize, is_shown: impl Fn(&Column) -> bool) -> Layout {
        let mut layout = self.natural(is_shown, true);
        let narrowest: Vec<usize> = layout
            .columns
            .iter()
            .map(|(index, column, natural)| match column.fixed {
                true => *natural,
                false => self.narrowest(*index).min(*natural),
            })
            .collect();
        while layout.width() > width {
            // The column of words that has most to give gives way, one place at a time.
            let widest = layout
                .columns
                .iter_mut()
                .zip(&narrowest)
                .filter(|((_, _, width), narrowest)| width > narrowest)
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

    /// Every column as wide as its widest cell.
    fn natural(&self, is_shown: impl Fn(&Column) -> bool, is_short: bool) -> Layout {
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
                        .map(|cell| cell.shown(is_short).width())
                        .fold(head, usize::max);
                    (index, *column, width)
                })
                .collect(),
            is_short,
            is_too_wide: false,
        }
    }

    /// How wide a column of words must be at least, so that no first word is broken.
    fn narrowest(&self, index: usize) -> usize {
        let first_word = |cell: &Cell| {
            let mut words = cell.shown(true).split(' ');
            let first = words.next().unwrap_or_default().width();
            // The ellipsis takes a place too.
            first + usize::from(words.next().is_some())
        };
        match self.has_heads {
            true => self
                .column(index)
                .map(first_word)
                .fold(NARROWEST, usize::max),
            false => NARROWEST,
        }
    }

    fn column(&self, index: usize) -> impl Iterator<Item = &Cell> {
        self.rows.iter().filter_map(move |row| row.get(index))
    }

    /// A block for each row: a line for each cell that says something, with its head before it.
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

fn line(row: &[Cell], layout: &Layout, color: bool) -> String {
    let mut line = String::new();
    // Spaces at the end of a line are never printed: a cell pays for those of the one before.
    let mut owed = 0;
    for (index, column, width) in &layout.columns {
        let Some(cell) = row.get(*index) else {
            continue;
        };
        let shown = cut(cell.shown(layout.is_short), *width);
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

/// `text` in a tone, if colours are wanted.
pub(crate) fn paint(text: &str, tone: Tone, color: bool) -> String {
    match tone.code() {
        Some(code) if color => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        _ => text.to_owned(),
    }
}

/// `text` in at most `width` columns, cut between two words, with an ellipsis where something is
/// left out. Only a first word that is longer is cut in its middle.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    for word in text.split_inclusive(' ') {
        if shown.width() + word.trim_end().width() + 1 > width {
            break;
        }
        shown.push_str(word);
    }
    if shown.is_empty() {
        for c in text.chars() {
            if shown.width() + c.width().unwrap_or(0) + 1 > width {
                break;
            }
            shown.push(c);
        }
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
    fn columns_align_by_display_width_without_trailing_spaces() {
        insta::assert_snapshot!(table().render(None, false), @"
        ID  NAME         OUT
        a   Ines Calder    4
        bb  図書館        12
        c
        ");
    }

    /// As `hippo status` shows cards.
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
