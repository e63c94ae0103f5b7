//! Who is at the browser: cookies, sessions, and what each may open.

pub(crate) mod cookies;
pub(crate) mod form_browser;
pub(crate) mod form_token;
pub(crate) mod next_page;
pub(crate) mod operator;
pub(crate) mod session;
pub(crate) mod step_up;
pub(crate) mod waiting_identity;
