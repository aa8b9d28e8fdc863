//! Dot products of int8 rows and distances of sign bits, in the fastest way this processor has.
//!
//! Owns the choice of the kernel at run time; every kernel gives the same integers, to the bit. Refuses nothing: lengths are the
//! caller's duty (rows are whole multiples of the stride, codes within -127..=127).

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

/// Makes the three scans of a kernel from its two row functions, so that they are compiled with its instructions.
///
/// One call per scan, not per row: a call through the dispatch costs as much as a row.
macro_rules! scans {
    ($(#[$feature:meta])*) => {
        /// Dot products of `query` with each row.
        $(#[$feature])*
        pub(in crate::dot) fn dots(query: &[i8], rows: &[u8], out: &mut Vec<i32>) {
            let bias = bias(query);
            out.extend(rows.chunks_exact(query.len()).map(|row| dot(query, row, bias)));
        }

        /// Dot products of `query` with the rows numbered in `picked`.
        $(#[$feature])*
        pub(in crate::dot) fn dots_at(query: &[i8], rows: &[u8], picked: &[u32], out: &mut Vec<i32>) {
            let (stride, bias) = (query.len(), bias(query));
            out.extend(picked.iter().map(|&row| {
                let start = row as usize * stride;
                dot(query, &rows[start..start + stride], bias)
            }));
        }

        /// Number of differing sign bits between `query` and each row.
        $(#[$feature])*
        pub(in crate::dot) fn distances(query: &[u64], rows: &[u8], out: &mut Vec<u16>) {
            out.extend(rows.chunks_exact(query.len() * 8).map(|row| distance(query, row)));
        }
    };
}
use scans;

/// A way to compute. Values other than `Portable` exist only where `detect` or `available` found the instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kernel(Way);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Kernel {
    /// The fastest kernel of this processor.
    pub(crate) fn detect() -> Self {
        Self::available().last().unwrap_or(Self(Way::Portable))
    }

    /// All kernels this processor can run, the fastest last.
    pub(crate) fn available() -> impl DoubleEndedIterator<Item = Self> {
        let ways = [
            Some(Way::Portable),
            #[cfg(target_arch = "aarch64")]
            std::arch::is_aarch64_feature_detected!("neon").then_some(Way::Neon),
            #[cfg(target_arch = "x86_64")]
            (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt")).then_some(Way::Avx2),
            #[cfg(target_arch = "x86_64")]
            (is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vnni")
                && is_x86_feature_detected!("avx512vpopcntdq")
                && is_x86_feature_detected!("popcnt"))
            .then_some(Way::Avx512Vnni),
        ];
        ways.into_iter().flatten().map(Self)
    }

    /// Name for people.
    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            Way::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Way::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Way::Avx512Vnni => "AVX-512 VNNI",
            #[cfg(target_arch = "aarch64")]
            Way::Neon => "NEON",
        }
    }

    /// Appends the dot product of `query` with each row of `rows`; a row is as long as `query`, a multiple of 64.
    pub(crate) fn dots(self, query: &[i8], rows: &[u8], out: &mut Vec<i32>) {
        match self.0 {
            Way::Portable => portable::dots(query, rows, out),
            // SAFETY: a `Kernel` of this way exists only where its instructions were detected.
            #[cfg(target_arch = "x86_64")]
            Way::Avx2 => unsafe { x86::avx2::dots(query, rows, out) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Way::Avx512Vnni => unsafe { x86::avx512::dots(query, rows, out) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Way::Neon => unsafe { neon::dots(query, rows, out) },
        }
    }

    /// Appends the dot product of `query` with each row numbered in `picked`.
    pub(crate) fn dots_at(self, query: &[i8], rows: &[u8], picked: &[u32], out: &mut Vec<i32>) {
        match self.0 {
            Way::Portable => portable::dots_at(query, rows, picked, out),
            // SAFETY: as in `dots`.
            #[cfg(target_arch = "x86_64")]
            Way::Avx2 => unsafe { x86::avx2::dots_at(query, rows, picked, out) },
            // SAFETY: as in `dots`.
            #[cfg(target_arch = "x86_64")]
            Way::Avx512Vnni => unsafe { x86::avx512::dots_at(query, rows, picked, out) },
            // SAFETY: as in `dots`.
            #[cfg(target_arch = "aarch64")]
            Way::Neon => unsafe { neon::dots_at(query, rows, picked, out) },
        }
    }

    /// Appends the number of bits in which `query` differs from each row of `rows`; a row has as many bytes as `query`.
    pub(crate) fn distances(self, query: &[u64], rows: &[u8], out: &mut Vec<u16>) {
        match self.0 {
            Way::Portable => portable::distances(query, rows, out),
            // SAFETY: as in `dots`.
            #[cfg(target_arch = "x86_64")]
            Way::Avx2 => unsafe { x86::avx2::distances(query, rows, out) },
            // SAFETY: as in `dots`.
            #[cfg(target_arch = "x86_64")]
            Way::Avx512Vnni => unsafe { x86::avx512::distances(query, rows, out) },
            // SAFETY: as in `dots`.
            #[cfg(target_arch = "aarch64")]
            Way::Neon => unsafe { neon::distances(query, rows, out) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Strides 64 to 512 and the largest, any number of rows, codes with many extremes.
    fn rows() -> impl Strategy<Value = (Vec<i8>, Vec<i8>)> {
        let code = prop_oneof![Just(127_i8), Just(-127_i8), Just(0_i8), -127..=127_i8];
        (prop_oneof![1..=8_usize, Just(64_usize)], 0..6_usize).prop_flat_map(move |(blocks, rows)| {
            let stride = blocks * 64;
            (prop::collection::vec(code.clone(), stride), prop::collection::vec(code.clone(), stride * rows))
        })
    }

    /// Without it the tests below would compare the portable kernel with itself.
    #[test]
    #[cfg(target_arch = "aarch64")]
    fn neon_is_what_64_bit_arm_computes_with() {
        assert_eq!(Kernel::detect().name(), "NEON");
    }

    proptest! {
        #[test]
        fn every_kernel_computes_the_same_integers((query, rows) in rows()) {
            let bytes: Vec<u8> = rows.iter().map(|&code| code as u8).collect();
            let expected: Vec<i32> = rows
                .chunks(query.len())
                .map(|row| row.iter().zip(&query).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum())
                .collect();
            let picked: Vec<u32> = (0..expected.len() as u32).rev().step_by(2).collect();
            let expected_picked: Vec<i32> = picked.iter().map(|&row| expected[row as usize]).collect();
            for kernel in Kernel::available() {
                let (mut dots, mut at) = (Vec::new(), Vec::new());
                kernel.dots(&query, &bytes, &mut dots);
                kernel.dots_at(&query, &bytes, &picked, &mut at);
                prop_assert_eq!(&dots, &expected, "{}", kernel.name());
                prop_assert_eq!(&at, &expected_picked, "{}", kernel.name());
            }
        }

        #[test]
        fn every_kernel_counts_the_same_bits(
            (query, rows) in (1..=64_usize, 0..6_usize).prop_flat_map(|(words, rows)| {
                (prop::collection::vec(any::<u64>(), words), prop::collection::vec(any::<u8>(), words * 8 * rows))
            })
        ) {
            let expected: Vec<u16> = rows
                .chunks(query.len() * 8)
                .map(|row| {
                    let bytes = query.iter().flat_map(|word| word.to_le_bytes());
                    row.iter().zip(bytes).map(|(a, b)| (a ^ b).count_ones() as u16).sum()
                })
                .collect();
            for kernel in Kernel::available() {
                let mut distances = Vec::new();
                kernel.distances(&query, &rows, &mut distances);
                prop_assert_eq!(&distances, &expected, "{}", kernel.name());
            }
        }
    }
}
