//! Reads a picture's address, title and credit from the newest item of an RSS feed.

use chrono::{DateTime, Days, FixedOffset, NaiveDate};

use super::markup::{Piece, attribute, split};
use super::raw_link::RawLink;
use super::{PictureFailure, PictureSource};

/// The most items that are read.
const MAX_ITEMS: usize = 200;

/// Further elements of an item are left out, so that a hostile feed takes little memory.
const MAX_ELEMENTS: usize = 500;

/// Elements that are nested deeper have no text.
const MAX_DEPTH: usize = 32;

/// The elements with a picture's address, most likely first.
const ADDRESS_FIELDS: [&str; 5] = [
    "enclosure@url",
    "media:content@url",
    "media:thumbnail@url",
    "content:encoded",
    "description",
];

/// The elements with a picture's author or owner.
const CREDIT_FIELDS: [&str; 3] = ["media:credit", "dc:creator", "author"];

/// An element of an item, with its text.
struct Element<'a> {
    name: &'a str,
    attributes: &'a str,
    text: String,
}

#[derive(Default)]
struct Item<'a>(Vec<Element<'a>>);

pub(super) fn read_link(
    source: &PictureSource,
    text: &str,
    date: NaiveDate,
) -> Result<Option<RawLink>, PictureFailure> {
    let items = read_items(text)
        .ok_or_else(|| PictureFailure::document_changed("the document isn't an RSS feed"))?;
    let Some(item) = newest(&items, date) else {
        return Ok(None);
    };
    // A source without a new picture still has its old ones.
    let yesterday = date.checked_sub_days(Days::new(1)).unwrap_or(date);
    if item
        .published()
        .is_some_and(|published| published.date_naive() < yesterday)
    {
        return Ok(None);
    }
    let address = match &source.address {
        Some(field) => item.address(field),
        None => ADDRESS_FIELDS.iter().find_map(|field| item.address(field)),
    };
    let Some(address) = address else {
        return match &source.address {
            Some(field) if !items.iter().any(|item| item.address(field).is_some()) => {
                Err(PictureFailure::document_changed(format!(
                    "no item of the feed has a picture in {field}"
                )))
            }
            _ => Ok(None),
        };
    };
    let credit = match &source.credit {
        Some(field) => item.field(field),
        None => CREDIT_FIELDS.iter().find_map(|field| item.field(field)),
    };
    Ok(Some(RawLink {
        address,
        title: item.field(source.title.as_deref().unwrap_or("title")),
        credit,
    }))
}

/// Reads the items of a feed; `None`: it isn't one.
fn read_items(text: &str) -> Option<Vec<Item<'_>>> {
    let mut items: Vec<Item<'_>> = Vec::new();
    let mut is_feed = false;
    // Within an item: the open elements.
    let mut open: Option<Vec<&str>> = None;
    for piece in split(text) {
        match (&mut open, piece) {
            (
                None,
                Piece::Open {
                    name: "item",
                    is_empty: false,
                    ..
                },
            ) if is_feed => {
                if items.len() == MAX_ITEMS {
                    break;
                }
                items.push(Item::default());
                open = Some(Vec::new());
            }
            (None, Piece::Open { name, .. }) => is_feed |= matches!(name, "rss" | "rdf:RDF"),
            (Some(inner), Piece::Close("item")) if inner.is_empty() => open = None,
            (
                Some(inner),
                Piece::Open {
                    name,
                    attributes,
                    is_empty,
                },
            ) => {
                // Media elements may be grouped, so those within elements count too.
                if let Some(Item(elements)) = items.last_mut()
                    && elements.len() < MAX_ELEMENTS
                {
                    elements.push(Element {
                        name,
                        attributes,
                        text: String::new(),
                    });
                }
                if !is_empty && inner.len() < MAX_DEPTH {
                    inner.push(name);
                }
            }
            (Some(inner), Piece::Text(text)) => {
                let element = items
                    .last_mut()
                    .and_then(|Item(elements)| elements.last_mut());
                if let (Some(name), Some(element)) = (inner.last(), element)
                    && element.name == *name
                {
                    element.text.push_str(&text);
                }
            }
            (Some(inner), Piece::Close(name)) => {
                if inner.last() == Some(&name) {
                    inner.pop();
                }
            }
            (None, Piece::Text(_) | Piece::Close(_)) => {}
        }
    }
    is_feed.then_some(items)
}

