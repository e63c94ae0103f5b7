//! Schedules: when a job runs, and with which input. Each is declared once.

pub mod change_pause;
pub mod cron;
pub mod declaration;
mod describe;
pub mod expression;
pub mod pause;
pub mod recurrence;

pub use self::cron::{Cron, DaySelection};
pub use self::declaration::{CatchUp, ClosedDays, OnFailure, Overlap, Schedule};
pub use self::describe::describe_zone;
pub use self::expression::{Expression, InvalidExpression};
pub use self::pause::{Pause, unpaused_time};
pub use self::recurrence::{Occurrence, Recurrence};
