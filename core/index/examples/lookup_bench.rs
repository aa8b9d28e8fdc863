//! How long a lookup takes: `cargo run --release -p shelfscan-index --example lookup_bench`.
//!
//! Prints the median over 31 rounds of 100 lookups (k = 3, one thread, 512 values) for growing indexes, every prototype compared
//! and with the filter of sign bits, then the time to build, open and write the largest.

#[path = "../tests/gallery/mod.rs"]
mod gallery;

use std::time::{Duration, Instant};

use gallery::{Gallery, Random};
use shelfscan_index::{BuildOptions, Builder, Error, Index, Method, Scratch};

const DIM: usize = 512;
const PHOTOS: usize = 8;
const LOOKUPS: usize = 100;
const ROUNDS: usize = 31;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut random = Random::new(7);
    let mut scratch = Scratch::default();
    println!("prototypes   exact 100   filtered 100   auto 100   (medians, ms)");
    for products in [16, 32, 64, 125, 250, 500, 1250] {
        let gallery = Gallery::new(products, DIM, &mut random);
        let mut builder = Builder::new(DIM, [0; 32], BuildOptions::default())?;
        for product in 0..products {
            for _ in 0..PHOTOS {
                builder.add(&Gallery::id(product), &gallery.photo(product, &mut random))?;
            }
        }
        let start = Instant::now();
        let bytes = builder.build()?;
        let built = start.elapsed();
        let index = Index::from_bytes(bytes)?;
        let queries: Vec<Vec<f32>> = (0..LOOKUPS).map(|_| gallery.photo(random.below(products), &mut random)).collect();
        let [exact, filtered, auto] = [Method::Exact, Method::Filtered, Method::Auto]
            .map(|method| median(|| lookups(&index, method, &queries, &mut scratch)));
        println!("{:10}   {:9.3}   {:12.3}   {:8.3}", index.len(), exact?, filtered?, auto?);
        if products == 1250 {
            let folder = tempfile::tempdir()?;
            let path = folder.path().join("skus.index");
            std::fs::write(&path, builder.build()?)?;
            let opened = median(|| Index::open(&path).map(drop))?;
            let kernel = index.kernel();
            println!("build {} ms, open {opened:.3} ms, kernel {kernel}", built.as_millis());
        }
    }
    Ok(())
}

fn lookups(index: &Index, method: Method, queries: &[Vec<f32>], scratch: &mut Scratch) -> Result<(), Error> {
    for query in queries {
        std::hint::black_box(index.search_by(method, query, 3, scratch)?.verdict());
    }
    Ok(())
}

/// Median time of a round in milliseconds.
fn median(mut round: impl FnMut() -> Result<(), Error>) -> Result<f64, Error> {
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        round()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(ROUNDS / 2).map_or(f64::NAN, |time: &Duration| time.as_secs_f64() * 1e3))
}
