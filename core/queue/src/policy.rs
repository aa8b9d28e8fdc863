//! Which facings are worth a person's look.
//!
//! A queue that keeps everything uncertain sends a thousand pictures of the same unknown bottle. So a crop has to pass, in this
//! order:
//!
//! 1. **A reason** ([`Policy::reason`], pure). Its shorter side has `min_side` pixels at least, and
//!    - the detector's score is less than `score_band` above the threshold: it may be no container at all (`near_threshold`); else
//!    - it is unknown, or like two SKUs alike, or named with a lead of less than `margin_factor` times the margin that was
//!      calibrated for its SKU (`unknown`, `low_margin`); else
//!    - it is one of the `random_share`, so that what is surely known, and wrong, is found too (`random`).
//! 2. **The day's budget**: `per_day` crops a day (UTC). People label a limited number.
//! 3. **The SKU's quota**: of the crops that are likest to one SKU, `per_sku` wait at a time. One hard SKU doesn't take all.
//! 4. **Distance**: no crop likest to the same SKU, of the last 256 queued or sent, is as near as a cosine of `look_alike`. The
//!    second facing of a product on a shelf teaches little. With the bundle `drinks` 0.2.0 on the sample's shelf, whose products it
//!    doesn't know, 96 crops have a reason, and 65 of them show a product of which there is another crop likest to the same SKU. At
//!    0.90, 50 of these are told to be look-alikes (at 0.94 23, at 0.97 none) and no crop is told to be one of another product.
//!
//! What a person corrected passes without 1 to 4: it is worth most, and a person's work is not thrown away.
//!
//! All of it is deterministic: the random share is drawn from `seed`, the photo's hash and the box, so a photo that is scanned
//! again gives the same answer.

use sha2::{Digest, Sha256 as Hasher};
use shelfscan_protocol::{Reason, Sha256};

/// What is worth keeping.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// A named facing is kept below this many times its SKU's calibrated margin; 1 keeps unknown ones only.
    pub margin_factor: f32,
    /// A facing is kept when its score is less than this above the detection threshold, 0 to 1.
    pub score_band: f32,
    /// Share of the other facings that is kept, 0 to 1.
    pub random_share: f32,
    /// Least pixels of a box's shorter side.
    pub min_side: f32,
    /// Cosine from which on a crop is a look-alike of one that is queued; above 1 none is.
    pub look_alike: f32,
    /// Most crops likest to one SKU that wait at a time.
    pub per_sku: u32,
    /// Most crops kept a day.
    pub per_day: u32,
    /// What the random share is drawn from.
    pub seed: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            margin_factor: 1.25,
            score_band: 0.05,
            random_share: 0.002,
            min_side: 24.0,
            look_alike: 0.9,
            per_sku: 40,
            per_day: 300,
            seed: 0,
        }
    }
}

/// A facing as the scan judged it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// Whether it was named.
    pub named: bool,
    /// Whether it is like two SKUs alike.
    pub ambiguous: bool,
    /// Lead of the likeliest SKU over the second.
    pub margin: f32,
    /// The lead that was calibrated for it; 0 where there is none.
    pub needed_margin: f32,
    /// The detector's score.
    pub score: f32,
    /// The score from which on a detection is a facing.
    pub threshold: f32,
    /// Left, top, right, bottom in upright pixels of the photo.
    pub rect: [f32; 4],
    /// The photo's hash.
    pub photo: Sha256,
}

impl Policy {
    /// Why the facing is worth keeping, if it is.
    pub fn reason(&self, facing: &Judged) -> Option<Reason> {
        let [left, top, right, bottom] = facing.rect;
        if (right - left).min(bottom - top) < self.min_side {
            None
        } else if facing.score < facing.threshold + self.score_band {
            Some(Reason::NearThreshold)
        } else if facing.ambiguous {
            Some(Reason::LowMargin)
        } else if !facing.named {
            Some(Reason::Unknown)
        } else if facing.margin < self.margin_factor * facing.needed_margin {
            Some(Reason::LowMargin)
        } else {
            (self.draw(facing) < f64::from(self.random_share)).then_some(Reason::Random)
        }
    }

    /// A number from 0 to 1 that depends on the facing alone.
    fn draw(&self, facing: &Judged) -> f64 {
        let mut hasher = Hasher::new();
        hasher.update(self.seed.to_le_bytes());
        hasher.update(facing.photo.0);
        facing.rect.iter().for_each(|side| hasher.update(side.to_le_bytes()));
        share(&hasher.finalize().into())
    }
}

/// A hash as a number from 0 to below 1.
pub(crate) fn share(hash: &[u8; 32]) -> f64 {
    let [a, b, c, d, e, f, g, ..] = *hash;
    // 53 bits are what an f64 holds.
    (u64::from_le_bytes([a, b, c, d, e, f, g, 0]) >> 3) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facing() -> Judged {
        Judged {
            named: true,
            ambiguous: false,
            margin: 0.3,
            needed_margin: 0.1,
            score: 0.9,
            threshold: 0.5,
            rect: [10.0, 10.0, 60.0, 160.0],
            photo: Sha256([7; 32]),
        }
    }

    #[test]
    fn each_reason_has_its_case() {
        let policy = Policy { random_share: 0.0, ..Policy::default() };
        let cases = [
            (facing(), None),
            (Judged { score: 0.549, ..facing() }, Some(Reason::NearThreshold)),
            (Judged { score: 0.551, ..facing() }, None),
            (Judged { named: false, ..facing() }, Some(Reason::Unknown)),
            (Judged { named: false, ambiguous: true, ..facing() }, Some(Reason::LowMargin)),
            (Judged { margin: 0.12, ..facing() }, Some(Reason::LowMargin)),
            (Judged { margin: 0.13, ..facing() }, None),
            (Judged { named: false, rect: [0.0, 0.0, 23.0, 90.0], ..facing() }, None),
        ];
        for (facing, reason) in cases {
            assert_eq!(policy.reason(&facing), reason, "{facing:?}");
        }
    }

    #[test]
    fn the_random_share_is_a_share_and_repeatable() {
        let policy = Policy { random_share: 0.1, ..Policy::default() };
        let kept = |policy: &Policy| -> Vec<bool> {
            let facings = (0..10_000_u32).map(|n| Judged { rect: [n as f32, 0.0, n as f32 + 50.0, 90.0], ..facing() });
            facings.map(|facing| policy.reason(&facing).is_some()).collect()
        };
        let first = kept(&policy);
        let count = first.iter().filter(|kept| **kept).count();
        assert!((850..1150).contains(&count), "{count} of 10000");
        assert_eq!(kept(&policy), first);
        assert_ne!(kept(&Policy { seed: 1, ..policy }), first);
    }
}
