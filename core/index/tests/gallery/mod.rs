//! An invented gallery: embeddings of products that come in brands, like those of real drinks.
//!
//! Products of a brand resemble each other, photos of a product scatter around it. With the default spread a photo's cosine to
//! its product is about 0.9, between products of a brand about 0.6, between brands about 0.

#![allow(dead_code, reason = "each user of this module needs another part of it")]

/// SplitMix64: small, and the same numbers everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// About normal, mean 0, variance 1: the sum of twelve uniform numbers less 6.
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| (self.next() >> 40) as f32 / (1 << 24) as f32).sum::<f32>() - 6.0
    }

    pub fn unit(&mut self, dim: usize) -> Vec<f32> {
        normalized((0..dim).map(|_| self.normal()).collect())
    }
}

pub fn normalized(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|value| *value /= length);
    vector
}

/// Products with a direction each.
pub struct Gallery {
    pub products: Vec<Vec<f32>>,
    spread: f32,
}

impl Gallery {
    pub fn new(products: usize, dim: usize, random: &mut Random) -> Self {
        let brands: Vec<Vec<f32>> = (0..products.div_ceil(6)).map(|_| random.unit(dim)).collect();
        let products = (0..products).map(|product| near(&brands[product / 6], 0.8, random)).collect();
        Self { products, spread: 0.5 }
    }

    pub fn with_spread(self, spread: f32) -> Self {
        Self { spread, ..self }
    }

    pub fn id(product: usize) -> String {
        format!("sku-{product:05}")
    }

    /// An embedding of a photo of the product; some photos are much worse than others.
    pub fn photo(&self, product: usize, random: &mut Random) -> Vec<f32> {
        let worse = if random.below(20) == 0 { 2.0 } else { 0.6 + 0.1 * random.below(9) as f32 };
        near(&self.products[product], self.spread * worse, random)
    }
}

/// A unit vector at `distance` from `direction` before both are scaled to unit length.
fn near(direction: &[f32], distance: f32, random: &mut Random) -> Vec<f32> {
    let other = random.unit(direction.len());
    normalized(direction.iter().zip(other).map(|(a, b)| a + distance * b).collect())
}
