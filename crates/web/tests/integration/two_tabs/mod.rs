//! Two tabs change the same thing: the second gets a conflict, and changes nothing. The same form sent twice
//! succeeds.

mod cards;
mod double_click;
mod lists;
mod schedules;
mod settings;
