//! Mail to a folder: one file a mail.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hippo_core::mail::mime::{self, BuiltMail, Sender};
use hippo_core::mail::{Mail, MailAnswer, MailKey, MailKind, MailTag, Mailer, PreparedMail};
use uuid::Uuid;

/// Puts each mail into a folder as `<date>-<family>.eml`, with `<date>-<family>.html` beside it for
/// a look. Another kind than the daily notice is named too (`<date>-<family>.<kind>.eml`); a test mail
/// is `<date>.test.eml`, by the date in UTC.
///
/// The folder is made with mode 0700, its files have 0600. Another attempt at a mail goes beside the
/// first as `<date>-<family>.2.eml`, so that nothing that was sent is lost. To prepare a mail writes a
/// hidden file (`.<kind>.<family>.<date>.<fence>.new`), and to commit it renames that. So the files say
/// what became of a mail: the final one is sent, the hidden one is not.
#[derive(Debug, Clone)]
pub struct FolderMailer {
    folder: PathBuf,
    sender: Sender,
    /// Names are chosen one after the other.
    naming: Arc<Mutex<()>>,
}

impl FolderMailer {
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

    /// Writes the hidden files; durable when it comes back.
    fn write(&self, mail: &Mail, built: &BuiltMail) -> io::Result<HiddenFiles> {
        make_private_folder(&self.folder)?;
        if let Some(tag) = &mail.tag {
            self.remove_earlier_attempts(tag)?;
        }
        let files = HiddenFiles {
            eml: self.folder.join(match &mail.tag {
                Some(tag) => hidden_name(tag),
                None => format!(".test.{}.new", Uuid::new_v4()),
            }),
        };
        write_private(&files.html(), mail.html.as_bytes())?;
        // The mail is what must last; the copy for a look can be made again from it.
        write_private(&files.eml, &built.bytes)?.sync_all()?;
        self.sync()?;
        Ok(files)
    }

    /// Removes what an earlier claim left that never came to its commit.
    ///
    /// Its worker is dead, or will find that the record is not its own any more.
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

