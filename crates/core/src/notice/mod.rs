//! What one family is told for one local day, and how far its sending got.
//!
//! [`digest`] decides what to tell, [`subject`] and [`render`] put it into words, [`told`] is what
//! the next notice compares with, [`record`] is how far the sending got.

pub mod record;
pub mod told;
