//! A split of a data set into train, val and test that stays what it is.
//!
//! Owns which photo goes where. Photos that are near-duplicates, or that a pattern puts into one group, go together. The groups
//! are dealt out by iterative stratification (Sechidis, Tsoumakas, Vlahavas, "On the Stratification of Multi-Label Data", 2011,
//! algorithm 1), over facings of a SKU: the SKU with the fewest groups left first, each group to the split that lacks most of the
//! SKU, then most photos; moves and swaps then even out what is left. All arithmetic is of whole numbers, and chance is a hash of seed and name, so every machine makes
//! the same split.
//!
//! Refuses: separating a group, however large; what can't be balanced is told.

mod even;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::dataset::Photo;
use crate::hash::{Counts, class_of};
use crate::{LabError, Result, near};

/// Names of the splits, in the order of the ratios.
pub const SPLITS: [&str; 3] = ["train", "val", "test"];

/// Percent of the photos for train, val and test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratios([u64; 3]);

impl Default for Ratios {
    fn default() -> Self {
        Self([70, 15, 15])
    }
}

impl std::str::FromStr for Ratios {
    type Err = String;

    /// `TRAIN,VAL,TEST` or `TRAIN,VAL`: whole percents that make 100, some for train.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong =
            || format!("`{text}`: two or three whole percents that make 100 are needed, such as 70,15,15 or 80,20");
        let parts: Vec<u64> = text
            .split(',')
            .map(|part| part.trim().parse())
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| wrong())?;
        let ratios = match parts[..] {
            [train, val] => [train, val, 0],
            [train, val, test] => [train, val, test],
            _ => return Err(wrong()),
        };
        let sum = ratios.iter().try_fold(0_u64, |sum, ratio| sum.checked_add(*ratio));
        if sum != Some(100) || ratios[0] == 0 { Err(wrong()) } else { Ok(Self(ratios)) }
    }
}

/// How to split.
#[derive(Clone, Debug, Default)]
pub struct SplitOptions {
    /// Percent for each split.
    pub ratios: Ratios,
    /// Which of the equally good splits.
    pub seed: u64,
    /// Whether each SKU is divided by the ratios too, not only the photos.
    pub stratify: bool,
    /// Photos whose names give the same captures (the same match, where the pattern captures nothing) stay together.
    pub group_by: Option<Regex>,
}

/// A photo to be put into a split.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name in the data set.
    pub name: String,
    /// Facings of each SKU on it.
    pub skus: BTreeMap<String, u64>,
}

impl Member {
    /// What a split needs to know of a labelled photo.
    pub fn of(photo: &Photo) -> Self {
        let mut skus = BTreeMap::<String, u64>::new();
        for facing in photo.facings.iter().filter(|facing| !facing.ignore) {
            *skus.entry(class_of(facing).to_owned()).or_default() += 1;
        }
        Self { name: photo.name.clone(), skus }
    }
}

/// The JSON form of a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Schema of the JSON form, 1.
    pub schema: u32,
    /// Hash over all files of the data set that was split, as `shelfscan dataset hash` gives it.
    pub data_sha256: String,
    /// Percent for train, val and test.
    pub ratios: [u64; 3],
    /// The seed.
    pub seed: u64,
    /// Whether SKUs were stratified.
    pub stratified: bool,
    /// The pattern of the groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_by: Option<String>,
    /// Names of the photos of each split, sorted.
    pub splits: BTreeMap<String, Vec<String>>,
    /// Photos and facings of each split.
    pub counts: BTreeMap<String, Counts>,
    /// Photos that were kept together, groups of two or more.
    pub together: Vec<Vec<String>>,
}

/// A split and what could not be had of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The split.
    pub split: Split,
    /// Sentences for people: groups larger than a split, SKUs that are missing somewhere.
    pub warnings: Vec<String>,
}

