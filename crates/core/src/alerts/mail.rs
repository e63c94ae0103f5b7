//! Composes the email with alerts.

use std::fmt::Write as _;

use askama::Template;

use super::alert::Alert;
use crate::mail::MailContent;
use crate::notice::phrases::wrap;
use crate::notice::render::RenderError;
use crate::notice::view::Contact;
use crate::public_url::PublicUrl;

/// A mail lists at most this many alerts, and counts the rest.
const MAX_ALERTS_PER_MAIL: usize = 50;

/// The command lines that help against an alert.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertHelp {
    /// The most useful one first.
    pub commands: Vec<String>,
    /// Explains a word of them that isn't obvious.
    pub remark: Option<&'static str>,
}

struct AlertsView {
    subject: String,
    heading: &'static str,
    groups: Vec<AlertGroup>,
    more: Option<String>,
    console: Option<String>,
    contact: Option<Contact>,
}

/// Alerts with the same advice.
struct AlertGroup {
    sentences: Vec<String>,
    advice: &'static str,
    commands: Vec<String>,
    remark: Option<&'static str>,
    /// Libraries, and the skeletons of their unknown pages.
    skeletons: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct Html<'a> {
    view: &'a AlertsView,
}

/// Composes the email. `help` knows the command lines, and `public_url` is where the console is.
///
/// # Errors
/// [`RenderError`] if the template can't be rendered, which is a bug.
pub(super) fn compose_alert_mail(
    alerts: &[Alert],
    help: impl Fn(&Alert) -> AlertHelp,
    public_url: Option<&PublicUrl>,
) -> Result<MailContent, RenderError> {
    let more = alerts.len().saturating_sub(MAX_ALERTS_PER_MAIL);
    let view = AlertsView {
        subject: match alerts {
            [one] => format!("LibraryHippo: {}", one.sentence()),
            many => format!("LibraryHippo: {} alerts", many.len()),
        },
        heading: "For the person who runs LibraryHippo",
        groups: group_alerts(alerts, help),
        more: (more > 0).then(|| format!("And {more} more; the status lists them all.")),
        console: public_url.map(|public_url| public_url.page("/console")),
        contact: None,
    };
    Ok(MailContent {
        text: text_of(&view),
        html: Html { view: &view }.render()?,
        picture: None,
        subject: view.subject,
    })
}

fn group_alerts(alerts: &[Alert], help: impl Fn(&Alert) -> AlertHelp) -> Vec<AlertGroup> {
    let listed = alerts.iter().take(MAX_ALERTS_PER_MAIL);
    let groups = Alert::by_advice(listed).into_iter();
    groups
        .map(|(advice, alerts)| {
            let mut group = AlertGroup {
                sentences: alerts.iter().map(|alert| alert.sentence()).collect(),
                advice,
                commands: Vec::new(),
                remark: None,
                skeletons: Vec::new(),
            };
            for alert in alerts {
                let help = help(alert);
                for command in help.commands {
                    if !group.commands.contains(&command) {
                        group.commands.push(command);
                    }
                }
                group.remark = group.remark.or(help.remark);
                if let Alert::PageChanged {
                    library,
                    skeleton: Some(skeleton),
                    ..
                } = alert
                {
                    let skeleton = (library.to_string(), skeleton.to_string());
                    group.skeletons.push(skeleton);
                }
            }
            group
        })
        .collect()
}

/// The text part. A command line isn't wrapped, so that it can be copied.
fn text_of(view: &AlertsView) -> String {
    let mut text = format!("{}\n", view.heading);
    for group in &view.groups {
        text.push('\n');
        for sentence in &group.sentences {
            text.push_str(&wrap(sentence));
        }
        text.push_str(&wrap(group.advice));
        for command in &group.commands {
            let _ = writeln!(text, "  {command}");
        }
        if let Some(remark) = group.remark {
            text.push_str(&wrap(remark));
        }
        for (library, skeleton) in &group.skeletons {
            text.push_str(&wrap(&format!("The skeleton of {library}: {skeleton}")));
        }
    }
    if let Some(more) = &view.more {
        let _ = write!(text, "\n{more}\n");
    }
    text.push_str("\n--\n");
    if let Some(console) = &view.console {
        let _ = writeln!(text, "Open the console: {console}");
    }
    text.push_str("Sent by LibraryHippo.\n");
    text
}
