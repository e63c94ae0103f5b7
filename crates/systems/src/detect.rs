//! Detects the system of a library's site from its pages.
//!
//! It fetches a handful of pages, as any visitor would. It fills in no form and sends no login.

use std::collections::{BTreeMap, VecDeque};

use async_trait::async_trait;
use hippo_browser::reading::{Css, parse_page};
use hippo_browser::{BrowserOptions, Connections, Session, is_loopback};
use hippo_core::card::CardSecret;
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::library::Library;
use hippo_core::site::{LoginPermit, PermitError};
use secrecy::SecretString;
use url::Url;

use crate::fingerprint::{Detector, FetchedPage, SiteLocation};
use crate::registry::{SYSTEMS, system};
use crate::system::System;

/// The most pages to request before a system is found. One more may be requested to try https.
pub const MAX_PAGES: usize = 5;

/// A system that a site runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectedSystem {
    /// The system's name.
    pub system: &'static str,
    /// The site's location.
    pub site: SiteLocation,
    /// The evidence: a page's address, and the fingerprint found there.
    pub evidence: Vec<String>,
}

/// The result of a detection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    /// The systems whose fingerprints were found; usually one.
    pub found: Vec<DetectedSystem>,
    /// The pages that were requested, with the failures of those that were not delivered.
    pub asked: Vec<RequestedPage>,
}

impl Detection {
    /// Returns why no page could be inspected; `None` if one was.
    pub fn no_page_reason(&self) -> Option<NoPageReason> {
        let failures: Option<Vec<&Failure>> = self
            .asked
            .iter()
            .map(|asked| asked.failure.as_ref())
            .collect();
        let failures = failures?;
        let is_any = |kind| failures.iter().any(|failure| failure.kind == kind);
        let is_all = |kind| failures.iter().all(|failure| failure.kind == kind);
        Some(if is_all(FailureKind::SiteDown) {
            NoPageReason::NoAnswer
        } else if is_any(FailureKind::SiteRefused) {
            NoPageReason::Refused
        } else {
            NoPageReason::NoPage
        })
    }
}

/// Why no page of a site could be inspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPageReason {
    /// Nobody answered, or the site is down.
    NoAnswer,
    /// The site turns programs away.
    Refused,
    /// The site answered, but there is no page at that address.
    NoPage,
}

/// A page that was requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedPage {
    /// The page's address.
    pub url: Url,
    /// Why there was no page to inspect, if so.
    pub failure: Option<Failure>,
}

/// Detects which system a site runs.
///
/// It starts with the given page. Then come the account pages of the sites that it links to, and the account pages
/// that each system would have here, until a system is recognised or [`MAX_PAGES`] are requested. A system whose
/// sites have hosts of their own comes last.
pub async fn detect(url: &Url, options: &BrowserOptions) -> Result<Detection, Failure> {
    let connections =
        Connections::new(options).map_err(|error| Failure::not_tried(error.to_string()))?;
    let library = placeholder_library(url)?;
    let (secret, permit) = (no_secret(), NoLogin);
    let mut session = Session::new(&connections, &library, &secret, &permit);
    let mut waiting: VecDeque<Url> = VecDeque::from([url.clone()]);
    let mut detection = Detection {
        found: Vec::new(),
        asked: Vec::new(),
    };
    let mut guessed: Vec<Url> = Vec::new();
    let mut has_guessed = false;
    while detection.found.is_empty() && detection.asked.len() < MAX_PAGES {
        let Some(next) = waiting.pop_front() else {
            if has_guessed {
                break;
            }
            has_guessed = true;
            let systems = detectable_systems();
            let mut systems: Vec<_> = systems
                .filter(|(_, detector)| detector.is_worth_a_guess() || detector.is_address(url))
                .collect();
            systems
                .sort_by_key(|(_, detector)| detector.has_own_hosts() && !detector.is_address(url));
            guessed.extend(
                systems
                    .into_iter()
                    .filter_map(|found| account_page(found, url)),
            );
            waiting.extend(guessed.iter().cloned());
            continue;
        };
        if detection.asked.iter().any(|asked| asked.url == next) {
            continue;
        }
        let page = match session.get(&next).await {
            Ok(page) => parse_page(&page.body).map(|html| (page.url, html)),
            Err(failure) => Err(failure),
        };
        let failure = page.as_ref().err().map(without_remedy);
        let is_first = detection.asked.is_empty();
        let asks_no_more = failure.as_ref().is_some_and(|failure| {
            let is_shut = matches!(
                failure.kind,
                FailureKind::SiteDown | FailureKind::SiteRefused
            );
            // The site doesn't answer, or asks for a pause.
            (is_first && is_shut) || failure.retry_after.is_some()
        });
        let is_guessed = guessed.contains(&next);
        detection.asked.push(RequestedPage { url: next, failure });
        if asks_no_more {
            break;
        }
        let Ok((url, html)) = page else { continue };
        let fetched_page = FetchedPage {
            url: &url,
            is_guessed,
            html: &html,
        };
        detection.found = recognise(&fetched_page);
        // Links to a catalogue come before guesses.
        for link in linked_account_pages(&fetched_page).into_iter().rev() {
            waiting.push_front(link);
        }
        if let Some(next) = refresh_target(&fetched_page) {
            waiting.push_front(next);
        }
    }
    prefer_https(&mut session, &mut detection).await;
    Ok(detection)
}

