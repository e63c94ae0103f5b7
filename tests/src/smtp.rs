//! A small SMTP server that takes mails, or fails where it is told to.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Where a conversation goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nowhere.
    None,
    /// `RCPT` is refused for now.
    RefuseForNow,
    /// `RCPT` is refused for good.
    RefuseForGood,
    /// `RCPT` of this recipient is refused with this answer, the others are taken.
    RefuseOne(&'static str, &'static str),
    /// The line drops before the end of the message.
    DropBeforeTheEnd,
    /// The message is taken, and the line drops before the reply.
    DropAfterTheEnd,
    /// The message is taken, and no reply ever comes.
    HangAfterTheEnd,
}

/// A step of a conversation at which a slow server takes its time.
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

    /// At a random step, and of a random length.
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

/// Numbers that look random, and are the same for the same seed (SplitMix64).
#[derive(Debug, Clone)]
pub struct Numbers(u64);

impl Numbers {
    /// Numbers of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % limit
    }
}

/// A server on loopback; lives as long as the test's process.
pub struct Smtp {
    port: u16,
    trouble: Arc<Mutex<Trouble>>,
    mails: Arc<Mutex<Vec<String>>>,
    deliveries: Arc<Mutex<Vec<Vec<String>>>>,
}

impl Smtp {
    /// Starts on a free port.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// Starts on a free port a server that takes its time, once in each conversation: at most `longest`.
    pub fn start_slow(longest: Duration, seed: u64) -> Self {
        Self::start_with(Some((longest, Numbers::new(seed))))
    }

    fn start_with(mut slow: Option<(Duration, Numbers)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let smtp = Self {
            port: listener.local_addr().unwrap().port(),
            trouble: Arc::new(Mutex::new(Trouble::None)),
            mails: Arc::default(),
            deliveries: Arc::default(),
        };
        let (trouble, mails) = (Arc::clone(&smtp.trouble), Arc::clone(&smtp.mails));
        let deliveries = Arc::clone(&smtp.deliveries);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (trouble, mails) = (Arc::clone(&trouble), Arc::clone(&mails));
                let deliveries = Arc::clone(&deliveries);
                let pause = slow.as_mut().map_or(Pause::NONE, |(longest, numbers)| {
                    Pause::random(*longest, numbers)
                });
                // A client that hangs up is not this server's alert.
                thread::spawn(move || serve(stream, pause, &trouble, &mails, &deliveries).ok());
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

    /// The recipients of each message that was taken.
    pub fn deliveries(&self) -> Vec<Vec<String>> {
        self.deliveries.lock().unwrap().clone()
    }

    /// The messages that were taken, whether or not the reply arrived.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    pause: Pause,
    trouble: &Mutex<Trouble>,
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
        let trouble = *trouble.lock().unwrap();
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
            "RCPT" if trouble == Trouble::RefuseForNow => {
                stream.write_all(b"450 4.2.0 come back later\r\n")?;
            }
            "RCPT" if trouble == Trouble::RefuseForGood => {
                stream.write_all(b"550 5.1.1 nobody here\r\n")?;
            }
            "RCPT" => match trouble {
                Trouble::RefuseOne(who, answer) if line.contains(who) => {
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
                    if trouble == Trouble::DropBeforeTheEnd {
                        return Ok(());
                    }
                }
                mails.lock().unwrap().push(message);
                deliveries.lock().unwrap().push(recipients.clone());
                pause.at(SlowStep::End);
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
