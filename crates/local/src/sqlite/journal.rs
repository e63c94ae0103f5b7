//! `sent.journal`: a record of sent mails, beside the database and outside its backups.
//!
//! A line `kind family date fence` is durable before a mail enters SENDING. So a restored database
//! doesn't send a mail again that was sent after the backup, and a family that was removed and added
//! again gets no second mail. A line `store ID` names a database whose sent mails are all in the
//! journal.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::NaiveDate;
use hippo_core::outbox::MailKey;
use hippo_core::store::StoreError;
use uuid::Uuid;

use super::fault::Fault;
use super::private_file::{plain, private_file};

/// The journal's file name, in the database's folder.
pub(super) const FILE_NAME: &str = "sent.journal";

/// The first word of a line that names a database.
const STORE_WORD: &str = "store";

/// A journal longer than this, in bytes, is cut to the recent dates.
const COMPACTION_SIZE: u64 = 256 * 1024;

/// The journal beside one database. Writers must hold the database's write lock.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    contents: Mutex<Contents>,
}

/// The contents of the file, as far as it was read.
#[derive(Debug, Default)]
struct Contents {
    length: u64,
    stores: BTreeSet<Uuid>,
    sent: HashMap<MailKey, u64>,
}

impl Journal {
    /// The journal beside a database. Reads nothing yet.
    pub(super) fn beside(database: &Path) -> Self {
        Self {
            path: database.with_file_name(FILE_NAME),
            contents: Mutex::default(),
        }
    }

    /// Whether the journal has every mail that this database sent.
    pub(super) fn knows_store(&self, store: Uuid) -> Result<bool, Fault> {
        Ok(self.load()?.stores.contains(&store))
    }

    /// Records that the journal has every mail that this database sends.
    pub(super) fn add_store(&self, store: Uuid) -> Result<(), Fault> {
        if self.knows_store(store)? {
            return Ok(());
        }
        self.append(&format!("{STORE_WORD} {store}"))
    }

    /// The fence of the claim under which a mail last entered SENDING.
    pub(super) fn sent_fence(&self, key: &MailKey) -> Result<Option<u64>, Fault> {
        Ok(self.load()?.sent.get(key).copied())
    }

    /// Records that a mail is about to be sent. Durable when it returns.
    pub(super) fn record(&self, key: &MailKey, fence: u64) -> Result<(), Fault> {
        self.append(&line(key, fence))
    }

    /// The mails of the last `days` days up to the newest date, with their fences.
    pub(super) fn recent_mails(&self, days: u64) -> Result<Vec<(MailKey, u64)>, Fault> {
        let contents = self.load()?;
        let newest = contents.sent.keys().map(|key| key.date).max();
        let first = newest.and_then(|newest| newest.checked_sub_days(chrono::Days::new(days)));
        Ok(contents
            .sent
            .iter()
            .filter(|(key, _)| first.is_some_and(|first| key.date >= first))
            .map(|(key, fence)| (key.clone(), *fence))
            .collect())
    }

    /// Removes the dates before `first` if the file is longer than [`COMPACTION_SIZE`].
    pub(super) fn delete_before(&self, first: NaiveDate) -> Result<(), Fault> {
        let mut contents = self.load()?;
        if contents.length <= COMPACTION_SIZE {
            return Ok(());
        }
        contents.sent.retain(|key, _| key.date >= first);
        let mut text = String::new();
        for store in &contents.stores {
            text.push_str(&format!("{STORE_WORD} {store}\n"));
        }
        for (key, fence) in &contents.sent {
            text.push_str(&line(key, *fence));
            text.push('\n');
        }
        contents.length = u64::try_from(text.len()).unwrap_or_default();
        self.replace(&text).map_err(|error| self.fault(&error))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let partial = self
            .path
            .with_file_name(format!(".{FILE_NAME}.{}", Uuid::new_v4()));
        let mut file = private_file(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, &self.path)?;
        sync_folder(&self.path)
    }

    fn append(&self, line: &str) -> Result<(), Fault> {
        self.try_to_append(line).map_err(|error| self.fault(&error))
    }

