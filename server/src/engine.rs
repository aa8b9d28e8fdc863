//! The models at work: photos recognised, a bounded number at a time.
//!
//! Owns which bundle is in force on this machine, the places of those who wait for it, and the change to a newly published index
//! without a pause. Refuses more photos than there are places: whoever sent one comes again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use shelfscan::manifest::OTHER_DRINKS;
use shelfscan::{Bundle, BundleError, ScanError, ScanOptions, ScanResult, Scanner};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::blobs::Blobs;
use crate::bundles;
use crate::config::Config;
use crate::database::Database;
use crate::database::skus::Sku;
use crate::error::{ApiError, ApiResult};
use crate::models::{self, ModelsError};

/// The models at work.
#[derive(Debug)]
pub struct Engine {
    state: RwLock<State>,
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    threads: usize,
}

#[derive(Clone, Debug)]
enum State {
    Off,
    Broken(String),
    Ready(Loaded),
}

/// A bundle that photos are recognised with.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The scanner over the index in force.
    pub scanner: Arc<Scanner>,
    /// The folder of the bundle as it was shipped, which published indexes are built upon.
    pub shipped: PathBuf,
    /// The folder of the bundle in force.
    pub folder: PathBuf,
    zipped: Arc<OnceCell<Bytes>>,
}

impl Loaded {
    /// A bundle that was opened.
    pub fn new(scanner: Scanner, shipped: PathBuf, folder: PathBuf) -> Self {
        Self { scanner: Arc::new(scanner), shipped, folder, zipped: Arc::default() }
    }

    /// The bundle in force as one `.zip`, made once.
    ///
    /// # Errors
    /// 500 where a file of it can't be read.
    pub async fn zipped(&self) -> ApiResult<Bytes> {
        let folder = self.folder.clone();
        let made = self.zipped.get_or_try_init(async || {
            let zipped = tokio::task::spawn_blocking(move || bundles::zipped(&folder)).await?;
            zipped.map_err(ApiError::internal)
        });
        made.await.cloned()
    }
}

/// A place among those who wait.
#[derive(Debug)]
pub struct Placed(OwnedSemaphorePermit);

/// Why there are no models, though there must be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Which models is not clear.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The bundle can't be used.
    #[error("AI_V2_ENABLED=true, but: {0}")]
    Bundle(#[from] BundleError),
    /// The database can't be asked for SKUs or the index in force.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// A published index can't be put in force.
    #[error("the published index: {0}")]
    Index(#[from] bundles::PublishedError),
}

impl Engine {
    /// Opens the models that the settings name. Where they don't say that there must be some, a fault is told by `/readyz` and at
    /// each photo, and everything else works.
    ///
    /// # Errors
    /// Where `AI_V2_ENABLED` is true and there are none.
    pub async fn open(config: &Config, database: &Database, blobs: &Blobs) -> Result<Self, EngineError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let other = Sku {
            id: OTHER_DRINKS.into(),
            name: "Unknown: a drink that is none of the SKUs".into(),
            container: None,
            barcode: None,
        };
        database.add_skus(&[other], "server").await?;
        let state = match config.recognise {
            Some(false) => State::Off,
            wanted => match Self::load(config, database, blobs, threads).await {
                Ok(loaded) => State::Ready(loaded),
                Err(error) if wanted == Some(true) => return Err(error),
                Err(error) => {
                    log::warn!("photos are not recognised: {error}");
                    State::Broken(error.to_string())
                }
            },
        };
        let limits = &config.limits;
        Ok(Self {
            state: RwLock::new(state),
            places: Arc::new(Semaphore::new(limits.recognitions + limits.recognitions_waiting)),
            turns: Arc::new(Semaphore::new(limits.recognitions)),
            threads,
        })
    }

    async fn load(config: &Config, database: &Database, blobs: &Blobs, threads: usize) -> Result<Loaded, EngineError> {
        let (config_too, data) = (config.clone(), config.data.clone());
        let (shipped, bundle) = tokio::task::spawn_blocking(move || {
            let shipped = models::bundle(&config_too)?;
            let bundle = Bundle::open(&shipped, threads)?;
            Ok::<_, EngineError>((shipped, bundle))
        })
        .await
        .map_err(|error| bundles::PublishedError::Task(error.to_string()))??;
        let skus: Vec<Sku> = bundle.manifest().skus.iter().map(sku).collect();
        database.add_skus(&skus, "bundle").await?;
        let loaded = Loaded::new(Scanner::new(bundle), shipped.clone(), shipped);
        match database.newest_index().await? {
            Some(published) => Ok(bundles::in_force(&loaded, &published, blobs, &data, threads).await?),
            None => Ok(loaded),
        }
    }

    /// `ready`, `off`, or why photos can't be recognised.
    pub fn status(&self) -> String {
        match self.state() {
            State::Off => "off".into(),
            State::Broken(reason) => reason,
            State::Ready(_) => "ready".into(),
        }
    }

    /// The bundle in force.
    ///
    /// # Errors
    /// 503 where there is none.
    pub fn loaded(&self) -> ApiResult<Loaded> {
        let off =
            |message: String| ApiError::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "recognition_off", message);
        match self.state() {
            State::Ready(loaded) => Ok(loaded),
            State::Off => Err(off("this server has no models in use (AI_V2_ENABLED=false)".into())),
            State::Broken(_) => Err(off("this server has no usable models; its log says why".into())),
        }
    }

    /// Threads a scan uses.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Puts another bundle in force. Photos in work are finished with the one before.
    pub fn replace(&self, loaded: Loaded) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = State::Ready(loaded);
    }

    /// A place, for as long as it is held.
    ///
    /// # Errors
    /// 503 where all are taken, or there are no models.
    pub fn place(&self) -> ApiResult<Placed> {
        self.loaded()?;
        let place = self.places.clone().try_acquire_owned();
        place.map(Placed).map_err(|_| ApiError::busy("all places are taken by other photos; try again", 2))
    }

    /// Recognises a photo when its turn comes.
    ///
    /// # Errors
    /// 422 for a file that is no photo; 500 where the models fail.
    pub async fn recognise(&self, Placed(place): Placed, photo: Bytes) -> ApiResult<ScanResult> {
        let turn = self.turns.clone().acquire_owned().await.map_err(ApiError::internal)?;
        let scanner = self.loaded()?.scanner;
        let scanned = tokio::task::spawn_blocking(move || {
            // Both are kept until the work is done, also when nobody waits for it any more.
            let _held = (place, turn);
            scanner.scan_file(&photo, &ScanOptions::default())
        });
        scanned.await?.map_err(|error| match error {
            ScanError::Decode(error) => ApiError::unusable("bad_photo", error.to_string()),
            error => ApiError::internal(error),
        })
    }

    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn sku(entry: &shelfscan::SkuEntry) -> Sku {
    Sku {
        id: entry.id.clone(),
        name: entry.name.clone(),
        container: entry.container.clone(),
        barcode: entry.barcode.clone(),
    }
}

/// The folder whose bundle is looked for where nothing is set.
pub(crate) fn default_bundle() -> &'static Path {
    Path::new("models/bundles/drinks")
}
