//! Object storage in a build without the feature `s3`: there is no bucket to connect to.

use std::convert::Infallible;
use std::path::Path;

use super::{BackupName, BucketError, Manifest};
use crate::domain::BucketUrl;
use crate::store::NewFile;
use crate::store::backup::Monitor;

/// A bucket that does not exist.
pub struct AbsentBucket(Infallible);

impl AbsentBucket {
    pub fn connect(_: &BucketUrl) -> Result<Self, BucketError> {
        Err(BucketError::NotBuilt)
    }

    pub fn names(&self, _: &Monitor) -> Result<Vec<BackupName>, BucketError> {
        match self.0 {}
    }

    pub fn upload(
        &self,
        _: &Path,
        _: BackupName,
        _: &Manifest,
        _: &Monitor,
    ) -> Result<(), BucketError> {
        match self.0 {}
    }

    pub fn download(
        &self,
        _: BackupName,
        _: &NewFile,
        _: &Monitor,
    ) -> Result<Manifest, BucketError> {
        match self.0 {}
    }

    pub fn remove_old(&self, _: usize, _: &Monitor) -> Result<(), BucketError> {
        match self.0 {}
    }
}
