//! Mail by SMTP, one command after the other, so that the four answers can be told apart.
//!
//! To prepare a mail writes all of it but its end, the final dot: until then, a failure is
//! [`MailAnswer::NotSent`] or [`MailAnswer::Refused`]. To commit it writes the dot: the answer to it is
//! [`MailAnswer::Accepted`] or [`MailAnswer::Refused`], and only silence or a lost connection between
//! the two is [`MailAnswer::Unknown`].
//!
//! | the server | answer |
//! |---|---|
//! | is not there, hangs, hangs up, has a bad certificate, offers no encryption | `NotSent` |
//! | refuses the greeting, the login or the sender, with 4xx or 5xx | `Refused` for now: a person can mend it, and the mail then goes out |
//! | refuses every recipient, or the message | `Refused`, for good if with 5xx (421 and 530, 535, 538 aside) |
//! | refuses some recipients | `Accepted`, and they are named |
//! | refuses the login | `Refused` for now, and no other login with it in this run |

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
use hippo_core::mail::{Mail, MailAnswer, Mailer, PreparedMail, RefusedRecipient};
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

use options::{LONGEST_ANSWER, is_loopback, tls_parameters};
use reason::{Fault, Step, io_words};
use stream::{EncryptedTransport, Handover, Transport};

/// All steps before the end of the message together; with the longest wait for the answer to it,
/// this stays below [`hippo_core::outbox::SEND_LIMIT`].
const BEFORE_END_LIMIT: Duration = Duration::from_secs(55);

/// A connection that was idle for longer is not used again.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// How long a courtesy may take: a farewell, or the question whether a connection still works.
const COURTESY_LIMIT: Duration = Duration::from_secs(5);

/// How many connections to the server there are at once.
const CONNECTIONS: usize = 4;

/// The longest pause before the end of a message.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Hands mails to an SMTP server, over at most four connections, which are used again.
pub struct SmtpMailer {
    options: SmtpOptions,
    sender: Sender,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    places: Semaphore,
    idle: Mutex<Vec<(SmtpConnection, Instant)>>,
    /// The reason why the login was refused: it is not tried again, lest the server locks us out.
    login_refused: Mutex<Option<String>>,
}

