//! What the operator sets, all of it in the environment or in a `.env` file.
//!
//! Owns the names of the variables, their defaults and the checks that need no network: with nothing set the server listens on
//! 127.0.0.1:8000 and keeps everything in the folder `shelfscan-data`. Refuses values it can't read, by name, before it starts.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A variable that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{name}={value}: {reason}")]
pub struct ConfigError {
    /// The variable.
    pub name: &'static str,
    /// What it holds.
    pub value: String,
    /// What is wrong with it, and what is expected.
    pub reason: String,
}

/// The settings of one server.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// `sqlite://FILE` or `postgres://…`.
    pub database_url: Hidden<String>,
    /// `file://FOLDER` or `s3://BUCKET/PREFIX`.
    pub blob_url: String,
    /// The variables `AWS_…` for a bucket: its keys, region and address.
    pub bucket: Hidden<BTreeMap<String, String>>,
    /// Folder of what belongs to this machine alone: the embedded stores and the bundle that is recognised with.
    pub data: PathBuf,
    /// Whether photos are recognised: `None` where the bundle can be opened, `Some(true)` or the server doesn't start.
    pub recognise: Option<bool>,
    /// The models to recognise with.
    pub models: ModelFiles,
    /// What a request may cost.
    pub limits: Limits,
    /// The key that deltas are signed with, as hex; none where the folder's own is to be used.
    pub signing_key: Hidden<Option<String>>,
    /// Share of the items that a second person labels too, 0..=1.
    pub second_opinions: f64,
}

/// Something that is not shown in logs.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden<T>(pub T);

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The original guide's places of models, any of which may be unset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelFiles {
    /// `pipeline.yaml`, which may name the others.
    pub pipeline: Option<PathBuf>,
    /// The detector.
    pub detector: Option<PathBuf>,
    /// The embedder.
    pub embedder: Option<PathBuf>,
    /// The embeddings of the SKUs.
    pub embeddings: Option<PathBuf>,
}

/// What a request may cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of an item's document.
    pub item_bytes: usize,
    /// Bytes of a photo to recognise, with its form around it.
    pub photo_bytes: usize,
    /// Requests of one token in a minute; half of it at once.
    pub requests_per_minute: u32,
    /// Connections open at once; others wait to be taken.
    pub connections: usize,
    /// Items taken in at the same time; others wait.
    pub intakes: usize,
    /// Photos recognised at the same time.
    pub recognitions: usize,
    /// Photos that may wait for their turn.
    pub recognitions_waiting: usize,
    /// Longest time for a request to arrive whole.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            item_bytes: 2 << 20,
            photo_bytes: 32 << 20,
            requests_per_minute: 1200,
            connections: 4096,
            intakes: 64,
            recognitions: 1,
            recognitions_waiting: 8,
            patience: Duration::from_secs(60),
        }
    }
}

impl Config {
    /// The settings of this process: its environment, and what `.env` in the working folder adds to it.
    ///
    /// # Errors
    /// A variable that can't be used, or a `.env` that can't be read.
    pub fn from_env() -> Result<Self, ConfigError> {
        let mut variables: BTreeMap<String, String> = BTreeMap::new();
        match dotenvy::from_path_iter(Path::new(".env")) {
            Ok(lines) => {
                for line in lines {
                    let (name, value) = line.map_err(|error| dot_env(&error))?;
                    variables.insert(name, value);
                }
            }
            Err(error) if error.not_found() => {}
            Err(error) => return Err(dot_env(&error)),
        }
        variables.extend(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        );
        Self::from_variables(&variables)
    }

