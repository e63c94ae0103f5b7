//! A small SMTP server that accepts mails, or fails at a chosen point.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A fault of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpFault {
    /// No fault.
    None,
    /// Refuses every `RCPT` with a temporary error.
    RefuseTemporarily,
    /// Refuses every `RCPT` with a permanent error.
    RefusePermanently,
    /// Refuses one recipient with this reply and accepts the others.
    RefuseOne(&'static str, &'static str),
    /// Closes the connection before the end of the message.
    DropBeforeEnd,
    /// Accepts the message and closes the connection without a reply.
    DropAfterEnd,
    /// Accepts the message and never replies.
    HangAfterEnd,
}

/// A step of a conversation at which a slow server may pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SlowStep {
    Greeting,
    Ehlo,
    Mail,
    Rcpt,
    Data,
    Message,
    End,
}

impl SlowStep {
    const ALL: [Self; 7] = [
        Self::Greeting,
        Self::Ehlo,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Message,
        Self::End,
    ];
}

/// The one pause of a conversation.
#[derive(Debug, Clone, Copy)]
struct Pause(Option<(SlowStep, Duration)>);

impl Pause {
    const NONE: Self = Self(None);

    /// Picks a random step and a random length.
    fn random(longest: Duration, numbers: &mut Numbers) -> Self {
        let steps = u64::try_from(SlowStep::ALL.len()).unwrap();
        let step = usize::try_from(numbers.below(steps)).unwrap();
        let longest = u64::try_from(longest.as_micros()).unwrap();
        let pause = Duration::from_micros(numbers.below(longest));
        Self(Some((SlowStep::ALL[step], pause)))
    }

    fn at(self, step: SlowStep) {
        if let Some((_, pause)) = self.0.filter(|(slow, _)| *slow == step) {
            thread::sleep(pause);
        }
    }
}

/// A seeded pseudorandom number generator (SplitMix64).
#[derive(Debug, Clone)]
pub struct Numbers(u64);

impl Numbers {
    /// Creates a generator; the same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number below `limit`, which must not be 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % limit
    }
}

/// A server on loopback that runs until the test process ends.
pub struct Smtp {
    port: u16,
    fault: Arc<Mutex<SmtpFault>>,
    mails: Arc<Mutex<Vec<String>>>,
    deliveries: Arc<Mutex<Vec<Vec<String>>>>,
}

impl Smtp {
    /// Starts a server on a free port.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// Starts a server that pauses once in each conversation, for at most `longest`.
    pub fn start_slow(longest: Duration, seed: u64) -> Self {
        Self::start_with(Some((longest, Numbers::new(seed))))
    }

    fn start_with(mut slow: Option<(Duration, Numbers)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let smtp = Self {
            port: listener.local_addr().unwrap().port(),
            fault: Arc::new(Mutex::new(SmtpFault::None)),
            mails: Arc::default(),
            deliveries: Arc::default(),
        };
        let (fault, mails) = (Arc::clone(&smtp.fault), Arc::clone(&smtp.mails));
        let deliveries = Arc::clone(&smtp.deliveries);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (fault, mails) = (Arc::clone(&fault), Arc::clone(&mails));
                let deliveries = Arc::clone(&deliveries);
                let pause = slow.as_mut().map_or(Pause::NONE, |(longest, numbers)| {
                    Pause::random(*longest, numbers)
                });
                // A client may hang up at any time.
                thread::spawn(move || serve(stream, pause, &fault, &mails, &deliveries).ok());
            }
        });
        smtp
    }

    /// Returns the server's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sets the fault of all later commands.
    pub fn set(&self, fault: SmtpFault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Returns the recipients of each accepted message.
    pub fn deliveries(&self) -> Vec<Vec<String>> {
        self.deliveries.lock().unwrap().clone()
    }

    /// Returns the accepted messages, whether or not the reply arrived.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    pause: Pause,
    fault: &Mutex<SmtpFault>,
    mails: &Mutex<Vec<String>>,
    deliveries: &Mutex<Vec<Vec<String>>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    pause.at(SlowStep::Greeting);
    stream.write_all(b"220 loopback ESMTP\r\n")?;
    let mut recipients = Vec::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let fault = *fault.lock().unwrap();
        let command = line
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_uppercase();
        match command.as_str() {
            "EHLO" => pause.at(SlowStep::Ehlo),
            "MAIL" => pause.at(SlowStep::Mail),
            "RCPT" => pause.at(SlowStep::Rcpt),
            "DATA" => pause.at(SlowStep::Data),
            _ => {}
        }
        match command.as_str() {
            "EHLO" => stream.write_all(b"250-loopback\r\n250 8BITMIME\r\n")?,
            "RCPT" if fault == SmtpFault::RefuseTemporarily => {
                stream.write_all(b"450 4.2.0 come back later\r\n")?;
            }
            "RCPT" if fault == SmtpFault::RefusePermanently => {
                stream.write_all(b"550 5.1.1 nobody here\r\n")?;
            }
            "RCPT" => match fault {
                SmtpFault::RefuseOne(who, answer) if line.contains(who) => {
                    stream.write_all(format!("{answer}\r\n").as_bytes())?;
                }
                _ => {
                    let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                    recipients.push(address.to_owned());
                    stream.write_all(b"250 2.1.5 fine\r\n")?;
                }
            },
            "MAIL" | "RSET" => {
                recipients.clear();
                stream.write_all(b"250 2.0.0 fine\r\n")?;
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                pause.at(SlowStep::Message);
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
                    if fault == SmtpFault::DropBeforeEnd {
                        return Ok(());
                    }
                }
                mails.lock().unwrap().push(message);
                deliveries.lock().unwrap().push(recipients.clone());
                pause.at(SlowStep::End);
                match fault {
                    SmtpFault::DropAfterEnd => return Ok(()),
                    SmtpFault::HangAfterEnd => {
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
