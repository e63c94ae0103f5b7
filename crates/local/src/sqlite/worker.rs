//! The threads that own the connections: one writes, one reads.
//!
//! SQLite blocks, so it runs outside the async runtime. The writer commits all queued work in one
//! transaction, with a savepoint for each piece of work. Concurrent callers share one flush to the
//! disk, and each gets its result after the flush.

use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use hippo_core::store::{StoreError, StoreResult};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::fault::{Fault, store_error};

/// The most tasks in one transaction. It bounds how long the first task waits for the others.
const BATCH_SIZE: usize = 64;

/// Whether a thread reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkerKind {
    Reader,
    Writer,
}

/// A thread with its own connection. Dropping it ends both.
pub(super) struct Worker {
    tasks: Option<mpsc::Sender<Box<dyn Task>>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(super) fn start(kind: WorkerKind, connection: Connection) -> std::io::Result<Self> {
        let (tasks, queue) = mpsc::channel::<Box<dyn Task>>();
        let name = match kind {
            WorkerKind::Reader => "store-reads",
            WorkerKind::Writer => "store-writes",
        };
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || match kind {
                WorkerKind::Reader => read(&connection, &queue),
                WorkerKind::Writer => write(&connection, &queue),
            })?;
        Ok(Self {
            tasks: Some(tasks),
            thread: Some(thread),
        })
    }

    /// Runs `work` on the thread, to its end even if the caller stops waiting.
    pub(super) async fn run<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let task = Box::new(Work {
            work: Some(work),
            result: None,
            reply,
        });
        let sent = self
            .tasks
            .as_ref()
            .is_some_and(|tasks| tasks.send(task).is_ok());
        match sent {
            true => answer.await.unwrap_or_else(|_| Err(ended())),
            false => Err(ended()),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            // Fails only if the thread panicked, and then its callers got an error.
            let _ = thread.join();
        }
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("its thread has ended.".to_owned())
}

/// Work whose result is sent after the commit.
trait Task: Send {
    /// Runs the work. True if its writes are kept.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Sends the caller the work's result, or `failure`.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

struct Work<T, F> {
    work: Option<F>,
    result: Option<StoreResult<T>>,
    reply: oneshot::Sender<StoreResult<T>>,
}

impl<T, F> Task for Work<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Fault> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        let result = self
            .work
            .take()
            .map(|work| work(connection).map_err(StoreError::from));
        let keep = matches!(result, Some(Ok(_)));
        self.result = result;
        keep
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let result = match (failure, self.result) {
            (None, Some(result)) => result,
            (Some(failure), _) => Err(failure),
            (None, None) => Err(ended()),
        };
        // The caller may have stopped waiting. The work is done all the same.
        let _ = self.reply.send(result);
    }
}

fn read(connection: &Connection, queue: &mpsc::Receiver<Box<dyn Task>>) {
    while let Ok(mut task) = queue.recv() {
        task.run(connection);
        task.answer(None);
    }
}

fn write(connection: &Connection, queue: &mpsc::Receiver<Box<dyn Task>>) {
    while let Ok(first) = queue.recv() {
        let mut batch: Vec<Box<dyn Task>> = Vec::new();
        let outcome = write_batch(connection, first, queue, &mut batch);
        if outcome.is_err() && !connection.is_autocommit() {
            // If this fails too, the next BEGIN returns the error.
            let _ = execute(connection, "ROLLBACK");
        }
        for task in batch {
            task.answer(outcome.as_ref().err().map(store_error));
        }
    }
}

/// Runs `first` and the queued tasks in one transaction, and adds them to `batch`.
fn write_batch(
    connection: &Connection,
    first: Box<dyn Task>,
    queue: &mpsc::Receiver<Box<dyn Task>>,
    batch: &mut Vec<Box<dyn Task>>,
) -> rusqlite::Result<()> {
    let mut next = Some(first);
    if let Err(error) = execute(connection, "BEGIN IMMEDIATE") {
        batch.extend(next);
        return Err(error);
    }
    while let Some(mut task) = next.take() {
        let result = run_in_savepoint(connection, task.as_mut());
        batch.push(task);
        result?;
        if batch.len() < BATCH_SIZE {
            next = queue.try_recv().ok();
        }
    }
    execute(connection, "COMMIT")
}

fn run_in_savepoint(connection: &Connection, task: &mut dyn Task) -> rusqlite::Result<()> {
    execute(connection, "SAVEPOINT work")?;
    if !task.run(connection) {
        // If SQLite has rolled back the whole transaction itself, as when the disk is full, this fails,
        // and so does the batch.
        execute(connection, "ROLLBACK TO work")?;
    }
    execute(connection, "RELEASE work")
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};

    use super::*;

    fn worker() -> Worker {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY) STRICT")
            .unwrap();
        Worker::start(WorkerKind::Writer, connection).unwrap()
    }

    fn insert(connection: &Connection, number: i64) -> Result<(), Fault> {
        connection.execute("INSERT INTO t VALUES (?1)", [number])?;
        Ok(())
    }

    async fn numbers(worker: &Worker) -> Vec<i64> {
        worker
            .run(|connection| {
                let mut statement = connection.prepare("SELECT a FROM t ORDER BY a")?;
                let numbers = statement.query_map([], |row| row.get(0))?;
                Ok(numbers.collect::<Result<_, _>>()?)
            })
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn failed_work_rolls_back_only_itself() {
        let worker = worker();
        // All queue up behind the first, so that they share a transaction.
        let barrier = Arc::new(Barrier::new(2));
        let first = worker.run({
            let barrier = Arc::clone(&barrier);
            move |connection| {
                barrier.wait();
                insert(connection, 1)
            }
        });
        let failing = worker.run(|connection| {
            insert(connection, 2)?;
            Err::<(), _>(StoreError::NotFound("reason to go on".to_owned()).into())
        });
        let third = worker.run(|connection| insert(connection, 3));
        let (first, failing, third, ()) = tokio::join!(first, failing, third, async {
            barrier.wait();
        });
        assert!(first.is_ok() && third.is_ok());
        assert!(matches!(failing, Err(StoreError::NotFound(_))));
        assert_eq!(numbers(&worker).await, [1, 3]);
    }

    #[tokio::test]
    async fn lost_transaction_fails_all_work_in_it() {
        let worker = worker();
        let barrier = Arc::new(Barrier::new(2));
        let first = worker.run({
            let barrier = Arc::clone(&barrier);
            move |connection| {
                barrier.wait();
                insert(connection, 1)
            }
        });
        // SQLite does the same when the disk is full.
        let rolling_back = worker.run(|connection| {
            connection.execute_batch("ROLLBACK")?;
            Ok(())
        });
        let (first, rolling_back, ()) = tokio::join!(first, rolling_back, async {
            barrier.wait();
        });
        assert!(first.is_err() && rolling_back.is_err());
        assert!(numbers(&worker).await.is_empty());
        // The next transaction works.
        worker
            .run(|connection| insert(connection, 4))
            .await
            .unwrap();
        assert_eq!(numbers(&worker).await, [4]);
    }

    #[tokio::test]
    async fn work_completes_after_its_caller_gave_up() {
        let worker = worker();
        let abandoned = worker.run(|connection| insert(connection, 1));
        let stopped = tokio::time::timeout(std::time::Duration::ZERO, abandoned).await;
        drop(stopped);
        assert_eq!(numbers(&worker).await, [1]);
    }
}
