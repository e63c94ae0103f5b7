//! What all systems read pages with: text, dates, counts, sums of money, links and ids.
//!
//! Nothing here knows a system or reaches the network.

mod count;
mod date;
mod hash;
mod html;
mod money;
mod parse;
mod skeleton;
mod text;

pub use self::count::{first_number, must_agree, numbers};
pub use self::date::{find_date, iso_date, take_date, visible_date};
pub use self::hash::{make_distinct, own_id, stable_id};
pub use self::html::{Css, is_cut_short, must_differ, web_link};
pub use self::money::amount;
pub use self::parse::{parse_page, parse_piece};
pub use self::skeleton::of_page as skeleton;
pub use self::text::{decode_entities, element_text, element_text_without, join_title, tidy};

/// No library tells a patron more things at once than this; what a hostile page adds is left out, for
/// telling them apart takes time that grows with their square.
pub const MOST_MESSAGES: usize = 50;
