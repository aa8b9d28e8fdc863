//! Photos in, counts out: what the command line writes for the same photo, byte for byte.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::{Request, header};
use shelfscan::{Bundle, Report, ScanOptions, Scanner};
use shelfscan_server::database::tokens::Role;

use crate::running::{Answered, BASE, Running, Stores};

/// The folder of the bundle that everything is tried with.
pub fn shipped() -> PathBuf {
    let folder = std::env::var_os("SHELFSCAN_TEST_BUNDLE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/bundles/drinks"), PathBuf::from);
    assert!(folder.join("manifest.json").is_file(), "{}: no bundle here; see SHELFSCAN_TEST_BUNDLE", folder.display());
    folder
}

/// A server with the shipped bundle.
pub async fn with_models(stores: Stores, more: &[(&str, &str)]) -> Option<Running> {
    let detector = shipped().join("detector.tflite");
    let detector = detector.to_str().unwrap();
    let set = [("AI_V2_ENABLED", "true"), ("AI_V2_DETECTOR_MODEL", detector)];
    Running::on(stores, &[&set[..], more].concat()).await
}

fn photo() -> Vec<u8> {
    std::fs::read(shipped().join("selftest.png")).unwrap()
}

async fn recognise(server: &Running, name: &str, photo: &[u8]) -> Answered {
    let mut form = format!(
        "--limit\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nfirst\r\n--limit\r\n\
         Content-Disposition: form-data; name=\"image\"; filename=\"{name}\"\r\nContent-Type: image/png\r\n\r\n"
    )
    .into_bytes();
    form.extend_from_slice(photo);
    form.extend_from_slice(b"\r\n--limit--\r\n");
    let request =
        Request::post(format!("{BASE}/recognize")).header(header::CONTENT_TYPE, "multipart/form-data; boundary=limit");
    server.send(Role::Device, request, form).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_is_that_of_the_command_line() {
    let server = with_models(Stores::Embedded, &[]).await.unwrap();
    let scanner = Scanner::new(Bundle::open(&shipped(), 1).unwrap());
    let result = scanner.scan_file(&photo(), &ScanOptions::default()).unwrap();
    assert!(!result.facings.is_empty(), "a photo with facings is needed");
    let expected = Report::new([("shelf.png".to_owned(), &result)], Vec::new()).to_json().unwrap();
    let answered = recognise(&server, "shelf.png", &photo()).await;
    assert_eq!(answered.status.as_u16(), 200, "{answered:?}");
    assert_eq!(answered.headers["content-type"], "application/json");
    assert_eq!(String::from_utf8(answered.body.to_vec()).unwrap(), expected);
    assert_eq!(server.get(Role::Admin, "/readyz").await.json()["recognition"], "ready");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_photo_is_refused() {
    let server = with_models(Stores::Embedded, &[("SHELFSCAN_MAX_PHOTO_BYTES", "300000")]).await.unwrap();
    recognise(&server, "a.jpg", b"no photo").await.is_error(422, "bad_photo");
    recognise(&server, "a.jpg", &photo()[..photo().len() / 2]).await.is_error(422, "bad_photo");
    recognise(&server, "a.jpg", b"").await.is_error(422, "bad_photo");
    recognise(&server, "a.jpg", &[0; 400_000]).await.is_error(413, "too_large");
    let request = |kind: &'static str| Request::post(format!("{BASE}/recognize")).header(header::CONTENT_TYPE, kind);
    server.send(Role::Device, request("image/png"), photo()).await.is_error(415, "wrong_type");
    let none = "--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nno image\r\n--x--\r\n";
    server.send(Role::Device, request("multipart/form-data; boundary=x"), none).await.is_error(400, "bad_form");
    server.send(Role::Device, request("multipart/form-data; boundary=x"), "--y").await.is_error(400, "bad_form");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_photos_than_places_come_again_later() {
    let more = [("SHELFSCAN_RECOGNITIONS", "1"), ("SHELFSCAN_RECOGNITIONS_WAITING", "2")];
    let server = Arc::new(with_models(Stores::Embedded, &more).await.unwrap());
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let server = server.clone();
            tokio::spawn(async move { recognise(&server, "a.png", &photo()).await })
        })
        .collect();
    let (mut done, mut busy) = (0, 0);
    for task in tasks {
        let answered = task.await.unwrap();
        if answered.status.as_u16() == 200 {
            done += 1;
        } else {
            answered.is_error(503, "busy");
            assert!(answered.headers.contains_key("retry-after"));
            busy += 1;
        }
    }
    assert!(done >= 3 && busy >= 1, "{done} done, {busy} busy: three have a place");
    assert_eq!(recognise(&server, "a.png", &photo()).await.status.as_u16(), 200, "the places are free again");
    let metrics = server.get(Role::Admin, "/metrics").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    for line in [
        format!("shelfscan_photos_total{{outcome=\"recognised\"}} {}", done + 1),
        format!("shelfscan_photos_total{{outcome=\"busy\"}} {busy}"),
        "shelfscan_recognitions 0".to_owned(),
    ] {
        assert!(metrics.lines().any(|found| found == line), "`{line}` is not in:\n{metrics}");
    }
}

/// Files of several places make one bundle: the models of one, the SKUs' embeddings of another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guides_variables_name_models_and_embeddings() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = Bundle::open(&shipped(), 1).unwrap();
    let (mut ids, mut numbers) = (Vec::new(), Vec::new());
    for (id, prototype) in bundle.index().prototypes().filter(|(id, _)| *id == "pepsi" || *id == "7up") {
        ids.push(id.to_owned());
        numbers.extend(prototype);
    }
    let npy = folder.path().join("embeddings.npy");
    let array = shelfscan::npy::Array { shape: (ids.len(), bundle.index().dim()), numbers };
    std::fs::write(&npy, array.to_bytes()).unwrap();
    std::fs::write(folder.path().join("embeddings.labels.json"), serde_json::to_string(&ids).unwrap()).unwrap();
    let pipeline = folder.path().join("pipeline.yaml");
    let shipped = shipped().canonicalize().unwrap();
    let text = format!("bundle: {}\nembeddings_path: embeddings.npy\nother: {{left: alone}}\n", shipped.display());
    std::fs::write(&pipeline, text).unwrap();
    let set = [("AI_V2_ENABLED", "true"), ("AI_V2_PIPELINE_CONFIG", pipeline.to_str().unwrap())];
    let server = Running::on(Stores::Embedded, &set).await.unwrap();
    let skus = server.get(Role::Reviewer, &format!("{BASE}/review/skus?q=pepsi")).await.json();
    assert_eq!(crate::running::ids(&skus["skus"]), ["pepsi"], "the bundle's other SKUs are not known here");
    let answered = recognise(&server, "a.png", &photo()).await.json();
    assert_ne!(answered["photos"][0]["bundle"]["index"], bundle.index_version());
}

