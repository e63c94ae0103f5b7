//! Sends mail by SMTP, command by command, to know exactly how far it got.
//!
//! `prepare` writes the message up to its final dot: a failure is [`SendOutcome::NotSent`] or
//! [`SendOutcome::Refused`]. `commit` writes the dot: the reply is [`SendOutcome::Accepted`] or
//! [`SendOutcome::Refused`]. If the connection breaks before the dot, the answer is `NotSent`. Only
//! a timeout, a lost connection or an unexpected reply after the dot is [`SendOutcome::Unknown`].
//!
//! | the server | answer |
//! |---|---|
//! | is unreachable, hangs, hangs up, has a bad certificate, offers no encryption | `NotSent` |
//! | refuses the greeting, the login or the sender, with 4xx or 5xx | `Refused` for now: the mail goes out once a person has fixed it |
//! | refuses every recipient, or the message | `Refused`, for good if with 5xx (except 530, 535, 538) |
//! | refuses some recipients | `Accepted`, with the refused recipients |
//! | refuses the login with 5xx | `Refused` for now; this mailer doesn't log in again |

mod options;
mod reason;
mod stream;

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use hippo_core::mail::mime::{self, BuiltMail, MimeError, Sender};
use hippo_core::mail::{Mail, Mailer, PreparedMail, RefusedRecipient, SendOutcome};
use lettre::Address;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::{Response, Severity};
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

pub use options::{SmtpOptions, SmtpOptionsError, SmtpTls};

use options::{MAX_REPLY_TIMEOUT, is_loopback, tls_parameters};
use reason::{SmtpFault, SmtpStep, io_reason};
use stream::{EncryptedTransport, MessageProgress, Transport};

/// How long all steps before the end of the message may take. Together with [`MAX_REPLY_TIMEOUT`] it
/// stays below [`hippo_core::outbox::SEND_LIMIT`].
const PREPARE_TIMEOUT: Duration = Duration::from_secs(55);

/// A connection that was idle for longer isn't reused.
const MAX_IDLE_TIME: Duration = Duration::from_secs(60);

/// How long QUIT may take, or the RSET that shows whether a connection still works.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// How many connections to the server may be open at once.
const MAX_CONNECTIONS: usize = 4;

/// The longest pause before the end of a message.
const MAX_PAUSE_BEFORE_END: Duration = Duration::from_secs(10);

/// Sends mails to an SMTP server over at most four connections, which it reuses.
pub struct SmtpMailer {
    options: SmtpOptions,
    sender: Sender,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    connection_permits: Semaphore,
    idle: Mutex<Vec<(SmtpConnection, Instant)>>,
    /// Why the login was refused. It isn't tried again, because the server could lock us out.
    login_refused: Mutex<Option<String>>,
}

impl SmtpMailer {
    /// A mailer with these options. It connects with the first mail.
    pub fn new(options: SmtpOptions, sender: Sender) -> Result<Self, SmtpOptionsError> {
        if options.host.trim().is_empty() {
            return Err(SmtpOptionsError::NoHost);
        }
        let tls = match options.tls {
            SmtpTls::None if is_loopback(&options.host) => None,
            SmtpTls::None => return Err(SmtpOptionsError::NotEncrypted),
            SmtpTls::StartTls | SmtpTls::Implicit => Some(tls_parameters(&options)?),
        };
        let credentials = match (&options.user, &options.password) {
            (Some(user), Some(password)) => Some(Credentials::new(
                user.clone(),
                password.expose_secret().to_owned(),
            )),
            (None, None) => None,
            _ => return Err(SmtpOptionsError::IncompleteLogin),
        };
        Ok(Self {
            options,
            sender,
            tls,
            credentials,
            connection_permits: Semaphore::new(MAX_CONNECTIONS),
            idle: Mutex::default(),
            login_refused: Mutex::default(),
        })
    }

    /// Sends QUIT on idle connections. Dropping a mailer without it just hangs up.
    pub async fn close(&self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        for (mut connection, _) in idle {
            connection.quit().await;
        }
    }

