//! What a person says of a crop, on the phone or in the office.

use serde::{Deserialize, Serialize};

use crate::check::{self, Fault};

/// What a crop shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Label {
    /// A known SKU.
    Sku {
        /// Its id, 1 to 255 bytes.
        sku: String,
    },
    /// A product that is no SKU yet.
    NewSku {
        /// Its name for people, 1 to 200 bytes.
        name: String,
        /// `bottle`, `can`, `glass`, …, 1 to 64 bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        container: Option<String>,
        /// EAN/UPC, 6 to 18 digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        barcode: Option<String>,
    },
    /// Nothing that is sold: a shelf label, a reflection, a hand.
    NotAProduct,
}

impl Label {
    /// Whether it can travel.
    ///
    /// # Errors
    /// The first field beyond its limits.
    pub fn check(&self) -> Result<(), Fault> {
        match self {
            Self::Sku { sku } => check::text("label.sku", sku, 255),
            Self::NewSku { name, container, barcode } => {
                check::text("label.name", name, 200)?;
                container.iter().try_for_each(|container| check::text("label.container", container, 64))?;
                barcode.iter().try_for_each(|digits| check::barcode("label.barcode", digits))
            }
            Self::NotAProduct => Ok(()),
        }
    }
}
