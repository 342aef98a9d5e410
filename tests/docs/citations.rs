//! Comments cite sections of docs/api-contract.md, which must exist.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::pages::{files, page, root};

#[test]
fn cited_sections_of_the_api_contract_exist() {
    let contract = page("docs/api-contract.md").text;
    let headings = contract.lines().filter(|line| line.starts_with("##"));
    let numbers = headings.filter_map(|line| line.split(' ').nth(1));
    let sections: BTreeSet<&str> = numbers.collect();
    let mut count = 0;
    for directory in ["src", "tests", "benches"] {
        let files = files(&root().join(directory));
        let is_source = |file: &&PathBuf| file.extension().is_some_and(|end| end == "rs");
        for file in files.iter().filter(is_source) {
            let source = std::fs::read_to_string(file).expect("UTF-8");
            for section in cited_sections(&source) {
                assert!(
                    sections.contains(&*section),
                    "{}: {section}",
                    file.display()
                );
                count += 1;
            }
        }
    }
    assert!(count > 20, "{count} citations");
}

/// The numbers in citations such as "docs/api-contract.md, sections 5.1 and 5.2",
/// which may continue on the next line of a comment.
fn cited_sections(source: &str) -> Vec<String> {
    let lines = source
        .lines()
        .map(|line| line.trim().trim_start_matches(['/', '!']));
    let text = lines.collect::<Vec<_>>().join(" ").replace('`', "");
    let mut sections = Vec::new();
    for citation in text.split("api-contract.md,").skip(1) {
        for word in citation.split_whitespace() {
            let bare = word.trim_end_matches([',', ';', '.', ')', ':', '"']);
            if is_number(bare) {
                sections.push(bare.to_owned());
            } else if !["section", "sections", "and", "to"].contains(&bare) {
                break;
            }
            if word != bare && !word.ends_with(',') {
                break;
            }
        }
    }
    sections
}

fn is_number(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit())
}
