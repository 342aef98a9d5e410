//! Backups in object storage (S3 and compatible services), with the crate `object_store`.
//!
//! A backup consists of the file and of its manifest, `NAME.json`. The manifest is
//! uploaded last and deleted first, so a file without a manifest is incomplete.

mod error;
mod upload;

use std::collections::BTreeSet;
use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as ObjectPath;
use object_store::{ClientConfigKey, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::runtime::{Builder, Runtime};

use super::{BackupName, BucketError, Manifest, surplus};
use crate::domain::{BucketUrl, Timestamp};
use crate::store::backup::{CopyError, Monitor};
use crate::store::{NewFile, OpenError};

/// The time that one request may take. A request transfers a part of a backup.
const REQUEST_TIMEOUT: &str = "120 seconds";

/// How often a request is sent again after a failure of the network or the service.
const MAX_RETRIES: usize = 4;

/// The time after which a request is not sent again.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a transfer checks for a cancellation.
const CANCELLATION_INTERVAL: Duration = Duration::from_millis(50);

/// The age of a file without a manifest after which no upload can still be running.
const MAX_UPLOAD_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The variables that can contain the address of a service.
const ENDPOINT_VARIABLES: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];

/// A bucket with the backups of one database file.
pub struct Bucket {
    url: BucketUrl,
    store: AmazonS3,
    runtime: Runtime,
}

impl Bucket {
    /// Prepares requests with the credentials and the endpoint of the `AWS_*`
    /// environment variables. Sends nothing yet.
    pub fn connect(url: &BucketUrl) -> Result<Self, BucketError> {
        // An error means that a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = Builder::new_current_thread().enable_all().build();
        let builder = AmazonS3Builder::from_env()
            .with_bucket_name(url.bucket())
            .with_config(
                AmazonS3ConfigKey::Client(ClientConfigKey::Timeout),
                REQUEST_TIMEOUT,
            )
            .with_allow_http(endpoint_is_http())
            .with_retry(RetryConfig {
                max_retries: MAX_RETRIES,
                retry_timeout: RETRY_TIMEOUT,
                ..RetryConfig::default()
            });
        Ok(Self {
            store: builder.build().map_err(|error| error::explain(&error))?,
            runtime: runtime.map_err(BucketError::Runtime)?,
            url: url.clone(),
        })
    }

    /// The complete backups, the oldest first.
    pub fn names(&self, monitor: &Monitor) -> Result<Vec<BackupName>, BucketError> {
        let files = self.files(monitor)?;
        let is_complete = |name: &BackupName| files.contains(&manifest_name(*name));
        let names = files.iter().filter_map(|file| BackupName::parse(file));
        let mut names: Vec<_> = names.filter(is_complete).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Uploads a backup, and its manifest after it.
    pub fn upload(
        &self,
        backup: &Path,
        name: BackupName,
        manifest: &Manifest,
        monitor: &Monitor,
    ) -> Result<(), BucketError> {
        let path = self.path(&name.to_string());
        self.runtime
            .block_on(self.upload_file(backup, &path, monitor))?;
        let manifest_path = self.path(&manifest_name(name));
        let put = self.store.put(&manifest_path, manifest.to_json().into());
        self.request(monitor, async { put.await.map(drop) })
    }

    /// Downloads a complete backup into a new file.
    pub fn download(
        &self,
        name: BackupName,
        target: &NewFile,
        monitor: &Monitor,
    ) -> Result<Manifest, BucketError> {
        let path = self.path(&manifest_name(name));
        let text = self.request(monitor, async {
            self.store.get(&path).await?.bytes().await
        })?;
        let manifest = Manifest::from_json(&text)
            .map_err(|reason| BucketError::Damaged(self.url.clone(), name.to_string(), reason))?;
        let io_error = |error| OpenError::from_io(target.temporary_path(), &error);
        let path = self.path(&name.to_string());
        let response = self.request(monitor, async { self.store.get(&path).await })?;
        let total = response.meta.size;
        let (mut chunks, mut done) = (response.into_stream(), 0);
        while let Some(chunk) = self.request(monitor, async { chunks.next().await.transpose() })? {
            target.file().write_all(&chunk).map_err(io_error)?;
            done += chunk.len() as u64;
            monitor.progress(done, total, "downloading");
        }
        let checked = manifest.check_file(target.temporary_path(), monitor);
        checked.map_err(|error| {
            BucketError::Damaged(self.url.clone(), name.to_string(), error.to_string())
        })?;
        Ok(manifest)
    }

    /// Deletes the oldest backups, and what interrupted uploads and deletions have left.
    /// Other objects stay.
    pub fn remove_old(&self, count: usize, monitor: &Monitor) -> Result<(), BucketError> {
        let mut result = Ok(());
        for name in surplus(self.names(monitor)?, count) {
            let deleted = self.delete(&manifest_name(name), monitor);
            // An object that stays, for example because of a lock, does not keep the others.
            result = result.and(deleted.and_then(|()| self.delete(&name.to_string(), monitor)));
            monitor.check()?;
        }
        let files = self.files(monitor)?;
        let now = Timestamp::now();
        for file in &files {
            let backup = file.strip_suffix(".json").unwrap_or(file);
            let Some(name) = BackupName::parse(backup) else {
                continue;
            };
            let is_complete = files.contains(backup) && files.contains(&manifest_name(name));
            if !is_complete && name.time.plus(MAX_UPLOAD_TIME) < now {
                result = result.and(self.delete(file, monitor));
                monitor.check()?;
            }
        }
        result
    }

    /// The names of the objects in the folder.
    fn files(&self, monitor: &Monitor) -> Result<BTreeSet<String>, BucketError> {
        let prefix = ObjectPath::from(self.url.prefix());
        let list = self.store.list_with_delimiter(Some(&prefix));
        let list = self.request(monitor, list)?;
        let names = list
            .objects
            .iter()
            .filter_map(|object| object.location.filename());
        Ok(names.map(str::to_owned).collect())
    }

    fn delete(&self, file: &str, monitor: &Monitor) -> Result<(), BucketError> {
        let path = self.path(file);
        self.request(monitor, self.store.delete(&path))
    }

    fn path(&self, file: &str) -> ObjectPath {
        ObjectPath::from(self.url.prefix()).join(file)
    }

    /// Sends a request and waits for its response, or for a cancellation.
    fn request<T>(
        &self,
        monitor: &Monitor,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, BucketError> {
        self.runtime.block_on(async {
            tokio::select! {
                result = request => result.map_err(|error| error::explain(&error)),
                () = cancelled(monitor) => Err(CopyError::Cancelled.into()),
            }
        })
    }
}

fn manifest_name(name: BackupName) -> String {
    format!("{name}.json")
}

/// Whether the operator has set an address without TLS, for a service in the same network.
fn endpoint_is_http() -> bool {
    let mut values = ENDPOINT_VARIABLES
        .iter()
        .filter_map(|name| std::env::var(name).ok());
    values.next().is_some_and(|url| url.starts_with("http://"))
}

/// Completes after a cancellation.
async fn cancelled(monitor: &Monitor<'_>) {
    while !monitor.is_cancelled() {
        tokio::time::sleep(CANCELLATION_INTERVAL).await;
    }
}
