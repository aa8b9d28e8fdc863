//! Targets: what a bundle must reach.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::result::{Figures, Target};
use crate::error::{LabError, Result};

/// What must be reached. The config has them below `targets`, each may be left out.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Targets {
    /// Detection recall at IoU 0.5.
    pub recall_min: f64,
    /// mAP@50, class-agnostic.
    pub map50_min: f64,
    /// SKU top-1 on found facings.
    pub top1_accuracy_min: f64,
    /// Count MAE over pairs of photo and SKU.
    pub count_mae_max: f64,
}

impl Default for Targets {
    fn default() -> Self {
        Self { recall_min: 0.98, map50_min: 0.95, top1_accuracy_min: 0.93, count_mae_max: 0.30 }
    }
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    targets: Targets,
}

impl Targets {
    /// Reads them from a YAML or JSON config.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(LabError::file(path))?;
        let config: Config = serde_saphyr::from_str(&text).map_err(|error| {
            let error = error.to_string();
            LabError::content(path, error.lines().next().unwrap_or_default().trim_start_matches("error: "))
        })?;
        let Self { recall_min, map50_min, top1_accuracy_min, count_mae_max } = config.targets;
        if [recall_min, map50_min, top1_accuracy_min, count_mae_max].iter().any(|target| !target.is_finite()) {
            return Err(LabError::content(path, "targets: each must be a number"));
        }
        Ok(config.targets)
    }

    pub(super) fn judge(&self, figures: &Figures) -> Vec<Target> {
        let target = |name: &str, target: f64, value: Option<f64>, passed: bool| Target {
            name: name.into(),
            target,
            value,
            passed: passed || value.is_none(),
        };
        let least = |name: &str, least: f64, value: Option<f64>| target(name, least, value, value >= Some(least));
        let most = |name: &str, most: f64, value: Option<f64>| target(name, most, value, value <= Some(most));
        vec![
            least("recall_min", self.recall_min, figures.recall.value),
            least("map50_min", self.map50_min, figures.map50.value),
            least("top1_accuracy_min", self.top1_accuracy_min, figures.top1.value),
            most("count_mae_max", self.count_mae_max, figures.count_mae.value),
        ]
    }
}
