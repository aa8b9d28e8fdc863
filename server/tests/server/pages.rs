//! What is open to everybody, and how it keeps to itself.

use axum::http::Request;
use serde_json::json;
use shelfscan_server::database::tokens::Role;

use crate::running::Running;

#[tokio::test]
async fn health_and_pages_need_no_token_and_show_no_data() {
    let server = Running::start().await;
    let get = async |path: &str| server.send_bare(Request::get(path).body(().into()).unwrap()).await;
    assert_eq!(get("/healthz").await.body, "ok\n");
    assert_eq!(get("/readyz").await.json(), json!({"status": "ready", "recognition": "off"}));
    let page = get("/docs").await;
    assert_eq!(
        (page.status.as_u16(), &page.headers["content-type"]),
        (200, &"text/html; charset=utf-8".parse().unwrap())
    );
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    // Whatever the page loads is there.
    let loads: Vec<&str> = text.split(['"']).filter(|part| part.starts_with("/docs/")).collect();
    assert_eq!(loads.len(), 2, "{text}");
    for path in loads {
        assert_eq!(get(path).await.status.as_u16(), 200, "{path}");
    }
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    assert_eq!(get("/healthz").await.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn the_description_names_what_it_refers_to() {
    let server = Running::start().await;
    let api = server.get(Role::Device, "/openapi.json").await.json();
    assert!(api["openapi"].as_str().unwrap().starts_with("3."), "{}", api["openapi"]);
    let text = api.to_string();
    let references = text.split("\"#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap());
    let mut count = 0;
    for name in references {
        assert!(api["components"]["schemas"][name].is_object(), "{name} is referred to and not there");
        count += 1;
    }
    assert!(count > 20, "{count}");
    assert_eq!(api["components"]["securitySchemes"]["token"]["scheme"], "bearer");
}

#[tokio::test]
async fn figures_count_what_came() {
    let server = Running::start().await;
    server.put_new(&crate::items::item(1)).await;
    server.put(&crate::items::item(1)).await;
    server.put_bytes("/api/v1/ai/v2/active-learning/items/x", Vec::new()).await;
    let metrics = server.get(Role::Admin, "/metrics").await;
    assert_eq!(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    for line in [
        "shelfscan_items_total{outcome=\"stored\"} 1",
        "shelfscan_items_total{outcome=\"known\"} 1",
        "shelfscan_items_total{outcome=\"refused\"} 1",
        "shelfscan_queue_items{state=\"waiting\"} 1",
        "shelfscan_requests_total{method=\"PUT\",route=\"/api/v1/ai/v2/active-learning/items/{id}\",status=\"201\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "`{line}` is not in:\n{text}");
    }
}
