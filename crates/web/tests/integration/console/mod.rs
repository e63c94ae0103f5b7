//! The operator's console.

mod overview;
mod pages;
mod reads;
mod roles;
mod schedules;
mod start;
mod world;

pub(crate) use world::busy_web;