    /// Gives the mail its final name; durable when it comes back.
    fn rename(&self, files: &HiddenFiles, letter: &Letter) -> Result<(), RenameError> {
        let naming = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, _) = self
            .find_name(&letter.base, &letter.message_id)
            .map_err(RenameError::NotRenamed)?;
        let html = self.folder.join(format!("{name}.html"));
        let renamed = fs::rename(files.html(), &html)
            // The mail itself comes last: once its name is there, it is sent.
            .and_then(|()| fs::rename(&files.eml, self.folder.join(format!("{name}.eml"))));
        if let Err(error) = renamed {
            let _ = fs::remove_file(html);
            return Err(RenameError::NotRenamed(error));
        }
        drop(naming);
        self.sync().map_err(RenameError::NotDurable)
    }

    /// The name of this same attempt if it is there, or else the first that is free; and whether it is
    /// there.
    fn find_name(&self, base: &str, message_id: &str) -> io::Result<(String, bool)> {
        for number in 1..=1000 {
            let name = numbered(base, number);
            match fs::read(self.folder.join(format!("{name}.eml"))) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((name, false)),
                Ok(present) if has_message_id(&present, message_id) => return Ok((name, true)),
                // Something else, readable or not, has this name.
                Ok(_) | Err(_) => {}
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// Looks what became of a mail. One that was prepared is taken away, so that it cannot be committed
    /// any more even if its worker is still alive.
    fn look(&self, tag: &MailTag) -> io::Result<Option<MailAnswer>> {
        let files = HiddenFiles {
            eml: self.folder.join(hidden_name(tag)),
        };
        match fs::remove_file(&files.eml) {
            Ok(()) => {
                let _ = fs::remove_file(files.html());
                self.sync()?;
                return Ok(Some(MailAnswer::NotSent {
                    reason: "The program stopped before it had put the mail into the folder."
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
        Ok(Some(MailAnswer::Accepted {
            message_id,
            refused: Vec::new(),
        }))
    }

    fn sync(&self) -> io::Result<()> {
        #[cfg(unix)]
        fs::File::open(&self.folder)?.sync_all()?;
        Ok(())
    }
}

/// The files of a mail that is prepared.
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
            // After the commit they are not there any more.
            let _ = fs::remove_file(file);
        }
    }
}

/// What the final name of a mail is made from.
struct Letter {
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
    ) -> Result<Box<dyn PreparedMail + 'a>, MailAnswer> {
        let built = mime::build(mail, &self.sender).map_err(super::smtp::unsendable)?;
        let letter = Letter {
            base: match &mail.tag {
                Some(tag) => base_name(&tag.key()),
                None => format!("{}.test", mail.date.date_naive()),
            },
            message_id: built.message_id.clone(),
        };
        let (mailer, mail) = (self.clone(), mail.clone());
        let written = tokio::task::spawn_blocking(move || mailer.write(&mail, &built)).await;
        match written {
            Ok(Ok(files)) => Ok(Box::new(PreparedFile {
                mailer: self.clone(),
                files,
                letter,
            })),
            Ok(Err(error)) => Err(not_written(&error)),
            Err(_) => Err(MailAnswer::NotSent {
                reason: "Writing the mail to the folder was broken off.".to_owned(),
            }),
        }
    }

    async fn send(&self, mail: &Mail) -> MailAnswer {
        match self.prepare(mail).await {
            Ok(prepared) => prepared.commit().await,
            Err(answer) => answer,
        }
    }

    async fn resolve_doubt(&self, tag: &MailTag) -> Option<MailAnswer> {
        let (mailer, looked_for) = (self.clone(), tag.clone());
        let looked = tokio::task::spawn_blocking(move || mailer.look(&looked_for)).await;
        match looked {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::warn!(mail.kind = %tag.kind, family.id = %tag.family, date = %tag.date, %error, "The mail folder could not be looked into.");
                None
            }
            Err(_) => None,
        }
    }
}

/// A mail in its hidden file; dropped, it is removed and nothing was sent.
struct PreparedFile {
    mailer: FolderMailer,
    files: HiddenFiles,
    letter: Letter,
}

#[async_trait]
impl PreparedMail for PreparedFile {
    async fn commit(self: Box<Self>) -> MailAnswer {
        let message_id = self.letter.message_id.clone();
        let renamed = tokio::task::spawn_blocking(move || {
            let Self {
                mailer,
                files,
                letter,
            } = *self;
            mailer.rename(&files, &letter)
        });
        match renamed.await {
            Ok(Ok(())) => MailAnswer::Accepted {
                message_id,
                refused: Vec::new(),
            },
            Ok(Err(RenameError::NotRenamed(error))) => not_written(&error),
            Ok(Err(RenameError::NotDurable(error))) => MailAnswer::Unknown {
                reason: format!(
                    "The mail is in the folder, but might not survive a power cut: {}.",
                    words(&error)
                ),
            },
            Err(_) => MailAnswer::Unknown {
                reason: "Writing the mail to the folder was broken off.".to_owned(),
            },
        }
    }
}

fn not_written(error: &io::Error) -> MailAnswer {
    MailAnswer::NotSent {
        reason: format!(
            "The mail could not be written to the folder: {}.",
            words(error)
        ),
    }
}

/// The hidden file of an attempt: no two attempts have the same.
fn hidden_name(tag: &MailTag) -> String {
    format!("{}{}.new", hidden_prefix(&tag.key()), tag.fence)
}

/// How the hidden files of a mail begin. Ids hold no dots.
fn hidden_prefix(key: &MailKey) -> String {
    format!(".{}.{}.{}.", key.kind, key.family, key.date)
}

/// The final name of a mail, without its end.
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

/// Writes a file of mode 0600 that must not be there.
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

/// What the system says, without the path, which may hold a person's name.
fn words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code).to_string(),
        None => error.kind().to_string(),
    }
}
