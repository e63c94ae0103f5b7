//! What stands in front of every route.

pub(crate) mod cross_site;
pub(crate) mod headers;
pub(crate) mod host;
pub(crate) mod network;
pub(crate) mod request_size;
