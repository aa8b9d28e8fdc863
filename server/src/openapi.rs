//! The API's description, put together from what stands at each handler.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::routes::{bundle, export, health, intake, pages, queue, recognise, review};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Shelfscan server",
        description = "Recognition, the intake of the phones' crop queues, their review and export. Every call but health has \
                       `Authorization: Bearer TOKEN`. An error is `{\"error\": {\"code\", \"message\"}}`: 401 `unauthorised`, 403 \
                       `forbidden`, 408 `too_slow`, 429 `rate_limited` and 503 `store_unavailable` may be the answer to any call."
    ),
    paths(
        health::healthz,
        health::readyz,
        health::metrics,
        pages::openapi,
        recognise::recognise,
        intake::put_item,
        bundle::bundle,
        bundle::delta,
        bundle::publish,
        queue::list,
        queue::crop,
        queue::label,
        queue::audit,
        export::export,
        review::me,
        review::claim,
        review::look_alikes,
        review::release,
        review::label,
        review::label_many,
        review::undo,
        review::skus,
        review::progress
    ),
    components(schemas(export::Format)),
    modifiers(&Bearer)
)]
struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        api.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The description, OpenAPI 3.1.
pub fn description() -> utoipa::openapi::OpenApi {
    Api::openapi()
}
