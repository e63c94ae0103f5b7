//! Reads one page, without a network.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, Messages, parse_page, prepare_to_store};
use hippo_core::account::{Account, Hold, Loan};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::dates::Dates;
use super::fines::Balance;
use super::landmarks::{Landmarks, PageLandmarks};
use super::lists::List;
use super::login::{self, Login};
use super::messages;
use super::tabs::Tabs;
use super::{fines, lists};

static PATRON: Css = Css::new(".loggedinusername");

/// A page, parsed.
#[derive(Debug)]
pub(super) enum ParsedPage {
    /// A login page.
    Login(Login),
    /// An account page.
    Account(AccountPage),
}

/// The audience of a page that can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// A patron: it is the account.
    Account,
    /// A patron: it is another page of the catalogue.
    Elsewhere,
    /// A visitor who is not logged in.
    Nobody,
}

/// The content of an account page.
#[derive(Debug, Default)]
pub(crate) struct AccountPage {
    /// The numbers of the patron records that it names.
    patrons: BTreeSet<String>,
    /// Whether it is the summary with the lists, not the page of charges.
    pub(super) is_summary: bool,
    loans: Option<List<Loan>>,
    holds: Option<List<Hold>>,
    balance: Balance,
    card_expires: Option<NaiveDate>,
    messages: Vec<String>,
}

impl AccountPage {
    /// Whether only the page of all charges can tell a debt from a credit.
    pub(super) fn needs_charges(&self) -> bool {
        self.balance.sum_without_sign.is_some()
    }
}

/// Parses one page. Fails with `page_changed` if it's unknown. `preexisting_messages` are those beside the login form
/// before a login was sent ([`login::messages_beside_form`]).
pub(super) fn parse_page_body(
    body: &str,
    preexisting_messages: &[String],
    context: &ReadContext<'_>,
) -> Result<ParsedPage, Failure> {
    let page = parse_page(body)?;
    let root = page.root_element();
    let landmarks = PageLandmarks::find_in(root);
    let require_one_patron = |patrons: &BTreeSet<String>| {
        if patrons.len() > 1 {
            return Err(Failure::page_changed("a page that names two patrons"));
        }
        Ok(())
    };
    // Every page has a hidden login form, so the account is looked for first.
    if let Some(details) = landmarks.details {
        let summary = read_summary(details, body, context)?;
        require_one_patron(&landmarks.patrons)?;
        return Ok(ParsedPage::Account(AccountPage {
            patrons: landmarks.patrons,
            ..summary
        }));
    }
    if landmarks.has_charges {
        require_one_patron(&landmarks.patrons)?;
        require_end(body)?;
        return Ok(ParsedPage::Account(AccountPage {
            patrons: landmarks.patrons,
            balance: fines::read_charges(root),
            ..AccountPage::default()
        }));
    }
    login::login(root, preexisting_messages)?
        .map(ParsedPage::Login)
        .ok_or_else(|| {
            Failure::page_changed(
                "neither a patron's summary, nor their charges, nor the login form",
            )
        })
}

/// Returns the audience of a page that [`parse_page_body`] can't read.
pub(super) fn audience(body: &str) -> Audience {
    let Ok(page) = parse_page(body) else {
        return Audience::Nobody;
    };
    let root = page.root_element();
    if PageLandmarks::find_in(root).details.is_some() {
        Audience::Account
    } else if PATRON.is_in(root) {
        Audience::Elsewhere
    } else {
        Audience::Nobody
    }
}

/// Joins the pages of one account; what no page states is unknown.
pub(super) fn join_parts(pages: Vec<AccountPage>, account: Account) -> Result<Account, Failure> {
    let mut account = account;
    let mut messages = Messages::default();
    let mut patrons = BTreeSet::new();
    let mut without_sign = None;
    let differ = || Failure::page_changed("two pages disagree about the fines");
    for page in pages {
        patrons.extend(page.patrons);
        if page.is_summary && (account.loans.is_some() || account.holds.is_some()) {
            return Err(Failure::page_changed("the same summary twice"));
        }
        if let Some(list) = page.loans {
            account.declared.loans = list.declared;
            account.loans = Some(list.entries);
        }
        if let Some(list) = page.holds {
            account.declared.holds = list.declared;
            account.holds = Some(list.entries);
        }
        let Balance {
            fines,
            sum_without_sign,
            currency,
        } = page.balance;
        if let (Some(one), Some(other)) = (account.fines, fines)
            && one != other
        {
            return Err(differ());
        }
        account.fines = account.fines.or(fines);
        without_sign = without_sign.or(sum_without_sign);
        if account.currency.is_none() {
            account.currency = currency.map(str::to_owned);
        }
        account.card_expires = account.card_expires.or(page.card_expires);
        messages.extend(page.messages.iter().map(String::as_str));
    }
    match (account.fines, without_sign) {
        (Some(fines), Some(sum)) if fines.abs() != sum.abs() => return Err(differ()),
        (None, Some(sum)) => messages.add(&fines::message_without_sign(sum)),
        _ => {}
    }
    account.messages = messages.into_vec();
    if patrons.len() > 1 {
        return Err(Failure::page_changed("pages of more than one patron"));
    }
    prepare_to_store(&mut account);
    Ok(account)
}

fn read_summary(
    details: ElementRef<'_>,
    body: &str,
    context: &ReadContext<'_>,
) -> Result<AccountPage, Failure> {
    require_end(body)?;
    let dates = Dates::stated_in(body, context);
    let landmarks = Landmarks::find_in(details)?;
    let tabs = Tabs::find_in(landmarks.views)?;
    Ok(AccountPage {
        patrons: BTreeSet::new(),
        is_summary: true,
        loans: Some(lists::read_loans(
            details, &landmarks, &tabs, &dates, context,
        )?),
        holds: Some(lists::read_holds(
            details, &landmarks, &tabs, &dates, context,
        )?),
        balance: fines::read_summary(
            landmarks.fines_panel,
            tabs.fines.as_ref(),
            landmarks.is_blocked_for_fines,
        )?,
        card_expires: messages::read_card_expiry(landmarks.expiry, &dates)?,
        messages: messages::collect_messages(&landmarks.alerts),
    })
}

/// Fails with `page_changed` if a page is truncated.
fn require_end(body: &str) -> Result<(), Failure> {
    if ["</html", "</HTML"].iter().any(|end| body.contains(end)) {
        Ok(())
    } else {
        Err(Failure::page_changed("a truncated account page"))
    }
}
