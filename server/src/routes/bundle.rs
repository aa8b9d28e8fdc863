//! The bundle for phones, and the publication of what people labelled.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Caller;
use crate::bundles::{self, Built};
use crate::error::{ApiError, ApiResult, ErrorBody};
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
    let embedder = bundles::hex(&loaded.scanner.bundle().models().embedder_sha256());
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
