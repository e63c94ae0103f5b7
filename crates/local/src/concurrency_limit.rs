//! Limits each library to two card checks at once, across processes.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hippo_core::ids::LibraryId;
use hippo_core::store::{ConcurrencyLimit, StoreError, StoreResult};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many cards may be checked at one library at once.
const MAX_CONCURRENT_CHECKS: usize = 2;

/// How long to wait before trying a lock file again.
const LOCK_RETRY_DELAY: Duration = Duration::from_millis(20);

/// Two permits for each library. Each is a lock file, which the system unlocks even after a crash.
///
/// Within one process, visitors enter in the order in which they arrived. Between processes the
/// order is random. The empty lock files are never removed.
#[derive(Debug)]
pub struct FileConcurrencyLimit {
    folder: PathBuf,
    /// This process's queue for each library. At most two at a time wait for a lock file.
    queues: Mutex<HashMap<LibraryId, Arc<Semaphore>>>,
}

impl FileConcurrencyLimit {
    /// A limit with its lock files in `folder`, which is created when first needed.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            queues: Mutex::default(),
        }
    }

    fn queue(&self, library: &LibraryId) -> Arc<Semaphore> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            queues
                .entry(library.clone())
                .or_insert_with(|| Arc::new(Semaphore::new(MAX_CONCURRENT_CHECKS))),
        )
    }

    fn unavailable(&self, error: &io::Error) -> StoreError {
        if crate::is_out_of_files(error) {
            return StoreError::Unavailable(crate::OUT_OF_FILES.to_owned());
        }
        StoreError::Unavailable(format!(
            "the lock files in {} can't be used ({error}).",
            self.folder.display()
        ))
    }

    fn make_folder(&self) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder)
    }

    /// Locks a free permit. `None` if both are held.
    fn try_lock_permit(&self, library: &LibraryId) -> io::Result<Option<File>> {
        for number in 1..=MAX_CONCURRENT_CHECKS {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(self.folder.join(format!("{library}.{number}")))?;
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// A held permit. Fields drop in order: the file is unlocked before the next in the queue tries it.
struct Permit {
    _file: File,
    _queue_permit: OwnedSemaphorePermit,
}

#[async_trait]
impl ConcurrencyLimit for FileConcurrencyLimit {
    async fn acquire_permit(&self, library: &LibraryId) -> StoreResult<Box<dyn Send + Sync>> {
        let queue_permit = self
            .queue(library)
            .acquire_owned()
            .await
            .map_err(|error| self.unavailable(&io::Error::other(error)))?;
        self.make_folder()
            .map_err(|error| self.unavailable(&error))?;
        loop {
            match self.try_lock_permit(library) {
                Ok(Some(file)) => {
                    return Ok(Box::new(Permit {
                        _file: file,
                        _queue_permit: queue_permit,
                    }));
                }
                Ok(None) => tokio::time::sleep(LOCK_RETRY_DELAY).await,
                Err(error) => return Err(self.unavailable(&error)),
            }
        }
    }

    /// The caller holds one of the two permits. If the other is free, the caller is alone.
    async fn is_alone(&self, library: &LibraryId) -> StoreResult<Option<bool>> {
        let Ok(_queue_permit) = self.queue(library).try_acquire_owned() else {
            return Ok(Some(false));
        };
        match self.try_lock_permit(library) {
            Ok(permit) => Ok(Some(permit.is_some())),
            Err(error) => Err(self.unavailable(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::JoinSet;

    use super::*;

    fn library(id: &str) -> LibraryId {
        id.parse().unwrap()
    }

    /// Whether another visitor can enter now.
    async fn can_enter(limit: &FileConcurrencyLimit, id: &str) -> bool {
        tokio::time::timeout(
            Duration::from_millis(100),
            limit.acquire_permit(&library(id)),
        )
        .await
        .is_ok()
    }

    #[test]
    fn too_many_open_files_error_names_ulimit() {
        let limit = FileConcurrencyLimit::new("locks");
        for (code, expected) in [(24, true), (23, true), (13, false)] {
            let error = limit.unavailable(&io::Error::from_raw_os_error(code));
            assert_eq!(error.to_string().contains("ulimit -n"), expected, "{error}");
        }
    }

    #[tokio::test]
    async fn visit_is_exclusive_unless_the_other_permit_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let limits = [(); 2].map(|()| FileConcurrencyLimit::new(folder.path().join("locks")));
        let _inside = limits[0].acquire_permit(&library("wpl")).await.unwrap();
        assert_eq!(
            limits[0].is_alone(&library("wpl")).await.unwrap(),
            Some(true)
        );
        for limit in &limits {
            // In this process or another.
            let other = limit.acquire_permit(&library("wpl")).await.unwrap();
            assert_eq!(
                limits[0].is_alone(&library("wpl")).await.unwrap(),
                Some(false)
            );
            drop(other);
        }
        assert_eq!(
            limits[0].is_alone(&library("wpl")).await.unwrap(),
            Some(true)
        );
    }

    #[tokio::test]
    async fn third_visitor_waits_until_one_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let limit = FileConcurrencyLimit::new(folder.path().join("locks"));
        let first = limit.acquire_permit(&library("wpl")).await.unwrap();
        let _second = limit.acquire_permit(&library("wpl")).await.unwrap();
        assert!(!can_enter(&limit, "wpl").await);
        assert!(can_enter(&limit, "kpl").await);
        drop(first);
        assert!(can_enter(&limit, "wpl").await);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn lock_folder_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let locks = folder.path().join("locks");
        let _permit = FileConcurrencyLimit::new(&locks)
            .acquire_permit(&library("wpl"))
            .await
            .unwrap();
        let mode = fs::metadata(&locks).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[tokio::test]
    async fn two_processes_share_the_permits() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (
            FileConcurrencyLimit::new(folder.path()),
            FileConcurrencyLimit::new(folder.path()),
        );
        let held = one.acquire_permit(&library("wpl")).await.unwrap();
        let also = other.acquire_permit(&library("wpl")).await.unwrap();
        assert!(!can_enter(&one, "wpl").await);
        assert!(!can_enter(&other, "wpl").await);
        drop(also);
        assert!(can_enter(&one, "wpl").await);
        drop(held);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn limit_is_kept_and_every_visitor_enters() {
        let folder = tempfile::tempdir().unwrap();
        let limits = [0, 1].map(|_| Arc::new(FileConcurrencyLimit::new(folder.path())));
        let inside = Arc::new(AtomicUsize::new(0));
        let mut visits = JoinSet::new();
        for visit in 0..40_usize {
            let (limit, inside) = (Arc::clone(&limits[visit % 2]), Arc::clone(&inside));
            visits.spawn(async move {
                let _permit = limit.acquire_permit(&library("wpl")).await.unwrap();
                let now_inside = inside.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
                inside.fetch_sub(1, Ordering::SeqCst);
                now_inside
            });
        }
        let most = visits.join_all().await.into_iter().max();
        assert!(most <= Some(MAX_CONCURRENT_CHECKS), "{most:?} were inside");
    }

    #[tokio::test]
    async fn unusable_lock_folder_is_named_in_the_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let limit = FileConcurrencyLimit::new(file.path().join("locks"));
        let error = limit.acquire_permit(&library("wpl")).await.err().unwrap();
        assert!(matches!(error, StoreError::Unavailable(reason) if reason.contains("locks")));
    }
}
