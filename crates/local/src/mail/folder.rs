//! Writes mail to a folder, one file for each mail.

use std::borrow::Cow;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hippo_core::mail::mime::{self, BuiltMail, Sender};
use hippo_core::mail::{
    Mail, MailKey, MailKind, MailTag, Mailer, MessageKind, PreparedMail, SendOutcome,
};
use uuid::Uuid;

/// Writes each mail to `<date>-<family>.eml`, with its HTML in `<date>-<family>.html`.
///
/// Other kinds than the daily notice have their kind in the name (`<date>-<family>.<kind>.eml`). A
/// message is `<date>.<kind>.eml`, such as `2026-11-21.sign-in.eml`, with the date in UTC. Another
/// attempt at the same mail becomes `<date>-<family>.2.eml`, so that no sent mail is lost. The folder
/// has mode 0700, its files 0600.
///
/// `prepare` writes a hidden file (`.<kind>.<family>.<date>.<fence>.new`), and `commit` renames it.
/// A mail with its final name was sent; a hidden one was not.
#[derive(Debug, Clone)]
pub struct FolderMailer {
    folder: PathBuf,
    sender: Sender,
    /// Held while a final name is chosen and taken.
    naming: Arc<Mutex<()>>,
}

impl FolderMailer {
    /// A mailer that writes to `folder`, which is created with the first mail.
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

    /// Writes the hidden files. The mail is durable when it returns.
    fn write(&self, mail: &Mail, built: &BuiltMail) -> io::Result<HiddenFiles> {
        make_private_folder(&self.folder)?;
        if let Some(tag) = &mail.tag {
            self.remove_earlier_attempts(tag)?;
        }
        let files = HiddenFiles {
            eml: self.folder.join(match &mail.tag {
                Some(tag) => hidden_name(tag),
                None => format!(".{}.{}.new", message_name(mail), Uuid::new_v4()),
            }),
        };
        write_private(&files.html(), standalone_html(mail).as_bytes())?;
        // Only the mail must be durable: the HTML can be extracted from it.
        write_private(&files.eml, &built.bytes)?.sync_all()?;
        self.sync()?;
        Ok(files)
    }

    /// Removes the mail's hidden files up to this claim, which were never committed.
    ///
    /// The worker of an earlier claim is dead, or will find that it has lost the record.
    fn remove_earlier_attempts(&self, tag: &MailTag) -> io::Result<()> {
        let prefix = hidden_prefix(&tag.key());
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let fence = name
                .strip_prefix(&prefix)
                .and_then(|rest| rest.split('.').next())
                .and_then(|fence| fence.parse::<u64>().ok());
            if fence.is_some_and(|fence| fence <= tag.fence) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Gives the mail its final name. It is durable when it returns.
    fn rename(&self, files: &HiddenFiles, final_file: &FinalFile) -> Result<(), RenameError> {
        let naming = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, _) = self
            .find_name(&final_file.base, &final_file.message_id)
            .map_err(RenameError::NotRenamed)?;
        let html = self.folder.join(format!("{name}.html"));
        let renamed = fs::rename(files.html(), &html)
            // The mail itself comes last: with its final name it counts as sent.
            .and_then(|()| fs::rename(&files.eml, self.folder.join(format!("{name}.eml"))));
        if let Err(error) = renamed {
            let _ = fs::remove_file(html);
            return Err(RenameError::NotRenamed(error));
        }
        drop(naming);
        self.sync().map_err(RenameError::NotDurable)
    }

