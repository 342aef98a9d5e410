//! The database file that records are imported into.

use std::cell::OnceCell;
use std::path::PathBuf;

use crate::store::{OpenError, Options, Store};

/// A database file that is open, or that is created for the first record.
pub trait ImportTarget {
    /// The file. None: it is not created.
    fn get(&self) -> Option<&Store>;

    /// The file, which is created if necessary.
    ///
    /// # Errors
    /// The file cannot be created.
    fn open(&self) -> Result<&Store, OpenError>;
}

impl ImportTarget for Store {
    fn get(&self) -> Option<&Store> {
        Some(self)
    }

    fn open(&self) -> Result<&Store, OpenError> {
        Ok(self)
    }
}

/// A new database file. An import that stores nothing leaves no file.
pub struct NewDatabase {
    path: PathBuf,
    options: Options,
    store: OnceCell<Store>,
}

impl NewDatabase {
    pub fn new(path: PathBuf, options: Options) -> Self {
        Self {
            path,
            options,
            store: OnceCell::new(),
        }
    }
}

impl ImportTarget for NewDatabase {
    fn get(&self) -> Option<&Store> {
        self.store.get()
    }

    fn open(&self) -> Result<&Store, OpenError> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let store = Store::open(&self.path, &self.options)?;
        Ok(self.store.get_or_init(|| store))
    }
}
