//! A sentence-transformers model that runs in the process, with real weights.
//! `tests/run embeddings` installs the model and sets PARLOR_TEST_MODEL to its folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parlor::answer::embedding::{self, EmbeddingInput, EmbeddingProvider, EmbeddingSetupError};
use parlor::config::EmbeddingSettings;
use tempfile::TempDir;

fn model_folder() -> PathBuf {
    let folder = std::env::var_os("PARLOR_TEST_MODEL");
    PathBuf::from(folder.expect("PARLOR_TEST_MODEL: run tests/run embeddings"))
}

fn load(folder: &Path) -> Result<Arc<dyn EmbeddingProvider>, EmbeddingSetupError> {
    let settings = EmbeddingSettings {
        dir: Some(folder.to_owned()),
        ..EmbeddingSettings::default()
    };
    embedding::provider(&settings).map(|provider| provider.expect("a provider"))
}

fn model() -> Arc<dyn EmbeddingProvider> {
    load(&model_folder()).expect("a model")
}

fn embed(model: &dyn EmbeddingProvider, input: EmbeddingInput) -> Vec<Vec<f32>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(model.embed(input)).expect("vectors")
}

fn passages(texts: &[&str]) -> EmbeddingInput {
    EmbeddingInput::Passages(texts.iter().map(|text| (*text).to_owned()).collect())
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    let dot = |one: &[f32], other: &[f32]| -> f32 {
        one.iter().zip(other).map(|(one, other)| one * other).sum()
    };
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
}

#[test]
fn similar_texts_have_similar_vectors() {
    let model = model();
    let texts = [
        "When do I get my money back?",
        "Refunds are paid within two weeks.",
        "The museum is closed on Mondays.",
    ];
    let vectors = embed(&*model, passages(&texts));
    assert_eq!(vectors[0].len(), 384);
    let close = cosine(&vectors[0], &vectors[1]);
    let far = cosine(&vectors[0], &vectors[2]);
    assert!(close > far + 0.3, "{close} {far}");
}

#[test]
fn vector_of_a_text_does_not_depend_on_the_other_texts() {
    let model = model();
    let long = "Parcels are sent by post and arrive within two days. ".repeat(8);
    let mut texts = vec!["A short text."; 20];
    texts[7] = &long;
    let together = embed(&*model, passages(&texts));
    for (position, text) in [(0, texts[0]), (7, texts[7])] {
        let alone = embed(&*model, passages(&[text]));
        let cosine = cosine(&alone[0], &together[position]);
        assert!(cosine > 0.9999, "{position}: {cosine}");
    }
    let question = EmbeddingInput::Questions(vec![texts[0].to_owned()]);
    assert!(cosine(&embed(&*model, question)[0], &together[0]) > 0.9999);
}

#[test]
fn vectors_are_those_of_the_reference_implementation() {
    // The beginning of the vector that sentence-transformers 2 calculates.
    let vectors = embed(&*model(), passages(&["How do I return an order?"]));
    let expected = [0.011_131, 0.028_922, 0.061_264, 0.022_753];
    let length: f32 = vectors[0]
        .iter()
        .map(|value| value * value)
        .sum::<f32>()
        .sqrt();
    for (value, expected) in vectors[0].iter().zip(expected) {
        assert!(
            (value / length - expected).abs() < 0.001,
            "{:?}",
            &vectors[0][..4]
        );
    }
}

#[test]
fn passage_longer_than_the_limit_is_divided() {
    let model = model();
    assert_eq!(
        model.parts("Title", "A short text."),
        ["Title\nA short text."]
    );
    let body = "Parcels are sent by post and arrive within two days. ".repeat(100);
    let parts = model.parts("Delivery › Times", &body);
    // 1100 tokens, at most 256 in a part.
    assert!((5..=7).contains(&parts.len()), "{}", parts.len());
    assert!(
        parts
            .iter()
            .all(|part| part.starts_with("Delivery › Times\nParcels")),
        "{parts:?}"
    );
    let words = |text: &str| text.split_whitespace().count();
    let heads = parts.len() * words("Delivery › Times");
    let all: usize = parts.iter().map(|part| words(part)).sum();
    assert_eq!(all - heads, words(&body));
    let one_word = model.parts("Title", &"x".repeat(20_000));
    assert!(one_word.len() <= 64);
    assert!(model.parts(&"Title ".repeat(1000), "")[0].len() < 1000);
}

#[test]
fn folder_that_is_no_model_is_refused_with_the_reason() {
    let folder = TempDir::new().expect("a folder");
    let fails = |reason: &str| {
        let error = load(folder.path()).err().expect("an error").to_string();
        assert!(error.starts_with("--embedding-dir "), "{error}");
        assert!(error.contains(reason), "{reason}: {error}");
    };
    fails("config.json: No such file");
    let copy = |name: &str| {
        fs::copy(model_folder().join(name), folder.path().join(name)).expect("a copy");
    };
    copy("config.json");
    fails("model.safetensors: No such file");
    fs::write(folder.path().join("model.safetensors"), "no weights").expect("a file");
    copy("tokenizer.json");
    fails("model.safetensors: ");
    fs::write(folder.path().join("config.json"), r#"{"model_type":"t5"}"#).expect("a file");
    fails("models of the type t5 are not supported");
    let dense = r#"[{"type":"sentence_transformers.models.Dense"}]"#;
    fs::write(folder.path().join("modules.json"), dense).expect("a file");
    fails("a module of the kind Dense is not supported");
}
