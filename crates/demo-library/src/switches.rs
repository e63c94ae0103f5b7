//! The switches that make a demo library slow, wrong, down or changed while it runs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::fault::Fault;

/// A fault, and when it applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    fault: Fault,
    path_part: Option<String>,
    method: Option<String>,
    only_patrons: bool,
    /// How many matching requests are skipped first.
    skipped_requests: u32,
    times: Option<u32>,
}

impl Rule {
    /// A fault that applies to every request.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            path_part: None,
            method: None,
            only_patrons: false,
            skipped_requests: 0,
            times: None,
        }
    }

    /// Limits it to requests whose path and query contain `path_part`.
    #[must_use]
    pub fn only_for_path(mut self, path_part: &str) -> Self {
        self.path_part = Some(path_part.to_owned());
        self
    }

    /// Limits it to requests of one method (`GET`, `POST`).
    #[must_use]
    pub fn only_for_method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Limits it to requests of logged-in visitors.
    #[must_use]
    pub fn only_for_patrons(mut self) -> Self {
        self.only_patrons = true;
        self
    }

    /// Skips the first matching requests.
    #[must_use]
    pub fn after(mut self, skipped_requests: u32) -> Self {
        self.skipped_requests = skipped_requests;
        self
    }

    /// Limits how often it applies.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    fn matches(&self, method: &str, path_and_query: &str, is_patron: bool) -> bool {
        self.times != Some(0)
            && (is_patron || !self.only_patrons)
            && self
                .path_part
                .as_ref()
                .is_none_or(|part| path_and_query.contains(part.as_str()))
            && self
                .method
                .as_ref()
                .is_none_or(|only| only.eq_ignore_ascii_case(method))
    }
}

/// Settings of a running site that are not faults.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) delay: Duration,
    pub(crate) asks_for_name: bool,
    pub(crate) page_size: usize,
    pub(crate) max_wrong_pins: u32,
    pub(crate) anonymous_pages: bool,
    pub(crate) refuses_silently: bool,
    pub(crate) latin_1: bool,
    pub(crate) hides_columns: bool,
    pub(crate) translated: bool,
    pub(crate) https: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            asks_for_name: false,
            page_size: 25,
            max_wrong_pins: 3,
            anonymous_pages: false,
            refuses_silently: false,
            latin_1: false,
            hides_columns: false,
            translated: false,
            https: false,
        }
    }
}

/// Changes a running site, from any thread.
#[derive(Debug, Default)]
pub struct Switches {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    settings: Settings,
    rules: Vec<Rule>,
}

impl Switches {
    /// Replaces all faults with this one, for every request.
    pub fn set(&self, fault: Fault) {
        self.with(|inner| inner.rules = vec![Rule::new(fault)]);
    }

    /// Replaces all faults with this one, for requests whose path and query contain `path_part`.
    pub fn set_for(&self, path_part: &str, fault: Fault) {
        self.with(|inner| inner.rules = vec![Rule::new(fault).only_for_path(path_part)]);
    }

    /// Adds a fault. The first one that ends a request wins.
    pub fn add(&self, rule: Rule) {
        self.with(|inner| inner.rules.push(rule));
    }

    /// Removes all faults. The delay and settings stay.
    pub fn clear(&self) {
        self.with(|inner| inner.rules.clear());
    }

    /// Delays every answer.
    pub fn set_delay(&self, delay: Duration) {
        self.with(|inner| inner.settings.delay = delay);
    }

    /// Sets whether a Sierra login also asks for the patron's name. Default: no.
    pub fn set_asks_for_name(&self, asks: bool) {
        self.with(|inner| inner.settings.asks_for_name = asks);
    }

    /// Sets the entries per page of a paged list, at least 1. Default: 25.
    pub fn set_page_size(&self, entries: usize) {
        self.with(|inner| inner.settings.page_size = entries.max(1));
    }

    /// Sets the number of wrong PINs that lock a patron out. Default: 3.
    pub fn set_max_wrong_pins(&self, tries: u32) {
        self.with(|inner| inner.settings.max_wrong_pins = tries);
    }

