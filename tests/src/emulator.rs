//! Runs DynamoDB's emulator as a child of the test, on a free loopback port.

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::port::ReservedPort;

/// The longest time that the emulator may take to start.
const TIMEOUT: Duration = Duration::from_secs(20);

/// An emulator with no tables at first; killed when dropped.
#[derive(Debug)]
pub struct Emulator {
    child: Child,
    port: ReservedPort,
}

impl Emulator {
    /// Starts an emulator on a free loopback port. Prints SKIPPED and returns `None` if none is installed.
    ///
    /// # Panics
    /// If it does not start, or if none is installed and `HIPPO_REQUIRE_EMULATORS` is set.
    pub fn start() -> Option<Self> {
        let Some(program) = find_program() else {
            assert!(
                std::env::var_os("HIPPO_REQUIRE_EMULATORS").is_none(),
                "dynoxide is not installed. Run “make dynoxide”."
            );
            eprintln!("SKIPPED: dynoxide is not installed. Run “make dynoxide”.");
            return None;
        };
        // A program that isn't a test may take the port first; then this tries another one.
        for _ in 0..5 {
            let port = ReservedPort::reserve();
            let child = Command::new(&program)
                .args(["serve", "--port"])
                .arg(port.address().port().to_string())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut emulator = Self { child, port };
            if emulator.is_listening() {
                return Some(emulator);
            }
        }
        panic!("the emulator did not start");
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Returns its URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    fn is_listening(&mut self) -> bool {
        let until = Instant::now() + TIMEOUT;
        while Instant::now() < until {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(self.address()).is_ok() {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Finds dynoxide in the project's tools or on the path.
fn find_program() -> Option<PathBuf> {
    let tools = std::env::var_os("TOOLS").map(PathBuf::from);
    let own = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    tools
        .into_iter()
        .chain([own])
        .map(|tools| tools.join("bin"))
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join("dynoxide"))
        .find(|program| program.is_file())
}
