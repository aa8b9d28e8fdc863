//! How a queue's operations grow with what is in it: `cargo run --release -p shelfscan-queue --example growth [ITEMS…]`.
//!
//! Prints, for queues of 10, 1,000 and 100,000 items of 4 kB (or as many as are given), how long it takes to accept a scan's ten
//! crops, to open the file, to ask for the counts, and to hand out an item and take its answer.

#![allow(clippy::unwrap_used, reason = "a measurement ends where something fails")]

use std::time::{Duration, Instant};
use std::{env, fs};

use shelfscan_queue::protocol::{Item, Reason};
use shelfscan_queue::{Conditions, Limits, Network, Next, Outcome, Policy, Queue, Settings};

#[path = "../tests/sample/mod.rs"]
mod sample;

fn main() {
    let sizes: Vec<u64> = env::args().skip(1).map(|number| number.parse().unwrap()).collect();
    let sizes = if sizes.is_empty() { vec![10, 1_000, 100_000] } else { sizes };
    println!("  items  accept 10  open ms  status ms  send one ms  file MB  content MB");
    for items in sizes {
        measure(items);
    }
}

fn settings() -> Settings {
    let policy = Policy { look_alike: 2.0, per_sku: u32::MAX, per_day: u32::MAX, ..Policy::default() };
    Settings { limits: Limits { items: u64::MAX, bytes: u64::MAX }, policy, ..Settings::default() }
}

/// Ten crops of ten of 500 SKUs. Look-alikes are searched for, and none is taken for one.
fn scan(number: u64) -> Vec<Item> {
    let crop = |n: u64| sample::item(number * 10 + n, Reason::Unknown, &format!("sku-{}", (number + n) % 500), n, 4000);
    (0..10).map(crop).collect()
}

fn measure(items: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue");
    let queue = Queue::open(&path, settings()).unwrap();
    let scans: u64 = items / 10;
    // All but the last ones in large steps.
    let timed = 20.min(scans);
    for first in (0..scans - timed).step_by(100) {
        let many: Vec<Item> = (first..(first + 100).min(scans - timed)).flat_map(scan).collect();
        queue.offer(&many, 1).unwrap();
    }
    let accept = median((scans - timed..scans).map(|number| {
        let crops = scan(number);
        let started = Instant::now();
        queue.offer(&crops, 1).unwrap();
        started.elapsed()
    }));
    let status = median((0..20).map(|_| {
        let started = Instant::now();
        queue.status().unwrap();
        started.elapsed()
    }));
    queue.set_token(Some("token".into()));
    let conditions = Conditions { network: Network::Unmetered, battery_low: false };
    let answer = Outcome::Answered { status: 201, retry_after: None, body: Vec::new() };
    let send = median((0..10).map(|_| {
        let started = Instant::now();
        let Next::Ready(upload) = queue.next_upload(1, conditions).unwrap() else { return Duration::MAX };
        queue.report(upload.id, &answer, 1).unwrap();
        started.elapsed()
    }));
    let totals = queue.status().unwrap().totals;
    assert_eq!(totals.waiting + totals.sent, items);
    drop(queue);
    let started = Instant::now();
    drop(Queue::open(&path, settings()).unwrap());
    let open = started.elapsed();
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{items:>7}  {:>9.1}  {:>7.1}  {:>9.2}  {:>11.1}  {:>7.1}  {:>10.1}",
        ms(accept),
        ms(open),
        ms(status),
        ms(send),
        megabytes(fs::metadata(&path).unwrap().len()),
        megabytes(totals.bytes),
    );
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    times[times.len() / 2]
}