/// The item that was published last, up to a date; the first one if an item has no date.
///
/// An item of a later day is announced ahead, or misdated.
fn newest<'a, 'b>(items: &'b [Item<'a>], date: NaiveDate) -> Option<&'b Item<'a>> {
    let dated: Vec<_> = items.iter().map(|item| (item, item.published())).collect();
    let mut until_date = dated
        .iter()
        .filter(|(_, published)| published.is_none_or(|published| published.date_naive() <= date));
    if dated.iter().any(|(_, published)| published.is_none()) {
        return until_date.next().map(|(item, _)| *item);
    }
    // The first of equal ones: feeds begin with the newest.
    let newest = until_date.rev().max_by_key(|(_, published)| *published);
    newest.map(|(item, _)| *item)
}

impl Item<'_> {
    fn published(&self) -> Option<DateTime<FixedOffset>> {
        if let Some(text) = self.field("pubDate") {
            return DateTime::parse_from_rfc2822(text.trim()).ok();
        }
        DateTime::parse_from_rfc3339(self.field("dc:date")?.trim()).ok()
    }

    /// The text of `element`, or the attribute of `element@attribute`.
    fn field(&self, field: &str) -> Option<String> {
        let (name, wanted) = match field.split_once('@') {
            Some((name, wanted)) => (name, Some(wanted)),
            None => (field, None),
        };
        self.0
            .iter()
            .filter(|element| element.name == name)
            .find_map(|element| match wanted {
                Some(wanted) => attribute(element.attributes, wanted).map(Into::into),
                None => Some(element.text.clone()),
            })
            .filter(|text| !text.trim().is_empty())
    }

    /// A picture's address in a field. In a field with HTML, it is that of the first picture.
    fn address(&self, field: &str) -> Option<String> {
        let Some((name, wanted)) = field.split_once('@') else {
            let text = self.field(field)?;
            return if text.contains('<') {
                first_image(&text)
            } else {
                // Words have no picture.
                let is_word = !text.contains('/') || text.trim().contains(char::is_whitespace);
                (!is_word).then_some(text)
            };
        };
        self.0
            .iter()
            .filter(|element| element.name == name && !is_other_medium(element.attributes))
            .find_map(|element| attribute(element.attributes, wanted))
            .map(Into::into)
    }
}

/// Whether an enclosure names a type other than a picture.
fn is_other_medium(attributes: &str) -> bool {
    let is_other = |value: &str| !value.trim_start().to_ascii_lowercase().starts_with("image");
    ["type", "medium"]
        .iter()
        .filter_map(|name| attribute(attributes, name))
        .any(|value| is_other(&value))
}

