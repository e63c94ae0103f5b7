//! The tables, and the migration of older files.

use rusqlite::Connection;

/// The application id of our SQLite files: “hipp”.
pub(super) const APPLICATION_ID: i32 = 0x6869_7070;

/// One step a version: the file of version N was brought there by the first N. Steps that were
/// released never change.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001_first.sql")];

/// The version of a file that this program makes.
pub(super) const VERSION: usize = MIGRATIONS.len();

/// Brings a file from `version` to [`VERSION`], one transaction a step; a step that another process
/// made in between is left out.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    migrate_by(connection, &MIGRATIONS)
}

fn migrate_by(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    for (number, step) in (1..).zip(steps) {
        if version(connection)? >= number {
            continue;
        }
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        if version(&transaction)? < number {
            transaction.execute_batch(step)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", number)?;
        }
        transaction.commit()?;
        tracing::debug!(
            version = number,
            "the database was brought to a new version"
        );
    }
    Ok(())
}

/// The version of a file; 0 before the first step.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(connection: &Connection) -> Vec<String> {
        connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn a_file_of_the_version_before_gets_the_steps_that_it_lacks_and_keeps_what_it_has() {
        let mut connection = Connection::open_in_memory().unwrap();
        let old = ["CREATE TABLE one (a TEXT) STRICT"];
        migrate_by(&mut connection, &old).unwrap();
        connection
            .execute("INSERT INTO one VALUES ('kept')", [])
            .unwrap();

        let new = [old[0], "CREATE TABLE two (b TEXT) STRICT"];
        migrate_by(&mut connection, &new).unwrap();
        migrate_by(&mut connection, &new).unwrap();

        assert_eq!(version(&connection).unwrap(), 2);
        assert_eq!(names(&connection), ["one", "two"]);
        let kept: String = connection
            .query_row("SELECT a FROM one", [], |row| row.get(0))
            .unwrap();
        assert_eq!(kept, "kept");
    }

    #[test]
    fn a_step_that_fails_leaves_the_file_at_the_version_before() {
        let mut connection = Connection::open_in_memory().unwrap();
        let steps = [
            "CREATE TABLE one (a TEXT) STRICT",
            "CREATE TABLE two (b TEXT) STRICT; CREATE TABLE one (c TEXT) STRICT",
        ];
        assert!(migrate_by(&mut connection, &steps).is_err());
        assert_eq!(version(&connection).unwrap(), 1);
        assert_eq!(names(&connection), ["one"]);
    }
}
