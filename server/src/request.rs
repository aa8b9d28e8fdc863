//! What a request brings, read within limits.
//!
//! Owns bodies, query strings and JSON on their way in. Refuses by the server's own error body what axum would refuse in plain text.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use crate::error::{ApiError, ApiResult};

/// Most bytes of a JSON body.
const JSON_BYTES: usize = 256 << 10;

/// A zero byte as JSON writes it. No text that is kept may hold one: PostgreSQL can't.
const ZERO: &[u8] = b"\\u0000";

/// A query string.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(zero_byte("the query"));
        }
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query.map(|query| Self(query.0)).map_err(|rejection| ApiError::bad_request(rejection.body_text()))
    }
}

/// A JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        expect_type(request.headers(), "application/json")?;
        let headers = request.headers().clone();
        let bytes = whole(request.into_body(), &headers, JSON_BYTES).await?;
        if bytes.windows(ZERO.len()).any(|window| window == ZERO) {
            return Err(zero_byte("the body"));
        }
        let body = serde_json::from_slice(&bytes);
        body.map(Self).map_err(|error| ApiError::bad_request(format!("the body: {error}")))
    }
}

fn zero_byte(place: &str) -> ApiError {
    ApiError::bad_request(format!("{place} holds a zero byte"))
}

/// Refuses a body that is not said to be of this type.
///
/// # Errors
/// 415.
pub fn expect_type(headers: &HeaderMap, expected: &str) -> ApiResult<()> {
    let found = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = found.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    let message = format!("Content-Type must be {expected}, not `{essence}`");
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong_type", message))
}

/// A whole body of at most `most` bytes. One that says it is larger is refused before it is read.
///
/// # Errors
/// 413; 400 where it ends early.
pub async fn whole(body: Body, headers: &HeaderMap, most: usize) -> ApiResult<Bytes> {
    let stated = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if stated.is_some_and(|stated| stated > most as u64) {
        return Err(ApiError::too_large(most));
    }
    let mut read = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, "cut_off", format!("the body: {error}")))?;
        if read.len() + chunk.len() > most {
            return Err(ApiError::too_large(most));
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read.into())
}
