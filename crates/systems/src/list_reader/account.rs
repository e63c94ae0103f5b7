//! Reads a page of an account, and joins the pages.

use std::collections::{BTreeSet, HashSet};

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Element, Messages, check_declared_count, element_text, first_number, has_tag, is_another_card,
    is_cut_short, is_mask, prepare_to_store,
};
use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};

use super::alerts::find_alerts;
use super::count::{find_fact, find_fact_text, find_sum, merge_total, read_day, read_total};
use super::description::{AccountDescription, Count, ListDescription, PageKind};
use super::entry::Entry;
use super::list::{is_stated_empty, read_list};
use super::login::LoginDescription;
use super::page::OpenPage;
use super::part::{AccountPart, ListPart};

impl<E> ListPart<E> {
    /// Adds the list if a page that has none says that it is empty.
    fn add_stated_empty(&mut self, lists: &'static [ListDescription<E>], root: Element<'_>) {
        let mut lists = lists.iter();
        if lists.any(|list| is_stated_empty(list, self.declared, root)) {
            *self = self.none();
        }
    }
}

/// Reads one page. A login page in its place is the failure that its words mean.
pub(super) fn read_page(
    description: &'static AccountDescription,
    login: &'static LoginDescription,
    body: &str,
    context: &ReadContext<'_>,
) -> Result<AccountPart, Failure> {
    let page = OpenPage::open(body.into(), description, login)?;
    match page.kind {
        PageKind::Account => read_account(description, &page, context),
        other => Err(other.into_failure()),
    }
}

/// Reads a page that is one of the account.
pub(super) fn read_account(
    description: &'static AccountDescription,
    page: &OpenPage<'_>,
    context: &ReadContext<'_>,
) -> Result<AccountPart, Failure> {
    let root = page.root();
    let date_format = description.date_format.find_in(root);
    let date_format = date_format.or(context.date_format);
    let context = &ReadContext {
        date_format,
        ..*context
    };
    let is_cut_short = is_cut_short(page.html());
    if description.has_end_tag && breaks_off(page.html(), is_cut_short) {
        return Err(Failure::page_changed("a page that breaks off"));
    }
    if description.agreement.is_in(root) {
        return Err(Failure::new(
            FailureKind::CardBlocked,
            "the library asks the patron for consent before it shows the account",
        ));
    }
    check_owner(description, root, context)?;
    let tabs = description.tabs.as_ref();
    let tabs = tabs.map_or(Ok(None), |tabs| tabs.find(root))?;
    let (loans, holds) = match &tabs {
        Some(tabs) => (
            tabs.read_lists(&description.loans, context),
            tabs.read_lists(&description.holds, context),
        ),
        None => (
            read_lists(&description.loans, &description.loan_counts, root, context),
            read_lists(&description.holds, &description.hold_counts, root, context),
        ),
    };
    let has_none = matches!((&loans, &holds), (Ok(loans), Ok(holds))
        if loans.entries.is_none() && holds.entries.is_none());
    if is_cut_short && !has_none {
        return Err(Failure::page_changed("a page that ends within its list"));
    }
    let (fines, currency) = find_sum(&description.fines, root).unzip();
    let mut messages = Messages::default();
    if let Some(alerts) = &description.messages {
        for alert in find_alerts(alerts, root)? {
            messages.add(&element_text(alert));
        }
    }
    for fact in &description.unread {
        if let Some(total) = find_fact_text(fact, root)
            && first_number(&total).is_some_and(|count| count > 0)
        {
            messages.add(&format!("{total}: see the library's page."));
        }
    }
    let mut part = AccountPart {
        loans: loans?,
        holds: holds?,
        fines,
        sum_without_sign: None,
        currency: currency.flatten(),
        card_expires: read_day(&description.card_expires, root, context)?,
        messages: messages.into_vec(),
        patrons: (description.patrons)(root),
    };
    if let Some(overview) = &description.overview {
        overview.mark_unlinked(&mut part, root, page.html());
    }
    if !part.has_loans() && !part.has_holds() {
        part.loans.add_stated_empty(&description.loans, root);
        part.holds.add_stated_empty(&description.holds, root);
    }
    if let Some(tabs) = &tabs {
        tabs.add_balance(&mut part)?;
    }
    (description.complete)(&mut part, root, context)?;
    Ok(part)
}

/// Whether a page has no end: it has a beginning or, as a fragment, ends within a table.
fn breaks_off(body: &str, is_cut_short: bool) -> bool {
    !has_tag(body, "/html") && (is_cut_short || has_tag(body, "html"))
}

/// Fails with `page_changed` if the page is another card's.
fn check_owner(
    description: &'static AccountDescription,
    root: Element<'_>,
    context: &ReadContext<'_>,
) -> Result<(), Failure> {
    let printed = find_fact(&description.number, root);
    match (printed, context.card_number) {
        (Some(printed), Some(number))
            if is_another_card(&leading_number(&printed), number) == Some(true) =>
        {
            Err(Failure::page_changed("the account belongs to another card"))
        }
        _ => Ok(()),
    }
}

