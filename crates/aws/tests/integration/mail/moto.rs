//! Runs moto's server on a free port for one test.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// A mail that moto received, with what Python's email package reads.
#[derive(Deserialize)]
pub(crate) struct ReceivedMail {
    pub(crate) raw: String,
    pub(crate) source: String,
    pub(crate) destinations: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) boundary: String,
    pub(crate) parts: Vec<Part>,
    /// The defects that Python's package found.
    pub(crate) defects: serde_json::Value,
}

/// A part of a mail, decoded.
#[derive(Deserialize)]
pub(crate) struct Part {
    pub(crate) kind: String,
    pub(crate) charset: String,
    pub(crate) text: String,
}

/// The server's process, stopped when dropped.
pub(crate) struct Moto {
    child: Child,
    address: SocketAddr,
    programs: PathBuf,
}

impl Moto {
    /// Starts a server without mails. `None` if moto isn't installed, which is printed.
    pub(crate) fn start() -> Option<Self> {
        let programs = programs();
        if !programs.join("moto_server").exists() {
            assert!(
                std::env::var_os("HIPPO_REQUIRE_EMULATORS").is_none(),
                "moto is missing. Run “make emulators” to install it."
            );
            eprintln!("SKIPPED: moto is missing. Run “make emulators” to install it.");
            return None;
        }
        // Another process may take the port first. Then the next try uses another port.
        for _ in 0..5 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            let child = Command::new(programs.join("moto_server"))
                .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut moto = Self {
                child,
                address,
                programs: programs.clone(),
            };
            if moto.wait_until_ready() {
                return Some(moto);
            }
        }
        panic!("moto doesn't start.");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Reads the only mail that it received.
    pub(crate) fn mail(&self) -> ReceivedMail {
        let reader = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/integration/mail/read_mail.py"
        );
        let read = Command::new(self.programs.join("python"))
            .args([reader, &self.url()])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(read.status.success());
        serde_json::from_slice(&read.stdout).unwrap()
    }

    fn wait_until_ready(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(self.address).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder of the emulators' programs, in the project's own tools.
fn programs() -> PathBuf {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools"));
    std::env::var_os("TOOLS")
        .map_or_else(default, PathBuf::from)
        .join("python/emulators/bin")
}
