//! Manages a deployed stack for the operator's command: finds its parts, starts its jobs, replays dead
//! letters, and checks its account.

pub mod dead_letters;
pub mod doctor;
pub mod jobs;
pub mod stack;
