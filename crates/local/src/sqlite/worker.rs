//! The threads that own the connections: one writes, one reads.
//!
//! SQLite blocks, so it runs off the async runtime. The writing thread commits what has queued up
//! in one transaction, each piece of work inside a savepoint of its own: the callers that write at
//! the same time share one flush to the disk, and each gets its answer only after it.

use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use hippo_core::store::{StoreError, StoreResult};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::fault::{Fault, store_error};

/// The most work in one transaction. It bounds how long the first waits for the rest.
const BATCH_SIZE: usize = 64;

/// How a thread goes about its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Reads,
    Writes,
}

/// A thread with its own connection. Both end when it is dropped.
pub(super) struct Worker {
    tasks: Option<mpsc::Sender<Box<dyn Task>>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(super) fn start(kind: Kind, connection: Connection) -> std::io::Result<Self> {
        let (tasks, queue) = mpsc::channel::<Box<dyn Task>>();
        let name = match kind {
            Kind::Reads => "store-reads",
            Kind::Writes => "store-writes",
        };
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || match kind {
                Kind::Reads => read(&connection, &queue),
                Kind::Writes => write(&connection, &queue),
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
            // It only fails if the thread panicked, which its callers were told.
            let _ = thread.join();
        }
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("its thread has ended.".to_owned())
}

/// Work that is answered after the commit.
trait Task: Send {
    /// Runs it. True if its writes are to be kept.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Answers the caller: with the work's result, or with `failure`.
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
        // The caller may have stopped waiting; the work stays done.
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
            // Should it fail too, the next BEGIN fails and says so.
            let _ = execute(connection, "ROLLBACK");
        }
        for task in batch {
            task.answer(outcome.as_ref().err().map(store_error));
        }
    }
}

/// Runs `first` and everything queued since in one transaction, and adds it to `batch`.
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
        let step = run_in_savepoint(connection, task.as_mut());
        batch.push(task);
        step?;
        if batch.len() < BATCH_SIZE {
            next = queue.try_recv().ok();
        }
    }
    execute(connection, "COMMIT")
}

fn run_in_savepoint(connection: &Connection, task: &mut dyn Task) -> rusqlite::Result<()> {
    execute(connection, "SAVEPOINT work")?;
    if !task.run(connection) {
        // After a full disk, say, SQLite has taken the whole transaction back by itself: then this
        // fails, and so does the batch.
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
        Worker::start(Kind::Writes, connection).unwrap()
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
    async fn work_that_fails_takes_back_what_it_wrote_and_nothing_of_the_others() {
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
    async fn when_the_transaction_is_lost_all_that_shared_it_are_told() {
        let worker = worker();
        let barrier = Arc::new(Barrier::new(2));
        let first = worker.run({
            let barrier = Arc::clone(&barrier);
            move |connection| {
                barrier.wait();
                insert(connection, 1)
            }
        });
        // As SQLite does by itself when the disk is full.
        let losing = worker.run(|connection| {
            connection.execute_batch("ROLLBACK")?;
            Ok(())
        });
        let (first, losing, ()) = tokio::join!(first, losing, async {
            barrier.wait();
        });
        assert!(first.is_err() && losing.is_err());
        assert!(numbers(&worker).await.is_empty());
        // The next one is not harmed.
        worker
            .run(|connection| insert(connection, 4))
            .await
            .unwrap();
        assert_eq!(numbers(&worker).await, [4]);
    }

    #[tokio::test]
    async fn work_is_done_even_if_nobody_waits_for_it() {
        let worker = worker();
        let unwaited = worker.run(|connection| insert(connection, 1));
        let stopped = tokio::time::timeout(std::time::Duration::ZERO, unwaited).await;
        drop(stopped);
        assert_eq!(numbers(&worker).await, [1]);
    }
}
