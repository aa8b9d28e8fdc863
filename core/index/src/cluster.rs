//! Condensing the vectors of one SKU to a few prototypes.
//!
//! Owns spherical k-means over the SKU's own unit vectors; it sees no other SKU, so a SKU's prototypes do not depend on what else
//! is in the index. Deterministic: same vectors in the same order, same bits, on every processor. Refuses nothing.

/// Rounds of k-means; on real galleries assignments settle within five.
const ROUNDS: usize = 10;

/// A cluster with a smaller share of the SKU's vectors is dropped.
///
/// The farthest-first start draws mislabelled and cut crops into small clusters of their own; kept as prototypes they would catch
/// the facings of other SKUs. Chosen on the labelled shelf crops with label noise, where eight prototypes of which none was
/// dropped named fewer facings rightly than one mean per SKU, and eight less the small ones more. SKUs of up to 20 vectors keep
/// every cluster. Half an even share is always enough, so the largest cluster stays however many there are.
const LEAST_SHARE: f32 = 0.05;

/// Unit vectors of one SKU, `dim` values each.
pub(crate) struct Vectors {
    values: Vec<f32>,
    dim: usize,
}

impl Vectors {
    pub(crate) fn new(values: Vec<f32>, dim: usize) -> Self {
        Self { values, dim }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    pub(crate) fn get(&self, vector: usize) -> &[f32] {
        &self.values[vector * self.dim..][..self.dim]
    }

    fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dim)
    }
}

/// Clusters of a SKU's vectors.
pub(crate) struct Clusters {
    /// Sum of the members of each cluster; its direction is the centre.
    sums: Vectors,
    /// Length of each sum.
    lengths: Vec<f32>,
    /// The cluster of each vector; `None` where it was dropped.
    member_of: Vec<Option<usize>>,
}

impl Clusters {
    /// At most `most` clusters; every vector is one of its own where there are no more than that.
    pub(crate) fn of(vectors: &Vectors, most: usize) -> Self {
        let count = vectors.len();
        if count <= most {
            return Self::from_members(vectors, (0..count).map(Some).collect(), count);
        }
        let seeds = farthest_first(vectors, most);
        let centres = Vectors::new(seeds.iter().flat_map(|&seed| vectors.get(seed)).copied().collect(), vectors.dim);
        let mut clusters = Self::from_members(vectors, nearest(vectors, &centres, &vec![1.0; most]), most);
        for _ in 0..ROUNDS {
            if clusters.lengths.is_empty() {
                break;
            }
            let members = nearest(vectors, &clusters.sums, &clusters.lengths);
            if members == clusters.member_of {
                break;
            }
            clusters = Self::from_members(vectors, members, clusters.lengths.len());
        }
        let least = LEAST_SHARE.min(0.5 / most as f32) * count as f32;
        let sizes = sizes(&clusters.member_of, clusters.lengths.len());
        let large = |&cluster: &usize| sizes[cluster] as f32 >= least;
        let members = clusters.member_of.iter().map(|member| member.filter(large)).collect();
        clusters = Self::from_members(vectors, members, sizes.len());
        if clusters.lengths.is_empty() {
            // Vectors that cancel each other out have no centre: the most central one stands for them.
            let one = (0..count).map(|vector| (vector == seeds[0]).then_some(0)).collect();
            return Self::from_members(vectors, one, 1);
        }
        clusters
    }

    /// Sums up the members; clusters without members or direction vanish.
    fn from_members(vectors: &Vectors, members: Vec<Option<usize>>, count: usize) -> Self {
        let mut sums = vec![0.0; count * vectors.dim];
        for (vector, member) in vectors.iter().zip(&members) {
            if let Some(cluster) = member {
                let sum = &mut sums[cluster * vectors.dim..][..vectors.dim];
                sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
            }
        }
        let mut kept = Self { sums: Vectors::new(Vec::new(), vectors.dim), lengths: Vec::new(), member_of: members };
        let mut place = vec![None; count];
        for (cluster, sum) in sums.chunks_exact(vectors.dim).enumerate() {
            let length = dot(sum, sum).sqrt();
            if length > 1e-3 {
                place[cluster] = Some(kept.lengths.len());
                kept.lengths.push(length);
                kept.sums.values.extend_from_slice(sum);
            }
        }
        kept.member_of.iter_mut().for_each(|member| *member = member.and_then(|cluster| place[cluster]));
        kept
    }

    /// The centres, not scaled to unit length.
    pub(crate) fn centres(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.sums.iter()
    }

    /// Similarity of each vector to the nearest centre, its own centre taken without it.
    ///
    /// The assignment of the others is held fixed, so this needs no clustering per vector:
    /// with the sum `s` of its cluster, `x . (s - x) / |s - x|`. Empty for a single vector.
    pub(crate) fn left_out(&self, vectors: &Vectors) -> Vec<f32> {
        let similarity = |(vector, member): (&[f32], &Option<usize>)| {
            let each = self.sums.iter().zip(&self.lengths).enumerate().filter_map(|(cluster, (sum, length))| {
                let product = dot(vector, sum);
                if *member != Some(cluster) {
                    return Some(product / length);
                }
                let rest = (length * length - 2.0 * product + 1.0).max(0.0).sqrt();
                (rest > 1e-2).then(|| (product - 1.0) / rest)
            });
            each.fold(None, |best: Option<f32>, next| Some(best.map_or(next, |best| best.max(next))))
        };
        vectors.iter().zip(&self.member_of).filter_map(similarity).collect()
    }
}

