//! The list of loans, and the separate list of overdue ones.

use super::frame::{ROOT, is_newer, money, site_words};
use crate::page::escape;
use crate::page_context::PageContext;
use crate::site::{DemoLoan, Patron};

/// The format whose renewal costs a fee, and the fee in cents.
const RENEWAL_FEE: (&str, i64) = ("DVD", 500);

/// The maximum number of renewals.
const MAX_RENEWALS: u32 = 4;

pub(super) fn table(context: &PageContext<'_>, record: usize, patron: &Patron) -> String {
    let words = site_words(context);
    let heads: String = words
        .loan_headers
        .iter()
        .enumerate()
        .filter(|(index, _)| is_shown(context, *index))
        .map(|(_, head)| format!("<th>{head}</th>\n"))
        .collect();
    let rows: String = patron
        .loans
        .iter()
        .map(|loan| row(context, record, patron, loan))
        .collect();
    let (token, last) = if is_newer(context) {
        (
            "<input type=\"hidden\" name=\"op\" value=\"cud-renew\" />\n",
            "<th class=\"dtr-control-col\"></th>\n",
        )
    } else {
        ("", "")
    };
    format!(
        r#"<form id="renewselected" action="{ROOT}opac-renew.pl" method="post">
{token}<input type="hidden" name="borrowernumber" value="{record}" />
<table id="checkoutst" class="table table-bordered">
<caption>{count} {things}</caption>
<thead><tr>
{heads}{last}</tr></thead>
<tbody>
{rows}</tbody>
</table>
<input type="submit" class="btn" value="{renew}" />
</form>"#,
        count = patron.loans.len() + context.surplus,
        things = words.loans_caption_suffix,
        renew = words.renew,
    )
}

/// Whether a column of [`super::texts::Words::loan_headers`] is shown.
fn is_shown(context: &PageContext<'_>, index: usize) -> bool {
    match index {
        2 => is_newer(context),
        5 | 6 => !context.settings.hides_columns,
        _ => true,
    }
}

fn row(context: &PageContext<'_>, record: usize, patron: &Patron, loan: &DemoLoan) -> String {
    let words = site_words(context);
    let is_late = loan.due < context.site().today;
    let (row_class, cell_class) = if is_late {
        (" class=\"overdue\"", " overdue")
    } else {
        ("", "")
    };
    let day = context.site().print_date(loan.due);
    let mut cells = format!(
        "<td class=\"title\">{}</td>\n<td class=\"author\">{}</td>\n",
        title(context, loan),
        escape(loan.author.as_deref().unwrap_or_default())
    );
    if is_newer(context) {
        cells += &format!(
            "<td class=\"checkout_date\" data-order=\"{today} 09:30:00\">{shown}</td>\n\
             <td class=\"date_due{cell_class}\" data-order=\"{due} 23:59:00\">{day}</td>\n\
             <td class=\"call_no\">DEMO {id}</td>\n",
            today = context.site().today,
            shown = context.site().print_date(context.site().today),
            due = loan.due,
            id = loan.id,
        );
    } else {
        cells += &format!(
            "<td class=\"date_due{cell_class}\"><span title=\"{due} 23:59:00\"><span class=\"tdlabel\">{label}</span> {day}</span></td>\n\
             <td class=\"call_no\"><span class=\"tdlabel\">{shelf}</span> DEMO {id}</td>\n",
            due = loan.due,
            label = words.due_label,
            shelf = words.call_number_label,
            id = loan.id,
        );
    }
    if !context.settings.hides_columns {
        cells += &format!(
            "<td class=\"renew\">{}</td>\n<td class=\"fines\"><span>{}</span></td>\n",
            renew(context, record, patron, loan),
            if is_late { words.yes } else { words.no }
        );
    }
    if is_newer(context) {
        cells += "<td></td>\n";
    }
    format!("<tr{row_class}>\n{cells}</tr>\n")
}

/// The link with a work's title. Newer pages mark up its parts.
fn title(context: &PageContext<'_>, loan: &DemoLoan) -> String {
    link(context, loan.id, &loan.title, &loan.subtitle)
}

