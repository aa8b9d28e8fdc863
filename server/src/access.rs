//! Who may call what, and how often.
//!
//! Owns the look at `Authorization: Bearer`, the roles a route is open to, and the limit on each token's requests. Refuses before a
//! byte of a body is read. Cookies are not looked at, so no other site can act for whoever is logged in.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::database::tokens::{Role, Token};
use crate::error::{ApiError, ApiResult};
use crate::server::Server;

/// Requests without a good token that are looked up in a second, from all senders together.
const STRANGERS_PER_SECOND: u32 = 100;

/// Who calls. Handlers take it as an extension.
#[derive(Clone, Debug)]
pub struct Caller(pub Arc<Token>);

/// The roles that a group of routes is open to, with the server that knows the tokens.
#[derive(Clone, Debug)]
pub struct Door {
    /// The server.
    pub server: Arc<Server>,
    /// Roles let in.
    pub roles: &'static [Role],
}

/// How often each token has called lately.
#[derive(Debug)]
pub struct Pace {
    tokens: RateLimiter<String, HashMapStateStore<String>, DefaultClock>,
    strangers: RateLimiter<String, HashMapStateStore<String>, DefaultClock>,
    clock: DefaultClock,
}

impl Pace {
    /// Lets each token call so often in a minute, half of it at once.
    pub fn new(requests_per_minute: u32) -> Self {
        let number = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(number(requests_per_minute)).allow_burst(number(requests_per_minute.div_ceil(2)));
        Self {
            tokens: RateLimiter::hashmap(quota),
            strangers: RateLimiter::hashmap(Quota::per_second(number(STRANGERS_PER_SECOND))),
            clock: DefaultClock::default(),
        }
    }

    fn check(
        &self,
        limiter: &RateLimiter<String, HashMapStateStore<String>, DefaultClock>,
        key: &str,
    ) -> ApiResult<()> {
        limiter.check_key(&key.to_owned()).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now()).as_secs_f32().ceil() as u32;
            let message = format!("too many requests; wait {} s", wait.max(1));
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message).retry_after(wait)
        })
    }

    /// Forgets tokens that have not called for long.
    pub fn forget_idle(&self) {
        self.tokens.retain_recent();
        self.tokens.shrink_to_fit();
    }
}

/// Lets in whoever has a token of one of the roles, and tells the handler who it is.
///
/// # Errors
/// 401, 403, 429.
pub async fn guard(State(door): State<Door>, mut request: Request, next: Next) -> ApiResult<Response> {
    let Door { server, roles } = door;
    let token = match bearer(request.headers()) {
        Some(secret) => server.database.token(secret).await?,
        None => None,
    };
    let Some(token) = token else {
        server.pace.check(&server.pace.strangers, "")?;
        let (code, message) = match request.headers().get(header::AUTHORIZATION) {
            None => ("unauthorised", "this needs a token: `Authorization: Bearer sst_…`"),
            Some(_) => ("unauthorised", "this token is unknown or was taken back; ask for a new one"),
        };
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, code, message));
    };
    server.pace.check(&server.pace.tokens, &token.id)?;
    if !roles.contains(&token.role) {
        let open: Vec<&str> = roles.iter().map(|role| role.name()).collect();
        let message = format!("a {} token may not do this; it is for: {}", token.role, open.join(", "));
        return Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", message));
    }
    request.extensions_mut().insert(Caller(Arc::new(token)));
    Ok(next.run(request).await)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}
