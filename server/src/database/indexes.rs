//! The indexes that were published.
//!
//! Owns which are known and which is in force: the newest. Their files are the blobs'.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::{Database, now};

/// A published index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedIndex {
    /// Order of publication.
    pub seq: i64,
    /// SHA-256 of its file, in hex.
    pub sha256: String,
    /// SHA-256 of the embedder whose vectors it holds, in hex.
    pub embedder: String,
    /// Its SKUs, JSON.
    pub skus: String,
    /// Unix milliseconds.
    pub published_at: i64,
}

impl Database {
    /// Puts an index in force, and says whether it was not yet.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn publish_index(&self, sha256: &str, embedder: &str, skus: &str, by: &str) -> sqlx::Result<bool> {
        let mut changes = self.write().await?;
        let newest: Option<String> = sqlx::query_scalar("SELECT sha256 FROM indexes ORDER BY seq DESC LIMIT 1")
            .fetch_optional(&mut *changes)
            .await?;
        if newest.as_deref() == Some(sha256) {
            return Ok(false);
        }
        // One that was in force before comes to be the newest.
        sqlx::query("DELETE FROM indexes WHERE sha256 = $1").bind(sha256).execute(&mut *changes).await?;
        sqlx::query(
            "INSERT INTO indexes (sha256, embedder, skus, published_at, published_by) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(sha256)
        .bind(embedder)
        .bind(skus)
        .bind(now())
        .bind(by)
        .execute(&mut *changes)
        .await?;
        changes.commit().await?;
        Ok(true)
    }

    /// The index in force.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn newest_index(&self) -> sqlx::Result<Option<PublishedIndex>> {
        let row = sqlx::query("SELECT * FROM indexes ORDER BY seq DESC LIMIT 1").fetch_optional(&self.pool).await?;
        row.as_ref().map(index).transpose()
    }

    /// A published index by its SHA-256.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn index(&self, sha256: &str) -> sqlx::Result<Option<PublishedIndex>> {
        let row =
            sqlx::query("SELECT * FROM indexes WHERE sha256 = $1").bind(sha256).fetch_optional(&self.pool).await?;
        row.as_ref().map(index).transpose()
    }
}

fn index(row: &AnyRow) -> sqlx::Result<PublishedIndex> {
    Ok(PublishedIndex {
        seq: row.try_get("seq")?,
        sha256: row.try_get("sha256")?,
        embedder: row.try_get("embedder")?,
        skus: row.try_get("skus")?,
        published_at: row.try_get("published_at")?,
    })
}
