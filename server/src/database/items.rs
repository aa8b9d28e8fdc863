//! The crops that phones sent.
//!
//! Owns what is kept of each besides its picture, the listing with its filters, and the vectors by which look-alikes are found.
//! Sent twice, an item is one row.

use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;
use utoipa::ToSchema;

use super::Database;

/// How far an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has said what it is.
    Waiting,
    /// One person has, and a second is to say so too.
    Second,
    /// People disagree; one more decides.
    Disputed,
    /// Done.
    Labelled,
}

impl State {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Second, Self::Disputed, Self::Labelled];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Second => "second",
            Self::Disputed => "disputed",
            Self::Labelled => "labelled",
        }
    }

    fn of(name: &str) -> sqlx::Result<Self> {
        let found = Self::ALL.into_iter().find(|state| state.name() == name);
        found.ok_or_else(|| sqlx::Error::Decode(format!("no state: {name}").into()))
    }
}

/// An item to be taken in.
#[derive(Clone, Debug)]
pub struct NewItem {
    /// SHA-256 of its document, in hex.
    pub id: String,
    /// Token that sent it.
    pub sent_by: String,
    /// Its metadata, as it was sent.
    pub metadata: String,
    /// The likeliest SKU.
    pub guess: Option<String>,
    /// SHA-256 of the picture that is kept, in hex.
    pub crop_sha256: String,
    /// Its bytes.
    pub crop_bytes: i64,
    /// Its size in pixels.
    pub crop_size: (u32, u32),
    /// SHA-256 of the embedder in hex, and the embedding as int8.
    pub embedding: Option<(String, Vec<u8>)>,
    /// How many people are to say what it is, 1 or 2.
    pub wanted: i64,
}

/// An item as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemRow {
    /// Order of arrival.
    pub seq: i64,
    /// SHA-256 of its document, in hex.
    pub id: String,
    /// Unix milliseconds.
    pub received_at: i64,
    /// Token that sent it.
    pub sent_by: String,
    /// Its metadata, as it was sent.
    pub metadata: String,
    /// SHA-256 of its picture, in hex.
    pub crop_sha256: String,
    /// Bytes of its picture.
    pub crop_bytes: i64,
    /// Pixels of its picture.
    pub crop_width: i64,
    /// Pixels of its picture.
    pub crop_height: i64,
    /// How many people are to say what it is.
    pub wanted: i64,
    /// How far it is.
    pub state: State,
    /// What it was called: `sku` or `not_a_product`.
    pub label: Option<String>,
    /// Which SKU.
    pub sku: Option<String>,
    /// Unix milliseconds.
    pub labelled_at: Option<i64>,
}

/// The columns of an [`ItemRow`].
pub(super) const COLUMNS: &str = "seq, id, received_at, sent_by, metadata, crop_sha256, crop_bytes, crop_width, crop_height, \
                                  wanted, state, label, sku, labelled_at";

/// Which items to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only these.
    pub state: Option<State>,
    /// Only of this label's SKU.
    pub sku: Option<String>,
    /// Only where this SKU is the likeliest.
    pub guess: Option<String>,
    /// Only from this token.
    pub sent_by: Option<String>,
    /// Only later ones than this place in the order of arrival.
    pub after: i64,
}

impl Database {
    /// Takes items in together, and says of each whether it is new.
    ///
    /// # Errors
    /// Where the database fails; none was taken in then.
    pub async fn insert_items(&self, items: &[NewItem], received_at: i64) -> sqlx::Result<Vec<bool>> {
        let mut changes = self.write().await?;
        let mut new = Vec::with_capacity(items.len());
        for item in items {
            let (embedder, embedding) = item.embedding.clone().unzip();
            let done = sqlx::query(
                "INSERT INTO items (id, received_at, sent_by, metadata, guess, crop_sha256, crop_bytes, crop_width, crop_height, \
                 embedder, embedding, wanted, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'waiting') \
                 ON CONFLICT (id) DO NOTHING",
            )
            .bind(&item.id)
            .bind(received_at)
            .bind(&item.sent_by)
            .bind(&item.metadata)
            .bind(&item.guess)
            .bind(&item.crop_sha256)
            .bind(item.crop_bytes)
            .bind(i64::from(item.crop_size.0))
            .bind(i64::from(item.crop_size.1))
            .bind(embedder)
            .bind(embedding)
            .bind(item.wanted)
            .execute(&mut *changes)
            .await?;
            new.push(done.rows_affected() > 0);
        }
        changes.commit().await?;
        Ok(new)
    }

