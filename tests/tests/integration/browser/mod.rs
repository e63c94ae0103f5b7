//! The pages in a real browser: the real `hippo serve`, with real libraries on loopback.

mod console;
mod everybody;
mod forms;
mod mails;
mod pins;
mod sign_in;
mod world;
