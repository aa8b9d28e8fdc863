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
use shelfscan_vision::{
    DecodeError, DecodeLimits, Detection, Frame, ImageView, Letterbox, Quality, Rect, Sampler, ViewError, decode_into,
};

use crate::manifest::OTHER_DRINKS;
use crate::models::Workbench;
use crate::parallel::in_turn;
use crate::result::{
    BundleVersion, Candidate, Count, Facing, Finding, Naming, QualityReport, ScanResult, Sighting, Timings, Verdict,
    four_decimals, tenth,
};
use crate::{Bundle, Cancel, ScanError, Subject};

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

impl Scanner {
    /// A scanner over an open bundle.
    pub fn new(bundle: Bundle) -> Self {
        Self { bundle, benches: Mutex::default(), pixels: Mutex::default() }
    }

    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The bundle alone, to change its SKUs.
    pub fn into_bundle(self) -> Bundle {
        self.bundle
    }

    /// Decodes and scans the bytes of a photo file. The decoded pixels' memory is kept for the next photo (3 bytes a pixel,
    /// once for each photo scanned at the same time); [`Scanner::release_memory`] gives it back.
    pub fn scan_file(&self, bytes: &[u8], options: &ScanOptions) -> Result<ScanResult, ScanError> {
        let started = Instant::now();
        self.with_decoded(bytes, &options.limits, |view| {
            let decoded = started.elapsed();
            let mut result = self.scan(view, options)?;
            result.timings.decode = decoded;
            result.timings.total += decoded;
            Ok(result)
        })
    }

