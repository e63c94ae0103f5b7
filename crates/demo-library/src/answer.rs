//! Decides the answer to a request.

use std::cell::RefCell;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::delivery::{self, Delivery};
use crate::dialect::Dialect;
use crate::fault::Fault;
use crate::page::{Page, SiteRequest};
use crate::page_context::PageContext;
use crate::state::SiteState;

/// How to answer a request.
pub(crate) struct Answer {
    pub(crate) delivery: Delivery,
    pub(crate) delay: Duration,
    /// The pause before each byte.
    pub(crate) drip: Duration,
}

/// Decides the answer to a request, without waiting.
pub(crate) fn answer(
    state: &SiteState,
    request: &SiteRequest,
    log_number: usize,
    path_and_query: &str,
) -> Answer {
    let settings = state.switches.settings();
    let dialect = Dialect::for_system(state.site.system);
    let cookie = dialect.cookie;
    let session_id = request.session_id(cookie);
    let session = state.with_sessions(|sessions| sessions.get(session_id.as_deref()?).cloned());
    let was_shown = session
        .as_ref()
        .is_some_and(|session| session.patron.is_some() && session.account_pages_shown > 0);
    let is_login = dialect.is_login(request);
    if is_login {
        state.logins.fetch_add(1, Ordering::SeqCst);
    }
    let is_used = |fault: &Fault| match fault {
        Fault::ForgetSession => was_shown,
        Fault::RedirectLogin { .. } => is_login,
        _ => true,
    };
    let method = request.method.as_str();
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
    let mut context = PageContext {
        state,
        request,
        cookie,
        surplus: 0,
        login_host: None,
        other_patron: None,
        tricky_titles: faults.contains(&Fault::TrickyTitles),
        request_patron: RefCell::new(session.and_then(|session| session.patron)),
        settings,
    };
    for fault in &faults {
        match fault {
            Fault::Slow(more) => delay += *more,
            Fault::Drip(pause) => drip = *pause,
            Fault::WrongCounts => context.surplus = 3,
            Fault::LoginFormElsewhere(base) => context.login_host = Some(base.clone()),
            Fault::OtherPatron(number) => context.other_patron = Some(number.clone()),
            _ => {}
        }
    }
    let changes_state = dialect.changes_state(request);
    let delivery = delivery::find_replacement(&faults, request, dialect.system_error)
        .unwrap_or_else(|| {
            let page = if changes_state {
                Page::html("<html><body><p>Your change was recorded.</p></body></html>".to_owned())
            } else {
                dialect.page(&context)
            };
            if page.shows_account {
                state.count_shown(session_id.as_deref());
            }
            let latin_1 = context.settings.latin_1;
            delivery::apply_faults(page, &faults, cookie, dialect.renamed, latin_1)
        });
    let patron = context.request_patron.take();
    state.update(log_number, |entry| {
        entry.patron = patron;
        entry.is_login = is_login;
        entry.changes_state = changes_state;
    });
    Answer {
        delivery,
        delay,
        drip,
    }
}
