//! Finds the npm packages that the Makefile installs, and Node.js.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Returns the folder of a package. Prints SKIPPED and returns `None` if it or Node.js isn't installed.
///
/// # Panics
/// If one isn't installed and `HIPPO_REQUIRE_EMULATORS` is set.
pub fn find_package(name: &str) -> Option<PathBuf> {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools"));
    let tools = std::env::var_os("TOOLS").map_or_else(default, PathBuf::from);
    let package = tools.join("npm/node_modules").join(name);
    let mut node = Command::new("node");
    node.arg("--version").stdout(Stdio::null());
    let has_node = node.status().is_ok_and(|status| status.success());
    if has_node && package.join("package.json").exists() {
        return Some(package);
    }
    let missing = format!("{name} or Node.js is missing. Run “make emulators” to install it.");
    assert!(
        std::env::var_os("HIPPO_REQUIRE_EMULATORS").is_none(),
        "{missing}"
    );
    eprintln!("SKIPPED: {missing}");
    None
}
