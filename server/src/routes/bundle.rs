//! The bundle for phones, and the publication of what people labelled.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use shelfscan::{INDEX, SkuEntry};
use shelfscan_protocol::Sha256;
use shelfscan_protocol::http::DELTA_TYPE;
use utoipa::{IntoParams, ToSchema};

use crate::access::Caller;
use crate::bundles::{self, Built};
use crate::database::now;
use crate::engine::Loaded;
use crate::error::{ApiError, ApiResult, ErrorBody};
use crate::request::Query;
use crate::server::Server;

/// What was published.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Publication {
    /// SHA-256 of the index in force.
    index: String,
    /// Whether it is another than before.
    changed: bool,
    /// SKUs that the shipped bundle has not.
    new: Vec<String>,
    /// SKUs of the shipped bundle that got more vectors.
    extended: Vec<String>,
    /// SKUs whose vectors were condensed when the bundle was made: labels of these wait for the next training.
    condensed: Vec<String>,
    /// Vectors of labelled items in the index.
    vectors: usize,
}

/// What a phone has.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Held {
    /// SHA-256 of the index it last had from the office or was shipped with.
    #[param(value_type = String)]
    index: Sha256,
    /// SHA-256 of its embedder.
    #[param(value_type = String)]
    embedder: Sha256,
}

/// The bundle in force as one `.zip`.
#[utoipa::path(get, path = "/api/v1/ai/v2/bundle", tag = "phones", security(("token" = [])),
    responses((status = 200, content_type = "application/zip", body = Vec<u8>), (status = 304, description = "as before"),
        (status = 503, description = "`recognition_off`: this server has no models", body = ErrorBody)))]
pub async fn bundle(State(server): State<Arc<Server>>, headers: HeaderMap) -> ApiResult<Response> {
    let loaded = server.engine.loaded()?;
    let version = loaded.scanner.version();
    let name: String =
        version.name.chars().filter(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter)).collect();
    let tag = format!("\"{name}-{}-{}\"", version.version, version.index);
    let tag: header::HeaderValue = tag.parse().map_err(ApiError::internal)?;
    if headers.get(header::IF_NONE_MATCH) == Some(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let zipped = loaded.zipped().await?;
    let disposition = format!("attachment; filename=\"{name}.zip\"");
    let disposition: header::HeaderValue = disposition.parse().map_err(ApiError::internal)?;
    let kind = header::HeaderValue::from_static("application/zip");
    let headers = [(header::ETAG, tag), (header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, zipped).into_response())
}

/// Builds an index of the shipped bundle and of all that was labelled, and puts it in force: here at once, on other machines within
/// half a minute, on phones with their next delta. The same labels give the same index.
#[utoipa::path(post, path = "/api/v1/ai/v2/bundle/publish", tag = "admin", security(("token" = [])),
    responses((status = 200, body = Publication),
        (status = 503, description = "`recognition_off`: this server has no models", body = ErrorBody)))]
pub async fn publish(
    State(server): State<Arc<Server>>,
    Extension(Caller(caller)): Extension<Caller>,
) -> ApiResult<Answer<Publication>> {
    let loaded = server.engine.loaded()?;
    let embedder = Sha256(loaded.scanner.bundle().models().embedder_sha256()).to_string();
    let labelled = server.database.labelled_embeddings(&embedder).await?;
    let skus = server.database.skus().await?;
    let (shipped, threads) = (loaded.shipped.clone(), server.engine.threads());
    let built = tokio::task::spawn_blocking(move || bundles::build(&shipped, threads, labelled, &skus)).await?;
    let Built { index, sha256, embedder, skus, new, extended, condensed, vectors } =
        built.map_err(ApiError::internal)?;
    let skus = serde_json::to_string(&skus).map_err(ApiError::internal)?;
    server.blobs.put_index(&sha256, index.into()).await?;
    let changed = server.database.publish_index(&sha256, &embedder, &skus, &caller.name).await?;
    server.follow().await.map_err(ApiError::internal)?;
    log::info!(
        "{} published the index {sha256}: {} new SKUs, {vectors} vectors of labelled items",
        caller.name,
        new.len()
    );
    Ok(Answer(Publication { index: sha256, changed, new, extended, condensed, vectors }))
}

/// What a phone must change to know the SKUs that the office knows: a signed document (`core/protocol/PROTOCOL.md`).
#[utoipa::path(get, path = "/api/v1/ai/v2/bundle/delta", tag = "phones", security(("token" = [])), params(Held),
    responses((status = 200, content_type = "application/vnd.shelfscan.delta", body = Vec<u8>),
        (status = 204, description = "it is up to date"), (status = 400, body = ErrorBody),
        (status = 409, description = "`other_embedder`: it needs a new bundle", body = ErrorBody),
        (status = 503, description = "`recognition_off`: this server has no models", body = ErrorBody)))]
pub async fn delta(State(server): State<Arc<Server>>, Query(held): Query<Held>) -> ApiResult<Response> {
    let loaded = server.engine.loaded()?;
    let models = loaded.scanner.bundle().models();
    if held.embedder.0 != models.embedder_sha256() {
        let message = "the office has moved to other models; get its bundle";
        return Err(ApiError::conflict("other_embedder", message));
    }
    if held.index.0 == loaded.scanner.bundle().index_sha256() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let from = index_of(&server, &loaded, held.index).await?;
    let made = tokio::task::spawn_blocking(move || {
        let (index, skus) = from.as_ref().map_or((None, &[][..]), |(index, skus)| (Some(&index[..]), &skus[..]));
        let delta = loaded.scanner.bundle().delta_from(index, skus, now() as u64).map_err(ApiError::internal)?;
        delta.sign(&server.key).map_err(ApiError::internal)
    });
    Ok(([(header::CONTENT_TYPE, DELTA_TYPE)], made.await??).into_response())
}

/// An index that a phone may have, with its SKUs: one that was published, or the shipped one; none where it is another.
async fn index_of(server: &Server, loaded: &Loaded, sha256: Sha256) -> ApiResult<Option<(Vec<u8>, Vec<SkuEntry>)>> {
    if let Some(published) = server.database.index(&sha256.to_string()).await? {
        let index = server.blobs.index(&published.sha256).await?;
        let skus = serde_json::from_str(&published.skus).map_err(ApiError::internal)?;
        return Ok(Some((index.into(), skus)));
    }
    let shipped = loaded.shipped.clone();
    let read = tokio::task::spawn_blocking(move || {
        let index = std::fs::read(shipped.join(INDEX))?;
        let text = std::fs::read_to_string(shipped.join(shelfscan::MANIFEST))?;
        Ok::<_, std::io::Error>((index, text))
    });
    let (index, text) = read.await?.map_err(ApiError::internal)?;
    if Sha256::of(&index) != sha256 {
        return Ok(None);
    }
    let manifest: shelfscan::Manifest = serde_json::from_str(&text).map_err(ApiError::internal)?;
    Ok(Some((index, manifest.skus)))
}
