//! Reads text, dates, counts, sums of money, links and ids from pages of any system.
//!
//! Without knowledge of a system and without network access.

mod count;
mod date;
mod hash;
mod html;
mod messages;
mod money;
mod now;
mod parse;
mod session;
mod skeleton;
mod stored;
mod text;
pub mod work;

use hippo_core::failure::Failure;

pub use self::count::{check_declared_count, first_number, numbers};
pub use self::date::{
    Day, ENDLESS, find_date, is_endless, iso_date, iso_day, strip_endless, take_date, take_day,
    visible_day,
};
pub use self::hash::{make_distinct, site_id, stable_id};
pub use self::html::{Css, is_cut_short, reject_duplicate_rows, web_link};
pub use self::messages::MAX_MESSAGES;
pub use self::messages::Messages;
pub use self::money::{amount, amount_after_label, currency};
pub use self::now::{NOT_NOW_AFTER, NOT_NOW_BEFORE, is_about_now};
pub use self::parse::{parse_fragment, parse_page};
pub use self::session::is_session_over;
pub use self::skeleton::of_page as skeleton;
pub use self::stored::truncate_stored_texts;
pub use self::text::{decode_entities, element_text, element_text_without, join_title, tidy};

/// The most entries of a list. No patron may borrow that many.
pub const MAX_ENTRIES: usize = 5_000;

/// `page_changed` for a list with more entries than [`MAX_ENTRIES`].
pub fn check_entry_count(entries: usize, what: &str) -> Result<(), Failure> {
    if entries > MAX_ENTRIES {
        return Err(Failure::page_changed(format!(
            "more than {MAX_ENTRIES} {what}"
        )));
    }
    Ok(())
}