    /// Sends everything up to the end of the message.
    async fn prepare_built(&self, built: BuiltMail) -> Result<PreparedSmtp<'_>, SendOutcome> {
        let deadline = PrepareDeadline {
            limit: self.options.timeout,
            until: Instant::now() + PREPARE_TIMEOUT,
        };
        let Ok(Ok(permit)) = timeout(PREPARE_TIMEOUT / 2, self.connection_permits.acquire()).await
        else {
            return Err(SendOutcome::NotSent {
                reason: "Other mails kept the mail server busy for too long.".to_owned(),
            });
        };
        let mut connection = self.connection(&deadline).await?;
        let refused = match self.envelope(&mut connection, &built, &deadline).await {
            Ok(refused) => refused,
            Err((answer, connection_use)) => {
                self.reuse(connection, connection_use);
                return Err(answer);
            }
        };
        Ok(PreparedSmtp {
            mailer: self,
            held: self.message(connection, &built, &deadline).await?,
            message_id: built.message_id,
            refused,
            _permit: permit,
        })
    }

    fn reuse(&self, connection: SmtpConnection, connection_use: ConnectionUse) {
        match connection_use {
            ConnectionUse::Keep => lock(&self.idle).push((connection, Instant::now())),
            ConnectionUse::HangUp => {}
        }
    }

    /// Returns a connection that is ready for a mail: an idle one, or a new one.
    async fn connection(&self, deadline: &PrepareDeadline) -> Result<SmtpConnection, SendOutcome> {
        loop {
            let Some((mut connection, since)) = lock(&self.idle).pop() else {
                return self.connect(deadline).await;
            };
            // Nothing of this mail was sent yet, so a new connection isn't a second attempt.
            if since.elapsed() < MAX_IDLE_TIME
                && let Ok(Ok(_)) = timeout(QUIT_TIMEOUT, connection.smtp.command(Rset)).await
            {
                return Ok(connection);
            }
        }
    }

    async fn connect(&self, deadline: &PrepareDeadline) -> Result<SmtpConnection, SendOutcome> {
        if let Some(reason) = lock(&self.login_refused).clone() {
            return Err(SendOutcome::Refused {
                reason,
                is_permanent: false,
            });
        }
        let progress = Arc::new(MessageProgress::default());
        let transport = Transport::new(self.tcp(deadline).await?, progress.clone());
        let stream: Box<dyn AsyncTokioStream> = match (&self.tls, self.options.tls) {
            (Some(tls), SmtpTls::Implicit) => Box::new(
                deadline
                    .run(EncryptedTransport::encrypt(transport, tls.clone()))
                    .await
                    .map_err(|fault| before_end(&fault, SmtpStep::Encryption))?,
            ),
            _ => Box::new(transport),
        };
        let hello = ClientId::default();
        let mut smtp = deadline
            .run(AsyncSmtpConnection::connect_with_transport(stream, &hello))
            .await
            .map_err(|fault| before_end(&fault, SmtpStep::Greeting))?;
        if let (Some(tls), SmtpTls::StartTls) = (&self.tls, self.options.tls) {
            if !smtp.can_starttls() {
                return Err(SendOutcome::NotSent {
                    reason: "The mail server offers no encryption (STARTTLS), so nothing was sent \
                             to it."
                        .to_owned(),
                });
            }
            deadline
                .run(smtp.starttls(tls.clone(), &hello))
                .await
                .map_err(|fault| before_end(&fault, SmtpStep::Encryption))?;
        }
        if let Some(credentials) = &self.credentials {
            self.log_in(&mut smtp, credentials, deadline).await?;
        }
        Ok(SmtpConnection { smtp, progress })
    }

    async fn tcp(&self, deadline: &PrepareDeadline) -> Result<TcpStream, SendOutcome> {
        let not_sent = |what: &str| SendOutcome::NotSent {
            reason: format!("No connection to the mail server: {what}."),
        };
        let host = (self.options.host.as_str(), self.options.port);
        let addresses = match timeout(deadline.left(), tokio::net::lookup_host(host)).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(_)) => return Err(not_sent("its host name wasn't found")),
            Err(_) => return Err(not_sent("its host name wasn't looked up in time")),
        };
        let mut why = "its host name has no address";
        for address in addresses {
            // Half of the time each, so that an address that doesn't answer leaves time for the next.
            match timeout(deadline.left() / 2, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => return Ok(tcp),
                Ok(Err(error)) => why = io_reason(&error),
                Err(_) => why = "no answer",
            }
        }
        Err(not_sent(why))
    }

    async fn log_in(
        &self,
        smtp: &mut AsyncSmtpConnection,
        credentials: &Credentials,
        deadline: &PrepareDeadline,
    ) -> Result<(), SendOutcome> {
        if smtp
            .server_info()
            .get_auth_mechanism(DEFAULT_MECHANISMS)
            .is_none()
        {
            return Err(SendOutcome::NotSent {
                reason: "The mail server offers no login by user and password.".to_owned(),
            });
        }
        let fault = match deadline
            .run(smtp.auth(DEFAULT_MECHANISMS, credentials))
            .await
        {
            Ok(_) => return Ok(()),
            Err(fault) => fault,
        };
        match fault.refusal() {
            Some(refusal) if refusal.is_permanent => {
                let reason = format!(
                    "The mail server refused the login ({}); check user and password.",
                    refusal.codes
                );
                *lock(&self.login_refused) = Some(reason.clone());
                Err(SendOutcome::Refused {
                    reason,
                    is_permanent: false,
                })
            }
            _ => Err(before_end(&fault, SmtpStep::Login)),
        }
    }

    /// Sends the sender and the recipients of a mail. Returns the refused recipients.
    async fn envelope(
        &self,
        connection: &mut SmtpConnection,
        built: &BuiltMail,
        deadline: &PrepareDeadline,
    ) -> Result<Vec<RefusedRecipient>, (SendOutcome, ConnectionUse)> {
        let Ok(from) = built.from.parse::<Address>() else {
            return Err((unsendable(MimeError::Sender), ConnectionUse::Keep));
        };
        let sender = MailFrom::new(Some(from), vec![]);
        if let Err(fault) = deadline.run(connection.smtp.command(sender)).await {
            return Err((before_end(&fault, SmtpStep::Sender), connection_use(&fault)));
        }

        let mut refused = Vec::new();
        let mut accepted = 0;
        for recipient in &built.to {
            let Ok(address) = recipient.wire.parse::<Address>() else {
                refused.push(RefusedRecipient {
                    address: recipient.address.clone(),
                    is_permanent: true,
                    reason: "the address is malformed".to_owned(),
                });
                continue;
            };
            match deadline
                .run(connection.smtp.command(Rcpt::new(address, vec![])))
                .await
            {
                Ok(_) => accepted += 1,
                Err(fault) => match fault.refusal() {
                    Some(refusal) if !refusal.closing => refused.push(RefusedRecipient {
                        address: recipient.address.clone(),
                        is_permanent: refusal.is_permanent && !refusal.is_about_service,
                        reason: refusal.codes,
                    }),
                    _ => {
                        return Err((
                            before_end(&fault, SmtpStep::Recipient),
                            ConnectionUse::HangUp,
                        ));
                    }
                },
            }
        }
        if accepted == 0 {
            return Err((all_recipients_refused(&refused), ConnectionUse::Keep));
        }
        Ok(refused)
    }

    /// Sends DATA and the message without its end.
    async fn message(
        &self,
        mut connection: SmtpConnection,
        built: &BuiltMail,
        deadline: &PrepareDeadline,
    ) -> Result<HeldMessage, SendOutcome> {
        let asked = Instant::now();
        match deadline.run(connection.smtp.command(Data)).await {
            Ok(response) if severity(&response) == Severity::PositiveIntermediate => {}
            Ok(_) => {
                return Err(SendOutcome::NotSent {
                    reason: "The mail server didn't accept the start of the message.".to_owned(),
                });
            }
            Err(fault) => {
                let answer = at_message(&fault, SmtpStep::Message);
                self.reuse(connection, connection_use(&fault));
                return Err(answer);
            }
        }
        // If the server hangs up within the message, we notice after one round trip.
        let pause = self
            .options
            .pause_before_end
            .max((asked.elapsed() * 2).min(Duration::from_secs(1)))
            .min(MAX_PAUSE_BEFORE_END);
        let progress = Arc::clone(&connection.progress);
        progress.begin(pause);
        let mut message = write_message(connection, built);
        let limit = deadline.left();
        let is_held = poll_fn(|context| match message.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if progress.is_end_held() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        match timeout(limit, is_held).await {
            Ok(None) => Ok(HeldMessage { message, progress }),
            Ok(Some((mut connection, Err(fault)))) => {
                Err(connection.read_early_reply(&SmtpFault::Smtp(fault)).await)
            }
            // The end wasn't written, so the server can't have accepted the mail.
            Ok(Some((_, Ok(_)))) => Err(SendOutcome::NotSent {
                reason: "The mail server answered before the end of the message.".to_owned(),
            }),
            Err(_) => Err(before_end(&SmtpFault::Timeout(limit), SmtpStep::Message)),
        }
    }

    /// Sends the end of the message and reads the reply.
    async fn end_message(
        &self,
        held: HeldMessage,
        message_id: String,
        refused: Vec<RefusedRecipient>,
    ) -> SendOutcome {
        let HeldMessage { message, progress } = held;
        progress.release_end();
        let limit = self.options.answer_timeout.min(MAX_REPLY_TIMEOUT);
        let Ok((mut connection, answer)) = timeout(limit, message).await else {
            let fault = SmtpFault::Timeout(limit);
            return match progress.may_be_complete() {
                true => unknown(&fault),
                false => before_end(&fault, SmtpStep::End),
            };
        };
        match answer.map_err(SmtpFault::Smtp) {
            Ok(response) if severity(&response) == Severity::PositiveCompletion => {
                self.reuse(connection, ConnectionUse::Keep);
                SendOutcome::Accepted {
                    message_id,
                    refused_recipients: refused,
                }
            }
            Ok(_) => SendOutcome::Unknown {
                reason:
                    "We couldn't understand the mail server's answer to the end of the message."
                        .to_owned(),
            },
            Err(fault) if fault.refusal().is_some() => {
                let answer = at_message(&fault, SmtpStep::End);
                self.reuse(connection, connection_use(&fault));
                answer
            }
            Err(fault) if progress.may_be_complete() => unknown(&fault),
            Err(fault) => connection.read_early_reply(&fault).await,
        }
    }
}

