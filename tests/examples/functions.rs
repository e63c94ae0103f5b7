//! Measures the deployed functions: their size, and the time from their start to their first request for an
//! event, compared with a hello world built in the same way.
//!
//! `functions DIRECTORY HELLO` takes the folder of `sam build` and the hello world. The functions run between a
//! small Runtime API and a small AWS on loopback. Exits with 1 if a budget is exceeded; `scripts/bench` runs it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark may panic when its setup fails"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use hippo_tests::lambda::Function;

const STARTS: usize = 20;
/// The longest allowed start, as a multiple of the hello world's.
const MAX_START_RATIO: f64 = 4.0;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

struct Deployed {
    /// The function's name in the template.
    name: &'static str,
    max_mebibytes: f64,
    variables: &'static [(&'static str, &'static str)],
}

const FUNCTIONS: [Deployed; 7] = [
    Deployed {
        name: "CheckCards",
        max_mebibytes: 9.0,
        variables: &[
            ("TABLE_NAME", "table"),
            ("VISIT_QUEUE_URL", "https://sqs.example/1/visits.fifo"),
        ],
    },
    Deployed {
        name: "CheckCard",
        max_mebibytes: 12.0,
        variables: &[
            ("TABLE_NAME", "table"),
            ("KEY_PARAMETER", "/libraryhippo/key"),
            ("CONTACT", "pat@example.org"),
        ],
    },
    Deployed {
        name: "NotifyAll",
        max_mebibytes: 9.0,
        variables: &[
            ("TABLE_NAME", "table"),
            ("NOTICE_QUEUE_URL", "https://sqs.example/1/notices"),
        ],
    },
    Deployed {
        name: "NotifyFamily",
        max_mebibytes: 9.0,
        variables: &[
            ("TABLE_NAME", "table"),
            ("MAIL_FROM", "LibraryHippo <hippo@example.org>"),
            ("OPERATOR_EMAIL", "pat@example.org"),
            ("CONFIGURATION_SET", "settings"),
        ],
    },
    Deployed {
        name: "MailEvents",
        max_mebibytes: 9.0,
        variables: &[("TABLE_NAME", "table")],
    },
    Deployed {
        name: "PictureOfTheDay",
        max_mebibytes: 13.0,
        variables: &[
            ("TABLE_NAME", "table"),
            ("MAIL_FROM", "hippo@example.org"),
            ("CONFIGURATION_SET", "settings"),
            ("PICTURE_URL", "https://pictures.example.org/today.jpg"),
            ("PICTURE_KIND", "image"),
        ],
    },
    Deployed {
        name: "WebPages",
        max_mebibytes: 10.0,
        variables: &[
            ("TABLE_NAME", "table"),
            ("WEB_URL", "https://hippo.example.org"),
            ("WEB_OPERATORS", "pat@example.org"),
            ("NOTICE_QUEUE_URL", "https://sqs.example/1/notices"),
            ("PUBLIC_KEY_PARAMETER", "/libraryhippo/public-key"),
            ("FINGERPRINT_KEY_PARAMETER", "/libraryhippo/fingerprint-key"),
            (
                "JOB_FUNCTIONS",
                "check-cards=check-cards,notify-all=notify-all",
            ),
            ("TIMEZONE", "America/Toronto"),
            ("OPERATOR_EMAIL", "pat@example.org"),
        ],
    },
];

struct Measured {
    name: &'static str,
    binary: PathBuf,
    max_mebibytes: Option<f64>,
    variables: &'static [(&'static str, &'static str)],
    starts: Vec<Duration>,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(directory), Some(hello)) = (arguments.next(), arguments.next()) else {
        eprintln!("Give the directory of the built functions, and the hello world.");
        return ExitCode::from(2);
    };
    let mut all = vec![Measured {
        name: "hello world",
        binary: hello,
        max_mebibytes: None,
        variables: &[],
        starts: Vec::new(),
    }];
    all.extend(FUNCTIONS.iter().map(|function| Measured {
        name: function.name,
        binary: directory.join(function.name).join("bootstrap"),
        max_mebibytes: Some(function.max_mebibytes),
        variables: function.variables,
        starts: Vec::new(),
    }));
    // The functions take turns, so that a busy moment affects all of them. The first round reads the files
    // from disk and is not counted.
    for round in 0..=STARTS {
        for one in &mut all {
            let took = Function::start(&one.binary, one.variables).until_next();
            if round > 0 {
                one.starts.push(took);
            }
        }
    }
    println!(
        "{:<14} {:>9} {:>7}   {:>15} {:>14}",
        "function", "size", "budget", "start to /next", "of hello world"
    );
    let mut is_within_budget = true;
    let mut hello = None;
    for one in &mut all {
        let size = mebibytes(&one.binary);
        let start = median(&mut one.starts);
        let ratio = start / *hello.get_or_insert(start);
        let budget = one.max_mebibytes.map(|most| format!("{most:.0} MiB"));
        println!(
            "{:<14} {size:>5.1} MiB {:>7}   {start:>12.1} ms {ratio:>8.1} times",
            one.name,
            budget.unwrap_or_default(),
        );
        if one.max_mebibytes.is_some_and(|most| size >= most) {
            is_within_budget = false;
            println!("  {} is larger than its budget.", one.name);
        }
        if ratio >= MAX_START_RATIO {
            is_within_budget = false;
            println!("  {} starts slower than its budget.", one.name);
        }
    }
    println!("Medians of {STARTS} starts; budget {MAX_START_RATIO:.0} times hello world.");
    if is_within_budget {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn mebibytes(file: &Path) -> f64 {
    let length = std::fs::metadata(file)
        .expect("the function is built")
        .len();
    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    let length = length as f64;
    length / MEBIBYTE
}

/// Returns the median in milliseconds.
fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    middle.as_secs_f64() * 1000.0
}
