//! A small SMTP server that takes mails, or fails where it is told to.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Where a conversation goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nowhere.
    None,
    /// `RCPT` is refused for now.
    RefuseForNow,
    /// `RCPT` is refused for good.
    RefuseForGood,
    /// The line drops before the end of the message.
    DropBeforeTheEnd,
    /// The message is taken, and the line drops before the reply.
    DropAfterTheEnd,
    /// The message is taken, and no reply ever comes.
    HangAfterTheEnd,
}

/// A server on loopback; lives as long as the test's process.
pub struct Smtp {
    port: u16,
    trouble: Arc<Mutex<Trouble>>,
    mails: Arc<Mutex<Vec<String>>>,
}

impl Smtp {
    /// Starts on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let smtp = Self {
            port: listener.local_addr().unwrap().port(),
            trouble: Arc::new(Mutex::new(Trouble::None)),
            mails: Arc::default(),
        };
        let (trouble, mails) = (Arc::clone(&smtp.trouble), Arc::clone(&smtp.mails));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (trouble, mails) = (Arc::clone(&trouble), Arc::clone(&mails));
                // A client that hangs up is not this server's concern.
                std::thread::spawn(move || talk(stream, &trouble, &mails).ok());
            }
        });
        smtp
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What goes wrong from now on.
    pub fn set(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
    }

    /// The messages that were taken, whether or not the reply arrived.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

fn talk(
    mut stream: TcpStream,
    trouble: &Mutex<Trouble>,
    mails: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    stream.write_all(b"220 loopback ESMTP\r\n")?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let trouble = *trouble.lock().unwrap();
        let command = line
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_uppercase();
        match command.as_str() {
            "EHLO" => stream.write_all(b"250-loopback\r\n250 8BITMIME\r\n")?,
            "RCPT" if trouble == Trouble::RefuseForNow => {
                stream.write_all(b"450 4.2.0 come back later\r\n")?;
            }
            "RCPT" if trouble == Trouble::RefuseForGood => {
                stream.write_all(b"550 5.1.1 nobody here\r\n")?;
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let mut message = String::new();
                loop {
                    let mut line = String::new();
                    if lines.read_line(&mut line)? == 0 {
                        return Ok(());
                    }
                    if line == ".\r\n" {
                        break;
                    }
                    message.push_str(&line);
                    if trouble == Trouble::DropBeforeTheEnd {
                        return Ok(());
                    }
                }
                mails.lock().unwrap().push(message);
                match trouble {
                    Trouble::DropAfterTheEnd => return Ok(()),
                    Trouble::HangAfterTheEnd => {
                        let mut rest = String::new();
                        while lines.read_line(&mut rest)? > 0 {}
                        return Ok(());
                    }
                    _ => stream.write_all(b"250 2.0.0 taken\r\n")?,
                }
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n"),
            _ => stream.write_all(b"250 2.0.0 fine\r\n")?,
        }
    }
}
