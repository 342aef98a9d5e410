//! A folder of files as a source, or one file.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use url::Url;
use walkdir::{DirEntry, WalkDir};

use super::{Format, LearnError, RawDocument, name_of};

/// Bytes of a file at most.
const MAX_FILE_BYTES: u64 = 2_000_000;

/// Where the files are, and what their addresses are made of.
#[derive(Debug, Clone)]
pub struct FolderSource {
    pub path: PathBuf,
    /// Where the folder stands on the web; without it, addresses are `file:`
    /// and the path in the folder.
    pub base: Option<Url>,
    /// Whether pages have no extension on the web.
    pub clean_urls: bool,
}

/// The files of a folder.
pub struct FolderListing {
    pub files: Vec<SourceFile>,
    pub warnings: Vec<String>,
    /// Whether the folder could be read to its end.
    pub whole: bool,
}

/// A file that can be learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    path: PathBuf,
    format: Format,
    /// Its path in the folder, with `/`.
    relative: String,
    pub url: String,
}

impl FolderSource {
    /// What documents of this folder are known by: where it really is.
    ///
    /// # Errors
    /// Where there is no such folder or file.
    pub fn source(&self) -> Result<String, LearnError> {
        let path = fs::canonicalize(&self.path);
        let path =
            path.map_err(|error| LearnError::Source(format!("{}: {error}", self.path.display())))?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// Finds the files: by name, hidden ones and those of other programs'
    /// making left out. Symbolic links are not followed, so that nothing
    /// outside the folder is read.
    pub fn list_files(&self) -> FolderListing {
        let mut listing = FolderListing {
            files: Vec::new(),
            warnings: Vec::new(),
            whole: true,
        };
        let walk = WalkDir::new(&self.path).sort_by_file_name().into_iter();
        for entry in walk.filter_entry(is_wanted) {
            match entry {
                Ok(entry) => listing.files.extend(self.file(&entry)),
                Err(error) => {
                    listing.whole = false;
                    listing.warnings.push(error.to_string());
                }
            }
        }
        listing.settle();
        listing
    }

    fn file(&self, entry: &DirEntry) -> Option<SourceFile> {
        if !entry.file_type().is_file() {
            return None;
        }
        let format = format_of(entry.path())?;
        let within = entry.path().strip_prefix(&self.path).ok()?;
        let names: Vec<_> = match entry.depth() {
            0 => vec![entry.file_name().to_string_lossy()],
            _ => within.iter().map(|name| name.to_string_lossy()).collect(),
        };
        let relative = names.join("/");
        Some(SourceFile {
            path: entry.path().to_owned(),
            format,
            url: self.address(&relative),
            relative,
        })
    }

    fn address(&self, relative: &str) -> String {
        let Some(base) = &self.base else {
            return format!("file:{relative}");
        };
        let (folder, name) = relative.rsplit_once('/').unwrap_or(("", relative));
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let name = match stem {
            _ if is_index(name) || is_readme(name) => "",
            _ if self.clean_urls => stem,
            _ => name,
        };
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            segments.extend(folder.split('/').filter(|one| !one.is_empty()));
            segments.push(name);
        }
        url.into()
    }
}

fn is_wanted(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let skipped = name.starts_with('.') || name == "node_modules" || name == "target";
    entry.depth() == 0 || !skipped
}

fn format_of(path: &Path) -> Option<Format> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "md" | "markdown" => Some(Format::Markdown),
        "html" | "htm" => Some(Format::Html),
        "txt" => Some(Format::Text),
        _ => None,
    }
}

/// A file that stands for its folder on the web.
fn is_index(name: &str) -> bool {
    ["index.md", "index.markdown", "index.html", "index.htm"].contains(&name)
}

fn is_readme(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "readme.md" || name == "readme.markdown"
}

