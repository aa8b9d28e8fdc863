//! What nobody should send, and somebody does.

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::json;
use shelfscan_protocol::http::{ITEM_TYPE, item_path};
use shelfscan_protocol::{Item, MAX_ITEM_BYTES, Sha256};
use shelfscan_server::database::tokens::Role;

use crate::items::{item, jpeg, meta};
use crate::running::{BASE, Running};

#[tokio::test]
async fn documents_that_are_no_items_are_refused_for_good() {
    let server = Running::start().await;
    let good = item(1);
    let bytes = good.bytes().to_vec();
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        bytes
    };
    let cases: [(&str, Vec<u8>, u16, &str); 8] = [
        ("nothing", Vec::new(), 400, "bad_item"),
        ("another kind of file", b"PK\x03\x04 and so on".to_vec(), 400, "bad_item"),
        ("a later version", changed(|bytes| bytes[3] = b'2'), 400, "bad_item"),
        ("a length beyond its end", changed(|bytes| bytes[4..8].fill(0xff)), 413, "too_large"),
        ("cut off", changed(|bytes| bytes.truncate(bytes.len() - 9)), 400, "bad_item"),
        ("no JSON", changed(|bytes| bytes[8] = b'['), 400, "bad_item"),
        ("a JPEG with EXIF", with_exif(), 400, "bad_item"),
        ("too long", vec![b'S'; MAX_ITEM_BYTES + 1], 413, "too_large"),
    ];
    for (what, bytes, status, code) in cases {
        let path = item_path(Sha256::of(&bytes));
        let answered = server.put_bytes(&path, bytes).await;
        assert_eq!(answered.status.as_u16(), status, "{what}: {answered:?}");
        answered.is_error(status, code);
    }
    let list = server.get(Role::Admin, &format!("{BASE}/active-learning-queue")).await.json();
    assert_eq!(list["items"], json!([]), "nothing of it was kept");
}

/// Its header says a picture, its pixels are noise: no check without decoding sees it.
#[tokio::test]
async fn a_picture_that_cant_be_decoded_is_refused() {
    let server = Running::start().await;
    let mut jpeg = jpeg(1);
    let tables = jpeg.windows(2).position(|pair| pair == [0xff, 0xc4]).unwrap();
    let length = usize::from(u16::from_be_bytes([jpeg[tables + 2], jpeg[tables + 3]]));
    jpeg[tables + 4..tables + 2 + length].fill(0xfe);
    let Ok(item) = Item::new(&meta(1, 0), &jpeg) else { panic!("the phone's checks don't decode") };
    let answered = server.put(&item).await;
    assert!(answered.is_error(422, "bad_item").contains("crop"));
}

#[tokio::test]
async fn an_item_under_anothers_name_is_refused() {
    let server = Running::start().await;
    for path in [
        item_path(item(2).id()),
        format!("{BASE}/active-learning/items/ABC"),
        format!("{BASE}/active-learning/items/..%2F..%2Fetc%2Fpasswd"),
        item_path(item(1).id())
            .to_uppercase()
            .replace("/API/V1/AI/V2/ACTIVE-LEARNING/ITEMS", &format!("{BASE}/active-learning/items")),
    ] {
        let answered = server.put_bytes(&path, item(1).bytes().to_vec()).await;
        assert!(!answered.is_error(400, "id_mismatch").is_empty(), "{path}");
    }
    server.put_new(&item(1)).await;
}

#[tokio::test]
async fn another_type_and_a_cut_body_are_refused() {
    let server = Running::start().await;
    let path = item_path(item(1).id());
    let put = |kind: &'static str| Request::builder().method(Method::PUT).uri(&path).header(header::CONTENT_TYPE, kind);
    let bytes = item(1).bytes().to_vec();
    server.send(Role::Device, put("image/jpeg"), bytes.clone()).await.is_error(415, "wrong_type");
    let part: Vec<Result<Vec<u8>, std::io::Error>> =
        vec![Ok(bytes[..100].to_vec()), Err(std::io::ErrorKind::ConnectionReset.into())];
    let cut = Body::from_stream(futures_util::stream::iter(part));
    server.send(Role::Device, put(ITEM_TYPE), cut).await.is_error(400, "cut_off");
    // A length that is stated is believed before a byte is read; one that is not is counted.
    let endless = || Body::from_stream(futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0; 65_536])));
    server.send(Role::Device, put(ITEM_TYPE), endless()).await.is_error(413, "too_large");
    let stated = put(ITEM_TYPE).header(header::CONTENT_LENGTH, "99999999999");
    server.send(Role::Device, stated, endless()).await.is_error(413, "too_large");
}