/// Splits `members`, sorted by name, of the data set with this hash. `near` are pairs of near-duplicates among them.
///
/// # Errors
/// A pattern that matches none of them.
pub fn split(
    members: &[Member],
    near: &[(usize, usize)],
    data_sha256: &str,
    options: &SplitOptions,
) -> Result<Outcome> {
    let by_name =
        options.group_by.as_ref().map(|pattern| same_group(members, pattern)).transpose()?.unwrap_or_default();
    let groups: Vec<Group> = near::groups(members.len(), near.iter().copied().chain(by_name))
        .into_iter()
        .map(|photos| Group::of(photos, members, options))
        .collect();
    let mut places = deal(&groups, options);
    even::even_out(&groups, options.ratios, &mut places);

    let mut splits: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    for (place, name) in SPLITS.iter().enumerate().filter(|(place, _)| options.ratios.0[*place] > 0) {
        let photos = groups.iter().zip(&places).filter(|(_, of)| **of == place).flat_map(|(group, _)| &group.photos);
        let mut photos: Vec<&Member> = photos.map(|photo| &members[*photo]).collect();
        photos.sort_by(|a, b| a.name.cmp(&b.name));
        splits.insert((*name).into(), photos.iter().map(|photo| photo.name.clone()).collect());
        counts.insert((*name).into(), count(&photos));
    }
    let warnings = warnings(&groups, &places, members, options, &counts);
    let together = groups.iter().filter(|group| group.photos.len() > 1);
    let names = |group: &Group| group.photos.iter().map(|photo| members[*photo].name.clone()).collect();
    let split = Split {
        schema: 1,
        data_sha256: data_sha256.into(),
        ratios: options.ratios.0,
        seed: options.seed,
        stratified: options.stratify,
        group_by: options.group_by.as_ref().map(|pattern| pattern.as_str().into()),
        splits,
        counts,
        together: together.map(names).collect(),
    };
    Ok(Outcome { split, warnings })
}

impl Split {
    /// The JSON form.
    ///
    /// # Errors
    /// None that data of this type could cause.
    pub fn to_json(&self) -> Result<String> {
        crate::error::json(self)
    }
}

/// Photos that go together.
struct Group {
    photos: Vec<usize>,
    skus: BTreeMap<String, u64>,
    chance: u64,
}

impl Group {
    fn of(photos: Vec<usize>, members: &[Member], options: &SplitOptions) -> Self {
        let mut skus = BTreeMap::new();
        for (sku, count) in photos.iter().flat_map(|photo| &members[*photo].skus).filter(|_| options.stratify) {
            *skus.entry(sku.clone()).or_default() += count;
        }
        let first = photos.first().map_or("", |photo| &members[*photo].name);
        let digest = Sha256::new().chain_update(options.seed.to_le_bytes()).chain_update(first).finalize();
        let chance = digest.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Self { photos, skus, chance }
    }
}

/// Pairs that the pattern puts into one group.
fn same_group(members: &[Member], pattern: &Regex) -> Result<Vec<(usize, usize)>> {
    let mut first_of = BTreeMap::<Vec<&str>, usize>::new();
    let mut pairs = Vec::new();
    for (number, member) in members.iter().enumerate() {
        let Some(captures) = pattern.captures(&member.name) else { continue };
        let parts = captures.iter().skip(usize::from(captures.len() > 1));
        let key = parts.map(|part| part.map_or("", |part| part.as_str())).collect();
        pairs.push((*first_of.entry(key).or_insert(number), number));
    }
    if pairs.is_empty() {
        let (pattern, example) = (pattern.as_str().into(), members.first().map_or("", |member| &member.name).into());
        return Err(LabError::Pattern { pattern, example });
    }
    Ok(pairs)
}

/// How many of something each split still lacks, in hundredths: what it should have less what it has.
struct Lack([i64; 3]);

impl Lack {
    fn of(total: u64, ratios: Ratios) -> Self {
        Self(ratios.0.map(|ratio| (total * ratio) as i64))
    }

    fn give(&mut self, place: usize, count: u64) {
        self.0[place] -= 100 * count as i64;
    }
}

