//! `sent.journal`: what was sent, in a file beside the database that no backup holds.
//!
//! A line `kind family date fence` is durable before a mail comes into SENDING. So a database that
//! was restored from a copy never sends again what left after the copy was made, and a family that
//! was removed and added again gets no second mail. A line `store ID` names a database of which the
//! journal knows everything that it sent.

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

/// Its name, in the folder of the database.
pub(super) const FILE_NAME: &str = "sent.journal";

/// The first word of a line that names a database.
const STORE: &str = "store";

/// A journal that is longer is cut to the dates that still matter.
const MAX_LENGTH: u64 = 256 * 1024;

/// The journal of one database. Written by whoever holds the database's lock for writing.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    read: Mutex<Read>,
}

/// What was read of the file so far.
#[derive(Debug, Default)]
struct Read {
    length: u64,
    stores: BTreeSet<Uuid>,
    sent: HashMap<MailKey, u64>,
}

impl Journal {
    /// The journal beside a database; nothing is read yet.
    pub(super) fn beside(database: &Path) -> Self {
        Self {
            path: database.with_file_name(FILE_NAME),
            read: Mutex::default(),
        }
    }

    /// Whether it knows everything that this database sent.
    pub(super) fn names(&self, store: Uuid) -> Result<bool, Fault> {
        Ok(self.look()?.stores.contains(&store))
    }

    /// Says so from now on.
    pub(super) fn name(&self, store: Uuid) -> Result<(), Fault> {
        if self.names(store)? {
            return Ok(());
        }
        self.append(&format!("{STORE} {store}"))
    }

    /// The claim under which a mail last came into SENDING.
    pub(super) fn sent(&self, key: &MailKey) -> Result<Option<u64>, Fault> {
        Ok(self.look()?.sent.get(key).copied())
    }

    /// Records that a mail is about to be sent; durable when it comes back.
    pub(super) fn put(&self, key: &MailKey, fence: u64) -> Result<(), Fault> {
        self.append(&line(key, fence))
    }

    /// What was sent in the days up to the newest, with its claim.
    pub(super) fn newest(&self, days: u64) -> Result<Vec<(MailKey, u64)>, Fault> {
        let read = self.look()?;
        let newest = read.sent.keys().map(|key| key.date).max();
        let first = newest.and_then(|newest| newest.checked_sub_days(chrono::Days::new(days)));
        Ok(read
            .sent
            .iter()
            .filter(|(key, _)| first.is_some_and(|first| key.date >= first))
            .map(|(key, fence)| (key.clone(), *fence))
            .collect())
    }

    /// Forgets the dates before `first`, once the file is long.
    pub(super) fn forget_before(&self, first: NaiveDate) -> Result<(), Fault> {
        let mut read = self.look()?;
        if read.length <= MAX_LENGTH {
            return Ok(());
        }
        read.sent.retain(|key, _| key.date >= first);
        let mut text = String::new();
        for store in &read.stores {
            text.push_str(&format!("{STORE} {store}\n"));
        }
        for (key, fence) in &read.sent {
            text.push_str(&line(key, *fence));
            text.push('\n');
        }
        read.length = u64::try_from(text.len()).unwrap_or_default();
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

    /// What the file says now; only what came since the last look is read.
    fn look(&self) -> Result<MutexGuard<'_, Read>, Fault> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        self.read_on(&mut read)
            .map_err(|error| self.fault(&error))?;
        Ok(read)
    }

    fn read_on(&self, read: &mut Read) -> io::Result<()> {
        let mut file = match fs::File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                *read = Read::default();
                return Ok(());
            }
            opened => opened?,
        };
        let length = file.metadata()?.len();
        if length < read.length {
            *read = Read::default();
        }
        file.seek(SeekFrom::Start(read.length))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        // The rest of a line that is being written is read the next time.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = whole.map_or(&[][..], |end| bytes.get(..=end).unwrap_or_default());
        for line in String::from_utf8_lossy(whole).lines() {
            read.take_in(line);
        }
        read.length += u64::try_from(whole.len()).unwrap_or_default();
        Ok(())
    }

    fn fault(&self, error: &io::Error) -> Fault {
        StoreError::Unavailable(format!(
            "{} cannot be read or written ({}).",
            self.path.display(),
            plain(error)
        ))
        .into()
    }
}

impl Read {
    /// A line that cannot be read was cut short by a crash: what it was about did not begin.
    fn take_in(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            [STORE, store] => {
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
    fn line_is_found_by_another_process() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("hippo.db");
        let (one, other) = (Journal::beside(&database), Journal::beside(&database));
        let day = date("2026-11-21");
        assert_eq!(other.sent(&key("conrad", day)).unwrap(), None);
        one.put(&key("conrad", day), 2).unwrap();
        assert_eq!(other.sent(&key("conrad", day)).unwrap(), Some(2));
        one.put(&key("abel", day), 1).unwrap();
        let second_kind = MailKey {
            kind: "picture".parse().unwrap(),
            ..key("conrad", day)
        };
        assert_eq!(other.sent(&second_kind).unwrap(), None);
        one.put(&second_kind, 5).unwrap();
        assert_eq!(other.sent(&second_kind).unwrap(), Some(5));
        assert_eq!(other.sent(&key("conrad", day)).unwrap(), Some(2));
        assert_eq!(other.newest(0).unwrap().len(), 3);
        let store = Uuid::new_v4();
        assert!(!other.names(store).unwrap());
        one.name(store).unwrap();
        assert!(other.names(store).unwrap());
    }

    #[test]
    fn half_a_line_of_a_crash_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::beside(&folder.path().join("hippo.db"));
        let day = date("2026-11-21");
        journal.put(&key("conrad", day), 1).unwrap();
        let path = folder.path().join(FILE_NAME);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"daily abel 2026-1").unwrap();
        assert_eq!(journal.sent(&key("conrad", day)).unwrap(), Some(1));
        journal.put(&key("zuse", day), 1).unwrap();
        assert_eq!(journal.sent(&key("zuse", day)).unwrap(), Some(1));
        assert_eq!(journal.sent(&key("abel", day)).unwrap(), None);
    }

    #[test]
    fn long_journal_keeps_stores_and_dates_that_matter() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::beside(&folder.path().join("hippo.db"));
        let store = Uuid::new_v4();
        journal.name(store).unwrap();
        let (old, new) = (date("2026-01-01"), date("2026-11-21"));
        let mut text = String::new();
        for number in 0..10_000 {
            text.push_str(&format!("daily family-{number} {old} 1\n"));
        }
        fs::write(folder.path().join("more"), &text).unwrap();
        let path = folder.path().join(FILE_NAME);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        journal.put(&key("conrad", new), 1).unwrap();
        journal.forget_before(date("2026-10-01")).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < 200);
        let anew = Journal::beside(&folder.path().join("hippo.db"));
        for journal in [&journal, &anew] {
            assert!(journal.names(store).unwrap());
            assert_eq!(journal.sent(&key("conrad", new)).unwrap(), Some(1));
            assert_eq!(journal.sent(&key("family-1", old)).unwrap(), None);
        }
    }
}
