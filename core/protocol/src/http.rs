//! How documents travel: paths, content types, and the body of an error.

use serde::{Deserialize, Serialize};

use crate::Sha256;

/// Where everything lies on the server.
pub const BASE: &str = "/api/v1/ai/v2";
/// Content type of an item.
pub const ITEM_TYPE: &str = "application/vnd.shelfscan.item";
/// Content type of a delta.
pub const DELTA_TYPE: &str = "application/vnd.shelfscan.delta";

/// Where an item is put.
pub fn item_path(id: Sha256) -> String {
    format!("{BASE}/active-learning/items/{id}")
}

/// Where a phone asks what is new since the index it last had from the office, for vectors of its embedder.
pub fn delta_path(index: Sha256, embedder: Sha256) -> String {
    format!("{BASE}/bundle/delta?index={index}&embedder={embedder}")
}

/// The JSON body of every answer from 400 on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// Stable name, see PROTOCOL.md.
    pub code: String,
    /// For people: what is wrong and what to do.
    pub message: String,
}

impl ErrorBody {
    /// The body of an error.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error: ErrorDetail { code: code.into(), message: message.into() } }
    }
}
