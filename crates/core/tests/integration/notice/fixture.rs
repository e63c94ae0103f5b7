//! A family, its cards and their accounts; every name is invented.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use hippo_core::account::{Account, Hold, HoldState, Loan};
use hippo_core::card::{Card, CardState, Fingerprint, LastCheck, StoredAccount};
use hippo_core::clock::local_date;
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::family::schedule::ScheduleHistory;
use hippo_core::family::{Family, Preferences};
use hippo_core::ids::CardId;
use hippo_core::library::Library;
use hippo_core::mail::MailLinks;
use hippo_core::notice::last_notice::LastNotice;
use hippo_core::notice::{Composed, NoticeCard, NoticeInput, PausedCard, compose};
use hippo_core::unsubscribe::UnsubscribeToken;

pub(crate) const CONTACT: &str = "hippo@example.org";

/// Saturday, 2026-11-21, 06:30 in Toronto.
pub(crate) fn now() -> DateTime<Utc> {
    at("2026-11-21T11:30:00Z")
}

pub(crate) fn today() -> NaiveDate {
    date("2026-11-21")
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The date this many days from today.
pub(crate) fn in_days(days: i64) -> NaiveDate {
    today() + Duration::days(days)
}

/// The owned input of a notice.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) family: Family,
    pub(crate) now: DateTime<Utc>,
    pub(crate) cards: Vec<NoticeCard>,
    pub(crate) paused: Vec<PausedCard>,
    pub(crate) last_notice: Option<LastNotice>,
    /// The notice's date, if the mail is sent on a later one.
    pub(crate) date: Option<NaiveDate>,
    /// The links to the web pages.
    pub(crate) links: Option<MailLinks>,
}

impl Case {
    pub(crate) fn from_cards(cards: impl IntoIterator<Item = NoticeCard>) -> Self {
        Self {
            family: Family {
                id: "conrad".parse().unwrap(),
                name: "The Conrads".into(),
                recipients: Vec::new(),
                timezone: chrono_tz::America::Toronto,
                notice_time: "06:30:00".parse().unwrap(),
                preferences: Preferences::default(),
                paused: false,
                paused_since: None,
                paused_until: None,
                created_at: at("2026-01-02T12:00:00Z"),
                history: ScheduleHistory::default(),
                stopped: Vec::new(),
                unsubscribed: Vec::new(),
            },
            now: now(),
            cards: cards.into_iter().collect(),
            paused: Vec::new(),
            last_notice: None,
            date: None,
            links: None,
        }
    }

    /// Sends it where the web pages are.
    pub(crate) fn with_pages(mut self) -> Self {
        self.links = Some(links("daily"));
        self
    }

    /// Sets the last notice.
    pub(crate) fn after(mut self, last_notice: LastNotice) -> Self {
        self.last_notice = Some(last_notice);
        self
    }

    /// Moves this many days ahead, with every card checked as before.
    pub(crate) fn days_later(mut self, days: i64) -> Self {
        let days = Duration::days(days);
        self.now += days;
        for card in &mut self.cards {
            for time in [
                card.state.last_success_at.as_mut(),
                card.stored.as_mut().map(|stored| &mut stored.read_at),
                card.state
                    .last_check
                    .as_mut()
                    .map(|check| &mut check.started_at),
            ]
            .into_iter()
            .flatten()
            {
                *time += days;
            }
        }
        self
    }

    pub(crate) fn compose(&self) -> Composed {
        let today = local_date(self.now, self.family.timezone);
        compose(&NoticeInput {
            family: &self.family,
            date: self.date.unwrap_or(today),
            today,
            now: self.now,
            cards: &self.cards,
            paused: &self.paused,
            last_notice: self.last_notice.as_ref(),
            operator_contact: Some(CONTACT),
            links: self.links.as_ref(),
        })
        .unwrap()
    }

    /// The subject, or “no mail”.
    pub(crate) fn subject(&self) -> String {
        match self.compose().mail {
            Some(mail) => mail.subject,
            None => "no mail".into(),
        }
    }
}

pub(crate) fn millbrook() -> Library {
    library("millbrook", "Millbrook Public Library", "sierra")
}

pub(crate) fn fernhill() -> Library {
    library("fernhill", "Fernhill Library", "bibliocommons")
}

pub(crate) fn harbour() -> Library {
    library("harbour", "Harbour Town Libraries", "enterprise")
}

fn library(id: &str, name: &str, system: &str) -> Library {
    let base_url: url::Url = format!("https://{id}.example.org/").parse().unwrap();
    Library {
        id: id.parse().unwrap(),
        name: name.into(),
        system: system.parse().unwrap(),
        account_url: Some(base_url.join("account").unwrap()),
        base_url,
        timezone: chrono_tz::America::Toronto,
        date_format: None,
        login_hosts: Vec::new(),
        options: Default::default(),
    }
}

