//! The keys that are derived from the signing secret of the database file. They sign
//! session tokens, cursors and entity tags.

use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest, Sha256};

use super::{Cursors, ReplyLinks, Tokens};

/// The current keys. They are replaced when the secret is replaced
/// (`parlor keys rotate-secret`).
pub struct SigningKeys(RwLock<Arc<KeySet>>);

/// The keys of one secret.
pub struct KeySet {
    secret: Vec<u8>,
    /// The number of secrets before this one.
    pub generation: u64,
    pub tokens: Tokens,
    pub cursors: Cursors,
    pub reply_links: ReplyLinks,
    /// The key of the hash in entity tags.
    pub tag_key: [u64; 4],
}

impl SigningKeys {
    pub fn new(secret: Vec<u8>) -> Self {
        Self(RwLock::new(Arc::new(KeySet::new(secret, 0))))
    }

    pub fn current(&self) -> Arc<KeySet> {
        // The pointer is valid after a panic of another thread, too.
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        keys.clone()
    }

    /// Replaces the keys if the secret has changed. Returns whether it has.
    pub fn update(&self, secret: Vec<u8>) -> bool {
        let current = self.current();
        if secret == current.secret {
            return false;
        }
        let keys = KeySet::new(secret, current.generation + 1);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        true
    }
}

impl KeySet {
    fn new(secret: Vec<u8>, generation: u64) -> Self {
        Self {
            generation,
            tokens: Tokens::new(&secret),
            cursors: Cursors::new(&secret),
            reply_links: ReplyLinks::new(&secret),
            tag_key: tag_key(&secret),
            secret,
        }
    }
}

/// Derived from the file's secret, so that ETags stay valid after a restart.
fn tag_key(secret: &[u8]) -> [u64; 4] {
    let hash = Sha256::new().chain_update("ETag").chain_update(secret);
    let hash: [u8; 32] = hash.finalize().into();
    let word = |word| std::array::from_fn(|byte| hash[8 * word + byte]);
    std::array::from_fn(|place| u64::from_le_bytes(word(place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_secret_replaces_all_keys() {
        let keys = SigningKeys::new(b"one".to_vec());
        let first = keys.current();
        assert!(!keys.update(b"one".to_vec()));
        assert!(Arc::ptr_eq(&first, &keys.current()));
        assert!(keys.update(b"two".to_vec()));
        let second = keys.current();
        assert_ne!(second.tag_key, first.tag_key);
        assert_eq!((first.generation, second.generation), (0, 1));
    }
}
