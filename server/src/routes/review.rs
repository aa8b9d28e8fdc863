//! The API of the review page.
//!
//! Owns how a person works through the queue: claim a batch, name what is in it, name look-alikes together, undo. What an opinion
//! does to an item is the database's. Refuses an item that somebody else has before them.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{Extension, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::item_view::ItemView;
use crate::access::Caller;
use crate::database::items::ItemRow;
use crate::database::now;
use crate::database::reviews::{Opinion, Progress, Reviewer, Said};
use crate::database::skus::Sku;
use crate::database::tokens::{Role, Token};
use crate::error::{ApiError, ApiResult, ErrorBody, ErrorDetail};
use crate::look_alikes::look_alikes as ranked;
use crate::request::{Json, Query};
use crate::server::Server;
use crate::sku_id;

/// How long a reviewer keeps what they claimed. Every claim begins it anew.
const LEASE_MS: i64 = 10 * 60 * 1000;
/// Most items of one claim.
const MOST_CLAIMED: u32 = 100;
/// Most items named at once.
const MOST_TOGETHER: usize = 500;
/// Waiting items, newest first, that look-alikes are looked for in.
const LOOKED_AT: i64 = 20_000;

/// Who is asking.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The token's name.
    #[schema(example = "Kim at the office")]
    name: String,
    /// Its role.
    role: Role,
}

/// What to claim.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Claim {
    /// How many items to have, 1 to 100, those counted that one has already. 20 if not given.
    #[schema(example = 20)]
    count: Option<u32>,
}

/// Items that nobody else gets before the lease ends.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Claimed {
    /// The items.
    items: Vec<ItemView>,
    /// When the lease ends, Unix milliseconds.
    #[schema(example = 1_700_000_600_000_i64)]
    lease_until: i64,
    /// How far the review is.
    progress: Progress,
}

/// Whose look-alikes to claim.
#[derive(Debug, Deserialize, ToSchema)]
pub struct LookAlikes {
    /// The item.
    #[schema(example = "9f2c…64 hex digits")]
    item_id: String,
    /// Least cosine with it, 0 to 1. 0.85 if not given.
    #[schema(example = 0.85)]
    similarity: Option<f32>,
    /// How many at most, 1 to 100. 60 if not given.
    #[schema(example = 60)]
    count: Option<u32>,
}

/// Look-alikes of an item, claimed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Cluster {
    /// The look-alikes, most alike first, without the item itself.
    items: Vec<Alike>,
    /// When the lease ends, Unix milliseconds.
    #[schema(example = 1_700_000_600_000_i64)]
    lease_until: i64,
}

/// A look-alike.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Alike {
    /// Cosine with the item that was asked about.
    #[schema(example = 0.93)]
    similarity: f32,
    /// The look-alike.
    item: ItemView,
}

/// What to give back.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Release {
    /// These; all that one has if not given.
    item_ids: Option<Vec<String>>,
}

/// How many items were given back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Released {
    /// Items.
    released: u64,
}

/// What a person says of an item.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Decision {
    /// It is a known SKU.
    Sku {
        /// Its id.
        #[schema(example = "hopfling-pils-can")]
        sku: String,
    },
    /// It is a product that is no SKU yet: it is made one. One of the same name is taken instead.
    NewSku {
        /// Its name, 1 to 200 bytes.
        #[schema(example = "Hopfling Alkoholfrei can")]
        name: String,
        /// `bottle`, `can`, `glass`, …
        container: Option<String>,
        /// EAN/UPC, 6 to 18 digits.
        barcode: Option<String>,
    },
    /// It is nothing that is sold: a shelf label, a reflection, a hand.
    NotAProduct,
    /// This person can't tell and is not asked again.
    Skip,
}

/// What a person says of one item.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"item_id": "9f2c…64 hex digits", "label": {"is": "sku", "sku": "hopfling-pils-can"}}))]
pub struct LabelOne {
    /// The item.
    item_id: String,
    /// What it is.
    label: Decision,
}

/// What a person says of several items.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"item_ids": ["9f2c…", "a01b…"], "label": {"is": "new_sku", "name": "Hopfling Alkoholfrei can", "container": "can"}}))]
pub struct LabelMany {
    /// The items, at most 500.
    item_ids: Vec<String>,
    /// What they all are.
    label: Decision,
}