/// The address of the first picture in HTML.
fn first_image(html: &str) -> Option<String> {
    split(html).find_map(|piece| match piece {
        Piece::Open {
            name, attributes, ..
        } if name.eq_ignore_ascii_case("img") => attribute(attributes, "src").map(Into::into),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn source(fields: serde_json::Value) -> PictureSource {
        let mut json = serde_json::json!({"url": "https://x.test/feed", "kind": "rss"});
        for (name, value) in fields.as_object().unwrap() {
            json[name] = value.clone();
        }
        serde_json::from_value(json).unwrap()
    }

    fn read_with(
        fields: serde_json::Value,
        items: &str,
    ) -> Result<Option<RawLink>, PictureFailure> {
        let text = format!(
            "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Feed</title>\
             <image><url>logo.png</url><title>Logo</title></image>{items}</channel></rss>"
        );
        read_link(&source(fields), &text, "2026-11-29".parse().unwrap())
    }

    fn read(items: &str) -> Result<Option<RawLink>, PictureFailure> {
        read_with(serde_json::json!({}), items)
    }

    fn address(items: &str) -> Option<String> {
        read(items).unwrap().map(|link| link.address)
    }

    #[test]
    fn newest_item_has_the_picture() {
        let items = "<item><title>Old</title><pubDate>Sat, 28 Nov 2026 05:00:00 GMT</pubDate>\
                     <enclosure url='old.jpg' type='image/jpeg'/></item>\
                     <item><title>A &amp; <![CDATA[B <3]]></title>\
                     <pubDate>Sun, 29 Nov 2026 05:00:00 GMT</pubDate><dc:creator>Ada</dc:creator>\
                     <enclosure url='new.jpg?a=1&amp;b=2' length='9' type='image/jpeg'/></item>";
        let link = read(items).unwrap().unwrap();
        assert_eq!(link.address, "new.jpg?a=1&b=2");
        assert_eq!(link.title.as_deref(), Some("A & B <3"));
        assert_eq!(link.credit.as_deref(), Some("Ada"));
    }

    #[rstest]
    #[case("<enclosure url='a.mp3' type='audio/mpeg'/><media:content url='b.jpg' medium='image'/>")]
    #[case("<media:group><media:content url='b.jpg'/></media:group>")]
    #[case("<media:thumbnail url='b.jpg'/>")]
    #[case("<description>&lt;p&gt;x&lt;img alt=\"a\" src=\"b.jpg\"/&gt;</description>")]
    #[case("<content:encoded><![CDATA[<p>x</p><IMG src=b.jpg>]]></content:encoded>")]
    #[case(
        "<description>Words.</description><content:encoded>&lt;img src='b.jpg'&gt;</content:encoded>"
    )]
    fn picture_is_found_where_feeds_have_it(#[case] inside: &str) {
        let items = format!("<item><title>T</title>{inside}</item>");
        assert_eq!(address(&items).as_deref(), Some("b.jpg"));
    }

    #[test]
    fn configured_fields_are_used() {
        let fields = serde_json::json!({
            "address": "link", "title": "media:title", "credit": "media:credit"
        });
        let item = "<item><title>T</title><link>https://x.test/p.jpg</link>\
                    <media:title>M</media:title><media:credit role='x'>C</media:credit></item>";
        let link = read_with(fields, item).unwrap().unwrap();
        assert_eq!(link.address, "https://x.test/p.jpg");
        assert_eq!(link.title.as_deref(), Some("M"));
        assert_eq!(link.credit.as_deref(), Some("C"));
    }

    #[test]
    fn item_of_a_later_day_is_ignored() {
        let item = |address: &str, published: &str| {
            format!("<item><pubDate>{published}</pubDate><enclosure url='{address}'/></item>")
        };
        let tomorrow = item("tomorrow.jpg", "Mon, 30 Nov 2026 05:00:00 GMT");
        let today = item("today.jpg", "Sun, 29 Nov 2026 05:00:00 GMT");
        let undated = "<item><enclosure url='undated.jpg'/></item>";
        for (items, expected) in [
            (format!("{tomorrow}{today}"), Some("today.jpg")),
            (format!("{today}{tomorrow}"), Some("today.jpg")),
            (format!("{tomorrow}{undated}{today}"), Some("undated.jpg")),
            (tomorrow.clone(), None),
        ] {
            assert_eq!(address(&items).as_deref(), expected, "{items}");
        }
    }

    #[rstest]
    #[case::no_items("")]
    #[case::no_picture("<item><title>T</title><description>Only words.</description></item>")]
    #[case::old(
        "<item><pubDate>Fri, 27 Nov 2026 23:00:00 GMT</pubDate><enclosure url='a.jpg'/></item>"
    )]
    fn feed_without_a_new_picture_has_none_today(#[case] items: &str) {
        assert_eq!(address(items), None);
    }

    #[rstest]
    #[case::html("<!DOCTYPE html><html><item><enclosure url='a.jpg'/></item></html>")]
    #[case::empty("")]
    #[case::json("{}")]
    #[case::atom("<feed><entry><link rel='enclosure' href='a.jpg'/></entry></feed>")]
    fn other_document_is_never_no_picture(#[case] text: &str) {
        let date = "2026-11-29".parse().unwrap();
        let read = read_link(&source(serde_json::json!({})), text, date);
        let failure = read.map(|_| ()).unwrap_err();
        assert_eq!(failure.kind.as_str(), "document_changed");
    }

    #[test]
    fn configured_field_that_no_item_has_is_a_failure() {
        let fields = serde_json::json!({"address": "picture"});
        let item = "<item><enclosure url='a.jpg'/></item>";
        assert!(read_with(fields, item).is_err());
    }

    #[test]
    fn malformed_feed_is_read_without_a_panic() {
        let whole = "<item><title>T</title><enclosure url='a.jpg'/><description>&lt;img \
                     src='b.jpg'&gt;</description></item>";
        for end in 0..whole.len() {
            let _ = read(&whole[..end]);
        }
        assert!(address(&"<item>".repeat(100_000)).is_none());
    }

    #[test]
    fn item_with_very_many_nested_elements_is_read_within_limits() {
        let nested = "<a>".repeat(10_000);
        let feed = format!(
            "<rss><item><enclosure url=\"https://example.org/a.png\"/>{nested}</item></rss>"
        );
        let items = read_items(&feed).unwrap();
        assert_eq!(items[0].0.len(), MAX_ELEMENTS);
        assert_eq!(
            items[0].address("enclosure@url").as_deref(),
            Some("https://example.org/a.png")
        );
    }
}
