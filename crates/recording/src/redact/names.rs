//! Names: what any site has, or a reader looks for, stays; so does what is shaped as a name where a site's own
//! names stand. All else in a name is filled.

use super::Redactor;
use crate::allow_list;

/// A part of a name that is longer than this is more likely a value.
const MAX_PART_CHARS: usize = 40;

/// What stands in the list of what was kept for a part that was filled.
const FILLED: &str = "…";

/// By whom a name may have been given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// By the site's makers: the name of a class, an id, a field, a key.
    Site,
    /// By anyone: only known words stay.
    Anyone,
    /// By someone whose words are none of ours: nothing stays.
    Nobody,
}

/// A name as it is written, and as it is shown among what was kept.
#[derive(Default)]
struct Filled {
    written: String,
    shown: String,
}

impl Filled {
    fn keep(&mut self, text: &str) {
        self.written.push_str(text);
        self.shown.push_str(text);
    }

    fn fill(&mut self, filler: &str) {
        self.written.push_str(filler);
        if !self.shown.ends_with(FILLED) {
            self.shown.push_str(FILLED);
        }
    }
}

impl Redactor {
    /// The names of classes, of an id, of a field: one or several, with spaces between.
    pub(crate) fn names(&mut self, names: &str) -> String {
        self.each_name(names, By::Site)
    }

    /// As [`Self::names`], where a name has no spaces in it: with some it is a text.
    pub(crate) fn name(&mut self, name: &str) -> String {
        let by = if name.trim().contains(char::is_whitespace) {
            By::Anyone
        } else {
            By::Site
        };
        self.each_name(name, by)
    }

    /// A name of which only known words stay.
    pub(super) fn name_by_anyone(&mut self, name: &str) -> String {
        self.each_name(name, By::Anyone)
    }

    /// The name of a header or a cookie: as it is, or filled.
    pub(super) fn known_or_filled(&mut self, name: &str, is_known: bool) -> String {
        if is_known && !self.filler.is_barred(name) {
            self.kept.name(name);
            return name.to_owned();
        }
        self.one_name(name, By::Nobody).written
    }

    /// The name of an element: one that there is stays one, and no other becomes one.
    pub(super) fn element(&mut self, name: &str) -> String {
        if allow_list::is_element(name) {
            return name.to_owned();
        }
        let filled = self.one_name(name, By::Anyone).written;
        if allow_list::is_element(&filled) {
            return "x".repeat(filled.chars().count());
        }
        filled
    }

    /// The name of an attribute.
    pub(super) fn attribute_name(&mut self, name: &str) -> String {
        let filled = if allow_list::is_attribute(name) {
            self.one_name(name, By::Site).written
        } else {
            self.one_name(name, By::Anyone).written
        };
        filled.replace(['"', '\'', '<', '>', '=', '/', ' '], "_")
    }

    fn each_name(&mut self, names: &str, by: By) -> String {
        let mut written = String::with_capacity(names.len());
        for part in names.split_inclusive(char::is_whitespace) {
            let name = part.trim_end();
            let filled = self.one_name(name, by);
            if filled.shown.chars().any(char::is_alphanumeric) {
                self.kept.name(&filled.shown);
            }
            written.push_str(&filled.written);
            if name.len() < part.len() {
                written.push(' ');
            }
        }
        written
    }