/// An item that was named.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Labelled {
    /// The item as it is now.
    item: ItemView,
    /// How far the review is.
    progress: Progress,
}

/// Items that were named, and those that were not.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LabelledMany {
    /// Ids of those that were.
    labelled: Vec<String>,
    /// Those that were not.
    refused: Vec<RefusedItem>,
    /// The SKU they are called, where it was a SKU.
    sku: Option<Sku>,
    /// How far the review is.
    progress: Progress,
}

/// An item that was not named.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RefusedItem {
    /// The item.
    item_id: String,
    /// Why.
    error: ErrorDetail,
}

/// What to search SKUs for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Words of name, id or barcode, in any case, each anywhere. All SKUs if empty.
    q: Option<String>,
    /// How many at most, 1 to 200. 20 if not given.
    limit: Option<u32>,
}

/// SKUs found.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// Those whose name begins with what was typed first, then by name.
    skus: Vec<Sku>,
}

/// Who the token belongs to: what the page asks first, to see whether the token is good.
#[utoipa::path(get, path = "/api/v1/ai/v2/review/me", tag = "review", security(("token" = [])),
    responses((status = 200, body = Me), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
pub async fn me(Extension(Caller(caller)): Extension<Caller>) -> Answer<Me> {
    Answer(Me { name: caller.name.clone(), role: caller.role })
}

/// The next items for this person. Nobody else gets them for ten minutes; asking again begins these anew and gives what one has
/// first. None are left where `items` is empty.
#[utoipa::path(post, path = "/api/v1/ai/v2/review/claim", tag = "review", security(("token" = [])),
    request_body = Claim, responses((status = 200, body = Claimed), (status = 400, body = ErrorBody)))]
pub async fn claim(
    State(server): State<Arc<Server>>,
    Extension(Caller(caller)): Extension<Caller>,
    Json(Claim { count }): Json<Claim>,
) -> ApiResult<Answer<Claimed>> {
    let count = within("count", count.unwrap_or(20), MOST_CLAIMED)?;
    let lease_until = now() + LEASE_MS;
    let rows = server.database.claim(&caller.id, count, lease_until).await?;
    let items = views(&server, rows).await?;
    Ok(Answer(Claimed { items, lease_until, progress: server.database.progress(&caller.id).await? }))
}

/// Items not labelled yet that look like one, claimed together, to be named by one decision. Empty where the item has no embedding.
#[utoipa::path(post, path = "/api/v1/ai/v2/review/look-alikes", tag = "review", security(("token" = [])),
    request_body = LookAlikes,
    responses((status = 200, body = Cluster), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub async fn look_alikes(
    State(server): State<Arc<Server>>,
    Extension(Caller(caller)): Extension<Caller>,
    Json(LookAlikes { item_id, similarity, count }): Json<LookAlikes>,
) -> ApiResult<Answer<Cluster>> {
    let count = within("count", count.unwrap_or(60), MOST_CLAIMED)?;
    let similarity = similarity.unwrap_or(0.85);
    if !(0.0..=1.0).contains(&similarity) {
        return Err(ApiError::bad_request("similarity: 0 to 1 is allowed"));
    }
    let lease_until = now() + LEASE_MS;
    let none = Cluster { items: Vec::new(), lease_until };
    let Some((embedder, codes)) = server.database.embedding(&item_id).await? else {
        return if server.database.has_item(&item_id).await? { Ok(Answer(none)) } else { Err(no_item(&item_id)) };
    };
    let others = server.database.unlabelled_embeddings(&embedder, LOOKED_AT).await?;
    let mut alike = tokio::task::spawn_blocking(move || ranked(&item_id, &codes, others, similarity)).await?;
    // More than asked for, as others may have some of them before them.
    alike.truncate(2 * count as usize);
    let ids: Vec<String> = alike.iter().map(|(id, _)| id.clone()).collect();
    let mut rows: HashMap<String, ItemRow> = server
        .database
        .claim_these(&caller.id, &ids, lease_until)
        .await?
        .into_iter()
        .map(|row| (row.id.clone(), row))
        .collect();
    let (mut items, mut spare) = (Vec::new(), Vec::new());
    for (id, similarity) in alike {
        match rows.remove(&id) {
            Some(row) if items.len() < count as usize => items.push((similarity, row)),
            Some(row) => spare.push(row.id),
            None => {}
        }
    }
    if !spare.is_empty() {
        server.database.release(&caller.id, Some(&spare)).await?;
    }
    let (similarities, rows): (Vec<f32>, Vec<ItemRow>) = items.into_iter().unzip();
    let items = similarities.into_iter().zip(views(&server, rows).await?);
    let items = items.map(|(similarity, item)| Alike { similarity, item }).collect();
    Ok(Answer(Cluster { items, lease_until }))
}

/// Gives back what this person has before them.
#[utoipa::path(post, path = "/api/v1/ai/v2/review/release", tag = "review", security(("token" = [])),
    request_body = Release, responses((status = 200, body = Released), (status = 400, body = ErrorBody)))]
