//! Interpreters shared by threads.

mod common;

use std::num::NonZeroUsize;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use shelfscan_tflite::{Error, Pool};

use common::{Numbers, features, model, runtime};

fn limit(limit: usize) -> NonZeroUsize {
    NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN)
}

#[test]
fn many_threads_get_their_own_answers_from_few_interpreters() {
    const THREADS: usize = 8;
    const LIMIT: usize = 3;
    let Some(runtime) = runtime() else { return };
    let pool = Pool::new(model(&runtime, "conv"), limit(LIMIT));
    let (out, most, start) = (AtomicUsize::new(0), AtomicUsize::new(0), Barrier::new(THREADS));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (pool, out, most, start) = (&pool, &out, &most, &start);
            scope.spawn(move || {
                let mut numbers = Numbers(thread as u64);
                start.wait();
                for _ in 0..200 {
                    let picture = numbers.picture();
                    let mut interpreter = pool.get().unwrap();
                    most.fetch_max(out.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    interpreter.input_mut::<i8>(0).unwrap().copy_from_slice(&picture);
                    // Give others the chance to interfere.
                    thread::yield_now();
                    interpreter.invoke().unwrap();
                    assert_eq!(interpreter.output::<i8>(0).unwrap(), features(&picture));
                    out.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    let most = most.into_inner();
    assert!((1..=LIMIT).contains(&most), "{most} were out at once");
}

#[test]
fn a_second_use_gets_the_same_interpreters() {
    let Some(runtime) = runtime() else { return };
    let pool = Pool::new(model(&runtime, "conv"), limit(2));
    let addresses = || {
        let (mut a, mut b) = (pool.get().unwrap(), pool.get().unwrap());
        let mut addresses = [&mut a, &mut b].map(|one| one.input_mut::<i8>(0).unwrap().as_ptr() as usize);
        addresses.sort_unstable();
        addresses
    };
    let first = addresses();
    assert_ne!(first[0], first[1]);
    for _ in 0..10 {
        assert_eq!(addresses(), first);
    }
}

#[test]
fn who_comes_when_all_are_out_waits_for_the_first_to_come_back() {
    let Some(runtime) = runtime() else { return };
    let pool = Pool::new(model(&runtime, "conv"), limit(1));
    let returned = AtomicUsize::new(0);
    let only = pool.get().unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let interpreter = pool.get().unwrap();
            assert_eq!(returned.load(Ordering::SeqCst), 1, "got one before it was returned");
            drop(interpreter);
        });
        thread::sleep(Duration::from_millis(50));
        assert!(!waiting.is_finished());
        returned.store(1, Ordering::SeqCst);
        drop(only);
        waiting.join().unwrap();
    });
}

#[test]
fn an_interpreter_comes_back_from_a_panic() {
    let Some(runtime) = runtime() else { return };
    let pool = Pool::new(model(&runtime, "conv"), limit(1));
    let panicked = thread::scope(|scope| {
        let user = scope.spawn(|| {
            let _interpreter = pool.get().unwrap();
            panic!("a user's mistake");
        });
        user.join().is_err()
    });
    assert!(panicked);
    pool.get().unwrap().invoke().unwrap();
}

#[test]
fn a_model_that_fails_gives_its_place_back() {
    let Some(runtime) = runtime() else { return };
    let pool = Pool::new(model(&runtime, "custom_op"), limit(1));
    for _ in 0..3 {
        // Waiting forever would be the mistake.
        assert!(matches!(pool.get(), Err(Error::Corrupt { .. })));
    }
}
