//! The SKUs that an item may be called.
//!
//! Owns their list, those of the bundle and those that reviewers added, and the search in it. Refuses two SKUs of one id.

use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;
use utoipa::ToSchema;

use super::{Database, now};

/// A SKU as people know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sku {
    /// Its id, as in the index.
    #[schema(example = "hopfling-pils-can")]
    pub id: String,
    /// Its name for people.
    #[schema(example = "Hopfling Pils can")]
    pub name: String,
    /// `bottle`, `can`, `glass`, or unset.
    #[schema(example = "can")]
    pub container: Option<String>,
    /// EAN/UPC digits.
    pub barcode: Option<String>,
}

impl Database {
    /// Adds SKUs; one whose id is there already stays as it is. Says how many are new.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn add_skus(&self, skus: &[Sku], by: &str) -> sqlx::Result<u64> {
        let mut changes = self.write().await?;
        let mut new = 0;
        for sku in skus {
            let done = sqlx::query(
                "INSERT INTO skus (id, name, container, barcode, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT (id) DO NOTHING",
            )
            .bind(&sku.id)
            .bind(&sku.name)
            .bind(&sku.container)
            .bind(&sku.barcode)
            .bind(now())
            .bind(by)
            .execute(&mut *changes)
            .await?;
            new += done.rows_affected();
        }
        changes.commit().await?;
        Ok(new)
    }

    /// A SKU.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn sku(&self, id: &str) -> sqlx::Result<Option<Sku>> {
        let row = sqlx::query("SELECT * FROM skus WHERE id = $1").bind(id).fetch_optional(&self.pool).await?;
        row.as_ref().map(sku).transpose()
    }

    /// All SKUs by id.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn skus(&self) -> sqlx::Result<Vec<Sku>> {
        sqlx::query("SELECT * FROM skus ORDER BY id").fetch_all(&self.pool).await?.iter().map(sku).collect()
    }

    /// SKUs that have all words of `text` in name, id or barcode, in any case; those whose name begins with it first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn search_skus(&self, text: &str, limit: i64) -> sqlx::Result<Vec<Sku>> {
        let text = text.trim().to_lowercase();
        let words: Vec<String> = text.split_whitespace().take(8).map(|word| format!("%{}%", like(word))).collect();
        let mut sql = "SELECT * FROM skus WHERE 1 = 1".to_owned();
        for number in 2..words.len() + 2 {
            sql.push_str(&format!(
                " AND (lower(name) LIKE ${number} ESCAPE '!' OR lower(id) LIKE ${number} ESCAPE '!' OR barcode LIKE ${number} ESCAPE '!')"
            ));
        }
        sql.push_str(&format!(
            " ORDER BY CASE WHEN lower(name) LIKE $1 ESCAPE '!' THEN 0 ELSE 1 END, lower(name), id LIMIT {limit}"
        ));
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(format!("{}%", like(&text)));
        for word in words {
            query = query.bind(word);
        }
        query.fetch_all(&self.pool).await?.iter().map(sku).collect()
    }
}

/// The text as itself within a LIKE pattern.
fn like(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

fn sku(row: &AnyRow) -> sqlx::Result<Sku> {
    Ok(Sku {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        container: row.try_get("container")?,
        barcode: row.try_get("barcode")?,
    })
}
