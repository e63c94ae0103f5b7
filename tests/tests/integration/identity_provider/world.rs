//! The real `hippo serve`, and a certified identity provider on loopback.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hippo_tests::Home;
use hippo_tests::npm_tools::find_package;
use serde_json::Value;

/// A recipient of the family.
pub(super) const INES: &str = "ines@example.org";

/// What people call the provider.
pub(super) const NAME: &str = "Riverside ID";

/// Our secret at the provider. It has letters that must be encoded.
const SECRET: &str = "canary secret+/:&";

/// A family, its pages, and the provider.
pub(super) struct World {
    home: Home,
    provider: Child,
    server: Child,
    /// Where the pages are.
    pub(super) origin: String,
    /// Where the provider is.
    pub(super) issuer: String,
}

impl World {
    /// Starts everything; `None` if the provider isn't installed.
    pub(super) fn start() -> Option<Self> {
        let package = find_package("oidc-provider")?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/identity/provider.mjs");
        let mut provider = Command::new("node")
            .arg(script)
            .arg(package)
            .arg(SECRET)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let issuer = read_document(&mut provider)["issuer"]
            .as_str()
            .unwrap()
            .to_owned();
        let home = Home::empty();
        home.run(&["init", "--timezone", "UTC"]).expect_code(0);
        configure(&home.path(), &issuer);
        let add = [
            "family",
            "add",
            "calder",
            "--name",
            "The Calders",
            "--to",
            INES,
        ];
        home.run(&add).expect_code(0);
        // The provider doesn't answer yet: the pages start without it.
        let arguments = ["--json", "serve", "--listen", "127.0.0.1:0"];
        let mut server = home
            .command(&arguments)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let origin = read_document(&mut server)["public_url"]
            .as_str()
            .unwrap()
            .to_owned();
        let input = provider.stdin.as_mut().unwrap();
        writeln!(input, "{origin}").unwrap();
        Some(Self {
            home,
            provider,
            server,
            origin,
            issuer,
        })
    }

    /// The address of a page.
    pub(super) fn page(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// How many sign-in emails were sent.
    pub(super) fn count_sign_in_mails(&self) -> usize {
        let mails = self.home.mails().into_iter();
        mails
            .filter(|(_, mail)| mail.contains("/sign-in/link"))
            .count()
    }

    /// The code of the only sign-in email.
    pub(super) fn mailed_code(&self) -> String {
        for _ in 0..600 {
            if let Some((_, mail)) = self.home.mails().first() {
                let (_, code) = mail.split_once("asked for it:").unwrap();
                return code.split_whitespace().take(2).collect();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no mail");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for process in [&mut self.server, &mut self.provider] {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Writes the provider into the configuration, and its secret into a file.
fn configure(home: &Path, issuer: &str) {
    let config = home.join("config.toml");
    let mut text = std::fs::read_to_string(&config).unwrap();
    text.push_str(&format!(
        "\n[web.oidc]\nname = \"{NAME}\"\nissuer = \"{issuer}\"\nclient_id = \"hippo\"\nclient_secret_file = \"oidc-secret\"\n"
    ));
    std::fs::write(&config, text).unwrap();
    std::fs::write(home.join("oidc-secret"), format!("{SECRET}\n")).unwrap();
}

/// Reads the first line that a process prints.
fn read_document(process: &mut Child) -> Value {
    let mut line = String::new();
    let output = process.stdout.as_mut().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}