/// Writes the message, and its end once that is released.
fn write_message(mut connection: SmtpConnection, built: &BuiltMail) -> WrittenMessage {
    // The end of the message (CRLF . CRLF) includes the message's own last line end.
    let bytes = built.bytes.strip_suffix(b"\r\n").unwrap_or(&built.bytes);
    let bytes = bytes.to_vec();
    Box::pin(async move {
        let progress = Arc::clone(&connection.progress);
        // lettre asks for the next part after it wrote the others. Without one it writes the end.
        let parts = std::iter::once(bytes).chain(std::iter::from_fn(|| {
            progress.mark_end_next();
            None
        }));
        let answer = connection.smtp.message_iter(parts).await;
        (connection, answer)
    })
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn prepare<'a>(
        &'a self,
        mail: &'a Mail,
    ) -> Result<Box<dyn PreparedMail + 'a>, SendOutcome> {
        let built = mime::build(mail, &self.sender).map_err(unsendable)?;
        Ok(Box::new(self.prepare_built(built).await?))
    }

    async fn send(&self, mail: &Mail) -> SendOutcome {
        match self.prepare(mail).await {
            Ok(prepared) => prepared.commit().await,
            Err(answer) => answer,
        }
    }
}

/// A message that is being written. It resolves to the connection and the server's reply.
type WrittenMessage = Pin<Box<dyn Future<Output = (SmtpConnection, SmtpResult)> + Send>>;