impl SmtpMailer {
    /// A mailer with these options; connects with the first mail.
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
            _ => return Err(SmtpOptionsError::HalfALogin),
        };
        Ok(Self {
            options,
            sender,
            tls,
            credentials,
            places: Semaphore::new(CONNECTIONS),
            idle: Mutex::default(),
            login_refused: Mutex::default(),
        })
    }

    /// Takes leave of the server; a mailer that is dropped without it just hangs up.
    pub async fn close(&self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        for (mut connection, _) in idle {
            connection.quit().await;
        }
    }

    /// Everything up to the end of the message.
    async fn prepare_built(&self, built: BuiltMail) -> Result<PreparedSmtp<'_>, MailAnswer> {
        let steps = Steps {
            limit: self.options.timeout,
            until: Instant::now() + BEFORE_END_LIMIT,
        };
        let Ok(Ok(place)) = timeout(BEFORE_END_LIMIT / 2, self.places.acquire()).await else {
            return Err(MailAnswer::NotSent {
                reason: "Other mails kept the mail server busy for too long.".to_owned(),
            });
        };
        let mut connection = self.connection(&steps).await?;
        let refused = match self.envelope(&mut connection, &built, &steps).await {
            Ok(refused) => refused,
            Err((answer, after)) => {
                self.reuse(connection, after);
                return Err(answer);
            }
        };
        Ok(PreparedSmtp {
            mailer: self,
            held: self.message(connection, &built, &steps).await?,
            message_id: built.message_id,
            refused,
            _place: place,
        })
    }

    fn reuse(&self, connection: SmtpConnection, after: After) {
        match after {
            After::Keep => lock(&self.idle).push((connection, Instant::now())),
            After::HangUp => {}
        }
    }

    /// A connection that is ready for a mail: one that is there, or a new one.
    async fn connection(&self, steps: &Steps) -> Result<SmtpConnection, MailAnswer> {
        loop {
            let Some((mut connection, since)) = lock(&self.idle).pop() else {
                return self.connect(steps).await;
            };
            // Nothing of this mail was handed over yet: another connection is not another attempt.
            if since.elapsed() < IDLE_LIMIT
                && let Ok(Ok(_)) = timeout(COURTESY_LIMIT, connection.smtp.command(Rset)).await
            {
                return Ok(connection);
            }
        }
    }

    async fn connect(&self, steps: &Steps) -> Result<SmtpConnection, MailAnswer> {
        if let Some(reason) = lock(&self.login_refused).clone() {
            return Err(MailAnswer::Refused {
                reason,
                for_good: false,
            });
        }
        let handover = Arc::new(Handover::default());
        let transport = Transport::new(self.tcp(steps).await?, handover.clone());
        let stream: Box<dyn AsyncTokioStream> = match (&self.tls, self.options.tls) {
            (Some(tls), SmtpTls::Implicit) => Box::new(
                steps
                    .run(EncryptedTransport::encrypt(transport, tls.clone()))
                    .await
                    .map_err(|fault| before_end(&fault, Step::Encryption))?,
            ),
            _ => Box::new(transport),
        };
        let hello = ClientId::default();
        let mut smtp = steps
            .run(AsyncSmtpConnection::connect_with_transport(stream, &hello))
            .await
            .map_err(|fault| before_end(&fault, Step::Greeting))?;
        if let (Some(tls), SmtpTls::StartTls) = (&self.tls, self.options.tls) {
            if !smtp.can_starttls() {
                return Err(MailAnswer::NotSent {
                    reason: "The mail server offers no encryption (STARTTLS), so nothing was sent \
                             to it."
                        .to_owned(),
                });
            }
            steps
                .run(smtp.starttls(tls.clone(), &hello))
                .await
                .map_err(|fault| before_end(&fault, Step::Encryption))?;
        }
        if let Some(credentials) = &self.credentials {
            self.log_in(&mut smtp, credentials, steps).await?;
        }
        Ok(SmtpConnection { smtp, handover })
    }

    async fn tcp(&self, steps: &Steps) -> Result<TcpStream, MailAnswer> {
        let not_sent = |what: &str| MailAnswer::NotSent {
            reason: format!("No connection to the mail server: {what}."),
        };
        let host = (self.options.host.as_str(), self.options.port);
        let addresses = match timeout(steps.left(), tokio::net::lookup_host(host)).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(_)) => return Err(not_sent("its host name was not found")),
            Err(_) => return Err(not_sent("its host name was not looked up in time")),
        };
        let mut why = "its host name has no address";
        for address in addresses {
            // Half a step each, so that an address that swallows everything leaves time for the next.
            match timeout(steps.left() / 2, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => return Ok(tcp),
                Ok(Err(error)) => why = io_words(&error),
                Err(_) => why = "no answer",
            }
        }
        Err(not_sent(why))
    }

    async fn log_in(
        &self,
        smtp: &mut AsyncSmtpConnection,
        credentials: &Credentials,
        steps: &Steps,
    ) -> Result<(), MailAnswer> {
        if smtp
            .server_info()
            .get_auth_mechanism(DEFAULT_MECHANISMS)
            .is_none()
        {
            return Err(MailAnswer::NotSent {
                reason: "The mail server offers no login by user and password.".to_owned(),
            });
        }
        let fault = match steps.run(smtp.auth(DEFAULT_MECHANISMS, credentials)).await {
            Ok(_) => return Ok(()),
            Err(fault) => fault,
        };
        match fault.refusal() {
            Some(refusal) if refusal.for_good => {
                let reason = format!(
                    "The mail server refused the login ({}); check user and password.",
                    refusal.numbers
                );
                *lock(&self.login_refused) = Some(reason.clone());
                Err(MailAnswer::Refused {
                    reason,
                    for_good: false,
                })
            }
            _ => Err(before_end(&fault, Step::Login)),
        }
    }

    /// The sender and the recipients of a mail; answers those that the server refused.
    async fn envelope(
        &self,
        connection: &mut SmtpConnection,
        built: &BuiltMail,
        steps: &Steps,
    ) -> Result<Vec<RefusedRecipient>, (MailAnswer, After)> {
        let Ok(from) = built.from.parse::<Address>() else {
            return Err((unsendable(MimeError::Sender), After::Keep));
        };
        let sender = MailFrom::new(Some(from), vec![]);
        if let Err(fault) = steps.run(connection.smtp.command(sender)).await {
            return Err((before_end(&fault, Step::Sender), after(&fault)));
        }

        let mut refused = Vec::new();
        let mut accepted = 0;
        for recipient in &built.to {
            let Ok(address) = recipient.wire.parse::<Address>() else {
                refused.push(RefusedRecipient {
                    address: recipient.address.clone(),
                    for_good: true,
                    reason: "the address is malformed".to_owned(),
                });
                continue;
            };
            match steps
                .run(connection.smtp.command(Rcpt::new(address, vec![])))
                .await
            {
                Ok(_) => accepted += 1,
                Err(fault) => match fault.refusal() {
                    Some(refusal) if !refusal.closing => refused.push(RefusedRecipient {
                        address: recipient.address.clone(),
                        for_good: refusal.for_good && !refusal.of_the_service,
                        reason: refusal.numbers,
                    }),
                    _ => return Err((before_end(&fault, Step::Recipient), After::HangUp)),
                },
            }
        }
        if accepted == 0 {
            return Err((nobody_left(&refused), After::Keep));
        }
        Ok(refused)
    }

    /// DATA and the message, but for its end.
    async fn message(
        &self,
        mut connection: SmtpConnection,
        built: &BuiltMail,
        steps: &Steps,
    ) -> Result<HeldMessage, MailAnswer> {
        let asked = Instant::now();
        match steps.run(connection.smtp.command(Data)).await {
            Ok(response) if severity(&response) == Severity::PositiveIntermediate => {}
            Ok(_) => {
                return Err(MailAnswer::NotSent {
                    reason: "The mail server would not let the message begin.".to_owned(),
                });
            }
            Err(fault) => {
                let answer = at_message(&fault, Step::Message);
                self.reuse(connection, after(&fault));
                return Err(answer);
            }
        }
        // A server that hangs up in the middle of the message is heard of after one round trip.
        let pause = self
            .options
            .pause_before_end
            .max((asked.elapsed() * 2).min(Duration::from_secs(1)))
            .min(LONGEST_PAUSE);
        let handover = Arc::clone(&connection.handover);
        handover.begin(pause);
        let mut message = write_message(connection, built);
        let limit = steps.left();
        let is_held = poll_fn(|context| match message.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if handover.is_end_held() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        match timeout(limit, is_held).await {
            Ok(None) => Ok(HeldMessage { message, handover }),
            Ok(Some((mut connection, Err(fault)))) => {
                Err(connection.early_answer(&Fault::Smtp(fault)).await)
            }
            // Its end was not written: whatever the server means, it has no mail.
            Ok(Some((_, Ok(_)))) => Err(MailAnswer::NotSent {
                reason: "The mail server answered before the end of the message.".to_owned(),
            }),
            Err(_) => Err(before_end(&Fault::Silence(limit), Step::Message)),
        }
    }

    /// The end of the message, and the answer to it.
    async fn end_message(
        &self,
        held: HeldMessage,
        message_id: String,
        refused: Vec<RefusedRecipient>,
    ) -> MailAnswer {
        let HeldMessage { message, handover } = held;
        handover.release_end();
        let limit = self.options.answer_timeout.min(LONGEST_ANSWER);
        let Ok((mut connection, answer)) = timeout(limit, message).await else {
            let fault = Fault::Silence(limit);
            return match handover.may_be_complete() {
                true => unknown(&fault),
                false => before_end(&fault, Step::End),
            };
        };
        match answer.map_err(Fault::Smtp) {
            Ok(response) if severity(&response) == Severity::PositiveCompletion => {
                self.reuse(connection, After::Keep);
                MailAnswer::Accepted {
                    message_id,
                    refused,
                }
            }
            Ok(_) => MailAnswer::Unknown {
                reason: "The mail server's answer to the end of the message makes no sense."
                    .to_owned(),
            },
            Err(fault) if fault.refusal().is_some() => {
                let answer = at_message(&fault, Step::End);
                self.reuse(connection, after(&fault));
                answer
            }
            Err(fault) if handover.may_be_complete() => unknown(&fault),
            Err(fault) => connection.early_answer(&fault).await,
        }
    }
}

