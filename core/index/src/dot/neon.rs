//! The kernel of 64-bit ARM: NEON, which every such phone has.
//!
//! Codes within -127..=127 keep a pair of products within i16: 2 x 127 x 127 = 32,258.

use super::scans;
use std::arch::aarch64::*;

#[target_feature(enable = "neon")]
fn load(bytes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: reads exactly the 16 bytes of `bytes`; the instruction needs no alignment.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}

#[target_feature(enable = "neon")]
fn load_signed(codes: &[i8; 16]) -> int8x16_t {
    // SAFETY: reads exactly the 16 bytes of `codes`; the instruction needs no alignment.
    unsafe { vld1q_s8(codes.as_ptr()) }
}

#[target_feature(enable = "neon")]
fn load_words(words: &[u64; 2]) -> uint64x2_t {
    // SAFETY: reads exactly the two words of `words`; the instruction needs no alignment beyond theirs.
    unsafe { vld1q_u64(words.as_ptr()) }
}

#[target_feature(enable = "neon")]
fn bias(_query: &[i8]) -> i32 {
    0
}

#[target_feature(enable = "neon")]
fn dot(query: &[i8], row: &[u8], _bias: i32) -> i32 {
    let mut sum = vdupq_n_s32(0);
    for (query, row) in query.as_chunks::<16>().0.iter().zip(row.as_chunks::<16>().0) {
        let (query, row) = (load_signed(query), vreinterpretq_s8_u8(load(row)));
        let low = vmull_s8(vget_low_s8(query), vget_low_s8(row));
        sum = vpadalq_s16(sum, vmlal_high_s8(low, query, row));
    }
    vaddvq_s32(sum)
}

#[target_feature(enable = "neon")]
fn distance(query: &[u64], row: &[u8]) -> u16 {
    let (query, query_rest) = query.as_chunks::<2>();
    let (pairs, row_rest) = row.as_chunks::<16>();
    let mut sum = vdupq_n_u16(0);
    for (query, row) in query.iter().zip(pairs) {
        // On a big-endian machine the words of the query would need their bytes swapped; 64-bit ARM phones are little endian.
        let differing = veorq_u8(vreinterpretq_u8_u64(load_words(query)), load(row));
        sum = vpadalq_u8(sum, vcntq_u8(differing));
    }
    let rest = query_rest.iter().zip(row_rest.as_chunks::<8>().0);
    let rest: u16 = rest.map(|(&a, &b)| (a ^ u64::from_le_bytes(b)).count_ones() as u16).sum();
    vaddvq_u16(sum) + rest
}

scans!(#[target_feature(enable = "neon")]);
