//! Writes the calendar as iCalendar (RFC 5545).
//!
//! We fold lines ourselves: the crate `icalendar` never ends on some titles with emoji.

use chrono::NaiveDate;

use super::calendar::CalendarEvent;

/// Who writes the calendar: a name that never changes.
const PRODUCT: &str = "-//LibraryHippo//Feed//EN";

/// How often a calendar app may read it again.
const REFRESH_INTERVAL: &str = "PT1H";

/// The most bytes of a line, without its end.
const MAX_LINE_BYTES: usize = 75;

/// Writes a calendar with these events.
///
/// The same events always give the same text. It holds no current time.
pub fn render_calendar(family_name: &str, events: &[CalendarEvent]) -> String {
    let mut lines = Lines::default();
    lines.add("BEGIN", "VCALENDAR");
    lines.add("VERSION", "2.0");
    lines.add("PRODID", PRODUCT);
    lines.add("CALSCALE", "GREGORIAN");
    let name = format!("Library ({family_name})");
    // The first is what RFC 7986 calls it, the second what most apps read.
    lines.add_text("NAME", &name);
    lines.add_text("X-WR-CALNAME", &name);
    lines.add("REFRESH-INTERVAL;VALUE=DURATION", REFRESH_INTERVAL);
    lines.add("X-PUBLISHED-TTL", REFRESH_INTERVAL);
    for event in events {
        lines.add_event(event);
    }
    lines.add("END", "VCALENDAR");
    lines.text
}

/// The lines written so far.
#[derive(Debug, Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn add_event(&mut self, event: &CalendarEvent) {
        self.add("BEGIN", "VEVENT");
        self.add_text("UID", &event.uid());
        let known_at = event.known_at.format("%Y%m%dT%H%M%SZ");
        self.add("DTSTAMP", &known_at.to_string());
        self.add_day("DTSTART", event.date);
        self.add_day("DTEND", event.end());
        self.add_text("SUMMARY", &event.summary);
        if !event.description.is_empty() {
            self.add_text("DESCRIPTION", &event.description);
        }
        if let Some(url) = &event.place.account_url {
            self.add("URL", url.as_str());
        }
        // It doesn't make anybody busy.
        self.add("TRANSP", "TRANSPARENT");
        self.add("END", "VEVENT");
    }

    fn add_day(&mut self, name: &str, date: NaiveDate) {
        let date = date.format("%Y%m%d").to_string();
        self.add(&format!("{name};VALUE=DATE"), &date);
    }

    fn add_text(&mut self, name: &str, text: &str) {
        self.add(name, &escape_text(text));
    }

    /// Adds a line, folded. The value is escaped already.
    fn add(&mut self, name: &str, value: &str) {
        let line = format!("{name}:{value}");
        let mut characters = line.chars();
        let mut bytes = 0;
        while let Some(character) = characters.next() {
            // Some calendar apps don't read an escape that is split.
            let escaped = characters.clone().next().filter(|_| character == '\\');
            let length = character.len_utf8() + escaped.map_or(0, char::len_utf8);
            if bytes + length > MAX_LINE_BYTES {
                self.text.push_str("\r\n ");
                bytes = 1;
            }
            self.text.push(character);
            if let Some(escaped) = escaped {
                self.text.push(escaped);
                characters.next();
            }
            bytes += length;
        }
        self.text.push_str("\r\n");
    }
}

/// Escapes a text (RFC 5545, section 3.3.11), and drops control characters other than line breaks.
fn escape_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\\' | ',' | ';' => escaped.extend(['\\', character]),
            control if control.is_control() => {}
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn line(name: &str, text: &str) -> String {
        let mut lines = Lines::default();
        lines.add_text(name, text);
        lines.text
    }

    #[rstest]
    #[case::plain("a: b \"c\"", "X:a: b \"c\"\r\n")]
    #[case::separators("a,b;c\\d", "X:a\\,b\\;c\\\\d\r\n")]
    #[case::line_breaks("a\r\nb\nc", "X:a\\nb\\nc\r\n")]
    #[case::controls("a\u{0}\u{1b}\u{7f}\u{85}b\tc", "X:abc\r\n")]
    fn text_is_escaped(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(line("X", text), expected);
    }

    #[test]
    fn line_is_folded_after_75_bytes_between_characters() {
        let text = "a".repeat(73);
        assert_eq!(line("X", &text), format!("X:{text}\r\n"));
        assert_eq!(
            line("X", &format!("{text}b")),
            format!("X:{text}\r\n b\r\n")
        );
        let owls = "🦉".repeat(19);
        let (first, rest) = owls.split_at(18 * 4);
        assert_eq!(line("X", &owls), format!("X:{first}\r\n {rest}\r\n"));
    }

    #[test]
    fn escape_is_not_split() {
        let text = "a".repeat(72);
        assert_eq!(
            line("X", &format!("{text},b")),
            format!("X:{text}\r\n \\,b\r\n")
        );
    }
}
