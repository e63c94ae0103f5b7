//! A small SMTP server that can fail at any point.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A point of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    Greeting,
    Ehlo,
    StartTls,
    Handshake,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// Within the message, after its first line.
    Body,
    /// After the end of the message was read.
    End,
    /// At the RSET before the next mail on the same connection.
    Rset,
}

/// What happens at a point.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// Sends this reply and goes on.
    Say(&'static str),
    /// Sends this reply and hangs up.
    SayAndDrop(&'static str),
    Drop,
    Hang,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Encryption {
    #[default]
    None,
    StartTls,
    Implicit,
}

#[derive(Default, Clone)]
pub(crate) struct Script {
    pub(crate) faults: Vec<(Point, Action)>,
    pub(crate) encryption: Encryption,
    /// Recipients to refuse, with the reply.
    pub(crate) refused: Vec<(&'static str, &'static str)>,
    /// The mechanisms in the EHLO reply, and the accepted user and password.
    pub(crate) login: Option<(&'static str, &'static str, &'static str)>,
    /// The host name in the certificate. The default is 127.0.0.1.
    pub(crate) certificate_for: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredMail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) message: String,
    pub(crate) encrypted: bool,
    pub(crate) logged_in: bool,
}

#[derive(Default)]
struct ServerLog {
    stored: Vec<StoredMail>,
    connections: usize,
    logins: usize,
    quits: usize,
}

pub(crate) struct Server {
    pub(crate) port: u16,
    /// The certificate of the authority that signed the server's.
    pub(crate) authority: String,
    log: Arc<Mutex<ServerLog>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tls, authority) = tls(script.certificate_for.unwrap_or("127.0.0.1"), port);
        let log = Arc::new(Mutex::new(ServerLog::default()));
        let task = tokio::spawn({
            let log = log.clone();
            async move {
                loop {
                    let (tcp, _) = listener.accept().await.unwrap();
                    log.lock().unwrap().connections += 1;
                    let (script, tls, log) = (script.clone(), tls.clone(), log.clone());
                    tokio::spawn(async move {
                        // Only the client tests how a lost connection is handled.
                        let _ = serve(tcp, script, tls, log).await;
                    });
                }
            }
        });
        Self {
            port,
            authority,
            log,
            task,
        }
    }

    pub(crate) fn stored(&self) -> Vec<StoredMail> {
        self.log.lock().unwrap().stored.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.log.lock().unwrap().connections
    }

    pub(crate) fn logins(&self) -> usize {
        self.log.lock().unwrap().logins
    }

    pub(crate) fn quits(&self) -> usize {
        self.log.lock().unwrap().quits
    }
}

fn tls(name: &str, port: u16) -> (TlsAcceptor, String) {
    let mut authority = CertificateParams::default();
    // Each server's authority has its own name.
    authority
        .distinguished_name
        .push(rcgen::DnType::CommonName, format!("authority of {port}"));
    authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), authority.pem())
}

/// The connection was closed, by the client or by the script.
struct Disconnected;

