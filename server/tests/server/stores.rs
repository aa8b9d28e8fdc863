//! What must hold on every store: the conformance suite. Each test runs twice.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};
use shelfscan_protocol::http::item_path;
use shelfscan_server::database::tokens::Role;
use shelfscan_server::re_encode;

use crate::items::{SIZE, item, item_in, jpeg};
use crate::running::{BASE, Running, Stores, ids};

/// Makes two tests of one.
macro_rules! on_every_store {
    ($($name:ident)*) => {
        mod embedded {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Stores::Embedded).await;
            }
        )*}
        mod shared {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Stores::Shared).await;
            }
        )*}
    };
}

on_every_store! {
    an_item_put_twice_is_one_item
    many_phones_at_once_lose_nothing
    what_is_stored_is_the_picture_made_anew
    the_queue_is_listed_page_by_page
    nobody_gets_an_item_that_somebody_has
    people_on_two_machines_share_the_queue
    two_who_agree_label_and_two_who_differ_ask_a_third
    undoing_goes_back_step_by_step
    the_audit_says_who_said_what_and_what_before
    skus_are_found_as_one_types
    tokens_work_until_they_are_taken_back
    a_published_index_is_the_newest
    the_database_is_opened_again_as_it_was
}

async fn an_item_put_twice_is_one_item(stores: Stores) {
    let Some(server) = Running::on(stores, &[]).await else { return };
    let item = item(1);
    for status in [201, 200, 200] {
        let answered = server.put(&item).await;
        assert_eq!(answered.status.as_u16(), status, "{answered:?}");
        assert!(answered.body.is_empty(), "phones take an answer for the server's if it is empty or JSON");
    }
    let list = server.get(Role::Admin, &format!("{BASE}/active-learning-queue")).await.json();
    assert_eq!(ids(&list["items"]), [item.id().to_string()]);
}

async fn many_phones_at_once_lose_nothing(stores: Stores) {
    let Some(server) = Running::on(stores, &[]).await else { return };
    let server = Arc::new(server);
    let tasks: Vec<_> = (0..120)
        .map(|number| {
            let server = server.clone();
            // Every item comes from two phones at once: only one of the answers may be "new".
            tokio::spawn(async move {
                let item = item(number / 2);
                (item.id().to_string(), server.put(&item).await.status.as_u16())
            })
        })
        .collect();
    let mut new = Vec::new();
    for task in tasks {
        let (id, status) = task.await.unwrap();
        assert!(matches!(status, 200 | 201), "{status}");
        if status == 201 {
            new.push(id);
        }
    }
    let distinct: HashSet<&String> = new.iter().collect();
    assert_eq!((new.len(), distinct.len()), (60, 60));
}

async fn what_is_stored_is_the_picture_made_anew(stores: Stores) {
    let Some(server) = Running::on(stores, &[]).await else { return };
    let item = item(3);
    server.put_new(&item).await;
    let crop = server.get(Role::Reviewer, &format!("{}/crop", item_path(item.id()))).await;
    assert_eq!(crop.body, re_encode(&jpeg(3), SIZE).unwrap());
    assert_ne!(crop.body, jpeg(3));
    assert_eq!(crop.headers["content-type"], "image/jpeg");
    let request = axum::http::Request::get(format!("{}/crop", item_path(item.id())))
        .header("if-none-match", crop.headers["etag"].clone());
    assert_eq!(server.send(Role::Reviewer, request, ()).await.status.as_u16(), 304);
    let row = server.server.database.item(&item.id().to_string()).await.unwrap().unwrap();
    assert_eq!(row.metadata.as_bytes(), &item.bytes()[8..item.bytes().len() - item.crop().len()]);
}

