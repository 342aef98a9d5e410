//! Invalid settings of the model.

/// Why the settings of the model are invalid. The texts tell the operator what to
/// change.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(
        "--model-url leads to a private network ({0}); add --model-private-network (PARLOR_MODEL_PRIVATE_NETWORK=true) if it is meant to"
    )]
    Private(String),
    #[error("--model-key has characters that a key cannot have, such as a line end; give it again")]
    Key,
    #[error(
        "calls to the model cannot be prepared: {0}; for https the system's certificates are needed, which are mostly in a package ca-certificates"
    )]
    Client(String),
}
