//! Files that are no queue or were altered: named, never trusted, never deleted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;

use shelfscan_queue::protocol::Reason;
use shelfscan_queue::{Conditions, Network, Next, Offered, Outcome, Queue, QueueError, Settings};

mod sample;

/// Ways in which the file is altered.
const ROUNDS: usize = 200;

const CONDITIONS: Conditions = Conditions { network: Network::Unmetered, battery_low: false };

#[test]
fn what_is_no_queue_is_set_aside_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue");
    for (number, content) in [&b"not a database"[..], &[0; 100_000], b"SQLite format 3\0 and so on"].iter().enumerate()
    {
        fs::write(&path, content).unwrap();
        match Queue::open(&path, Settings::default()) {
            Err(QueueError::Damaged { .. }) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read(&path).unwrap(), *content, "nothing of it was changed");
        let (queue, aside) = Queue::open_or_set_aside(&path, Settings::default()).unwrap();
        let aside = aside.unwrap();
        assert!(aside.ends_with(format!("queue.damaged-{}", number + 1)), "{}", aside.display());
        assert_eq!(fs::read(aside).unwrap(), *content);
        assert_eq!(queue.status().unwrap().totals.waiting, 0);
        drop(queue);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_file_that_is_open_elsewhere_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue");
    let _open = Queue::open(&path, Settings::default()).unwrap();
    match Queue::open_or_set_aside(&path, Settings::default()) {
        Err(QueueError::InUse { .. }) => {}
        other => panic!("{other:?}"),
    }
}

/// Wherever bytes are changed or cut off: an error by name, or all that is handed out is what was accepted.
#[test]
fn an_altered_file_never_gives_other_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue");
    let items: Vec<_> = (0..20).map(|n| sample::item(n, Reason::Unknown, &n.to_string(), n, 3000)).collect();
    {
        let queue = Queue::open(&path, Settings::default()).unwrap();
        assert!(queue.offer(&items, 1).unwrap().iter().all(|answer| *answer == Offered::Accepted));
    }
    let sound = fs::read(&path).unwrap();
    let (mut refused, mut read) = (0, 0);
    for round in 0..ROUNDS {
        let mut altered = sound.clone();
        if round % 10 == 0 {
            altered.truncate(sound.len() * round / ROUNDS);
        } else {
            let place = round * 7919 * 31 % sound.len();
            altered[place] ^= 0x5a;
            let end = (place + 64).min(sound.len());
            altered[place..end].reverse();
        }
        fs::write(&path, &altered).unwrap();
        let queue = match Queue::open(&path, Settings::default()) {
            Ok(queue) => queue,
            Err(QueueError::Damaged { .. } | QueueError::Storage { .. }) => {
                refused += 1;
                continue;
            }
            Err(other) => panic!("round {round}: {other}"),
        };
        queue.set_token(Some("t".into()));
        while let Ok(Next::Ready(upload)) = queue.next_upload(1, CONDITIONS) {
            let original = items.iter().find(|item| item.id() == upload.id).unwrap();
            assert!(original.bytes() == upload.body, "round {round}: other bytes than were accepted");
            read += 1;
        }
    }
    assert!(refused > 0 && read > 0, "{refused} files refused, {read} items read: the test alters the wrong bytes");
}

/// What was sent takes no room for long.
#[test]
fn a_file_gives_its_room_back_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue");
    let items: Vec<_> = (0..200).map(|n| sample::item(2 * n, Reason::Corrected, "a", n, 150_000)).collect();
    let queue = Queue::open(&path, Settings::default()).unwrap();
    queue.offer(&items, 1).unwrap();
    queue.set_token(Some("t".into()));
    let answer = Outcome::Answered { status: 201, retry_after: None, body: Vec::new() };
    for item in &items[..190] {
        queue.report(item.id(), &answer, 2).unwrap();
    }
    drop(queue);
    let before = fs::metadata(&path).unwrap().len();
    let queue = Queue::open(&path, Settings::default()).unwrap();
    let after = fs::metadata(&path).unwrap().len();
    assert!(before > 30_000_000 && after < 8_000_000, "{before} bytes before, {after} after");
    let totals = queue.status().unwrap().totals;
    assert_eq!((totals.sent, totals.waiting, queue.latest(1000).unwrap().len()), (190, 10, 200));
    for item in &items[190..] {
        assert!(queue.item(item.id()).unwrap().unwrap() == *item);
    }
}
