//! The kernels of x86-64: AVX2, and AVX-512 with VNNI.

/// 32 products per step: `maddubs` needs an unsigned side, so the row gives its magnitude and the query takes over its sign.
/// Codes within -127..=127 keep a pair of products within i16: 2 x 127 x 127 = 32,258.
pub(super) mod avx2 {
    use super::super::scans;
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx2,popcnt")]
    fn load(bytes: &[u8; 32]) -> __m256i {
        // SAFETY: reads exactly the 32 bytes of `bytes`; the instruction needs no alignment.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2,popcnt")]
    fn load_signed(codes: &[i8; 32]) -> __m256i {
        // SAFETY: reads exactly the 32 bytes of `codes`; the instruction needs no alignment.
        unsafe { _mm256_loadu_si256(codes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2,popcnt")]
    fn bias(_query: &[i8]) -> i32 {
        0
    }

    #[target_feature(enable = "avx2,popcnt")]
    fn dot(query: &[i8], row: &[u8], _bias: i32) -> i32 {
        let ones = _mm256_set1_epi16(1);
        let mut sum = _mm256_setzero_si256();
        for (query, row) in query.as_chunks::<32>().0.iter().zip(row.as_chunks::<32>().0) {
            let (query, row) = (load_signed(query), load(row));
            let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(row), _mm256_sign_epi8(query, row));
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
        }
        let four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
        let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
        _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two)))
    }

    #[target_feature(enable = "avx2,popcnt")]
    fn distance(query: &[u64], row: &[u8]) -> u16 {
        let (words, _) = row.as_chunks::<8>();
        query.iter().zip(words).map(|(&a, &b)| (a ^ u64::from_le_bytes(b)).count_ones() as u16).sum()
    }

    scans!(#[target_feature(enable = "avx2,popcnt")]);
}

/// 64 products per step: `dpbusd` needs an unsigned side, so 128 is added to the row's codes (its top bit flipped) and
/// 128 x the sum of the query taken off the result.
pub(super) mod avx512 {
    use super::super::scans;
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx512f,avx512vnni,avx512vpopcntdq,popcnt")]
    fn load(bytes: &[u8; 64]) -> __m512i {
        // SAFETY: reads exactly the 64 bytes of `bytes`; the instruction needs no alignment.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx512f,avx512vnni,avx512vpopcntdq,popcnt")]
    fn load_signed(codes: &[i8; 64]) -> __m512i {
        // SAFETY: reads exactly the 64 bytes of `codes`; the instruction needs no alignment.
        unsafe { _mm512_loadu_si512(codes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx512f,avx512vnni,avx512vpopcntdq,popcnt")]
    fn load_words(words: &[u64; 8]) -> __m512i {
        // SAFETY: reads exactly the eight words of `words`; the instruction needs no alignment.
        unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx512f,avx512vnni,avx512vpopcntdq,popcnt")]
    fn bias(query: &[i8]) -> i32 {
        -128 * query.iter().map(|&code| i32::from(code)).sum::<i32>()
    }

    #[target_feature(enable = "avx512f,avx512vnni,avx512vpopcntdq,popcnt")]
    fn dot(query: &[i8], row: &[u8], bias: i32) -> i32 {
        let flip = _mm512_set1_epi32(0x8080_8080_u32 as i32);
        let mut sum = _mm512_setzero_si512();
        for (query, row) in query.as_chunks::<64>().0.iter().zip(row.as_chunks::<64>().0) {
            sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(load(row), flip), load_signed(query));
        }
        _mm512_reduce_add_epi32(sum) + bias
    }

    #[target_feature(enable = "avx512f,avx512vnni,avx512vpopcntdq,popcnt")]
    fn distance(query: &[u64], row: &[u8]) -> u16 {
        let (query, query_rest) = query.as_chunks::<8>();
        let (row, row_rest) = row.as_chunks::<64>();
        let mut sum = _mm512_setzero_si512();
        for (query, row) in query.iter().zip(row) {
            sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(_mm512_xor_si512(load_words(query), load(row))));
        }
        let rest = query_rest.iter().zip(row_rest.as_chunks::<8>().0);
        let rest: u16 = rest.map(|(&a, &b)| (a ^ u64::from_le_bytes(b)).count_ones() as u16).sum();
        _mm512_reduce_add_epi64(sum) as u16 + rest
    }

    scans!(#[target_feature(enable = "avx512f,avx512vnni,avx512vpopcntdq,popcnt")]);
}
