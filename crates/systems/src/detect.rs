//! Which system a library's site runs, from what its pages are made of.
//!
//! A handful of pages is asked for, as any visitor would; nothing is filled in, no login is sent.

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

use crate::fingerprint::{Detector, SeenPage, SiteLocation};
use crate::registry::{SYSTEMS, system};
use crate::system::System;

/// No site is asked for more pages than these.
pub const MAX_PAGES: usize = 5;

/// A system that a site runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectedSystem {
    /// Its name.
    pub system: &'static str,
    /// Where its site begins.
    pub site: SiteLocation,
    /// What that is based on: the place of a page, and what stands there.
    pub evidence: Vec<String>,
}

/// What was found out about a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    /// The systems that it shows signs of; as a rule one.
    pub found: Vec<DetectedSystem>,
    /// The pages that were asked for, and what became of those that did not come.
    pub asked: Vec<AskedPage>,
}

impl Detection {
    /// Why nothing came that could be looked at; none if something did.
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

/// Why nothing came of a site that could be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPageReason {
    /// Nobody answered, or the site is down.
    NoAnswer,
    /// It turns programs away.
    Refused,
    /// It answered, with no page: there is none at that address.
    NoPage,
}

/// A page that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedPage {
    /// Which.
    pub url: Url,
    /// Why there was nothing to look at, if so.
    pub failure: Option<Failure>,
}

/// Asks a site's pages which system it runs.
///
/// The page that the person names comes first; then the account pages of the sites to which it links, and
/// those that each system would have here, until one is recognised or [`MAX_PAGES`] are asked for. A system
/// whose sites have hosts of their own is guessed last elsewhere.
pub async fn detect(url: &Url, options: &BrowserOptions) -> Result<Detection, Failure> {
    let connections =
        Connections::new(options).map_err(|error| Failure::not_tried(error.to_string()))?;
    let library = nobodys_library(url)?;
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
            let mut systems: Vec<_> = detectable_systems().collect();
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
            // Nobody is there to be asked for more, or who is there asked to be left alone.
            (is_first && is_shut) || failure.retry_after.is_some()
        });
        let is_guessed = guessed.contains(&next);
        detection.asked.push(AskedPage { url: next, failure });
        if asks_no_more {
            break;
        }
        let Ok((url, html)) = page else { continue };
        let seen = SeenPage {
            url: &url,
            is_guessed,
            html: &html,
        };
        detection.found = recognise(&seen);
        // What leads to a catalogue comes before what is guessed.
        for link in catalogues(&seen).into_iter().rev() {
            waiting.push_front(link);
        }
        if let Some(next) = leads_on(&seen) {
            waiting.push_front(next);
        }
    }
    prefer_https(&mut session, &mut detection).await;
    Ok(detection)
}

/// Puts the site's address with https in place of the one without, where the same system answers there: to
/// no other would a PIN be sent.
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
        ..match nobodys_library(&secure) {
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
    detection.asked.push(AskedPage { url, failure });
    let Ok((url, html)) = page else { return };
    let found = recognise(&SeenPage {
        url: &url,
        is_guessed: true,
        html: &html,
    });
    if !found.is_empty() && !found.iter().any(is_plain) {
        detection.found = found;
    }
}

/// Why a page did not come; there is no library whose entry could be mended.
fn without_remedy(failure: &Failure) -> Failure {
    Failure {
        remedy: None,
        ..failure.clone()
    }
}

/// The systems whose sites can be recognised.
fn detectable_systems() -> impl Iterator<Item = (&'static dyn System, &'static dyn Detector)> {
    let systems = SYSTEMS.into_iter();
    systems.filter_map(|system| Some((system, system.detector()?)))
}

/// The systems that this page is of.
pub fn recognise(page: &SeenPage<'_>) -> Vec<DetectedSystem> {
    let found = detectable_systems().filter_map(|(system, detector)| {
        let fingerprints = detector.found_fingerprints(page);
        let site = detector
            .locate_site(page.url)
            .filter(|_| !fingerprints.is_empty())?;
        // Links lead to other hosts, and it may not be the one that was meant.
        let at = page.url.host_str().unwrap_or_default().to_owned() + page.url.path();
        let evidence = fingerprints.iter().map(|found| format!("{at}: {found}"));
        Some(DetectedSystem {
            system: system.name(),
            site,
            evidence: evidence.collect(),
        })
    });
    found.collect()
}

static REFRESH: Css = Css::new("meta[http-equiv=refresh i][content]");

