//! Pictures and index files: in a folder, or in a bucket that speaks S3.
//!
//! Owns the names of the objects, which are made of hashes alone and never of what somebody sent. What it has confirmed is on the
//! disk: in a folder a file is written beside, flushed and renamed, and the folder flushed. Refuses listing and deleting.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};

/// An open store of blobs. Clones share it.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

/// Why a store of blobs was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobsError {
    /// Its folder can't be made.
    #[error("BLOB_URL: the folder {} can't be made: {source}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Its address or its settings can't be used.
    #[error("BLOB_URL: {0}")]
    Store(#[from] object_store::Error),
    /// Neither a folder nor a bucket.
    #[error("BLOB_URL: `{0}` is neither file://FOLDER nor s3://BUCKET/PREFIX")]
    Url(String),
}

impl Blobs {
    /// Opens the store at `url`. A bucket's keys, region and address are `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_REGION` and `AWS_ENDPOINT` among the variables given.
    ///
    /// # Errors
    /// An address that can't be used. Whether a bucket answers is seen at the first use.
    pub fn open(url: &str, bucket_variables: &BTreeMap<String, String>) -> Result<Self, BlobsError> {
        if let Some(folder) = url.strip_prefix("file://") {
            let path = PathBuf::from(folder);
            std::fs::create_dir_all(&path).map_err(|source| BlobsError::Folder { path: path.clone(), source })?;
            let store = LocalFileSystem::new_with_prefix(&path)?.with_fsync(true);
            return Ok(Self { store: Arc::new(store), prefix: Path::default() });
        }
        let bucket = url.strip_prefix("s3://").ok_or_else(|| BlobsError::Url(url.into()))?;
        let (bucket, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Short enough for a phone that waits for its answer.
        let client = ClientOptions::new()
            .with_connect_timeout(Duration::from_secs(3))
            .with_timeout(Duration::from_secs(20))
            .with_allow_http(true);
        let retry = RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(20), ..RetryConfig::default() };
        let mut settings = AmazonS3Builder::new().with_client_options(client).with_retry(retry);
        for (name, value) in bucket_variables {
            // Others, such as those of other tools, are not ours.
            if let Ok(key) = name.to_lowercase().parse::<AmazonS3ConfigKey>() {
                settings = settings.with_config(key, value);
            }
        }
        let store = settings.with_bucket_name(bucket).build()?;
        Ok(Self { store: Arc::new(store), prefix: Path::parse(prefix).map_err(object_store::Error::from)? })
    }

    /// Keeps the picture of an item. Written again it is replaced, whole or not at all.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn put_crop(&self, item: &str, jpeg: Bytes) -> object_store::Result<()> {
        self.store.put(&self.crop_path(item), jpeg.into()).await.map(drop)
    }

    /// The picture of an item.
    ///
    /// # Errors
    /// Where the store fails or has none.
    pub async fn crop(&self, item: &str) -> object_store::Result<Bytes> {
        self.store.get(&self.crop_path(item)).await?.bytes().await
    }

    /// Keeps an index file under its SHA-256.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn put_index(&self, sha256: &str, bytes: Bytes) -> object_store::Result<()> {
        self.store.put(&self.index_path(sha256), bytes.into()).await.map(drop)
    }

    /// An index file.
    ///
    /// # Errors
    /// Where the store fails or has none.
    pub async fn index(&self, sha256: &str) -> object_store::Result<Bytes> {
        self.store.get(&self.index_path(sha256)).await?.bytes().await
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// Why it doesn't.
    pub async fn ping(&self) -> object_store::Result<()> {
        match self.store.head(&self.path("ready")).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn crop_path(&self, item: &str) -> Path {
        // Two levels, so that no folder gets too long.
        self.path(&format!("crops/{}/{item}.jpg", &item[..2]))
    }

    fn index_path(&self, sha256: &str) -> Path {
        self.path(&format!("indexes/{sha256}.index"))
    }

    fn path(&self, name: &str) -> Path {
        Path::from_iter(self.prefix.parts().chain(Path::from(name).parts()))
    }
}
