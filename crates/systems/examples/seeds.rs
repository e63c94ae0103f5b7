//! Writes the seed inputs of the fuzz targets (`make fuzz`) from pages of our own.
//!
//! They are the demo library's accounts, long generated pages, and the string literals of this crate's sources, which
//! include the tests' pages.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    dead_code,
    reason = "a test tool may panic; it uses only a part of the shared modules"
)]

use std::path::{Path, PathBuf};

use hippo_systems::systems_with_pages;

#[path = "../tests/integration/mutation/accounts.rs"]
mod accounts;
#[path = "../tests/shapes/mod.rs"]
mod shapes;

/// The fuzzer's inputs are no longer than this.
const MAX_INPUT_BYTES: usize = 60_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let Some(corpus) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("Name the folder to write to: seeds fuzz/corpus");
        std::process::exit(2);
    };
    let mut written = 0;
    let mut write = |target: &str, name: &str, text: &str| {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder).expect("a folder for the inputs");
        std::fs::write(folder.join(name.replace(' ', "-")), text).expect("an input");
        written += 1;
    };
    for system in hippo_demo_library::SystemKind::ALL {
        for good in accounts::demo_accounts(system).await {
            let bodies: Vec<&str> = good.pages.iter().map(|page| page.body.as_str()).collect();
            write(good.system, &good.name, &bodies.join("\0"));
            for (index, body) in bodies.iter().enumerate() {
                write("page", &format!("{} {index}", good.name), body);
            }
        }
    }
    for (system, kind) in shapes::pages() {
        for shape in shapes::SHAPES {
            let body = shapes::page(system, kind, shape, MAX_INPUT_BYTES);
            let name = format!("{kind} of {shape}");
            write(system, &name, &body);
            write("page", &format!("{system} {name}"), &body);
        }
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = ["src", "../browser/src"].map(|folder| sources(&here.join(folder)));
    for file in own.into_iter().flatten() {
        let source = std::fs::read_to_string(&file).expect("a source");
        let file = file.to_string_lossy();
        let own = systems_with_pages().find(|name| file.contains(name));
        let short = file.rsplit_once("src/").map_or(&*file, |(_, short)| short);
        let short = short.replace(['/', '.'], "-");
        for (index, literal) in literals(&source).into_iter().enumerate() {
            let name = format!("{short} {index}");
            if literal.contains('<') && literal.contains('>') {
                write("page", &name, &literal);
                // Any reader may meet what a test reads.
                let readers =
                    systems_with_pages().filter(|name| own.is_none_or(|own| own == *name));
                readers.for_each(|reader| write(reader, &name, &literal));
            } else if !literal.is_empty() {
                write("words", &name, &literal);
            }
        }
    }
    println!("{written} inputs");
}

/// Lists the source files below a folder, sorted by name.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder of sources");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let below = paths.into_iter().flat_map(|path| {
        if path.is_dir() {
            sources(&path)
        } else {
            vec![path]
        }
    });
    below
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Extracts the string literals of a source, roughly: comments are skipped, continued lines are joined.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let from = &rest[at..];
        if from.starts_with("//") {
            rest = from.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(after) = from.strip_prefix("'\"'") {
            rest = after;
        } else if let Some(string) = from.strip_prefix('"') {
            let before = &rest[..at];
            let is_raw = before.trim_end_matches('#').ends_with('r');
            let signs = before.len() - before.trim_end_matches('#').len();
            let end = if is_raw {
                string.find(&format!("\"{}", "#".repeat(signs)))
            } else {
                string_end(string)
            };
            let Some(end) = end else { break };
            let text = &string[..end];
            found.push(if is_raw {
                text.to_owned()
            } else {
                unescape(text)
            });
            rest = &string[end + 1..];
        } else {
            rest = &from[1..];
        }
    }
    found
}

fn string_end(string: &str) -> Option<usize> {
    let mut is_escaped = false;
    string.char_indices().find_map(|(at, sign)| {
        let is_end = sign == '"' && !is_escaped;
        is_escaped = sign == '\\' && !is_escaped;
        is_end.then_some(at)
    })
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let sign = after.chars().next().unwrap_or('\\');
        rest = after.get(sign.len_utf8()..).unwrap_or_default();
        match sign {
            '\n' => rest = rest.trim_start(),
            'n' => plain.push('\n'),
            'r' => plain.push('\r'),
            't' => plain.push('\t'),
            'u' => {
                let (code, after) = rest.split_once('}').unwrap_or((rest, ""));
                let code = u32::from_str_radix(code.trim_start_matches('{'), 16);
                plain.extend(code.ok().and_then(char::from_u32));
                rest = after;
            }
            sign => plain.push(sign),
        }
    }
    plain + rest
}
