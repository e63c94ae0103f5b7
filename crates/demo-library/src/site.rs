//! The data of a demo library: patrons, loans and holds.

use std::fmt::{self, Write as _};

use chrono::NaiveDate;

/// The system that a demo library imitates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SystemKind {
    /// `BiblioCommons` V2: pages that contain their state as JSON.
    Bibliocommons,
    /// Innovative Sierra or Millennium: a CAS login and tables of class `patFunc`.
    Sierra,
    /// `SirsiDynix` Enterprise: lists fetched by script.
    Enterprise,
    /// Koha's OPAC: one page is both login form and account.
    Koha,
    /// OCLC Bibliotheca: the answer to the login is the account.
    Bibliotheca,
    /// OCLC SISIS: a tab each for loans, orders and reservations.
    Sisis,
    /// OCLC `TouchPoint`, the successor of SISIS.
    TouchPoint,
    /// `VuFind`, as German libraries run it: rows of lines, and counts beside them.
    VuFind,
    /// datronic `WinBIAP`: an overview, and tables of rows with details.
    WinBiap,
    /// `SirsiDynix` Symphony Web Services: a programming interface with JSON.
    SymphonyWs,
}

impl SystemKind {
    /// Every system, in the order of the demo sites.
    pub const ALL: [Self; 10] = [
        Self::Bibliocommons,
        Self::Sierra,
        Self::Enterprise,
        Self::Koha,
        Self::Bibliotheca,
        Self::Sisis,
        Self::TouchPoint,
        Self::VuFind,
        Self::WinBiap,
        Self::SymphonyWs,
    ];

    /// The system's id, as in `hippo library add`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Bibliocommons => "bibliocommons",
            Self::Sierra => "sierra",
            Self::Enterprise => "enterprise",
            Self::Koha => "koha",
            Self::Bibliotheca => "bibliotheca",
            Self::Sisis => "sisis",
            Self::TouchPoint => "touchpoint",
            Self::VuFind => "vufind-de",
            Self::WinBiap => "winbiap",
            Self::SymphonyWs => "symphony-ws",
        }
    }

    /// Whether its account is a single page.
    #[must_use]
    pub fn has_one_page(self) -> bool {
        matches!(self, Self::Koha | Self::Bibliotheca)
    }

    /// Whether its pages, or the answers to their scripts, have JSON in them.
    #[must_use]
    pub fn sends_json(self) -> bool {
        matches!(
            self,
            Self::Bibliocommons | Self::Enterprise | Self::SymphonyWs
        )
    }

    /// The system's usual date format (strftime).
    ///
    /// `BiblioCommons` and Symphony Web Services always print ISO dates. Koha has four formats, and states the one in use in its script.
    #[must_use]
    pub fn usual_date_format(self) -> &'static str {
        match self {
            Self::Bibliocommons | Self::SymphonyWs => "%Y-%m-%d",
            Self::Sierra => "%m-%d-%y",
            Self::Enterprise => "%-m/%-d/%y",
            Self::Koha => "%m/%d/%Y",
            Self::Bibliotheca | Self::Sisis | Self::TouchPoint | Self::VuFind | Self::WinBiap => {
                "%d.%m.%Y"
            }
        }
    }
}

/// The generation of Enterprise or Koha. The other systems have only one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generation {
    /// Plain zones, no token; `myCheckouts_checkoutslist_table`. Koha: `userid`, dates in `span[title]`.
    #[default]
    Older,
    /// A token `sdcsrf`, zones named in script; `myCheckouts_checkoutslistnonmobile_table`. Koha: `login_userid` and a
    /// `csrf_token`, dates in `data-order`.
    Newer,
}

/// One library with all its data.
#[derive(Clone, Debug)]
pub struct Site {
    /// The system that it imitates.
    pub system: SystemKind,
    /// The name on its pages.
    pub library_name: String,
    /// The pages' current date. Loans due before it are overdue.
    pub today: NaiveDate,
    /// The date format of its pages (strftime).
    pub date_format: String,
    /// The generation of an Enterprise or Koha site.
    pub generation: Generation,
    /// The branches where holds can be picked up.
    pub branches: Vec<String>,
    /// Filler bytes in each account page. Real pages have 290 to 500 KB.
    pub filler_bytes: usize,
    /// The patrons.
    pub patrons: Vec<Patron>,
}

impl Site {
    /// A library without patrons, with its system's usual date format.
    #[must_use]
    pub fn new(system: SystemKind, library_name: &str, today: NaiveDate) -> Self {
        Self {
            system,
            library_name: library_name.to_owned(),
            today,
            date_format: system.usual_date_format().to_owned(),
            generation: Generation::default(),
            branches: ["Mill Street", "Oak Park", "Station Square"]
                .map(str::to_owned)
                .to_vec(),
            filler_bytes: 0,
            patrons: Vec::new(),
        }
    }

    /// Adds a patron.
    #[must_use]
    pub fn with_patron(mut self, patron: Patron) -> Self {
        self.patrons.push(patron);
        self
    }

    /// Sets the generation of Enterprise or Koha.
    #[must_use]
    pub fn with_generation(mut self, generation: Generation) -> Self {
        self.generation = generation;
        self
    }