    /// Whether an item is there.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn has_item(&self, id: &str) -> sqlx::Result<bool> {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT seq FROM items WHERE id = $1").bind(id).fetch_optional(&self.pool).await?;
        Ok(found.is_some())
    }

    /// An item.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn item(&self, id: &str) -> sqlx::Result<Option<ItemRow>> {
        let sql = format!("SELECT {COLUMNS} FROM items WHERE id = $1");
        let found = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(&self.pool).await?;
        found.as_ref().map(item_row).transpose()
    }

    /// The first `limit` items in the order of arrival that the filter lets through.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn list_items(&self, filter: &Filter, limit: i64) -> sqlx::Result<Vec<ItemRow>> {
        let mut sql = format!("SELECT {COLUMNS} FROM items WHERE seq > $1");
        let wanted = [
            ("state", filter.state.map(|state| state.name().to_owned())),
            ("sku", filter.sku.clone()),
            ("guess", filter.guess.clone()),
            ("sent_by", filter.sent_by.clone()),
        ];
        let wanted: Vec<_> = wanted.into_iter().filter_map(|(column, value)| Some((column, value?))).collect();
        for (number, (column, _)) in wanted.iter().enumerate() {
            sql.push_str(&format!(" AND {column} = ${}", number + 2));
        }
        sql.push_str(&format!(" ORDER BY seq LIMIT {limit}"));
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(filter.after);
        for (_, value) in wanted {
            query = query.bind(value);
        }
        query.fetch_all(&self.pool).await?.iter().map(item_row).collect()
    }

    /// The embedding of an item, with its embedder.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn embedding(&self, id: &str) -> sqlx::Result<Option<(String, Vec<u8>)>> {
        let row = sqlx::query("SELECT embedder, embedding FROM items WHERE id = $1 AND embedding IS NOT NULL")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
    }

    /// Ids and embeddings of items that are not labelled, newest first, at most `limit`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn unlabelled_embeddings(&self, embedder: &str, limit: i64) -> sqlx::Result<Vec<(String, Vec<u8>)>> {
        let rows = sqlx::query(
            "SELECT id, embedding FROM items WHERE state <> 'labelled' AND embedder = $1 AND embedding IS NOT NULL \
             ORDER BY seq DESC LIMIT $2",
        )
        .bind(embedder)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// SKUs and embeddings of the labelled items, by SKU and order of arrival.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn labelled_embeddings(&self, embedder: &str) -> sqlx::Result<Vec<(String, Vec<u8>)>> {
        let rows = sqlx::query(
            "SELECT sku, embedding FROM items WHERE state = 'labelled' AND label = 'sku' AND embedder = $1 \
             AND embedding IS NOT NULL ORDER BY sku, seq",
        )
        .bind(embedder)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }
}

pub(super) fn item_row(row: &AnyRow) -> sqlx::Result<ItemRow> {
    Ok(ItemRow {
        seq: row.try_get("seq")?,
        id: row.try_get("id")?,
        received_at: row.try_get("received_at")?,
        sent_by: row.try_get("sent_by")?,
        metadata: row.try_get("metadata")?,
        crop_sha256: row.try_get("crop_sha256")?,
        crop_bytes: row.try_get("crop_bytes")?,
        crop_width: row.try_get("crop_width")?,
        crop_height: row.try_get("crop_height")?,
        wanted: row.try_get("wanted")?,
        state: State::of(row.try_get("state")?)?,
        label: row.try_get("label")?,
        sku: row.try_get("sku")?,
        labelled_at: row.try_get("labelled_at")?,
    })
}
