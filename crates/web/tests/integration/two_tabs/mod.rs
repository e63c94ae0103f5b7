//! Two tabs change the same thing: the second is told, and changes nothing. The same form sent twice is no
//! mistake.

mod cards;
mod double_click;
mod lists;
mod schedules;
mod settings;
