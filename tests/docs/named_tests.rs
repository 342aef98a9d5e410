//! Pages name tests as `tests/api/auth.rs::name_of_the_test`. The tests must exist.

use std::collections::BTreeSet;
use std::fs;

use crate::pages::{Page, page, pages, root};

/// The tests that a text names: file and function.
pub fn named_tests(text: &str) -> BTreeSet<(String, String)> {
    let code = text.split('`').skip(1).step_by(2);
    let names = code.filter_map(|code| code.split_once(".rs::"));
    names
        .map(|(file, name)| (format!("{file}.rs"), name.to_owned()))
        .collect()
}

#[test]
fn tests_that_pages_name_exist() {
    let mut count = 0;
    for Page { name: page, text } in pages() {
        for (file, name) in named_tests(&text) {
            let source = fs::read_to_string(root().join(&file));
            let source = source.unwrap_or_else(|error| panic!("{page}: {file}: {error}"));
            assert!(is_test(&source, &name), "{page}: {file} has no test {name}");
            count += 1;
        }
    }
    assert!(count > 50, "{count} tests");
}

/// Whether a source has the test: a function with an attribute `test`, or a test of the
/// macro `tests!` in `tests/fuzz/main.rs`.
fn is_test(source: &str, name: &str) -> bool {
    let function = format!("fn {name}(");
    let head = source.split_once(&function).map(|(head, _)| head);
    let has_attribute = head.is_some_and(|head| {
        let lines = head.trim_end().lines().rev();
        let mut lines = lines.take_while(|line| !line.trim().is_empty());
        lines.any(|line| line.trim_start().starts_with("#[") && line.contains("test"))
    });
    let is_fuzz_target = source.contains("tests! {") && source.contains(&format!("    {name}: "));
    has_attribute || is_fuzz_target
}

#[test]
fn every_risk_of_owasp_names_tests() {
    let page = page("docs/SECURITY.md");
    let risks: Vec<&str> = page.text.split("\n### API").skip(1).collect();
    assert_eq!(risks.len(), 10);
    for (index, risk) in risks.iter().enumerate() {
        let own = risk.split("\n## ").next().unwrap_or(risk);
        let heading = own.lines().next().unwrap_or_default();
        assert!(
            heading.starts_with(&format!("{}:2023 ", index + 1)),
            "{heading}"
        );
        assert!(named_tests(own).len() >= 3, "{heading}");
    }
}

#[test]
fn every_fault_in_operations_names_tests() {
    let page = page("docs/operations.md");
    let section = page.text.split_once("\n## Faults and their tests\n");
    let (_, section) = section.expect("the section");
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let faults: Vec<_> = rows.filter(|row| !row.starts_with("| Fault |")).collect();
    assert!(faults.len() > 40, "{} faults", faults.len());
    for fault in faults {
        assert!(!named_tests(fault).is_empty(), "{fault}");
    }
}
