//! The sites of all libraries, behind the trait that the jobs use.

mod visit_thread;

use std::sync::Arc;

use async_trait::async_trait;
use hippo_browser::{BrowserError, BrowserOptions, Connections};
use hippo_core::account::Account;
use hippo_core::card::CardSecret;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use hippo_core::site::{LibrarySite, LoginPermit, SiteError};

use self::visit_thread::{CardCheck, VisitThreads};
use crate::registry::system;
use crate::system::System;

/// The sites of all libraries. They share connections, but no cookies.
#[derive(Debug)]
pub struct Sites {
    connections: Arc<Connections>,
    threads: Arc<VisitThreads>,
}

impl Sites {
    /// Creates the client; it sends nothing yet.
    pub fn new(options: BrowserOptions) -> Result<Self, BrowserError> {
        Ok(Self::with(Connections::new(&options)?))
    }

    fn with(connections: Connections) -> Self {
        Self {
            connections: Arc::new(connections),
            threads: Arc::default(),
        }
    }

    /// Checks a card with this system, within its time limit; the logout has its own limit.
    async fn visit(
        &self,
        system: &'static dyn System,
        library: &Library,
        secret: &CardSecret,
        permit: &dyn LoginPermit,
    ) -> Result<Account, SiteError> {
        let check = CardCheck {
            connections: Arc::clone(&self.connections),
            system,
            library: library.clone(),
            secret: secret.clone(),
        };
        check.run(&self.threads, permit).await
    }
}

/// Checks one card within `Limits::card`, plus `Limits::log_out` for the logout.
#[async_trait]
impl LibrarySite for Sites {
    async fn check(
        &self,
        library: &Library,
        secret: &CardSecret,
        permit: &dyn LoginPermit,
    ) -> Result<Account, SiteError> {
        let Some(system) = system(library.system.as_str()) else {
            return Err(SiteError::Failed(Failure::not_tried(format!(
                "this version does not know the system “{}” of the library",
                library.system
            ))));
        };
        self.visit(system, library, secret, permit).await
    }
}