pub(super) fn link(context: &PageContext<'_>, id: u64, title: &str, subtitle: &str) -> String {
    let title = escape(title);
    let subtitle = escape(subtitle);
    let inner = match (is_newer(context), subtitle.is_empty()) {
        (true, true) => format!("<span class=\"biblio-title\">{title}</span>"),
        (true, false) => format!(
            "<span class=\"biblio-title\">{title} :</span> <span class=\"subtitle\">{subtitle} /</span>"
        ),
        (false, true) => format!("{title} "),
        (false, false) => format!("{title} : {subtitle} / "),
    };
    format!("<a class=\"title\" href=\"{ROOT}opac-detail.pl?biblionumber={id}\">{inner}</a>")
}

/// The cell for renewals. A blocked patron gets no checkbox and no link, but the rest.
fn renew(context: &PageContext<'_>, record: usize, patron: &Patron, loan: &DemoLoan) -> String {
    let words = site_words(context);
    if loan.renews_itself {
        return format!(
            "<br /><span class=\"automatic-renewal\">{}</span>",
            words.automatic_renewal
        );
    }
    if !loan.renewable {
        let reason = loan.reason.as_ref().map_or_else(String::new, |reason| {
            format!(" <span class=\"renewals\">({})</span>", escape(reason))
        });
        return if is_newer(context) {
            let class = loan
                .reason
                .as_ref()
                .map_or("no-renew-too-many", |_| "no-renew-hold");
            format!(
                "<span class=\"usr-msg {class}\">{}{reason}</span>",
                words.not_renewable
            )
        } else {
            format!("{}{reason}", words.not_renewable)
        };
    }
    let fee = if loan.format == RENEWAL_FEE.0 {
        let class = if is_newer(context) {
            "badge text-bg-warning"
        } else {
            "label label-warning"
        };
        format!(
            "<span class=\"renewalfee {class}\">{}: {}</span>\n",
            words.renewal_fee_prefix,
            money(context, RENEWAL_FEE.1)
        )
    } else {
        String::new()
    };
    let left = format!(
        "{fee}<span class=\"renewals\">({} / {MAX_RENEWALS} {})</span>",
        MAX_RENEWALS.saturating_sub(loan.renewals),
        words.renewals_left_suffix
    );
    if patron.blocked.is_some() {
        return left;
    }
    let (id, renew) = (loan.id, words.renew);
    if is_newer(context) {
        format!(
            "<input type=\"checkbox\" name=\"issue\" value=\"{id}\" />\n\
             <a class=\"submit-form-link\" href=\"#\" data-method=\"post\" data-action=\"{ROOT}opac-renew.pl\" data-issue=\"{id}\">{renew}</a>\n{left}"
        )
    } else {
        format!(
            "<input type=\"checkbox\" name=\"item\" value=\"{id}\"/>\n\
             <a href=\"{ROOT}opac-renew.pl?from=opac_user&amp;item={id}&amp;borrowernumber={record}\">{renew}</a>\n{left}"
        )
    }
}

/// The table of overdue loans. Its cells have no classes.
pub(super) fn overdues(context: &PageContext<'_>, loans: &[&DemoLoan]) -> String {
    let words = site_words(context);
    let rows: String = loans
        .iter()
        .map(|loan| {
            let day = context.site().print_date(loan.due);
            let due = if is_newer(context) {
                format!("<td data-order=\"{} 23:59:00\">{day}</td>", loan.due)
            } else {
                format!(
                    "<td><span title=\"{} 23:59:00\">{day}</span></td>",
                    loan.due
                )
            };
            format!(
                "<tr><td>{} <span class=\"item-details\">{}</span></td>{due}</tr>\n",
                title(context, loan),
                escape(loan.author.as_deref().unwrap_or_default())
            )
        })
        .collect();
    let [work, _, _, back, ..] = words.loan_headers;
    format!(
        r#"<table id="overduest" class="table table-bordered">
<caption>{late} <span class="count">({count} {in_all})</span></caption>
<thead><tr><th>{work}</th><th>{back}</th></tr></thead>
<tbody>
{rows}</tbody>
</table>"#,
        late = words.overdue,
        count = loans.len(),
        in_all = words.in_total_suffix,
    )
}
