//! Unit vectors as int8: how an embedding becomes a row of codes, and back.
//!
//! Owns the quantization; refuses vectors of the wrong length, with NaN or infinity, or without direction. The length of a row is
//! not stored: the similarity of two rows is the cosine of the int8 vectors themselves, `dot / (|a| |b|)`, so a prototype
//! compared with itself gives exactly what the rounding left of 1.

use crate::{Error, Result};

/// Writes `vector` to `codes` as int8, its largest value at 127; `codes` beyond the vector become zero.
///
/// Scaling each vector to the full range keeps the rounding error of a 512-d embedding near 1/300 of its length.
/// `codes` must be at least as long as `vector`.
pub(crate) fn quantize(vector: &[f32], dim: usize, codes: &mut [i8]) -> Result<()> {
    if vector.len() != dim {
        return Err(Error::WrongDim { expected: dim, found: vector.len() });
    }
    if let Some((position, &value)) = vector.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        return Err(Error::NotFinite { position, value });
    }
    if vector.iter().all(|&value| value == 0.0) {
        return Err(Error::ZeroVector);
    }
    quantize_finite(vector, codes);
    Ok(())
}

/// As [`quantize`] for a vector known to be finite and not zero.
pub(crate) fn quantize_finite(vector: &[f32], codes: &mut [i8]) {
    let largest = vector.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    // f64, as the reciprocal of a subnormal overflows f32.
    let scale = 127.0 / f64::from(largest);
    let (used, rest) = codes.split_at_mut(vector.len());
    for (code, &value) in used.iter_mut().zip(vector) {
        *code = (f64::from(value) * scale).round() as i8;
    }
    rest.fill(0);
}

/// 1 / length of a row of codes; 0 for a row of zeros, whose similarity to anything is then 0.
pub(crate) fn inverse_norm(codes: &[i8]) -> f32 {
    let squares: i64 = codes.iter().map(|&code| i64::from(i32::from(code) * i32::from(code))).sum();
    if squares == 0 { 0.0 } else { (1.0 / (squares as f64).sqrt()) as f32 }
}

/// The row as a unit vector of `dim` values.
pub(crate) fn dequantize(codes: &[i8], dim: usize) -> Vec<f32> {
    let scale = inverse_norm(codes);
    codes[..dim].iter().map(|&code| f32::from(code) * scale).collect()
}

/// Cosine of two rows from their integer dot product and inverse lengths.
pub(crate) fn cosine(dot: i32, inverse_norm_a: f32, inverse_norm_b: f32) -> f32 {
    dot as f32 * (inverse_norm_a * inverse_norm_b)
}

/// Sign bits of a row: bit `i % 8` of byte `i / 8` is 1 where code `i` is negative.
pub(crate) fn signs(codes: &[i8]) -> impl Iterator<Item = u8> + '_ {
    codes
        .chunks(8)
        .map(|eight| eight.iter().enumerate().fold(0, |byte, (bit, &code)| byte | (u8::from(code < 0) << bit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn scale_does_not_matter(vector in prop::collection::vec(-1.0_f32..1.0, 40), power in -100..100_i32) {
            prop_assume!(vector.iter().any(|value| value.abs() > 1e-3));
            let scaled: Vec<f32> = vector.iter().map(|value| value * 2.0_f32.powi(power)).collect();
            prop_assume!(scaled.iter().all(|value| value.is_normal() || *value == 0.0));
            let (mut a, mut b) = ([1; 64], [2; 64]);
            quantize(&vector, 40, &mut a).unwrap();
            quantize(&scaled, 40, &mut b).unwrap();
            prop_assert_eq!(a, b);
        }

        #[test]
        fn rounding_keeps_the_direction(vector in prop::collection::vec(-1.0_f32..1.0, 512)) {
            let mut codes = [0; 512];
            quantize(&vector, 512, &mut codes).unwrap();
            let back = dequantize(&codes, 512);
            let dot: f32 = back.iter().zip(&vector).map(|(a, b)| a * b).sum();
            let length: f32 = vector.iter().map(|a| a * a).sum::<f32>().sqrt();
            prop_assert!(dot / length > 0.9999, "cosine {}", dot / length);
        }
    }

    #[test]
    fn extremes_are_quantized_not_overflowed() {
        for value in [f32::MAX, f32::MIN_POSITIVE, 1e-45] {
            let mut codes = [0; 64];
            quantize(&[value, -value], 2, &mut codes).unwrap();
            assert_eq!(codes[..3], [127, -127, 0]);
        }
    }

    #[test]
    fn vectors_without_direction_are_refused_by_name() {
        let mut codes = [0; 64];
        let mut refusal = |vector: &[f32]| quantize(vector, 2, &mut codes).unwrap_err();
        assert!(matches!(refusal(&[0.0, -0.0]), Error::ZeroVector));
        assert!(matches!(refusal(&[1.0, f32::NAN]), Error::NotFinite { position: 1, .. }));
        assert!(matches!(refusal(&[f32::INFINITY, 1.0]), Error::NotFinite { position: 0, .. }));
        assert!(matches!(refusal(&[1.0]), Error::WrongDim { expected: 2, found: 1 }));
    }
}