    /// Sets the filler bytes of account pages.
    #[must_use]
    pub fn with_filler_bytes(mut self, filler_bytes: usize) -> Self {
        self.filler_bytes = filler_bytes;
        self
    }

    /// A date in this library's format. Falls back to ISO if the format is invalid.
    pub(crate) fn print_date(&self, date: NaiveDate) -> String {
        let mut printed = String::new();
        if write!(printed, "{}", date.format(&self.date_format)).is_err() {
            return date.to_string();
        }
        printed
    }
}

/// A patron, with all data of the account pages.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Patron {
    /// The card's number.
    pub number: String,
    /// The PIN.
    pub pin: String,
    /// First and last name.
    pub name: String,
    /// The loans.
    pub loans: Vec<DemoLoan>,
    /// The holds.
    pub holds: Vec<DemoHold>,
    /// The fines in cents. Negative is a credit.
    pub fines_cents: i64,
    /// The card's last day.
    pub card_expires: Option<NaiveDate>,
    /// The library's reason for blocking the card, if blocked. The patron can still log in.
    pub blocked: Option<String>,
    /// Other messages of the library.
    pub messages: Vec<String>,
}

impl Patron {
    /// A patron with an empty account.
    #[must_use]
    pub fn new(number: &str, pin: &str, name: &str) -> Self {
        Self {
            number: number.to_owned(),
            pin: pin.to_owned(),
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// Adds a loan.
    #[must_use]
    pub fn with_loan(mut self, loan: DemoLoan) -> Self {
        self.loans.push(loan);
        self
    }

    /// Adds a hold.
    #[must_use]
    pub fn with_hold(mut self, hold: DemoHold) -> Self {
        self.holds.push(hold);
        self
    }

    /// Sets the card's last day.
    #[must_use]
    pub fn with_card_expires(mut self, last_day: NaiveDate) -> Self {
        self.card_expires = Some(last_day);
        self
    }

    /// Sets the fines.
    #[must_use]
    pub fn with_fines_cents(mut self, cents: i64) -> Self {
        self.fines_cents = cents;
        self
    }
}

/// Shows the account without number, PIN and name, because a test may use a real card.
impl fmt::Debug for Patron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patron")
            .field("loans", &self.loans)
            .field("holds", &self.holds)
            .field("fines_cents", &self.fines_cents)
            .field("card_expires", &self.card_expires)
            .finish_non_exhaustive()
    }
}

/// A loan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoLoan {
    /// The item's number. Derived from title and author by default.
    pub id: u64,
    /// The title without its subtitle.
    pub title: String,
    /// The subtitle, or empty.
    pub subtitle: String,
    /// The author, last name first. A film may have none.
    pub author: Option<String>,
    /// The due date.
    pub due: NaiveDate,
    /// The number of renewals.
    pub renewals: u32,
    /// Whether the site offers to renew it.
    pub renewable: bool,
    /// The library's reason why it can't be renewed, if the system shows one.
    pub reason: Option<String>,
    /// Whether it is renewed automatically. Only Koha shows it.
    pub renews_itself: bool,
    /// Whether it is digital and returned automatically. Only `BiblioCommons` shows it.
    pub digital: bool,
    /// `BiblioCommons`' format code: `BK`, `DVD`, `EBOOK` …
    pub format: String,
}

impl DemoLoan {
    /// A renewable book that was never renewed.
    #[must_use]
    pub fn new(title: &str, author: &str, due: NaiveDate) -> Self {
        Self {
            id: number_of(title, author),
            title: title.to_owned(),
            subtitle: String::new(),
            author: (!author.is_empty()).then(|| author.to_owned()),
            due,
            renewals: 0,
            renewable: true,
            reason: None,
            renews_itself: false,
            digital: false,
            format: "BK".to_owned(),
        }
    }

    /// Sets the subtitle.
    #[must_use]
    pub fn with_subtitle(mut self, subtitle: &str) -> Self {
        self.subtitle = subtitle.to_owned();
        self
    }

    /// Sets the number of renewals.
    #[must_use]
    pub fn renewed(mut self, times: u32) -> Self {
        self.renewals = times;
        self
    }

    /// Makes it not renewable, with the library's reason.
    #[must_use]
    pub fn not_renewable(mut self, reason: &str) -> Self {
        self.renewable = false;
        self.reason = Some(reason.to_owned());
        self
    }

    /// Makes the library renew it automatically. The site then offers no renewal.
    #[must_use]
    pub fn auto_renewed(mut self) -> Self {
        self.renews_itself = true;
        self
    }

    /// Makes it a digital loan, which isn't renewable.
    #[must_use]
    pub fn digital(mut self, format: &str) -> Self {
        self.digital = true;
        self.renewable = false;
        self.format = format.to_owned();
        self
    }

    /// Sets the format code.
    #[must_use]
    pub fn of_format(mut self, format: &str) -> Self {
        self.format = format.to_owned();
        self
    }

    pub(crate) fn full_title(&self) -> String {
        full_title(&self.title, &self.subtitle)
    }
}

