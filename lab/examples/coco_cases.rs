//! Cases for the comparison with pycocotools (`cargo xtask test coco`): random and adversarial photos with our average precision,
//! as JSON on standard output.
//!
//! Label ids begin at 1: pycocotools takes a label with id 0 for not found. Scores and sides come from few values in half the
//! cases, so that ties of scores and IoUs are common.

use serde_json::json;
use shelfscan_lab::metrics::{Ranking, ScoredBox, TrueBox, match_photo};

/// Cases written.
const CASES: u64 = 300;
/// Classes; the last is never labelled.
const CLASSES: u64 = 4;

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % limit
    }

    fn share(&mut self) -> f64 {
        self.below(1 << 40) as f64 / (1u64 << 40) as f64
    }

    fn xywh(&mut self, coarse: bool) -> [f64; 4] {
        if coarse {
            [self.below(12), self.below(12), 1 + self.below(5), 1 + self.below(5)].map(|side| side as f64 * 10.0)
        } else {
            [self.share() * 120.0, self.share() * 120.0, 1.0 + self.share() * 60.0, 1.0 + self.share() * 60.0]
        }
    }

    fn score(&mut self, coarse: bool) -> f64 {
        if coarse { self.below(9) as f64 / 8.0 } else { self.share() }
    }
}

type Photo = (Vec<(u64, TrueBox)>, Vec<(u64, ScoredBox)>);

fn photo(dice: &mut Dice, coarse: bool) -> Photo {
    // Some photos are empty, some have more than 100 detections of a class.
    let labels = if dice.below(5) == 0 { 0 } else { dice.below(30) };
    let strays = [0, dice.below(40), 400][dice.below(9).min(2) as usize % 3];
    let mut truth = Vec::new();
    for _ in 0..labels {
        let label = TrueBox { xywh: dice.xywh(coarse), crowd: dice.below(5) == 0 };
        truth.push((1 + dice.below(CLASSES - 1), label));
    }
    let mut found = Vec::new();
    for (class, label) in truth.iter().filter(|_| labels > 0) {
        for _ in 0..dice.below(3) {
            let [x, y, w, h] = label.xywh;
            let moved =
                if coarse { [x, y, w, h] } else { [x + dice.share() * 6.0, y, w, h * (0.7 + dice.share() / 2.0)] };
            found.push((*class, ScoredBox { xywh: moved, score: dice.score(coarse) }));
        }
    }
    for _ in 0..strays {
        let stray = ScoredBox { xywh: dice.xywh(coarse), score: dice.score(coarse) };
        found.push((1 + dice.below(CLASSES), stray));
    }
    (truth, found)
}

fn main() {
    let mut dice = Dice(0x5eed);
    let mut cases = Vec::new();
    for case in 0..CASES {
        let coarse = case % 2 == 0;
        let max_dets = [1, 10, 100, 1000][(case / 2 % 4) as usize];
        let photos: Vec<Photo> = (0..1 + dice.below(6)).map(|_| photo(&mut dice, coarse)).collect();
        let precision = (1..=CLASSES).map(|class| {
            let matched: Vec<_> = photos
                .iter()
                .map(|(truth, found)| {
                    let truth: Vec<_> = truth.iter().filter(|(of, _)| *of == class).map(|(_, label)| *label).collect();
                    let found: Vec<_> = found.iter().filter(|(of, _)| *of == class).map(|(_, found)| *found).collect();
                    match_photo(&truth, &found, max_dets)
                })
                .collect();
            let ranking = Ranking::new(matched.iter().map(|photo| (photo.countable, photo.ranked.as_slice())));
            ranking.average_precision(None)
        });
        let precision: Vec<_> = precision.collect();
        let photos: Vec<_> = photos
            .iter()
            .map(|(truth, found)| {
                let truth: Vec<_> = truth.iter().map(|(class, t)| json!([class, t.xywh, u8::from(t.crowd)])).collect();
                let found: Vec<_> = found.iter().map(|(class, f)| json!([class, f.xywh, f.score])).collect();
                json!({"truth": truth, "found": found})
            })
            .collect();
        cases.push(json!({"max_dets": max_dets, "classes": CLASSES, "photos": photos, "average_precision": precision}));
    }
    println!("{}", json!(cases));
}
