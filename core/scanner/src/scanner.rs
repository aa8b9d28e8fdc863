//! The way of a photo: looks, facings, crops, embeddings, names, counts.
//!
//! Owns the order of the stages, what each hands to the next, and how a scan shares its bundle with other scans at the same
//! time. Each stage's own work is done elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use shelfscan_tflite::Pooled;
use shelfscan_vision::nms::{Suppression, suppress};
use shelfscan_vision::rows::{Place, places};
use shelfscan_vision::tiles::{self, Tile, Tiling};
use shelfscan_vision::{DecodeLimits, Detection, Frame, ImageView, Letterbox, Quality, Rect, Sampler, decode_into};

use crate::manifest::OTHER_DRINKS;
use crate::models::Workbench;
use crate::parallel::in_turn;
use crate::result::{
    BundleVersion, Candidate, Count, Facing, Finding, QualityReport, ScanResult, Timings, Verdict, four_decimals, tenth,
};
use crate::{Bundle, Cancel, ScanError};

/// Candidates told of each facing.
const CANDIDATES: usize = 3;

/// What one scan does differently from the bundle's defaults.
#[derive(Clone, Debug, Default)]
pub struct ScanOptions {
    /// Lowest score of a facing, 0..1; the bundle's threshold where unset.
    pub confidence: Option<f32>,
    /// Whether small facings are looked at closer.
    pub tiling: Tiling,
    /// What a file may cost to decode.
    pub limits: DecodeLimits,
    /// Calls the scan off.
    pub cancel: Cancel,
}

/// A bundle at work. `Send` and `Sync`: any number of threads may scan at once; together they run at most the bundle's number
/// of threads in each model. Tensors and scratch are kept from photo to photo.
#[derive(Debug)]
pub struct Scanner {
    bundle: Bundle,
    benches: Mutex<Vec<Workbench>>,
    /// Memory of decoded photos, one for each that was scanned at the same time.
    pixels: Mutex<Vec<Vec<u8>>>,
}

/// One worker's share of a stage.
struct Station<'a> {
    interpreter: Pooled<'a>,
    bench: Workbench,
    timings: Timings,
}

/// What the index says of one facing.
struct Named {
    sku: Option<String>,
    verdict: Verdict,
    similarity: f32,
    margin: f32,
    candidates: Vec<Candidate>,
}

impl Scanner {
    /// A scanner over an open bundle.
    pub fn new(bundle: Bundle) -> Self {
        Self { bundle, benches: Mutex::default(), pixels: Mutex::default() }
    }

    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Decodes and scans the bytes of a photo file. The decoded pixels' memory is kept for the next photo (3 bytes a pixel,
    /// once for each photo scanned at the same time); [`Scanner::release_memory`] gives it back.
    pub fn scan_file(&self, bytes: &[u8], options: &ScanOptions) -> Result<ScanResult, ScanError> {
        let started = Instant::now();
        let buffer = self.pixels.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let photo = decode_into(bytes, &options.limits, buffer)?;
        let decoded = started.elapsed();
        let mut result = self.scan(photo.view()?, options)?;
        self.pixels.lock().unwrap_or_else(PoisonError::into_inner).push(photo.into_buffer());
        result.timings.decode = decoded;
        result.timings.total += decoded;
        Ok(result)
    }

