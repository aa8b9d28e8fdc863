//! Pages without data: they ask for a token and call the API with it.
//!
//! Owns the list of files that are compiled in, and what a page may do: load from this server and nothing else.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::server::Server;

/// A file that is served to everybody: its path, its type, its text.
type Page = (&'static str, &'static str, &'static str);

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Pictures of items are fetched with the token and shown as `blob:`.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The files. Those of the review page lie in `server/review`.
const PAGES: &[Page] = &[
    ("/docs", HTML, include_str!("../../pages/docs.html")),
    ("/docs/docs.css", STYLE, include_str!("../../pages/docs.css")),
    ("/docs/docs.js", SCRIPT, include_str!("../../pages/docs.js")),
    ("/review", HTML, include_str!("../../review/review.html")),
    ("/review/review.css", STYLE, include_str!("../../review/review.css")),
    ("/review/api.js", SCRIPT, include_str!("../../review/api.js")),
    ("/review/batch.js", SCRIPT, include_str!("../../review/batch.js")),
    ("/review/cluster.js", SCRIPT, include_str!("../../review/cluster.js")),
    ("/review/crop.js", SCRIPT, include_str!("../../review/crop.js")),
    ("/review/icon.svg", "image/svg+xml", include_str!("../../review/icon.svg")),
    ("/review/page.js", SCRIPT, include_str!("../../review/page.js")),
    ("/review/search.js", SCRIPT, include_str!("../../review/search.js")),
];

/// Routes of the files.
pub fn pages() -> Router<Arc<Server>> {
    PAGES.iter().fold(Router::new(), |router, &(path, kind, text)| {
        router.route(
            path,
            get(async move || ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, POLICY)], text)),
        )
    })
}

/// The API's description, OpenAPI 3.1.
#[utoipa::path(get, path = "/openapi.json", tag = "health", security(("token" = [])),
    responses((status = 200, content_type = "application/json", body = Object)))]
pub async fn openapi() -> impl IntoResponse {
    axum::Json(crate::openapi::description())
}
