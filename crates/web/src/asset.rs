//! The style sheets and the script. A page names the hash of their content, so browsers keep them.

use std::hash::{DefaultHasher, Hasher as _};

use axum::extract::RawQuery;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};

/// How long a browser keeps what is at an address with a hash.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// How long a browser keeps what is at the address without one.
const AN_HOUR: &str = "public, max-age=3600";

/// A file that is the same for everybody.
pub(crate) struct Asset {
    path: &'static str,
    content_type: &'static str,
    body: &'static str,
}

/// The style sheet of every page.
pub(crate) const STYLE: Asset = Asset {
    path: "/style.css",
    content_type: "text/css; charset=utf-8",
    body: include_str!("../assets/style.css"),
};

/// The picture beside the title.
pub(crate) const ICON: Asset = Asset {
    path: "/icon.svg",
    content_type: "image/svg+xml",
    body: include_str!("../assets/icon.svg"),
};

/// The style sheet of the console.
pub(crate) const CONSOLE_STYLE: Asset = Asset {
    path: "/console.css",
    content_type: "text/css; charset=utf-8",
    body: include_str!("../assets/console.css"),
};

/// htmx 2.0.11, for pages that change while somebody looks at them.
pub(crate) const SCRIPT: Asset = Asset {
    path: "/htmx.js",
    content_type: "text/javascript; charset=utf-8",
    body: include_str!("../static/htmx.min.js"),
};

impl Asset {
    /// The address that pages name.
    pub(crate) fn url(&self) -> String {
        format!("{}?{}", self.path, self.hash())
    }

    /// The file. It may be kept for long at its address with the hash.
    pub(crate) fn serve(&self, RawQuery(query): RawQuery) -> Response {
        let is_current = query.is_some_and(|query| query == self.hash());
        let headers = [
            (CONTENT_TYPE, self.content_type),
            (CACHE_CONTROL, if is_current { FOREVER } else { AN_HOUR }),
        ];
        (headers, self.body).into_response()
    }

    fn hash(&self) -> String {
        let mut hasher = DefaultHasher::new();
        hasher.write(self.body.as_bytes());
        format!("{:016x}", hasher.finish())
    }
}
