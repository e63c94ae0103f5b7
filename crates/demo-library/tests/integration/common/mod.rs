//! Clients with cookie jars, and helpers for forms and pages.

use chrono::NaiveDate;
use reqwest::{Client, ClientBuilder, Response, redirect::Policy};
use scraper::{Html, Selector};
use serde_json::Value;

pub(crate) fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 21).unwrap()
}

/// A client with its own cookie jar.
pub(crate) fn new_client() -> Client {
    client_builder().build().unwrap()
}

/// A client with its own cookie jar that doesn't follow redirects.
pub(crate) fn client_without_redirects() -> Client {
    client_builder().redirect(Policy::none()).build().unwrap()
}

fn client_builder() -> ClientBuilder {
    // An error says that it has been done.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().cookie_store(true)
}

pub(crate) async fn get(client: &Client, url: &str) -> String {
    client.get(url).send().await.unwrap().text().await.unwrap()
}

pub(crate) fn location(response: &Response) -> String {
    response.headers()["location"].to_str().unwrap().to_owned()
}

/// The action of a form and its fields with their values, as a browser would send them.
pub(crate) fn form(page: &str, selector: &str) -> Option<(String, Vec<(String, String)>)> {
    let html = Html::parse_document(page);
    let form = html.select(&Selector::parse(selector).unwrap()).next()?;
    let fields = form
        .select(&Selector::parse("input[name]").unwrap())
        .filter(|input| !matches!(input.attr("type"), Some("checkbox" | "radio")))
        .map(|input| {
            let of = |name| input.attr(name).unwrap_or_default().to_owned();
            (of("name"), of("value"))
        })
        .collect();
    Some((form.attr("action").unwrap_or_default().to_owned(), fields))
}

pub(crate) fn set_field(fields: &mut [(String, String)], name: &str, value: &str) {
    let field = fields.iter_mut().find(|(known, _)| known == name);
    value.clone_into(&mut field.unwrap_or_else(|| panic!("no field {name}")).1);
}

pub(crate) fn texts(page: &str, selector: &str) -> Vec<String> {
    Html::parse_document(page)
        .select(&Selector::parse(selector).unwrap())
        .map(|element| {
            let text: String = element.text().collect();
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect()
}

/// The state inside a `BiblioCommons` page.
pub(crate) fn state(page: &str) -> Option<Value> {
    let html = Html::parse_document(page);
    let selector = Selector::parse("script[data-iso-key='_0']").unwrap();
    let text: String = html.select(&selector).next()?.text().collect();
    Some(serde_json::from_str(&text).unwrap())
}

/// Logs in at a `BiblioCommons` site. Returns the next page.
pub(crate) async fn log_in_bibliocommons(
    client: &Client,
    base: &str,
    number: &str,
    pin: &str,
) -> Response {
    let page = get(
        client,
        &format!("{base}/user/login?destination=%2Fv2%2Fcheckedout"),
    )
    .await;
    let (action, mut fields) = form(&page, "form.loginForm").expect("a login form");
    set_field(&mut fields, "name", number);
    set_field(&mut fields, "user_pin", pin);
    client.post(action).form(&fields).send().await.unwrap()
}

/// Logs in at a Sierra site. Returns the next page.
pub(crate) async fn log_in_sierra(
    client: &Client,
    base: &str,
    number: &str,
    pin: &str,
) -> Response {
    let page = get(client, &format!("{base}/patroninfo~S1")).await;
    let (action, mut fields) = form(&page, "form#fm1").expect("a login form");
    set_field(&mut fields, "code", number);
    set_field(&mut fields, "pin", pin);
    let url = format!("{base}{action}");
    client.post(url).form(&fields).send().await.unwrap()
}

/// Logs in at a Koha site of either generation. Returns the next page.
pub(crate) async fn log_in_koha(client: &Client, base: &str, number: &str, pin: &str) -> Response {
    let page = get(client, &format!("{base}/cgi-bin/koha/opac-user.pl")).await;
    let (action, mut fields) = form(&page, "form#auth").expect("a login form");
    let is_newer = fields.iter().any(|(name, _)| name == "login_userid");
    let prefix = if is_newer { "login_" } else { "" };
    set_field(&mut fields, &format!("{prefix}userid"), number);
    set_field(&mut fields, &format!("{prefix}password"), pin);
    let url = format!("{base}{action}");
    client.post(url).form(&fields).send().await.unwrap()
}
