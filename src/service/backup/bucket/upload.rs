//! Uploads a file in parts, with the memory of one part.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use object_store::path::Path as ObjectPath;
use object_store::{MultipartUpload, ObjectStoreExt};

use super::{Bucket, BucketError, cancelled, error};
use crate::store::OpenError;
use crate::store::backup::{CopyError, Monitor};

/// The size of a part. Services require at least 5 MiB, and the same size for all parts
/// but the last.
const PART_BYTES: u64 = 8 << 20;

/// The number of parts that services allow is 10,000.
const MAX_PARTS: u64 = 9_000;

/// The time for the request that deletes the parts of an upload that failed.
const ABORT_TIMEOUT: Duration = Duration::from_secs(2);

impl Bucket {
    /// Uploads a file. The object exists when the function returns, complete.
    pub(super) async fn upload_file(
        &self,
        file: &Path,
        path: &ObjectPath,
        monitor: &Monitor<'_>,
    ) -> Result<(), BucketError> {
        let uploaded = async {
            let mut upload = tokio::select! {
                upload = self.store.put_multipart(path) => upload.map_err(|error| error::explain(&error))?,
                () = cancelled(monitor) => return Err(CopyError::Cancelled.into()),
            };
            let sent = tokio::select! {
                sent = self.send_parts(&mut *upload, file, monitor) => sent,
                () = cancelled(monitor) => Err(CopyError::Cancelled.into()),
            };
            if sent.is_err() {
                // If this fails too, a rule of the bucket deletes the parts.
                let _ = tokio::time::timeout(ABORT_TIMEOUT, upload.abort()).await;
            }
            sent
        };
        uploaded.await
    }

    async fn send_parts(
        &self,
        upload: &mut dyn MultipartUpload,
        path: &Path,
        monitor: &Monitor<'_>,
    ) -> Result<(), BucketError> {
        let io_error = |error: io::Error| OpenError::from_io(path, &error);
        let mut file = File::open(path).map_err(io_error)?;
        let total = file.metadata().map_err(io_error)?.len();
        let size = PART_BYTES.max(total.div_ceil(MAX_PARTS));
        let mut sent = 0;
        while sent < total {
            let mut part = Vec::new();
            let count = file
                .by_ref()
                .take(size)
                .read_to_end(&mut part)
                .map_err(io_error)?;
            if count == 0 {
                return Err(OpenError::from_io(path, &io::ErrorKind::UnexpectedEof.into()).into());
            }
            let sending = upload.put_part(part.into());
            sending.await.map_err(|error| error::explain(&error))?;
            sent += count as u64;
            monitor.progress(sent, total, "uploading");
        }
        let completed = upload.complete().await;
        completed.map(drop).map_err(|error| error::explain(&error))
    }
}
