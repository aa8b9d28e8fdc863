//! A search with a warm scratch allocates nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod gallery;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use gallery::{Gallery, Random};
use shelfscan_index::{BuildOptions, Builder, Index, Method, Scratch};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting what this thread asks of it.
struct Counting;

// SAFETY: every call is passed on unchanged to the system's allocator; counting in a constant thread-local allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are those `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: `memory` came from `System` in `alloc` or `realloc` with this layout.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: `memory` came from `System` with this layout; the caller promises a valid size.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn a_warm_scratch_is_enough() {
    let mut random = Random::new(4);
    let gallery = Gallery::new(300, 100, &mut random);
    let mut builder = Builder::new(100, [0; 32], BuildOptions::default()).unwrap();
    for product in 0..300 {
        for _ in 0..4 {
            builder.add(&Gallery::id(product), &gallery.photo(product, &mut random)).unwrap();
        }
    }
    let index = Index::from_bytes(builder.build().unwrap()).unwrap();
    let queries: Vec<Vec<f32>> = (0..300).map(|product| gallery.photo(product, &mut random)).collect();
    let mut scratch = Scratch::default();
    for method in [Method::Exact, Method::Filtered, Method::Auto] {
        let mut accepted = 0;
        let before_cold = ALLOCATIONS.get();
        index.search_by(method, &queries[0], 3, &mut scratch).unwrap();
        let before = ALLOCATIONS.get();
        assert!(method == Method::Auto || before > before_cold, "the count must see the first search grow the scratch");
        for query in &queries {
            let hits = index.search_by(method, query, 3, &mut scratch).unwrap();
            accepted += usize::from(hits.verdict() == shelfscan_index::Verdict::Accepted);
            assert_eq!(hits.iter().count(), 3);
        }
        assert_eq!(ALLOCATIONS.get(), before, "{method:?}");
        assert!(accepted > 200);
    }
}
