//! Exports to a file. What an interrupted export has written stays in `FILE.part`, and is
//! continued if the database is unchanged (docs/adr/0022-resumable-export.md).

use std::fs;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use super::earlier::{EarlierExport, ResumePoint};
use super::{ExportError, ExportWriter, header};
use crate::service::backup::is_database_file;
use crate::store::backup::Monitor;
use crate::store::export::{ExportScope, RecordCounts};
use crate::store::{NewFile, OpenError, Store, resolve};

/// How an export to a file begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileExport {
    /// The export continues after this number of records.
    Continued(u64),
    /// The export begins again, because the database has changed since the earlier one.
    Restarted,
}

/// Exports to a new file, which gets its name when it is complete. Until then it is
/// `FILE.part`. `report` is called when the export begins.
///
/// # Errors
/// A file of this name exists, the file cannot be written, or the monitor is cancelled.
/// Nothing has the name then, and the next export continues.
pub fn to_file(
    store: &Store,
    target: &Path,
    scope: ExportScope,
    monitor: &Monitor,
    report: &mut dyn FnMut(FileExport),
) -> Result<RecordCounts, ExportError> {
    let path = resolve(target)?;
    for name in [&path, &NewFile::temporary_name(&path)] {
        let is_own = |database| is_database_file(database, name);
        if store.path().is_some_and(is_own) {
            return Err(ExportError::OwnFile(name.clone()));
        }
    }
    if fs::symlink_metadata(&path).is_ok() {
        return Err(OpenError::Exists(path).into());
    }
    let new = NewFile::resume(&path)?;
    let written = write_part(store, &new, scope, monitor, report);
    let counts = written.map_err(|error| {
        let part = new.temporary_path().to_owned();
        match error {
            ExportError::Write(error) => ExportError::FileWrite(part, error),
            ExportError::Cancelled => ExportError::FileCancelled(part),
            error => error,
        }
    })?;
    new.persist_new()?;
    Ok(counts)
}

/// Completes `FILE.part`.
fn write_part(
    store: &Store,
    new: &NewFile,
    scope: ExportScope,
    monitor: &Monitor,
    report: &mut dyn FnMut(FileExport),
) -> Result<RecordCounts, ExportError> {
    let mut file = new.file();
    let counts = store.read_long(|snapshot| {
        let header = header(snapshot, scope)?;
        let place = match EarlierExport::read(file, snapshot, &header, scope, monitor)? {
            EarlierExport::Unchanged(place) => place,
            EarlierExport::Incomplete => ResumePoint::START,
            EarlierExport::Changed => {
                report(FileExport::Restarted);
                ResumePoint::START
            }
            EarlierExport::OtherFile => {
                let part = new.temporary_path().to_owned();
                return Err(ExportError::NotAnExport(part));
            }
        };
        file.set_len(place.offset)?;
        file.seek(SeekFrom::Start(place.offset))?;
        let mut out = BufWriter::with_capacity(1 << 18, file);
        let mut export = ExportWriter::new(&mut out, &header, monitor);
        if place.offset == 0 {
            export.write_header(&header)?;
            export.write_before_conversations(snapshot, scope)?;
        } else {
            report(FileExport::Continued(place.counts.total()));
            export.written = place.counts;
        }
        let counts = export.write_conversations(snapshot, place.conversation)?;
        out.flush()?;
        Ok::<_, ExportError>(counts)
    })?;
    file.sync_all()?;
    Ok(counts)
}
