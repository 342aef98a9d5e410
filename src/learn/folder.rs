//! A folder of files, or one file, as a source.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;
use walkdir::{DirEntry, WalkDir};

use super::folder_links::{FolderLinks, FolderPage, is_readme};
use super::front_matter::FrontMatter;
use super::raw_document::name_from_path;
use super::{Format, RawDocument, SkippedItem, SourceError, decode, front_matter};

/// The size of a file that is read.
const MAX_FILE_BYTES: u64 = 2_000_000;
/// The part of a file that contains its front matter.
const MAX_HEAD_BYTES: u64 = 128 << 10;
/// Files of text that some authors expect to be learned.
const UNSUPPORTED_EXTENSIONS: &str =
    "pdf doc docx odt rtf ppt pptx odp xls xlsx ods epub org textile wiki ipynb tex pages";

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
#[derive(Debug, Default)]
pub struct FolderListing {
    pub files: Vec<SourceFile>,
    /// The files and folders that are not learned.
    pub skipped: Vec<SkippedItem>,
    /// Remarks about files that are learned.
    pub warnings: Vec<SkippedItem>,
    /// A part of the folder that could not be read.
    pub failure: Option<SkippedItem>,
}

/// A file of a supported format.
#[derive(Debug, Clone)]
pub struct SourceFile {
    location: PathBuf,
    format: Format,
    page: FolderPage,
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

    /// Lists the files of a supported format that are published, sorted by name. Hidden
    /// files, `node_modules` and `target` are left out. Symbolic links are not followed, so
    /// that no file outside the folder is read.
    pub fn list_files(&self) -> FolderListing {
        let mut listing = FolderListing::default();
        let mut found = Vec::new();
        let mut walk = WalkDir::new(&self.path).sort_by_file_name().into_iter();
        while let Some(entry) = walk.next() {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {
                    if let Some(reason) = excluded_folder(&entry) {
                        walk.skip_current_dir();
                        listing.skip(reason.map(|reason| (self.path_within(&entry), reason)));
                    }
                }
                Ok(entry) if entry.file_type().is_file() => {
                    found.extend(self.found_file(&entry, &mut listing));
                }
                Ok(_) => {}
                Err(error) => {
                    let path = error.path().unwrap_or(&self.path).display();
                    let item = SkippedItem::new(path.to_string(), error.to_string());
                    listing.failure.get_or_insert_with(|| item.clone());
                    listing.skipped.push(item);
                }
            }
        }
        listing.files = self.source_files(found, &mut listing.warnings);
        listing.remove_duplicate_urls();
        listing
    }

    /// The path within the folder, separated by `/`.
    fn path_within(&self, entry: &DirEntry) -> String {
        let within = entry.path().strip_prefix(&self.path);
        let within = within.unwrap_or(entry.path());
        let names: Vec<_> = match entry.depth() {
            0 => vec![entry.file_name().to_string_lossy()],
            _ => within.iter().map(|name| name.to_string_lossy()).collect(),
        };
        names.join("/")
    }

    /// A file of a supported format, unless it is excluded.
    fn found_file(&self, entry: &DirEntry, listing: &mut FolderListing) -> Option<FoundFile> {
        let path = self.path_within(entry);
        let name = entry.file_name().to_string_lossy();
        if entry.depth() > 0 && name.starts_with('.') {
            return None;
        }
        let extension = entry.path().extension().unwrap_or_default();
        let extension = extension.to_string_lossy().to_ascii_lowercase();
        let Some(format) = format_of(&extension) else {
            let is_text = UNSUPPORTED_EXTENSIONS
                .split(' ')
                .any(|each| each == extension);
            let reason = || format!("parlor does not read .{extension} files");
            listing.skip(is_text.then(|| (path, reason())));
            return None;
        };
        let (front_matter, exclusion) = inspect(entry.path(), format);
        let exclusion = excluded_file(&name).or(exclusion);
        if let Some(reason) = exclusion {
            listing.skip(Some((path, reason)));
            return None;
        }
        Some(FoundFile {
            location: entry.path().to_owned(),
            format,
            path,
            front_matter,
        })
    }

    /// The files with their addresses.
    fn source_files(
        &self,
        found: Vec<FoundFile>,
        warnings: &mut Vec<SkippedItem>,
    ) -> Vec<SourceFile> {
        let mut links = FolderLinks {
            base_url: self.base_url.clone(),
            clean_urls: self.clean_urls,
            exceptions: BTreeMap::new(),
        };
        for FoundFile {
            path, front_matter, ..
        } in &found
        {
            let problem = front_matter.problem.iter();
            warnings.extend(problem.map(|problem| SkippedItem::new(path, problem)));
            let Some(address) = &front_matter.address else {
                continue;
            };
            match links.url_from_front_matter(path, address) {
                Ok(url) => links.exceptions.extend(url.map(|url| (path.clone(), url))),
                Err(reason) => warnings.push(SkippedItem::new(path, reason)),
            }
        }
        let links = Arc::new(links);
        let files = found.into_iter().map(|file| SourceFile {
            location: file.location,
            format: file.format,
            url: links.url_of(&file.path),
            page: FolderPage {
                links: links.clone(),
                path: file.path,
            },
        });
        files.collect()
    }
}

