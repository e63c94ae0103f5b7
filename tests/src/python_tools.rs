//! Finds the Python tools that the Makefile installs, each in its own environment.

use std::path::PathBuf;

/// Returns the folder of an environment's programs. Prints SKIPPED and returns `None` if `program` isn't
/// installed there.
///
/// # Panics
/// If it isn't installed and `HIPPO_REQUIRE_EMULATORS` is set.
pub fn find_programs(environment: &str, program: &str) -> Option<PathBuf> {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools"));
    let tools = std::env::var_os("TOOLS").map_or_else(default, PathBuf::from);
    let programs = tools.join("python").join(environment).join("bin");
    if programs.join(program).exists() {
        return Some(programs);
    }
    let missing = format!("{program} is missing. Run “make emulators” to install it.");
    assert!(
        std::env::var_os("HIPPO_REQUIRE_EMULATORS").is_none(),
        "{missing}"
    );
    eprintln!("SKIPPED: {missing}");
    None
}
