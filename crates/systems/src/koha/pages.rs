//! Reads one page, without a network.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, Messages, element_text, parse_page, prepare_to_store};
use hippo_core::account::{Account, Hold, Loan};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::fines::{self, Balance};
use super::login::{self, Login};
use super::summary::Summary;
use super::{dates, messages};

/// The patron's details with the lists: present only when somebody is logged in.
pub(super) static DETAILS: Css = Css::new("#userdetails");
/// The patron's name, on every page for somebody who is logged in.
pub(super) static LOGGED_IN: Css = Css::new(".loggedinusername");
/// The page of all charges. A patron who owes nothing gets a sentence instead of the table.
static CHARGES: Css = Css::new("#finestable, #useraccount");
/// The numbers of the patron records in a page's head and forms.
static PATRON: Css =
    Css::new("[name=borrowernumber][value], .loggedinusername[data-borrowernumber]");

/// A page, parsed.
#[derive(Debug)]
pub(super) enum ParsedPage {
    /// A login page.
    Login(Login),
    /// An account page.
    Account(AccountPage),
}

/// The content of an account page.
#[derive(Debug, Default)]
pub(crate) struct AccountPage {
    /// The numbers of the patron records that it names.
    patrons: BTreeSet<String>,
    /// The lists, if it is the summary and not the page of charges.
    lists: Option<(Vec<Loan>, Vec<Hold>)>,
    balance: Balance,
    card_expires: Option<NaiveDate>,
    messages: Vec<String>,
}

impl AccountPage {
    /// Whether it is the summary with the lists, not the page of charges.
    pub(super) fn is_summary(&self) -> bool {
        self.lists.is_some()
    }

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
    // Every page has a hidden login form, so the account is looked for first.
    let account = if let Some(details) = DETAILS.first(root) {
        require_end(body)?;
        let date_format = dates::stated_format(body).or(context.date_format);
        read_summary(
            details,
            ReadContext {
                date_format,
                ..*context
            },
        )?
    } else if CHARGES.is_in(root) {
        require_end(body)?;
        AccountPage {
            balance: fines::read_charges(root),
            ..AccountPage::default()
        }
    } else {
        let login = login::login(root, preexisting_messages)?;
        return login.map(ParsedPage::Login).ok_or_else(|| {
            Failure::page_changed(
                "neither a patron's summary, nor their charges, nor the login form",
            )
        });
    };
    let patrons = find_patrons(root);
    if patrons.len() > 1 {
        return Err(Failure::page_changed("a page that names two patrons"));
    }
    Ok(ParsedPage::Account(AccountPage { patrons, ..account }))
}

fn read_summary(details: ElementRef<'_>, context: ReadContext<'_>) -> Result<AccountPage, Failure> {
    let summary = Summary::new(details, context)?;
    let lists = (summary.read_loans()?, summary.read_holds()?);
    // Koha shows the card's expiry only when it is near or past.
    let expiry = summary.find(&["warnexpired", "warndeparture"]);
    let expiry = expiry.map(element_text).unwrap_or_default();
    let expiry = dates::read_all(&expiry, &context)?;
    Ok(AccountPage {
        patrons: BTreeSet::new(),
        lists: Some(lists),
        balance: fines::read_summary(&summary)?,
        card_expires: expiry.first().and_then(|date| date.date()),
        messages: messages::collect_messages(details)?,
    })
}

fn find_patrons(root: ElementRef<'_>) -> BTreeSet<String> {
    let numbers = PATRON
        .all(root)
        .filter_map(|element| match element.attr("name") {
            Some("borrowernumber") => element.attr("value"),
            _ => element.attr("data-borrowernumber"),
        });
    let numbers = numbers.map(str::trim).filter(|number| !number.is_empty());
    numbers.map(str::to_owned).collect()
}

/// Fails with `page_changed` if a page is truncated.
fn require_end(body: &str) -> Result<(), Failure> {
    if ["</html", "</HTML"].iter().any(|end| body.contains(end)) {
        Ok(())
    } else {
        Err(Failure::page_changed("a truncated account page"))
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
        if let Some((loans, holds)) = page.lists {
            // The totals agree with what was read.
            account.declared.loans = u32::try_from(loans.len()).ok();
            account.declared.holds = u32::try_from(holds.len()).ok();
            if account.loans.replace(loans).is_some() {
                return Err(Failure::page_changed("the same summary twice"));
            }
            account.holds = Some(holds);
        }
        let balance = page.balance;
        if let (Some(one), Some(other)) = (account.fines, balance.fines)
            && one != other
        {
            return Err(differ());
        }
        account.fines = account.fines.or(balance.fines);
        without_sign = without_sign.or(balance.sum_without_sign);
        account.currency = account
            .currency
            .or_else(|| balance.currency.map(str::to_owned));
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