    fn try_to_append(&self, line: &str) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.read(true).append(true);
        let mut file = match options.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                drop(private_file(&self.path)?);
                sync_folder(&self.path)?;
                options.open(&self.path)?
            }
            opened => opened?,
        };
        // A crash may have left half a line.
        let is_torn = file.seek(SeekFrom::End(-1)).is_ok() && {
            let mut last = [0];
            file.read_exact(&mut last)?;
            last != *b"\n"
        };
        let start = if is_torn { "\n" } else { "" };
        file.write_all(format!("{start}{line}\n").as_bytes())?;
        file.sync_data()
    }

    /// Reads the lines that were added since the last call, and returns all contents.
    fn load(&self) -> Result<MutexGuard<'_, Contents>, Fault> {
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        self.load_new_lines(&mut contents)
            .map_err(|error| self.fault(&error))?;
        Ok(contents)
    }

    fn load_new_lines(&self, contents: &mut Contents) -> io::Result<()> {
        let mut file = match fs::File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                *contents = Contents::default();
                return Ok(());
            }
            opened => opened?,
        };
        let length = file.metadata()?.len();
        if length < contents.length {
            *contents = Contents::default();
        }
        file.seek(SeekFrom::Start(contents.length))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        // A line that is still being written is read the next time.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = whole.map_or(&[][..], |end| bytes.get(..=end).unwrap_or_default());
        for line in String::from_utf8_lossy(whole).lines() {
            contents.parse_line(line);
        }
        contents.length += u64::try_from(whole.len()).unwrap_or_default();
        Ok(())
    }

    fn fault(&self, error: &io::Error) -> Fault {
        StoreError::Unavailable(format!(
            "{} can't be read or written ({}).",
            self.path.display(),
            plain(error)
        ))
        .into()
    }
}

impl Contents {
    /// Parses a line. Ignores a malformed one: a crash cut it short, and its mail was not sent.
    fn parse_line(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            [STORE_WORD, store] => {
                self.stores.extend(store.parse::<Uuid>());
            }
            [kind, family, date, fence] => {
                if let (Ok(kind), Ok(family), Ok(date), Ok(fence)) = (
                    kind.parse(),
                    family.parse(),
                    date.parse(),
                    fence.parse::<u64>(),
                ) {
                    let known = self
                        .sent
                        .entry(MailKey::new(kind, family, date))
                        .or_default();
                    *known = fence.max(*known);
                }
            }
            _ => {}
        }
    }
}

/// The line of a mail that is about to be sent under the claim `fence`.
fn line(key: &MailKey, fence: u64) -> String {
    let MailKey { kind, family, date } = key;
    format!("{kind} {family} {date} {fence}")
}

fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn key(family: &str, day: NaiveDate) -> MailKey {
        MailKey::daily(family.parse().unwrap(), day)
    }

    #[test]
    fn journal_line_is_seen_by_another_process() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("hippo.db");
        let (one, other) = (Journal::beside(&database), Journal::beside(&database));
        let day = date("2026-11-21");
        assert_eq!(other.sent_fence(&key("conrad", day)).unwrap(), None);
        one.record(&key("conrad", day), 2).unwrap();
        assert_eq!(other.sent_fence(&key("conrad", day)).unwrap(), Some(2));
        one.record(&key("abel", day), 1).unwrap();
        let second_kind = MailKey {
            kind: "picture".parse().unwrap(),
            ..key("conrad", day)
        };
        assert_eq!(other.sent_fence(&second_kind).unwrap(), None);
        one.record(&second_kind, 5).unwrap();
        assert_eq!(other.sent_fence(&second_kind).unwrap(), Some(5));
        assert_eq!(other.sent_fence(&key("conrad", day)).unwrap(), Some(2));
        assert_eq!(other.recent_mails(0).unwrap().len(), 3);
        let store = Uuid::new_v4();
        assert!(!other.knows_store(store).unwrap());
        one.add_store(store).unwrap();
        assert!(other.knows_store(store).unwrap());
    }

    #[test]
    fn torn_line_does_not_spoil_others() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::beside(&folder.path().join("hippo.db"));
        let day = date("2026-11-21");
        journal.record(&key("conrad", day), 1).unwrap();
        let path = folder.path().join(FILE_NAME);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"daily abel 2026-1").unwrap();
        assert_eq!(journal.sent_fence(&key("conrad", day)).unwrap(), Some(1));
        journal.record(&key("zuse", day), 1).unwrap();
        assert_eq!(journal.sent_fence(&key("zuse", day)).unwrap(), Some(1));
        assert_eq!(journal.sent_fence(&key("abel", day)).unwrap(), None);
    }

    #[test]
    fn compaction_keeps_stores_and_recent_dates() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::beside(&folder.path().join("hippo.db"));
        let store = Uuid::new_v4();
        journal.add_store(store).unwrap();
        let (old, new) = (date("2026-01-01"), date("2026-11-21"));
        let mut text = String::new();
        for number in 0..10_000 {
            text.push_str(&format!("daily family-{number} {old} 1\n"));
        }
        fs::write(folder.path().join("more"), &text).unwrap();
        let path = folder.path().join(FILE_NAME);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        journal.record(&key("conrad", new), 1).unwrap();
        journal.delete_before(date("2026-10-01")).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < 200);
        let reopened = Journal::beside(&folder.path().join("hippo.db"));
        for journal in [&journal, &reopened] {
            assert!(journal.knows_store(store).unwrap());
            assert_eq!(journal.sent_fence(&key("conrad", new)).unwrap(), Some(1));
            assert_eq!(journal.sent_fence(&key("family-1", old)).unwrap(), None);
        }
    }
}