impl FolderListing {
    /// Leaves one file for each address: an index before a README.
    fn settle(&mut self) {
        self.files.sort_by_key(|file| {
            let name = file.relative.rsplit('/').next().unwrap_or_default();
            is_readme(name)
        });
        let mut taken = HashSet::new();
        let warnings = &mut self.warnings;
        self.files.retain(|file| {
            let first = taken.insert(file.url.clone());
            if !first {
                let (name, url) = (&file.relative, &file.url);
                warnings.push(format!(
                    "{name}: passed over, another file has its address {url}"
                ));
            }
            first
        });
    }
}

impl SourceFile {
    /// Reads the file.
    ///
    /// # Errors
    /// Why it cannot be read, for whoever waits.
    pub fn load(&self) -> Result<RawDocument, String> {
        let told = |why: String| format!("{}: {why}", self.relative);
        let size = fs::metadata(&self.path).map(|about| about.len());
        match size {
            Ok(size) if size > MAX_FILE_BYTES => {
                return Err(told(format!(
                    "it has more than {} MB",
                    MAX_FILE_BYTES / 1_000_000
                )));
            }
            Ok(_) => {}
            Err(error) => return Err(told(error.to_string())),
        }
        let bytes = fs::read(&self.path).map_err(|error| told(error.to_string()))?;
        Ok(RawDocument {
            url: self.url.clone(),
            name: name_of(&self.relative),
            format: self.format,
            charset: None,
            bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(base: &str, clean_urls: bool, relative: &str) -> String {
        let folder = FolderSource {
            path: PathBuf::from("x"),
            base: Url::parse(base).ok(),
            clean_urls,
        };
        folder.address(relative)
    }

    #[test]
    fn an_address_is_the_base_and_the_path() {
        for (relative, url) in [
            ("guide.md", "https://x.example/help/guide.md"),
            ("a b/ä.html", "https://x.example/help/a%20b/%C3%A4.html"),
            ("index.md", "https://x.example/help/"),
            ("sub/README.md", "https://x.example/help/sub/"),
            ("sub/what?.md", "https://x.example/help/sub/what%3F.md"),
        ] {
            assert_eq!(address("https://x.example/help/", false, relative), url);
            assert_eq!(address("https://x.example/help", false, relative), url);
        }
        let clean = address("https://x.example/", true, "v1.2/a.b.md");
        assert_eq!(clean, "https://x.example/v1.2/a.b");
    }

    #[test]
    fn without_a_base_an_address_is_the_path_alone() {
        assert_eq!(address("", true, "sub/index.md"), "file:sub/index.md");
    }

    #[test]
    fn a_folder_gives_its_texts_by_name_and_nothing_hidden_or_linked() {
        let folder = tempfile::tempdir().expect("a folder");
        let outside = tempfile::tempdir().expect("another");
        fs::write(outside.path().join("secret.md"), "x").expect("a file");
        for (name, inside) in [
            ("b.md", "x"),
            ("a.TXT", "x"),
            ("index.md", "x"),
            ("README.md", "x"),
            ("picture.png", "x"),
            (".hidden.md", "x"),
            ("node_modules/x/y.md", "x"),
            ("sub/c.htm", "x"),
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, inside).expect("a file");
        }
        for (to, name) in [("", "all"), ("secret.md", "one.md")] {
            let to = outside.path().join(to);
            std::os::unix::fs::symlink(to, folder.path().join(name)).expect("a link");
        }
        let base = Url::parse("https://x.example/").ok();
        let path = folder.path().to_owned();
        let clean_urls = false;
        let listing = FolderSource {
            path,
            base,
            clean_urls,
        }
        .list_files();
        let names: Vec<_> = listing.files.iter().map(|file| &*file.relative).collect();
        assert_eq!(names, ["a.TXT", "b.md", "index.md", "sub/c.htm"]);
        assert_eq!(listing.warnings.len(), 1, "{:?}", listing.warnings);
        assert!(listing.warnings[0].starts_with("README.md: "));
    }
}
