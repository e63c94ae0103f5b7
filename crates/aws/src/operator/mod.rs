//! Manages a deployed stack for the operator's command: finds its parts, starts its jobs, reads its logs, replays dead
//! letters, and checks its account.

pub mod dead_letters;
pub mod doctor;
pub mod jobs;
pub mod logs;
pub mod sam;
pub mod stack;
