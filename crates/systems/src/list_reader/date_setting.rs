//! Finds the date format that a page's script states.

use hippo_browser::reading::{Css, Element};

static SCRIPT: Css = Css::new("script");

/// The setting by which the script of a page states the site's date format: `var dformat  = "us";`.
#[derive(Clone, Copy, Default)]
pub(crate) struct DateSetting {
    /// What stands before its value, as the name does. The first that the page has counts.
    pub(crate) names: &'static [&'static str],
    /// Its values, and the format (strftime) that they mean.
    pub(crate) formats: &'static [(&'static [&'static str], &'static str)],
}

impl DateSetting {
    /// Returns the format that the scripts of a page state.
    pub(super) fn find_in(&self, root: Element<'_>) -> Option<&'static str> {
        if self.names.is_empty() {
            return None;
        }
        let scripts: Vec<&str> = SCRIPT.all(root).flat_map(|script| script.text()).collect();
        self.find(&scripts)
    }

    /// Returns the format that these scripts state. One may be a whole page.
    pub(super) fn find(&self, scripts: &[&str]) -> Option<&'static str> {
        self.names.iter().find_map(|name| {
            let mut scripts = scripts.iter();
            let (_, after) = scripts.find_map(|script| script.split_once(name))?;
            let value = after.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let value = value.strip_prefix(quote)?.split(quote).next()?;
            let mut formats = self.formats.iter();
            let (_, format) = formats.find(|(values, _)| values.contains(&value))?;
            Some(*format)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_browser::reading::parse_page;
    use rstest::rstest;

    const SETTING: DateSetting = DateSetting {
        names: &["dateformat_pref", "var dformat", "dateFormat:"],
        formats: &[
            (&["us", "mm/dd/yy"], "%m/%d/%Y"),
            (&["metric", "dd/mm/yy"], "%d/%m/%Y"),
            (&["dmydot", "dd.mm.yy"], "%d.%m.%Y"),
            (&["iso", "yy-mm-dd"], "%Y-%m-%d"),
        ],
    };

    #[rstest]
    #[case("var dateformat_pref = \"dmydot\";", Some("%d.%m.%Y"))]
    #[case("var dformat  = \"us\"; dateFormat: 'dd/mm/yy'", Some("%m/%d/%Y"))]
    #[case("dateFormat: 'dd/mm/yy',", Some("%d/%m/%Y"))]
    #[case(
        "var dateformat_pref = \"iso\"; setDefaults({dateFormat: \"Y-m-d\"",
        Some("%Y-%m-%d")
    )]
    #[case("flatpickr.setDefaults({dateFormat: \"Y-m-d\"", None)]
    #[case("var dformat = get();", None)]
    #[case("", None)]
    fn page_states_its_date_format(#[case] script: &str, #[case] expected: Option<&str>) {
        assert_eq!(SETTING.find(&["", script]), expected);
        let page = parse_page(&format!(
            "<script src='x'></script><script>{script}</script>"
        ));
        assert_eq!(SETTING.find_in(page.unwrap().root_element()), expected);
    }
}
