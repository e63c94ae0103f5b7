//! `BiblioCommons` V2: a login form with a token, and account pages that contain their state as JSON.
//!
//! Paths: `/user/login?destination=`, `/user/logout`, `/user_dashboard`, `/v2/checkedout` (`/out`, `/overdue`),
//! `/v2/holds` and its four states; lists are paged by 25 with `?page=`.

mod state;

use std::fmt::Write as _;

use axum::http::Method;
use serde_json::{Value, json};

use self::state::List;
use crate::page::{Page, SiteRequest, escape, percent_encode, script_json};
use crate::page_context::PageContext;

/// The session cookie. `bc_access_token` must be sent with it.
pub(crate) const COOKIE: &str = "session_id";

const ACCESS_COOKIE: &str = "bc_access_token";

/// The names that a changed layout replaces.
pub(crate) const RENAMED: &[(&str, &str)] = &[
    ("data-iso-key", "data-page-store"),
    ("loginForm", "enterForm"),
    ("login_form", "enter_form"),
    ("authenticity_token", "page_seal"),
    ("user_pin", "secret_number"),
    ("name=\"name\"", "name=\"who\""),
    ("\"borrowing\"", "\"circulation\""),
    ("\"entities\"", "\"things\""),
    ("\"currentUserId\"", "\"visitor\""),
    ("log_out_btn", "leave_btn"),
];

pub(crate) fn is_login_path(path: &str) -> bool {
    path == "/user/login"
}

pub(crate) fn changes_state(request: &SiteRequest) -> bool {
    let changing = [
        "/checkedout/renew",
        "/holds/cancel",
        "/holds/suspend/",
        "/holds/place",
    ];
    changing.iter().any(|part| request.path.contains(part))
        || (request.method != Method::GET && request.path != "/user/login")
}

pub(crate) fn page(context: &PageContext<'_>) -> Page {
    match (&context.request.method, context.request.path.as_str()) {
        (&Method::POST, "/user/login") => log_in(context),
        (_, "/user/login") if is_logged_in(context) => Page::redirect(destination(context)),
        (_, "/user/login") => login_page(context, None),
        (_, "/user/logout") => context
            .log_out(format!("{}/", context.request.base))
            .without_cookie(ACCESS_COOKIE),
        (_, "/user_dashboard") => dashboard(context),
        (_, "/") => Page::html(frame(
            context,
            "Catalogue",
            "<p>Search our shelves.</p>",
            "",
        )),
        (_, path) => match List::at(path) {
            Some(list) => account_page(context, list),
            None => Page::not_found(),
        },
    }
}

fn is_logged_in(context: &PageContext<'_>) -> bool {
    context.session().is_some_and(|(_, session)| {
        session.patron.is_some()
            && context.request.cookie(ACCESS_COOKIE).as_deref() == Some(&session.access_token)
    })
}

/// The page after a login: a path of this site, never another host.
fn destination(context: &PageContext<'_>) -> String {
    let path = context
        .request
        .parameter("destination")
        .filter(|path| path.starts_with('/') && !path.starts_with("//"))
        .unwrap_or_else(|| "/user_dashboard".to_owned());
    format!("{}{path}", context.request.base)
}

