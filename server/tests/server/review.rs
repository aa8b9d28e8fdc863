//! A person at the review page.

use serde_json::{Value, json};
use shelfscan_protocol::Label;
use shelfscan_server::database::tokens::Role;

use crate::items::{corrected, item, item_in};
use crate::running::{BASE, Running, ids};

#[tokio::test]
async fn an_item_is_shown_with_all_that_is_known_of_it() {
    let server = Running::start().await;
    server.put_new(&item(0)).await;
    let said = Label::NewSku { name: "Bitterfink".into(), container: Some("can".into()), barcode: None };
    server.put_new(&corrected(1, said)).await;
    let claimed = server.post(Role::Reviewer, "/review/claim", json!({"count": 5})).await.json();
    let shown = &claimed["items"][0];
    let id = item(0).id().to_string();
    assert_eq!(
        shown["crop"],
        json!({"url": format!("{BASE}/active-learning/items/{id}/crop"), "width": 60, "height": 120, "box": [10.0, 15.0, 50.0, 110.0]})
    );
    assert_eq!(shown["candidates"][0]["name"], "Cola");
    assert_eq!(shown["candidates"][1]["name"], "Pils can");
    for (field, value) in [
        ("id", json!(id)),
        ("state", json!("waiting")),
        ("label", Value::Null),
        ("correction", Value::Null),
        ("reason", json!("low_margin")),
        ("container", json!("can")),
        ("wanted", json!(1)),
        ("tags", json!({"store": "17"})),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    let correction = &claimed["items"][1]["correction"];
    assert_eq!(correction, &json!({"is": "new_sku", "name": "Bitterfink", "container": "can", "barcode": null}));
    assert!(claimed["lease_until"].as_i64().unwrap() > shown["received_at"].as_i64().unwrap() + 590_000);
    let me = server.get(Role::Reviewer, &format!("{BASE}/review/me")).await.json();
    assert_eq!(me, json!({"name": "reviewer", "role": "reviewer"}));
}

#[tokio::test]
async fn claiming_again_keeps_what_one_has_and_fills_up() {
    let server = Running::start().await;
    for number in 0..8 {
        server.put_new(&item(number)).await;
    }
    let first = server.claim(Role::Reviewer, 5).await;
    assert_eq!(server.claim(Role::Reviewer, 5).await, first);
    let label = json!({"item_id": first[0], "label": {"is": "sku", "sku": "cola"}});
    server.post(Role::Reviewer, "/review/label", label).await.json();
    let second = server.claim(Role::Reviewer, 5).await;
    assert_eq!(second[..4], first[1..], "one has four of them already");
    assert_eq!(server.claim(Role::Admin, 100).await.len(), 2);
    let back = json!({"item_ids": [second[0], "none", first[0]]});
    assert_eq!(server.post(Role::Reviewer, "/review/release", back).await.json()["released"], 1);
    assert!(server.claim(Role::Admin, 100).await.contains(&second[0]));
}

#[tokio::test]
async fn look_alikes_are_named_together() {
    let server = Running::start().await;
    for number in 0..12 {
        server.put_new(&item_in(number % 3 * 4, number)).await;
    }
    let id = |number: u32| item_in(number % 3 * 4, number).id().to_string();
    // Somebody else has one of them before them.
    let other = server.reviewer("other").await;
    let theirs = server.post_as(&other, "/review/look-alikes", json!({"item_id": id(0), "count": 1})).await.json();
    let theirs = theirs["items"][0]["item"]["id"].as_str().unwrap().to_owned();

    let ask = json!({"item_id": id(0), "similarity": 0.9});
    let cluster = server.post(Role::Reviewer, "/review/look-alikes", ask.clone()).await.json();
    let alike = cluster["items"].as_array().unwrap();
    let found: Vec<&str> = alike.iter().map(|alike| alike["item"]["id"].as_str().unwrap()).collect();
    assert_eq!(found.len(), 2, "3, 6 and 9 are like 0, and one of them is taken: {found:?}");
    assert!(found.iter().all(|found| [id(3), id(6), id(9)].contains(&(*found).to_owned()) && *found != theirs));
    let similarities: Vec<f64> = alike.iter().map(|alike| alike["similarity"].as_f64().unwrap()).collect();
    assert!(similarities.is_sorted_by(|a, b| a >= b) && similarities[0] > 0.9, "{similarities:?}");

    let all: Vec<&str> = found.iter().copied().chain([theirs.as_str()]).collect();
    let many = json!({"item_ids": all, "label": {"is": "new_sku", "name": "Laubwerk Minze"}});
    let done = server.post(Role::Reviewer, "/review/label-many", many).await.json();
    assert_eq!(done["labelled"], json!(found));
    assert_eq!(done["refused"][0]["error"]["code"], "leased");
    assert_eq!(done["sku"]["id"], "laubwerk-minze");
    assert_eq!(done["progress"]["labelled"], 2);
    let again = server.post(Role::Reviewer, "/review/look-alikes", ask).await.json();
    assert_eq!(again["items"], json!([]));
    let path = format!("{BASE}/active-learning-queue?sku=laubwerk-minze");
    let listed = server.get(Role::Reviewer, &path).await.json();
    assert_eq!(ids(&listed["items"]).len(), 2);
    assert_eq!(listed["items"][0]["label"], json!({"is": "sku", "sku": "laubwerk-minze", "name": "Laubwerk Minze"}));
}

#[tokio::test]
async fn what_one_skips_comes_to_others() {
    let server = Running::start().await;
    server.put_new(&item(0)).await;
    let skip = json!({"item_id": item(0).id().to_string(), "label": {"is": "skip"}});
    let skipped = server.post(Role::Reviewer, "/review/label", skip).await.json();
    assert_eq!(skipped["item"]["state"], "waiting");
    assert_eq!(server.claim(Role::Reviewer, 5).await, Vec::<String>::new());
    assert_eq!(server.claim(Role::Admin, 5).await.len(), 1);
}
