//! `parlor learn` with folders.

use std::fs;

use crate::setup::{Workspace, output_texts, page};

#[test]
fn second_run_stores_only_changed_files_and_deletes_removed_ones() {
    let workspace = Workspace::new();
    workspace.write(
        "help/a.md",
        "# A\n\nThe first of the files that are learned here.",
    );
    workspace.write("help/sub/b.html", page("B"));
    workspace.write(
        "help/c.txt",
        "Only some text that is long enough, with \u{e9} in it.",
    );
    workspace.write(
        "help/bad.md",
        b"# Bad \xff\xfe\n\nThis file is not UTF-8, and it is learned all the same.",
    );
    workspace.write("help/.git/x.md", "# hidden");
    let learn = ["learn", "help"];
    let (stdout, stderr) = workspace.run_ok(&learn);
    assert_eq!(
        stdout,
        "learned 4 pages (4 new, 0 changed, 0 as before, 0 forgotten), 4 passages"
    );
    assert_eq!(stderr, "");
    assert_eq!(
        workspace.urls(),
        ["file:a.md", "file:bad.md", "file:c.txt", "file:sub/b.html"]
    );
    let (stdout, _) = workspace.run_ok(&learn);
    assert_eq!(
        stdout,
        "learned 4 pages (0 new, 0 changed, 4 as before, 0 forgotten), 4 passages"
    );
    workspace.write(
        "help/a.md",
        "# A\n\nThe first of the files, which was changed meanwhile.",
    );
    fs::remove_file(workspace.path().join("help/c.txt")).expect("remove file");
    let (stdout, _) = workspace.run_ok(&learn);
    assert_eq!(
        stdout,
        "learned 3 pages (0 new, 1 changed, 2 as before, 1 forgotten), 3 passages"
    );
    assert!(!workspace.urls().contains(&"file:c.txt".to_owned()));
}

#[test]
fn base_url_determines_document_urls() {
    let workspace = Workspace::new();
    workspace.write(
        "docs/index.md",
        "# Start\n\nSee [the guide](guide.md) for how everything here works.",
    );
    workspace.write(
        "docs/guide.md",
        "# Guide\n\nHow everything here works is told in this guide.",
    );
    let learn = [
        "learn",
        "docs",
        "--base-url",
        "https://x.example/help?x#y",
        "--clean-urls",
    ];
    workspace.run_ok(&learn);
    assert_eq!(
        workspace.urls(),
        ["https://x.example/help/", "https://x.example/help/guide"]
    );
    // Without the base URL, the documents have other addresses.
    let (stdout, _) = workspace.run_ok(&["learn", "docs"]);
    assert_eq!(
        stdout,
        "learned 2 pages (2 new, 0 changed, 0 as before, 2 forgotten), 2 passages"
    );
}

#[test]
fn folder_keeps_documents_of_other_folders_and_projects() {
    let workspace = Workspace::new();
    workspace.write(
        "one/a.md",
        "# A\n\nThe first of the files that are learned here.",
    );
    workspace.write(
        "two/b.md",
        "# B\n\nThe second of the files that are learned here.",
    );
    workspace.write(
        "two/a.md",
        "# Other\n\nA file that has the name of another in its folder.",
    );
    workspace.run_ok(&["learn", "one"]);
    let second = workspace.add_project();
    workspace.run_ok(&["learn", "one", "--project", &second]);
    let learn_two = ["learn", "two", "--project", &workspace.project];
    let (_, stderr) = workspace.run_ok(&learn_two);
    assert!(
        stderr.contains("file:a.md: stored in the place of what "),
        "{stderr}"
    );
    fs::remove_dir_all(workspace.path().join("two")).expect("remove directory");
    fs::create_dir(workspace.path().join("two")).expect("create directory");
    let stderr = workspace.run_err(&learn_two);
    assert!(stderr.contains("no page with a text was found"), "{stderr}");
    workspace.write(
        "two/c.md",
        "# C\n\nThe third of the files that are learned here.",
    );
    let (stdout, _) = workspace.run_ok(&learn_two);
    assert!(stdout.contains("2 forgotten"), "{stdout}");
    assert_eq!(workspace.urls(), ["file:c.md"]);
    assert_eq!(
        workspace.documents(2),
        [("file:a.md".to_owned(), "A".to_owned())]
    );
}

#[test]
fn unreadable_files_are_warnings_and_the_rest_is_learned() {
    let workspace = Workspace::new();
    workspace.write(
        "help/a.md",
        "# A\n\nThe first of the files that are learned here.",
    );
    workspace.write("help/large.md", "x".repeat(2_000_001));
    workspace.write("help/empty.md", "");
    let output = workspace.run(&["learn", "absent", "help", "help/a.md"]);
    assert_eq!(output.status.code(), Some(1));
    let (stdout, stderr) = output_texts(&output);
    assert!(
        stdout.starts_with("learned 2 pages (1 new, 0 changed, 1 as before"),
        "{stdout}"
    );
    for message in [
        "absent: No such file",
        "large.md: it has more than 2 MB",
        "file:empty.md: it says nothing",
    ] {
        assert!(stderr.contains(message), "{stderr}");
    }
    let stderr = workspace.run_err(&["learn", "absent", "missing"]);
    for message in [
        "absent: No such file",
        "missing: No such file",
        "2 sources were not learned",
    ] {
        assert!(stderr.contains(message), "{stderr}");
    }
    let stderr = workspace.run_err(&[
        "learn",
        "help",
        "--project",
        "123e4567-e89b-12d3-a456-426614174000",
    ]);
    assert!(stderr.contains("no project has the id"), "{stderr}");
    let stderr = workspace.run_err(&["learn", "help", "--db", "absent.db"]);
    assert!(stderr.contains("does not exist"), "{stderr}");
}
