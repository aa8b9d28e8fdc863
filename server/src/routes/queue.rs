//! The queue as a list, a picture of it, the label by address, and the audit.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::item_view::ItemView;
use super::review::{known_sku, no_item, say, views, within};
use crate::access::Caller;
use crate::database::items::{Filter, State as ItemState};
use crate::database::reviews::{AuditEntry, Opinion};
use crate::error::{ApiError, ApiResult, ErrorBody};
use crate::request::Query;
use crate::server::Server;

/// Which items to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// Only items in this state.
    state: Option<ItemState>,
    /// Only items labelled as this SKU.
    sku: Option<String>,
    /// Only items where this SKU is the likeliest.
    guess: Option<String>,
    /// Only items from this token, by its id.
    sent_by: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Items on a page, 1 to 200. 50 if not given.
    limit: Option<u32>,
}

/// A page of items.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Page {
    /// The items in the order of their arrival.
    items: Vec<ItemView>,
    /// `cursor` of the next page; none at the end.
    next: Option<String>,
}

/// Which item to label, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LabelQuery {
    /// The item.
    item_id: String,
    /// The SKU.
    sku_id: String,
}

/// Which entries of the audit.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only entries on this item.
    item_id: Option<String>,
    /// Only entries after this number.
    after: Option<i64>,
    /// Entries at most, 1 to 1000. 100 if not given.
    limit: Option<u32>,
}

/// Entries of the audit.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Audit {
    /// Oldest first.
    entries: Vec<AuditEntry>,
}

/// The queue, page by page. An item that comes in meanwhile is on the last page, so none is missed and none is twice.
#[utoipa::path(get, path = "/api/v1/ai/v2/active-learning-queue", tag = "queue", security(("token" = [])),
    params(Listing), responses((status = 200, body = Page), (status = 400, body = ErrorBody)))]
pub async fn list(State(server): State<Arc<Server>>, Query(listing): Query<Listing>) -> ApiResult<Answer<Page>> {
    let limit = within("limit", listing.limit.unwrap_or(50), 200)?;
    let after = listing.cursor.as_deref().map_or(Ok(0), read_cursor)?;
    let Listing { state, sku, guess, sent_by, .. } = listing;
    let filter = Filter { state, sku, guess, sent_by, after };
    let mut rows = server.database.list_items(&filter, limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| cursor(row.seq));
    Ok(Answer(Page { items: views(&server, rows).await?, next }))
}

/// The picture of an item, a JPEG.
#[utoipa::path(get, path = "/api/v1/ai/v2/active-learning/items/{id}/crop", tag = "queue", security(("token" = [])),
    params(("id" = String, Path, description = "the item")),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 304, description = "as before"),
        (status = 404, body = ErrorBody)))]
pub async fn crop(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    // Only the id of a row names a file.
    let found = if id.contains('\0') { None } else { server.database.item(&id).await? };
    let row = found.ok_or_else(|| no_item(&id))?;
    let tag = format!("\"{}\"", row.crop_sha256);
    let shared = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, "private, max-age=86400, immutable".into()),
        (header::CONTENT_TYPE, "image/jpeg".into()),
        // Opened by itself it may do nothing.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".into()),
    ];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, shared).into_response());
    }
    let jpeg = server.blobs.crop(&row.id).await?;
    Ok((shared, jpeg).into_response())
}

/// Names an item. What the review page does in more ways.
#[utoipa::path(post, path = "/api/v1/ai/v2/active-learning/label", tag = "queue", security(("token" = [])),
    params(LabelQuery),
    responses((status = 200, body = ItemView), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, description = "`leased`: somebody has it before them", body = ErrorBody),
        (status = 422, description = "`unknown_sku`", body = ErrorBody)))]
pub async fn label(
    State(server): State<Arc<Server>>,
    Extension(Caller(caller)): Extension<Caller>,
    Query(LabelQuery { item_id, sku_id }): Query<LabelQuery>,
) -> ApiResult<Answer<ItemView>> {
    if !server.database.has_item(&item_id).await? {
        return Err(no_item(&item_id));
    }
    let sku = known_sku(&server, &sku_id).await?;
    say(&server, &caller, &item_id, &Opinion::Sku(sku.id)).await.map(Answer)
}

/// Who named what when, and what it was called before.
#[utoipa::path(get, path = "/api/v1/ai/v2/audit", tag = "admin", security(("token" = [])),
    params(AuditQuery), responses((status = 200, body = Audit), (status = 400, body = ErrorBody)))]
pub async fn audit(State(server): State<Arc<Server>>, Query(query): Query<AuditQuery>) -> ApiResult<Answer<Audit>> {
    let limit = within("limit", query.limit.unwrap_or(100), 1000)?;
    let entries = server.database.audit(query.item_id.as_deref(), query.after.unwrap_or(0), limit).await?;
    Ok(Answer(Audit { entries }))
}

/// A place in the order of arrival, as text that says nothing to anybody else.
fn cursor(seq: i64) -> String {
    URL_SAFE_NO_PAD.encode(seq.to_be_bytes())
}

fn read_cursor(text: &str) -> ApiResult<i64> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(i64::from_be_bytes).ok_or_else(|| ApiError::bad_request("cursor: it must be the `next` of a page"))
}