type SmtpResult = Result<Response, SmtpError>;

/// A message that was sent without its end.
struct HeldMessage {
    message: WrittenMessage,
    progress: Arc<MessageProgress>,
}

/// A mail that was sent without its end. Dropping it hangs up, and the server discards the mail.
struct PreparedSmtp<'a> {
    mailer: &'a SmtpMailer,
    held: HeldMessage,
    message_id: String,
    refused: Vec<RefusedRecipient>,
    _permit: SemaphorePermit<'a>,
}

#[async_trait]
impl PreparedMail for PreparedSmtp<'_> {
    fn refused_recipients(&self) -> &[RefusedRecipient] {
        &self.refused
    }

    async fn commit(self: Box<Self>) -> SendOutcome {
        let Self {
            mailer,
            held,
            message_id,
            refused,
            _permit,
        } = *self;
        mailer.end_message(held, message_id, refused).await
    }
}

/// A connection to the server, after the greeting and the login.
struct SmtpConnection {
    smtp: AsyncSmtpConnection,
    progress: Arc<MessageProgress>,
}

impl SmtpConnection {
    async fn quit(&mut self) {
        let _ = timeout(QUIT_TIMEOUT, self.smtp.command(Quit)).await;
    }

    /// The answer if the connection broke within the message. The server may have sent a reason before
    /// it hung up.
    async fn read_early_reply(&mut self, fault: &SmtpFault) -> SendOutcome {
        if let SmtpFault::Smtp(_) = fault
            && let Ok(Err(error)) = timeout(Duration::from_secs(1), self.smtp.read_response()).await
        {
            let reply = SmtpFault::Smtp(error);
            if reply.refusal().is_some() {
                return at_message(&reply, SmtpStep::Message);
            }
        }
        before_end(fault, SmtpStep::Message)
    }
}

