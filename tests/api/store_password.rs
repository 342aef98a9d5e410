//! The password of a PostgreSQL database in the arguments of a process.

use tempfile::TempDir;

use crate::helpers::parlor_command;

/// Nobody listens on this port.
const URL: &str = "postgres://ann:s3cret@127.0.0.1:1/parlor";

/// The standard error of a command that does not reach the database.
fn errors(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let folder = TempDir::new().expect("a folder");
    let mut command = parlor_command(folder.path());
    let command = command.args(arguments).envs(environment.iter().copied());
    let output = command.output().expect("a run");
    assert!(!output.status.success(), "{arguments:?}");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("UTF-8");
    assert!(
        text.contains("cannot connect to postgres://127.0.0.1:1/parlor"),
        "{text}"
    );
    assert!(!text.contains("s3cret"), "{text}");
    text
}

#[test]
fn password_in_an_argument_is_warned_about_once_and_not_shown() {
    for arguments in [
        &["serve", "--store", URL][..],
        &["check", "--store", URL],
        &["keys", "list", "--store", URL],
        &["demo", "--store", URL],
    ] {
        let text = errors(arguments, &[]);
        assert_eq!(text.matches("can read the password").count(), 1, "{text}");
        for remedy in ["PGPASSWORD", "PGPASSFILE", "PARLOR_STORE"] {
            assert!(text.contains(remedy), "{text}");
        }
    }
}

#[test]
fn password_that_is_no_argument_is_not_warned_about() {
    let without = "postgres://ann@127.0.0.1:1/parlor";
    for (arguments, environment) in [
        (&["check"][..], ("PARLOR_STORE", URL)),
        (&["check", "--store", without], ("PGPASSWORD", "s3cret")),
    ] {
        let text = errors(arguments, &[environment]);
        assert!(!text.contains("can read the password"), "{text}");
    }
}