/// Where a page leads on by itself, as by a redirect.
fn leads_on(page: &SeenPage<'_>) -> Option<Url> {
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

/// The account pages of the sites to which a page's links lead, as far as their addresses tell the
/// system; each once, at most two.
fn catalogues(page: &SeenPage<'_>) -> Vec<Url> {
    let mut found: Vec<Url> = Vec::new();
    for element in LINKS.all(page.html.root_element()) {
        let link = ["href", "action", "src"]
            .iter()
            .find_map(|name| element.attr(name))
            .and_then(|address| page.url.join(address.trim()).ok())
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(link) = link else { continue };
        // Not the link itself: what it does or looks for is not known.
        let system = detectable_systems().find(|(_, detector)| detector.is_address(&link));
        let account = system.and_then(|system| account_page(system, &link));
        found.extend(account.filter(|url| !found.contains(url)));
        if found.len() == 2 {
            break;
        }
    }
    found
}

/// The page on which a system's site shows the account, or asks for a login, if `url` is one of its pages.
fn account_page((system, detector): (&dyn System, &dyn Detector), url: &Url) -> Option<Url> {
    let SiteLocation { base_url, options } = detector.locate_site(url)?;
    let library = Library {
        options,
        ..nobodys_library(&base_url).ok()?
    };
    system.account_url(&library)
}

/// A library that stands for the site: nothing of it is stored, and no login is possible.
fn nobodys_library(url: &Url) -> Result<Library, Failure> {
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

/// Nobody's number and PIN.
fn no_secret() -> CardSecret {
    CardSecret {
        number: SecretString::from(""),
        pin: SecretString::from(""),
    }
}

/// No login is ever sent.
struct NoLogin;

#[async_trait]
impl LoginPermit for NoLogin {
    async fn about_to_log_in(&self) -> Result<(), PermitError> {
        Err(PermitError::LeftToOthers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_browser::test_site::{TestSite, options, page, redirect, reply};

    async fn look(site: &TestSite) -> Detection {
        detect(&site.url, &options()).await.unwrap()
    }

    fn systems(detection: &Detection) -> Vec<&str> {
        detection.found.iter().map(|found| found.system).collect()
    }

    #[tokio::test]
    async fn a_link_to_the_catalogue_is_followed_and_the_address_tells_the_rest() {
        let site = TestSite::start(|request| match request {
            r if r.starts_with("GET /patroninfo~S9 ") => {
                page("<form method=post><input name=code><input name=pin type=password></form>")
            }
            _ => page(
                "<p>Welcome</p><a href='/hours'>Hours</a><a href='/search~S9?renewall'>Find</a>",
            ),
        })
        .await;
        let detection = look(&site).await;
        assert_eq!(systems(&detection), ["sierra"]);
        let found = &detection.found[0];
        assert_eq!(found.site.base_url, site.url.join("/").unwrap());
        assert_eq!(found.site.options["scope"], "S9");
        assert!(
            found.evidence[0].contains("code and pin"),
            "{:?}",
            found.evidence
        );
        // What a link would do is not done.
        assert_eq!(site.lines(), ["GET /", "GET /patroninfo~S9"]);
    }

    #[tokio::test]
    async fn the_account_pages_of_each_system_are_tried_and_a_redirect_is_followed() {
        let site = TestSite::start(|request| match request {
            r if r.starts_with("GET /client/en_US/default ") => {
                redirect("302 DetectedSystem", "/client/en_US/default/search")
            }
            r if r.starts_with("GET /client/") => {
                page("<form id=loginPageForm><input name=j_username></form>")
            }
            _ => page("<p>Welcome</p>"),
        })
        .await;
        let detection = look(&site).await;
        assert_eq!(systems(&detection), ["enterprise"]);
        let base_url = &detection.found[0].site.base_url;
        assert_eq!(base_url.path(), "/client/en_US/default");
    }

    #[tokio::test]
    async fn a_site_of_another_kind_is_left_after_a_handful_of_pages_and_nothing_is_sent() {
        let links: String = (0..40)
            .map(|n| format!("<a href='/patroninfo/{n}'>x</a><form method=post action='/iii/cas/{n}'><input name=q></form>"))
            .collect();
        let site = TestSite::start(move |_| {
            page(&links.replace("action='/iii/cas", "action='/elsewhere"))
        })
        .await;
        let detection = look(&site).await;
        assert!(detection.asked.len() <= MAX_PAGES);
        assert!(
            site.lines().iter().all(|line| line.starts_with("GET ")),
            "{:?}",
            site.lines()
        );
    }

    #[tokio::test]
    async fn a_link_elsewhere_crowds_out_no_guess_but_that_of_a_system_with_hosts_of_its_own() {
        let other = TestSite::start(|_| page("<p>Elsewhere</p>")).await;
        let link = other.url.join("/cgi-bin/koha/opac-main.pl").unwrap();
        let body = format!("<a href='{link}'>Catalogue</a>");
        let site = TestSite::start(move |request| match request {
            r if r.starts_with("GET /patroninfo") => {
                page("<form method=post><input name=code><input name=pin type=password></form>")
            }
            r if r.starts_with("GET / ") => page(&body),
            _ => reply("404 Not DetectedSystem", &[], ""),
        })
        .await;
        let detection = look(&site).await;
        assert_eq!(systems(&detection), ["sierra"], "{:?}", detection.asked);
        assert_eq!(detection.asked.len(), MAX_PAGES);
        let lines = site.lines();
        assert!(!lines.iter().any(|line| line.contains("/v2/")), "{lines:?}");
    }

    #[tokio::test]
    async fn a_site_with_a_page_for_any_address_is_not_what_was_guessed_but_may_be_what_was_named()
    {
        let site = TestSite::start(|_| page("<p>Welcome</p>")).await;
        let detection = look(&site).await;
        assert!(systems(&detection).is_empty(), "{:?}", detection.found);
        assert_eq!(detection.asked.len(), MAX_PAGES);
        let named = site.url.join("/client/en_US/mill").unwrap();
        let detection = detect(&named, &options()).await.unwrap();
        assert_eq!(systems(&detection), ["enterprise"]);
    }

    #[tokio::test]
    async fn a_page_is_taken_for_none_by_a_part_that_any_page_may_have() {
        let site = TestSite::start(|request| match request {
            r if r.starts_with("GET / ") => page(
                "<div id=userdetails>Ada</div><form><input name=code></form>\
                 <form><input name=pin></form>",
            ),
            _ => reply("404 Not DetectedSystem", &[], ""),
        })
        .await;
        let detection = look(&site).await;
        assert!(systems(&detection).is_empty(), "{:?}", detection.found);
    }

    #[tokio::test]
    async fn a_form_that_goes_to_a_catalogue_elsewhere_tells_of_that_place_and_not_of_its_own() {
        let form = |at: &str| format!("<form action='{at}/cgi-bin/koha/opac-search.pl'></form>");
        let own = form("");
        let catalogue = TestSite::start(move |request| match request {
            r if r.starts_with("GET /cgi-bin/koha/opac-user.pl ") => page(&own),
            _ => reply("404 Not DetectedSystem", &[], ""),
        })
        .await;
        // The same machine by another name is another host.
        let mut elsewhere = catalogue.url.clone();
        elsewhere.set_host(Some("localhost")).unwrap();
        let body = form(elsewhere.as_str().trim_end_matches('/'));
        let site = TestSite::start(move |_| page(&body)).await;
        let detection = look(&site).await;
        assert_eq!(systems(&detection), ["koha"]);
        assert_eq!(detection.found[0].site.base_url, elsewhere);
        let evidence = &detection.found[0].evidence[0];
        assert!(evidence.starts_with("localhost/"), "{evidence}");
    }

    #[tokio::test]
    async fn a_link_to_the_site_of_a_systems_company_tells_of_no_library() {
        let at = |url: &str| recognises(url, "<p>Our products</p>");
        assert!(at("https://www.bibliocommons.com/v2/checkedout").is_empty());
        assert!(at("https://help.bibliocommons.com/").is_empty());
        assert_eq!(at("https://mill.bibliocommons.com/"), ["bibliocommons"]);
        let site = TestSite::start(|request| match request {
            r if r.starts_with("GET / ") => {
                page("<a href='https://www.bibliocommons.com/'>Powered by BiblioCommons</a>")
            }
            _ => reply("404 Not DetectedSystem", &[], ""),
        })
        .await;
        let detection = look(&site).await;
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
        let found = recognise(&SeenPage {
            url: &url,
            is_guessed: false,
            html: &html,
        });
        found.iter().map(|found| found.system).collect()
    }

    #[tokio::test]
    async fn a_page_that_leads_on_by_itself_is_followed() {
        let site = TestSite::start(|request| match request {
            r if r.starts_with("GET / ") => {
                page("<META HTTP-EQUIV=Refresh CONTENT=\"0; URL='/client/en_US/mill/'\">")
            }
            r if r.starts_with("GET /client/en_US/mill/ ") => page("<p>Find"),
            _ => reply("404 Not DetectedSystem", &[], ""),
        })
        .await;
        let detection = look(&site).await;
        assert_eq!(systems(&detection), ["enterprise"]);
        assert_eq!(site.lines().len(), 2);
    }

    #[tokio::test]
    async fn a_site_that_turns_programs_away_is_asked_once_and_one_without_a_page_there_is_told() {
        for (status, header, expected, lines) in [
            ("403 Forbidden", None, NoPageReason::Refused, 1),
            ("429 Too Many Requests", None, NoPageReason::Refused, 1),
            (
                "404 Not DetectedSystem",
                None,
                NoPageReason::NoPage,
                MAX_PAGES,
            ),
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
            let detection = look(&site).await;
            assert_eq!(detection.no_page_reason(), Some(expected), "{status}");
            assert_eq!(site.lines().len(), lines, "{status}");
        }
    }

    #[tokio::test]
    async fn a_site_that_does_not_answer_is_said_to_be_silent() {
        let site = TestSite::start(|_| hippo_browser::test_site::Reply::Drop).await;
        let detection = look(&site).await;
        assert!(detection.found.is_empty());
        assert_eq!(detection.no_page_reason(), Some(NoPageReason::NoAnswer));
    }
}
