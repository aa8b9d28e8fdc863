//! The kernel in plain Rust: the reference for the others and the one for every other processor.

use super::scans;

/// Nothing to prepare.
fn bias(_query: &[i8]) -> i32 {
    0
}

fn dot(query: &[i8], row: &[u8], _bias: i32) -> i32 {
    query.iter().zip(row).map(|(&a, &b)| i32::from(i16::from(a) * i16::from(b as i8))).sum()
}

fn distance(query: &[u64], row: &[u8]) -> u16 {
    let (words, _) = row.as_chunks::<8>();
    query.iter().zip(words).map(|(&a, &b)| (a ^ u64::from_le_bytes(b)).count_ones() as u16).sum()
}

scans!();
