//! The files in `fuzz/` agree with the targets that run here.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::NAMES;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(name)
}

/// The names of the entries of a folder in `fuzz/`, without extension.
fn stems(name: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder(name)).expect("a folder");
    let stem = |path: PathBuf| {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    let stems = entries.filter_map(|entry| stem(entry.expect("an entry").path()));
    stems.collect()
}

#[test]
fn every_target_has_a_program_for_libfuzzer_and_a_corpus() {
    let names: BTreeSet<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(stems("fuzz_targets"), names);
    assert_eq!(stems("corpus"), names);
    let manifest = fs::read_to_string(folder("Cargo.toml")).expect("a manifest");
    for name in names {
        let path = format!("path = \"fuzz_targets/{name}.rs\"");
        assert!(manifest.contains(&path), "fuzz/Cargo.toml: {path}");
    }
}
