//! Which items look like one.
//!
//! Owns the search among embeddings as they are kept.

use shelfscan_protocol::cosine;

/// Ids of the items at least so similar, with their cosine, most alike first; without the item itself.
pub fn look_alikes(item: &str, codes: &[u8], others: Vec<(String, Vec<u8>)>, least: f32) -> Vec<(String, f32)> {
    let mut alike: Vec<(String, f32)> = others
        .into_iter()
        .filter(|(id, other)| id != item && other.len() == codes.len())
        .map(|(id, other)| {
            let similarity = cosine(codes.iter().map(|&code| code as i8), other.iter().map(|&code| code as i8));
            (id, similarity)
        })
        .filter(|&(_, similarity)| similarity >= least)
        .collect();
    alike.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    alike
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_alike_come_first_and_others_not_at_all() {
        let codes = |codes: [i8; 3]| codes.map(|code| code as u8).to_vec();
        let others = vec![
            ("across".to_owned(), codes([0, 127, 0])),
            ("near".to_owned(), codes([127, 30, 0])),
            ("same".to_owned(), codes([64, 0, 0])),
            ("itself".to_owned(), codes([127, 0, 0])),
            ("against".to_owned(), codes([-127, 0, 0])),
            ("of another length".to_owned(), vec![127]),
        ];
        let alike = look_alikes("itself", &codes([127, 0, 0]), others, 0.9);
        assert_eq!(alike.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["same", "near"]);
        assert!((alike[0].1 - 1.0).abs() < 1e-6 && (alike[1].1 - 0.9732).abs() < 1e-3, "{alike:?}");
    }
}