fn login_page(context: &PageContext<'_>, error: Option<&str>) -> Page {
    let (id, session) = context.session_or_new();
    let token = escape(&session.form_token);
    let action = escape(&format!(
        "{}/user/login?destination={}",
        context.login_base(),
        percent_encode(
            &context
                .request
                .parameter("destination")
                .unwrap_or_else(|| "/user_dashboard".to_owned())
        )
    ));
    let hidden = format!(
        r#"<div style="display:inline"><input name="utf8" type="hidden" value="&#x2713;" /><input name="authenticity_token" type="hidden" value="{token}" /></div>"#
    );
    let message = error.map_or_else(String::new, |error| {
        format!(
            r#"<div class="messaging" data-test-id="top-message-container"><div class="messageContent"><div class="top_message error" role="alert">{}</div></div></div>"#,
            escape(error)
        )
    });
    let main = format!(
        r#"{message}
<div class="row"><div class="col-xs-12">
<form accept-charset="UTF-8" action="{action}" class="loginForm left" data-js="login_form" id="login_demo" method="post">{hidden}
<label for="user_name_demo">Card number or user name</label>
<input class="field_username text" data-js="username_login" id="user_name_demo" name="name" testid="field_username" type="text" />
<label for="user_pin_demo">PIN</label>
<input class="text" id="user_pin_demo" name="user_pin" testid="field_userpin" type="password" value="" />
<input class="rememberMe" id="remember_demo" name="remember_me" testid="checkbox_rememberme" type="checkbox" value="true" /> <label for="remember_demo">Stay signed in here</label>
<input id="local" name="local" type="hidden" value="false" />
<input class="btn btn-primary" data-js="button_login" name="commit" testid="button_login" type="submit" value="Sign in" />
</form>
</div></div>
<form accept-charset="UTF-8" action="/reviews/flag/0" class="flag_form" id="flag_form_demo" method="post" style="display:none">{hidden}
<input name="violation_type" type="radio" value="OTHER" /><input name="commit" type="submit" value="Report" /></form>
<form accept-charset="UTF-8" action="/user/save_search" class="save_search_form" data-js="save_search_form" method="post">{hidden}
<input name="search_name" type="text" value="" /></form>"#
    );
    let state = error.map_or_else(String::new, |error| {
        let auth = json!({
            "auth": {
                "currentUserId": null,
                "loginError": {"message": error},
                "loginDialogOpen": false,
            }
        });
        format!(
            "<script type=\"application/json\" data-iso-key=\"_0\">{}</script>",
            script_json(&auth)
        )
    });
    let head = format!(
        r#"<meta content="authenticity_token" name="csrf-param" /><meta content="{token}" name="csrf-token" />"#
    );
    let html =
        frame(context, "Sign in", &main, &state).replacen("</head>", &format!("{head}</head>"), 1);
    Page::html(html).with_cookie(COOKIE, &id)
}

fn log_in(context: &PageContext<'_>) -> Page {
    let by_script = context.request.is_from_script()
        || context
            .request
            .header("accept")
            .is_some_and(|accept| accept.starts_with("application/json"));
    let token = context
        .request
        .field("authenticity_token")
        .or(context.request.header("x-csrf-token"));
    let known = context
        .session()
        .is_some_and(|(_, session)| token == Some(session.form_token.as_str()));
    if !known {
        let text = "<p>This form has gone stale. Please open the page anew.</p>";
        return Page::html(frame(context, "Stale form", text, "")).with_status(422);
    }
    let number = context.request.field("name").unwrap_or_default();
    let pin = context.request.field("user_pin").unwrap_or_default();
    if !context.log_in(number, pin, None) {
        let says_so = !context.settings.refuses_silently;
        let error = says_so.then_some("We do not know this card number and PIN.");
        if by_script {
            let messages: Vec<_> = error
                .iter()
                .map(|error| json!({"type": "error", "key": error}))
                .collect();
            return Page::json(&json!({"logged_in": false, "messages": messages}));
        }
        return login_page(context, error);
    }
    let (id, session) = context.open_session(number.trim());
    let page = if by_script {
        Page::json(&json!({"logged_in": true, "messages": [], "destination": destination(context)}))
    } else {
        Page::redirect(destination(context))
    };
    page.with_cookie(COOKIE, &id)
        .with_cookie(ACCESS_COOKIE, &session.access_token)
}

fn to_login(context: &PageContext<'_>) -> Page {
    Page::redirect(format!(
        "{}/user/login?destination={}",
        context.request.base,
        percent_encode(&context.request.path)
    ))
}