async fn the_queue_is_listed_page_by_page(stores: Stores) {
    let Some(server) = Running::on(stores, &[]).await else { return };
    for number in 0..7 {
        server.put_new(&item(number)).await;
    }
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let path = format!("{BASE}/active-learning-queue?limit=3&state=waiting&guess=cola{cursor}");
        let page = server.get(Role::Reviewer, &path).await.json();
        seen.extend(ids(&page["items"]));
        pages += 1;
        if pages == 2 {
            // One that comes in meanwhile is on the last page.
            server.put_new(&item(7)).await;
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<String> = (0..8).map(|number| item(number).id().to_string()).collect();
    assert_eq!((seen, pages), (expected, 3));
    for filter in ["guess=pils", "state=labelled", "sku=cola", "sent_by=nobody"] {
        let none = server.get(Role::Reviewer, &format!("{BASE}/active-learning-queue?{filter}")).await.json();
        assert_eq!(none["items"], json!([]), "{filter}");
    }
    let bad = server.get(Role::Reviewer, &format!("{BASE}/active-learning-queue?cursor=x")).await;
    assert!(bad.is_error(400, "bad_request").contains("cursor"));
}

async fn nobody_gets_an_item_that_somebody_has(stores: Stores) {
    let Some(server) = Running::on(stores, &[]).await else { return };
    for number in 0..60 {
        server.put_new(&item(number)).await;
    }
    let server = Arc::new(server);
    let mut tasks = Vec::new();
    for reviewer in 0..6 {
        let (server, secret) = (server.clone(), server.reviewer(&format!("reviewer {reviewer}")).await);
        tasks.push(tokio::spawn(async move {
            let mut had = HashSet::new();
            loop {
                let claimed = server.post_as(&secret, "/review/claim", json!({"count": 4})).await.json();
                let Some(id) = ids(&claimed["items"]).first().cloned() else { return had };
                had.extend(ids(&claimed["items"]));
                let label = json!({"item_id": id, "label": {"is": "sku", "sku": "cola"}});
                server.post_as(&secret, "/review/label", label).await.json();
            }
        }));
    }
    let mut of_all = Vec::new();
    for task in tasks {
        of_all.extend(task.await.unwrap());
    }
    let distinct: HashSet<&String> = of_all.iter().collect();
    assert_eq!((of_all.len(), distinct.len()), (60, 60), "an item was before two people, or before none");
    let progress = server.get(Role::Reviewer, &format!("{BASE}/review/progress")).await.json();
    assert_eq!(progress["labelled"], 60);
}

async fn people_on_two_machines_share_the_queue(stores: Stores) {
    let Some(here) = Running::on(stores, &[]).await else { return };
    let there = here.another().await;
    for number in 0..6 {
        here.put_new(&item(number)).await;
    }
    assert_eq!(there.put(&item(0)).await.status.as_u16(), 200, "the other machine knows the item");
    let mine = here.claim(Role::Reviewer, 3).await;
    let theirs = there.claim(Role::Reviewer, 6).await;
    assert_eq!((mine.len(), theirs.len()), (3, 3));
    assert!(mine.iter().all(|id| !theirs.contains(id)));
    let label = json!({"item_id": mine[0], "label": {"is": "not_a_product"}});
    there.post(Role::Reviewer, "/review/label", label.clone()).await.is_error(409, "leased");
    assert_eq!(here.post(Role::Reviewer, "/review/label", label).await.json()["item"]["state"], "labelled");
    let crop = there.get(Role::Reviewer, &format!("{BASE}/active-learning/items/{}/crop", mine[0])).await;
    assert_eq!(crop.status.as_u16(), 200);
}

async fn two_who_agree_label_and_two_who_differ_ask_a_third(stores: Stores) {
    let more = [("SHELFSCAN_SECOND_OPINIONS_PERCENT", "100")];
    let Some(server) = Running::on(stores, &more).await else { return };
    for number in 0..2 {
        server.put_new(&item(number)).await;
    }
    let [first, second, third] =
        [server.reviewer("first").await, server.reviewer("second").await, server.reviewer("third").await];
    let say = async |secret: &str, number: u32, label: Value| {
        let body = json!({"item_id": item(number).id().to_string(), "label": label});
        server.post_as(secret, "/review/label", body).await.json()["item"].clone()
    };
    let sku = |id: &str| json!({"is": "sku", "sku": id});
    assert_eq!(say(&first, 0, sku("cola")).await["state"], "second");
    assert_eq!(say(&second, 0, sku("cola")).await["state"], "labelled");
    assert_eq!(say(&first, 1, sku("cola")).await["state"], "second");
    let disputed = say(&second, 1, sku("pils")).await;
    assert_eq!((&disputed["state"], &disputed["label"]), (&json!("disputed"), &Value::Null));
    let claimed = server.post_as(&first, "/review/claim", json!({})).await.json();
    assert_eq!(claimed["items"], json!([]), "who has said what it is is not asked again");
    let claimed = server.post_as(&third, "/review/claim", json!({})).await.json();
    assert_eq!(ids(&claimed["items"]), [item(1).id().to_string()]);
    let decided = say(&third, 1, sku("pils")).await;
    assert_eq!((&decided["state"], &decided["label"]["name"]), (&json!("labelled"), &json!("Pils can")));
    let progress = server.post_as(&third, "/review/claim", json!({})).await.json()["progress"].clone();
    assert_eq!(progress["agreement"], json!({"pairs": 4, "agreed": 2}));
    assert_eq!(progress["mine"], 1);
}

async fn undoing_goes_back_step_by_step(stores: Stores) {
    let Some(server) = Running::on(stores, &[]).await else { return };
    for number in 0..3 {
        server.put_new(&item(number)).await;
    }
    let mine = server.claim(Role::Reviewer, 3).await;
    for (id, label) in
        mine.iter().zip([json!({"is": "sku", "sku": "cola"}), json!({"is": "skip"}), json!({"is": "not_a_product"})])
    {
        server.post(Role::Reviewer, "/review/label", json!({"item_id": id, "label": label})).await.json();
    }
    let undo = async || server.post(Role::Reviewer, "/review/undo", json!({})).await;
    for id in [&mine[2], &mine[1], &mine[0]] {
        let undone = undo().await.json()["item"].clone();
        assert_eq!((&undone["id"], &undone["state"], &undone["label"]), (&json!(id), &json!("waiting"), &Value::Null));
    }
    undo().await.is_error(409, "nothing_to_undo");
    assert_eq!(server.claim(Role::Admin, 3).await, Vec::<String>::new(), "what was undone is before who undid it");
    assert_eq!(server.claim(Role::Reviewer, 3).await.len(), 3);
    assert_eq!(server.post(Role::Reviewer, "/review/release", json!({})).await.json()["released"], 3);
    assert_eq!(server.claim(Role::Admin, 3).await.len(), 3);
}

async fn the_audit_says_who_said_what_and_what_before(stores: Stores) {
    let Some(server) = Running::on(stores, &[]).await else { return };
    server.put_new(&item(0)).await;
    let id = item(0).id().to_string();
    let label = |sku: &str| format!("{BASE}/active-learning/label?item_id={id}&sku_id={sku}");
    let post = async |role, path: String| server.send(role, axum::http::Request::post(path), ()).await;
    assert_eq!(post(Role::Reviewer, label("cola")).await.json()["label"]["sku"], "cola");
    assert_eq!(post(Role::Reviewer, label("pils")).await.json()["label"]["sku"], "pils");
    server.post(Role::Reviewer, "/review/undo", json!({})).await.json();
    post(Role::Reviewer, label("nothing")).await.is_error(422, "unknown_sku");
    let entries = server.get(Role::Admin, &format!("{BASE}/audit?item_id={id}")).await.json();
    let told: Vec<_> = entries["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| [&entry["name"], &entry["action"], &entry["before_sku"], &entry["after_sku"]].map(Value::clone))
        .collect();
    let expected = json!([
        ["reviewer", "label", null, "cola"],
        ["reviewer", "label", "cola", "pils"],
        ["reviewer", "undo", "pils", null],
    ]);
    assert_eq!(json!(told), expected);
}

async fn skus_are_found_as_one_types(stores: Stores) {
    let Some(server) = Running::on(stores, &[]).await else { return };
    let find = async |text: &str| {
        let found = server.get(Role::Reviewer, &format!("{BASE}/review/skus?q={text}")).await.json();
        ids(&found["skus"])
    };
    assert_eq!(find("PIL").await, ["pils"]);
    assert_eq!(find("can%20pils").await, ["pils"]);
    assert_eq!(find("%25_").await, ["50%_off"], "signs of the pattern are themselves");
    assert_eq!(find("_o").await, ["50%_off"]);
    assert_eq!(find("zzz").await, Vec::<String>::new());
    assert_eq!(find("").await.len(), 4, "all, with the one for other drinks");
    let new = json!({"item_ids": ["none"], "label": {"is": "new_sku", "name": "Pilsator", "container": "bottle"}});
    let made = server.post(Role::Reviewer, "/review/label-many", new.clone()).await.json();
    assert_eq!((&made["sku"]["id"], &made["refused"][0]["error"]["code"]), (&json!("pilsator"), &json!("not_found")));
    server.post(Role::Reviewer, "/review/label-many", new).await.json();
    assert_eq!(find("pils").await, ["pils", "pilsator"], "one name is one SKU");
    let bad = json!({"item_ids": ["none"], "label": {"is": "new_sku", "name": "x", "barcode": "12"}});
    server.post(Role::Reviewer, "/review/label-many", bad).await.is_error(422, "bad_sku");
}

async fn tokens_work_until_they_are_taken_back(stores: Stores) {
    let Some(server) = Running::on(stores, &[]).await else { return };
    let database = &server.server.database;
    let (token, secret) = database.create_token("Kim", Role::Reviewer).await.unwrap();
    assert_eq!(database.token(&secret).await.unwrap(), Some(token.clone()));
    assert!(!format!("{:?}", database.tokens().await.unwrap()).contains(&secret), "the secret is kept nowhere");
    assert!(database.revoke_token(&token.id).await.unwrap());
    assert!(!database.revoke_token(&token.id).await.unwrap(), "once");
    assert_eq!(database.token(&secret).await.unwrap(), None);
    let refused = server.post_as(&secret, "/review/claim", json!({})).await;
    refused.is_error(401, "unauthorised");
    assert_eq!(refused.headers["www-authenticate"], "Bearer");
}

async fn a_published_index_is_the_newest(stores: Stores) {
    let Some(server) = Running::on(stores, &[]).await else { return };
    let (database, blobs) = (&server.server.database, &server.server.blobs);
    assert_eq!(database.newest_index().await.unwrap(), None);
    for (sha256, changed) in [("aa", true), ("bb", true), ("bb", false), ("aa", true)] {
        blobs.put_index(sha256, sha256.to_owned().into()).await.unwrap();
        assert_eq!(database.publish_index(sha256, "e", "[]", "admin").await.unwrap(), changed, "{sha256}");
        assert_eq!(database.newest_index().await.unwrap().unwrap().sha256, sha256);
    }
    assert_eq!(blobs.index("bb").await.unwrap(), "bb");
    assert!(database.index("bb").await.unwrap().is_some());
    assert!(blobs.index("cc").await.is_err());
}

async fn the_database_is_opened_again_as_it_was(stores: Stores) {
    let Some(server) = Running::on(stores, &[]).await else { return };
    server.put_new(&item_in(3, 1)).await;
    let again = server.another().await;
    let kept = again.server.database.item(&item_in(3, 1).id().to_string()).await.unwrap();
    assert_eq!(kept, server.server.database.item(&item_in(3, 1).id().to_string()).await.unwrap());
    assert!(kept.is_some());
}