    /// Gives back what is kept between photos to be quick: decoded pixels and scratch, not the models.
    pub fn release_memory(&self) {
        self.pixels.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.benches.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Scans a photo.
    pub fn scan(&self, view: ImageView<'_>, options: &ScanOptions) -> Result<ScanResult, ScanError> {
        let started = Instant::now();
        let mut timings = Timings::default();
        let frame = view.frame();
        timings.frame = started.elapsed();

        let measured = Instant::now();
        let quality = Quality::measure(&frame, &mut Sampler::new())?;
        timings.quality = measured.elapsed();

        let mut detections = self.detect(&frame, options, &mut timings)?;
        let placing = Instant::now();
        let places = put_in_order(&mut detections);
        timings.merge += placing.elapsed();
        let named = self.name(&frame, &detections, options, &mut timings)?;
        let facings = self.facings(&detections, named, places);
        timings.total = started.elapsed();

        let (width, height) = frame.upright_size();
        let unknown = facings.iter().filter(|facing| facing.sku.is_none()).count() as u32;
        let counts = self.counts(&facings);
        let bundle = self.version();
        Ok(ScanResult { width, height, bundle, counts, unknown, facings, quality: report(&quality), timings })
    }

    /// What identifies the bundle in a result.
    pub fn version(&self) -> BundleVersion {
        let manifest = self.bundle.manifest();
        BundleVersion {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            index: self.bundle.index_version(),
        }
    }

    /// Looks at the photo, closer where its facings are small, and gives each facing once.
    fn detect(
        &self,
        frame: &Frame<'_>,
        options: &ScanOptions,
        timings: &mut Timings,
    ) -> Result<Vec<Detection>, ScanError> {
        let models = self.bundle.models();
        let thresholds = &models.manifest().thresholds;
        let size = frame.upright_size();
        let first = tiles::first(size);
        let mut found = self.look(frame, &first, options, timings)?;
        if options.tiling == Tiling::Auto {
            let (width, height) = models.detector.input_size();
            let (x, y) = Letterbox::new(first[0].region, width, height).photo_pixels_per_input_pixel();
            let facing = median_size(&found).map(|size| size / x.max(y));
            if let Some(closer) = tiles::closer(size, (width, height), facing) {
                found.retain(|found| closer.leaves_to_first(&found.rect));
                found.extend(self.look(frame, &closer.tiles, options, timings)?);
            }
        }
        let merging = Instant::now();
        found.retain(|found| found.rect.area() > 0.0);
        let rule = Suppression { iou: thresholds.nms_iou, inside: thresholds.nms_inside, per_class: false };
        suppress(&mut found, rule);
        timings.merge += merging.elapsed();
        Ok(found)
    }

    /// What the detector finds in each look and sees whole there, unsuppressed.
    fn look(
        &self,
        frame: &Frame<'_>,
        looks: &[Tile],
        options: &ScanOptions,
        timings: &mut Timings,
    ) -> Result<Vec<Detection>, ScanError> {
        let models = self.bundle.models();
        let confidence = options.confidence.unwrap_or(models.manifest().thresholds.confidence).clamp(0.001, 0.999);
        let (width, height) = models.detector.input_size();
        timings.looks += looks.len() as u32;
        let summed = Mutex::new(Timings::default());
        let found = in_turn(
            looks.len(),
            models.threads(),
            &options.cancel,
            || Ok(self.station(models.detector.interpreter()?)),
            |Station { interpreter, bench, timings }, look| {
                let letterbox = Letterbox::new(looks[look].region, width, height);
                models.detector.look(interpreter, frame, &letterbox, confidence, bench, timings)?;
                let whole = bench.detections.iter().filter(|found| looks[look].shows_whole(&found.rect, &letterbox));
                Ok(whole.copied().collect::<Vec<_>>())
            },
            |station| self.clear(station, &summed),
        )?;
        timings.add(&summed.into_inner().unwrap_or_else(PoisonError::into_inner));
        Ok(found.into_iter().flatten().collect())
    }

    fn name(
        &self,
        frame: &Frame<'_>,
        detections: &[Detection],
        options: &ScanOptions,
        timings: &mut Timings,
    ) -> Result<Vec<Named>, ScanError> {
        let models = self.bundle.models();
        let summed = Mutex::new(Timings::default());
        let named = in_turn(
            detections.len(),
            models.threads(),
            &options.cancel,
            || Ok(self.station(models.embedder.interpreter()?)),
            |Station { interpreter, bench, timings }, facing| {
                models.embedder.embed(interpreter, frame, &detections[facing].rect, bench, timings)?;
                let looked_up = Instant::now();
                let named = self.look_up(bench)?;
                timings.lookup += looked_up.elapsed();
                Ok(named)
            },
            |station| self.clear(station, &summed),
        )?;
        timings.add(&summed.into_inner().unwrap_or_else(PoisonError::into_inner));
        Ok(named)
    }

    fn look_up(&self, bench: &mut Workbench) -> Result<Named, ScanError> {
        // One more than told, as what stands for other drinks is no candidate.
        let hits = self.bundle.index().search(&bench.embedding, CANDIDATES + 1, &mut bench.scratch)?;
        let mut skus = hits.iter().filter(|hit| hit.sku.id != OTHER_DRINKS);
        let (nearest, best) = (hits.best(), skus.next());
        let lead = match (nearest, best) {
            (Some(nearest), Some(best)) if nearest.sku.id == OTHER_DRINKS => Some(best.similarity - nearest.similarity),
            _ => hits.margin(),
        };
        let verdict = match hits.verdict() {
            _ if nearest.is_some_and(|hit| hit.sku.id == OTHER_DRINKS) => Verdict::OtherDrink,
            shelfscan_index::Verdict::Accepted => Verdict::Accepted,
            shelfscan_index::Verdict::BelowThreshold { threshold, .. } => {
                Verdict::BelowThreshold { threshold: four_decimals(threshold) }
            }
            shelfscan_index::Verdict::Ambiguous { needed, .. } => Verdict::Ambiguous { needed: four_decimals(needed) },
            shelfscan_index::Verdict::EmptyIndex => Verdict::EmptyIndex,
        };
        let candidates: Vec<Candidate> = best
            .into_iter()
            .chain(skus)
            .take(CANDIDATES)
            .map(|hit| Candidate { sku: hit.sku.id.into(), similarity: four_decimals(hit.similarity) })
            .collect();
        let sku = best.filter(|_| verdict == Verdict::Accepted).map(|hit| hit.sku.id.into());
        let similarity = best.map_or(0.0, |hit| four_decimals(hit.similarity));
        Ok(Named { sku, verdict, similarity, margin: four_decimals(lead.unwrap_or(0.0)), candidates })
    }

    fn facings(&self, detections: &[Detection], named: Vec<Named>, places: Vec<Place>) -> Vec<Facing> {
        let classes = &self.bundle.manifest().detector.classes;
        detections
            .iter()
            .zip(named)
            .zip(places)
            .map(|((detection, named), Place { row, place })| Facing {
                rect: [detection.rect.left, detection.rect.top, detection.rect.right, detection.rect.bottom].map(tenth),
                container: classes[detection.class].clone(),
                score: four_decimals(detection.score),
                sku: named.sku,
                verdict: named.verdict,
                similarity: named.similarity,
                margin: named.margin,
                candidates: named.candidates,
                row,
                place,
            })
            .collect()
    }

    fn counts(&self, facings: &[Facing]) -> Vec<Count> {
        let mut counts: Vec<Count> = Vec::new();
        for sku in facings.iter().filter_map(|facing| facing.sku.as_ref()) {
            match counts.iter_mut().find(|count| count.sku == *sku) {
                Some(count) => count.count += 1,
                None => {
                    let name = self.bundle.manifest().sku(sku).map_or(sku, |entry| &entry.name);
                    counts.push(Count { sku: sku.clone(), name: name.clone(), count: 1 });
                }
            }
        }
        counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.sku.cmp(&b.sku)));
        counts
    }

    fn station<'a>(&self, interpreter: Pooled<'a>) -> Station<'a> {
        let bench = self.benches.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        Station { interpreter, bench, timings: Timings::default() }
    }

    fn clear(&self, station: Station<'_>, summed: &Mutex<Timings>) {
        self.benches.lock().unwrap_or_else(PoisonError::into_inner).push(station.bench);
        summed.lock().unwrap_or_else(PoisonError::into_inner).add(&station.timings);
    }
}