/// The state of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DemoHoldState {
    /// On the shelf for the patron.
    Ready,
    /// In transit to the branch.
    InTransit,
    /// In the queue.
    Waiting,
    /// Suspended by the patron.
    Suspended,
}

/// A hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoHold {
    /// The request's number. Derived from title and author by default.
    pub id: u64,
    /// The title without its subtitle.
    pub title: String,
    /// The subtitle, or empty.
    pub subtitle: String,
    /// The author, last name first.
    pub author: Option<String>,
    /// Its state.
    pub state: DemoHoldState,
    /// A status text that replaces the state's. Only Sierra and Enterprise show it.
    pub status: Option<String>,
    /// The position in the queue, from 1.
    pub position: Option<u32>,
    /// The length of the queue.
    pub queue_length: Option<u32>,
    /// The last day on the shelf.
    pub pickup_by: Option<NaiveDate>,
    /// The day on which the suspension ends.
    pub suspended_until: Option<NaiveDate>,
    /// The day on which the request expires.
    pub expires: Option<NaiveDate>,
    /// The pick-up branch.
    pub branch: String,
    /// Whether it is digital. Only `BiblioCommons` shows it.
    pub digital: bool,
    /// `BiblioCommons`' format code.
    pub format: String,
}

impl DemoHold {
    fn new(title: &str, author: &str, branch: &str, state: DemoHoldState) -> Self {
        Self {
            id: number_of(title, author),
            title: title.to_owned(),
            subtitle: String::new(),
            author: (!author.is_empty()).then(|| author.to_owned()),
            state,
            status: None,
            position: None,
            queue_length: None,
            pickup_by: None,
            suspended_until: None,
            expires: None,
            branch: branch.to_owned(),
            digital: false,
            format: "BK".to_owned(),
        }
    }

    /// A hold that is ready, with its last day on the shelf.
    #[must_use]
    pub fn ready(title: &str, author: &str, branch: &str, pickup_by: Option<NaiveDate>) -> Self {
        Self {
            pickup_by,
            position: Some(1),
            queue_length: Some(1),
            ..Self::new(title, author, branch, DemoHoldState::Ready)
        }
    }

    /// A hold in transit.
    #[must_use]
    pub fn in_transit(title: &str, author: &str, branch: &str) -> Self {
        Self {
            position: Some(1),
            queue_length: Some(1),
            ..Self::new(title, author, branch, DemoHoldState::InTransit)
        }
    }

    /// A hold in a queue.
    #[must_use]
    pub fn waiting(title: &str, author: &str, branch: &str, position: u32, of: u32) -> Self {
        Self {
            position: Some(position),
            queue_length: Some(of),
            ..Self::new(title, author, branch, DemoHoldState::Waiting)
        }
    }

    /// A hold that is suspended, perhaps until a day.
    #[must_use]
    pub fn suspended(title: &str, author: &str, branch: &str, until: Option<NaiveDate>) -> Self {
        Self {
            suspended_until: until,
            position: Some(2),
            queue_length: Some(7),
            ..Self::new(title, author, branch, DemoHoldState::Suspended)
        }
    }

    /// Sets the library's status text.
    #[must_use]
    pub fn with_status(mut self, words: &str) -> Self {
        self.status = Some(words.to_owned());
        self
    }

    /// Sets the day on which it expires.
    #[must_use]
    pub fn with_expires(mut self, day: NaiveDate) -> Self {
        self.expires = Some(day);
        self
    }

    /// Makes it a digital hold.
    #[must_use]
    pub fn digital(mut self, format: &str) -> Self {
        self.digital = true;
        self.format = format.to_owned();
        self
    }

    pub(crate) fn full_title(&self) -> String {
        full_title(&self.title, &self.subtitle)
    }
}

fn full_title(title: &str, subtitle: &str) -> String {
    if subtitle.is_empty() {
        title.to_owned()
    } else {
        format!("{title}: {subtitle}")
    }
}

/// A stable seven-digit number of a work (FNV-1a).
pub(crate) fn number_of(title: &str, author: &str) -> u64 {
    let hash = title
        .bytes()
        .chain([0])
        .chain(author.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    1_000_000 + hash % 9_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_number_nor_pin_nor_name() {
        let shown = format!("{:?}", Patron::new("21000099", "8642", "Ada Birch"));
        for secret in ["21000099", "8642", "Ada"] {
            assert!(!shown.contains(secret));
        }
    }

    #[test]
    fn work_number_is_stable_and_distinct() {
        let number = number_of("Tidewater", "Okafor, Lena");
        assert_eq!(number, number_of("Tidewater", "Okafor, Lena"));
        assert_ne!(number, number_of("TidewaterOkafor,", " Lena"));
        assert_eq!(number.to_string().len(), 7);
    }

    #[test]
    fn date_has_the_site_format_or_iso() {
        let today = NaiveDate::from_ymd_opt(2026, 3, 4).unwrap();
        let mut site = Site::new(SystemKind::Enterprise, "Lakeshore", today);
        assert_eq!(site.print_date(today), "3/4/26");
        site.date_format = "%Q".to_owned();
        assert_eq!(site.print_date(today), "2026-03-04");
    }
}
