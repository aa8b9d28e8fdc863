//! Rows: tokens, items, what people said of them, SKUs, published indexes.
//!
//! Owns the schema and every SQL statement, one text for SQLite and PostgreSQL. What it has confirmed is on the disk: SQLite runs
//! with a write-ahead log that is flushed at every commit, PostgreSQL as its operator set it. Refuses pictures and files: those
//! are the blobs'.

pub mod indexes;
pub mod items;
pub mod reviews;
pub mod skus;
pub mod tokens;

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyPool, AssertSqlSafe, ConnectOptions, Executor, Transaction};

const SCHEMA: &str = include_str!("schema.sql");
/// The schema's number, kept in the database.
const VERSION: i64 = 1;
/// Told from other locks in the same PostgreSQL.
const MIGRATION_LOCK: i64 = 0x5348_454c_4631;

/// An open database. Clones share the connections.
#[derive(Clone, Debug)]
pub struct Database {
    pool: AnyPool,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
}

/// Why a database was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// Its folder can't be made.
    #[error("{}: the database's folder can't be made: {source}", .path.display())]
    Folder {
        /// The folder.
        path: std::path::PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It can't be reached or answers with an error.
    #[error("DATABASE_URL: {0}")]
    Sql(#[from] sqlx::Error),
    /// Another version of the server made it.
    #[error("the database has schema {found}, but this server knows schema {VERSION}; use a matching version")]
    Schema {
        /// Its schema.
        found: i64,
    },
}

impl Database {
    /// Opens the database at `url` (`sqlite://FILE`, `postgres://…`) and makes its tables where there are none.
    ///
    /// # Errors
    /// Where it can't be reached, or was made by another version.
    pub async fn open(url: &str) -> Result<Self, DatabaseError> {
        sqlx::any::install_default_drivers();
        let (kind, url) = match url.strip_prefix("sqlite://") {
            Some(file) => {
                let file = file.split('?').next().unwrap_or(file);
                let folder = std::path::Path::new(file).parent().filter(|folder| !folder.as_os_str().is_empty());
                if let Some(folder) = folder {
                    let failed = |source| DatabaseError::Folder { path: folder.into(), source };
                    std::fs::create_dir_all(folder).map_err(failed)?;
                }
                (Kind::Sqlite, format!("sqlite://{file}?mode=rwc"))
            }
            None => (Kind::Postgres, url.to_owned()),
        };
        let options = AnyConnectOptions::from_str(&url)?.disable_statement_logging();
        let pool = AnyPoolOptions::new()
            .max_connections(if kind == Kind::Sqlite { 8 } else { 16 })
            .acquire_timeout(Duration::from_secs(20))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if kind == Kind::Sqlite {
                        connection.execute("PRAGMA busy_timeout = 20000").await?;
                        connection.execute("PRAGMA journal_mode = WAL").await?;
                        connection.execute("PRAGMA synchronous = FULL").await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        let database = Self { pool, kind };
        database.migrate().await?;
        Ok(database)
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// Why it doesn't.
    pub async fn ping(&self) -> sqlx::Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await.map(drop)
    }

    /// Gives the connections back, when what runs on them is done.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn migrate(&self) -> Result<(), DatabaseError> {
        let mut changes = self.write().await?;
        if self.kind == Kind::Postgres {
            // Several servers may start at once.
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MIGRATION_LOCK).execute(&mut *changes).await?;
        }
        changes.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)").await?;
        let found: Option<i64> =
            sqlx::query_scalar("SELECT version FROM schema_version").fetch_optional(&mut *changes).await?;
        match found {
            Some(VERSION) => {}
            Some(found) => return Err(DatabaseError::Schema { found }),
            None => {
                let (serial, bytes) = match self.kind {
                    Kind::Sqlite => ("INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB"),
                    Kind::Postgres => ("BIGSERIAL PRIMARY KEY", "BYTEA"),
                };
                let schema = SCHEMA.replace("{SERIAL}", serial).replace("{BYTES}", bytes);
                for statement in schema.split(";\n").filter(|statement| !statement.trim().is_empty()) {
                    changes.execute(AssertSqlSafe(statement.to_owned())).await?;
                }
                sqlx::query("INSERT INTO schema_version VALUES ($1)").bind(VERSION).execute(&mut *changes).await?;
            }
        }
        changes.commit().await?;
        Ok(())
    }

    /// Changes that count together or not at all. SQLite is told at once that it will write, or two that first read would both
    /// wait for the other.
    async fn write(&self) -> sqlx::Result<Transaction<'static, Any>> {
        match self.kind {
            Kind::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await,
            Kind::Postgres => self.pool.begin().await,
        }
    }

    /// Ends the choice of rows to change: PostgreSQL passes over those that another is changing, SQLite has one writer at a time.
    fn skip_locked(&self) -> &'static str {
        match self.kind {
            Kind::Sqlite => "",
            Kind::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Locks the row that is read, to change it.
    fn for_update(&self) -> &'static str {
        match self.kind {
            Kind::Sqlite => "",
            Kind::Postgres => " FOR UPDATE",
        }
    }
}

/// Now, in Unix milliseconds.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
