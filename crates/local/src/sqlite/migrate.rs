//! The schema, and the migration of older files.

use rusqlite::Connection;

/// The application id of our SQLite files: “hipp”.
pub(super) const APPLICATION_ID: i32 = 0x6869_7070;

/// One migration for each version: version N is the result of the first N. Released migrations never
/// change.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001_first.sql")];

/// The schema version of this program.
pub(super) const VERSION: usize = MIGRATIONS.len();

/// Migrates a file to [`VERSION`], with one transaction for each migration. Skips a migration that
/// another process made in the meantime.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    apply(connection, &MIGRATIONS)
}

fn apply(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    for (number, migration) in (1..).zip(migrations) {
        if version(connection)? >= number {
            continue;
        }
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        if version(&transaction)? < number {
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", number)?;
        }
        transaction.commit()?;
        tracing::debug!(version = number, "Migrated the database.");
    }
    Ok(())
}

/// A file's schema version. 0 before the first migration.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table_names(connection: &Connection) -> Vec<String> {
        connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn older_file_gets_missing_migrations_and_keeps_data() {
        let mut connection = Connection::open_in_memory().unwrap();
        let old = ["CREATE TABLE one (a TEXT) STRICT"];
        apply(&mut connection, &old).unwrap();
        connection
            .execute("INSERT INTO one VALUES ('kept')", [])
            .unwrap();

        let new = [old[0], "CREATE TABLE two (b TEXT) STRICT"];
        apply(&mut connection, &new).unwrap();
        apply(&mut connection, &new).unwrap();

        assert_eq!(version(&connection).unwrap(), 2);
        assert_eq!(table_names(&connection), ["one", "two"]);
        let kept: String = connection
            .query_row("SELECT a FROM one", [], |row| row.get(0))
            .unwrap();
        assert_eq!(kept, "kept");
    }

    #[test]
    fn failed_migration_keeps_the_previous_version() {
        let mut connection = Connection::open_in_memory().unwrap();
        let migrations = [
            "CREATE TABLE one (a TEXT) STRICT",
            "CREATE TABLE two (b TEXT) STRICT; CREATE TABLE one (c TEXT) STRICT",
        ];
        assert!(apply(&mut connection, &migrations).is_err());
        assert_eq!(version(&connection).unwrap(), 1);
        assert_eq!(table_names(&connection), ["one"]);
    }
}