/// Models that must be there and are not: the server doesn't start, and says what is missing.
#[tokio::test]
async fn models_that_cant_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let onnx = folder.path().join("detector.onnx");
    let lonely = folder.path().join("detector.tflite");
    std::fs::write(&lonely, "no model").unwrap();
    for (name, path, words) in [
        ("AI_V2_DETECTOR_MODEL", &onnx, "ONNX"),
        ("AI_V2_DETECTOR_MODEL", &lonely, "manifest.json"),
        ("AI_V2_PIPELINE_CONFIG", &folder.path().join("pipeline.yaml"), "pipeline.yaml"),
        ("AI_V2_EMBEDDINGS_PATH", &folder.path().join("embeddings.csv"), ".npy"),
    ] {
        let data = folder.path().join("data").display().to_string();
        let mut set: std::collections::BTreeMap<String, String> =
            [("SHELFSCAN_DATA", data.as_str()), ("AI_V2_ENABLED", "true"), (name, path.to_str().unwrap())]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        let config = shelfscan_server::Config::from_variables(&set).unwrap();
        let error = shelfscan_server::Server::open(config).await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        // Where nobody says that there must be models, the rest works.
        set.remove("AI_V2_ENABLED");
        let config = shelfscan_server::Config::from_variables(&set).unwrap();
        assert!(shelfscan_server::Server::open(config).await.is_ok(), "{name}");
    }
}
