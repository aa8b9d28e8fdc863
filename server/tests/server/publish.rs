//! From labels to phones: an index is published, and a phone's delta makes it know a SKU it did not.

use std::fs;
use std::path::Path;

use axum::http::Request;
use serde_json::json;
use shelfscan::{Bundle, Catalogue, Scanner, Subject, decode};
use shelfscan_protocol::http::delta_path;
use shelfscan_protocol::{Delta, Embedding, Item, Meta, Sha256};
use shelfscan_server::bundles;
use shelfscan_server::database::tokens::Role;

use crate::items::{jpeg, meta};
use crate::recognise::{shipped, with_models};
use crate::running::{BASE, Running, Stores};

async fn delta(server: &Running, bundle: &Bundle) -> crate::running::Answered {
    let (index, embedder) = bundle.office();
    let path = delta_path(index, embedder);
    server.send(Role::Device, Request::get(path), ()).await
}

fn copy_of_the_bundle() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(shipped()).unwrap() {
        let entry = entry.unwrap();
        fs::write(folder.path().join(entry.file_name()), fs::read(entry.path()).unwrap()).unwrap();
    }
    folder
}

fn look(scanner: &Scanner, jpeg: &[u8]) -> (Vec<f32>, Option<String>) {
    let photo = decode(jpeg, &shelfscan::DecodeLimits::default()).unwrap();
    let (embedding, naming) = scanner.embed_product(photo.view().unwrap(), Subject::Whole).unwrap();
    (embedding, naming.sku)
}

async fn a_labelled_sku_reaches_the_phone(stores: Stores) {
    let Some(server) = with_models(stores, &[]).await else { return };
    let phone = copy_of_the_bundle();
    let open = || Bundle::open(phone.path(), 1).unwrap();
    assert_eq!(delta(&server, &open()).await.status.as_u16(), 204, "nothing was published");

    let scanner = Scanner::new(open());
    let embedder = Sha256(scanner.bundle().models().embedder_sha256());
    let mut ids = Vec::new();
    for number in 1..4 {
        let (embedding, sku) = look(&scanner, &jpeg(number));
        assert_eq!(sku, None, "the made-up picture is no SKU yet");
        let meta = Meta { embedding: Embedding::of(&embedding, embedder), ..meta(number, 0) };
        let item = Item::new(&meta, &jpeg(number)).unwrap();
        server.put_new(&item).await;
        ids.push(item.id().to_string());
    }
    let many = json!({"item_ids": ids, "label": {"is": "new_sku", "name": "Testperle"}});
    server.post(Role::Reviewer, "/review/label-many", many).await.json();
    let published = server.post(Role::Admin, "/bundle/publish", json!({})).await.json();
    assert_eq!(
        (&published["new"], &published["vectors"], &published["changed"]),
        (&json!(["testperle"]), &json!(3), &json!(true))
    );
    let again = server.post(Role::Admin, "/bundle/publish", json!({})).await.json();
    assert_eq!(
        (&again["index"], &again["changed"]),
        (&published["index"], &json!(false)),
        "the same labels, the same index"
    );

    let answered = delta(&server, scanner.bundle()).await;
    assert_eq!(answered.headers["content-type"], "application/vnd.shelfscan.delta");
    let key = shelfscan_server::signing::key(None, Path::new(&server.variables["SHELFSCAN_DATA"])).unwrap().public();
    let verified = Delta::verify(&answered.body, &[key]).unwrap();
    let mut catalogue = Catalogue::of(open());
    let applied = catalogue.apply(&verified).unwrap();
    assert_eq!(applied.added, ["testperle"]);
    let scanner = Scanner::new(catalogue.into_bundle().unwrap());
    assert_eq!(look(&scanner, &jpeg(2)).1.as_deref(), Some("testperle"), "the phone knows the SKU now");
    assert_eq!(delta(&server, scanner.bundle()).await.status.as_u16(), 204, "and is up to date");

    // The server recognises with it too, here and on a machine that starts later, and gives it as a whole bundle.
    let there = server.another().await;
    for server in [&server, &there] {
        let zipped = server.get(Role::Device, &format!("{BASE}/bundle")).await;
        let folder = tempfile::tempdir().unwrap();
        zip::ZipArchive::new(std::io::Cursor::new(zipped.body)).unwrap().extract(folder.path()).unwrap();
        let bundle = Bundle::open(folder.path(), 1).unwrap();
        assert_eq!(json!(Sha256(bundle.index_sha256()).to_string()), published["index"]);
        assert!(bundle.manifest().sku("testperle").is_some_and(|sku| sku.name == "Testperle"));
    }

    // A label taken back is a SKU gone.
    for _ in 0..3 {
        server.post(Role::Reviewer, "/review/undo", json!({})).await.json();
    }
    let back = server.post(Role::Admin, "/bundle/publish", json!({})).await.json();
    assert_eq!(back["vectors"], 0);
    let verified = Delta::verify(&delta(&server, scanner.bundle()).await.body, &[key]).unwrap();
    let mut catalogue = Catalogue::of(scanner.into_bundle());
    assert_eq!(catalogue.apply(&verified).unwrap().removed, ["testperle"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_labelled_sku_reaches_the_phone_from_embedded_stores() {
    a_labelled_sku_reaches_the_phone(Stores::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_labelled_sku_reaches_the_phone_from_shared_stores() {
    a_labelled_sku_reaches_the_phone(Stores::Shared).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_with_other_models_or_an_unknown_index_is_told() {
    let server = with_models(Stores::Embedded, &[]).await.unwrap();
    let bundle = Bundle::open(&shipped(), 1).unwrap();
    let embedder = Sha256(bundle.models().embedder_sha256());
    let ask = async |index, embedder| server.send(Role::Device, Request::get(delta_path(index, embedder)), ()).await;
    ask(Sha256(bundle.index_sha256()), Sha256::of(b"other")).await.is_error(409, "other_embedder");
    let whole = ask(Sha256::of(b"some index"), embedder).await;
    let key = shelfscan_server::signing::key(None, Path::new(&server.variables["SHELFSCAN_DATA"])).unwrap().public();
    let verified = Delta::verify(&whole.body, &[key]).unwrap();
    assert_eq!((verified.head.from, verified.head.to), (None, Sha256(bundle.index_sha256())));
    for query in ["", "?index=x&embedder=y", "?index=00"] {
        let path = format!("{BASE}/bundle/delta{query}");
        server.get(Role::Device, &path).await.is_error(400, "bad_request");
    }
}

/// Labels of a SKU whose vectors were condensed wait for the next training, and keep nothing else back.
#[test]
fn a_condensed_sku_is_told_and_left_as_it_is() {
    let bundle = Bundle::open(&shipped(), 1).unwrap();
    let condensed = bundle.index().skus().find(|sku| sku.samples as usize > sku.prototypes).unwrap().id.to_owned();
    let dim = bundle.index().dim();
    let codes = |first: u8| (0..dim).map(|at| if at == 0 { first } else { 3 }).collect::<Vec<u8>>();
    let labelled = vec![(condensed.clone(), codes(100)), ("fresh".to_owned(), codes(90))];
    let built = bundles::build(&shipped(), 1, labelled, &[]).unwrap();
    assert_eq!((built.condensed, built.new, built.vectors), (vec![condensed], vec!["fresh".to_owned()], 1));
}