pub async fn release(
    State(server): State<Arc<Server>>,
    Extension(Caller(caller)): Extension<Caller>,
    Json(Release { item_ids }): Json<Release>,
) -> ApiResult<Answer<Released>> {
    let released = server.database.release(&caller.id, item_ids.as_deref()).await?;
    Ok(Answer(Released { released }))
}

/// Names an item. Saying it again replaces what this person said before.
#[utoipa::path(post, path = "/api/v1/ai/v2/review/label", tag = "review", security(("token" = [])),
    request_body = LabelOne,
    responses((status = 200, body = Labelled), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, description = "`leased`: somebody else has it before them", body = ErrorBody),
        (status = 422, description = "`unknown_sku`, `bad_sku`", body = ErrorBody)))]
pub async fn label(
    State(server): State<Arc<Server>>,
    Extension(Caller(caller)): Extension<Caller>,
    Json(LabelOne { item_id, label }): Json<LabelOne>,
) -> ApiResult<Answer<Labelled>> {
    if !server.database.has_item(&item_id).await? {
        return Err(no_item(&item_id));
    }
    let (opinion, _) = opinion(&server, &caller, label).await?;
    let item = say(&server, &caller, &item_id, &opinion).await?;
    Ok(Answer(Labelled { item, progress: server.database.progress(&caller.id).await? }))
}

/// Names several items alike, each by itself: those that can't be named are told.
#[utoipa::path(post, path = "/api/v1/ai/v2/review/label-many", tag = "review", security(("token" = [])),
    request_body = LabelMany,
    responses((status = 200, body = LabelledMany), (status = 400, body = ErrorBody),
        (status = 422, description = "`unknown_sku`, `bad_sku`", body = ErrorBody)))]
pub async fn label_many(
    State(server): State<Arc<Server>>,
    Extension(Caller(caller)): Extension<Caller>,
    Json(LabelMany { item_ids, label }): Json<LabelMany>,
) -> ApiResult<Answer<LabelledMany>> {
    if item_ids.is_empty() || item_ids.len() > MOST_TOGETHER {
        return Err(ApiError::bad_request(format!("item_ids: {}; 1 to {MOST_TOGETHER} are allowed", item_ids.len())));
    }
    let (opinion, sku) = opinion(&server, &caller, label).await?;
    let (mut labelled, mut refused) = (Vec::new(), Vec::new());
    for item_id in item_ids {
        match say(&server, &caller, &item_id, &opinion).await {
            Ok(item) => labelled.push(item.id),
            Err(error) if error.status().is_client_error() => {
                refused.push(RefusedItem { item_id, error: error.detail() });
            }
            Err(error) => return Err(error),
        }
    }
    let progress = server.database.progress(&caller.id).await?;
    Ok(Answer(LabelledMany { labelled, refused, sku, progress }))
}

/// Takes back the last thing this person said; its item comes back to them. Again and again: one after the other.
#[utoipa::path(post, path = "/api/v1/ai/v2/review/undo", tag = "review", security(("token" = [])),
    responses((status = 200, body = Labelled),
        (status = 409, description = "`nothing_to_undo`", body = ErrorBody)))]
pub async fn undo(
    State(server): State<Arc<Server>>,
    Extension(Caller(caller)): Extension<Caller>,
) -> ApiResult<Answer<Labelled>> {
    let reviewer = Reviewer { id: &caller.id, name: &caller.name };
    let row = server.database.undo(reviewer, now() + LEASE_MS).await?;
    let row = row.ok_or_else(|| ApiError::conflict("nothing_to_undo", "you have named nothing yet"))?;
    let item = view(&server, row).await?;
    Ok(Answer(Labelled { item, progress: server.database.progress(&caller.id).await? }))
}

