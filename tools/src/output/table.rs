//! Tables for people: framed, as wide as the terminal, with a mark on rows in which something was escaped.
//!
//! Cells come in two kinds: what the command itself says (trusted), and text from a log, which passes
//! [`super::hygiene`] here, so that no caller can forget it.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement};

use super::Look;
use super::hygiene::{Flags, Place, show_identifier};

/// Most characters of a cell; longer texts are cut, and said to be.
const CELL_CHARACTERS_MAX: usize = 160;

/// What a cell says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Text from a log: escaped and flagged.
    Untrusted(String),
    /// The command's own words.
    Plain(String),
    /// A number: to the right.
    Number(String),
    /// The command's own words, to be noticed.
    Good(String),
    /// The command's own words, with a warning colour.
    Warning(String),
    /// The command's own words, with an alarm colour.
    Alarm(String),
}

/// A table in the making.
#[derive(Debug)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<(Flags, Vec<Cell>)>,
    look: Look,
}

impl Table {
    /// A table with these column titles.
    pub fn new(header: &[&str], look: Look) -> Self {
        Self { header: header.iter().map(|&title| title.to_owned()).collect(), rows: Vec::new(), look }
    }

    /// As [`Table::new`], with titles that may come from anywhere.
    pub fn titled(header: &[String], look: Look) -> Self {
        let title = |title: &String| show_identifier(title, Place::Terminal).0.into_owned();
        Self { header: header.iter().map(title).collect(), rows: Vec::new(), look }
    }

    /// Adds a row.
    pub fn row(&mut self, contents: Vec<Content>) {
        let mut flags = Flags::NONE;
        let cells = contents.into_iter().map(|content| cell(content, &mut flags)).collect();
        self.rows.push((flags, cells));
    }

    /// Whether any row has text that was escaped or flagged.
    pub fn is_flagged(&self) -> bool {
        self.rows.iter().any(|(flags, _)| !flags.is_empty())
    }

    /// The finished table, without a line feed at its end.
    pub fn render(self) -> String {
        let flagged = self.is_flagged();
        let mut table = comfy_table::Table::new();
        table.load_style(UTF8_FULL_CONDENSED.with_rounded_corners());
        match self.look.width {
            Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        if self.look.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        // The mark's column is there only where it has something to say.
        let mark = |text: &str| Cell::new(text).fg(Color::Red).add_attribute(Attribute::Bold);
        let title = |text: String| Cell::new(text).add_attribute(Attribute::Bold);
        let header: Vec<Cell> =
            flagged.then(|| mark("!")).into_iter().chain(self.header.into_iter().map(title)).collect();
        table.set_header(header);
        for (flags, cells) in self.rows {
            let first = flagged.then(|| mark(if flags.is_empty() { "" } else { "!" }));
            table.add_row(first.into_iter().chain(cells).collect::<Vec<Cell>>());
        }
        table.to_string()
    }
}

fn cell(content: Content, flags: &mut Flags) -> Cell {
    match content {
        Content::Untrusted(text) => {
            let (shown, found) = show_identifier(&text, Place::Terminal);
            flags.add(found);
            Cell::new(clip(&shown))
        }
        Content::Plain(text) => Cell::new(text),
        Content::Number(text) => Cell::new(text).set_alignment(CellAlignment::Right),
        Content::Good(text) => Cell::new(text).fg(Color::Green),
        Content::Warning(text) => Cell::new(text).fg(Color::Yellow),
        Content::Alarm(text) => Cell::new(text).fg(Color::Red).add_attribute(Attribute::Bold),
    }
}

/// Cuts a long text and says how much is missing.
pub fn clip(text: &str) -> String {
    let length = text.chars().count();
    if length <= CELL_CHARACTERS_MAX {
        return text.to_owned();
    }
    let kept: String = text.chars().take(CELL_CHARACTERS_MAX).collect();
    format!("{kept}… (+{})", length - CELL_CHARACTERS_MAX)
}

/// A number with a comma between groups of three digits.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes with a binary unit.
pub fn bytes(number: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    match units.get(unit) {
        Some(name) if unit > 0 => format!("{value:.1} {name}"),
        _ => format!("{number} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_text_is_escaped_and_its_row_marked() {
        let mut table = Table::new(&["seq", "actor"], Look::default());
        table.row(vec![Content::Number("1".into()), Content::Untrusted("ann".into())]);
        table.row(vec![Content::Number("2".into()), Content::Untrusted("a\u{1b}[2J\u{202e}│".into())]);
        let text = table.render();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6, "{text}");
        assert!(lines[4].contains(r"a\u{1b}[2J\u{202e}\u{2502}") && lines[4].contains('!'), "{text}");
        assert!(!lines[3].contains('!') && !text.contains(['\u{1b}', '\u{202e}']), "{text}");
    }

    #[test]
    fn no_mark_where_nothing_was_found() {
        let mut table = Table::new(&["n"], Look { width: Some(20), colour: false });
        table.row(vec![Content::Alarm("x".into())]);
        let text = table.render();
        assert!(!text.contains('!') && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_table_is_no_wider_than_the_terminal() {
        let mut table = Table::new(&["actor", "target"], Look { width: Some(40), colour: false });
        table.row(vec![Content::Untrusted("a".repeat(300)), Content::Untrusted("b c ".repeat(30))]);
        assert!(table.render().lines().all(|line| line.chars().count() <= 40));
    }

    #[test]
    fn colour_only_where_it_is_allowed() {
        let mut table = Table::new(&["n"], Look { width: None, colour: true });
        table.row(vec![Content::Good("x".into())]);
        assert!(table.render().contains('\u{1b}'));
    }

    #[test]
    fn figures_are_readable() {
        for (number, grouped, sized) in
            [(0, "0", "0 B"), (999, "999", "999 B"), (1_000, "1,000", "1000 B"), (1_234_567, "1,234,567", "1.2 MiB")]
        {
            assert_eq!((thousands(number).as_str(), bytes(number).as_str()), (grouped, sized));
        }
        assert!(clip(&"x".repeat(200)).ends_with("… (+40)"));
    }
}
