//! What a demo library knows: its patrons, what they have out and what they wait for.

use std::fmt::{self, Write as _};

use chrono::NaiveDate;

/// The software that a demo library pretends to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SystemKind {
    /// `BiblioCommons` V2: pages with their state as JSON inside.
    Bibliocommons,
    /// Innovative Sierra or Millennium: a CAS login and tables of class `patFunc`.
    Sierra,
    /// `SirsiDynix` Enterprise: lists fetched by script.
    Enterprise,
    /// Koha's OPAC: one page is login form and whole account.
    Koha,
}

impl SystemKind {
    /// Every system, in the order of the demo sites.
    pub const ALL: [Self; 4] = [
        Self::Bibliocommons,
        Self::Sierra,
        Self::Enterprise,
        Self::Koha,
    ];

    /// The system's id, as `hippo library add` takes it.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Bibliocommons => "bibliocommons",
            Self::Sierra => "sierra",
            Self::Enterprise => "enterprise",
            Self::Koha => "koha",
        }
    }

    /// The form in which the system's pages print dates, in strftime's signs.
    ///
    /// `BiblioCommons` prints ISO dates whatever a site says; Koha prints four forms, and tells which in its script.
    #[must_use]
    pub fn usual_date_format(self) -> &'static str {
        match self {
            Self::Bibliocommons => "%Y-%m-%d",
            Self::Sierra => "%m-%d-%y",
            Self::Enterprise => "%-m/%-d/%y",
            Self::Koha => "%m/%d/%Y",
        }
    }
}

/// Which age of Enterprise or Koha a site shows; the other systems have one only.
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
    /// The software it pretends to run.
    pub system: SystemKind,
    /// The name on its pages.
    pub library_name: String,
    /// The day that its pages are made for: what was due before it is overdue.
    pub today: NaiveDate,
    /// How its pages print dates, in strftime's signs.
    pub date_format: String,
    /// The age of an Enterprise or Koha site.
    pub generation: Generation,
    /// Where holds can be picked up.
    pub branches: Vec<String>,
    /// Bytes of unread text in each account page, as real pages have plenty (they are 290 to 500 KB).
    pub filler_bytes: usize,
    /// Who has a card.
    pub patrons: Vec<Patron>,
}

impl Site {
    /// A library without patrons, with its system's usual dates.
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

    /// The same library with one more patron.
    #[must_use]
    pub fn with_patron(mut self, patron: Patron) -> Self {
        self.patrons.push(patron);
        self
    }

    /// The same library in another age of Enterprise or Koha.
    #[must_use]
    pub fn with_generation(mut self, generation: Generation) -> Self {
        self.generation = generation;
        self
    }

    /// The same library with heavier pages.
    #[must_use]
    pub fn with_filler_bytes(mut self, filler_bytes: usize) -> Self {
        self.filler_bytes = filler_bytes;
        self
    }

    /// A date as this library prints it; an unusable format falls back to ISO.
    pub(crate) fn print_date(&self, date: NaiveDate) -> String {
        let mut printed = String::new();
        if write!(printed, "{}", date.format(&self.date_format)).is_err() {
            return date.to_string();
        }
        printed
    }
}

/// One person with a card, and all that the account pages say about them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Patron {
    /// The card's number: what is typed first.
    pub number: String,
    /// What is typed second.
    pub pin: String,
    /// First and last name.
    pub name: String,
    /// What is out.
    pub loans: Vec<DemoLoan>,
    /// What was asked for.
    pub holds: Vec<DemoHold>,
    /// Owed, in cents; negative is a credit.
    pub fines_cents: i64,
    /// The card's last day.
    pub card_expires: Option<NaiveDate>,
    /// Why the library blocked the card, in its words; it can still log in.
    pub blocked: Option<String>,
    /// Other words of the library to the patron.
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

    /// The same patron with one more loan.
    #[must_use]
    pub fn with_loan(mut self, loan: DemoLoan) -> Self {
        self.loans.push(loan);
        self
    }

    /// The same patron with one more hold.
    #[must_use]
    pub fn with_hold(mut self, hold: DemoHold) -> Self {
        self.holds.push(hold);
        self
    }

    /// The same patron with a card that ends on that day.
    #[must_use]
    pub fn with_card_expires(mut self, last_day: NaiveDate) -> Self {
        self.card_expires = Some(last_day);
        self
    }

    /// The same patron owing that much.
    #[must_use]
    pub fn with_fines_cents(mut self, cents: i64) -> Self {
        self.fines_cents = cents;
        self
    }
}

/// Shows the account, not whose it is: a test may well be pointed at a real card.
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