impl From<std::io::Error> for Disconnected {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

type Connection = BufReader<Box<dyn Stream>>;

async fn serve(
    tcp: TcpStream,
    script: Script,
    tls: TlsAcceptor,
    log: Arc<Mutex<ServerLog>>,
) -> Result<(), Disconnected> {
    let mut encrypted = false;
    let mut connection: Connection = if script.encryption == Encryption::Implicit {
        run_action(None, &script, Point::Handshake).await?;
        encrypted = true;
        BufReader::new(Box::new(tls.accept(tcp).await?))
    } else {
        BufReader::new(Box::new(tcp))
    };
    answer(
        &mut connection,
        &script,
        Point::Greeting,
        "220 mail.example.org ready",
    )
    .await?;
    let mut logged_in = false;
    let mut from = String::new();
    let mut to: Vec<String> = Vec::new();
    loop {
        let command = read_line(&mut connection).await?;
        let upper = command.to_ascii_uppercase();
        if upper.starts_with("EHLO") {
            let mut words = vec!["mail.example.org".to_owned(), "8BITMIME".to_owned()];
            if script.encryption == Encryption::StartTls && !encrypted {
                words.push("STARTTLS".to_owned());
            }
            if let Some((mechanisms, ..)) = script.login {
                words.push(format!("AUTH {mechanisms}"));
            }
            let last = words.len() - 1;
            let text: Vec<String> = words
                .iter()
                .enumerate()
                .map(|(at, word)| format!("250{}{word}", if at == last { ' ' } else { '-' }))
                .collect();
            answer(&mut connection, &script, Point::Ehlo, &text.join("\r\n")).await?;
        } else if upper.starts_with("STARTTLS") {
            answer(&mut connection, &script, Point::StartTls, "220 go ahead").await?;
            run_action(None, &script, Point::Handshake).await?;
            connection = BufReader::new(Box::new(tls.accept(connection.into_inner()).await?));
            encrypted = true;
        } else if upper.starts_with("AUTH") {
            log.lock().unwrap().logins += 1;
            run_action(Some(&mut connection), &script, Point::Auth).await?;
            let given = credentials(&mut connection, &command).await?;
            let (_, user, password) = script.login.unwrap_or_default();
            logged_in = given == (user.to_owned(), password.to_owned());
            if logged_in {
                send_reply(&mut connection, "235 2.7.0 welcome").await?;
            } else {
                send_reply(&mut connection, &format!("535 5.7.8 not you, {}", given.0)).await?;
            }
        } else if upper.starts_with("MAIL FROM:") {
            from = parse_address(&command);
            to.clear();
            answer(&mut connection, &script, Point::Mail, "250 2.1.0 ok").await?;
        } else if upper.starts_with("RCPT TO:") {
            let address = parse_address(&command);
            match script.refused.iter().find(|(who, _)| *who == address) {
                Some((_, text)) => send_reply(&mut connection, text).await?,
                None => {
                    to.push(address);
                    answer(&mut connection, &script, Point::Rcpt, "250 2.1.5 ok").await?;
                }
            }
        } else if upper == "DATA" {
            answer(&mut connection, &script, Point::Data, "354 go on").await?;
            if !script.faults.iter().any(|(at, _)| *at == Point::Data) {
                let message = message(&mut connection, &script).await?;
                log.lock().unwrap().stored.push(StoredMail {
                    from: from.clone(),
                    to: to.clone(),
                    message,
                    encrypted,
                    logged_in,
                });
                answer(&mut connection, &script, Point::End, "250 2.0.0 queued").await?;
            }
        } else if upper == "RSET" {
            answer(&mut connection, &script, Point::Rset, "250 2.0.0 ok").await?;
        } else if upper == "QUIT" {
            log.lock().unwrap().quits += 1;
            send_reply(&mut connection, "221 2.0.0 bye").await?;
            return Ok(());
        } else {
            send_reply(&mut connection, "500 5.5.1 what?").await?;
        }
    }
}

async fn message(connection: &mut Connection, script: &Script) -> Result<String, Disconnected> {
    let mut message = String::new();
    loop {
        let text = read_line(connection).await?;
        run_action(Some(connection), script, Point::Body).await?;
        if text == "." {
            return Ok(message);
        }
        message.push_str(text.strip_prefix('.').unwrap_or(&text));
        message.push_str("\r\n");
    }
}

async fn credentials(
    connection: &mut Connection,
    command: &str,
) -> Result<(String, String), Disconnected> {
    let words: Vec<&str> = command.split(' ').collect();
    if words[1] == "PLAIN" {
        let text = base64(words[2]);
        let parts: Vec<&str> = text.split('\0').collect();
        return Ok((parts[1].to_owned(), parts[2].to_owned()));
    }
    send_reply(connection, "334 VXNlcm5hbWU6").await?;
    let user = base64(&read_line(connection).await?);
    send_reply(connection, "334 UGFzc3dvcmQ6").await?;
    let password = base64(&read_line(connection).await?);
    Ok((user, password))
}

fn base64(text: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let value = LETTERS.iter().position(|known| *known == letter).unwrap();
        bits = (bits << 6) | u32::try_from(value).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).unwrap());
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Runs the scripted action at this point, or sends the usual reply.
async fn answer(
    connection: &mut Connection,
    script: &Script,
    at: Point,
    usual: &str,
) -> Result<(), Disconnected> {
    if !run_action(Some(connection), script, at).await? {
        send_reply(connection, usual).await?;
    }
    Ok(())
}

/// Runs the scripted action at this point. True if it replied.
async fn run_action(
    connection: Option<&mut Connection>,
    script: &Script,
    at: Point,
) -> Result<bool, Disconnected> {
    let Some((_, action)) = script.faults.iter().find(|(point, _)| *point == at) else {
        return Ok(false);
    };
    match (action, connection) {
        (Action::Say(text), Some(connection)) => {
            send_reply(connection, text).await?;
            Ok(true)
        }
        (Action::SayAndDrop(text), Some(connection)) => {
            send_reply(connection, text).await?;
            Err(Disconnected)
        }
        (Action::Hang, _) => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Err(Disconnected)
        }
        _ => Err(Disconnected),
    }
}

async fn send_reply(connection: &mut Connection, text: &str) -> Result<(), Disconnected> {
    connection
        .write_all(format!("{text}\r\n").as_bytes())
        .await?;
    connection.flush().await?;
    Ok(())
}

async fn read_line(connection: &mut Connection) -> Result<String, Disconnected> {
    let mut text = String::new();
    if connection.read_line(&mut text).await? == 0 {
        return Err(Disconnected);
    }
    text.strip_suffix("\r\n")
        .map(str::to_owned)
        .ok_or(Disconnected)
}

fn parse_address(command: &str) -> String {
    let (_, rest) = command.split_once('<').unwrap();
    rest.split_once('>').unwrap().0.to_owned()
}