/// Returns the number at the beginning of a text, in groups or not, without the words and dates behind it. Its first
/// digits may be masked.
fn leading_number(text: &str) -> String {
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric() && !is_mask(c));
    let is_of_group = |sign: char| sign.is_ascii_digit() || sign == '-' || is_mask(sign);
    let mut number = String::new();
    for word in text.split_whitespace() {
        let group = word.trim_end_matches([')', ']', ',', ';', '.']);
        if !group.chars().all(is_of_group) {
            break;
        }
        number.push_str(group);
        if group.len() < word.len() {
            break;
        }
    }
    number
}

fn read_lists<E: Entry>(
    lists: &'static [ListDescription<E>],
    counts: &'static [Count],
    root: Element<'_>,
    context: &ReadContext<'_>,
) -> Result<ListPart<E>, Failure> {
    let mut part = ListPart {
        declared: read_total(counts, root, E::WHAT)?,
        ..ListPart::default()
    };
    let mut declared = None;
    for description in lists {
        let Some(list) = read_list(description, root, context)? else {
            continue;
        };
        part.site_ids.extend(list.site_ids);
        declared = sum(declared, list.declared, part.entries.is_some());
        part.states_none |= list.states_none;
        let entries = part.entries.get_or_insert_default();
        entries.extend(list.entries.into_iter().flatten());
    }
    // One of several lists may be empty.
    part.states_none &= part.entries.as_ref().is_some_and(Vec::is_empty);
    merge_total(&mut part.declared, declared, E::WHAT)?;
    Ok(part)
}

/// Adds the total of a further part of a list. A part without a total makes the whole unknown.
fn sum(total: Option<u32>, own: Option<u32>, has_other_parts: bool) -> Option<u32> {
    match (total, own) {
        (None, own) if !has_other_parts => own,
        (Some(total), Some(own)) => total.checked_add(own),
        _ => None,
    }
}

/// Joins the pages of one account.
pub(super) fn join_parts(
    description: &AccountDescription,
    parts: Vec<AccountPart>,
    account: Account,
) -> Result<Account, Failure> {
    let mut account = account;
    let mut messages = Messages::default();
    let mut patrons = BTreeSet::new();
    let (mut loans, mut holds) = (Vec::new(), Vec::new());
    let differ = || Failure::page_changed("two pages disagree about the fines");
    let mut sum_without_sign = None;
    for part in parts {
        loans.push(part.loans);
        holds.push(part.holds);
        if let (Some(one), Some(other)) = (account.fines, part.fines)
            && one != other
            && !description.first_page_counts
        {
            return Err(differ());
        }
        account.fines = account.fines.or(part.fines);
        sum_without_sign = sum_without_sign.or(part.sum_without_sign);
        account.currency = account
            .currency
            .or_else(|| part.currency.map(str::to_owned));
        account.card_expires = account.card_expires.or(part.card_expires);
        messages.extend(part.messages.iter().map(String::as_str));
        patrons.extend(part.patrons);
    }
    if patrons.len() > 1 {
        return Err(Failure::page_changed("pages of more than one patron"));
    }
    match (account.fines, sum_without_sign) {
        (Some(fines), Some(sum)) if fines.abs() != sum.abs() => {
            return Err(differ());
        }
        (None, Some(sum)) => messages.add(&format!(
            "Fines or credit: {sum:.2}, see the library's page."
        )),
        _ => {}
    }
    (account.loans, account.declared.loans) = join_lists(description, loans)?;
    (account.holds, account.declared.holds) = join_lists(description, holds)?;
    account.messages = messages.into_vec();
    prepare_to_store(&mut account);
    Ok(account)
}

/// Joins what the pages say about a list, and checks its total.
fn join_lists<E: Entry>(
    description: &AccountDescription,
    parts: Vec<ListPart<E>>,
) -> Result<(Option<Vec<E>>, Option<u32>), Failure> {
    let what = E::WHAT;
    let has_several_pages = description.has_several_pages;
    let mut entries: Option<Vec<E>> = None;
    let mut declared = None;
    let mut states_none = false;
    let mut dropped = 0;
    let mut known = HashSet::new();
    for part in parts {
        if !part.site_ids.is_empty() && !known.insert(part.site_ids) {
            return Err(Failure::page_changed(format!(
                "the same page of {what} twice"
            )));
        }
        if description.first_page_counts {
            declared = declared.or(part.declared);
        } else {
            merge_total(&mut declared, part.declared, what)?;
        }
        states_none |= part.states_none;
        dropped += part.dropped;
        let Some(more) = part.entries else { continue };
        let is_second = !more.is_empty() && entries.as_ref().is_some_and(|first| !first.is_empty());
        if is_second && !has_several_pages {
            return Err(Failure::page_changed(format!(
                "the list of {what} on two pages"
            )));
        }
        entries.get_or_insert_default().extend(more);
    }
    let Some(entries) = entries else {
        return Ok((None, declared));
    };
    let listed = u32::try_from(entries.len()).ok();
    if dropped > 0 && declared.is_some() && declared == u32::try_from(entries.len() + dropped).ok()
    {
        declared = listed;
    }
    check_declared_count(declared, entries.len(), what)?;
    if entries.is_empty() && declared != Some(0) && !states_none {
        return Err(Failure::page_changed(format!(
            "no {what} in their list, and no word that there are none"
        )));
    }
    // A list on several pages has a part on each, of which one may be empty.
    if states_none && !entries.is_empty() && !has_several_pages {
        return Err(Failure::page_changed(format!(
            "{what}, and words that there are none"
        )));
    }
    Ok((Some(entries), declared))
}
