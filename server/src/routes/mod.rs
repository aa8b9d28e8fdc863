//! The API, route by route.
//!
//! Owns the table of routes with the roles each is open to, and what every answer has in common. Refuses to answer anything but
//! health and pages without data to whoever has no token.

pub(crate) mod bundle;
pub(crate) mod export;
pub(crate) mod health;
pub(crate) mod intake;
pub(crate) mod item_view;
pub(crate) mod pages;
pub(crate) mod queue;
pub(crate) mod recognise;
pub(crate) mod review;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post, put};
use tower_http::catch_panic::CatchPanicLayer;

use crate::access::{Door, guard};
use crate::config::Limits;
use crate::database::tokens::Role;
use crate::error::ApiError;
use crate::server::Server;

/// Where the API begins.
pub const BASE: &str = shelfscan_protocol::http::BASE;

const DEVICES: &[Role] = &[Role::Device];
const PEOPLE: &[Role] = &[Role::Reviewer, Role::Admin];
const ADMINS: &[Role] = &[Role::Admin];
const ALL: &[Role] = &Role::ALL;

/// A route that needs a token: its path, its methods, the roles it is open to.
type Guarded = (String, MethodRouter<Arc<Server>>, &'static [Role]);

/// Every route that needs a token.
fn guarded(limits: &Limits) -> Vec<Guarded> {
    let api = |path: &str| format!("{BASE}{path}");
    vec![
        (api("/recognize"), post(recognise::recognise).layer(DefaultBodyLimit::max(limits.photo_bytes)), ALL),
        (api("/bundle"), get(bundle::bundle), ALL),
        (api("/bundle/delta"), get(bundle::delta), ALL),
        (api("/bundle/publish"), post(bundle::publish), ADMINS),
        (api("/active-learning/items/{id}"), put(intake::put_item), DEVICES),
        (api("/active-learning-queue"), get(queue::list), PEOPLE),
        (api("/active-learning/items/{id}/crop"), get(queue::crop), PEOPLE),
        (api("/active-learning/label"), post(queue::label), PEOPLE),
        (api("/active-learning/export"), get(export::export), ADMINS),
        (api("/review/me"), get(review::me), PEOPLE),
        (api("/review/claim"), post(review::claim), PEOPLE),
        (api("/review/look-alikes"), post(review::look_alikes), PEOPLE),
        (api("/review/release"), post(review::release), PEOPLE),
        (api("/review/label"), post(review::label), PEOPLE),
        (api("/review/label-many"), post(review::label_many), PEOPLE),
        (api("/review/undo"), post(review::undo), PEOPLE),
        (api("/review/skus"), get(review::skus), PEOPLE),
        (api("/review/progress"), get(review::progress), PEOPLE),
        (api("/audit"), get(queue::audit), ADMINS),
        ("/metrics".into(), get(health::metrics), ADMINS),
        ("/openapi.json".into(), get(pages::openapi), ALL),
    ]
}

/// The whole server as a service.
pub fn app(server: Arc<Server>) -> Router {
    let mut router = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .merge(pages::pages());
    for (path, methods, roles) in guarded(&server.config.limits) {
        let door = Door { server: server.clone(), roles };
        router = router.route(&path, methods.route_layer(from_fn_with_state(door, guard)));
    }
    router
        .method_not_allowed_fallback(async || {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this path takes other methods; see /docs",
            )
        })
        .fallback(async || ApiError::not_found("there is nothing at this path; /docs lists what there is"))
        .layer(CatchPanicLayer::custom(|panic: Box<dyn std::any::Any + Send>| {
            let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            ApiError::internal(said.unwrap_or("a panic")).into_response()
        }))
        .layer(from_fn_with_state(server.clone(), around))
        .with_state(server)
}

/// What every request has around it: patience, figures, headers.
async fn around(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("other", MatchedPath::as_str);
    let patience = server.config.limits.patience;
    let mut response = tokio::time::timeout(patience, next.run(request)).await.unwrap_or_else(|_| {
        let message = format!("the request was not done within {} s", patience.as_secs());
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "too_slow", message).into_response()
    });
    let known = matches!(method.as_str(), "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH");
    let method = if known { method.as_str() } else { "other" };
    server.metrics.answered(method, route, response.status().as_u16(), started.elapsed());
    for (name, value) in [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer")] {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let cache = HeaderValue::from_static("no-store");
    response.headers_mut().entry(axum::http::header::CACHE_CONTROL).or_insert(cache);
    response
}
