//! The operator's console.

mod overview;
mod pages;
mod reads;
mod roles;
mod schedules;
mod start;
mod world;

pub(crate) use overview::text_of;
pub(crate) use world::{add_mail, busy_web, failed_mail};
