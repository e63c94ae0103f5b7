//! Counts the TLS handshakes of a visit to a demo library.

use std::sync::atomic::Ordering;

use hippo_demo_library::{DemoLibrary, Site, SystemKind, generated_number, generated_pin};

use hippo_browser::test_site::{TestLoginPermit, library, options};

use super::tls_proxy::TlsProxy;
use super::*;

const CARDS: usize = 10;

#[tokio::test]
async fn cards_of_a_visit_share_one_tls_handshake() {
    let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
    for system in SystemKind::ALL {
        let site = Site::generated(system, CARDS, 3, 1, today);
        let date_format = site.date_format.clone();
        let demo = DemoLibrary::start(site).await.unwrap();
        let proxy = TlsProxy::start(&demo, "localhost").await;
        let mut library = library(&proxy.url);
        library.system = system.id().parse().unwrap();
        library.date_format = Some(date_format);
        let connections = Connections::with_clients(&options(), |builder| {
            builder.add_root_certificate(proxy.ca_certificate.clone())
        });
        let sites = Sites::with(connections.unwrap());
        for card in 0..CARDS {
            let secret = CardSecret {
                number: generated_number(card).into(),
                pin: generated_pin(card).into(),
            };
            let account = sites
                .check(&library, &secret, &TestLoginPermit::default())
                .await
                .unwrap();
            assert_eq!(account.loans.unwrap().len(), 3, "{}", system.id());
        }
        assert!(demo.request_count() >= CARDS * 3);
        let handshakes = proxy.handshake_count.load(Ordering::SeqCst);
        assert_eq!(handshakes, 1, "{}", system.id());
    }
}