/// Replaces the site's http URL by https if the same system answers there: a PIN is sent only by https.
async fn prefer_https(session: &mut Session<'_>, detection: &mut Detection) {
    let is_plain = |found: &DetectedSystem| {
        let url = &found.site.base_url;
        url.scheme() == "http" && !is_loopback(url)
    };
    let Some(plain) = detection.found.iter().find(|found| is_plain(found)) else {
        return;
    };
    let Some(system) = system(plain.system) else {
        return;
    };
    let mut secure = plain.site.base_url.clone();
    if secure.port().is_some() || secure.set_scheme("https").is_err() {
        return;
    }
    let library = Library {
        options: plain.site.options.clone(),
        ..match placeholder_library(&secure) {
            Ok(library) => library,
            Err(_) => return,
        }
    };
    let Some(url) = system.account_url(&library) else {
        return;
    };
    let page = match session.get(&url).await {
        Ok(page) => parse_page(&page.body).map(|html| (page.url, html)),
        Err(failure) => Err(failure),
    };
    let failure = page.as_ref().err().map(without_remedy);
    detection.asked.push(RequestedPage { url, failure });
    let Ok((url, html)) = page else { return };
    let found = recognise(&FetchedPage {
        url: &url,
        is_guessed: true,
        html: &html,
    });
    if !found.is_empty() && !found.iter().any(is_plain) {
        detection.found = found;
    }
}

/// Drops the failure's remedy, because there is no library entry to correct.
fn without_remedy(failure: &Failure) -> Failure {
    Failure {
        remedy: None,
        ..failure.clone()
    }
}

/// Lists the systems whose sites can be recognised.
fn detectable_systems() -> impl Iterator<Item = (&'static dyn System, &'static dyn Detector)> {
    let systems = SYSTEMS.iter().copied();
    systems.filter_map(|system| Some((system, system.detector()?)))
}

/// Returns the systems whose fingerprints the page has.
pub fn recognise(page: &FetchedPage<'_>) -> Vec<DetectedSystem> {
    let found = detectable_systems().filter_map(|(system, detector)| {
        let fingerprints = detector.found_fingerprints(page);
        let site = detector
            .locate_site_of_page(page)
            .filter(|_| !fingerprints.is_empty())?;
        // Links lead to other hosts, so the evidence names the page's own.
        let address = page.url.host_str().unwrap_or_default().to_owned() + page.url.path();
        let evidence = fingerprints
            .iter()
            .map(|found| format!("{address}: {found}"));
        Some(DetectedSystem {
            system: system.name(),
            site,
            evidence: evidence.collect(),
        })
    });
    found.collect()
}