#[cfg(test)]
mod as_on_aws;
#[cfg(test)]
mod handshakes;
#[cfg(test)]
mod socket_system;
#[cfg(test)]
mod tls_proxy;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use url::Url;

    use super::*;
    use hippo_browser::test_site::{
        Reply, TestLoginPermit, TestSite, library, options, page, secret,
    };
    use hippo_browser::{CardVisit, Limits};
    use hippo_browser::{Form, Session};

    /// A system that logs in, fetches the account page, and returns what the test wants.
    #[derive(Clone, Default)]
    struct Scripted {
        account: Option<Account>,
        /// Whether the response to the login counts as a page of a logged-in patron.
        confirms_login: bool,
        /// Whether the account page is unknown.
        fails_to_read: bool,
    }

    #[async_trait(?Send)]
    impl System for Scripted {
        fn name(&self) -> &'static str {
            "scripted"
        }

        fn account_url(&self, _: &Library) -> Option<Url> {
            None
        }

        async fn check(&self, visit: &CardVisit<'_>) -> Result<Account, Failure> {
            visit.browse(async |session| self.read(session).await).await
        }
    }

    impl Scripted {
        async fn read(&self, session: &mut Session<'_>) -> Result<Account, Failure> {
            let login = session.get(&session.url("login")?).await?;
            session.log_out_at_end(&session.url("out")?);
            let mut form = Form::find(&login, "form")?;
            form.set_secret("pin", &session.secret().pin);
            session.log_in(form).await?;
            if self.confirms_login {
                session.mark_logged_in();
            }
            session.get(&session.url("account")?).await?;
            if self.fails_to_read {
                return Err(Failure::page_changed("no table"));
            }
            self.account
                .clone()
                .ok_or_else(|| Failure::wrong_credentials("as the test wants"))
        }
    }

    fn scripted() -> Scripted {
        let mut account = Account::unknown("scripted".parse().unwrap());
        account.loans = Some(Vec::new());
        account.holds = Some(Vec::new());
        Scripted {
            account: Some(account),
            confirms_login: false,
            fails_to_read: false,
        }
    }

    async fn site(slow: &'static str) -> TestSite {
        TestSite::start(move |request| {
            if request.contains(slow) {
                return Reply::Hang;
            }
            page("<form method=post action=/in><input name=pin></form>")
        })
        .await
    }

    async fn check(site: &TestSite, system: &Scripted) -> Result<Account, Failure> {
        let mut options = options();
        options.limits.card = Duration::from_millis(200);
        options.limits.log_out = Duration::from_millis(200);
        Sites::new(options)
            .unwrap()
            .visit(
                Box::leak(Box::new(system.clone())),
                &library(&site.url),
                &secret(),
                &TestLoginPermit::default(),
            )
            .await
            .map_err(Failure::from)
    }

    #[tokio::test]
    async fn card_out_of_time_is_still_logged_out() {
        for slow in ["GET /account", "POST /in"] {
            let site = site(slow).await;
            let failure = check(&site, &scripted()).await.unwrap_err();
            assert_eq!(failure.kind.as_str(), "site_down");
            assert_eq!(site.lines().last().unwrap(), "GET /out");
        }
    }

    #[tokio::test]
    async fn card_out_of_time_before_the_login_sends_no_logout() {
        let site = site("GET /login").await;
        let failure = check(&site, &scripted()).await.unwrap_err();
        assert_eq!(failure.kind.as_str(), "site_down");
        assert_eq!(site.lines(), ["GET /login"]);
    }

    #[test]
    fn login_in_progress_limit_covers_two_visits() {
        let limits = Limits::default();
        let longest = 2 * (limits.card + limits.log_out);
        assert!(
            hippo_core::jobs::check_cards::visit::LOGIN_IN_PROGRESS_LIMIT
                .to_std()
                .unwrap()
                >= longest
        );
    }

    #[tokio::test]
    async fn failed_logout_changes_nothing() {
        let site = site("GET /out").await;
        let account = check(&site, &scripted()).await.unwrap();
        assert_eq!(Some(account), scripted().account);
        assert_eq!(site.lines().last().unwrap(), "GET /out");
    }

    #[tokio::test]
    async fn half_known_account_is_a_changed_page() {
        let site = site("never").await;
        let half = Scripted {
            account: Some(Account::unknown("scripted".parse().unwrap())),
            confirms_login: true,
            fails_to_read: false,
        };
        let failure = check(&site, &half).await.unwrap_err();
        assert_eq!(failure.kind.as_str(), "page_changed");
        assert_eq!(site.lines().last().unwrap(), "GET /out");
    }

    #[tokio::test]
    async fn login_without_a_confirmation_is_in_doubt() {
        for (slow, confirms_login, expected) in [
            ("GET /login", false, false),
            ("POST /in", false, true),
            ("GET /account", false, true),
            ("GET /account", true, false),
        ] {
            let site = site(slow).await;
            let system = Scripted {
                confirms_login,
                ..scripted()
            };
            let failure = check(&site, &system).await.unwrap_err();
            assert_eq!(failure.kind.as_str(), "site_down");
            assert_eq!(failure.login_in_doubt, expected, "{slow} {confirms_login}");
        }
    }

    #[tokio::test]
    async fn refused_login_is_not_in_doubt() {
        let site = site("never").await;
        let failure = check(&site, &Scripted::default()).await.unwrap_err();
        assert_eq!(failure.kind.as_str(), "wrong_credentials");
        assert!(!failure.login_in_doubt);
        let changed = Scripted {
            account: Some(Account::unknown("scripted".parse().unwrap())),
            confirms_login: false,
            fails_to_read: false,
        };
        assert!(check(&site, &changed).await.unwrap_err().login_in_doubt);
    }

    #[tokio::test]
    async fn changed_page_is_reported_with_its_skeleton() {
        let site = TestSite::start(|request| {
            page(if request.contains("GET /account") {
                "<form method=get action=/x><p class=canary-1234>canary</p></form>"
            } else {
                "<form method=post action=/in><input name=pin></form>"
            })
        })
        .await;
        let system = Scripted {
            fails_to_read: true,
            ..Scripted::default()
        };
        let failure = check(&site, &system).await.unwrap_err();
        assert_eq!(failure.kind.as_str(), "page_changed");
        let skeleton = failure.skeleton.unwrap();
        assert_eq!(skeleton.as_str(), "html head body form p");
    }

    #[tokio::test]
    async fn unknown_system_is_not_tried() {
        let site = site("never").await;
        let mut library = library(&site.url);
        library.system = "cardboard".parse().unwrap();
        let failure = Sites::new(options())
            .unwrap()
            .check(&library, &secret(), &TestLoginPermit::default())
            .await
            .map_err(Failure::from)
            .unwrap_err();
        assert_eq!(failure.kind.as_str(), "not_tried");
        assert!(failure.detail.contains("cardboard"), "{failure}");
        assert!(site.asked().is_empty());
    }
}
