//! Chromium for tests, driven over the WebDriver protocol.
//!
//! Our own client: the published ones change how `serde_json` orders its maps in every crate that is
//! built with them, and so what the other tests see.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::port::ReservedPort;

/// The longest time that the driver may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The longest time until a page shows what a test waits for.
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

/// The key of an element's id, from the specification.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys, as WebDriver names them.
pub mod keys {
    /// Return.
    pub const ENTER: &str = "\u{e007}";
    /// Tab.
    pub const TAB: &str = "\u{e004}";
    /// The space bar.
    pub const SPACE: &str = " ";
}

/// chromedriver, with as many browsers as a test opens; all end when it is dropped.
pub struct Chromium {
    child: Child,
    port: ReservedPort,
    programs: PathBuf,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

/// A browser with a profile of its own.
pub struct Profile<'a> {
    chromium: &'a Chromium,
    session: String,
}

impl Chromium {
    /// Starts chromedriver. Prints SKIPPED and returns `None` if the browser isn't installed.
    ///
    /// # Panics
    /// If it doesn't start, or if it isn't installed and `HIPPO_REQUIRE_EMULATORS` is set.
    pub fn start() -> Option<Self> {
        let programs = tools_folder().join("browser/bin");
        if !programs.join("chromedriver").exists() {
            let missing = "Chromium is missing. Run “make browser” to install it.";
            assert!(
                std::env::var_os("HIPPO_REQUIRE_EMULATORS").is_none(),
                "{missing}"
            );
            eprintln!("SKIPPED: {missing}");
            return None;
        }
        let port = ReservedPort::reserve();
        let child = Command::new(programs.join("chromedriver"))
            .arg(format!("--port={}", port.address().port()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let chromium = Self {
            child,
            port,
            programs,
            runtime,
            client: crate::client_builder().build().unwrap(),
        };
        let since = Instant::now();
        while TcpStream::connect(chromium.port.address()).is_err() {
            assert!(since.elapsed() < START_TIMEOUT, "chromedriver didn't start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(chromium)
    }

    /// Opens a browser with an empty profile.
    pub fn open_profile(&self) -> Profile<'_> {
        let options = json!({
            "binary": self.programs.join("chromium"),
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-lcd-text", "--hide-scrollbars", "--no-first-run", "--lang=en-US",
                "--window-size=1000,900",
            ],
        });
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let answer = self.send("POST", "/session", Some(&capabilities)).unwrap();
        Profile {
            session: answer["sessionId"].as_str().unwrap().to_owned(),
            chromium: self,
        }
    }

    /// Gets a page as a mail scanner does: without cookies and scripts. Returns its status.
    pub fn scan(&self, url: &str) -> u16 {
        let answer = self.runtime.block_on(self.client.get(url).send());
        answer.unwrap().status().as_u16()
    }

    /// Sends a command; the error is the driver's.
    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let url = format!("http://{}{path}", self.port.address());
        let request = self.client.request(method.parse().unwrap(), url);
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(body.to_string()),
            None => request,
        };
        let text = self
            .runtime
            .block_on(async { request.send().await?.text().await });
        let answer: Value = serde_json::from_str(&text.unwrap()).unwrap();
        match answer["value"]["error"].as_str() {
            Some(error) => Err(format!("{error}: {}", answer["value"]["message"])),
            None => Ok(answer["value"].clone()),
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Profile<'_> {
    fn try_send(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let path = format!("/session/{}{path}", self.session);
        let body = (method == "POST").then_some(body);
        self.chromium.send(method, &path, body)
    }

    #[track_caller]
    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        match self.try_send(method, path, body) {
            Ok(value) => value,
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// Opens an address.
    #[track_caller]
    pub fn open(&self, url: &str) {
        self.send("POST", "/url", &json!({"url": url}));
    }

    /// The address of the page.
    pub fn url(&self) -> String {
        let url = self.send("GET", "/url", &Value::Null);
        url.as_str().unwrap().to_owned()
    }

    /// The tab that all other commands are for.
    pub fn tab(&self) -> String {
        let tab = self.send("GET", "/window", &Value::Null);
        tab.as_str().unwrap().to_owned()
    }

    /// Opens another tab of the same profile, and goes there.
    pub fn open_tab(&self) -> String {
        let tab = self.send("POST", "/window/new", &json!({"type": "tab"}));
        let tab = tab["handle"].as_str().unwrap().to_owned();
        self.go_to_tab(&tab);
        tab
    }

    /// Goes to a tab.
    pub fn go_to_tab(&self, tab: &str) {
        self.send("POST", "/window", &json!({"handle": tab}));
    }

    /// Goes back, as with the browser's button.
    pub fn go_back(&self) {
        self.send("POST", "/back", &json!({}));
    }

    /// Runs a script in the page.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        let body = json!({"script": script, "args": []});
        self.send("POST", "/execute/sync", &body)
    }

    /// Runs a script that ends when it calls `done`.
    #[track_caller]
    pub fn run_async(&self, script: &str) -> Value {
        let script = format!("const done = arguments[arguments.length - 1];\n{script}");
        let body = json!({"script": script, "args": []});
        self.send("POST", "/execute/async", &body)
    }

    /// The text that a person sees.
    #[track_caller]
    pub fn text(&self) -> String {
        let text = self.run("return document.body ? document.body.innerText : ''");
        text.as_str().unwrap().to_owned()
    }

    /// Waits until the page shows these words, and returns its text.
    #[track_caller]
    pub fn wait_for(&self, words: &str) -> String {
        self.wait_until(words, |text| text.contains(words))
    }

    /// Waits until the page shows these words no more.
    #[track_caller]
    pub fn wait_without(&self, words: &str) -> String {
        self.wait_until(words, |text| !text.is_empty() && !text.contains(words))
    }

    #[track_caller]
    fn wait_until(&self, words: &str, is_there: impl Fn(&str) -> bool) -> String {
        let since = Instant::now();
        loop {
            // While a page is being loaded, there is none to ask.
            let script = json!({"script": "return document.body.innerText", "args": []});
            let text = self.try_send("POST", "/execute/sync", &script);
            let text = text.ok().and_then(|text| text.as_str().map(str::to_owned));
            let text = text.unwrap_or_default();
            if is_there(&text) {
                return text;
            }
            let (url, log) = (self.url(), self.console());
            assert!(
                since.elapsed() < WAIT_TIMEOUT,
                "waited for “{words}” at {url}:\n{text}\n{log:?}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[track_caller]
    fn find(&self, selector: &str) -> String {
        let body = json!({"using": "css selector", "value": selector});
        let element = self.send("POST", "/element", &body);
        element[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks the first element of a selector.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        let id = self.find(selector);
        self.send("POST", &format!("/element/{id}/click"), &json!({}));
    }

    /// Types into the first element of a selector.
    #[track_caller]
    pub fn type_into(&self, selector: &str, text: &str) {
        let id = self.find(selector);
        self.send(
            "POST",
            &format!("/element/{id}/value"),
            &json!({"text": text}),
        );
    }

    /// Presses keys, wherever the focus is.
    #[track_caller]
    pub fn press(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| [("keyDown", key), ("keyUp", key)])
            .map(|(kind, key)| json!({"type": kind, "value": key}))
            .collect();
        let source = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.send("POST", "/actions", &json!({"actions": [source]}));
    }

    /// Sends a command of the DevTools protocol.
    #[track_caller]
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.send("POST", "/goog/cdp/execute", &body)
    }

    /// Makes the window so wide and high, in CSS pixels.
    pub fn set_size(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Prefers a dark or a light page.
    pub fn set_dark(&self, is_dark: bool) {
        let value = if is_dark { "dark" } else { "light" };
        let feature = json!({"name": "prefers-color-scheme", "value": value});
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({"features": [feature]}),
        );
    }

    /// Makes the text so many times as large as usual.
    pub fn set_text_size(&self, factor: u32) {
        let sizes = json!({"standard": 16 * factor, "fixed": 13 * factor});
        self.devtools("Page.setFontSizes", &json!({"fontSizes": sizes}));
    }

    /// What the browser complained about since this was asked last.
    pub fn console(&self) -> Vec<String> {
        let log = self.try_send("POST", "/se/log", &json!({"type": "browser"}));
        let entries = log.ok().and_then(|log| log.as_array().cloned());
        let entries = entries.unwrap_or_default().into_iter();
        entries
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// A picture of the whole page, as PNG in base64.
    pub fn take_picture(&self) -> String {
        let parameters = json!({"format": "png", "captureBeyondViewport": true});
        let picture = self.devtools("Page.captureScreenshot", &parameters);
        picture["data"].as_str().unwrap().to_owned()
    }
}

impl Drop for Profile<'_> {
    fn drop(&mut self) {
        let _ = self.try_send("DELETE", "", &Value::Null);
    }
}

/// The script of axe-core, which finds what keeps people from using a page.
pub fn axe_script() -> String {
    let path = tools_folder().join("npm/node_modules/axe-core/axe.min.js");
    let missing = |error| panic!("{}: {error}. Run “make browser”.", path.display());
    std::fs::read_to_string(&path).unwrap_or_else(missing)
}

fn tools_folder() -> PathBuf {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools"));
    std::env::var_os("TOOLS").map_or_else(default, PathBuf::from)
}