/// A card that was checked successfully at 05:10.
pub(crate) fn card(number: u128, patron: &str, library: Library, account: Account) -> NoticeCard {
    let read_at = at("2026-11-21T10:10:00Z");
    NoticeCard {
        card: Card {
            id: CardId::new(ulid::Ulid::from(number)),
            family: "conrad".parse().unwrap(),
            library: library.id.clone(),
            patron: patron.into(),
            fingerprint: Fingerprint(String::new()),
            secret_id: uuid::Uuid::nil(),
            pause: None,
            created_at: at("2026-01-02T12:00:00Z"),
        },
        state: CardState {
            last_check: Some(LastCheck {
                started_at: read_at,
                finished_at: read_at + Duration::seconds(4),
                failure: None,
            }),
            last_success_at: Some(read_at),
            ..CardState::default()
        },
        library,
        stored: Some(StoredAccount { read_at, account }),
    }
}

/// The card with its last good account `hours` ago, and a failure since.
pub(crate) fn failing(mut card: NoticeCard, hours: i64, kind: FailureKind) -> NoticeCard {
    let read_at = now() - Duration::hours(hours);
    if let Some(check) = &mut card.state.last_check {
        check.failure = Some(Failure::new(kind, "detail for the operator"));
    }
    card.state.last_success_at = Some(read_at);
    if let Some(stored) = &mut card.stored {
        stored.read_at = read_at;
    }
    card
}

/// The card with its PIN rejected two hours ago.
pub(crate) fn refused(card: NoticeCard) -> NoticeCard {
    let mut card = failing(card, 26, FailureKind::WrongCredentials);
    card.state.refused_since = Some(now() - Duration::hours(2));
    card
}

/// An account without loans, holds and fines.
pub(crate) fn empty() -> Account {
    Account {
        loans: Some(Vec::new()),
        holds: Some(Vec::new()),
        fines: Some(rust_decimal::Decimal::ZERO),
        ..Account::unknown("sierra".parse().unwrap())
    }
}

pub(crate) fn account(loans: Vec<Loan>, holds: Vec<Hold>) -> Account {
    Account {
        loans: Some(loans),
        holds: Some(holds),
        ..empty()
    }
}

/// A renewable loan due in this many days.
pub(crate) fn loan(title: &str, author: &str, days: i64) -> Loan {
    Loan {
        id: format!("loan-{title}"),
        title: title.into(),
        author: Some(author.into()).filter(|author: &String| !author.is_empty()),
        due: Some(in_days(days)),
        renewals: Some(1),
        renewable: Some(true),
        renewable_reason: None,
        digital: false,
        format: None,
        note: None,
        url: None,
    }
}

pub(crate) fn not_renewable(loan: Loan, reason: &str) -> Loan {
    Loan {
        renewable: Some(false),
        renewable_reason: Some(reason.into()).filter(|reason: &String| !reason.is_empty()),
        ..loan
    }
}

pub(crate) fn digital_loan(loan: Loan) -> Loan {
    Loan {
        digital: true,
        renewable: None,
        ..loan
    }
}

pub(crate) fn hold(title: &str, author: &str, state: HoldState) -> Hold {
    Hold {
        id: format!("hold-{title}"),
        title: title.into(),
        author: Some(author.into()).filter(|author: &String| !author.is_empty()),
        state,
        position: None,
        queue_length: None,
        pickup_by: None,
        suspended_until: None,
        expires: None,
        pickup_branch: Some("Central".into()),
        digital: false,
        note: None,
        url: None,
    }
}

/// A ready hold to pick up within this many days.
pub(crate) fn ready(title: &str, author: &str, days: i64) -> Hold {
    Hold {
        pickup_by: Some(in_days(days)),
        ..hold(title, author, HoldState::Ready)
    }
}

pub(crate) fn waiting(title: &str, author: &str, position: u32, length: Option<u32>) -> Hold {
    Hold {
        position: Some(position),
        queue_length: length,
        ..hold(title, author, HoldState::Waiting)
    }
}

pub(crate) fn money(text: &str) -> Option<rust_decimal::Decimal> {
    Some(text.parse().unwrap())
}

/// The links of a mail, with a token that is the same each time.
pub(crate) fn links(kind: &str) -> MailLinks {
    let token = format!("{kind}.conrad.2026-11-21.{}", "0123456789abcdef".repeat(4));
    let token = UnsubscribeToken::from_secret_text(&token).unwrap();
    MailLinks::new("https://hippo.example.org".parse().unwrap(), &token)
}