fn dashboard(context: &PageContext<'_>) -> Page {
    if !is_logged_in(context) {
        return to_login(context);
    }
    let main = r#"<ul class="dashboard_links">
<li><a href="/v2/checkedout">Checked out</a></li><li><a href="/v2/holds">On hold</a></li></ul>"#;
    Page::html(frame(context, "My dashboard", main, "")).showing_account()
}

fn account_page(context: &PageContext<'_>, list: List) -> Page {
    let patron = if is_logged_in(context) {
        context.patron()
    } else {
        None
    };
    let Some((index, patron)) = patron else {
        if !context.settings.anonymous_pages {
            return to_login(context);
        }
        let state = state::anonymous_state(context);
        let html = frame(context, "My borrowing", "", &iso_script(context, &state));
        return Page::html(html);
    };
    let state = state::account_state(context, list, index, &patron);
    let title = match list {
        List::AllLoans | List::Loans(_) => "Checked Out",
        List::AllHolds | List::Holds(_) => "On Hold",
    };
    Page::html(frame(
        context,
        title,
        &visible_list(&state),
        &iso_script(context, &state),
    ))
    .showing_account()
}

/// The visible list: the entries again, with links that change something.
fn visible_list(state: &Value) -> String {
    let mut html = String::from("<ul class=\"cp-item-list\">\n");
    // Writing to a String cannot fail.
    for (entities, act) in [
        ("checkouts", "/checkedout/renew"),
        ("holds", "/holds/cancel"),
    ] {
        let entries = state
            .pointer(&format!("/entities/{entities}"))
            .and_then(Value::as_object);
        for (id, entry) in entries.into_iter().flatten() {
            let title = entry
                .get("bibTitle")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let _ = writeln!(
                html,
                r#"<li class="cp-batch-actions-list-item"><h3 class="cp-title"><a href="/v2/record/{id}"><span class="title-content">{}</span></a></h3><a class="btn" href="{act}/{id}">Change</a></li>"#,
                escape(title)
            );
        }
    }
    html.push_str("</ul>");
    html
}

fn iso_script(context: &PageContext<'_>, state: &Value) -> String {
    let mut text = script_json(state);
    let filler = &context.state.filler.json;
    if !filler.is_empty() {
        // Real pages have all texts of their user interface among these messages.
        text = text.replacen("\"FORMAT.ab\"", &format!("{filler},\"FORMAT.ab\""), 1);
    }
    format!("<script type=\"application/json\" data-iso-key=\"_0\">{text}</script>")
}

/// The frame of a page: header, search forms, and the state at the end.
fn frame(context: &PageContext<'_>, title: &str, main: &str, state: &str) -> String {
    let library = context.library();
    let base = escape(&context.request.base);
    let out = if is_logged_in(context) {
        format!(
            r#"<a href="{base}/user/logout" class="btn log_out_btn" testid="biblionav_logout">Leave</a>"#
        )
    } else {
        format!(r#"<a href="{base}/user/login" class="btn log_in_btn">Sign in</a>"#)
    };
    let menu = if state.is_empty() {
        ""
    } else {
        context.state.filler.html.as_str()
    };
    format!(
        r#"<!DOCTYPE html>
<html lang="en-US"><head><meta charset="utf-8">
<title data-react-helmet="true">{title} | {library}</title>
</head>
<body>
<div data-iso-key="_0"><div id="react-root">
<header class="cp_header" data-js="cp_header">
<form action="{base}/search" class="collapsible_search_form" id="desktop_search_form" name="desktop_search_form"><input name="search_category" type="hidden" value="keyword" /><input name="q" type="search" /></form>
<form accept-charset="UTF-8" action="{base}/search" id="mobile_search_form" method="get" name="mobile_search_form"><input name="utf8" type="hidden" value="&#x2713;" /><input name="q" type="search" /></form>
{out}
<ul class="shelf-menu">{menu}</ul>
</header>
<main>
<h1>{title}</h1>
{main}
</main>
</div></div>
{state}
</body></html>
"#
    )
}