static REFRESH: Css = Css::new("meta[http-equiv=refresh i][content]");

/// Returns the target of a page's refresh, as of a redirect.
fn refresh_target(page: &FetchedPage<'_>) -> Option<Url> {
    let refresh = REFRESH.first(page.html.root_element())?.attr("content")?;
    let (_, address) = refresh.split_once(['=']).filter(|(before, _)| {
        let name = before.rsplit([';', ',', ' ']).find(|part| !part.is_empty());
        name.is_some_and(|name| name.eq_ignore_ascii_case("url"))
    })?;
    let address = address.trim().trim_matches(['"', '\'']);
    let mut next = page.url.join(address).ok()?;
    next.set_fragment(None);
    matches!(next.scheme(), "http" | "https").then_some(next)
}

static LINKS: Css = Css::new("a[href], form[action], iframe[src]");

/// Returns the account pages of the sites that a page links to, if the URLs reveal the system; each once, at
/// most two.
fn linked_account_pages(page: &FetchedPage<'_>) -> Vec<Url> {
    let mut found: Vec<Url> = Vec::new();
    for element in LINKS.all(page.html.root_element()) {
        let link = ["href", "action", "src"]
            .iter()
            .find_map(|name| element.attr(name))
            .and_then(|address| page.url.join(address.trim()).ok())
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(link) = link else { continue };
        // The link itself is not followed: its effect is unknown.
        let system = detectable_systems().find(|(_, detector)| detector.is_address(&link));
        let account = system.and_then(|system| account_page(system, &link));
        found.extend(account.filter(|url| !found.contains(url)));
        if found.len() == 2 {
            break;
        }
    }
    found
}

/// Returns the page with the account or the login of a system's site, if `url` is one of its pages.
fn account_page((system, detector): (&dyn System, &dyn Detector), url: &Url) -> Option<Url> {
    let SiteLocation { base_url, options } = detector.locate_site(url)?;
    let library = Library {
        options,
        ..placeholder_library(&base_url).ok()?
    };
    system.account_url(&library)
}

/// Builds an unstored library entry for the site, without a login.
fn placeholder_library(url: &Url) -> Result<Library, Failure> {
    let unnamed = |_| Failure::not_tried("the site has no name");
    Ok(Library {
        id: "site".parse().map_err(unnamed)?,
        name: "the site".to_owned(),
        system: "unknown".parse().map_err(unnamed)?,
        base_url: url.clone(),
        account_url: None,
        timezone: chrono_tz::UTC,
        date_format: None,
        login_hosts: Vec::new(),
        options: BTreeMap::new(),
    })
}

/// Returns an empty number and PIN.
fn no_secret() -> CardSecret {
    CardSecret {
        number: SecretString::from(""),
        pin: SecretString::from(""),
    }
}

/// Refuses every login.
struct NoLogin;

