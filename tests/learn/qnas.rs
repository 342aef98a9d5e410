//! Questions with their answers, from the command line.

use crate::stage::Stage;

#[test]
fn qnas_are_added_listed_exported_and_removed() {
    let stage = Stage::new();
    let add = [
        "qna",
        "add",
        "--question",
        "Do you ship?",
        "--answer",
        "Yes, \"daily\",\nto all.",
    ];
    let (id, _) = stage.done(&add);
    stage.done(&[
        "qna",
        "add",
        "--question",
        "Secret?",
        "--answer",
        "x",
        "--unpublished",
    ]);
    let (listed, _) = stage.done(&["qna", "list"]);
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines[0], format!("{id}  published    Do you ship?"));
    assert!(lines[1].ends_with("  unpublished  Secret?"), "{listed}");
    let csv = "question,answer,published\r\nDo you ship?,\"Yes, \"\"daily\"\",\nto all.\",true\r\n\
               Secret?,x,false";
    assert_eq!(stage.done(&["qna", "export"]).0, csv);
    stage.done(&["qna", "export", "all.csv"]);
    let errors = stage.refused(&["qna", "export", "all.csv"]);
    assert!(errors.contains("exists already"), "{errors}");
    let (said, _) = stage.done(&["qna", "import", "all.csv"]);
    assert_eq!(said, "imported 2 Q&As (0 new, 0 changed, 2 as before)");
    let (said, _) = stage.done(&["qna", "import", "all.csv", "--project", &stage.second]);
    assert_eq!(said, "imported 2 Q&As (2 new, 0 changed, 0 as before)");
    let again = stage.done(&["qna", "export", "--project", &stage.second]).0;
    assert_eq!(again, csv);
    stage.done(&["qna", "remove", &id]);
    let errors = stage.refused(&["qna", "remove", &id]);
    assert!(errors.contains("no Q&A has the id"), "{errors}");
    assert_eq!(stage.done(&["qna", "list"]).0.lines().count(), 1);
}

#[test]
fn an_import_is_whole_or_not_at_all() {
    let stage = Stage::new();
    stage.write("a.csv", "\u{feff}question,answer\nOne?,1\nTwo?,2\n");
    stage.done(&["qna", "import", "a.csv"]);
    stage.write("b.csv", "question,answer\nOne?,changed\nThree?,3\n,4\n");
    let errors = stage.refused(&["qna", "import", "b.csv"]);
    assert!(
        errors.contains("b.csv, line 4: question must have"),
        "{errors}"
    );
    assert!(errors.contains("nothing was imported"), "{errors}");
    assert_eq!(stage.done(&["qna", "export"]).0.lines().count(), 3);
    stage.write(
        "b.csv",
        "question,answer,published\nOne?,changed,no\nThree?,3,\n",
    );
    let (said, _) = stage.done(&["qna", "import", "b.csv"]);
    assert_eq!(said, "imported 2 Q&As (1 new, 1 changed, 0 as before)");
    let exported = stage.done(&["qna", "export"]).0;
    assert!(
        exported.contains("One?,changed,false\r\nTwo?,2,true\r\nThree?,3,true"),
        "{exported}"
    );
    let errors = stage.refused(&["qna", "import", "absent.csv"]);
    assert!(errors.contains("absent.csv cannot be read"), "{errors}");
}
