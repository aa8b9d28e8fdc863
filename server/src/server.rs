//! A server put together: its stores, its figures, its limits.
//!
//! Owns what the handlers share and the order in which it is opened and shut. Refuses to start with half of it.

use std::sync::Arc;
use std::time::Duration;

use shelfscan_protocol::SecretKey;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::access::Pace;
use crate::blobs::{Blobs, BlobsError};
use crate::bundles;
use crate::config::Config;
use crate::database::{Database, DatabaseError};
use crate::engine::{Engine, EngineError};
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::signing::{self, KeyError};

/// How often the server looks after itself.
const HOUSEKEEPING: Duration = Duration::from_secs(20);

/// What the handlers share.
#[derive(Debug)]
pub struct Server {
    /// The settings.
    pub config: Config,
    /// The rows.
    pub database: Database,
    /// The pictures and index files.
    pub blobs: Blobs,
    /// The figures.
    pub metrics: Metrics,
    pub(crate) pace: Pace,
    pub(crate) intake: Intake,
    /// One for each item that is decoded and stored at the same time.
    pub(crate) intakes: Semaphore,
    pub(crate) key: SecretKey,
    pub(crate) engine: Engine,
    /// Held while another bundle is put in force.
    following: Mutex<()>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The rows.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The pictures.
    #[error(transparent)]
    Blobs(#[from] BlobsError),
    /// The models.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The key that deltas are signed with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The figures.
    #[error("the metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

impl Server {
    /// Opens everything. The task that comes with it writes the items' rows, and ends when the server is gone.
    ///
    /// # Errors
    /// What can't be opened.
    pub async fn open(config: Config) -> Result<(Arc<Self>, JoinHandle<()>), StartError> {
        let database = Database::open(&config.database_url.0).await?;
        let blobs = Blobs::open(&config.blob_url, &config.bucket.0)?;
        let engine = Engine::open(&config, &database, &blobs).await?;
        let (intake, writer) = Intake::start(database.clone());
        let server = Self {
            pace: Pace::new(config.limits.requests_per_minute),
            intakes: Semaphore::new(config.limits.intakes),
            metrics: Metrics::new()?,
            key: signing::key(config.signing_key.0.as_deref(), &config.data)?,
            config,
            database,
            blobs,
            intake,
            engine,
            following: Mutex::default(),
        };
        Ok((Arc::new(server), writer))
    }

    /// Puts the newest published index in force, if it is not.
    ///
    /// # Errors
    /// Where the database fails, or the index can't be put in force.
    pub async fn follow(&self) -> Result<(), EngineError> {
        let Ok(loaded) = self.engine.loaded() else { return Ok(()) };
        let Some(published) = self.database.newest_index().await? else { return Ok(()) };
        if published.sha256.starts_with(&loaded.scanner.version().index) {
            return Ok(());
        }
        let _alone = self.following.lock().await;
        let threads = self.engine.threads();
        let now = bundles::in_force(&loaded, &published, &self.blobs, &self.config.data, threads).await?;
        self.engine.replace(now);
        Ok(())
    }

    /// What is to be done now and then, for as long as the server runs: following indexes published elsewhere, forgetting tokens
    /// that are idle.
    pub async fn keep_house(self: Arc<Self>) {
        let mut every = tokio::time::interval(HOUSEKEEPING);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.pace.forget_idle();
            if let Err(error) = self.follow().await {
                log::error!("a published index is not in force here: {error}");
            }
        }
    }
}
