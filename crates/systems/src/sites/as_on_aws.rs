//! Visits to a library as on AWS: by https, at a public name, with every private address refused. The site tries to
//! misdirect the check, at every step of every system.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use hippo_browser::PrivateAddresses;
use hippo_browser::test_site::{
    NUMBER, PIN, RequestCount, TestLoginPermit, library, options, secret,
};
use hippo_demo_library::{
    DemoHold, DemoLibrary, DemoLoan, Fault, Generation, Patron, Rule, Site, SystemKind,
    test_every_site,
};
use tokio::net::TcpListener;
use url::Url;

use super::tls_proxy::TlsProxy;
use super::*;

const HOST: &str = "books.test";

/// A library behind TLS, and a client for which its name is public.
struct TlsLibrary {
    demo: DemoLibrary,
    library: Library,
    sites: Sites,
    tried: Arc<RequestCount>,
}

/// The result of a check.
struct Checked {
    outcome: Result<Account, Failure>,
    /// The number of requests that the library received.
    requests: usize,
    /// The number of requests that were tried, to any host.
    tried: usize,
    logins: usize,
}

impl TlsLibrary {
    async fn new(system: SystemKind, generation: Generation) -> Self {
        let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        let patron = Patron::new(NUMBER, PIN, "Jo Doe")
            .with_loan(DemoLoan::new("Lamps", "Reed, Bo", today))
            .with_hold(DemoHold::waiting("Fog", "Ash, Pip", "Oak Park", 9, 83));
        let site = Site::new(system, "Harbour Library", today)
            .with_generation(generation)
            .with_patron(patron);
        let date_format = site.date_format.clone();
        let demo = DemoLibrary::start(site).await.unwrap();
        let proxy = TlsProxy::start(&demo, HOST).await;
        let mut library = library(&proxy.url);
        library.system = system.id().parse().unwrap();
        library.date_format = Some(date_format);
        let tried = Arc::new(RequestCount::default());
        let mut options = options();
        options.private_addresses = PrivateAddresses::Refused;
        options.observer = Some(tried.clone());
        let connections = Connections::with_clients(&options, |builder| {
            builder
                .add_root_certificate(proxy.ca_certificate.clone())
                // Resolves only this name to this machine; other names are looked up.
                .resolve(HOST, SocketAddr::from(([127, 0, 0, 1], 0)))
        });
        Self {
            demo,
            library,
            sites: Sites::with(connections.unwrap()),
            tried,
        }
    }

    async fn check(&self, rule: Option<Rule>) -> Checked {
        self.demo.switches().clear();
        self.demo.end_all_sessions();
        self.demo.clear_requests();
        if let Some(rule) = rule {
            self.demo.switches().add(rule);
        }
        let outcome = self
            .sites
            .check(&self.library, &secret(), &TestLoginPermit::default())
            .await
            .map_err(Failure::from);
        Checked {
            outcome,
            requests: self.demo.request_count(),
            tried: self.tried.take(),
            logins: self.demo.logins(),
        }
    }
}

/// Opens a port on this machine that must get no connections; returns it with the count of connections.
async fn trap() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections_to_trap: Arc<AtomicUsize> = Arc::default();
    let count = Arc::clone(&connections_to_trap);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, connections_to_trap)
}

test_every_site!(no_redirect_leads_to_a_private_address_or_to_http);

