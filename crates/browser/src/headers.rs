//! Headers that a system adds to a request.

use hippo_core::failure::Failure;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// Builds a header map. Its values are marked as sensitive, so that nothing shows them.
pub(super) fn header_map(headers: &[(&str, &str)]) -> Result<HeaderMap, Failure> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let (Ok(header), Ok(mut value)) =
            (HeaderName::try_from(*name), HeaderValue::try_from(*value))
        else {
            return Err(Failure::page_changed(format!(
                "the header {name} can't be sent"
            )));
        };
        value.set_sensitive(true);
        map.insert(header, value);
    }
    Ok(map)
}
