//! `hippo serve`, as a browser sees it: over real HTTP, with the mail found in the mail folder.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{Home, files, printed, stdout};

/// How long the command may take to start, to mail, and to stop.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Serves at a free port, and says where.
const SERVE: [&str; 4] = ["--json", "serve", "--listen", "127.0.0.1:0"];

/// A running `hippo serve`.
pub(crate) struct Server {
    process: Child,
    started: Value,
}

/// The command on a home, with its output in pipes.
fn command(home: &Home, arguments: &[&str]) -> Command {
    command_at(env!("CARGO_BIN_EXE_hippo").as_ref(), home, arguments)
}

/// The same with a copy of the command.
fn command_at(program: &Path, home: &Home, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("HIPPO_HOME", home.path())
        .env("HIPPO_LOG", "trace")
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Reads one line of the output, and leaves the rest.
fn read_line(process: &mut Child) -> String {
    let stdout = process.stdout.as_mut().unwrap();
    let (mut line, mut byte) = (Vec::new(), [0]);
    while stdout.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
        line.extend(byte);
    }
    String::from_utf8(line).unwrap()
}

impl Server {
    pub(crate) fn start(home: &Home) -> Self {
        Self::start_at(home, "")
    }

    /// Starts it with a frozen clock, unless the time is empty.
    pub(crate) fn start_at(home: &Home, now: &str) -> Self {
        let mut command = command(home, &SERVE);
        command.env("HIPPO_NOW", now);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut process = command.spawn().unwrap();
        let line = read_line(&mut process);
        let started = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        Self { process, started }
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.started[name].as_str().unwrap()
    }

    /// Asks it to stop; returns its exit code, and the rest of its output with its log.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        let id = self.process.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(killed.success());
        let start = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < TIMEOUT, "it doesn't stop");
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut log = String::new();
        let stdout = self.process.stdout.as_mut().unwrap();
        stdout.read_to_string(&mut log).unwrap();
        let stderr = self.process.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        (self.process.wait().unwrap().code(), log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
    }
}

/// A browser with cookies.
pub(crate) struct Browser<'a> {
    server: &'a Server,
    cookies: BTreeMap<String, String>,
    /// What a proxy on this machine says of its client; empty: nothing.
    forwarded_for: &'static str,
}

/// A response: its head and its body.
pub(crate) struct Response {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&start).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

