//! The password file of PostgreSQL's programs: `PGPASSFILE` or `~/.pgpass`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::warn;

/// The directories in which a server has its socket by default. The file has `localhost`
/// for them.
const SOCKET_DIRECTORIES: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

/// The password for a server, if the file has one.
pub(super) fn password(host: &str, port: u16, database: &str, user: &str) -> Option<String> {
    let path = path()?;
    let text = read(&path)?;
    let host = if SOCKET_DIRECTORIES.contains(&host) {
        "localhost"
    } else {
        host
    };
    find(&text, [host, &port.to_string(), database, user])
}

fn path() -> Option<PathBuf> {
    match env::var_os("PGPASSFILE").filter(|path| !path.is_empty()) {
        Some(path) => Some(path.into()),
        None => Some(env::home_dir()?.join(".pgpass")),
    }
}

/// The text of the file. A file that others can read is not used.
fn read(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    let path_text = path.display();
    if !metadata.is_file() {
        warn(&format!(
            "the password file {path_text} is not a plain file"
        ));
        return None;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o077 != 0 {
            warn(&format!(
                "the password file {path_text} is not used, because others can read it; \
                 run chmod 0600 {path_text}"
            ));
            return None;
        }
    }
    fs::read_to_string(path).ok()
}

/// The password of the first line whose fields match. `*` matches everything.
fn find(text: &str, values: [&str; 4]) -> Option<String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let mut rest = line;
            for value in values {
                let (field, is_any, next) = field(rest);
                if !is_any && field != value {
                    return None;
                }
                rest = next?;
            }
            Some(field(rest).0).filter(|password| !password.is_empty())
        })
}

/// The next field without escapes, whether it is `*`, and what follows its colon.
fn field(line: &str) -> (String, bool, Option<&str>) {
    let mut text = String::new();
    let mut signs = line.char_indices();
    while let Some((index, sign)) = signs.next() {
        match sign {
            '\\' => text.extend(signs.next().map(|(_, escaped)| escaped)),
            ':' => return (text, &line[..index] == "*", Some(&line[index + 1..])),
            _ => text.push(sign),
        }
    }
    (text, line == "*", None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_that_of_the_first_line_that_matches() {
        let text = "# db:5432:parlor:ann:comment\n\
                    db:5432:other:ann:wrong\n\
                    db:*:parlor:ann:a\\:b\\\\c\n\
                    \\*:*:*:*:no wildcard\n\
                    *:5433:*:bob:second\n";
        let find = |host, port, user| find(text, [host, port, "parlor", user]);
        assert_eq!(find("db", "5432", "ann").as_deref(), Some("a:b\\c"));
        assert_eq!(find("x", "5433", "bob").as_deref(), Some("second"));
        assert_eq!(find("x", "5432", "bob"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), "*:*:*:*:x").expect("a file");
        for (mode, is_used) in [(0o600, true), (0o640, false), (0o604, false)] {
            let permissions = fs::Permissions::from_mode(mode);
            fs::set_permissions(file.path(), permissions).expect("permissions");
            assert_eq!(read(file.path()).is_some(), is_used, "{mode:o}");
        }
    }
}