#[tokio::test]
async fn odd_requests_get_the_servers_own_errors() {
    let server = Running::start().await;
    let get = async |path: &str| server.get(Role::Admin, path).await;
    get("/nothing").await.is_error(404, "not_found");
    get(&format!("{BASE}/active-learning-queue?limit=0")).await.is_error(400, "bad_request");
    get(&format!("{BASE}/active-learning-queue?limit=ten")).await.is_error(400, "bad_request");
    get(&format!("{BASE}/active-learning-queue?state=lost")).await.is_error(400, "bad_request");
    get(&format!("{BASE}/active-learning-queue?sku=%00")).await.is_error(400, "bad_request");
    get(&format!("{BASE}/active-learning/export?format=tar")).await.is_error(400, "bad_request");
    get(&format!("{BASE}/review/skus?q=%00")).await.is_error(400, "bad_request");
    get(&format!("{BASE}/audit?item_id=%00")).await.is_error(400, "bad_request");
    for id in ["..%2F..%2Fetc%2Fpasswd", "%00", "%2e%2e", "ab"] {
        get(&format!("{BASE}/active-learning/items/{id}/crop")).await.is_error(404, "not_found");
    }
    let delete = Request::delete(format!("{BASE}/active-learning-queue"));
    server.send(Role::Admin, delete, ()).await.is_error(405, "method_not_allowed");

    let post = async |path: &str, body: serde_json::Value| server.post(Role::Reviewer, path, body).await;
    for (path, body) in [
        ("/review/claim", json!({"count": 0})),
        ("/review/claim", json!({"count": 101})),
        ("/review/claim", json!({"count": "many"})),
        ("/review/claim", json!([])),
        ("/review/look-alikes", json!({"item_id": "x", "similarity": 2})),
        ("/review/label", json!({"item_id": "x", "label": {"is": "nonsense"}})),
        ("/review/label", json!({"item_id": "\0", "label": {"is": "skip"}})),
        ("/review/release", json!({"item_ids": ["\0"]})),
        ("/review/label-many", json!({"item_ids": [], "label": {"is": "skip"}})),
        ("/review/label-many", json!({"item_ids": vec!["x"; 501], "label": {"is": "skip"}})),
    ] {
        let answered = post(path, body.clone()).await;
        assert_eq!(answered.status.as_u16(), 400, "{path} {body}: {answered:?}");
        answered.is_error(400, "bad_request");
    }
    for id in ["x", "'; DROP TABLE items; --"] {
        post("/review/label", json!({"item_id": id, "label": {"is": "skip"}})).await.is_error(404, "not_found");
        post("/review/look-alikes", json!({"item_id": id})).await.is_error(404, "not_found");
        assert_eq!(post("/review/release", json!({"item_ids": [id]})).await.json()["released"], 0);
    }
    let form = Request::post(format!("{BASE}/review/claim")).header(header::CONTENT_TYPE, "text/plain");
    server.send(Role::Reviewer, form, "{}").await.is_error(415, "wrong_type");
    let large = Request::post(format!("{BASE}/review/claim")).header(header::CONTENT_TYPE, "application/json");
    server.send(Role::Reviewer, large, " ".repeat(300 << 10)).await.is_error(413, "too_large");
}

#[tokio::test]
async fn without_models_recognition_says_so_and_the_rest_works() {
    let server = Running::start().await;
    let ready = server.get(Role::Admin, "/readyz").await.json();
    assert_eq!(ready, json!({"status": "ready", "recognition": "off"}));
    server.get(Role::Device, &format!("{BASE}/bundle")).await.is_error(503, "recognition_off");
    let photo =
        Request::post(format!("{BASE}/recognize")).header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
    server.send(Role::Device, photo, "--x--").await.is_error(503, "recognition_off");
    server.put_new(&item(1)).await;
}

/// The item with a segment that may say where the photo was taken, as no honest phone makes one.
fn with_exif() -> Vec<u8> {
    let item = item(1);
    let mut bytes = item.bytes().to_vec();
    let crop = bytes.len() - item.crop().len();
    bytes.splice(crop + 2..crop + 2, *b"\xff\xe1\x00\x08Exif\0\0");
    bytes
}