/// What to do with a connection after a mail.
enum ConnectionUse {
    /// Reuse it.
    Keep,
    /// Close it: its state is unknown.
    HangUp,
}

/// The time limits for the steps before the end of a message.
struct PrepareDeadline {
    limit: Duration,
    until: Instant,
}

impl PrepareDeadline {
    /// How long the next step may take.
    fn left(&self) -> Duration {
        self.limit
            .min(self.until.saturating_duration_since(Instant::now()))
    }

    async fn run<T>(
        &self,
        step: impl Future<Output = Result<T, SmtpError>>,
    ) -> Result<T, SmtpFault> {
        let left = self.left();
        match timeout(left, step).await {
            Ok(result) => result.map_err(SmtpFault::Smtp),
            Err(_) => Err(SmtpFault::Timeout(left)),
        }
    }
}

/// The answer for a mail that can't be built: refused for good, unless only the sender is invalid.
pub(super) fn unsendable(error: MimeError) -> SendOutcome {
    SendOutcome::Refused {
        reason: error.to_string(),
        is_permanent: error != MimeError::Sender,
    }
}

/// The answer for a failure after the end of the message may have been written.
fn unknown(fault: &SmtpFault) -> SendOutcome {
    SendOutcome::Unknown {
        reason: format!(
            "{} The server may or may not have accepted the mail.",
            fault.describe(SmtpStep::End)
        ),
    }
}

/// The answer for a failure that concerns the service, not this mail: never for good.
fn before_end(fault: &SmtpFault, step: SmtpStep) -> SendOutcome {
    let reason = fault.describe(step);
    match fault.refusal() {
        Some(_) => SendOutcome::Refused {
            reason,
            is_permanent: false,
        },
        None => SendOutcome::NotSent { reason },
    }
}

/// The answer for a failure that concerns this mail: a 5xx is for good.
fn at_message(fault: &SmtpFault, step: SmtpStep) -> SendOutcome {
    match fault.refusal() {
        Some(refusal) => SendOutcome::Refused {
            reason: fault.describe(step),
            is_permanent: refusal.is_permanent && !refusal.is_about_service,
        },
        None => before_end(fault, step),
    }
}

fn all_recipients_refused(refused: &[RefusedRecipient]) -> SendOutcome {
    let mut reasons: Vec<&str> = refused.iter().map(|one| one.reason.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    SendOutcome::Refused {
        reason: format!(
            "The mail server accepted none of the recipients: {}.",
            reasons.join(", ")
        ),
        is_permanent: refused.iter().all(|one| one.is_permanent),
    }
}

/// Keeps a connection only after a refusal.
fn connection_use(fault: &SmtpFault) -> ConnectionUse {
    match fault.refusal() {
        Some(refusal) if !refusal.closing => ConnectionUse::Keep,
        _ => ConnectionUse::HangUp,
    }
}

fn severity(response: &Response) -> Severity {
    response.code().severity
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
