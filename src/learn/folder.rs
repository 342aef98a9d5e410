//! A folder of files, or one file, as a source.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use url::Url;
use walkdir::{DirEntry, WalkDir};

use super::raw_document::name_from_path;
use super::{Format, RawDocument, SourceError};

/// The size of a file that is read.
const MAX_FILE_BYTES: u64 = 2_000_000;

/// A folder or file, and how the addresses of its documents are formed.
#[derive(Debug, Clone)]
pub struct FolderSource {
    pub path: PathBuf,
    /// The address of the folder on the web. Without it, addresses are `file:`
    /// and the path within the folder.
    pub base_url: Option<Url>,
    /// Whether the addresses on the web have no file extension.
    pub clean_urls: bool,
}

/// The files of a folder.
pub struct FolderListing {
    pub files: Vec<SourceFile>,
    pub warnings: Vec<String>,
    /// Whether every subfolder could be read.
    pub is_complete: bool,
}

/// A file of a supported format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    path: PathBuf,
    format: Format,
    /// The path within the folder, separated by `/`.
    relative_path: String,
    pub url: String,
}

impl FolderSource {
    /// The canonical path, which identifies the documents of this folder.
    ///
    /// # Errors
    /// The folder or file does not exist.
    pub fn id(&self) -> Result<String, SourceError> {
        let path = fs::canonicalize(&self.path);
        let path =
            path.map_err(|error| SourceError(format!("{}: {error}", self.path.display())))?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// Lists the files of a supported format, sorted by name. Hidden files,
    /// `node_modules` and `target` are left out. Symbolic links are not
    /// followed, so that no file outside the folder is read.
    pub fn list_files(&self) -> FolderListing {
        let mut listing = FolderListing {
            files: Vec::new(),
            warnings: Vec::new(),
            is_complete: true,
        };
        let walk = WalkDir::new(&self.path).sort_by_file_name().into_iter();
        for entry in walk.filter_entry(is_included) {
            match entry {
                Ok(entry) => listing.files.extend(self.source_file(&entry)),
                Err(error) => {
                    listing.is_complete = false;
                    listing.warnings.push(error.to_string());
                }
            }
        }
        listing.remove_duplicate_urls();
        listing
    }

    fn source_file(&self, entry: &DirEntry) -> Option<SourceFile> {
        if !entry.file_type().is_file() {
            return None;
        }
        let format = format_from_extension(entry.path())?;
        let within = entry.path().strip_prefix(&self.path).ok()?;
        let names: Vec<_> = match entry.depth() {
            0 => vec![entry.file_name().to_string_lossy()],
            _ => within.iter().map(|name| name.to_string_lossy()).collect(),
        };
        let relative_path = names.join("/");
        Some(SourceFile {
            path: entry.path().to_owned(),
            format,
            url: self.url_of(&relative_path),
            relative_path,
        })
    }

    fn url_of(&self, relative_path: &str) -> String {
        let Some(base_url) = &self.base_url else {
            return format!("file:{relative_path}");
        };
        let (folder, name) = relative_path
            .rsplit_once('/')
            .unwrap_or(("", relative_path));
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let name = match stem {
            _ if is_index(name) || is_readme(name) => "",
            _ if self.clean_urls => stem,
            _ => name,
        };
        let mut url = base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            segments.extend(folder.split('/').filter(|segment| !segment.is_empty()));
            segments.push(name);
        }
        url.into()
    }
}

fn is_included(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let is_excluded = name.starts_with('.') || name == "node_modules" || name == "target";
    entry.depth() == 0 || !is_excluded
}

fn format_from_extension(path: &Path) -> Option<Format> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "md" | "markdown" => Some(Format::Markdown),
        "html" | "htm" => Some(Format::Html),
        "txt" => Some(Format::Text),
        _ => None,
    }
}

/// Whether a web server delivers the file at the address of its folder.
fn is_index(name: &str) -> bool {
    ["index.md", "index.markdown", "index.html", "index.htm"].contains(&name)
}

