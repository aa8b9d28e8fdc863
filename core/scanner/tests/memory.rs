//! A second photo makes no new tensors: a process that scans on and on keeps its size. Alone in its program, as other tests in
//! it would use memory too.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure here is the test's")]

#[allow(dead_code, reason = "shared with the other test program")]
#[path = "scans/bundle.rs"]
mod bundle;

use std::fs;

use shelfscan::ScanOptions;

use bundle::{scanner, small_photo};

/// Scans until everything that is kept from photo to photo is there.
const WARM_UP: usize = 5;
const SCANS: usize = 50;
/// What the allocator may do on its own over all scans. One interpreter's tensors made anew would be more each time.
const SLACK: u64 = 3 << 20;

/// Bytes of memory this process has in use, from the system.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}

#[test]
fn fifty_scans_take_no_more_memory_than_five() {
    if resident().is_none() {
        println!("SKIPPED: memory of many scans, this system has no /proc/self/status");
        return;
    }
    let (scanner, photo) = (scanner(2), small_photo());
    let scan = || scanner.scan_file(&photo, &ScanOptions::default()).unwrap().facings.len();
    let facings = (0..WARM_UP).map(|_| scan()).max();
    let before = resident().unwrap();
    for _ in 0..SCANS {
        assert_eq!(Some(scan()), facings);
    }
    let grown = resident().unwrap().saturating_sub(before);
    assert!(grown <= SLACK, "{SCANS} scans took {} KiB more", grown >> 10);
}
