//! What the operator's command does with a deployed stack: finds its parts, starts its jobs, and puts dead
//! letters back.

pub mod dead_letters;
pub mod jobs;
pub mod stack;