    /// The settings that these variables give.
    ///
    /// # Errors
    /// A variable that can't be used.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let set = Variables(variables);
        let data = set.path("SHELFSCAN_DATA").unwrap_or_else(|| "shelfscan-data".into());
        let embedded = |name: &str| data.join(name).display().to_string();
        let defaults = Limits::default();
        let limits = Limits {
            item_bytes: set.number("SHELFSCAN_MAX_ITEM_BYTES", 4 << 10, 64 << 20)?.unwrap_or(defaults.item_bytes),
            photo_bytes: set.number("SHELFSCAN_MAX_PHOTO_BYTES", 4 << 10, 512 << 20)?.unwrap_or(defaults.photo_bytes),
            requests_per_minute: set
                .number("SHELFSCAN_REQUESTS_PER_MINUTE", 1, 10_000_000)?
                .map_or(defaults.requests_per_minute, |number| number as u32),
            connections: set.number("SHELFSCAN_CONNECTIONS", 1, 1_000_000)?.unwrap_or(defaults.connections),
            intakes: set.number("SHELFSCAN_INTAKES", 1, 4096)?.unwrap_or(defaults.intakes),
            recognitions: set.number("SHELFSCAN_RECOGNITIONS", 1, 256)?.unwrap_or(defaults.recognitions),
            recognitions_waiting: set
                .number("SHELFSCAN_RECOGNITIONS_WAITING", 0, 4096)?
                .unwrap_or(defaults.recognitions_waiting),
            patience: defaults.patience,
        };
        let listen = set.text("SHELFSCAN_LISTEN").unwrap_or("127.0.0.1:8000");
        let listen = listen.parse().map_err(|_| {
            refused("SHELFSCAN_LISTEN", listen, "an address with its port is needed, such as 0.0.0.0:8000")
        })?;
        let database_url = set
            .text("DATABASE_URL")
            .map_or_else(|| format!("sqlite://{}", embedded("shelfscan.db")), ToOwned::to_owned);
        if !["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| database_url.starts_with(scheme)) {
            // A database's address may hold its password.
            return Err(refused("DATABASE_URL", "…", "it begins with sqlite:// or postgres://"));
        }
        let blob_url = set.text("BLOB_URL").map_or_else(|| format!("file://{}", embedded("blobs")), ToOwned::to_owned);
        if !["file://", "s3://"].iter().any(|scheme| blob_url.starts_with(scheme)) {
            return Err(refused("BLOB_URL", &blob_url, "it begins with file:// or s3://"));
        }
        let second_opinions = set.number("SHELFSCAN_SECOND_OPINIONS_PERCENT", 0, 100)?.unwrap_or(10) as f64 / 100.0;
        Ok(Self {
            listen,
            database_url: Hidden(database_url),
            blob_url,
            bucket: Hidden(set.bucket()),
            recognise: set.flag("AI_V2_ENABLED")?,
            models: ModelFiles {
                pipeline: set.path("AI_V2_PIPELINE_CONFIG"),
                detector: set.path("AI_V2_DETECTOR_MODEL"),
                embedder: set.path("AI_V2_CLASSIFIER_MODEL"),
                embeddings: set.path("AI_V2_EMBEDDINGS_PATH"),
            },
            signing_key: Hidden(set.text("SHELFSCAN_SIGNING_KEY").map(ToOwned::to_owned)),
            data,
            limits,
            second_opinions,
        })
    }
}

/// What was set, an empty value being as good as none.
struct Variables<'a>(&'a BTreeMap<String, String>);

impl Variables<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn bucket(&self) -> BTreeMap<String, String> {
        let of_bucket = self.0.iter().filter(|(name, value)| name.starts_with("AWS_") && !value.is_empty());
        of_bucket.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    fn number(&self, name: &'static str, least: usize, most: usize) -> Result<Option<usize>, ConfigError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.map(Some).ok_or_else(|| refused(name, text, &format!("a whole number from {least} to {most} is needed")))
    }

    fn flag(&self, name: &'static str) -> Result<Option<bool>, ConfigError> {
        match self.text(name).map(str::to_lowercase).as_deref() {
            None => Ok(None),
            Some("true" | "1" | "yes" | "on") => Ok(Some(true)),
            Some("false" | "0" | "no" | "off") => Ok(Some(false)),
            Some(other) => Err(refused(name, other, "true or false is needed")),
        }
    }
}

fn refused(name: &'static str, value: &str, reason: &str) -> ConfigError {
    ConfigError { name, value: value.into(), reason: reason.into() }
}

fn dot_env(error: &dotenvy::Error) -> ConfigError {
    refused(".env", "", &error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(set: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_variables(&set.iter().map(|&(name, value)| (name.into(), value.into())).collect())
    }

    #[test]
    fn nothing_set_is_this_machine_alone() {
        let config = config(&[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8000");
        assert_eq!(config.database_url.0, "sqlite://shelfscan-data/shelfscan.db");
        assert_eq!(config.blob_url, "file://shelfscan-data/blobs");
        assert_eq!((config.recognise, config.models), (None, ModelFiles::default()));
    }

    #[test]
    fn values_that_cant_be_used_are_named() {
        for (name, value) in [
            ("SHELFSCAN_LISTEN", "8000"),
            ("DATABASE_URL", "mysql://root:secret@host/db"),
            ("BLOB_URL", "gs://bucket"),
            ("AI_V2_ENABLED", "maybe"),
            ("SHELFSCAN_RECOGNITIONS", "0"),
            ("SHELFSCAN_MAX_ITEM_BYTES", "2MB"),
            ("SHELFSCAN_SECOND_OPINIONS_PERCENT", "101"),
        ] {
            let error = config(&[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(name) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_guides_variables_are_read() {
        let config =
            config(&[("AI_V2_ENABLED", "true"), ("AI_V2_DETECTOR_MODEL", "m/d.tflite"), ("BLOB_URL", "")]).unwrap();
        assert_eq!((config.recognise, config.models.detector), (Some(true), Some("m/d.tflite".into())));
        assert_eq!(config.blob_url, "file://shelfscan-data/blobs", "empty is unset");
    }
}
