//! Runs the network of a model.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{self, BertModel};
use candle_transformers::models::xlm_roberta::{self, XLMRobertaModel};
use serde::Deserialize;

use super::folder::{ModelFolder, Pooling};

/// A network with its weights.
pub struct Encoder {
    network: Network,
    pooling: Pooling,
    padding: u32,
}

enum Network {
    Bert(BertModel),
    XlmRoberta(XLMRobertaModel),
}

impl Encoder {
    /// # Errors
    /// The file and what is wrong with it, in words.
    pub fn load(folder: &ModelFolder) -> std::result::Result<Self, String> {
        let weights = |error: candle_core::Error| format!("model.safetensors: {error}");
        let variables = || {
            let bytes = folder.weights.clone();
            let variables = VarBuilder::from_buffered_safetensors(bytes, DType::F32, &Device::Cpu);
            variables.map_err(weights)
        };
        let network = match folder.model_type() {
            "bert" => {
                let config: bert::Config = config(folder)?;
                BertModel::load(variables()?, &config).map(Network::Bert)
            }
            "xlm-roberta" => {
                let config: xlm_roberta::Config = config(folder)?;
                XLMRobertaModel::new(&config, variables()?).map(Network::XlmRoberta)
            }
            other => {
                return Err(format!(
                    "config.json: models of the type {other} are not supported, but bert and xlm-roberta; use --embedding-url with a server that runs this model"
                ));
            }
        };
        let padding = folder.config["pad_token_id"].as_u64().unwrap_or(0);
        Ok(Self {
            network: network.map_err(weights)?,
            pooling: folder.pooling,
            padding: u32::try_from(padding).unwrap_or(0),
        })
    }

    /// Returns the vectors of texts, which are given as tokens.
    pub fn run(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>> {
        let length = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let mut ids = vec![self.padding; texts.len() * length];
        let mut mask = vec![0_u32; texts.len() * length];
        for (row, text) in texts.iter().enumerate() {
            let range = row * length..row * length + text.len();
            ids[range.clone()].copy_from_slice(text);
            mask[range].fill(1);
        }
        let shape = (texts.len(), length);
        let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
        let types = ids.zeros_like()?;
        let tokens = match &self.network {
            Network::Bert(model) => model.forward(&ids, &types, Some(&mask))?,
            Network::XlmRoberta(model) => model.forward(&ids, &mask, &types, None, None, None)?,
        };
        let vectors = match self.pooling {
            Pooling::FirstToken => tokens.narrow(1, 0, 1)?.squeeze(1)?,
            Pooling::Mean => mean(&tokens, &mask)?,
        };
        vectors.to_vec2()
    }
}

/// Returns the mean of the vectors of the tokens of each text.
fn mean(tokens: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let weights = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
    let sum = tokens.broadcast_mul(&weights)?.sum(1)?;
    sum.broadcast_div(&weights.sum(1)?)
}

fn config<T: for<'de> Deserialize<'de>>(folder: &ModelFolder) -> std::result::Result<T, String> {
    T::deserialize(&folder.config).map_err(|error| format!("config.json: {error}"))
}
