//! Ids for SKUs that people name.
//!
//! Owns how an id is made of a name: lower-case letters and digits with `-` between, so that it is a good name of a folder too. One
//! name is one SKU.

use shelfscan_protocol::Label;

use crate::database::Database;
use crate::database::skus::Sku;
use crate::error::{ApiError, ApiResult};

/// Longest id made, in bytes.
const LONGEST: usize = 60;

/// The SKU of this name, made where there is none. Who makes two of one name at once gets the same.
///
/// # Errors
/// 422 for a name, container or barcode beyond the limits of the protocol.
pub async fn create(
    database: &Database,
    by: &str,
    name: &str,
    container: Option<String>,
    barcode: Option<String>,
) -> ApiResult<Sku> {
    let name = name.trim().to_owned();
    let label = Label::NewSku { name: name.clone(), container: container.clone(), barcode: barcode.clone() };
    label.check().map_err(|fault| ApiError::unusable("bad_sku", fault.to_string()))?;
    let slug = slug(&name);
    for number in 1.. {
        let id = if number == 1 { slug.clone() } else { format!("{slug}-{number}") };
        let sku = Sku { id, name: name.clone(), container: container.clone(), barcode: barcode.clone() };
        if database.add_skus(std::slice::from_ref(&sku), by).await? == 1 {
            return Ok(sku);
        }
        match database.sku(&sku.id).await? {
            Some(known) if known.name.to_lowercase() == name.to_lowercase() => return Ok(known),
            _ => {}
        }
    }
    Err(ApiError::internal("numbers ran out"))
}

fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.to_lowercase().chars() {
        let plain = match letter {
            'a'..='z' | '0'..='9' => Some(letter),
            'ä' | 'à' | 'á' | 'â' | 'ã' | 'å' => Some('a'),
            'ç' | 'č' => Some('c'),
            'è' | 'é' | 'ê' | 'ë' => Some('e'),
            'ì' | 'í' | 'î' | 'ï' => Some('i'),
            'ñ' => Some('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => Some('o'),
            'š' => Some('s'),
            'ù' | 'ú' | 'û' | 'ü' => Some('u'),
            'ž' => Some('z'),
            _ => None,
        };
        match plain {
            Some(plain) => slug.push(plain),
            None if slug.is_empty() || slug.ends_with('-') => {}
            None => slug.push('-'),
        }
        if slug.len() >= LONGEST {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    // `unknown` stands for drinks that are none of the SKUs.
    if slug.is_empty() || slug == shelfscan::manifest::OTHER_DRINKS { "sku".into() } else { slug.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_good_names_of_folders() {
        for (name, id) in [
            ("Hopfling Pils, can", "hopfling-pils-can"),
            ("Jägerquelle Süß 0,5 l", "jagerquelle-su-0-5-l"),
            ("../../etc/passwd", "etc-passwd"),
            ("7up", "7up"),
            ("可口可乐", "sku"),
            ("Unknown", "sku"),
        ] {
            assert_eq!(slug(name), id, "{name}");
        }
        assert!(slug(&"x".repeat(200)).len() <= LONGEST);
    }
}
