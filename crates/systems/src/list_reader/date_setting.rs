//! Finds the date format that a page's script states.

/// The setting by which the script of a page states the site's date format: `var dformat  = "us";`.
#[derive(Clone, Copy, Default)]
pub(crate) struct DateSetting {
    /// What stands before its value, as the name does. The first that the page has counts.
    pub(crate) names: &'static [&'static str],
    /// Its values, and the format (strftime) that they mean.
    pub(crate) formats: &'static [(&'static [&'static str], &'static str)],
}

impl DateSetting {
    /// Returns the format that a page states.
    pub(super) fn find(&self, body: &str) -> Option<&'static str> {
        self.names.iter().find_map(|name| {
            let (_, after) = body.split_once(name)?;
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
        assert_eq!(SETTING.find(script), expected);
    }
}
