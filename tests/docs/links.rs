//! Newcomers find every page. (tests/docs_links.py checks that links lead somewhere.)

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::pages::{Page, files, page, relative, root};

#[test]
fn every_file_of_docs_is_reached_from_the_readme() {
    let mut reached = BTreeSet::new();
    let mut next = vec!["README.md".to_owned()];
    while let Some(name) = next.pop() {
        let is_new = reached.insert(name.clone());
        if is_new && name.ends_with(".md") && root().join(&name).exists() {
            next.extend(linked_files(&page(&name)));
        }
    }
    for file in files(&root().join("docs")) {
        let name = relative(&file);
        assert!(reached.contains(&name), "nothing links to {name}");
    }
}

/// The files of the repository that a page links to, as paths from its root.
fn linked_files(page: &Page) -> Vec<String> {
    let prose = page.prose();
    let targets = prose.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split([')', '#']).next());
    targets
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .map(|target| resolve(&page.name, target))
        .collect()
}

/// The path from the root of the repository of a link on the page `from`.
fn resolve(from: &str, link: &str) -> String {
    let directory = Path::new(from).parent().unwrap_or(Path::new(""));
    let mut path = PathBuf::new();
    for component in directory.join(link).components() {
        match component {
            Component::ParentDir => drop(path.pop()),
            other => path.push(other),
        }
    }
    path.to_string_lossy().into_owned()
}
