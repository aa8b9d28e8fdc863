//! Many phones at once: `cargo run --release -p shelfscan-server --example phones -- URL TOKEN PHONES CROPS`.
//!
//! Each phone puts its crops one after the other, as phones do, and tries again where the server says "later". Prints how many were
//! accepted in a second, how long an answer took, and what went wrong.
#![allow(clippy::unwrap_used, reason = "a failure here is the measurement's")]

use std::collections::BTreeMap;
use std::io::Cursor;
use std::time::{Duration, Instant};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use reqwest::{Client, StatusCode};
use shelfscan_protocol::http::{ITEM_TYPE, item_path};
use shelfscan_protocol::{BundleRef, Candidate, Embedding, FacingRef, Item, Meta, PhotoRef, Reason, Sha256};

/// What a phone saw.
#[derive(Default)]
struct Seen {
    accepted: usize,
    later: usize,
    errors: BTreeMap<String, usize>,
    took: Vec<Duration>,
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, token, phones, crops] = &arguments[..] else {
        eprintln!("usage: phones URL TOKEN PHONES CROPS");
        std::process::exit(2);
    };
    let (phones, crops): (u32, u32) = (phones.parse().unwrap(), crops.parse().unwrap());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let picture = picture();
    let started = Instant::now();
    let tasks: Vec<_> = (0..phones)
        .map(|phone| {
            let (url, token, picture) = (url.clone(), token.clone(), picture.clone());
            tokio::spawn(async move { push(&url, &token, &picture, phone, crops).await })
        })
        .collect();
    let mut all = Seen::default();
    for task in tasks {
        let Seen { accepted, later, errors, took } = task.await.unwrap();
        all.accepted += accepted;
        all.later += later;
        all.took.extend(took);
        errors.into_iter().for_each(|(error, count)| *all.errors.entry(error).or_default() += count);
    }
    let elapsed = started.elapsed().as_secs_f64();
    all.took.sort_unstable();
    let at =
        |share: f64| all.took.get((all.took.len() as f64 * share) as usize).map_or(0.0, Duration::as_secs_f64) * 1e3;
    println!("{phones} phones, {crops} crops each of {} bytes, {elapsed:.1} s", picture.len());
    println!("accepted {}, {:.0}/s", all.accepted, all.accepted as f64 / elapsed);
    println!("answers  p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms", at(0.5), at(0.99), at(1.0 - 1e-9));
    println!("later    {}", all.later);
    println!("errors   {:?}", all.errors);
}

async fn push(url: &str, token: &str, picture: &[u8], phone: u32, crops: u32) -> Seen {
    let client = Client::builder().timeout(Duration::from_secs(120)).build().unwrap();
    let mut seen = Seen::default();
    for crop in 0..crops {
        let item = Item::new(&meta(phone, crop), picture).unwrap();
        for _ in 0..20 {
            let asked = Instant::now();
            let request = client.put(format!("{url}{}", item_path(item.id()))).bearer_auth(token);
            let answer = request.header("content-type", ITEM_TYPE).body(item.bytes().to_vec()).send().await;
            seen.took.push(asked.elapsed());
            match answer {
                Ok(answer) if answer.status() == StatusCode::CREATED => {
                    seen.accepted += 1;
                    break;
                }
                Ok(answer) if matches!(answer.status().as_u16(), 429 | 503) => {
                    seen.later += 1;
                    let wait = answer.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok());
                    tokio::time::sleep(Duration::from_secs(wait.unwrap_or(1))).await;
                }
                Ok(answer) => *seen.errors.entry(answer.status().to_string()).or_default() += 1,
                Err(error) => *seen.errors.entry(error.without_url().to_string()).or_default() += 1,
            }
        }
    }
    seen
}

/// A crop of the usual size: 160 x 320 pixels of noise and shades.
fn picture() -> Vec<u8> {
    let mut state = 7_u32;
    let picture = RgbImage::from_fn(160, 320, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgb([(x + (state >> 27)) as u8, (y / 2 + (state >> 28)) as u8, 90])
    });
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

fn meta(phone: u32, crop: u32) -> Meta {
    let vector: Vec<f32> = (0..512).map(|at| ((at * 7 + phone * 31 + crop) % 97) as f32 - 48.0).collect();
    Meta {
        schema: 1,
        reason: Reason::LowMargin,
        captured_at: 1_790_000_000_000 + u64::from(phone) * 1000 + u64::from(crop),
        bundle: BundleRef { name: "drinks".into(), version: "0.2.0".into(), index: Sha256::of(b"index") },
        photo: PhotoRef { sha256: Sha256::of(&phone.to_le_bytes()), width: 3024, height: 4032 },
        facing: FacingRef {
            rect: [100.0, 200.0, 220.0, 460.0],
            box_in_crop: [20.0, 30.0, 140.0, 290.0],
            container: "can".into(),
            score: 0.81,
        },
        sku: None,
        candidates: vec![Candidate { sku: "pepsi".into(), similarity: 0.71 }],
        margin: 0.02,
        correction: None,
        tags: BTreeMap::from([("phone".into(), phone.to_string())]),
        embedding: Embedding::of(&vector, Sha256::of(b"embedder")),
    }
}
