//! The files of a sentence-transformers model.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokenizers::Tokenizer;

/// How the vectors of the tokens become the vector of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The vector of the first token.
    FirstToken,
    /// The mean of the vectors.
    Mean,
}

/// The files of a model.
pub struct ModelFolder {
    path: PathBuf,
    /// `config.json`.
    pub config: Value,
    /// `model.safetensors`.
    pub weights: Vec<u8>,
    pub pooling: Pooling,
    sentence: SentenceConfig,
    prompts: Prompts,
}

/// `sentence_bert_config.json`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
    do_lower_case: bool,
}

/// `config_sentence_transformers.json`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Prompts {
    prompts: serde_json::Map<String, Value>,
}

/// `1_Pooling/config.json`.
#[derive(Deserialize)]
#[serde(default)]
struct PoolingConfig {
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
}

impl Default for PoolingConfig {
    fn default() -> Self {
        Self {
            pooling_mode_cls_token: false,
            pooling_mode_mean_tokens: true,
        }
    }
}

/// An item of `modules.json`.
#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
}

/// The kinds of modules that this program knows.
const MODULES: [&str; 3] = ["Transformer", "Pooling", "Normalize"];

impl ModelFolder {
    /// # Errors
    /// The file and what is wrong with it, in words.
    pub fn read(path: &Path) -> Result<Self, String> {
        let modules: Vec<Module> = optional_json(path, "modules.json")?.unwrap_or_default();
        for module in modules {
            let kind = module.kind.rsplit('.').next().unwrap_or_default();
            if !MODULES.contains(&kind) {
                return Err(format!(
                    "modules.json: a module of the kind {kind} is not supported"
                ));
            }
        }
        let pooling: Option<PoolingConfig> = optional_json(path, "1_Pooling/config.json")?;
        Ok(Self {
            config: json(path, "config.json")?,
            pooling: pooling_mode(&pooling.unwrap_or_default())?,
            sentence: optional_json(path, "sentence_bert_config.json")?.unwrap_or_default(),
            prompts: optional_json(path, "config_sentence_transformers.json")?.unwrap_or_default(),
            weights: read(path, "model.safetensors")?,
            path: path.to_owned(),
        })
    }

    pub fn tokenizer(&self) -> Result<Tokenizer, String> {
        let bytes = read(&self.path, "tokenizer.json")?;
        let tokenizer = Tokenizer::from_bytes(bytes);
        let mut tokenizer = tokenizer.map_err(|error| format!("tokenizer.json: {error}"))?;
        // The parts of passages have the right length, and batches are padded here.
        tokenizer.with_padding(None);
        let truncated = tokenizer.with_truncation(None);
        truncated.map_err(|error| format!("tokenizer.json: {error}"))?;
        Ok(tokenizer)
    }

    /// The tokens of a text, with those that the tokenizer adds.
    pub fn max_tokens(&self) -> usize {
        let positions = self.config["max_position_embeddings"].as_u64();
        let positions = positions.map_or(512, |positions| positions as usize);
        // Positions of XLM-RoBERTa begin after that of the padding.
        let positions = match self.model_type() {
            "xlm-roberta" => positions.saturating_sub(2),
            _ => positions,
        };
        self.sentence
            .max_seq_length
            .unwrap_or(positions)
            .min(positions)
    }

    pub fn model_type(&self) -> &str {
        self.config["model_type"].as_str().unwrap_or("bert")
    }

    pub fn lowercases(&self) -> bool {
        self.sentence.do_lower_case
    }

    pub fn query_prompt(&self) -> Option<&str> {
        self.prompt(&["query"])
    }

    pub fn passage_prompt(&self) -> Option<&str> {
        self.prompt(&["document", "passage"])
    }

    fn prompt(&self, names: &[&str]) -> Option<&str> {
        let prompts = &self.prompts.prompts;
        names.iter().find_map(|name| prompts.get(*name)?.as_str())
    }

    /// The name under which vectors are stored. Other weights, another way of pooling and
    /// another prefix make other vectors.
    pub fn id(&self, passage_prefix: &str) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let hash = Sha256::new()
            .chain_update(&self.weights)
            .chain_update(format!("{:?} {passage_prefix}", self.pooling))
            .finalize();
        let digits: String = hash
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{name} {digits}")
    }
}

fn pooling_mode(config: &PoolingConfig) -> Result<Pooling, String> {
    match (config.pooling_mode_cls_token, config.pooling_mode_mean_tokens) {
        (true, false) => Ok(Pooling::FirstToken),
        (false, true) => Ok(Pooling::Mean),
        _ => Err(
            "1_Pooling/config.json: only pooling_mode_cls_token and pooling_mode_mean_tokens are supported"
                .to_owned(),
        ),
    }
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, String> {
    fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"))
}

fn json<T: for<'de> Deserialize<'de>>(folder: &Path, name: &str) -> Result<T, String> {
    let bytes = read(folder, name)?;
    serde_json::from_slice(&bytes).map_err(|error| format!("{name}: {error}"))
}

/// Returns `None` if the file does not exist.
fn optional_json<T: for<'de> Deserialize<'de>>(
    folder: &Path,
    name: &str,
) -> Result<Option<T>, String> {
    if folder.join(name).exists() {
        return json(folder, name).map(Some);
    }
    Ok(None)
}