/// Root of the area of the middle one, in photo pixels.
fn median_size(found: &[Detection]) -> Option<f32> {
    let mut sizes: Vec<f32> = found.iter().map(|found| found.rect.area().sqrt()).collect();
    sizes.sort_by(f32::total_cmp);
    sizes.get(sizes.len() / 2).copied()
}

/// Orders facings by row and place, and gives their places. Neighbours' crops share memory pages, so a scan that embeds them
/// one after the other reads each page once.
fn put_in_order(detections: &mut [Detection]) -> Vec<Place> {
    let rects: Vec<Rect> = detections.iter().map(|detection| detection.rect).collect();
    let mut standing: Vec<(Place, Detection)> = places(&rects).into_iter().zip(detections.iter().copied()).collect();
    standing.sort_by_key(|(place, _)| *place);
    for (detection, (_, standing)) in detections.iter_mut().zip(&standing) {
        *detection = *standing;
    }
    standing.into_iter().map(|(place, _)| place).collect()
}

fn report(quality: &Quality) -> QualityReport {
    let finding =
        |finding: &shelfscan_vision::Finding| Finding { kind: finding.name().into(), advice: finding.to_string() };
    QualityReport {
        sharpness: four_decimals(quality.sharpness),
        brightness: four_decimals(quality.brightness),
        glare: four_decimals(quality.glare),
        findings: quality.findings().iter().map(finding).collect(),
    }
}