impl<'a> Browser<'a> {
    pub(crate) fn new(server: &'a Server) -> Self {
        Self {
            server,
            cookies: BTreeMap::new(),
            forwarded_for: "",
        }
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, body: &str) -> Response {
        let address = self.server.text("listen");
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let forwarded = match self.forwarded_for {
            "" => String::new(),
            client => format!("X-Forwarded-For: {client}\r\n"),
        };
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{forwarded}Cookie: {}\r\n\
             Origin: http://{address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            cookies.join("; "),
            body.len()
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        for line in head.lines() {
            if let Some(cookie) = line.strip_prefix("set-cookie: ") {
                let (name, rest) = cookie.split_once('=').unwrap();
                let value = rest.split(';').next().unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Response {
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.send("GET", path, "")
    }

    /// Opens a link and presses its button.
    pub(crate) fn use_link(&mut self, path: &str) -> Response {
        let page = self.get(path);
        let body = format!(
            "form_token={}&token={}",
            page.hidden("form_token"),
            page.hidden("token")
        );
        self.send("POST", "/sign-in/link", &body)
    }
}

/// Waits for the mail, and returns the path of its link.
fn mailed_link(home: &Home, public_url: &str) -> String {
    let start = Instant::now();
    while start.elapsed() < TIMEOUT {
        for (path, bytes) in files(&home.path().join("mail")) {
            let html = String::from_utf8(bytes).unwrap();
            let is_visible = !path.file_name().unwrap().to_str().unwrap().starts_with('.');
            let link = html.split_once(&format!("href=\"{public_url}"));
            if let Some((_, rest)) = link.filter(|_| is_visible) {
                return rest.split('"').next().unwrap().to_owned();
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("no mail");
}

#[test]
fn recipient_signs_in_with_the_mailed_link_and_sees_the_family() {
    let (home, _) = Home::with_card();
    let server = Server::start(&home);
    let mut browser = Browser::new(&server);
    assert!(browser.get("/family").head.contains("location: /sign-in"));
    let token = browser.get("/sign-in").hidden("form_token");
    let asked = browser.send(
        "POST",
        "/sign-in",
        &format!("form_token={token}&address=pat%40example.org"),
    );
    assert!(asked.head.starts_with("HTTP/1.1 303"), "{}", asked.head);
    let link = mailed_link(&home, server.text("public_url"));
    let used = browser.use_link(&link);
    assert!(used.head.contains("set-cookie: hippo="), "{}", used.head);
    assert!(!used.head.contains("Secure"), "this is plain http");
    let page = browser.get("/family");
    assert!(page.body.contains("The Conrads"), "{}", page.body);
    assert!(
        browser
            .get("/family/cards")
            .body
            .contains("Not checked yet.")
    );

    let session = browser.cookies["hippo"].clone();
    let link_token = link.rsplit_once('.').unwrap().1.to_owned();
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("Somebody signed in."), "{log}");
    for secret in ["pat@example.org", &session, &link_token] {
        assert!(!log.contains(secret), "{log}");
    }
    // Nor are the tokens in the database.
    for (path, bytes) in files(&home.path()) {
        let text = String::from_utf8_lossy(&bytes);
        let is_mail = path.starts_with(home.path().join("mail"));
        assert!(is_mail || !text.contains(&link_token), "{}", path.display());
        assert!(!text.contains(&session), "{}", path.display());
    }
}

#[test]
fn oversized_headers_are_refused() {
    let server = Server::start(&Home::new());
    let address = server.text("listen");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let head = format!("GET /about HTTP/1.1\r\nHost: {address}\r\nCookie: ");
    // The server may close the connection before it has read all of it.
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&vec![b'x'; 2_000_000]);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    let next = Browser::new(&server).get("/about");
    assert!(next.head.starts_with("HTTP/1.1 200"), "{}", next.head);
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn networks_behind_a_local_proxy_are_limited_separately() {
    let home = Home::new();
    let server = Server::start(&home);
    let ask = |client: &'static str, number: usize| {
        let mut browser = Browser::new(&server);
        browser.forwarded_for = client;
        let token = browser.get("/sign-in").hidden("form_token");
        let body = format!("form_token={token}&address=a{number}%40example.org");
        let answer = browser.send("POST", "/sign-in", &body).head;
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    for number in 0..10 {
        assert_eq!(ask("203.0.113.7", number), "303", "{number}");
    }
    assert_eq!(ask("203.0.113.9", 10), "429");
    assert_eq!(ask("198.51.100.7", 11), "303");
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn operators_link_signs_in_once() {
    let home = Home::new();
    let server = Server::start(&home);
    let link = server.text("operator_link");
    let path = link.strip_prefix(server.text("public_url")).unwrap();
    let mut browser = Browser::new(&server);
    assert!(browser.use_link(path).head.contains("set-cookie: hippo="));
    assert!(browser.get("/").body.contains("operator"));
    let again = Browser::new(&server).get(path);
    assert!(again.head.starts_with("HTTP/1.1 410"), "{}", again.head);
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn link_is_not_written_to_a_services_log() {
    let home = Home::new();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--no-operator-link"];
    let mut process = command(&home, &arguments).spawn().unwrap();
    let line = read_line(&mut process);
    assert!(
        line.starts_with("The pages are at http://127.0.0.1:"),
        "{line}"
    );
    let server = Server {
        process,
        started: Value::Null,
    };
    let (code, rest) = server.stop();
    assert_eq!(code, Some(0));
    assert!(!rest.contains("token="), "{rest}");
}

#[test]
#[cfg(target_os = "linux")]
fn server_started_with_nohup_goes_on_when_the_terminal_is_closed() {
    let home = Home::new();
    let arguments = [
        "-c",
        "trap '' HUP; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_hippo"),
    ];
    let arguments = [&arguments[..], &SERVE].concat();
    let server = Server::spawn(command_at("/bin/sh".as_ref(), &home, &arguments));
    let process = server.process.id().to_string();
    let sent = Command::new("kill").args(["-HUP", &process]).status();
    assert!(sent.unwrap().success());
    std::thread::sleep(Duration::from_millis(100));
    assert!(Browser::new(&server).get("/").head.starts_with("HTTP/1.1 "));
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn operator_pauses_a_schedule_and_runs_it_by_hand() {
    let home = Home::with_schedules();
    let server = Server::start(&home);
    let link = server.text("operator_link");
    let path = link.strip_prefix(server.text("public_url")).unwrap();
    let mut browser = Browser::new(&server);
    browser.use_link(path);
    let page = browser.get("/console/schedules");
    assert!(page.body.contains("every 15 minutes"), "{}", page.body);
    let token = page.hidden("form_token");
    let label = page.hidden("label");
    let version = page.hidden("version");
    let body = format!("form_token={token}&label={label}&version={version}&until=&why=moving");
    let paused = browser.send("POST", "/console/schedules/pause", &body);
    assert!(paused.head.starts_with("HTTP/1.1 303"), "{}", paused.head);
    // The server's clock isn't the tests' frozen one.
    let mut list = home.command(&["schedule", "list"]);
    let listed = printed(&list.env_remove("HIPPO_NOW").assert().success());
    assert!(listed.contains("(moving)"), "{listed}");
    // A person's run starts all the same.
    let page = browser.get(&format!("/console/schedules/run?label={label}"));
    let version = page.hidden("run_version");
    let body = format!("form_token={token}&label={label}&run_version={version}");
    let started = browser.send("POST", "/console/schedules/run", &body);
    assert!(
        started.head.contains("location: /console?started=yes"),
        "{}",
        started.head
    );
    let start = Instant::now();
    while !browser.get("/console").body.contains("<b>person</b>") {
        assert!(start.elapsed() < TIMEOUT, "the run doesn't report");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn run_starts_after_the_command_was_replaced_and_not_while_it_is_gone() {
    let home = Home::with_schedules();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("hippo");
    let install = || {
        let built = Path::new(env!("CARGO_BIN_EXE_hippo"));
        if std::fs::hard_link(built, &program).is_err() {
            std::fs::copy(built, &program).unwrap();
        }
    };
    install();
    let server = Server::spawn(command_at(&program, &home, &SERVE));
    let mut browser = Browser::new(&server);
    let link = server.text("operator_link");
    browser.use_link(link.strip_prefix(server.text("public_url")).unwrap());
    let page = browser.get("/console/schedules");
    let (token, label) = (page.hidden("form_token"), page.hidden("label"));
    let page = browser.get(&format!("/console/schedules/run?label={label}"));
    let version = page.hidden("run_version");
    let body = format!("form_token={token}&label={label}&run_version={version}");
    let mut press = || browser.send("POST", "/console/schedules/run", &body).head;
    std::fs::remove_file(&program).unwrap();
    let gone = press();
    assert!(gone.starts_with("HTTP/1.1 503"), "{gone}");
    install();
    let started = press();
    assert!(
        started.contains("location: /console?started=yes"),
        "{started}"
    );
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn other_machines_need_https() {
    let home = Home::new();
    for arguments in [
        &["serve", "--listen", "0.0.0.0:0"][..],
        &[
            "serve",
            "--listen",
            "0.0.0.0:0",
            "--public-url",
            "http://127.0.0.1:1",
        ],
        &["serve", "--public-url", "http://hippo.example.org"],
    ] {
        insta::assert_snapshot!(printed(&home.run(arguments).code(2)));
    }
}

#[test]
fn taken_port_is_named() {
    let home = Home::new();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let run = home.run(&["serve", "--listen", &address]).code(3);
    insta::assert_snapshot!(printed(&run));
}

/// `hippo open` on this home and at these pages, with the machine's clock.
fn open(home: &Home, public_url: &str, arguments: &[&str]) -> assert_cmd::Command {
    let mut open = home.command(&["open", "--public-url", public_url]);
    open.args(arguments).env_remove("HIPPO_NOW");
    open
}

#[test]
fn operators_link_is_printed_where_there_is_no_desktop() {
    let home = Home::new();
    let server = Server::start(&home);
    let opened = open(&home, server.text("public_url"), &[]);
    let shown = stdout(&{ opened }.assert().success());
    let (words, link) = shown.split_once("\n  ").unwrap();
    assert!(
        words.contains("open this link within 15 minutes"),
        "{shown}"
    );
    let path = link.trim().strip_prefix(server.text("public_url")).unwrap();
    let mut browser = Browser::new(&server);
    assert!(browser.use_link(path).head.contains("set-cookie: hippo="));
    assert!(browser.get("/").body.contains("operator"));
    assert_eq!(server.stop().0, Some(0));
}

#[cfg(unix)]
#[test]
fn browser_gets_the_link_and_the_terminal_does_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let server = Server::start(&home);
    let given = home.path().join("given");
    let programs = home.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    for name in ["xdg-open", "open"] {
        let program = programs.join(name);
        let script = format!("#!/bin/sh\nprintf %s \"$1\" >'{}'\n", given.display());
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let with_desktop = |arguments: &[&str]| {
        let mut open = open(&home, server.text("public_url"), arguments);
        open.env("DISPLAY", ":0").env("PATH", &programs);
        stdout(&open.assert().success())
    };
    let shown = with_desktop(&["--print"]);
    assert!(shown.contains("token=") && !given.exists(), "{shown}");
    let shown = with_desktop(&[]);
    assert!(
        shown.contains("in your browser") && !shown.contains("token="),
        "{shown}"
    );
    let link = std::fs::read_to_string(&given).unwrap();
    let path = link.strip_prefix(server.text("public_url")).unwrap();
    let mut browser = Browser::new(&server);
    assert!(browser.use_link(path).head.contains("set-cookie: hippo="));
    // A desktop whose browser doesn't start.
    std::fs::write(programs.join("xdg-open"), "#!/bin/sh\nexit 3\n").unwrap();
    std::fs::write(programs.join("open"), "#!/bin/sh\nexit 3\n").unwrap();
    assert!(with_desktop(&[]).contains("token="));
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn pages_must_be_there_to_be_opened() {
    let home = Home::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let refused = open(&home, &url, &[]).assert().code(3);
    insta::assert_snapshot!(printed(&refused));
}

/// A home whose configuration names an identity provider; `secret` says where its secret is.
#[cfg(feature = "oidc")]
fn with_identity_provider(secret: &str) -> Home {
    let home = Home::new();
    let config = home.path().join("config.toml");
    let mut text = std::fs::read_to_string(&config).unwrap();
    text.push_str(
        "\n[web.oidc]\nissuer = \"http://127.0.0.1:1\"\nclient_id = \"hippo\"\nname = \"Home\"\n",
    );
    text.push_str(secret);
    std::fs::write(&config, text).unwrap();
    home
}

#[cfg(feature = "oidc")]
#[test]
fn secret_of_an_identity_provider_must_be_there() {
    let home = with_identity_provider("client_secret_file = \"oidc-secret\"\n");
    insta::assert_snapshot!(printed(&home.run(&["serve"]).code(3)));
    std::fs::write(home.path().join("oidc-secret"), "\n").unwrap();
    insta::assert_snapshot!(printed(&home.run(&["serve"]).code(3)));
    let home = with_identity_provider("client_secret_env = \"HIPPO_TEST_OIDC_SECRET\"\n");
    insta::assert_snapshot!(printed(&home.run(&["serve"]).code(3)));
    let home = with_identity_provider("client_secret = \"canary\"\n");
    insta::assert_snapshot!(printed(&home.run(&["serve"]).code(3)));
}

#[cfg(all(unix, feature = "oidc"))]
#[test]
fn pages_start_without_their_provider_and_hide_its_secret() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = with_identity_provider("client_secret_file = \"oidc-secret\"\n");
    let file = home.path().join("oidc-secret");
    std::fs::write(&file, "canary\n").unwrap();
    for (mode, is_open) in [(0o644, true), (0o600, false)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let server = Server::start(&home);
        let mut browser = Browser::new(&server);
        assert!(browser.get("/sign-in").body.contains("Sign in with Home"));
        let down = browser.get("/sign-in/oidc");
        assert!(down.head.starts_with("HTTP/1.1 503"), "{}", down.head);
        assert!(
            down.body.contains("Home doesn’t work right now"),
            "{}",
            down.body
        );
        let (code, log) = server.stop();
        assert_eq!(code, Some(0));
        assert!(log.contains("it can't be reached"), "{log}");
        assert_eq!(
            log.contains("Others can read the identity provider's secret"),
            is_open
        );
        assert!(!log.contains("canary"), "{log}");
    }
}
