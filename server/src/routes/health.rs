//! Whether the server runs, can serve, and how it fares.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::database::items::State as ItemState;
use crate::error::{ApiError, ApiResult};
use crate::server::Server;

/// Whether the server can serve.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    /// `ready`.
    #[schema(example = "ready")]
    status: &'static str,
    /// `ready`, `off`, or why photos can't be recognised.
    #[schema(example = "ready")]
    recognition: String,
}

/// The process runs.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "it runs", body = String)))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The stores answer. Whether photos can be recognised is told and decides nothing.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "it can serve", body = Ready),
    (status = 503, description = "a store doesn't answer", body = crate::error::ErrorBody)))]
pub async fn readyz(State(server): State<Arc<Server>>) -> ApiResult<axum::Json<Ready>> {
    server.database.ping().await.map_err(|error| unready("the database", &error))?;
    server.blobs.ping().await.map_err(|error| unready("the store of pictures", &error))?;
    Ok(axum::Json(Ready { status: "ready", recognition: server.engine.status() }))
}

fn unready(what: &str, error: &dyn std::fmt::Display) -> ApiError {
    log::error!("not ready: {what}: {error}");
    ApiError::busy(format!("{what} doesn't answer; the log says why"), 5)
}

/// Figures for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health", security(("token" = [])), responses(
    (status = 200, description = "Prometheus' text format 0.0.4", body = String)))]
pub async fn metrics(State(server): State<Arc<Server>>) -> ApiResult<impl IntoResponse> {
    let progress = server.database.progress("").await?;
    let counts = [progress.waiting, progress.second, progress.disputed, progress.labelled];
    for (state, count) in ItemState::ALL.into_iter().zip(counts) {
        server.metrics.queue.with_label_values(&[state.name()]).set(count);
    }
    let text = server.metrics.text().map_err(ApiError::internal)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}
