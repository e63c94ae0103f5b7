//! Pages that a person saved as files.

use std::borrow::Cow;

use crate::reading::{Css, parse_page};

/// The lines of Chrome's source view, saved as a page.
static SOURCE_LINES: Css = Css::new("td.line-content");
/// The lines of Firefox's source view.
static SOURCE_TEXT: Css = Css::new("body#viewsource pre");

/// A saved page, the input of `hippo read`.
#[derive(Debug, Clone)]
pub struct SavedPage {
    /// The file's name, for failures.
    pub name: String,
    /// Its text.
    pub body: String,
}

/// Why a saved file can't be read, and what to save instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAPage {
    /// MHTML: a page with all its parts in one file.
    #[error("This is MHTML. Save the page as “HTML only”.")]
    Mhtml,
    /// Safari's web archive.
    #[error("This is a web archive. Save the page as “Page Source”.")]
    WebArchive,
    /// A printed page.
    #[error("This is a PDF. Save the page as “HTML only”.")]
    Pdf,
    /// A zip or gzip file.
    #[error("This is a compressed file. Unpack it first.")]
    Compressed,
}

/// Refuses a file of a kind that can't be a page.
pub fn check_file(bytes: &[u8]) -> Result<(), NotAPage> {
    let signatures: [(&[u8], NotAPage); 4] = [
        (b"bplist00", NotAPage::WebArchive),
        (b"%PDF-", NotAPage::Pdf),
        (b"PK\x03\x04", NotAPage::Compressed),
        (b"\x1f\x8b", NotAPage::Compressed),
    ];
    for (signature, kind) in signatures {
        if bytes.starts_with(signature) {
            return Err(kind);
        }
    }
    if is_mhtml(bytes) {
        return Err(NotAPage::Mhtml);
    }
    Ok(())
}

/// Whether a file begins with the header of a multipart message.
fn is_mhtml(bytes: &[u8]) -> bool {
    const MAX_HEAD_BYTES: usize = 4_096;
    let head = bytes
        .get(..MAX_HEAD_BYTES.min(bytes.len()))
        .unwrap_or_default();
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let head = head.trim_start_matches(['\u{feff}', '\r', '\n', ' ']);
    let begins = [
        "from:",
        "mime-version:",
        "content-type:",
        "subject:",
        "snapshot-content-location:",
        "date:",
    ];
    begins.iter().any(|name| head.starts_with(name)) && head.contains("multipart/related")
}

/// Extracts the page from a browser's saved source view. Returns any other page unchanged.
pub fn unwrap_source_view(body: &str) -> Cow<'_, str> {
    let is_view = (body.contains("line-content") && body.contains("line-number"))
        || body.contains("viewsource");
    if !is_view {
        return Cow::Borrowed(body);
    }
    let Ok(view) = parse_page(body) else {
        return Cow::Borrowed(body);
    };
    let root = view.root_element();
    let lines: Vec<String> = SOURCE_LINES
        .all(root)
        .chain(SOURCE_TEXT.all(root))
        .map(|line| line.text().collect())
        .collect();
    let source = lines.join("\n");
    if source.trim_start().starts_with(['<', '{']) {
        Cow::Owned(source)
    } else {
        Cow::Borrowed(body)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        b"From: <Saved by Blink>\r\nSnapshot-Content-Location: https://x.test/\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related;\r\n\tboundary=x\r\n\r\n<html>",
        NotAPage::Mhtml
    )]
    #[case(
        b"MIME-Version: 1.0\nContent-Type: Multipart/Related; type=\"text/html\"\n\n",
        NotAPage::Mhtml
    )]
    #[case(b"bplist00\xd1\x01", NotAPage::WebArchive)]
    #[case(b"%PDF-1.7", NotAPage::Pdf)]
    #[case(b"PK\x03\x04", NotAPage::Compressed)]
    fn file_that_is_no_page_is_refused_by_kind(#[case] bytes: &[u8], #[case] expected: NotAPage) {
        assert_eq!(check_file(bytes), Err(expected));
    }

    #[rstest]
    #[case(b"<html>From: multipart/related")]
    #[case(b"{\"log\":{}}")]
    #[case(b"From: the desk. No parts.")]
    #[case(b"")]
    fn possible_page_is_accepted(#[case] bytes: &[u8]) {
        assert_eq!(check_file(bytes), Ok(()));
    }

    #[rstest]
    #[case(
        "<html><body><div class=line-gutter-backdrop></div><table><tbody><tr><td class=line-number value=1></td>\
         <td class=line-content><span class=html-doctype>&lt;!DOCTYPE html&gt;</span></td></tr><tr><td class=line-number value=2>\
         </td><td class=line-content>&lt;p&gt;Fish &amp;amp; chips</td></tr></tbody></table></body></html>"
    )]
    #[case(
        "<html><body id=viewsource class=highlight><pre id=line1>&lt;!DOCTYPE html&gt;\n<span>&lt;p&gt;</span>Fish <span>&amp;amp;</span> chips</pre></body></html>"
    )]
    fn page_is_extracted_from_source_view(#[case] view: &str) {
        assert_eq!(
            unwrap_source_view(view),
            "<!DOCTYPE html>\n<p>Fish &amp; chips"
        );
    }

    #[test]
    fn ordinary_page_is_unchanged() {
        let page = "<table><tr><td class=line-number>1<td class=line-content>Fish</table>";
        assert_eq!(unwrap_source_view(page), page);
    }
}