async fn no_redirect_leads_to_a_private_address_or_to_http(
    system: SystemKind,
    generation: Generation,
) {
    let tls_library = TlsLibrary::new(system, generation).await;
    let (port, connections_to_trap) = trap().await;
    let undisturbed = tls_library.check(None).await;
    let good = undisturbed.outcome.unwrap();
    assert!(undisturbed.requests >= 3);
    assert_eq!(
        (undisturbed.tried, undisturbed.logins),
        (undisturbed.requests, 1)
    );
    let here = tls_library
        .library
        .base_url
        .as_str()
        .replace("https", "http");
    // A redirected logout is followed to another logout, within the same bounds.
    for to in [
        format!("{here}logout"),
        format!("http://{HOST}/logout"),
        format!("https://127.0.0.1:{port}/logout"),
        format!("https://127.1:{port}/logout"),
        format!("https://[::1]:{port}/logout"),
        format!("https://localhost:{port}/logout"),
        "https://169.254.169.254/latest/meta-data/logout".to_owned(),
        "http://169.254.169.254/latest/meta-data/logout".to_owned(),
        "https://[::ffff:a9fe:a9fe]/logout".to_owned(),
        "https://[fd00:ec2::254]/logout".to_owned(),
        "https://10.0.0.1/logout".to_owned(),
        "file:///etc/logout".to_owned(),
    ] {
        for step in 0..undisturbed.requests {
            let what = format!("{} {generation:?}, step {step}: {to}", system.id());
            let fault = Fault::RedirectTo(to.clone());
            let after = u32::try_from(step).unwrap();
            let checked = tls_library
                .check(Some(Rule::new(fault).after(after).times(1)))
                .await;
            if step + 1 == undisturbed.requests {
                assert_eq!(checked.outcome.as_ref(), Ok(&good), "{what}");
            } else {
                let failure = checked.outcome.unwrap_err();
                assert_eq!(failure.kind.as_str(), "page_changed", "{what}: {failure}");
            }
            assert!(checked.logins <= 1, "{what}");
            // A host name is judged by its address when connecting.
            let by_name = usize::from(to.contains("localhost"));
            assert_eq!(checked.tried, checked.requests + by_name, "{what}");
        }
    }
    assert_eq!(connections_to_trap.load(Ordering::SeqCst), 0);
}

test_every_site!(login_form_never_sends_the_pin_to_http_or_another_host);

async fn login_form_never_sends_the_pin_to_http_or_another_host(
    system: SystemKind,
    generation: Generation,
) {
    let tls_library = TlsLibrary::new(system, generation).await;
    let (port, connections_to_trap) = trap().await;
    let here = tls_library
        .library
        .base_url
        .as_str()
        .replace("https", "http");
    for to in [
        here.trim_end_matches('/').to_owned(),
        format!("https://127.0.0.1:{port}"),
        format!("https://{HOST}:{port}"),
        format!("https://{HOST}@127.0.0.1:{port}"),
        "https://169.254.169.254".to_owned(),
        "file://".to_owned(),
    ] {
        // A programming interface has no login form.
        if system != SystemKind::SymphonyWs {
            let fault = Fault::LoginFormElsewhere(to.clone());
            let checked = tls_library.check(Some(Rule::new(fault))).await;
            let failure = checked.outcome.unwrap_err();
            assert_eq!(failure.kind.as_str(), "page_changed", "{to}: {failure}");
            assert_eq!(
                (checked.tried, checked.logins),
                (checked.requests, 0),
                "{to}"
            );
        }
        for keep_method in [true, false] {
            if !keep_method && to == format!("https://{HOST}:{port}") {
                // Without the form data, this is an ordinary page of the host.
                continue;
            }
            let fault = Fault::RedirectLogin {
                to: format!("{to}/logout"),
                keep_method,
            };
            let checked = tls_library.check(Some(Rule::new(fault))).await;
            let failure = checked.outcome.unwrap_err();
            assert_eq!(failure.kind.as_str(), "page_changed", "{to}: {failure}");
            assert_eq!(checked.tried, checked.requests, "{to}");
            assert_eq!(checked.logins, 1, "{to}");
        }
    }
    assert_eq!(connections_to_trap.load(Ordering::SeqCst), 0);
}

test_every_site!(library_at_a_private_address_gets_no_request);

async fn library_at_a_private_address_gets_no_request(system: SystemKind, generation: Generation) {
    for host in ["127.0.0.1", "localhost"] {
        library_at_private_host_gets_no_request(system, generation, host).await;
    }
}

async fn library_at_private_host_gets_no_request(
    system: SystemKind,
    generation: Generation,
    host: &str,
) {
    let tls_library = TlsLibrary::new(system, generation).await;
    let mut library = tls_library.library.clone();
    let mut url = Url::parse(&tls_library.demo.base_url()).unwrap();
    url.set_host(Some(host)).unwrap();
    library.base_url = url;
    let permit = TestLoginPermit::default();
    let failure = tls_library
        .sites
        .check(&library, &secret(), &permit)
        .await
        .map_err(Failure::from)
        .unwrap_err();
    assert_eq!(failure.kind.as_str(), "page_changed", "{failure}");
    assert!(failure.detail.contains("private to a network"), "{failure}");
    assert_eq!((tls_library.demo.request_count(), permit.count()), (0, 0));
}