/// An item that is out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoLoan {
    /// The item's own number; made from title and author unless it is set.
    pub id: u64,
    /// The title without its subtitle.
    pub title: String,
    /// The subtitle, empty where there is none.
    pub subtitle: String,
    /// The author, last name first; a film may have none.
    pub author: Option<String>,
    /// The day it must be back.
    pub due: NaiveDate,
    /// How often it was renewed.
    pub renewals: u32,
    /// Whether the site offers to renew it.
    pub renewable: bool,
    /// Why it cannot be renewed, in the library's words, where the system says so.
    pub reason: Option<String>,
    /// Whether the library renews it by itself; only Koha says so.
    pub renews_itself: bool,
    /// Whether it goes back by itself; only `BiblioCommons` shows it.
    pub digital: bool,
    /// `BiblioCommons`' short code of the kind of item: `BK`, `DVD`, `EBOOK` …
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

    /// The same loan of a work with a subtitle.
    #[must_use]
    pub fn with_subtitle(mut self, subtitle: &str) -> Self {
        self.subtitle = subtitle.to_owned();
        self
    }

    /// The same loan, renewed so often.
    #[must_use]
    pub fn renewed(mut self, times: u32) -> Self {
        self.renewals = times;
        self
    }

    /// The same loan, not to be renewed for a reason in the library's words.
    #[must_use]
    pub fn not_renewable(mut self, reason: &str) -> Self {
        self.renewable = false;
        self.reason = Some(reason.to_owned());
        self
    }

    /// The same loan, which the library renews by itself; the site offers no renewal of it.
    #[must_use]
    pub fn renewed_by_the_library(mut self) -> Self {
        self.renews_itself = true;
        self
    }

    /// The same loan as a file that returns itself; such loans are not renewed.
    #[must_use]
    pub fn digital(mut self, format: &str) -> Self {
        self.digital = true;
        self.renewable = false;
        self.format = format.to_owned();
        self
    }

    /// The same loan of another kind of item.
    #[must_use]
    pub fn of_format(mut self, format: &str) -> Self {
        self.format = format.to_owned();
        self
    }

    pub(crate) fn full_title(&self) -> String {
        full_title(&self.title, &self.subtitle)
    }
}

/// Where an item that was asked for is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DemoHoldState {
    /// On the shelf for the patron.
    Ready,
    /// On its way to the branch.
    InTransit,
    /// Others are first.
    Waiting,
    /// The patron put it on ice.
    Suspended,
}

/// An item that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoHold {
    /// The request's own number; made from title and author unless it is set.
    pub id: u64,
    /// The title without its subtitle.
    pub title: String,
    /// The subtitle, empty where there is none.
    pub subtitle: String,
    /// The author, last name first.
    pub author: Option<String>,
    /// Where it is.
    pub state: DemoHoldState,
    /// Words of the library's own instead of its state's; only Sierra and Enterprise show them.
    pub status: Option<String>,
    /// The place in the queue, from 1.
    pub position: Option<u32>,
    /// How many wait in all.
    pub queue_length: Option<u32>,
    /// The last day on the shelf.
    pub pickup_by: Option<NaiveDate>,
    /// The day on which it wakes.
    pub suspended_until: Option<NaiveDate>,
    /// The day on which the request lapses.
    pub expires: Option<NaiveDate>,
    /// Where it is to be picked up.
    pub branch: String,
    /// Whether it is a file; only `BiblioCommons` shows it.
    pub digital: bool,
    /// `BiblioCommons`' short code of the kind of item.
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

    /// A hold that is on the shelf until a day.
    #[must_use]
    pub fn ready(title: &str, author: &str, branch: &str, pickup_by: Option<NaiveDate>) -> Self {
        Self {
            pickup_by,
            position: Some(1),
            queue_length: Some(1),
            ..Self::new(title, author, branch, DemoHoldState::Ready)
        }
    }

    /// A hold on its way.
    #[must_use]
    pub fn in_transit(title: &str, author: &str, branch: &str) -> Self {
        Self {
            position: Some(1),
            queue_length: Some(1),
            ..Self::new(title, author, branch, DemoHoldState::InTransit)
        }
    }

    /// A hold at a place in a queue.
    #[must_use]
    pub fn waiting(title: &str, author: &str, branch: &str, position: u32, of: u32) -> Self {
        Self {
            position: Some(position),
            queue_length: Some(of),
            ..Self::new(title, author, branch, DemoHoldState::Waiting)
        }
    }

    /// A hold that sleeps until a day.
    #[must_use]
    pub fn suspended(title: &str, author: &str, branch: &str, until: Option<NaiveDate>) -> Self {
        Self {
            suspended_until: until,
            position: Some(2),
            queue_length: Some(7),
            ..Self::new(title, author, branch, DemoHoldState::Suspended)
        }
    }

    /// The same hold, of which the library says this.
    #[must_use]
    pub fn with_status(mut self, words: &str) -> Self {
        self.status = Some(words.to_owned());
        self
    }

    /// The same hold, which lapses on that day.
    #[must_use]
    pub fn with_expires(mut self, day: NaiveDate) -> Self {
        self.expires = Some(day);
        self
    }

    /// The same hold on a file.
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

/// A seven-digit number that stays the same for the same work (FNV-1a).
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
    fn a_works_number_is_its_own_and_stays() {
        let number = number_of("Tidewater", "Okafor, Lena");
        assert_eq!(number, number_of("Tidewater", "Okafor, Lena"));
        assert_ne!(number, number_of("TidewaterOkafor,", " Lena"));
        assert_eq!(number.to_string().len(), 7);
    }

    #[test]
    fn a_date_is_printed_as_the_site_says_and_never_fails() {
        let today = NaiveDate::from_ymd_opt(2026, 3, 4).unwrap();
        let mut site = Site::new(SystemKind::Enterprise, "Lakeshore", today);
        assert_eq!(site.print_date(today), "3/4/26");
        site.date_format = "%Q".to_owned();
        assert_eq!(site.print_date(today), "2026-03-04");
    }
}
