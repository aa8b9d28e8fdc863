//! Who may do what.
//!
//! Owns tokens and their roles. A token is 256 random bits that are shown once; the database has its SHA-256, which nobody can turn
//! back. Refuses passwords: nothing here is short enough to be guessed.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};
use shelfscan_protocol::Sha256;
use sqlx::Row;
use sqlx::any::AnyRow;
use utoipa::ToSchema;

use super::{Database, now};

/// How every token begins, so that one that leaked is recognised.
const PREFIX: &str = "sst_";

/// What a token allows. Each may do what the one before it may, but for sending items, which is the devices' alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A phone: sends items, recognises, gets bundles.
    Device,
    /// A person at the review page.
    Reviewer,
    /// Publishes, exports, sees figures and the audit.
    Admin,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Device, Self::Reviewer, Self::Admin];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Reviewer => "reviewer",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| format!("`{text}` is no role; device, reviewer and admin are"))
    }
}

/// A token as it is kept: without what it takes to use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Names it in logs and in the audit.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// When it was made, Unix milliseconds.
    pub created_at: i64,
    /// When it was taken back.
    pub revoked_at: Option<i64>,
}

impl Database {
    /// Makes a token and gives it with its secret, which is nowhere else.
    ///
    /// # Errors
    /// Where the database fails, or the machine has no random numbers.
    pub async fn create_token(&self, name: &str, role: Role) -> sqlx::Result<(Token, String)> {
        let mut bits = [0; 32];
        SysRng.try_fill_bytes(&mut bits).map_err(|error| sqlx::Error::Io(std::io::Error::other(error.to_string())))?;
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bits));
        let hash = hash(&secret);
        let token = Token { id: hash[..12].into(), name: name.into(), role, created_at: now(), revoked_at: None };
        sqlx::query("INSERT INTO tokens (id, name, role, hash, created_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(&token.id)
            .bind(&token.name)
            .bind(role.name())
            .bind(&hash)
            .bind(token.created_at)
            .execute(&self.pool)
            .await?;
        Ok((token, secret))
    }

    /// The token with this secret, unless it was taken back.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn token(&self, secret: &str) -> sqlx::Result<Option<Token>> {
        if !secret.starts_with(PREFIX) {
            return Ok(None);
        }
        let row = sqlx::query("SELECT * FROM tokens WHERE hash = $1 AND revoked_at IS NULL")
            .bind(hash(secret))
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(token).transpose()
    }

    /// All tokens, oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn tokens(&self) -> sqlx::Result<Vec<Token>> {
        let rows = sqlx::query("SELECT * FROM tokens ORDER BY created_at, id").fetch_all(&self.pool).await?;
        rows.iter().map(token).collect()
    }

    /// Takes a token back by its id, and says whether there was one that could be.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn revoke_token(&self, id: &str) -> sqlx::Result<bool> {
        let revoked = sqlx::query("UPDATE tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
            .bind(now())
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(revoked.rows_affected() > 0)
    }
}

fn hash(secret: &str) -> String {
    Sha256::of(secret.as_bytes()).to_string()
}

fn token(row: &AnyRow) -> sqlx::Result<Token> {
    let role: String = row.try_get("role")?;
    Ok(Token {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        role: role.parse().map_err(|error: String| sqlx::Error::Decode(error.into()))?,
        created_at: row.try_get("created_at")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}
