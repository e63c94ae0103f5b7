//! Mail to a folder: one file a mail.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hippo_core::mail::mime::{self, BuiltMail, Sender};
use hippo_core::mail::{Mail, MailAnswer, Mailer};
use tempfile::NamedTempFile;

/// Puts each mail into a folder as `<date>-<family>.eml`, with `<date>-<family>.html` beside it for
/// a look; a test mail is `<date>.test.eml`, by the date in UTC.
///
/// The folder is made with mode 0700, its files have 0600. The same attempt at a notice (the same
/// `Message-ID`) replaces its file; another one for the same family and date goes beside it as
/// `<date>-<family>.2.eml`, so that nothing that was sent is lost. Ids hold no dots, so no two
/// mails can want the same name.
#[derive(Debug, Clone)]
pub struct OutboxMailer {
    folder: PathBuf,
    sender: Sender,
    /// Names are chosen one after the other.
    naming: Arc<Mutex<()>>,
}

impl OutboxMailer {
    /// A mailer into `folder`, which is made with the first mail.
    pub fn new(folder: impl Into<PathBuf>, sender: Sender) -> Self {
        Self {
            folder: folder.into(),
            sender,
            naming: Arc::default(),
        }
    }

    /// Where the mails are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn put(&self, mail: &Mail, built: &BuiltMail) -> io::Result<()> {
        make_private_folder(&self.folder)?;
        let html = self.written(mail.html.as_bytes())?;
        let eml = self.written(&built.bytes)?;
        // The mail is what must last; the copy for a look can be made again from it.
        eml.as_file().sync_all()?;
        let naming = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        let name = self.free_name(mail, built)?;
        let html_path = self.folder.join(format!("{name}.html"));
        html.persist(&html_path).map_err(|error| error.error)?;
        // The mail itself comes last: once its name is there, it is sent.
        if let Err(error) = eml.persist(self.folder.join(format!("{name}.eml"))) {
            let _ = fs::remove_file(&html_path);
            return Err(error.error);
        }
        drop(naming);
        // The mail is in its place; what a failure here could lose, only a power cut now does.
        #[cfg(unix)]
        if let Err(error) = fs::File::open(&self.folder).and_then(|folder| folder.sync_all()) {
            tracing::warn!(%error, "the outbox folder could not be flushed to the disk");
        }
        Ok(())
    }

    /// The first name that is free, or that of this same attempt.
    fn free_name(&self, mail: &Mail, built: &BuiltMail) -> io::Result<String> {
        let base = match &mail.tag {
            Some(tag) => format!("{}-{}", tag.date, tag.family),
            None => format!("{}.test", mail.date.date_naive()),
        };
        let id = format!("Message-ID: <{}>\r\n", built.message_id);
        for number in 1..=1000 {
            let name = match number {
                1 => base.clone(),
                _ => format!("{base}.{number}"),
            };
            match fs::read(self.folder.join(format!("{name}.eml"))) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(name),
                Ok(present) if has_header(&present, &id) => return Ok(name),
                // Something else, readable or not, has this name.
                Ok(_) | Err(_) => {}
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// A temporary file in the folder, of mode 0600 from its first byte.
    fn written(&self, bytes: &[u8]) -> io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".mail-").suffix(".new");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o600));
        }
        let mut file = builder.tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        Ok(file)
    }
}

#[async_trait]
impl Mailer for OutboxMailer {
    async fn send(&self, mail: &Mail) -> MailAnswer {
        let built = match mime::build(mail, &self.sender) {
            Ok(built) => built,
            Err(error) => return super::smtp::unsendable(error),
        };
        let (this, mail) = (self.clone(), mail.clone());
        let message_id = built.message_id.clone();
        // The mail has its name only after all that can fail, so a failure is never in doubt.
        let put = tokio::task::spawn_blocking(move || this.put(&mail, &built)).await;
        match put {
            Ok(Ok(())) => MailAnswer::Accepted {
                message_id,
                refused: Vec::new(),
            },
            Ok(Err(error)) => MailAnswer::NotSent {
                reason: format!(
                    "The mail could not be written to the outbox: {}.",
                    words(&error)
                ),
            },
            Err(_) => MailAnswer::Unknown {
                reason: "Writing the mail to the outbox was broken off.".to_owned(),
            },
        }
    }
}

fn has_header(bytes: &[u8], line: &str) -> bool {
    let head = bytes.get(..bytes.len().min(16 * 1024)).unwrap_or_default();
    head.windows(line.len())
        .any(|window| window == line.as_bytes())
}

fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// What the system says, without the path, which may hold a person's name.
fn words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code).to_string(),
        None => error.kind().to_string(),
    }
}