    /// Decodes a photo file into the memory of an earlier one, and works with its pixels.
    pub(crate) fn with_decoded<T, E: From<DecodeError> + From<ViewError>>(
        &self,
        bytes: &[u8],
        limits: &DecodeLimits,
        work: impl FnOnce(ImageView<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let buffer = self.pixels.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let photo = decode_into(bytes, limits, buffer)?;
        let done = photo.view().map_err(E::from).and_then(work);
        self.pixels.lock().unwrap_or_else(PoisonError::into_inner).push(photo.into_buffer());
        done
    }

    /// Gives back what is kept between photos to be quick: decoded pixels and scratch, not the models.
    pub fn release_memory(&self) {
        self.pixels.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.benches.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Scans a photo.
    pub fn scan(&self, view: ImageView<'_>, options: &ScanOptions) -> Result<ScanResult, ScanError> {
        Ok(self.scan_and_weaker(view, options, f32::INFINITY)?.0)
    }

    /// Scans a photo and gives besides what [`Scanner::scan`] gives the weaker detections, down to a score of `lowest`, best
    /// first: what a judge needs to see how many facings another threshold would have found. They are suppressed like the
    /// facings and by them, and not named.
    pub fn scan_and_weaker(
        &self,
        view: ImageView<'_>,
        options: &ScanOptions,
        lowest: f32,
    ) -> Result<(ScanResult, Vec<Sighting>), ScanError> {
        let started = Instant::now();
        let mut timings = Timings::default();
        let frame = view.frame();
        timings.frame = started.elapsed();

        let measured = Instant::now();
        let quality = Quality::measure(&frame, &mut Sampler::new())?;
        timings.quality = measured.elapsed();

        let confidence = self.confidence(options);
        let mut detections = self.detect(&frame, options, lowest.min(confidence), &mut timings)?;
        let merging = Instant::now();
        self.suppress(&mut detections);
        let weaker = detections.split_off(detections.partition_point(|found| found.score >= confidence));
        timings.merge += merging.elapsed();
        let placing = Instant::now();
        let places = put_in_order(&mut detections);
        timings.merge += placing.elapsed();
        let rects: Vec<Rect> = detections.iter().map(|detection| detection.rect).collect();
        let named = self.name(&frame, &rects, options, &mut timings)?;
        let facings = self.facings(&detections, named, places);
        timings.total = started.elapsed();

        let (width, height) = frame.upright_size();
        let unknown = facings.iter().filter(|facing| facing.sku.is_none()).count() as u32;
        let counts = self.counts(&facings);
        let bundle = self.version();
        let weaker = weaker.iter().map(|weaker| self.sighting(weaker)).collect();
        Ok((ScanResult { width, height, bundle, counts, unknown, facings, quality: report(&quality), timings }, weaker))
    }

    /// All that the detector sees in a photo down to a score of `lowest`, before suppression: several boxes for each facing.
    pub fn sightings(
        &self,
        view: ImageView<'_>,
        options: &ScanOptions,
        lowest: f32,
    ) -> Result<Vec<Detection>, ScanError> {
        self.detect(&view.frame(), options, lowest, &mut Timings::default())
    }

    /// What the index says of each of the boxes (upright pixels of the photo), in their order: the names that a scan would
    /// give them had its detector found them there.
    pub fn name_boxes(
        &self,
        view: ImageView<'_>,
        boxes: &[Rect],
        options: &ScanOptions,
    ) -> Result<Vec<Naming>, ScanError> {
        self.name(&view.frame(), boxes, options, &mut Timings::default())
    }

    /// The embedding of a picture's product, and what the index takes it for: what a person sees before they enrol it.
    pub fn embed_product(&self, view: ImageView<'_>, subject: Subject) -> Result<(Vec<f32>, Naming), ScanError> {
        let mut bench = Workbench::default();
        self.bundle.models().embed_view(view, subject, &mut bench)?;
        let naming = self.look_up(&mut bench)?;
        Ok((bench.embedding, naming))
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

    /// Looks at the photo, closer where its facings are small, and gives all that is seen whole with a score of `lowest` or
    /// more, unsuppressed. Whether to look closer is up to the facings, not to what is weaker.
    fn detect(
        &self,
        frame: &Frame<'_>,
        options: &ScanOptions,
        lowest: f32,
        timings: &mut Timings,
    ) -> Result<Vec<Detection>, ScanError> {
        let models = self.bundle.models();
        let confidence = self.confidence(options);
        let size = frame.upright_size();
        let first = tiles::first(size);
        let mut found = self.look(frame, &first, lowest, options, timings)?;
        if options.tiling == Tiling::Auto {
            let (width, height) = models.detector.input_size();
            let (x, y) = Letterbox::new(first[0].region, width, height).photo_pixels_per_input_pixel();
            let facing = median_size(&found, confidence).map(|size| size / x.max(y));
            if let Some(closer) = tiles::closer(size, (width, height), facing) {
                found.retain(|found| closer.leaves_to_first(&found.rect));
                found.extend(self.look(frame, &closer.tiles, lowest, options, timings)?);
            }
        }
        found.retain(|found| found.rect.area() > 0.0);
        Ok(found)
    }

    /// Leaves each facing once, best first.
    fn suppress(&self, found: &mut Vec<Detection>) {
        let thresholds = &self.bundle.manifest().thresholds;
        let rule = Suppression { iou: thresholds.nms_iou, inside: thresholds.nms_inside, per_class: false };
        suppress(found, rule);
    }

    /// Score from which on a detection is a facing.
    pub(crate) fn confidence(&self, options: &ScanOptions) -> f32 {
        options.confidence.unwrap_or(self.bundle.manifest().thresholds.confidence).clamp(0.001, 0.999)
    }

    /// What the detector finds in each look and sees whole there, unsuppressed.
    fn look(
        &self,
        frame: &Frame<'_>,
        looks: &[Tile],
        lowest: f32,
        options: &ScanOptions,
        timings: &mut Timings,
    ) -> Result<Vec<Detection>, ScanError> {
        let models = self.bundle.models();
        let lowest = lowest.clamp(0.001, 0.999);
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
                models.detector.look(interpreter, frame, &letterbox, lowest, bench, timings)?;
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
        rects: &[Rect],
        options: &ScanOptions,
        timings: &mut Timings,
    ) -> Result<Vec<Naming>, ScanError> {
        let models = self.bundle.models();
        let summed = Mutex::new(Timings::default());
        let named = in_turn(
            rects.len(),
            models.threads(),
            &options.cancel,
            || Ok(self.station(models.embedder.interpreter()?)),
            |Station { interpreter, bench, timings }, facing| {
                models.embedder.embed(interpreter, frame, &rects[facing], bench, timings)?;
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

    fn look_up(&self, bench: &mut Workbench) -> Result<Naming, ScanError> {
        // One more than told, as what stands for other drinks is no candidate.
        let hits = self.bundle.index().search(&bench.embedding, CANDIDATES + 1, &mut bench.scratch)?;
        let offset = self.bundle.manifest().thresholds.unknown_offset;
        let mut skus = hits.iter().filter(|hit| hit.sku.id != OTHER_DRINKS);
        let (nearest, best) = (hits.best(), skus.next());
        let lead = match (nearest, best) {
            (Some(nearest), Some(best)) if nearest.sku.id == OTHER_DRINKS => Some(best.likeness - nearest.likeness),
            _ => hits.margin(),
        };
        let verdict = match hits.verdict_at(offset) {
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
        Ok(Naming { sku, verdict, similarity, margin: four_decimals(lead.unwrap_or(0.0)), candidates })
    }

    fn facings(&self, detections: &[Detection], named: Vec<Naming>, places: Vec<Place>) -> Vec<Facing> {
        let classes = &self.bundle.manifest().detector.classes;
        detections
            .iter()
            .zip(named)
            .zip(places)
            .map(|((detection, named), Place { row, place })| Facing {
                rect: corners(&detection.rect),
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

    fn sighting(&self, detection: &Detection) -> Sighting {
        Sighting {
            rect: corners(&detection.rect),
            container: self.bundle.manifest().detector.classes[detection.class].clone(),
            score: four_decimals(detection.score),
        }
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

fn corners(rect: &Rect) -> [f32; 4] {
    [rect.left, rect.top, rect.right, rect.bottom].map(tenth)
}

/// Root of the area of the middle facing, in photo pixels.
fn median_size(found: &[Detection], confidence: f32) -> Option<f32> {
    let facings = found.iter().filter(|found| found.score >= confidence);
    let mut sizes: Vec<f32> = facings.map(|found| found.rect.area().sqrt()).collect();
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
