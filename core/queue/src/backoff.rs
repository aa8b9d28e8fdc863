//! How long to wait after a failure.
//!
//! Owns exponential backoff with full jitter: after the n-th failure in a row any time up to `2 s * 2^n` is as likely as any other,
//! at most an hour. Phones that lost the server at the same moment do not come back at the same moment. A server's `Retry-After`
//! is kept to, up to a day.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use crate::policy::share;

const FIRST: u64 = 2_000;
const LONGEST: u64 = 60 * 60 * 1000;
const LONGEST_ASKED: u64 = 24 * 60 * 60 * 1000;

/// The time (Unix, ms) until which to wait after `failures` in a row, the last of them now. `what` failed; it tells apart what
/// fails at the same time.
pub(crate) fn until(now: u64, failures: u32, what: &[u8], retry_after: Option<&str>) -> u64 {
    let ceiling = FIRST.saturating_mul(1 << failures.min(20)).min(LONGEST);
    let mut hasher = Sha256::new();
    hasher.update(what);
    hasher.update(failures.to_le_bytes());
    hasher.update(now.to_le_bytes());
    let jitter = (share(&hasher.finalize().into()) * ceiling as f64) as u64;
    let asked = retry_after.and_then(|text| asked(now, text)).unwrap_or(0);
    now.saturating_add(jitter.max(asked))
}

/// Whether a wait until `until` is over. One that is longer than any can be comes from a clock that was set back since.
pub(crate) fn over(until: u64, now: u64) -> bool {
    until <= now || until > now.saturating_add(LONGEST_ASKED)
}

/// Milliseconds that a `Retry-After` asks for, which is a number of seconds or a date.
fn asked(now: u64, text: &str) -> Option<u64> {
    let asked = match text.trim().parse::<u64>() {
        Ok(seconds) => seconds.saturating_mul(1000),
        Err(_) => {
            let date = httpdate::parse_http_date(text.trim()).ok()?;
            let now: SystemTime = UNIX_EPOCH + Duration::from_millis(now);
            date.duration_since(now).map_or(0, |wait| wait.as_millis() as u64)
        }
    };
    Some(asked.min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000_000;

    #[test]
    fn waits_grow_and_are_spread() {
        for (failures, ceiling) in [(0, 2_000), (1, 4_000), (5, 64_000), (11, 3_600_000), (4_000_000_000, 3_600_000)] {
            let waits: Vec<u64> = (0..1000_u32).map(|n| until(NOW, failures, &n.to_le_bytes(), None) - NOW).collect();
            let mean = waits.iter().sum::<u64>() / 1000;
            assert!(waits.iter().all(|&wait| wait <= ceiling), "after {failures}: {:?}", waits.iter().max());
            assert!(mean.abs_diff(ceiling / 2) < ceiling / 20, "after {failures}: {mean} on average, of {ceiling}");
        }
    }

    #[test]
    fn retry_after_is_kept_to() {
        let wait = |text: &str| until(NOW, 0, b"", Some(text)) - NOW;
        assert_eq!(wait("120"), 120_000);
        assert_eq!(wait(" 7 "), 7_000);
        assert_eq!(wait("99999999999999999999"), until(NOW, 0, b"", None) - NOW, "beyond all numbers is no number");
        assert_eq!(wait("9999999999"), LONGEST_ASKED);
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(NOW + 90_000));
        assert_eq!(wait(&date), 90_000);
        assert!(wait("soon") <= 2_000 && wait("-5") <= 2_000);
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_queue() {
        assert!(!over(NOW + 60_000, NOW));
        assert!(over(NOW, NOW));
        assert!(over(NOW + 365 * LONGEST_ASKED, NOW), "the clock was a year ahead when the wait began");
    }
}
