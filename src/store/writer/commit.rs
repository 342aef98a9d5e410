//! Commits batches and sends their results to the callers.

use rusqlite::ErrorCode;

use super::BatchResult;
use super::thread::{Work, WriterThread};
use crate::store::batch::Batch;
use crate::store::error::StoreError;

impl WriterThread {
    pub(super) fn finish(&self, work: Work) {
        let record = &self.record;
        record.commit_and_reply(work.group, |batches| self.commit_with_foreign_keys(batches));
        for queued in work.without_foreign_keys {
            record.commit_and_reply(vec![queued], |batches| {
                self.commit_without_foreign_keys(batches)
            });
        }
        // An error of `send` means that the caller does not wait for the result.
        for tx in work.truncations {
            let _ = tx.send(self.truncate_wal());
        }
    }

    /// Commits a batch without the actions of foreign keys, which would delete the
    /// messages of a deleted conversation in the same transaction. The triggers of the
    /// file run. SQLite changes the setting only outside of a transaction.
    fn commit_without_foreign_keys(
        &self,
        batches: &[Batch],
    ) -> Result<Vec<BatchResult>, StoreError> {
        self.set_foreign_keys(false)?;
        let result = self.commit_group(batches);
        if let Err(error) = self.set_foreign_keys(true) {
            log::warn!("foreign keys stay off until the next write: {error}");
        }
        result
    }

    /// Commits a group with the actions of foreign keys, also if the end of
    /// [`Self::commit_without_foreign_keys`] failed.
    fn commit_with_foreign_keys(&self, batches: &[Batch]) -> Result<Vec<BatchResult>, StoreError> {
        if !self.has_foreign_keys.get() {
            self.set_foreign_keys(true)?;
        }
        self.commit_group(batches)
    }

    /// The setting has no effect within a transaction, so an open one is rolled back.
    pub(super) fn set_foreign_keys(&self, is_on: bool) -> Result<(), StoreError> {
        self.roll_back_open_transaction()?;
        // Unknown until the statement has succeeded.
        self.has_foreign_keys.set(false);
        self.connection.pragma_update(None, "foreign_keys", is_on)?;
        self.has_foreign_keys.set(is_on);
        Ok(())
    }

    fn roll_back_open_transaction(&self) -> Result<(), StoreError> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.execute("ROLLBACK")
    }

    /// Runs a group in one transaction. An error means that nothing of the
    /// group is stored.
    pub(super) fn commit_group(&self, batches: &[Batch]) -> Result<Vec<BatchResult>, StoreError> {
        self.file.check()?;
        // The rollback of the last group may have failed.
        self.roll_back_open_transaction()?;
        self.execute("BEGIN IMMEDIATE")?;
        let result = self.run_batches(batches).and_then(|results| {
            let changes = self.changes.take();
            if let Err(error) = self
                .offset_index
                .apply_changes(&self.connection, &changes.lists)
            {
                log::warn!("the offset index is dropped and built again on demand: {error}");
                self.offset_index.clear();
            }
            self.commit()?;
            self.list_versions.record(&changes.lists);
            if let Some(observer) = self.observer.get() {
                observer.committed(&changes);
            }
            // The file may have been deleted during the commit. The commit counts if the
            // file is moved back.
            let check = self.file.check();
            check.map_err(|error| StoreError::Unknown(error.to_string()))?;
            Ok(results)
        });
        if result.is_err() {
            self.changes.take();
            self.offset_index.clear();
            self.roll_back_open_transaction()?;
        }
        result
    }

    fn commit(&self) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached("COMMIT")?;
        let Err(error) = statement.raw_execute() else {
            return Ok(());
        };
        if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
            // The commit record may have reached the disk.
            return Err(StoreError::Unknown(error.to_string()));
        }
        Err(error.into())
    }

    fn run_batches(&self, batches: &[Batch]) -> Result<Vec<BatchResult>, StoreError> {
        let mut results = Vec::with_capacity(batches.len());
        for batch in batches {
            self.execute("SAVEPOINT batch")?;
            let savepoint = self.changes.savepoint();
            let result = batch.run_on(&self.connection);
            if let Err(error) = &result {
                // After some errors, such as a full disk, SQLite has rolled
                // back the whole transaction.
                if self.connection.is_autocommit() {
                    return Err(error.clone());
                }
                self.execute("ROLLBACK TO batch")?;
                self.changes.rollback_to(savepoint);
            }
            self.execute("RELEASE batch")?;
            results.push(result);
        }
        Ok(results)
    }

    pub(super) fn execute(&self, sql: &'static str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.raw_execute()?;
        Ok(())
    }
}
