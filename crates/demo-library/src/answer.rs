//! What a library answers to one request.

use std::cell::RefCell;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::delivery::{self, Delivery};
use crate::desk::Desk;
use crate::dialect::Dialect;
use crate::fault::Fault;
use crate::page::{Asked, Page};
use crate::state::SiteState;

/// What becomes of a request, and how fast.
pub(crate) struct Answer {
    pub(crate) delivery: Delivery,
    pub(crate) delay: Duration,
    /// The pause before each byte.
    pub(crate) drip: Duration,
}

/// Answers one request, as far as that can be said without waiting.
pub(crate) fn answer(
    state: &SiteState,
    asked: &Asked,
    number_in_log: usize,
    path_and_query: &str,
) -> Answer {
    let settings = state.switches.settings();
    let dialect = Dialect::of(state.site.system);
    let cookie = dialect.cookie;
    let session_id = asked.cookie(cookie);
    let session = state.with_sessions(|sessions| sessions.get(session_id.as_deref()?).cloned());
    let was_shown = session
        .as_ref()
        .is_some_and(|session| session.patron.is_some() && session.shown > 0);
    let is_login = dialect.is_login(asked);
    if is_login {
        state.logins.fetch_add(1, Ordering::SeqCst);
    }
    let is_used = |fault: &Fault| match fault {
        Fault::ForgetSession => was_shown,
        Fault::RedirectLogin { .. } => is_login,
        _ => true,
    };
    let method = asked.method.as_str();
    let is_patron = session
        .as_ref()
        .is_some_and(|session| session.patron.is_some());
    let faults = state
        .switches
        .faults_for(method, path_and_query, is_patron, is_used);
    if let Some(id) = &session_id
        && faults.contains(&Fault::ForgetSession)
    {
        state.with_sessions(|sessions| sessions.close(id));
    }
    let mut delay = settings.delay;
    let mut drip = Duration::ZERO;
    let mut desk = Desk {
        state,
        asked,
        cookie,
        surplus: 0,
        login_host: None,
        other_patron: None,
        tricky_titles: faults.contains(&Fault::TrickyTitles),
        patron_seen: RefCell::new(session.and_then(|session| session.patron)),
        settings,
    };
    for fault in &faults {
        match fault {
            Fault::Slow(more) => delay += *more,
            Fault::Drip(pause) => drip = *pause,
            Fault::WrongCounts => desk.surplus = 3,
            Fault::LoginFormElsewhere(base) => desk.login_host = Some(base.clone()),
            Fault::OtherPatron(number) => desk.other_patron = Some(number.clone()),
            _ => {}
        }
    }
    let changes_state = (dialect.changes_state)(asked);
    let delivery = delivery::instead(&faults, asked, dialect.system_error).unwrap_or_else(|| {
        let page = if changes_state {
            Page::html("<html><body><p>Your change was recorded.</p></body></html>".to_owned())
        } else {
            (dialect.page)(&desk)
        };
        if page.shows_account {
            state.count_shown(session_id.as_deref());
        }
        let latin_1 = desk.settings.latin_1;
        delivery::spoilt(page, &faults, cookie, dialect.renamed, latin_1)
    });
    let patron = desk.patron_seen.take();
    state.update(number_in_log, |seen| {
        seen.patron = patron;
        seen.is_login = is_login;
        seen.changes_state = changes_state;
    });
    Answer {
        delivery,
        delay,
        drip,
    }
}
