//! Who may do what: every call with every role, and with none.

use axum::http::{Method, Request, StatusCode, header};
use serde_json::Value;
use shelfscan_server::database::tokens::Role::{self, Admin, Device, Reviewer};

use crate::running::{BASE, Running};

/// The calls that need a token, each with the roles it is open to. One that is not in it fails the test below.
const CALLS: &[(&str, &str, &[Role])] = &[
    ("POST", "/api/v1/ai/v2/recognize", &[Device, Reviewer, Admin]),
    ("GET", "/api/v1/ai/v2/bundle", &[Device, Reviewer, Admin]),
    ("GET", "/api/v1/ai/v2/bundle/delta", &[Device, Reviewer, Admin]),
    ("POST", "/api/v1/ai/v2/bundle/publish", &[Admin]),
    ("PUT", "/api/v1/ai/v2/active-learning/items/{id}", &[Device]),
    ("GET", "/api/v1/ai/v2/active-learning-queue", &[Reviewer, Admin]),
    ("GET", "/api/v1/ai/v2/active-learning/items/{id}/crop", &[Reviewer, Admin]),
    ("POST", "/api/v1/ai/v2/active-learning/label", &[Reviewer, Admin]),
    ("GET", "/api/v1/ai/v2/active-learning/export", &[Admin]),
    ("GET", "/api/v1/ai/v2/review/me", &[Reviewer, Admin]),
    ("POST", "/api/v1/ai/v2/review/claim", &[Reviewer, Admin]),
    ("POST", "/api/v1/ai/v2/review/look-alikes", &[Reviewer, Admin]),
    ("POST", "/api/v1/ai/v2/review/release", &[Reviewer, Admin]),
    ("POST", "/api/v1/ai/v2/review/label", &[Reviewer, Admin]),
    ("POST", "/api/v1/ai/v2/review/label-many", &[Reviewer, Admin]),
    ("POST", "/api/v1/ai/v2/review/undo", &[Reviewer, Admin]),
    ("GET", "/api/v1/ai/v2/review/skus", &[Reviewer, Admin]),
    ("GET", "/api/v1/ai/v2/review/progress", &[Reviewer, Admin]),
    ("GET", "/api/v1/ai/v2/audit", &[Admin]),
    ("GET", "/metrics", &[Admin]),
    ("GET", "/openapi.json", &[Device, Reviewer, Admin]),
];

/// What is no good token.
const WRONG: [&str; 5] = ["Bearer sst_wrong", "Bearer ", "Basic YWRtaW46YWRtaW4=", "sst_", "Bearer \u{fffd}"];

/// What is open to everybody.
const OPEN: &[&str] = &["/healthz", "/readyz"];

#[tokio::test]
async fn every_call_is_open_to_its_roles_and_to_nobody_else() {
    let server = Running::start().await;
    for (number, &(method, path, roles)) in CALLS.iter().enumerate() {
        let uri = path.replace("{id}", &"ab".repeat(32));
        let request = || Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(&uri);
        for role in Role::ALL {
            let answered = server.send(role, request(), ()).await;
            let let_in = !matches!(answered.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
            assert_eq!(let_in, roles.contains(&role), "{method} {path} as {role}: {answered:?}");
            if !let_in {
                answered.is_error(403, "forbidden");
            }
        }
        server.send_bare(request().body(().into()).unwrap()).await.is_error(401, "unauthorised");
        // Once for all: requests without a good token are counted together.
        let wrongs: &[&str] = if number > 0 { &[] } else { &WRONG };
        for wrong in wrongs {
            let Ok(request) = request().header(header::AUTHORIZATION, wrong.as_bytes()).body(().into()) else {
                continue;
            };
            server.send_bare(request).await.is_error(401, "unauthorised");
        }
    }
}

#[tokio::test]
async fn the_table_above_is_the_whole_api() {
    let server = Running::start().await;
    let api: Value = server.get(Role::Device, "/openapi.json").await.json();
    let mut described: Vec<(String, String)> = Vec::new();
    for (path, calls) in api["paths"].as_object().unwrap() {
        for method in calls.as_object().unwrap().keys() {
            described.push((method.to_uppercase(), path.clone()));
        }
    }
    let mut listed: Vec<(String, String)> =
        CALLS.iter().map(|&(method, path, _)| (method.to_owned(), path.to_owned())).collect();
    listed.extend(OPEN.iter().map(|path| ("GET".to_owned(), (*path).to_owned())));
    described.sort();
    listed.sort();
    assert_eq!(described, listed);
    for (path, calls) in api["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            let guarded = call["security"].is_array();
            assert_eq!(guarded, !OPEN.contains(&path.as_str()), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_token_that_calls_too_often_waits() {
    let more = [("SHELFSCAN_REQUESTS_PER_MINUTE", "20")];
    let server = Running::on(crate::running::Stores::Embedded, &more).await.unwrap();
    let ask = async |role| server.get(role, &format!("{BASE}/review/me")).await;
    let mut let_in = 0;
    let refused = loop {
        let answered = ask(Reviewer).await;
        if answered.status != StatusCode::OK {
            break answered;
        }
        let_in += 1;
        assert!(let_in < 20, "half of the 20 in a minute may come at once, and one more every 3 s");
    };
    assert!(let_in >= 10, "{let_in}");
    refused.is_error(429, "rate_limited");
    let wait: u32 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3).contains(&wait), "one call in 3 s is allowed, so wait {wait} s");
    ask(Admin).await.json();
}
