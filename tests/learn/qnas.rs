//! `parlor qna`.

use crate::setup::Workspace;

#[test]
fn qnas_are_added_listed_exported_imported_and_removed() {
    let workspace = Workspace::new();
    let add = [
        "qna",
        "add",
        "--question",
        "Do you ship?",
        "--answer",
        "Yes, \"daily\",\nto all.",
    ];
    let (id, _) = workspace.run_ok(&add);
    workspace.run_ok(&[
        "qna",
        "add",
        "--question",
        "Secret?",
        "--answer",
        "x",
        "--unpublished",
    ]);
    let (listed, _) = workspace.run_ok(&["qna", "list"]);
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines[0], format!("{id}  published    Do you ship?"));
    assert!(lines[1].ends_with("  unpublished  Secret?"), "{listed}");
    let csv = "question,answer,published\r\nDo you ship?,\"Yes, \"\"daily\"\",\nto all.\",true\r\n\
               Secret?,x,false";
    assert_eq!(workspace.run_ok(&["qna", "export"]).0, csv);
    workspace.run_ok(&["qna", "export", "all.csv"]);
    let stderr = workspace.run_err(&["qna", "export", "all.csv"]);
    assert!(stderr.contains("exists already"), "{stderr}");
    let (stdout, _) = workspace.run_ok(&["qna", "import", "all.csv"]);
    assert_eq!(stdout, "imported 2 Q&As (0 new, 0 changed, 2 as before)");
    workspace.run_ok(&["qna", "remove", &id]);
    let stderr = workspace.run_err(&["qna", "remove", &id]);
    assert!(stderr.contains("no Q&A has the id"), "{stderr}");
    assert_eq!(workspace.run_ok(&["qna", "list"]).0.lines().count(), 1);
    let second = workspace.add_project();
    let (stdout, _) = workspace.run_ok(&["qna", "import", "all.csv", "--project", &second]);
    assert_eq!(stdout, "imported 2 Q&As (2 new, 0 changed, 0 as before)");
    let (imported, _) = workspace.run_ok(&["qna", "export", "--project", &second]);
    assert_eq!(imported, csv);
    let (listed, _) = workspace.run_ok(&["qna", "list", "--project", &workspace.project]);
    assert_eq!(listed.lines().count(), 1);
}

#[test]
fn import_with_an_invalid_row_imports_nothing() {
    let workspace = Workspace::new();
    workspace.write("a.csv", "\u{feff}question,answer\nOne?,1\nTwo?,2\n");
    workspace.run_ok(&["qna", "import", "a.csv"]);
    workspace.write("b.csv", "question,answer\nOne?,changed\nThree?,3\n,4\n");
    let stderr = workspace.run_err(&["qna", "import", "b.csv"]);
    assert!(
        stderr.contains("b.csv, line 4: question must have"),
        "{stderr}"
    );
    assert!(stderr.contains("nothing was imported"), "{stderr}");
    assert_eq!(workspace.run_ok(&["qna", "export"]).0.lines().count(), 3);
    workspace.write(
        "b.csv",
        "question,answer,published\nOne?,changed,no\nThree?,3,\n",
    );
    let (stdout, _) = workspace.run_ok(&["qna", "import", "b.csv"]);
    assert_eq!(stdout, "imported 2 Q&As (1 new, 1 changed, 0 as before)");
    let exported = workspace.run_ok(&["qna", "export"]).0;
    assert!(
        exported.contains("One?,changed,false\r\nTwo?,2,true\r\nThree?,3,true"),
        "{exported}"
    );
    let stderr = workspace.run_err(&["qna", "import", "absent.csv"]);
    assert!(stderr.contains("absent.csv cannot be read"), "{stderr}");
}

/// The only Q&A of a file in `cases/csv`, as `parlor qna export` writes it.
#[track_caller]
fn imported(file: &str) -> String {
    let workspace = Workspace::new();
    workspace.run_ok(&["qna", "import", &csv_case(file)]);
    let exported = workspace.run_ok(&["qna", "export"]).0;
    let row = exported.strip_prefix("question,answer,published\r\n");
    row.expect("header").to_owned()
}

fn csv_case(file: &str) -> String {
    format!(
        "{}/tests/learn/cases/csv/{file}",
        env!("CARGO_MANIFEST_DIR")
    )
}

#[test]
fn delimiter_of_a_csv_file_is_recognized() {
    let row = "Do you ship?,\"Yes, we do.\",true";
    assert_eq!(imported("01-semicolon.csv"), row);
    for file in ["03-sep.csv", "04-tab.csv"] {
        assert_eq!(imported(file), "Do you ship?,Yes.,true", "{file}");
    }
}

#[test]
fn blanks_around_csv_fields_are_removed() {
    let row = "Do you ship?,\"Yes, we do.\",true";
    assert_eq!(imported("15-space-after-comma.csv"), row);
}

#[test]
fn error_of_a_csv_file_names_its_line() {
    let workspace = Workspace::new();
    let stderr = workspace.run_err(&["qna", "import", &csv_case("crlf-wrong-line-number.csv")]);
    assert!(stderr.contains(", line 4: answer must have"), "{stderr}");
}

#[test]
fn answer_in_html_is_stored_as_markdown() {
    let row = "Do you ship to Norway?,\"Yes, **we** do.\n\n- 4 days\",true";
    assert_eq!(imported("html-answer.csv"), row);
}

#[test]
fn columns_are_named_by_options() {
    let workspace = Workspace::new();
    workspace.write("a.csv", "Titel;Text;Live\nOne?;1;FALSCH\n");
    let stderr = workspace.run_err(&["qna", "import", "a.csv"]);
    assert!(stderr.contains("--question-column"), "{stderr}");
    let columns = ["--question-column", "titel", "--answer-column", "text"];
    let import = ["qna", "import", "a.csv", "--published-column", "live"];
    workspace.run_ok(&[&import[..], &columns].concat());
    let exported = workspace.run_ok(&["qna", "export"]).0;
    assert!(exported.ends_with("One?,1,false"), "{exported}");
}
