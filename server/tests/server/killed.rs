//! The program itself: killed at any moment, and asked to stop.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::{Client, StatusCode};
use shelfscan_protocol::Item;
use shelfscan_protocol::http::{ITEM_TYPE, item_path};
use shelfscan_server::re_encode;
use tempfile::TempDir;

use crate::items::{SIZE, item};

/// The program, running.
struct Program {
    child: Child,
    url: String,
}

fn command(data: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shelfscan-server"));
    command.current_dir(data.path()).env_remove("DATABASE_URL").env_remove("BLOB_URL");
    command.env("AI_V2_ENABLED", "false").env("SHELFSCAN_LISTEN", "127.0.0.1:0").env("RUST_LOG", "info");
    command.env("SHELFSCAN_REQUESTS_PER_MINUTE", "1000000");
    command
}

fn start(data: &TempDir) -> Program {
    let mut child = command(data).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let url = loop {
        let line = lines.next().unwrap_or_else(|| panic!("the server ended before it listened")).unwrap();
        if let Some((_, url)) = line.split_once("listening on ") {
            break url.to_owned();
        }
    };
    // Read on, or the server would wait for room to write.
    std::thread::spawn(move || lines.for_each(drop));
    Program { child, url }
}

fn token(data: &TempDir, role: &str) -> String {
    let made = command(data).args(["token", "create", "--role", role, "--name", "test"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().timeout(Duration::from_secs(20)).build().unwrap()
}

async fn put(client: &Client, url: &str, token: &str, item: &Item) -> Option<StatusCode> {
    let request = client.put(format!("{url}{}", item_path(item.id()))).bearer_auth(token);
    let sent = request.header("content-type", ITEM_TYPE).body(item.bytes().to_vec()).send().await;
    sent.ok().map(|answer| answer.status())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_there_after_a_kill_at_any_moment() {
    let data = tempfile::tempdir().unwrap();
    let (device, reviewer) = (token(&data, "device"), token(&data, "reviewer"));
    let client = client();
    let mut accepted: Vec<u32> = Vec::new();
    let mut unsure: Vec<u32> = Vec::new();
    let next = Arc::new(AtomicU32::new(0));
    for round in 0..8_u64 {
        let mut program = start(&data);
        let phones: Vec<_> = (0..6)
            .map(|_| {
                let (client, url, device, next) = (client.clone(), program.url.clone(), device.clone(), next.clone());
                tokio::spawn(async move {
                    let mut accepted = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        match put(&client, &url, &device, &item(number)).await {
                            Some(StatusCode::CREATED) => accepted.push(number),
                            Some(other) => panic!("{other}"),
                            None => return (accepted, number),
                        }
                    }
                })
            })
            .collect();
        // However slow the machine is, some are through by then, and some on their way.
        let begun = next.load(Ordering::Relaxed);
        while next.load(Ordering::Relaxed) < begun + 18 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(round * 37)).await;
        // SIGKILL: nothing of the program runs after it.
        program.child.kill().unwrap();
        program.child.wait().unwrap();
        for phone in phones {
            let (done, cut) = phone.await.unwrap();
            accepted.extend(done);
            unsure.push(cut);
        }
    }
    assert!(accepted.len() > 20, "only {} items were accepted: nothing was tried", accepted.len());

    let program = start(&data);
    for number in &accepted {
        assert_eq!(
            put(&client, &program.url, &device, &item(*number)).await,
            Some(StatusCode::OK),
            "item {number} was lost"
        );
        let crop = client
            .get(format!("{}{}/crop", program.url, item_path(item(*number).id())))
            .bearer_auth(&reviewer)
            .send()
            .await
            .unwrap();
        let expected = re_encode(item(*number).crop(), SIZE).unwrap();
        assert!(crop.bytes().await.unwrap() == expected, "the picture of item {number} is another");
    }
    for number in &unsure {
        let status = put(&client, &program.url, &device, &item(*number)).await.unwrap();
        assert!(matches!(status, StatusCode::OK | StatusCode::CREATED), "{status}");
    }
    let page: serde_json::Value = all(&client, &program.url, &reviewer).await;
    assert_eq!(page.as_array().unwrap().len(), accepted.len() + unsure.len(), "each is there once");
    stop(program);
}

/// All items of the queue.
async fn all(client: &Client, url: &str, token: &str) -> serde_json::Value {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("{url}/api/v1/ai/v2/active-learning-queue?limit=200{cursor}");
        let page = client.get(path).bearer_auth(token).send().await.unwrap().bytes().await.unwrap();
        let page: serde_json::Value = serde_json::from_slice(&page).unwrap();
        items.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items.into(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_finishes_what_was_begun() {
    let data = tempfile::tempdir().unwrap();
    let device = token(&data, "device");
    let program = start(&data);
    let (client, url) = (client(), program.url.clone());
    // A phone that is half done when the server is asked to stop.
    let item = item(1);
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body =
        futures_util::stream::unfold(receiver, |mut parts| async move { parts.recv().await.map(|part| (part, parts)) });
    let request = client.put(format!("{url}{}", item_path(item.id()))).bearer_auth(&device);
    let request = request.header("content-type", ITEM_TYPE).body(reqwest::Body::wrap_stream(body));
    let sent = tokio::spawn(request.send());
    let half = item.bytes().len() / 2;
    sender.send(Ok(item.bytes()[..half].to_vec())).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let pid = program.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(client.get(format!("{url}/healthz")).send().await.is_err(), "no new connections are taken");
    sender.send(Ok(item.bytes()[half..].to_vec())).await.unwrap();
    drop(sender);
    assert_eq!(sent.await.unwrap().unwrap().status(), StatusCode::CREATED);
    let mut program = program;
    assert!(program.child.wait().unwrap().success(), "it ends by itself, and well");
    let again = start(&data);
    assert_eq!(put(&client, &again.url, &device, &item).await, Some(StatusCode::OK));
    stop(again);
}

#[test]
fn tokens_are_made_listed_and_taken_back_by_the_command() {
    let data = tempfile::tempdir().unwrap();
    let secret = token(&data, "reviewer");
    assert!(secret.starts_with("sst_") && secret.len() == 47, "{secret}");
    let run = |arguments: &[&str]| {
        let done = command(&data).args(arguments).output().unwrap();
        (done.status.success(), String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    let (_, listed, _) = run(&["token", "list"]);
    assert!(listed.contains("reviewer  good") && listed.contains("test") && !listed.contains(&secret), "{listed}");
    let id = listed.split_whitespace().next().unwrap();
    assert!(run(&["token", "revoke", id]).0);
    assert!(run(&["token", "list"]).1.contains("revoked"));
    let (done, _, said) = run(&["token", "revoke", id]);
    assert!(!done && said.contains("token list"), "{said}");
    assert!(!run(&["token", "create", "--role", "king", "--name", "x"]).0);
    let (_, key, _) = run(&["key"]);
    assert_eq!(run(&["key"]).1, key);
    assert!(key.trim().parse::<shelfscan_protocol::PublicKey>().is_ok(), "{key}");
}

fn stop(mut program: Program) {
    program.child.kill().unwrap();
    program.child.wait().unwrap();
}
