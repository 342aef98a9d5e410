//! Names of files that generators of websites turn into other addresses.

/// The number of digits of a prefix such as "02-". Longer numbers belong to the name, as
/// in "2024-review", unless they begin with 0.
const MAX_PREFIX_DIGITS: usize = 2;

const SEPARATORS: [char; 3] = ['-', '_', '.'];

/// Returns a name without the number that orders files: "guide" for "02-guide". Dates and
/// versions such as "1.2" stay.
pub fn without_number(name: &str) -> &str {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    let is_order = digits > 0 && (digits <= MAX_PREFIX_DIGITS || name.starts_with('0'));
    let rest = name[digits..].trim_start();
    let title = rest.trim_start_matches(SEPARATORS).trim_start();
    let has_separator = title.len() < rest.len();
    if is_order && has_separator && title.starts_with(char::is_alphabetic) {
        title
    } else {
        name
    }
}

/// Returns the folder and the stem of the page of a Jekyll post:
/// `news/_posts/2024-01-31-title` becomes `news/2024/01/31` and `title`.
pub fn jekyll_post<'a>(folder: &str, stem: &'a str) -> Option<(String, &'a str)> {
    let category = match folder.rsplit_once('/') {
        Some((category, "_posts")) => format!("{category}/"),
        None if folder == "_posts" => String::new(),
        _ => return None,
    };
    let mut parts = stem.splitn(4, '-');
    let mut number = |digits: usize| {
        let part = parts.next()?;
        let is_number = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some(part)
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let title = parts.next().filter(|title| !title.is_empty())?;
    Some((format!("{category}{year}/{month}/{day}"), title))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_that_orders_files_is_removed() {
        for (name, expected) in [
            ("01-intro", "intro"),
            ("2. Guide", "Guide"),
            ("10_setup", "setup"),
            ("010-setup", "setup"),
            ("2024-review", "2024-review"),
            ("404-errors", "404-errors"),
            ("1.2-notes", "1.2-notes"),
            ("01-02-daily", "01-02-daily"),
            ("2fa", "2fa"),
            ("3d-models", "3d-models"),
            ("7", "7"),
            ("5-", "5-"),
        ] {
            assert_eq!(without_number(name), expected);
        }
    }

    #[test]
    fn date_of_a_post_becomes_folders() {
        let post = |folder, stem| jekyll_post(folder, stem);
        let expected = Some(("2024/01/31".to_owned(), "new-prices"));
        assert_eq!(post("_posts", "2024-01-31-new-prices"), expected);
        let expected = Some(("a/b/2024/01/31".to_owned(), "x"));
        assert_eq!(post("a/b/_posts", "2024-01-31-x"), expected);
        for (folder, stem) in [
            ("posts", "2024-01-31-x"),
            ("_posts", "2024-1-31-x"),
            ("_posts", "2024-01-31-"),
            ("_posts", "about"),
        ] {
            assert_eq!(post(folder, stem), None, "{folder} {stem}");
        }
    }
}
