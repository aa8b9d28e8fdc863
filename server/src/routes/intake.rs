//! `PUT …/active-learning/items/{sha256}`: a phone's crop comes in.
//!
//! Owns the order that loses nothing: the document checked, its picture made anew and on the disk, its row on the disk, then the
//! answer. Cut off anywhere before the answer the phone sends it again, and the same item is one item.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use shelfscan_protocol::http::ITEM_TYPE;
use shelfscan_protocol::{Item, ItemError, MAX_ITEM_BYTES, Meta, Sha256};

use crate::access::Caller;
use crate::crop::re_encode;
use crate::database::items::NewItem;
use crate::error::{ApiError, ApiResult};
use crate::request::{expect_type, whole};
use crate::server::Server;

/// Bytes of a document before its metadata.
const ITEM_HEAD: usize = 8;

/// Puts an item, a document named by its own SHA-256 (`core/protocol/PROTOCOL.md`). Put twice it is one item.
#[utoipa::path(put, path = "/api/v1/ai/v2/active-learning/items/{id}", tag = "phones", security(("token" = [])),
    params(("id" = String, Path, description = "SHA-256 of the document, 64 lower-case hex digits")),
    request_body(content = Vec<u8>, content_type = "application/vnd.shelfscan.item"),
    responses(
        (status = 201, description = "it is on the disk now"),
        (status = 200, description = "it was there already"),
        (status = 400, description = "`bad_item`, `id_mismatch`, `cut_off`", body = crate::error::ErrorBody),
        (status = 413, description = "`too_large`", body = crate::error::ErrorBody),
        (status = 415, description = "`wrong_type`", body = crate::error::ErrorBody),
        (status = 422, description = "`bad_item`: its picture can't be decoded", body = crate::error::ErrorBody),
        (status = 503, description = "`busy`, `store_unavailable`: later, see Retry-After", body = crate::error::ErrorBody)))]
pub async fn put_item(
    State(server): State<Arc<Server>>,
    Extension(Caller(caller)): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<StatusCode> {
    let outcome = take_in(&server, &caller.id, &id, &headers, body).await;
    let name = match &outcome {
        Ok(true) => "stored",
        Ok(false) => "known",
        Err(error) if error.status().is_server_error() => "failed",
        Err(_) => "refused",
    };
    server.metrics.items.with_label_values(&[name]).inc();
    outcome.map(|new| if new { StatusCode::CREATED } else { StatusCode::OK })
}

async fn take_in(server: &Server, caller: &str, id: &str, headers: &HeaderMap, body: Body) -> ApiResult<bool> {
    let named: Sha256 = id
        .parse()
        .map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, "id_mismatch", format!("the id: {error}")))?;
    expect_type(headers, ITEM_TYPE)?;
    let document = whole(body, headers, server.config.limits.item_bytes.min(MAX_ITEM_BYTES)).await?;
    if Sha256::of(&document) == named && server.database.has_item(id).await? {
        return Ok(false);
    }
    let _turn = server.intakes.acquire().await.map_err(ApiError::internal)?;
    let wanted = wanted(named, server.config.second_opinions);
    let (new, crop) = tokio::task::spawn_blocking(move || examine(named, document, wanted)).await??;
    server.blobs.put_crop(id, crop).await?;
    server.intake.put(NewItem { sent_by: caller.to_owned(), ..new }).await.map_err(ApiError::store)
}

/// Checks the document and makes its picture anew.
fn examine(named: Sha256, document: Bytes, wanted: i64) -> ApiResult<(NewItem, Bytes)> {
    let item = Item::parse_as(named, document.into()).map_err(|error| refused(&error))?;
    let crop = re_encode(item.crop(), item.crop_size())
        .map_err(|error| ApiError::unusable("bad_item", format!("the crop: {error}")))?;
    let meta = item.meta();
    // As it was sent: a later version may read fields that this one does not know.
    let json = &item.bytes()[ITEM_HEAD..item.bytes().len() - item.crop().len()];
    let metadata = str::from_utf8(json).map_err(ApiError::internal)?.to_owned();
    let embedding = meta
        .embedding
        .as_ref()
        .map(|embedding| (embedding.embedder.to_string(), embedding.codes.iter().map(|&code| code as u8).collect()));
    let new = NewItem {
        id: named.to_string(),
        sent_by: String::new(),
        guess: guess(meta),
        metadata,
        crop_sha256: Sha256::of(&crop).to_string(),
        crop_bytes: crop.len() as i64,
        crop_size: item.crop_size(),
        embedding,
        wanted,
    };
    Ok((new, crop))
}

/// The likeliest SKU: what a person on the phone said, else the first candidate.
fn guess(meta: &Meta) -> Option<String> {
    match &meta.correction {
        Some(shelfscan_protocol::Label::Sku { sku }) => Some(sku.clone()),
        Some(_) => None,
        None => meta.candidates.first().map(|candidate| candidate.sku.clone()),
    }
}

/// How many people are to name an item: two for the given share, chosen by the hash.
fn wanted(id: Sha256, share: f64) -> i64 {
    let [.., a, b] = id.0;
    if f64::from(u16::from_be_bytes([a, b])) < share * 65_536.0 { 2 } else { 1 }
}

fn refused(error: &ItemError) -> ApiError {
    let (status, code) = match error {
        ItemError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        ItemError::OtherId { .. } => (StatusCode::BAD_REQUEST, "id_mismatch"),
        _ => (StatusCode::BAD_REQUEST, "bad_item"),
    };
    ApiError::new(status, code, error.to_string())
}
