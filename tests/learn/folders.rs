//! Folders as sources.

use std::fs;

use crate::stage::{Stage, page, texts};

#[test]
fn a_folder_is_learned_and_learned_again_only_where_it_changed() {
    let stage = Stage::new();
    stage.write(
        "help/a.md",
        "# A\n\nThe first of the files that are learned here.",
    );
    stage.write("help/sub/b.html", page("B"));
    stage.write(
        "help/c.txt",
        "Only some text that is long enough, with \u{e9} in it.",
    );
    stage.write(
        "help/bad.md",
        b"# Bad \xff\xfe\n\nThis file is not UTF-8, and it is learned all the same.",
    );
    stage.write("help/.git/x.md", "# hidden");
    let learn = ["learn", "help"];
    let (said, warned) = stage.done(&learn);
    assert_eq!(
        said,
        "learned 4 pages (4 new, 0 changed, 0 as before, 0 forgotten), 4 passages"
    );
    assert_eq!(warned, "");
    assert_eq!(
        stage.urls(),
        ["file:a.md", "file:bad.md", "file:c.txt", "file:sub/b.html"]
    );
    let (said, _) = stage.done(&learn);
    assert_eq!(
        said,
        "learned 4 pages (0 new, 0 changed, 4 as before, 0 forgotten), 4 passages"
    );
    stage.write(
        "help/a.md",
        "# A\n\nThe first of the files, which was changed meanwhile.",
    );
    fs::remove_file(stage.path().join("help/c.txt")).expect("a file");
    let (said, _) = stage.done(&learn);
    assert_eq!(
        said,
        "learned 3 pages (0 new, 1 changed, 2 as before, 1 forgotten), 3 passages"
    );
    assert!(!stage.urls().contains(&"file:c.txt".to_owned()));
}

#[test]
fn a_folder_with_an_address_is_learned_under_it() {
    let stage = Stage::new();
    stage.write(
        "docs/index.md",
        "# Start\n\nSee [the guide](guide.md) for how everything here works.",
    );
    stage.write(
        "docs/guide.md",
        "# Guide\n\nHow everything here works is told in this guide.",
    );
    let base = [
        "learn",
        "docs",
        "--base-url",
        "https://x.example/help?x#y",
        "--clean-urls",
    ];
    stage.done(&base);
    assert_eq!(
        stage.urls(),
        ["https://x.example/help/", "https://x.example/help/guide"]
    );
    // The same folder under another address has moved.
    let (said, _) = stage.done(&["learn", "docs"]);
    assert_eq!(
        said,
        "learned 2 pages (2 new, 0 changed, 0 as before, 2 forgotten), 2 passages"
    );
}

#[test]
fn one_folder_leaves_the_documents_of_another_and_of_another_project() {
    let stage = Stage::new();
    stage.write(
        "one/a.md",
        "# A\n\nThe first of the files that are learned here.",
    );
    stage.write(
        "two/b.md",
        "# B\n\nThe second of the files that are learned here.",
    );
    stage.write(
        "two/a.md",
        "# Other\n\nA file that has the name of another in its folder.",
    );
    stage.done(&["learn", "one"]);
    stage.done(&["learn", "one", "--project", &stage.second]);
    let (_, warned) = stage.done(&["learn", "two"]);
    assert!(
        warned.contains("file:a.md: stored in the place of what "),
        "{warned}"
    );
    fs::remove_dir_all(stage.path().join("two")).expect("a folder");
    fs::create_dir(stage.path().join("two")).expect("a folder");
    let refused = stage.run(&["learn", "two"]);
    let (said, errors) = texts(&refused);
    assert!(said.contains("2 forgotten"), "{said}");
    assert!(errors.contains("nothing could be learned"), "{errors}");
    assert!(stage.urls().is_empty());
    assert_eq!(
        stage.documents(2),
        [("file:a.md".to_owned(), "A".to_owned())]
    );
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_learned() {
    let stage = Stage::new();
    stage.write(
        "help/a.md",
        "# A\n\nThe first of the files that are learned here.",
    );
    stage.write("help/large.md", "x".repeat(2_000_001));
    stage.write("help/empty.md", "");
    let (said, warned) = stage.done(&["learn", "absent", "help", "help/a.md"]);
    assert!(
        said.starts_with("learned 2 pages (1 new, 0 changed, 1 as before"),
        "{said}"
    );
    for told in [
        "absent: No such file",
        "large.md: it has more than 2 MB",
        "file:empty.md: it says nothing",
    ] {
        assert!(warned.contains(told), "{warned}");
    }
    let errors = stage.refused(&["learn", "absent"]);
    assert!(errors.contains("nothing could be learned"), "{errors}");
    let errors = stage.refused(&[
        "learn",
        "help",
        "--project",
        "123e4567-e89b-12d3-a456-426614174000",
    ]);
    assert!(errors.contains("no project has the id"), "{errors}");
    let errors = stage.refused(&["learn", "help", "--db", "absent.db"]);
    assert!(errors.contains("does not exist"), "{errors}");
}