fn sizes(members: &[Option<usize>], count: usize) -> Vec<usize> {
    let mut sizes = vec![0; count];
    members.iter().flatten().for_each(|&cluster| sizes[cluster] += 1);
    sizes
}

/// The vector nearest to the mean, then always the one least like those chosen.
fn farthest_first(vectors: &Vectors, count: usize) -> Vec<usize> {
    let mut mean = vec![0.0; vectors.dim];
    vectors.iter().for_each(|vector| mean.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value));
    let first = place_of(vectors.iter().map(|vector| dot(vector, &mean)), f32::gt);
    let mut seeds = vec![first];
    let mut likeness: Vec<f32> = vectors.iter().map(|vector| dot(vector, vectors.get(first))).collect();
    while seeds.len() < count {
        let next = place_of(likeness.iter().copied(), f32::lt);
        seeds.push(next);
        let seed = vectors.get(next);
        likeness.iter_mut().zip(vectors.iter()).for_each(|(best, vector)| *best = best.max(dot(vector, seed)));
    }
    seeds
}

/// The cluster whose centre is most like each vector.
fn nearest(vectors: &Vectors, sums: &Vectors, lengths: &[f32]) -> Vec<Option<usize>> {
    let one = |vector| place_of(sums.iter().zip(lengths).map(|(sum, length)| dot(vector, sum) / length), f32::gt);
    vectors.iter().map(|vector| Some(one(vector))).collect()
}

/// Place of the first value that is `better` than all before it.
fn place_of(values: impl Iterator<Item = f32>, better: fn(&f32, &f32) -> bool) -> usize {
    let mut best = (0, None);
    for (place, value) in values.enumerate() {
        if best.1.is_none_or(|so_far| better(&value, &so_far)) {
            best = (place, Some(value));
        }
    }
    best.0
}

/// Dot product in eight running sums: fast, and the same order of additions everywhere.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` unit vectors near axis `axis` of 16, told apart by small shares of the next axes.
    fn around(axis: usize, count: usize) -> impl Iterator<Item = f32> {
        (0..count).flat_map(move |place| {
            let mut vector = [0.0; 16];
            vector[axis] = 1.0;
            vector[(axis + 1 + place % 3) % 16] = 0.1 + 0.01 * (place / 3) as f32;
            let length = dot(&vector, &vector).sqrt();
            vector.map(|value| value / length)
        })
    }

    #[test]
    fn few_vectors_are_all_kept() {
        let vectors = Vectors::new(around(0, 5).collect(), 16);
        let clusters = Clusters::of(&vectors, 8);
        assert!(clusters.centres().eq(vectors.iter()));
    }

    #[test]
    fn two_looks_of_a_product_become_two_prototypes() {
        let vectors = Vectors::new(around(0, 20).chain(around(8, 20)).collect(), 16);
        let clusters = Clusters::of(&vectors, 2);
        let mut axes: Vec<usize> = clusters.centres().map(|centre| place_of(centre.iter().copied(), f32::gt)).collect();
        axes.sort_unstable();
        assert_eq!(axes, [0, 8]);
    }

    #[test]
    fn a_lone_outlier_among_many_is_no_prototype() {
        let vectors = Vectors::new(around(0, 60).chain(around(8, 1)).collect(), 16);
        let clusters = Clusters::of(&vectors, 4);
        assert!(clusters.centres().all(|centre| centre[8] == 0.0));
        assert_eq!(clusters.member_of.last(), Some(&None));
        let left_out = clusters.left_out(&vectors);
        assert!(left_out[..60].iter().all(|&similarity| similarity > 0.9));
        assert!(left_out[60] < 0.2);
    }

    #[test]
    fn left_out_is_what_a_clustering_without_the_vector_gives() {
        let vectors = Vectors::new(around(0, 9).chain(around(8, 9)).collect(), 16);
        let clusters = Clusters::of(&vectors, 2);
        for (place, similarity) in clusters.left_out(&vectors).into_iter().enumerate() {
            let others =
                (0..18).filter(|&other| other != place).flat_map(|other| vectors.get(other)).copied().collect();
            let without = Clusters::of(&Vectors::new(others, 16), 2);
            let expected = without
                .centres()
                .map(|centre| dot(centre, vectors.get(place)) / dot(centre, centre).sqrt())
                .fold(f32::MIN, f32::max);
            assert!((similarity - expected).abs() < 1e-4, "{similarity} {expected}");
        }
    }

    #[test]
    fn vectors_that_cancel_out_leave_one_prototype() {
        let vector: Vec<f32> = around(3, 1).collect();
        let opposite = vector.iter().map(|value| -value);
        let vectors = Vectors::new(vector.iter().copied().chain(opposite).collect(), 16);
        let clusters = Clusters::of(&vectors, 1);
        assert_eq!(clusters.centres().len(), 1);
    }
}
