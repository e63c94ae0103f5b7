//! Small invented pages in the shape of the site's.

use serde_json::{Value, json};

/// An account page that a test changes before it renders it.
pub(super) struct Example(pub(super) Value);

impl Example {
    /// Builds a page at this path without a list and without totals.
    pub(super) fn at_path(path: &str) -> Self {
        Self(json!({
            "app": {"currentURL": path},
            "auth": {"currentUserId": 501, "loginError": null},
            "errors": {"libraryError": null},
            "entities": {
                "users": {"501": {"accounts": [502]}},
                "accounts": {"502": {"barcode": "21000000000017", "expiryDate": "2027-05-31"}},
                "checkouts": {}, "holds": {}, "bibs": {}, "messages": {}, "systemMessages": {},
            },
            "borrowing": {
                "fines": {"summaries": {}},
                "borrowing": {"summaries": {}},
                "checkedout": {"items": [], "pagination": {}, "summary": {}},
                "holds": {"items": [], "pagination": {}, "holdError": null},
            },
            "localization": {"messages": {"FORMAT.bk": "Book"}},
        }))
    }

    /// Adds totals in both places; holds are given as `[("SUSPENDED", 2)]`.
    pub(super) fn with_totals(mut self, loans: usize, holds: &[(&str, usize)]) -> Self {
        let status: Value = holds
            .iter()
            .map(|(state, count)| ((*state).to_owned(), json!({"PHYSICAL": count})))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let all: usize = holds.iter().map(|(_, count)| count).sum();
        let summaries = json!({
            "checkedout": {"total": loans, "status": {"OUT": {"PHYSICAL": loans}}},
            "holds": {"totalOperative": all, "status": status},
            "fines": {"totalAccrued": 0, "totalFines": 1.5, "totalCredits": 0},
        });
        self.0["borrowing"]["fines"]["summaries"] = summaries.clone();
        self.0["borrowing"]["borrowing"]["summaries"] = summaries;
        self
    }

    /// Adds the loans with these numbers, as one page of `count` in all.
    pub(super) fn loans(
        mut self,
        numbers: std::ops::Range<usize>,
        page: usize,
        count: usize,
    ) -> Self {
        for number in numbers.clone() {
            self.0["entities"]["checkouts"][number.to_string()] = json!({
                "checkoutId": number.to_string(), "materialType": "PHYSICAL",
                "dueDate": "2026-12-01", "timesRenewed": 1, "metadataId": format!("S9C{number}"),
                "status": "OUT", "actions": ["renew"], "bibTitle": "Own title /", "volume": null,
            });
            self.bib(number);
        }
        self.list("checkedout", numbers, page, count)
    }

    /// Adds the holds with these numbers and this status, as one page of `count`.
    pub(super) fn holds(
        mut self,
        status: &str,
        numbers: std::ops::Range<usize>,
        page: usize,
        count: usize,
    ) -> Self {
        for number in numbers.clone() {
            self.0["entities"]["holds"][number.to_string()] = json!({
                "holdsId": number.to_string(), "materialType": "PHYSICAL",
                "metadataId": format!("S9C{number}"), "status": status, "holdsPosition": 2,
                "bibTitle": "Own title /", "pickupLocation": {"name": "Mill Street"},
                "expiryDate": "2027-02-01",
            });
            self.bib(number);
        }
        self.list("holds", numbers, page, count)
    }

    /// Replaces the value at a JSON pointer.
    pub(super) fn with(mut self, pointer: &str, value: Value) -> Self {
        *self.0.pointer_mut(pointer).unwrap() = value;
        self
    }

    /// Renames the key at a JSON pointer, so that its value is missing.
    pub(super) fn without(mut self, pointer: &str) -> Self {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = self.0.pointer_mut(parent).unwrap();
        parent.as_object_mut().unwrap().remove(key).unwrap();
        self
    }

    /// Renders the page as HTML.
    pub(super) fn to_html(&self) -> String {
        let state = self.0.to_string().replace("</", "<\\/");
        format!(
            r#"<!DOCTYPE html><html><body><div data-iso-key="_0"><p>Words for people.</p></div>
<script type="application/json" data-iso-key="_0">{state}</script><script>1</script></body></html>"#
        )
    }

    fn bib(&mut self, number: usize) {
        self.0["entities"]["bibs"][format!("S9C{number}")] = json!({
            "briefInfo": {
                "title": format!("Tidewater {number} :"), "subtitle": "a &amp; b /",
                "authors": ["Okafor, Ada,"], "format": "BK", "jacket": {"large": null},
            },
            "availability": {"heldCopies": 9, "totalCopies": 3},
        });
    }

    fn list(
        mut self,
        name: &str,
        numbers: std::ops::Range<usize>,
        page: usize,
        count: usize,
    ) -> Self {
        let items: Vec<String> = numbers.map(|number| number.to_string()).collect();
        self.0["borrowing"][name]["items"] = json!(items);
        self.0["borrowing"][name]["pagination"] =
            json!({"count": count, "page": page, "limit": 25, "pages": count.div_ceil(25)});
        self
    }
}
