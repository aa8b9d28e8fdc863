//! A disk that fills up under the queue: the error has its name, what was accepted stays, and with room again the queue goes on,
//! the file never opened anew by the app.
//!
//! The program starts itself again in a name space of its own, where a small file system in memory is mounted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use shelfscan_queue::protocol::{Item, Reason, Sha256};
use shelfscan_queue::{
    Conditions, Limits, Network, Next, Offered, Outcome, Policy, Queue, QueueError, Settings, State,
};

mod sample;

/// Set for the process that has the small disk: where it is.
const DISK: &str = "SHELFSCAN_SMALL_DISK";

fn main() {
    match env::var_os(DISK) {
        Some(disk) => fills_up(&PathBuf::from(disk)),
        None => on_a_small_disk(),
    }
}

fn on_a_small_disk() {
    let here = tempfile::tempdir().unwrap();
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).env(DISK, here.path());
        command
    };
    let mount = format!("mount -t tmpfs -o size=8m tmpfs \"${DISK}\"");
    let possible = unshare(&mount).output();
    if !possible.as_ref().is_ok_and(|output| output.status.success()) {
        let why =
            possible.map_or_else(|error| error.to_string(), |output| String::from_utf8_lossy(&output.stderr).into());
        println!("SKIPPED: queue on a full disk, no file system can be mounted for it: {}", why.trim());
        return;
    }
    let ran = unshare(&format!("{mount} && exec \"$0\"")).arg(env::current_exe().unwrap()).status();
    // `$0` of `sh -c SCRIPT ARGUMENT` is the argument.
    assert!(ran.as_ref().is_ok_and(|status| status.success()), "{ran:?}");
}

fn settings() -> Settings {
    let policy = Policy { look_alike: 2.0, per_sku: u32::MAX, per_day: u32::MAX, ..Policy::default() };
    Settings { limits: Limits { items: 1_000_000, bytes: 1 << 40 }, policy, ..Settings::default() }
}

fn fills_up(disk: &Path) {
    let (file, filler) = (disk.join("queue"), disk.join("filler"));
    let queue = Queue::open(&file, settings()).unwrap();
    let item = |number: u64| sample::item(number, Reason::Unknown, "a", number, 50_000);
    fs::write(&filler, vec![1; 3 << 20]).unwrap();

    let mut accepted: Vec<Item> = Vec::new();
    let mut offer_until_full = |first: u64| {
        for number in first..first + 1000 {
            let item = item(number);
            match queue.offer(std::slice::from_ref(&item), 1) {
                Ok(answer) => {
                    assert_eq!(answer, [Offered::Accepted]);
                    accepted.push(item);
                }
                Err(QueueError::DiskFull { .. }) => return accepted.clone(),
                Err(other) => panic!("item {number}: {other}"),
            }
        }
        panic!("the disk of 8 MiB took a thousand items of 50 kB")
    };
    let before = offer_until_full(0);
    assert!(!before.is_empty());
    stands(&queue, &before);
    // Full still, and still with its name.
    assert_eq!(offer_until_full(5000).len(), before.len());
    stands(&queue, &before);

    fs::remove_file(&filler).unwrap();
    let after = offer_until_full(10_000);
    assert!(after.len() > before.len(), "3 MiB were made free, and nothing more was accepted");
    stands(&queue, &after);

    // On the full disk, sending goes on; at the worst an answer can't be kept and the item is sent again.
    queue.set_token(Some("t".into()));
    let conditions = Conditions { network: Network::Unmetered, battery_low: false };
    let answer = Outcome::Answered { status: 201, retry_after: None, body: Vec::new() };
    let mut sent = 0;
    for _ in 0..10 * after.len() {
        match queue.next_upload(2, conditions) {
            Ok(Next::Ready(upload)) => match queue.report(upload.id, &answer, 2) {
                Ok(entry) => {
                    assert_eq!(entry.state, State::Sent { at: 2 });
                    sent += 1;
                }
                Err(QueueError::DiskFull { .. }) => {}
                Err(other) => panic!("{other}"),
            },
            Ok(Next::Nothing) => break,
            other => panic!("{other:?}"),
        }
    }
    println!("{} items fitted, then {}; {sent} were sent from the full disk", before.len(), after.len());
    assert_eq!(sent, after.len(), "the queue is stuck on a full disk");
    drop(queue);
    let queue = Queue::open(&file, settings()).unwrap();
    assert_eq!(queue.status().unwrap().totals.sent, after.len() as u64);
}

/// All that was accepted is there, byte for byte.
fn stands(queue: &Queue, accepted: &[Item]) {
    for item in accepted {
        let kept = queue.item(item.id()).unwrap().unwrap();
        assert!(kept == *item, "item {} is another now", item.id());
    }
    assert_eq!(queue.status().unwrap().totals.waiting, accepted.len() as u64);
    let ids: Vec<Sha256> = queue.latest(usize::MAX).unwrap().iter().map(|entry| entry.id).collect();
    assert_eq!(ids.len(), accepted.len());
}
