//! The list of holds.

use super::frame::{ROOT, is_newer, site_words};
use super::loans::link;
use crate::page::escape;
use crate::page_context::PageContext;
use crate::site::{DemoHold, DemoHoldState, Patron};

pub(super) fn table(context: &PageContext<'_>, patron: &Patron) -> String {
    let words = site_words(context);
    let heads: String = words
        .hold_headers
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != 4 || is_newer(context))
        .map(|(_, head)| format!("<th>{head}</th>\n"))
        .collect();
    let rows: String = patron.holds.iter().map(|hold| row(context, hold)).collect();
    let last = if is_newer(context) { "<th></th>\n" } else { "" };
    format!(
        r#"<table id="holdst" class="table table-bordered">
<caption>{asked_for} <span class="count">({count} {in_all})</span></caption>
<thead><tr>
{heads}{last}</tr></thead>
<tbody>
{rows}</tbody>
</table>
<form id="suspend_all_holds" action="{ROOT}opac-modrequest-suspend.pl" method="post">
<button type="submit" class="btn">{sleep}</button>
<input type="hidden" name="suspend" value="1" />
</form>"#,
        asked_for = words.holds,
        in_all = words.in_total_suffix,
        count = patron.holds.len() + context.surplus,
        sleep = words.suspend,
    )
}

fn row(context: &PageContext<'_>, hold: &DemoHold) -> String {
    let words = site_words(context);
    let is_newer = is_newer(context);
    let is_found = matches!(hold.state, DemoHoldState::Ready | DemoHoldState::InTransit);
    let class = match hold.state {
        DemoHoldState::Ready => " class=\"reserved\"",
        DemoHoldState::InTransit if is_newer => " class=\"transfered\"",
        _ => "",
    };
    let today = context.site().today;
    let requested_on = context.site().print_date(today);
    let lapse = hold.expires.filter(|_| !is_found);
    let expiry = match lapse {
        Some(day) => context.site().print_date(day),
        None if is_found => "-".to_owned(),
        None => words.never.to_owned(),
    };
    let order = lapse.map_or_else(|| "0000-00-00".to_owned(), |day| day.to_string());
    let dates = if is_newer {
        format!(
            "<td class=\"reservedate\" data-order=\"{today}\">{requested_on}</td>\n\
             <td class=\"expirationdate\" data-order=\"{order}\">{expiry}</td>\n\
             <td class=\"branch\">{branch} <div class=\"modal\"><span>{label}</span></div></td>\n\
             <td class=\"priority\" data-order=\"{priority}\">{priority}</td>\n",
            branch = escape(&hold.branch),
            label = words.branch_label,
            priority = if is_found {
                0
            } else {
                hold.position.unwrap_or(1)
            },
        )
    } else {
        format!(
            "<td class=\"reservedate\"><span title=\"{today}\">{requested_on}</span></td>\n\
             <td class=\"expirationdate\"><span title=\"{order}\">{expiry}</span></td>\n\
             <td class=\"branch\"><span class=\"tdlabel\">{label}</span> {branch}</td>\n",
            branch = escape(&hold.branch),
            label = words.branch_label,
        )
    };
    let last = if is_newer { "<td></td>\n" } else { "" };
    format!(
        "<tr{class}>\n<td class=\"title\">{link} {author}</td>\n{dates}<td class=\"status\">{status}</td>\n\
         <td>{sleep}</td>\n<td class=\"modify\">{cancel}</td>\n{last}</tr>\n",
        link = link(context, hold.id, &hold.title, &hold.subtitle),
        author = escape(hold.author.as_deref().unwrap_or_default()),
        status = status(context, hold),
        sleep = if is_found {
            String::new()
        } else {
            sleep(context, hold)
        },
        cancel = if is_found {
            String::new()
        } else {
            cancel(context, hold)
        },
    )
}

fn status(context: &PageContext<'_>, hold: &DemoHold) -> String {
    let words = site_words(context);
    let bold = if is_newer(context) { "strong" } else { "b" };
    let print = |day| context.site().print_date(day);
    let branch = escape(&hold.branch);
    match hold.state {
        DemoHoldState::Ready => {
            let days = hold.pickup_by.map_or_else(String::new, |day| {
                format!(
                    " {} {} {} {}",
                    words.since_prefix,
                    print(context.site().today),
                    words.until_prefix,
                    print(day)
                )
            });
            format!(
                "<i class=\"fa fa-exclamation-circle\"></i> {} <{bold}>{branch}</{bold}>{days}\n\
                 <input type=\"hidden\" name=\"pickup\" value=\"MS\" />",
                words.ready_at_prefix
            )
        }
        DemoHoldState::InTransit => format!(
            "{} <{bold}>{}</{bold}> {} {}",
            words.in_transit_from_prefix,
            context
                .site()
                .branches
                .last()
                .map_or_else(String::new, |branch| escape(branch)),
            words.since_prefix,
            print(context.site().today)
        ),
        DemoHoldState::Waiting => format!("<span>{}</span>", words.waiting),
        DemoHoldState::Suspended => match hold.suspended_until {
            Some(day) => format!(
                "<span>{}</span> {} {}",
                words.suspended,
                words.until_prefix,
                print(day)
            ),
            None => format!("<span>{}</span>", words.suspended),
        },
    }
}

fn sleep(context: &PageContext<'_>, hold: &DemoHold) -> String {
    let words = site_words(context);
    let (icon, op, button) = if hold.state == DemoHoldState::Suspended {
        ("fa-play", "cud-unsuspend", words.resume)
    } else {
        ("fa-pause", "cud-suspend", words.suspend)
    };
    format!(
        r#"<form action="{ROOT}opac-modrequest-suspend.pl" method="post">{op}
<input type="hidden" name="reserve_id" value="{id}" />
<button type="submit"><i class="fa {icon}"></i> {button}</button></form>"#,
        op = hidden_op_field(context, op),
        id = hold.id,
    )
}

fn cancel(context: &PageContext<'_>, hold: &DemoHold) -> String {
    format!(
        r#"<form action="{ROOT}opac-modrequest.pl" method="post">{op}
<input type="hidden" name="biblionumber" value="{id}" />
<input type="hidden" name="reserve_id" value="{id}" />
<button type="submit">{cancel}</button></form>"#,
        op = hidden_op_field(context, "cud-cancel"),
        id = hold.id,
        cancel = site_words(context).cancel,
    )
}

/// The hidden field with the operation, in newer forms.
fn hidden_op_field(context: &PageContext<'_>, op: &str) -> String {
    if is_newer(context) {
        format!("<input type=\"hidden\" name=\"op\" value=\"{op}\" />")
    } else {
        String::new()
    }
}
