//! What the operator's command does with a deployed stack: finds its parts, starts its jobs, puts dead letters
//! back, and checks what it needs from its account.

pub mod dead_letters;
pub mod doctor;
pub mod jobs;
pub mod stack;
