//! `scan --queue` and `queue`: from a photo to a server that has the crops.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use shelfscan::protocol::{Item, Sha256};

use crate::arguments;
use crate::bundle::shipped;
use crate::program::{PROGRAM, Ran, shelfscan};

/// Scans the sample photo, whose products the shipped bundle doesn't know, into a queue.
fn queued(here: &Path) -> PathBuf {
    let photo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/sample/shelf.jpg");
    let queue = here.join("queue");
    let bundle = shipped();
    let ran =
        shelfscan(arguments!["scan", photo, "--bundle", bundle, "--queue", queue, "--tag", "store=17", "--no-tiles"]);
    ran.succeeds();
    assert!(ran.stdout.contains("waiting, 0 sent"), "{ran:?}");
    queue
}

fn sync(queue: &Path, server: &str, token: &str) -> Ran {
    let mut command = Command::new(PROGRAM);
    command.arg("queue").arg("sync").arg(queue).args(["--server", server, "--patience", "0"]);
    Ran::of(command.env("SHELFSCAN_TOKEN", token))
}

#[test]
fn uncertain_facings_go_from_the_photo_to_the_server() {
    let here = tempfile::tempdir().unwrap();
    let queue = queued(here.path());
    let listed = shelfscan(arguments!["queue", "list", queue, "--most", "1000"]);
    let count = listed.succeeds().stdout.lines().filter(|line| line.contains(" waiting ")).count();
    assert!(count > 0, "{listed:?}");

    // The same photo again adds nothing.
    queued(here.path());
    let again = shelfscan(arguments!["queue", "list", queue, "--most", "1000"]);
    assert_eq!(again.stdout, listed.stdout);

    let server = Server::start();
    let first = listed.stdout.lines().find(|line| line.contains(" waiting ")).unwrap();
    let id: String = first.chars().filter(|letter| letter.is_ascii_hexdigit()).take(12).collect();
    let crop = here.path().join("crop.jpg");
    let shown = shelfscan(arguments!["queue", "show", queue, id, "--crop", crop]);
    let shown: Value = serde_json::from_str(&shown.succeeds().stdout).unwrap();
    assert_eq!(shown["metadata"]["tags"]["store"], "17");
    image::open(&crop).unwrap();
    let dropped = shelfscan(arguments!["queue", "drop", queue, id]);
    assert!(dropped.succeeds().stdout.contains("given up: by_person"), "{dropped:?}");

    let synced = sync(&queue, &server.address, "right");
    synced.succeeds();
    let expected = format!("0 waiting, {} sent, 0 refused, 1 given up", count - 1);
    assert!(synced.stdout.contains(&expected), "{expected}: {synced:?}");
    let items = server.items.lock().unwrap();
    assert_eq!(items.len(), count - 1);
    for (id, bytes) in items.iter() {
        let item = Item::parse_as(*id, bytes.clone()).unwrap();
        image::load_from_memory(item.crop()).unwrap();
    }
}

#[test]
fn what_stands_in_the_way_of_a_sync_is_said() {
    let here = tempfile::tempdir().unwrap();
    let queue = queued(here.path());
    let server = Server::start();
    sync(&queue, &server.address, "wrong").fails(3, &["the token is not good"]);
    let nobody = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    sync(&queue, &nobody, "right").fails(3, &["what waits is kept"]);
    sync(&queue, "shelves.example.com", "right").fails(2, &["https://"]);
    sync(&here.path().join("other"), &nobody, "right").fails(6, &["no queue here"]);
    let tokenless = Ran::of(
        Command::new(PROGRAM)
            .env_remove("SHELFSCAN_TOKEN")
            .arg("queue")
            .arg("sync")
            .arg(&queue)
            .args(["--server", &nobody]),
    );
    tokenless.fails(2, &["--token-file"]);

    let broken = here.path().join("broken");
    fs::write(&broken, [7; 9000]).unwrap();
    shelfscan(arguments!["queue", "list", broken]).fails(3, &["broken", "set aside"]);
    assert_eq!(fs::read(&broken).unwrap(), [7; 9000]);
}

/// Stores what is put, for the token `right`.
struct Server {
    address: String,
    items: Arc<Mutex<HashMap<Sha256, Vec<u8>>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let items = Arc::<Mutex<HashMap<_, _>>>::default();
        let stored = Arc::clone(&items);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let stored = Arc::clone(&stored);
                thread::spawn(move || while answer(&stream, &stored).is_some() {});
            }
        });
        Self { address, items }
    }
}

/// Answers one request; none where the connection is over.
fn answer(stream: &TcpStream, items: &Mutex<HashMap<Sha256, Vec<u8>>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_lowercase()),
        }
    }
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let right = lines.iter().any(|line| line == "authorization: bearer right");
    let status = if right { "201 Created" } else { "401 Unauthorized" };
    if right {
        let id = lines[0].split(['/', ' ']).find_map(|part| part.parse().ok())?;
        items.lock().unwrap().insert(id, body);
    }
    write!(&mut &*stream, "HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}").ok()
}