    /// Finds this attempt's file name, or else the first free one. True if the file exists.
    fn find_name(&self, base: &str, message_id: &str) -> io::Result<(String, bool)> {
        for number in 1..=1000 {
            let name = numbered(base, number);
            match fs::read(self.folder.join(format!("{name}.eml"))) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((name, false)),
                Ok(present) if has_message_id(&present, message_id) => return Ok((name, true)),
                // Another file has this name.
                Ok(_) | Err(_) => {}
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// Finds out whether a mail was sent. Removes a prepared mail, so that its worker, if still alive,
    /// can't commit it.
    fn resolve(&self, tag: &MailTag) -> io::Result<Option<SendOutcome>> {
        let files = HiddenFiles {
            eml: self.folder.join(hidden_name(tag)),
        };
        match fs::remove_file(&files.eml) {
            Ok(()) => {
                let _ = fs::remove_file(files.html());
                self.sync()?;
                return Ok(Some(SendOutcome::NotSent {
                    reason: "The program stopped before it wrote the mail to the folder."
                        .to_owned(),
                }));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let Ok(message_id) = mime::message_id(tag, &self.sender) else {
            return Ok(None);
        };
        let (_, is_there) = self.find_name(&base_name(&tag.key()), &message_id)?;
        if !is_there {
            return Ok(None);
        }
        self.sync()?;
        Ok(Some(SendOutcome::Accepted {
            message_id,
            refused_recipients: Vec::new(),
        }))
    }

    fn sync(&self) -> io::Result<()> {
        #[cfg(unix)]
        fs::File::open(&self.folder)?.sync_all()?;
        Ok(())
    }
}

/// The HTML of a mail with its picture in it, so that a browser shows both.
fn standalone_html(mail: &Mail) -> Cow<'_, str> {
    match &mail.picture {
        Some(picture) => {
            let cid = format!("cid:{}", picture.content_id);
            Cow::Owned(mail.html.replace(&cid, &picture.to_data_url()))
        }
        None => Cow::Borrowed(&mail.html),
    }
}

/// The files of a prepared mail, removed when dropped.
struct HiddenFiles {
    eml: PathBuf,
}

impl HiddenFiles {
    fn html(&self) -> PathBuf {
        self.eml.with_extension("html.new")
    }
}

impl Drop for HiddenFiles {
    fn drop(&mut self) {
        for file in [&self.eml, &self.html()] {
            // After the commit they no longer exist.
            let _ = fs::remove_file(file);
        }
    }
}

/// What the final name of a mail is derived from.
struct FinalFile {
    base: String,
    message_id: String,
}

enum RenameError {
    NotRenamed(io::Error),
    NotDurable(io::Error),
}

#[async_trait]
impl Mailer for FolderMailer {
    async fn prepare<'a>(
        &'a self,
        mail: &'a Mail,
    ) -> Result<Box<dyn PreparedMail + 'a>, SendOutcome> {
        let built = mime::build(mail, &self.sender).map_err(super::smtp::unsendable)?;
        let final_file = FinalFile {
            base: match &mail.tag {
                Some(tag) => base_name(&tag.key()),
                None => format!("{}.{}", mail.date.date_naive(), message_name(mail)),
            },
            message_id: built.message_id.clone(),
        };
        let (mailer, mail) = (self.clone(), mail.clone());
        let written = tokio::task::spawn_blocking(move || mailer.write(&mail, &built)).await;
        match written {
            Ok(Ok(files)) => Ok(Box::new(PreparedFile {
                mailer: self.clone(),
                files,
                final_file,
            })),
            Ok(Err(error)) => Err(not_written(&error)),
            Err(_) => Err(SendOutcome::NotSent {
                reason: "Writing the mail to the folder was interrupted.".to_owned(),
            }),
        }
    }

    async fn send(&self, mail: &Mail) -> SendOutcome {
        match self.prepare(mail).await {
            Ok(prepared) => prepared.commit().await,
            Err(answer) => answer,
        }
    }

    async fn resolve_doubt(&self, tag: &MailTag) -> Option<SendOutcome> {
        let (mailer, lookup_tag) = (self.clone(), tag.clone());
        let resolved = tokio::task::spawn_blocking(move || mailer.resolve(&lookup_tag)).await;
        match resolved {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::warn!(mail.kind = %tag.kind, family.id = %tag.family, date = %tag.date, %error, "Can't read the mail folder.");
                None
            }
            Err(_) => None,
        }
    }
}

/// A mail in its hidden file. Dropping it removes the file, and nothing is sent.
struct PreparedFile {
    mailer: FolderMailer,
    files: HiddenFiles,
    final_file: FinalFile,
}

#[async_trait]
impl PreparedMail for PreparedFile {
    async fn commit(self: Box<Self>) -> SendOutcome {
        let message_id = self.final_file.message_id.clone();
        let renamed = tokio::task::spawn_blocking(move || {
            let Self {
                mailer,
                files,
                final_file,
            } = *self;
            mailer.rename(&files, &final_file)
        });
        match renamed.await {
            Ok(Ok(())) => SendOutcome::Accepted {
                message_id,
                refused_recipients: Vec::new(),
            },
            Ok(Err(RenameError::NotRenamed(error))) => not_written(&error),
            Ok(Err(RenameError::NotDurable(error))) => SendOutcome::Unknown {
                reason: format!(
                    "The mail is in the folder, but might not survive a power cut: {}.",
                    system_reason(&error)
                ),
            },
            Err(_) => SendOutcome::Unknown {
                reason: "Writing the mail to the folder was interrupted.".to_owned(),
            },
        }
    }
}

fn not_written(error: &io::Error) -> SendOutcome {
    SendOutcome::NotSent {
        reason: format!(
            "We couldn't write the mail to the folder: {}.",
            system_reason(error)
        ),
    }
}

/// The hidden file of an attempt, unique to it.
fn hidden_name(tag: &MailTag) -> String {
    format!("{}{}.new", hidden_prefix(&tag.key()), tag.fence)
}

/// The prefix of a mail's hidden files. Ids contain no dots.
fn hidden_prefix(key: &MailKey) -> String {
    format!(".{}.{}.{}.", key.kind, key.family, key.date)
}

/// What a message is called in a file's name.
fn message_name(mail: &Mail) -> &'static str {
    mail.message.map_or("message", MessageKind::as_str)
}

/// The final name of a mail, without its extension.
fn base_name(key: &MailKey) -> String {
    if key.kind == MailKind::DAILY {
        format!("{}-{}", key.date, key.family)
    } else {
        format!("{}-{}.{}", key.date, key.family, key.kind)
    }
}

fn numbered(base: &str, number: u32) -> String {
    match number {
        1 => base.to_owned(),
        _ => format!("{base}.{number}"),
    }
}

fn has_message_id(bytes: &[u8], message_id: &str) -> bool {
    let line = format!("Message-ID: <{message_id}>\r\n");
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

/// Creates a file with mode 0600. Fails if it exists.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// The system's reason without the path, which may contain a person's name.
fn system_reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code).to_string(),
        None => error.kind().to_string(),
    }
}
