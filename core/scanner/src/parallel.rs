//! A scan's work on several cores, and how it is called off.
//!
//! Owns [`Cancel`] and the one way this crate uses threads: a number of equal jobs, taken in turn by workers that live as long as
//! the call. Refuses queues, pools of threads and anything that outlives a scan.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::ScanError;

/// Calls off a running scan from any thread. Clones call off the same scan.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// One that is not called off yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls off: the scan ends with [`ScanError::Cancelled`] after the model run it is in.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was called off.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Does jobs `0..jobs` on up to `workers` threads, the calling one among them, each with a state from `start`. Gives the jobs'
/// results in the jobs' order, and each worker's state back to `finish`. The first error stops all.
pub(crate) fn in_turn<S, R: Send>(
    jobs: usize,
    workers: usize,
    cancel: &Cancel,
    start: impl Fn() -> Result<S, ScanError> + Sync,
    work: impl Fn(&mut S, usize) -> Result<R, ScanError> + Sync,
    finish: impl Fn(S) + Sync,
) -> Result<Vec<R>, ScanError> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let worker = || -> Result<Vec<(usize, R)>, ScanError> {
        let mut done = Vec::new();
        let mut run = || {
            let mut state = start()?;
            loop {
                if cancel.is_cancelled() {
                    return Err(ScanError::Cancelled);
                }
                let job = next.fetch_add(1, Ordering::Relaxed);
                if job >= jobs || failed.load(Ordering::Relaxed) {
                    finish(state);
                    return Ok(());
                }
                done.push((job, work(&mut state, job)?));
            }
        };
        let outcome = run();
        failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
        outcome.map(|()| done)
    };
    let mut done = thread::scope(|scope| {
        let mut helpers = Vec::new();
        for number in 1..workers.min(jobs) {
            let builder = thread::Builder::new().name(format!("shelfscan-{number}"));
            match builder.spawn_scoped(scope, worker) {
                Ok(helper) => helpers.push(helper),
                // Too few threads on this system now: the others do the work.
                Err(_) => break,
            }
        }
        let mut outcomes = vec![worker()];
        for helper in helpers {
            let panicked = |_| Err(ScanError::Thread("it panicked; please report this with the photo".into()));
            outcomes.push(helper.join().unwrap_or_else(panicked));
        }
        let mut done = Vec::with_capacity(jobs);
        for outcome in outcomes {
            done.extend(outcome?);
        }
        Ok::<_, ScanError>(done)
    })?;
    done.sort_unstable_by_key(|(job, _)| *job);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn results_come_in_order_from_any_number_of_workers() {
        for workers in [1, 2, 7] {
            let states = Mutex::new(Vec::new());
            let results = in_turn(
                100,
                workers,
                &Cancel::new(),
                || Ok(0usize),
                |state, job| {
                    *state += 1;
                    Ok(job * 2)
                },
                |state| states.lock().unwrap().push(state),
            );
            assert_eq!(results.unwrap(), (0..100).map(|job| job * 2).collect::<Vec<_>>());
            assert_eq!(states.into_inner().unwrap().iter().sum::<usize>(), 100);
        }
    }

    #[test]
    fn an_error_and_a_cancel_stop_the_rest() {
        let cancel = Cancel::new();
        let started = AtomicUsize::new(0);
        let outcome = in_turn(
            1_000_000,
            3,
            &cancel,
            || Ok(()),
            |(), job| {
                started.fetch_add(1, Ordering::Relaxed);
                if job == 5 {
                    cancel.cancel();
                }
                Ok(())
            },
            |()| (),
        );
        assert!(matches!(outcome, Err(ScanError::Cancelled)));
        assert!(started.load(Ordering::Relaxed) < 1_000_000);
        let thread = || ScanError::Thread("job 3".into());
        let outcome =
            in_turn(9, 3, &Cancel::new(), || Ok(()), |(), job| if job == 3 { Err(thread()) } else { Ok(()) }, |()| ());
        assert!(matches!(outcome, Err(ScanError::Thread(_))));
    }
}