/// The split of each group.
fn deal(groups: &[Group], options: &SplitOptions) -> Vec<usize> {
    let mut totals = BTreeMap::<&str, u64>::new();
    let mut with = BTreeMap::<&str, Vec<usize>>::new();
    for (number, group) in groups.iter().enumerate() {
        for (sku, count) in &group.skus {
            *totals.entry(sku).or_default() += count;
            with.entry(sku).or_default().push(number);
        }
    }
    let mut lacks: BTreeMap<&str, Lack> =
        totals.iter().map(|(sku, total)| (*sku, Lack::of(*total, options.ratios))).collect();
    let photos: usize = groups.iter().map(|group| group.photos.len()).sum();
    let mut lack_of_photos = Lack::of(photos as u64, options.ratios);
    let mut places: Vec<Option<usize>> = vec![None; groups.len()];
    let mut put = |number: usize, sku: Option<&str>, lacks: &mut BTreeMap<&str, Lack>| {
        let group = &groups[number];
        let of_sku = sku.and_then(|sku| lacks.get(sku)).map_or([0; 3], |lack| lack.0);
        let open = (0..SPLITS.len()).filter(|place| options.ratios.0[*place] > 0);
        let chance = |place: usize| group.chance.rotate_left(21 * place as u32);
        let place = open.max_by_key(|place| (of_sku[*place], lack_of_photos.0[*place], chance(*place))).unwrap_or(0);
        lack_of_photos.give(place, group.photos.len() as u64);
        for (sku, count) in &group.skus {
            if let Some(lack) = lacks.get_mut(sku.as_str()) {
                lack.give(place, *count);
            }
        }
        place
    };
    loop {
        with.retain(|_, numbers| {
            numbers.retain(|number| places[*number].is_none());
            !numbers.is_empty()
        });
        let Some((sku, numbers)) = with.iter().min_by_key(|(sku, numbers)| (numbers.len(), **sku)) else { break };
        let mut numbers = numbers.clone();
        numbers.sort_by_key(|number| {
            let group = &groups[*number];
            (Reverse(group.skus.get(*sku).copied()), Reverse(group.photos.len()), group.chance)
        });
        for number in numbers {
            places[number] = Some(put(number, Some(sku), &mut lacks));
        }
    }
    let mut rest: Vec<usize> = (0..groups.len()).filter(|number| places[*number].is_none()).collect();
    rest.sort_by_key(|number| (Reverse(groups[*number].photos.len()), groups[*number].chance));
    for number in rest {
        places[number] = Some(put(number, None, &mut lacks));
    }
    places.into_iter().map(Option::unwrap_or_default).collect()
}

fn count(photos: &[&Member]) -> Counts {
    let mut counts = Counts { photos: photos.len() as u64, ..Counts::default() };
    for (sku, facings) in photos.iter().flat_map(|photo| &photo.skus) {
        counts.facings += facings;
        *counts.classes.entry(sku.clone()).or_default() += facings;
    }
    counts
}

fn warnings(
    groups: &[Group],
    places: &[usize],
    members: &[Member],
    options: &SplitOptions,
    counts: &BTreeMap<String, Counts>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let ratios = || SPLITS.iter().zip(options.ratios.0).filter(|(_, ratio)| *ratio > 0);
    for (group, place) in groups.iter().zip(places) {
        let size = group.photos.len();
        let fits = |ratio: u64| (size as u64) * 100 <= members.len() as u64 * ratio;
        if let Some((split, ratio)) = ratios().filter(|(_, ratio)| !fits(*ratio)).min_by_key(|(_, ratio)| *ratio)
            && size > 1
        {
            let (first, share) = (&members[group.photos[0]].name, members.len() as u64 * ratio / 100);
            warnings.push(format!(
                "{size} photos that belong together (such as {first}) are more than {split} should have ({share}); all are in {}",
                SPLITS[*place]
            ));
        }
    }
    let skus: std::collections::BTreeSet<&String> = counts.values().flat_map(|counts| counts.classes.keys()).collect();
    for (split, counts) in counts {
        let missing: Vec<&str> =
            skus.iter().filter(|sku| !counts.classes.contains_key(**sku)).map(|sku| sku.as_str()).collect();
        if !missing.is_empty() && counts.photos > 0 {
            let shown = missing.iter().take(5).copied().collect::<Vec<_>>().join(", ");
            let more = if missing.len() > 5 { ", …" } else { "" };
            warnings.push(format!("{split} has no facing of {} SKUs: {shown}{more}", missing.len()));
        }
        if counts.photos == 0 {
            warnings.push(format!("{split} got no photo: there are too few, or too few that may be separated"));
        }
    }
    warnings
}