/// A file before the addresses of all files are known.
struct FoundFile {
    location: PathBuf,
    format: Format,
    path: String,
    front_matter: FrontMatter,
}

/// Whether a folder is left out; inside, why, unless nobody expects it to be learned.
fn excluded_folder(entry: &DirEntry) -> Option<Option<String>> {
    let name = entry.file_name().to_string_lossy();
    if entry.depth() == 0 {
        return None;
    }
    let reason = match &*name {
        "node_modules" | "target" | "_data" | "_static" => None,
        "_drafts" => Some("it has drafts"),
        "_sources" => Some("it has the sources from which Sphinx made the pages"),
        "_includes" | "_layouts" | "_partials" => Some("it has parts of other pages"),
        name if name.starts_with('.') => None,
        _ => return None,
    };
    Some(reason.map(str::to_owned))
}

fn excluded_file(name: &str) -> Option<String> {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let is_markdown = format_of(extension).is_some_and(Format::is_markdown);
    let reason = match stem {
        "SUMMARY" | "_sidebar" | "_navbar" | "_toc" if is_markdown => "it is a table of contents",
        "genindex" | "py-modindex" => "it is an index of words",
        "404" => "it is shown for pages that do not exist",
        "_index" => return None,
        _ if is_markdown && stem.starts_with('_') => "it is a part of other pages",
        _ => return None,
    };
    Some(reason.to_owned())
}

/// The front matter of a file, and why the file is not learned.
fn inspect(path: &Path, format: Format) -> (FrontMatter, Option<String>) {
    let mut head = Vec::new();
    // A file that cannot be opened is reported when it is read.
    if let Ok(file) = fs::File::open(path) {
        let _ = file.take(MAX_HEAD_BYTES).read_to_end(&mut head);
    }
    if let Some(binary) = decode::binary_format(&head) {
        return (FrontMatter::default(), Some(format!("it is {binary}")));
    }
    if !format.has_front_matter() {
        return (FrontMatter::default(), None);
    }
    let text = decode::decode(&head, None, format);
    let (mut front_matter, _) = front_matter::split(&text);
    let exclusion = front_matter.exclusion.take();
    let reason = exclusion.map(|line| format!("its front matter has {line}"));
    (front_matter, reason)
}

fn format_of(extension: &str) -> Option<Format> {
    match extension.to_ascii_lowercase().as_str() {
        "md" | "markdown" | "mdown" => Some(Format::Markdown),
        "mdx" => Some(Format::Mdx),
        "rst" => Some(Format::RestructuredText),
        "adoc" | "asciidoc" => Some(Format::AsciiDoc),
        "html" | "htm" => Some(Format::Html),
        "txt" => Some(Format::Text),
        _ => None,
    }
}

impl FolderListing {
    fn skip(&mut self, item: Option<(String, String)>) {
        let item = item.map(|(item, reason)| SkippedItem { item, reason });
        self.skipped.extend(item);
    }

    /// Keeps the first file of each address; an index precedes a README.
    fn remove_duplicate_urls(&mut self) {
        self.files.sort_by_key(|file| {
            let name = file.page.path.rsplit('/').next().unwrap_or_default();
            is_readme(name)
        });
        let mut urls = HashSet::new();
        let skipped = &mut self.skipped;
        self.files.retain(|file| {
            let is_first = urls.insert(file.url.clone());
            if !is_first {
                let reason = format!("passed over, another file has its address {}", file.url);
                skipped.push(SkippedItem::new(&file.page.path, reason));
            }
            is_first
        });
    }
}

impl SourceFile {
    /// Reads the file.
    ///
    /// # Errors
    /// The file cannot be read or is too large.
    pub fn read(&self) -> Result<RawDocument, SkippedItem> {
        let bytes = self.read_bytes();
        let bytes = bytes.map_err(|reason| SkippedItem::new(&self.page.path, reason))?;
        Ok(RawDocument {
            url: self.url.clone(),
            name: name_from_path(&self.page.path),
            format: self.format,
            charset: None,
            bytes,
            folder: Some(self.page.clone()),
        })
    }

    fn read_bytes(&self) -> Result<Vec<u8>, String> {
        let metadata = fs::metadata(&self.location).map_err(|error| error.to_string())?;
        if metadata.len() > MAX_FILE_BYTES {
            return Err(format!(
                "it has more than {} MB",
                MAX_FILE_BYTES / 1_000_000
            ));
        }
        fs::read(&self.location).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let names: Vec<_> = listing.files.iter().map(|file| &*file.page.path).collect();
        assert_eq!(names, ["a.TXT", "b.md", "index.md", "sub/c.htm"]);
        assert_eq!(listing.skipped.len(), 1, "{:?}", listing.skipped);
        assert_eq!(listing.skipped[0].item, "README.md");
    }
}
