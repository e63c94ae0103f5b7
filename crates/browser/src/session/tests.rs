mod fetching;
mod logging_in;

use super::super::test_site::{
    NUMBER, PIN, Reply, TestLoginPermit, TestSite, Visitor, options, page, redirect, reply,
};
use super::*;

const LOGIN: &str = "<form method=post action=/in><input type=hidden name=lt value=token>\
                     <input name=number><input name=pin type=password></form>";

fn path(request: &str) -> &str {
    request.split(' ').nth(1).unwrap()
}

fn kind<T: fmt::Debug>(outcome: Result<T, Failure>) -> &'static str {
    outcome.unwrap_err().kind.as_str()
}

/// Gets the login page, fills its form in, and sends it.
async fn log_in(session: &mut Session<'_>) -> Result<Page, Failure> {
    let login = session.get(&session.url("login")?).await?;
    let mut form = Form::find(&login, "form")?;
    form.set_secret("number", &session.secret().number)
        .set_secret("pin", &session.secret().pin);
    session.log_in(form).await
}
