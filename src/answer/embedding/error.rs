//! Why there are no vectors.

/// Invalid settings of the embedding model. The texts tell the operator what to change.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingSetupError {
    #[error(
        "--embedding-url leads to a private network ({0}); add --embedding-private-network (PARLOR_EMBEDDING_PRIVATE_NETWORK=true) if it is meant to"
    )]
    Private(String),
    #[error(
        "--embedding-key has characters that a key cannot have, such as a line end; give it again"
    )]
    Key,
    #[error(
        "requests to the embedding model cannot be prepared: {0}; for https the system's certificates are needed, which are mostly in a package ca-certificates"
    )]
    Client(String),
    #[error("--embedding-dir {path}: {reason}")]
    Folder { path: String, reason: String },
    #[error(
        "--embedding-dir: this parlor was built without local embeddings; use a release, or build with --features local-embeddings, or use --embedding-url"
    )]
    NoLocalModels,
}

/// Why texts could not be embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbeddingError {
    /// The model does not accept one of the texts. Other texts may succeed.
    #[error("the embedding model refuses a text: {0}")]
    Refused(String),
    /// Every request fails until the settings or the server change.
    #[error("the embedding model failed: {0}")]
    Failed(String),
    /// A later request may succeed.
    #[error("the embedding model is not available: {0}")]
    Unavailable(String),
}
