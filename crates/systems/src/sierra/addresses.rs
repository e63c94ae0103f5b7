//! The URLs of a Sierra site.

use hippo_core::failure::Failure;
use hippo_core::library::Library;

/// Returns `~S3` for the option `scope`, or an empty text without it.
pub(super) fn scope_suffix(library: &Library) -> Result<String, Failure> {
    let Some(scope) = library.options.get("scope") else {
        return Ok(String::new());
    };
    let number = scope.trim_start_matches('~').trim_start_matches(['S', 's']);
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::page_changed(
            "the library's option “scope” must look like S3",
        ));
    }
    Ok(format!("~S{number}"))
}