fn is_readme(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "readme.md" || name == "readme.markdown"
}

impl FolderListing {
    /// Keeps the first file of each address; an index precedes a README.
    fn remove_duplicate_urls(&mut self) {
        self.files.sort_by_key(|file| {
            let name = file.relative_path.rsplit('/').next().unwrap_or_default();
            is_readme(name)
        });
        let mut urls = HashSet::new();
        let warnings = &mut self.warnings;
        self.files.retain(|file| {
            let is_first = urls.insert(file.url.clone());
            if !is_first {
                let (name, url) = (&file.relative_path, &file.url);
                warnings.push(format!(
                    "{name}: passed over, another file has its address {url}"
                ));
            }
            is_first
        });
    }
}

impl SourceFile {
    /// Reads the file.
    ///
    /// # Errors
    /// A message for the user if the file cannot be read or is too large.
    pub fn read(&self) -> Result<RawDocument, String> {
        let bytes = self.read_bytes();
        let bytes = bytes.map_err(|reason| format!("{}: {reason}", self.relative_path))?;
        Ok(RawDocument {
            url: self.url.clone(),
            name: name_from_path(&self.relative_path),
            format: self.format,
            charset: None,
            bytes,
        })
    }

    fn read_bytes(&self) -> Result<Vec<u8>, String> {
        let metadata = fs::metadata(&self.path).map_err(|error| error.to_string())?;
        if metadata.len() > MAX_FILE_BYTES {
            return Err(format!(
                "it has more than {} MB",
                MAX_FILE_BYTES / 1_000_000
            ));
        }
        fs::read(&self.path).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_of(base_url: &str, clean_urls: bool, relative_path: &str) -> String {
        let folder = FolderSource {
            path: PathBuf::from("x"),
            base_url: Url::parse(base_url).ok(),
            clean_urls,
        };
        folder.url_of(relative_path)
    }

    #[test]
    fn url_is_base_url_and_path() {
        for (relative, url) in [
            ("guide.md", "https://x.example/help/guide.md"),
            ("a b/ä.html", "https://x.example/help/a%20b/%C3%A4.html"),
            ("index.md", "https://x.example/help/"),
            ("sub/README.md", "https://x.example/help/sub/"),
            ("sub/what?.md", "https://x.example/help/sub/what%3F.md"),
        ] {
            assert_eq!(url_of("https://x.example/help/", false, relative), url);
            assert_eq!(url_of("https://x.example/help", false, relative), url);
        }
        let clean = url_of("https://x.example/", true, "v1.2/a.b.md");
        assert_eq!(clean, "https://x.example/v1.2/a.b");
    }

    #[test]
    fn url_without_base_url_is_the_relative_path() {
        assert_eq!(url_of("", true, "sub/index.md"), "file:sub/index.md");
    }

    #[test]
    fn listing_is_sorted_and_excludes_hidden_and_linked_files() {
        let folder = tempfile::tempdir().expect("create folder");
        let outside = tempfile::tempdir().expect("create folder");
        fs::write(outside.path().join("secret.md"), "x").expect("write file");
        for (name, content) in [
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
            fs::create_dir_all(path.parent().expect("parent folder")).expect("create folder");
            fs::write(path, content).expect("write file");
        }
        for (target, name) in [("", "all"), ("secret.md", "one.md")] {
            let target = outside.path().join(target);
            std::os::unix::fs::symlink(target, folder.path().join(name)).expect("create link");
        }
        let base_url = Url::parse("https://x.example/").ok();
        let path = folder.path().to_owned();
        let clean_urls = false;
        let listing = FolderSource {
            path,
            base_url,
            clean_urls,
        }
        .list_files();
        let names: Vec<_> = listing
            .files
            .iter()
            .map(|file| &*file.relative_path)
            .collect();
        assert_eq!(names, ["a.TXT", "b.md", "index.md", "sub/c.htm"]);
        assert_eq!(listing.warnings.len(), 1, "{:?}", listing.warnings);
        assert!(listing.warnings[0].starts_with("README.md: "));
    }
}
