//! Reads text, dates, counts, sums of money, links and ids from pages of any system.
//!
//! It knows no system, and makes no requests.

mod card_number;
mod count;
mod css;
mod date;
mod date_in_words;
mod hash;
mod html;
mod messages;
mod money;
mod now;
mod parse;
mod parsed_page;
mod session;
mod skeleton;
mod stored;
mod text;
mod words;
pub mod work;

use hippo_core::failure::Failure;

pub use self::card_number::{is_another_card, is_mask};
pub use self::count::{check_declared_count, first_number, numbers};
pub use self::css::{Css, is_hidden, visible_text};
pub use self::date::{
    DateOrNever, NEVER_PHRASES, find_date, parse_iso_date, parse_iso_date_or_never,
    require_date_or_never, split_date, split_date_or_never, starts_with_never, strip_never,
};
pub use self::date_in_words::find_date_in_words;
pub use self::hash::{site_id, stable_id, work_id};
pub use self::html::{has_tag, is_cut_short, reject_duplicate_rows, web_link};
pub use self::messages::MAX_MESSAGES;
pub use self::messages::Messages;
pub use self::money::{amount, amount_after_label, currency};
pub use self::now::{
    WORDS_NEGATING_READY_AFTER, WORDS_NEGATING_READY_BEFORE, WORDS_OF_A_CONDITION, has_happened,
    is_ready_now,
};
pub use self::parse::{parse_fragment, parse_page};
pub use self::parsed_page::{Child, Element, ParsedPage};
pub use self::session::is_session_over;
pub use self::skeleton::of_page as skeleton;
pub use self::stored::prepare_to_store;
pub use self::text::{
    element_lines, element_lines_without, element_text, element_text_without, join_title,
    non_empty_text, tidy,
};
pub use self::words::{text_after_start, text_after_words, text_around_words};
pub use hippo_core::text::decode_entities;

/// The maximum number of entries in a list; no library lends one patron that many.
pub const MAX_ENTRIES: usize = 5_000;

/// Fails with `page_changed` for a list with more entries than [`MAX_ENTRIES`].
pub fn check_entry_count(entries: usize, what: &str) -> Result<(), Failure> {
    if entries > MAX_ENTRIES {
        return Err(Failure::page_changed(format!(
            "more than {MAX_ENTRIES} {what}"
        )));
    }
    Ok(())
}
