//! Runs moto, an emulator of AWS, on a free port for one test.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::port::ReservedPort;
use crate::python_tools::find_programs;

/// The longest time that it may take to start.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The server's process, stopped when dropped.
#[derive(Debug)]
pub struct Moto {
    child: Child,
    port: ReservedPort,
    programs: PathBuf,
}

impl Moto {
    /// Starts a server that holds nothing. Prints SKIPPED and returns `None` if moto isn't installed.
    ///
    /// # Panics
    /// If it doesn't start, or if it isn't installed and `HIPPO_REQUIRE_EMULATORS` is set.
    pub fn start() -> Option<Self> {
        let programs = find_programs("emulators", "moto_server")?;
        // A program that isn't a test may take the port first. Then the next try uses another one.
        for _ in 0..5 {
            let port = ReservedPort::reserve();
            let child = Command::new(programs.join("moto_server"))
                .args(["-H", "127.0.0.1", "-p", &port.address().port().to_string()])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut moto = Self {
                child,
                port,
                programs: programs.clone(),
            };
            if moto.wait_until_ready() {
                return Some(moto);
            }
        }
        panic!("moto doesn't start.");
    }

    /// Returns its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Runs a Python script with the server's URL and a JSON document as arguments. Returns the
    /// document that it prints; null if it prints nothing.
    ///
    /// # Panics
    /// If the script fails.
    pub fn run_script(&self, script: &Path, input: &Value) -> Value {
        let read = Command::new(self.programs.join("python"))
            .arg(script)
            .args([self.url(), input.to_string()])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(read.status.success(), "{} failed", script.display());
        serde_json::from_slice(&read.stdout).unwrap_or_default()
    }

    /// Puts a SecureString into the parameter store of ca-central-1, as an operator does with the AWS command.
    ///
    /// # Panics
    /// If the server refuses it.
    pub async fn put_secret(&self, name: &str, value: &str) {
        let parameter = json!({"Name": name, "Value": value, "Type": "SecureString"});
        let request = self
            .post("ssm", "/")
            .header("x-amz-target", "AmazonSSM.PutParameter")
            .header("content-type", "application/x-amz-json-1.1");
        send(request.body(parameter.to_string())).await;
    }

    /// Verifies an address in SES of ca-central-1, so that mails can be sent from it.
    ///
    /// # Panics
    /// If the server refuses it.
    pub async fn verify_sender(&self, address: &str) {
        let identity = json!({"EmailIdentity": address});
        let request = self
            .post("ses", "/v2/email/identities")
            .header("content-type", "application/json");
        send(request.body(identity.to_string())).await;
    }

    fn post(&self, service: &str, path: &str) -> RequestBuilder {
        // moto tells services by the credential's scope, and checks no signature.
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=test/20261121/ca-central-1/{service}/aws4_request, \
             SignedHeaders=host, Signature=none"
        );
        let client = crate::client_builder().build().unwrap();
        let request = client.post(format!("{}{path}", self.url()));
        request.header("authorization", scope)
    }

    fn wait_until_ready(&mut self) -> bool {
        let deadline = Instant::now() + TIMEOUT;
        while Instant::now() < deadline {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(self.address()).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

async fn send(request: RequestBuilder) {
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