/// SKUs, to choose from while one types.
#[utoipa::path(get, path = "/api/v1/ai/v2/review/skus", tag = "review", security(("token" = [])),
    params(Search), responses((status = 200, body = Found), (status = 400, body = ErrorBody)))]
pub async fn skus(
    State(server): State<Arc<Server>>,
    Query(Search { q, limit }): Query<Search>,
) -> ApiResult<Answer<Found>> {
    let limit = within("limit", limit.unwrap_or(20), 200)?;
    let text = q.unwrap_or_default();
    if text.len() > 200 {
        return Err(ApiError::bad_request("q: at most 200 bytes of text are searched for"));
    }
    Ok(Answer(Found { skus: server.database.search_skus(&text, limit).await? }))
}

/// How far the review is.
#[utoipa::path(get, path = "/api/v1/ai/v2/review/progress", tag = "review", security(("token" = [])),
    responses((status = 200, body = Progress)))]
pub async fn progress(
    State(server): State<Arc<Server>>,
    Extension(Caller(caller)): Extension<Caller>,
) -> ApiResult<Answer<Progress>> {
    Ok(Answer(server.database.progress(&caller.id).await?))
}

/// Takes a person's opinion of an item.
///
/// # Errors
/// 404, 409.
pub(super) async fn say(server: &Server, caller: &Token, item: &str, opinion: &Opinion) -> ApiResult<ItemView> {
    let reviewer = Reviewer { id: &caller.id, name: &caller.name };
    match server.database.say(reviewer, item, opinion).await? {
        Said::Taken(row) => {
            server.metrics.labels.inc();
            view(server, *row).await
        }
        Said::NoItem => Err(no_item(item)),
        Said::Leased(until) => {
            let seconds = (until - now()).max(0) / 1000 + 1;
            let message = format!("somebody else has this item before them, for {seconds} s more at most");
            Err(ApiError::conflict("leased", message))
        }
    }
}

/// What a decision comes to, its SKU made where it is new.
async fn opinion(server: &Server, caller: &Token, decision: Decision) -> ApiResult<(Opinion, Option<Sku>)> {
    let sku = match decision {
        Decision::NotAProduct => return Ok((Opinion::NotAProduct, None)),
        Decision::Skip => return Ok((Opinion::Skip, None)),
        Decision::Sku { sku } => known_sku(server, &sku).await?,
        Decision::NewSku { name, container, barcode } => {
            sku_id::create(&server.database, &caller.name, &name, container, barcode).await?
        }
    };
    Ok((Opinion::Sku(sku.id.clone()), Some(sku)))
}

/// The SKU of this id.
///
/// # Errors
/// 422 where there is none.
pub(super) async fn known_sku(server: &Server, id: &str) -> ApiResult<Sku> {
    server.database.sku(id).await?.ok_or_else(|| {
        let message = format!("there is no SKU `{id}`; label it `new_sku` to make one");
        ApiError::unusable("unknown_sku", message)
    })
}

/// 404 for an item.
pub(super) fn no_item(id: &str) -> ApiError {
    ApiError::not_found(format!("there is no item {id:?}"))
}

/// A count of 1 to `most`.
///
/// # Errors
/// 400.
pub(super) fn within(field: &str, count: u32, most: u32) -> ApiResult<i64> {
    if (1..=most).contains(&count) {
        Ok(count.into())
    } else {
        Err(ApiError::bad_request(format!("{field}: {count}; 1 to {most} are allowed")))
    }
}

async fn view(server: &Server, row: ItemRow) -> ApiResult<ItemView> {
    Ok(views(server, vec![row]).await?.remove(0))
}

/// The items of rows, with the names of their SKUs.
pub(super) async fn views(server: &Server, rows: Vec<ItemRow>) -> ApiResult<Vec<ItemView>> {
    let names: HashMap<String, String> =
        server.database.skus().await?.into_iter().map(|sku| (sku.id, sku.name)).collect();
    rows.into_iter().map(|row| ItemView::of(row, &names)).collect()
}
