//! `POST …/recognize`: a photo in, counts per SKU out.

use std::sync::Arc;

use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use shelfscan::Report;
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult, ErrorBody};
use crate::server::Server;

/// Longest name of a photo that is given back.
const LONGEST_NAME: usize = 255;

/// The form that brings a photo.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is the description alone; the form is read part by part")]
pub struct PhotoForm {
    /// A JPEG, PNG or WebP file.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
}

/// Counts what stands on a photo's shelf. The answer is that of `shelfscan scan --json` (`core/scanner/RESULT.md`) with one photo,
/// called as the form called it.
#[utoipa::path(post, path = "/api/v1/ai/v2/recognize", tag = "recognition", security(("token" = [])),
    request_body(content = PhotoForm, content_type = "multipart/form-data"),
    responses((status = 200, content_type = "application/json", description = "schema 1 of RESULT.md", body = Object),
        (status = 400, description = "`bad_form`", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 415, description = "`wrong_type`", body = ErrorBody),
        (status = 422, description = "`bad_photo`: it can't be decoded", body = ErrorBody),
        (status = 503, description = "`busy`: later, see Retry-After; `recognition_off`", body = ErrorBody)))]
pub async fn recognise(State(server): State<Arc<Server>>, request: Request) -> ApiResult<impl IntoResponse> {
    let outcome = count(&server, request).await;
    let name = match &outcome {
        Ok(_) => "recognised",
        Err(error) if error.status() == StatusCode::SERVICE_UNAVAILABLE => "busy",
        Err(error) if error.status().is_server_error() => "failed",
        Err(_) => "refused",
    };
    server.metrics.photos.with_label_values(&[name]).inc();
    Ok(([(header::CONTENT_TYPE, "application/json")], outcome?))
}

async fn count(server: &Arc<Server>, request: Request) -> ApiResult<String> {
    // A place before the photo is read: those that wait are bounded with all they hold.
    let place = server.engine.place()?;
    let _counted = Counted::new(server);
    let (name, photo) = photo(request, server.config.limits.photo_bytes).await?;
    let result = server.engine.recognise(place, photo).await?;
    Report::new([(name, &result)], Vec::new()).to_json().map_err(ApiError::internal)
}

/// Counts a photo while it is here, however it leaves.
struct Counted<'a>(&'a Server);

impl<'a> Counted<'a> {
    fn new(server: &'a Server) -> Self {
        server.metrics.recognitions.inc();
        Self(server)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.metrics.recognitions.dec();
    }
}

/// The form's `image`: its file name, and its bytes.
async fn photo(request: Request, most: usize) -> ApiResult<(String, Bytes)> {
    let stated =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if stated.is_some_and(|stated| stated > most as u64) {
        return Err(ApiError::too_large(most));
    }
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| {
        let message = format!("a form is needed, multipart/form-data with the field `image`: {}", error.body_text());
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong_type", message)
    })?;
    loop {
        let field = form.next_field().await.map_err(|error| bad_form(&error, most))?;
        let Some(field) = field else {
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "bad_form", "the form has no field `image`"));
        };
        if field.name() == Some("image") {
            let name = field.file_name().unwrap_or("image").to_owned();
            let name = name.chars().filter(|letter| !letter.is_control()).take(LONGEST_NAME).collect();
            return Ok((name, field.bytes().await.map_err(|error| bad_form(&error, most))?));
        }
    }
}

fn bad_form(error: &axum::extract::multipart::MultipartError, most: usize) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::too_large(most);
    }
    ApiError::new(StatusCode::BAD_REQUEST, "bad_form", format!("the form: {}", error.body_text()))
}