    fn one_name(&mut self, name: &str, by: By) -> Filled {
        let mut filled = Filled::default();
        let is_shaped = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-:.@/$*+%#[]{}()\\".contains(c));
        // `@click` is a name; what has more before the sign is an address of mail.
        let is_address = name.get(1..).is_some_and(|rest| rest.contains('@'));
        let by = if self.filler.is_barred(name) {
            By::Nobody
        } else if by == By::Site && (!is_shaped || is_address) {
            By::Anyone
        } else {
            by
        };
        let mut in_brackets = 0_usize;
        let mut rest = name;
        while let Some(first) = rest.chars().next() {
            // `due-2026-11-21`: beside a date that was moved, its day and month would tell by how much.
            if first.is_ascii_digit()
                && let Some((length, moved)) = self.dates.at(rest, &self.filler)
            {
                filled.fill(&moved);
                rest = rest.get(length..).unwrap_or_default();
                continue;
            }
            if first.is_alphanumeric() {
                let end = rest
                    .find(|c: char| !c.is_alphanumeric())
                    .unwrap_or(rest.len());
                let (piece, after) = rest.split_at(end);
                // `hold[Title]`: in brackets stands what it is the hold of.
                let by = if in_brackets > 0 && by == By::Site {
                    By::Anyone
                } else {
                    by
                };
                self.piece(piece, by, &mut filled);
                rest = after;
                continue;
            }
            match first {
                '[' | '{' | '(' => in_brackets += 1,
                ']' | '}' | ')' => in_brackets = in_brackets.saturating_sub(1),
                _ => {}
            }
            let is_plain = first.is_ascii_graphic() || first == ' ';
            filled.keep(if is_plain {
                rest.get(..1).unwrap_or("_")
            } else {
                "_"
            });
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
        filled
    }

    /// A run of letters and digits within a name.
    fn piece(&mut self, piece: &str, by: By, filled: &mut Filled) {
        let is_plain =
            piece.is_ascii() && piece.len() <= MAX_PART_CHARS && !self.filler.is_barred(piece);
        if !is_plain || by == By::Nobody {
            filled.fill(&self.filler.word(piece));
            return;
        }
        let letters = piece
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(piece.len());
        let (before, from) = piece.split_at(letters);
        let end = from
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        let digits = piece.bytes().filter(u8::is_ascii_digit).count();
        // `col2`, `h1`; a longer mixture is more likely a token.
        let is_name = digits <= 2 && (after.is_empty() || piece.len() <= 12);
        if is_name {
            self.letters(piece, by, filled);
            return;
        }
        // `cancelb1234567x00`: the number alone is a value.
        let is_numbered =
            after.len() <= 4 && after.bytes().filter(u8::is_ascii_alphabetic).count() <= 1;
        if !before.is_empty() && is_numbered {
            self.letters(before, by, filled);
            filled.fill(&self.filler.word(number));
            filled.keep(after);
        } else {
            filled.fill(&self.filler.word(piece));
        }
    }

    /// `patFuncTitle`, `h1`, `CPL`: a site's own names begin small, or are known.
    fn letters(&mut self, piece: &str, by: By, filled: &mut Filled) {
        if by == By::Site
            && piece.starts_with(|c: char| c.is_ascii_lowercase())
            && !self.is_said(piece)
        {
            filled.keep(piece);
            return;
        }
        if allow_list::is_piece(piece) {
            filled.keep(piece);
            return;
        }
        for word in allow_list::words(piece) {
            let is_number = word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit());
            if is_number || allow_list::is_piece(word) {
                filled.keep(word);
            } else {
                filled.fill(&self.filler.word(word));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::redact::tests::redactor;

    #[rstest]
    #[case("patFuncTitle col2 sr-only", "patFuncTitle col2 sr-only")]
    #[case("opac-user-checkouts_panel", "opac-user-checkouts_panel")]
    #[case("READY_FOR_PICKUP", "READY_FOR_PICKUP")]
    #[case("md:w-1/2", "md:w-1/2")]
    fn a_sites_own_names_stay(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(redactor().names(name), expected);
    }

    #[rstest]
    #[case("branch-CPL")]
    #[case("CPL")]
    #[case("user-Okafor")]
    #[case("OkaforTable")]
    #[case("hold[The CPL Okafor]")]
    #[case("okafor's")]
    #[case("okafor,ada")]
    #[case("fmé-okafor")]
    fn what_looks_like_peoples_words_is_filled(#[case] name: &str) {
        let mut redactor = redactor();
        let filled = redactor.names(name);
        assert_eq!(filled.chars().count(), name.chars().count(), "{filled}");
        for word in ["CPL", "okafor"] {
            assert!(
                !filled.to_lowercase().contains(&word.to_lowercase()),
                "{filled}"
            );
        }
        let kept = format!("{:?}", redactor.kept);
        assert!(!kept.contains(&filled), "{kept}");
    }

    #[rstest]
    #[case("bib-the-quiet-okafor")]
    #[case("okafor")]
    #[case("user_okafor")]
    #[case("hold-okafor42")]
    #[case("okaforTable")]
    #[case("nora.wren@example.org")]
    fn a_name_made_of_what_the_pages_say_is_filled(#[case] name: &str) {
        let mut redactor = redactor();
        redactor.learn_said("<p>OKAFOR, Nora <b>The Quiet Ok&#97;for</b> Holds</p>");
        let filled = redactor.names(name);
        assert_eq!(filled.chars().count(), name.chars().count(), "{filled}");
        for word in ["okafor", "quiet", "nora", "wren"] {
            assert!(!filled.contains(word), "{filled}");
        }
        assert_eq!(redactor.names("holds-x_panel"), "holds-x_panel");
        let kept = format!("{:?}", redactor.kept);
        assert!(!kept.contains(&filled), "{kept}");
    }

    #[test]
    fn a_date_in_a_name_is_moved_as_others_are() {
        let filled = redactor().names("due-2026-11-21 cal_11-21-26_x");
        assert_eq!(filled, "due-2026-11-22 cal_11-22-26_x");
    }

    #[rstest]
    #[case("okaforform")]
    #[case("b-okafor")]
    #[case("q")]
    fn no_element_becomes_another(#[case] name: &str) {
        let mut redactor = redactor();
        for _ in 0..50 {
            let filled = redactor.element(name);
            let is_same = filled == name;
            assert_eq!(crate::allow_list::is_element(&filled), is_same, "{filled}");
        }
    }
}
