//! URLs of places in object storage: `s3://BUCKET/PREFIX`.

use std::fmt;

const SCHEME: &str = "s3://";
const MAX_KEY_BYTES: usize = 900;

/// A bucket of object storage, and the folder in it that holds the backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketUrl {
    bucket: String,
    /// Names with `/` between them. Empty if the backups are not in a folder.
    prefix: String,
}

impl BucketUrl {
    /// Whether a text is meant as such a URL.
    pub fn has_scheme(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// Parses `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || {
            "must be s3://BUCKET/PREFIX with letters, digits and any of - _ . in its names, such as \
             s3://my-backups/parlor"
                .to_owned()
        };
        let path = text.strip_prefix(SCHEME).ok_or_else(expected)?;
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let is_valid = is_name(bucket)
            && bucket.len() >= 3
            && (prefix.is_empty() || prefix.split('/').all(is_name))
            && prefix.len() <= MAX_KEY_BYTES;
        if !is_valid {
            return Err(expected());
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }

    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The names between the bucket and the backups, without `/` at the ends.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The folder that contains this place, and the last name.
    pub fn split_last(&self) -> Option<(Self, &str)> {
        let (prefix, name) = self.prefix.rsplit_once('/').unwrap_or(("", &self.prefix));
        let folder = Self {
            bucket: self.bucket.clone(),
            prefix: prefix.to_owned(),
        };
        (!name.is_empty()).then_some((folder, name))
    }
}

impl fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.bucket)?;
        if self.prefix.is_empty() {
            return Ok(());
        }
        write!(f, "/{}", self.prefix)
    }
}

/// Names that every service stores as they are.
fn is_name(name: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.bytes().all(is_safe) && !name.bytes().all(|byte| byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_has_a_bucket_and_a_prefix() {
        for (text, bucket, prefix) in [
            ("s3://backups", "backups", ""),
            ("s3://backups/", "backups", ""),
            ("s3://my.backups/a/b-c_d", "my.backups", "a/b-c_d"),
            ("s3://backups/parlor/", "backups", "parlor"),
        ] {
            let url = BucketUrl::parse(text).expect(text);
            assert_eq!((url.bucket(), url.prefix()), (bucket, prefix));
            assert_eq!(url.to_string(), text.trim_end_matches('/'));
        }
        for text in [
            "",
            "backups",
            "s3:/b",
            "s3://",
            "s3:///a",
            "s3://ab",
            "s3://abc//a",
            "s3://abc/../a",
            "s3://abc/a b",
            "s3://key:secret@abc/a",
            "s3://abc/a?b",
            "https://abc/a",
            "S3://abc",
        ] {
            let error = BucketUrl::parse(text).expect_err(text);
            assert!(error.contains("such as s3://"), "{error}");
        }
    }

    #[test]
    fn last_name_is_split_off() {
        let split = |text| {
            let url = BucketUrl::parse(text).expect(text);
            let split = url.split_last();
            split.map(|(folder, name)| (folder.to_string(), name.to_owned()))
        };
        let own = |folder: &str, name: &str| Some((folder.to_owned(), name.to_owned()));
        assert_eq!(split("s3://abc/a/b.db"), own("s3://abc/a", "b.db"));
        assert_eq!(split("s3://abc/b.db"), own("s3://abc", "b.db"));
        assert_eq!(split("s3://abc"), None);
    }
}
