//! Schedules: when a job runs, and with which input. Each is declared once.

pub mod change_pause;
pub mod cron;
pub mod declaration;
pub mod expression;
pub mod pause;
pub mod recurrence;
mod words;

pub use self::cron::{Cron, DaySelection};
pub use self::declaration::{CatchUp, ClosedDays, OnFailure, Overlap, Schedule};
pub use self::expression::{Expression, InvalidExpression};
pub use self::pause::{Pause, unpaused_time};
pub use self::recurrence::{Occurrence, Recurrence};