#[async_trait]
impl LoginPermit for NoLogin {
    async fn permit_login(&self) -> Result<(), PermitError> {
        Err(PermitError::LoginSkipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_browser::test_site::{TestSite, options, page, redirect, reply};

    async fn detect_at(site: &TestSite) -> Detection {
        detect(&site.url, &options()).await.unwrap()
    }

    fn systems(detection: &Detection) -> Vec<&str> {
        detection.found.iter().map(|found| found.system).collect()
    }

    #[tokio::test]
    async fn linked_catalogue_is_detected() {
        let site = TestSite::start(|request| match request {
            r if r.starts_with("GET /patroninfo~S9 ") => {
                page("<form method=post><input name=code><input name=pin type=password></form>")
            }
            _ => page(
                "<p>Welcome</p><a href='/hours'>Hours</a><a href='/search~S9?renewall'>Find</a>",
            ),
        })
        .await;
        let detection = detect_at(&site).await;
        assert_eq!(systems(&detection), ["sierra"]);
        let found = &detection.found[0];
        assert_eq!(found.site.base_url, site.url.join("/").unwrap());
        assert_eq!(found.site.options["scope"], "S9");
        assert!(
            found.evidence[0].contains("code and pin"),
            "{:?}",
            found.evidence
        );
        // The link's action is not performed.
        assert_eq!(site.lines(), ["GET /", "GET /patroninfo~S9"]);
    }

    #[tokio::test]
    async fn account_page_of_each_system_is_tried() {
        let site = TestSite::start(|request| match request {
            r if r.starts_with("GET /client/en_US/default ") => {
                redirect("302 Found", "/client/en_US/default/search")
            }
            r if r.starts_with("GET /client/") => {
                page("<form id=loginPageForm><input name=j_username></form>")
            }
            _ => page("<p>Welcome</p>"),
        })
        .await;
        let detection = detect_at(&site).await;
        assert_eq!(systems(&detection), ["enterprise"]);
        let base_url = &detection.found[0].site.base_url;
        assert_eq!(base_url.path(), "/client/en_US/default");
    }

    #[tokio::test]
    async fn unknown_site_is_left_after_the_page_limit() {
        let links: String = (0..40)
            .map(|n| format!("<a href='/patroninfo/{n}'>x</a><form method=post action='/iii/cas/{n}'><input name=q></form>"))
            .collect();
        let site = TestSite::start(move |_| {
            page(&links.replace("action='/iii/cas", "action='/elsewhere"))
        })
        .await;
        let detection = detect_at(&site).await;
        assert!(detection.asked.len() <= MAX_PAGES);
        assert!(
            site.lines().iter().all(|line| line.starts_with("GET ")),
            "{:?}",
            site.lines()
        );
    }

    #[tokio::test]
    async fn link_elsewhere_only_displaces_systems_with_own_hosts() {
        let other = TestSite::start(|_| page("<p>Elsewhere</p>")).await;
        let link = other.url.join("/cgi-bin/koha/opac-main.pl").unwrap();
        let body = format!("<a href='{link}'>Catalogue</a>");
        let site = TestSite::start(move |request| match request {
            r if r.starts_with("GET /patroninfo") => {
                page("<form method=post><input name=code><input name=pin type=password></form>")
            }
            r if r.starts_with("GET / ") => page(&body),
            _ => reply("404 Not Found", &[], ""),
        })
        .await;
        let detection = detect_at(&site).await;
        assert_eq!(systems(&detection), ["sierra"], "{:?}", detection.asked);
        assert_eq!(detection.asked.len(), MAX_PAGES);
        let lines = site.lines();
        assert!(!lines.iter().any(|line| line.contains("/v2/")), "{lines:?}");
    }

    #[tokio::test]
    async fn catch_all_site_counts_only_for_the_given_address() {
        let site = TestSite::start(|_| page("<p>Welcome</p>")).await;
        let detection = detect_at(&site).await;
        assert!(systems(&detection).is_empty(), "{:?}", detection.found);
        assert_eq!(detection.asked.len(), MAX_PAGES);
        let named = site.url.join("/client/en_US/mill").unwrap();
        let detection = detect(&named, &options()).await.unwrap();
        assert_eq!(systems(&detection), ["enterprise"]);
    }

    #[tokio::test]
    async fn common_page_parts_are_no_fingerprint() {
        let site = TestSite::start(|request| match request {
            r if r.starts_with("GET / ") => page(
                "<div id=userdetails>Ada</div><form><input name=code></form>\
                 <form><input name=pin></form>",
            ),
            _ => reply("404 Not Found", &[], ""),
        })
        .await;
        let detection = detect_at(&site).await;
        assert!(systems(&detection).is_empty(), "{:?}", detection.found);
    }

    #[tokio::test]
    async fn form_to_another_host_identifies_only_that_host() {
        let form =
            |address: &str| format!("<form action='{address}/cgi-bin/koha/opac-search.pl'></form>");
        let own = form("");
        let catalogue = TestSite::start(move |request| match request {
            r if r.starts_with("GET /cgi-bin/koha/opac-user.pl ") => page(&own),
            _ => reply("404 Not Found", &[], ""),
        })
        .await;
        // The same machine under another name is another host.
        let mut elsewhere = catalogue.url.clone();
        elsewhere.set_host(Some("localhost")).unwrap();
        let body = form(elsewhere.as_str().trim_end_matches('/'));
        let site = TestSite::start(move |_| page(&body)).await;
        let detection = detect_at(&site).await;
        assert_eq!(systems(&detection), ["koha"]);
        assert_eq!(detection.found[0].site.base_url, elsewhere);
        let evidence = &detection.found[0].evidence[0];
        assert!(evidence.starts_with("localhost/"), "{evidence}");
    }

    #[tokio::test]
    async fn link_to_a_vendors_site_identifies_no_library() {
        let systems_at = |url: &str| recognises(url, "<p>Our products</p>");
        assert!(systems_at("https://www.bibliocommons.com/v2/checkedout").is_empty());
        assert!(systems_at("https://help.bibliocommons.com/").is_empty());
        assert_eq!(
            systems_at("https://mill.bibliocommons.com/"),
            ["bibliocommons"]
        );
        let site = TestSite::start(|request| match request {
            r if r.starts_with("GET / ") => {
                page("<a href='https://www.bibliocommons.com/'>Powered by BiblioCommons</a>")
            }
            _ => reply("404 Not Found", &[], ""),
        })
        .await;
        let detection = detect_at(&site).await;
        assert!(detection.found.is_empty());
        assert!(
            detection
                .asked
                .iter()
                .all(|asked| asked.url.host() == site.url.host())
        );
    }

    fn recognises(url: &str, body: &str) -> Vec<&'static str> {
        let (url, html) = (url.parse().unwrap(), parse_page(body).unwrap());
        let found = recognise(&FetchedPage {
            url: &url,
            is_guessed: false,
            html: &html,
        });
        found.iter().map(|found| found.system).collect()
    }

    #[tokio::test]
    async fn refresh_of_a_page_is_followed() {
        let site = TestSite::start(|request| match request {
            r if r.starts_with("GET / ") => {
                page("<META HTTP-EQUIV=Refresh CONTENT=\"0; URL='/client/en_US/mill/'\">")
            }
            r if r.starts_with("GET /client/en_US/mill/ ") => page("<p>Find"),
            _ => reply("404 Not Found", &[], ""),
        })
        .await;
        let detection = detect_at(&site).await;
        assert_eq!(systems(&detection), ["enterprise"]);
        assert_eq!(site.lines().len(), 2);
    }

    #[tokio::test]
    async fn each_refusal_has_its_reason() {
        for (status, header, expected, lines) in [
            ("403 Forbidden", None, NoPageReason::Refused, 1),
            ("429 Too Many Requests", None, NoPageReason::Refused, 1),
            ("404 Not Found", None, NoPageReason::NoPage, MAX_PAGES),
            (
                "503 Service Unavailable",
                Some("Retry-After: 60"),
                NoPageReason::NoAnswer,
                1,
            ),
        ] {
            let site = TestSite::start(move |_| {
                let headers: Vec<_> = header.into_iter().collect();
                reply(status, &headers, "<p>No")
            })
            .await;
            let detection = detect_at(&site).await;
            assert_eq!(detection.no_page_reason(), Some(expected), "{status}");
            assert_eq!(site.lines().len(), lines, "{status}");
        }
    }

    #[tokio::test]
    async fn silent_site_gives_no_answer() {
        let site = TestSite::start(|_| hippo_browser::test_site::Reply::Drop).await;
        let detection = detect_at(&site).await;
        assert!(detection.found.is_empty());
        assert_eq!(detection.no_page_reason(), Some(NoPageReason::NoAnswer));
    }
}