/// Writes the message; its end is held back until it is released.
fn write_message(mut connection: SmtpConnection, built: &BuiltMail) -> WrittenMessage {
    // The end of the message begins with the line end that the message ends with.
    let bytes = built.bytes.strip_suffix(b"\r\n").unwrap_or(&built.bytes);
    let bytes = bytes.to_vec();
    Box::pin(async move {
        let handover = Arc::clone(&connection.handover);
        // lettre asks for another part when all before it are written, and then writes the end.
        let parts = std::iter::once(bytes).chain(std::iter::from_fn(|| {
            handover.end_is_next();
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
    ) -> Result<Box<dyn PreparedMail + 'a>, MailAnswer> {
        let built = mime::build(mail, &self.sender).map_err(unsendable)?;
        Ok(Box::new(self.prepare_built(built).await?))
    }

    async fn send(&self, mail: &Mail) -> MailAnswer {
        match self.prepare(mail).await {
            Ok(prepared) => prepared.commit().await,
            Err(answer) => answer,
        }
    }
}

/// A message that is being written: it ends with the connection and the server's answer.
type WrittenMessage = Pin<Box<dyn Future<Output = (SmtpConnection, SmtpResult)> + Send>>;

type SmtpResult = Result<Response, SmtpError>;

/// A message that the server has, but for its end.
struct HeldMessage {
    message: WrittenMessage,
    handover: Arc<Handover>,
}

/// A mail that the server has, but for its end; dropped, it hangs up and nothing was sent.
struct PreparedSmtp<'a> {
    mailer: &'a SmtpMailer,
    held: HeldMessage,
    message_id: String,
    refused: Vec<RefusedRecipient>,
    _place: SemaphorePermit<'a>,
}

#[async_trait]
impl PreparedMail for PreparedSmtp<'_> {
    fn refused(&self) -> &[RefusedRecipient] {
        &self.refused
    }

    async fn commit(self: Box<Self>) -> MailAnswer {
        let Self {
            mailer,
            held,
            message_id,
            refused,
            _place,
        } = *self;
        mailer.end_message(held, message_id, refused).await
    }
}

/// A connection to the server, after the greeting and the login.
struct SmtpConnection {
    smtp: AsyncSmtpConnection,
    handover: Arc<Handover>,
}

impl SmtpConnection {
    async fn quit(&mut self) {
        let _ = timeout(COURTESY_LIMIT, self.smtp.command(Quit)).await;
    }

    /// The answer where the connection broke within the message: perhaps the server said why before
    /// it hung up.
    async fn early_answer(&mut self, fault: &Fault) -> MailAnswer {
        if let Fault::Smtp(_) = fault
            && let Ok(Err(error)) = timeout(Duration::from_secs(1), self.smtp.read_response()).await
        {
            let said = Fault::Smtp(error);
            if said.refusal().is_some() {
                return at_message(&said, Step::Message);
            }
        }
        before_end(fault, Step::Message)
    }
}

/// What becomes of a connection after a mail.
enum After {
    /// It is used again.
    Keep,
    /// It is not in a state to be used again.
    HangUp,
}

/// The time that is left for the steps before the end of a message.
struct Steps {
    limit: Duration,
    until: Instant,
}

impl Steps {
    /// How long the next step may take.
    fn left(&self) -> Duration {
        self.limit
            .min(self.until.saturating_duration_since(Instant::now()))
    }

    async fn run<T>(&self, step: impl Future<Output = Result<T, SmtpError>>) -> Result<T, Fault> {
        let left = self.left();
        match timeout(left, step).await {
            Ok(result) => result.map_err(Fault::Smtp),
            Err(_) => Err(Fault::Silence(left)),
        }
    }
}

/// A mail that cannot be built is refused for good; without a sender, only until that is mended.
pub(super) fn unsendable(error: MimeError) -> MailAnswer {
    MailAnswer::Refused {
        reason: error.to_string(),
        for_good: error != MimeError::Sender,
    }
}

/// A failure after the end of the message was, or was being, written.
fn unknown(fault: &Fault) -> MailAnswer {
    MailAnswer::Unknown {
        reason: format!(
            "{} The mail may or may not have been taken.",
            fault.words(Step::End)
        ),
    }
}

/// A failure that is about the service, not about this mail: never for good.
fn before_end(fault: &Fault, step: Step) -> MailAnswer {
    let reason = fault.words(step);
    match fault.refusal() {
        Some(_) => MailAnswer::Refused {
            reason,
            for_good: false,
        },
        None => MailAnswer::NotSent { reason },
    }
}

/// A failure that is about this mail: a 5xx is for good.
fn at_message(fault: &Fault, step: Step) -> MailAnswer {
    match fault.refusal() {
        Some(refusal) => MailAnswer::Refused {
            reason: fault.words(step),
            for_good: refusal.for_good && !refusal.of_the_service,
        },
        None => before_end(fault, step),
    }
}

fn nobody_left(refused: &[RefusedRecipient]) -> MailAnswer {
    let mut reasons: Vec<&str> = refused.iter().map(|one| one.reason.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    MailAnswer::Refused {
        reason: format!(
            "The mail server would take none of the recipients: {}.",
            reasons.join(", ")
        ),
        for_good: refused.iter().all(|one| one.for_good),
    }
}

/// After a refusal the connection is used again, after anything else it is not.
fn after(fault: &Fault) -> After {
    match fault.refusal() {
        Some(refusal) if !refusal.closing => After::Keep,
        _ => After::HangUp,
    }
}

fn severity(response: &Response) -> Severity {
    response.code().severity
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
