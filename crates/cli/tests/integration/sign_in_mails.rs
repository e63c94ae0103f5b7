//! Sign-in emails of `hippo serve` over SMTP, with a server that refuses them at first.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::Home;
use crate::serve::{Browser, Server};

/// How long a mail may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A mail server on loopback that refuses the first recipients for now, as greylisting does.
struct MailServer {
    port: u16,
    refused: Arc<Mutex<usize>>,
    mails: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    fn start(refusals: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            refused: Arc::default(),
            mails: Arc::default(),
        };
        let (refused, mails) = (Arc::clone(&server.refused), Arc::clone(&server.mails));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (refused, mails) = (Arc::clone(&refused), Arc::clone(&mails));
                // A client may hang up at any time.
                std::thread::spawn(move || talk(stream, refusals, &refused, &mails).ok());
            }
        });
        server
    }

    fn refused(&self) -> usize {
        *self.refused.lock().unwrap()
    }

    fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

/// Talks with one client.
fn talk(
    mut stream: TcpStream,
    refusals: usize,
    refused: &Mutex<usize>,
    mails: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    stream.write_all(b"220 loopback ESMTP\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let reply = match line.get(..4).unwrap_or_default() {
            "RCPT" if *refused.lock().unwrap() < refusals => {
                *refused.lock().unwrap() += 1;
                "451 4.7.1 greylisted, come back later"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let mut mail = String::new();
                while let Some(line) = lines.next().transpose()? {
                    if line == "." {
                        break;
                    }
                    mail += &format!("{line}\n");
                }
                mails.lock().unwrap().push(mail);
                "250 2.0.0 taken"
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n"),
            _ => "250 fine",
        };
        stream.write_all(format!("{reply}\r\n").as_bytes())?;
    }
    Ok(())
}

/// A home with a recipient, whose mails go to the server.
fn home(server: &MailServer) -> Home {
    let (home, _) = Home::with_card();
    let config = format!(
        "timezone = \"America/Toronto\"\n[mail]\nfrom = \"hippo@example.org\"\ntransport = \"smtp\"\n\
         [mail.smtp]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\ntimeout_seconds = 5\n",
        server.port
    );
    std::fs::write(home.path().join("config.toml"), config).unwrap();
    home
}

/// Asks for a sign-in mail.
fn ask(browser: &mut Browser<'_>) {
    let token = browser.get("/sign-in").hidden("form_token");
    let form = format!("form_token={token}&address=pat%40example.org");
    let asked = browser.send("POST", "/sign-in", &form);
    assert!(asked.head.starts_with("HTTP/1.1 303"), "{}", asked.head);
}

fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < TIMEOUT, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The path of the link in a mail.
fn link(mail: &str, public_url: &str) -> String {
    let text = mail.replace("=\n", "").replace("=3D", "=");
    let (_, rest) = text
        .split_once(&format!("{public_url}/sign-in/link"))
        .unwrap();
    let rest = rest.split_whitespace().next().unwrap();
    format!("/sign-in/link{rest}")
}

#[test]
fn sign_in_email_refused_twice_arrives_once_and_signs_in() {
    let mail_server = MailServer::start(2);
    let home = home(&mail_server);
    // On a frozen clock, no pause takes any time.
    let server = Server::start_at(&home, "2026-11-21T12:10:00Z");
    let mut browser = Browser::new(&server);
    ask(&mut browser);
    wait_until("no mail", || !mail_server.mails().is_empty());
    let mail = mail_server.mails().remove(0);
    let used = browser.use_link(&link(&mail, server.text("public_url")));
    assert!(used.head.contains("set-cookie: hippo="), "{}", used.head);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(mail_server.refused(), 2);
    assert_eq!(mail_server.mails().len(), 1);
    assert_eq!(log.matches("We'll try again.").count(), 2, "{log}");
    assert!(!log.contains("pat@example.org"), "{log}");
}

#[test]
fn sign_in_email_that_is_never_taken_is_given_up() {
    let mail_server = MailServer::start(usize::MAX);
    let home = home(&mail_server);
    let server = Server::start_at(&home, "2026-11-21T12:10:00Z");
    ask(&mut Browser::new(&server));
    wait_until("too few tries", || mail_server.refused() == 5);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(mail_server.refused(), 5);
    let given_up = log.lines().filter(|line| line.contains("ERROR"));
    assert_eq!(given_up.count(), 1, "{log}");
    assert!(!log.contains("pat@example.org"), "{log}");
}

#[test]
fn server_stops_at_once_while_a_sign_in_email_is_retried() {
    let mail_server = MailServer::start(usize::MAX);
    let home = home(&mail_server);
    let server = Server::start(&home);
    ask(&mut Browser::new(&server));
    wait_until("no try", || mail_server.refused() == 1);
    let start = Instant::now();
    let (code, log) = server.stop();
    // The pause is twenty seconds.
    assert!(start.elapsed() < Duration::from_secs(10), "{log}");
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(mail_server.refused(), 1);
    assert!(log.contains("because the command ended"), "{log}");
}