    /// Sets whether `BiblioCommons` shows anonymous visitors an empty account page instead of the login. Default: no.
    pub fn set_anonymous_pages(&self, shown: bool) {
        self.with(|inner| inner.settings.anonymous_pages = shown);
    }

    /// Sets whether a wrong PIN is answered with the login form without an error. Default: no.
    pub fn set_refuses_silently(&self, silent: bool) {
        self.with(|inner| inner.settings.refuses_silently = silent);
    }

    /// Sets whether HTML is sent as ISO-8859-1, declared only in the page's `meta`. Default: no, UTF-8.
    pub fn set_latin_1(&self, sent: bool) {
        self.with(|inner| inner.settings.latin_1 = sent);
    }

    /// Sets whether Koha hides renewals and charges, in columns and in a tab. Default: no.
    pub fn set_hides_columns(&self, hidden: bool) {
        self.with(|inner| inner.settings.hides_columns = hidden);
    }

    /// Sets whether Koha is in German, with a comma in its sums. Default: no, English.
    pub fn set_translated(&self, is_translated: bool) {
        self.with(|inner| inner.settings.translated = is_translated);
    }

    /// Sets whether its own links begin with `https`, for a site behind a TLS proxy. Default: no.
    pub fn set_https(&self, spoken: bool) {
        self.with(|inner| inner.settings.https = spoken);
    }

    pub(crate) fn settings(&self) -> Settings {
        self.with(|inner| inner.settings.clone())
    }

    /// The faults for one request. Counts each as used if `is_used` accepts it.
    pub(crate) fn faults_for(
        &self,
        method: &str,
        path_and_query: &str,
        is_patron: bool,
        mut is_used: impl FnMut(&Fault) -> bool,
    ) -> Vec<Fault> {
        self.with(|inner| {
            inner
                .rules
                .iter_mut()
                .filter_map(|rule| {
                    let applies = rule.matches(method, path_and_query, is_patron);
                    if applies && rule.skipped_requests > 0 {
                        rule.skipped_requests -= 1;
                        return None;
                    }
                    (applies && is_used(&rule.fault)).then_some(rule)
                })
                .map(|rule| {
                    if let Some(times) = &mut rule.times {
                        *times -= 1;
                    }
                    rule.fault.clone()
                })
                .collect()
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_applies_to_its_requests_and_times() {
        let switches = Switches::default();
        switches.add(Rule::new(Fault::Hang).only_for_path("/holds").times(2));
        switches.add(Rule::new(Fault::EmptyBody).only_for_method("POST"));
        let ask = |method: &str, path: &str| switches.faults_for(method, path, false, |_| true);
        assert_eq!(ask("GET", "/items"), []);
        assert_eq!(
            ask("POST", "/holds?page=2"),
            [Fault::Hang, Fault::EmptyBody]
        );
        assert_eq!(
            switches.faults_for("GET", "/holds", false, |_| false),
            [],
            "a fault that isn't used isn't counted"
        );
        assert_eq!(ask("GET", "/holds"), [Fault::Hang]);
        assert_eq!(ask("GET", "/holds"), []);
    }

    #[test]
    fn rule_skips_the_first_requests() {
        let switches = Switches::default();
        switches.add(Rule::new(Fault::Hang).only_for_path("/a").after(2).times(1));
        let ask = |path: &str| switches.faults_for("GET", path, false, |_| true).len();
        let fault_counts = ["/a", "/b", "/a", "/b", "/a", "/a"].map(ask);
        assert_eq!(fault_counts, [0, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn set_replaces_faults_and_keeps_the_delay() {
        let switches = Switches::default();
        switches.set_delay(Duration::from_millis(5));
        switches.set(Fault::Captcha);
        switches.set_for("/a", Fault::Maintenance);
        assert_eq!(
            switches.faults_for("GET", "/a", false, |_| true),
            [Fault::Maintenance]
        );
        switches.clear();
        assert_eq!(switches.faults_for("GET", "/a", false, |_| true), []);
        assert_eq!(switches.settings().delay, Duration::from_millis(5));
    }
}
