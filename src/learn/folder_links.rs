//! The addresses of the files of a folder, and links between the files.

use std::collections::BTreeMap;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use url::Url;

use super::file_names::{jekyll_post, without_number};
use super::front_matter::{AddressKey, PageAddress};
use super::links;
use crate::domain::without_userinfo;

/// How the paths within a folder become addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderLinks {
    /// The address of the folder on the web.
    pub base_url: Option<Url>,
    /// Whether the addresses on the web have no file extension.
    pub clean_urls: bool,
    /// The addresses of files whose front matter sets the address, by path.
    pub exceptions: BTreeMap<String, String>,
}

/// A file of a folder.
#[derive(Debug, Clone)]
pub struct FolderPage {
    pub links: Arc<FolderLinks>,
    /// The path within the folder, separated by `/`.
    pub path: String,
}

impl FolderLinks {
    /// The address of a file: of the address of its folder, if the file is an index.
    pub fn url_of(&self, path: &str) -> String {
        if let Some(url) = self.exceptions.get(path) {
            return url.clone();
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let page;
        if let Some((folder, title)) = jekyll_post(folder, stem) {
            let ending = if self.clean_urls { "" } else { ".html" };
            let url = self.join(&folder, &format!("{title}{ending}"));
            return url.map_or_else(|| format!("file:{path}"), Into::into);
        }
        let name = match extension {
            _ if is_index(name) || is_readme(name) => "",
            _ if self.has_ordered_names(name) => without_number(stem),
            _ if self.clean_urls => stem,
            // Sphinx and Asciidoctor make pages with this extension.
            "rst" | "adoc" | "asciidoc" => {
                page = format!("{stem}.html");
                &page
            }
            _ => name,
        };
        match self.join(&self.page_folder(folder), name) {
            Some(url) => url.into(),
            None => format!("file:{path}"),
        }
    }

    /// Whether the names of a file and its folders can have numbers that are not in the
    /// address, as in Docusaurus.
    fn has_ordered_names(&self, name: &str) -> bool {
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        self.clean_urls && matches!(extension, "md" | "mdx" | "markdown")
    }

    /// The folder of the address of a page.
    fn page_folder(&self, folder: &str) -> String {
        if !self.clean_urls {
            return folder.to_owned();
        }
        let names: Vec<_> = folder.split('/').map(without_number).collect();
        names.join("/")
    }

    /// The address of the file itself, which its relative links refer to.
    pub fn source_url(&self, path: &str) -> Option<Url> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.join(folder, name)
    }

    fn join(&self, folder: &str, name: &str) -> Option<Url> {
        let mut url = self.base_url.clone()?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            segments.extend(folder.split('/').filter(|segment| !segment.is_empty()));
            segments.push(name);
        }
        Some(url)
    }

    /// The address that the front matter of the file sets. `Ok(None)` if the folder has no
    /// address on the web.
    ///
    /// # Errors
    /// Why the address is ignored.
    pub fn url_from_front_matter(
        &self,
        path: &str,
        address: &PageAddress,
    ) -> Result<Option<String>, String> {
        let Some(base_url) = &self.base_url else {
            return Ok(None);
        };
        let value = &address.value;
        let ignored = |reason: &str| format!("the address {value} is ignored: {reason}");
        if has_placeholder(value) {
            return Err(ignored("it has a placeholder"));
        }
        let url = self.resolve_address(base_url, path, address);
        let mut url = url.ok_or_else(|| ignored("it is no path"))?;
        url.set_query(None);
        url.set_fragment(None);
        if !links::same_site(&url, base_url) || !links::has_link_scheme(&url) {
            return Err(ignored("it is on another website"));
        }
        Ok(Some(without_userinfo(url).into()))
    }

    fn resolve_address(&self, base_url: &Url, path: &str, address: &PageAddress) -> Option<Url> {
        let value = address.value.as_str();
        let is_absolute = value.contains("://") || value.starts_with("//");
        if is_absolute || address.key == AddressKey::Path && value.starts_with('/') {
            return base_url.join(value).ok();
        }
        if let Some(rest) = value.strip_prefix('/') {
            // Below the address of the folder, which the value may contain already.
            let base_path = base_url.path().trim_end_matches('/');
            let is_whole = !base_path.is_empty() && value.starts_with(&format!("{base_path}/"));
            let rest = if is_whole {
                &value[base_path.len() + 1..]
            } else {
                rest
            };
            return self.join("", "")?.join(&format!("./{rest}")).ok();
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = || folder.rsplit_once('/').map_or("", |(parent, _)| parent);
        let folder = match address.key {
            AddressKey::Path => "",
            AddressKey::Slug if is_index(name) || is_readme(name) => parent(),
            AddressKey::Slug => folder,
        };
        let folder = self.page_folder(folder);
        self.join(&folder, "")?.join(&format!("./{value}")).ok()
    }

    /// The address of the page that an address of a file stands for. Addresses outside of
    /// the folder and those of other files are unchanged.
    pub fn page_url(&self, mut url: Url) -> Url {
        let page = || Url::parse(&self.page_of(&self.path_of(&url)?)?).ok();
        let Some(page) = page() else {
            return url;
        };
        if self
            .exceptions
            .values()
            .any(|page| *page == without_fragment(&url))
        {
            return url;
        }
        url.set_path(page.path());
        url
    }

    /// The address of the page at `path`, if it is a page.
    fn page_of(&self, path: &str) -> Option<String> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let extension = name.rsplit_once('.')?.1.to_ascii_lowercase();
        let is_page = PAGE_EXTENSIONS.contains(&&*extension);
        is_page.then(|| self.url_of(path))
    }

    /// The path within the folder that an address has.
    fn path_of(&self, url: &Url) -> Option<String> {
        let base_url = self.base_url.as_ref()?;
        if !links::same_site(url, base_url) {
            return None;
        }
        let base_path = base_url.path().trim_end_matches('/');
        let path = url.path().strip_prefix(base_path)?.strip_prefix('/')?;
        let path = percent_decode_str(path).decode_utf8().ok()?;
        Some(path.into_owned())
    }
}

impl FolderPage {
    /// Part of the hash of a document: what its links depend on.
    pub fn fingerprint(&self) -> String {
        format!("{:?} {}", self.links, self.path)
    }
}

fn without_fragment(url: &Url) -> String {
    let end = url.as_str().find(['#', '?']);
    url.as_str()[..end.unwrap_or(url.as_str().len())].to_owned()
}

/// The extensions of files that are pages.
pub const PAGE_EXTENSIONS: [&str; 9] = [
    "md", "markdown", "mdx", "rst", "adoc", "asciidoc", "html", "htm", "mdown",
];

fn has_placeholder(address: &str) -> bool {
    let is_placeholder = |segment: &str| segment.starts_with(':');
    address.contains('\\')
        || address.contains("{{")
        || address.contains("{%")
        || address.split('/').any(is_placeholder)
}

/// Whether a web server delivers the file at the address of its folder.
fn is_index(name: &str) -> bool {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    matches!(stem, "index" | "_index") && PAGE_EXTENSIONS.contains(&extension)
}

pub fn is_readme(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
    stem == "readme" && PAGE_EXTENSIONS.contains(&extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(base_url: &str, clean_urls: bool) -> FolderLinks {
        FolderLinks {
            base_url: Url::parse(base_url).ok(),
            clean_urls,
            exceptions: BTreeMap::new(),
        }
    }

    #[test]
    fn url_is_base_url_and_path() {
        for (relative, url) in [
            ("guide.md", "https://x.example/help/guide.md"),
            ("a b/ä.html", "https://x.example/help/a%20b/%C3%A4.html"),
            ("index.md", "https://x.example/help/"),
            ("_index.md", "https://x.example/help/"),
            ("sub/README.md", "https://x.example/help/sub/"),
            ("sub/index.mdx", "https://x.example/help/sub/"),
            ("a.rst", "https://x.example/help/a.html"),
            ("sub/what?.md", "https://x.example/help/sub/what%3F.md"),
        ] {
            for base_url in ["https://x.example/help/", "https://x.example/help"] {
                assert_eq!(links(base_url, false).url_of(relative), url);
            }
        }
        for (relative, url) in [
            ("v1.2/a.b.md", "v1.2/a.b"),
            ("02-guide/01-intro.md", "guide/intro"),
            ("02-guide/index.md", "guide/"),
            ("_posts/2024-01-31-new-prices.md", "2024/01/31/new-prices"),
        ] {
            let clean = links("https://x.example/", true).url_of(relative);
            assert_eq!(clean, format!("https://x.example/{url}"));
        }
        let plain = |path| links("https://x.example/", false).url_of(path);
        assert_eq!(plain("01-a.md"), "https://x.example/01-a.md");
        let post = plain("news/_posts/2024-01-31-new.md");
        assert_eq!(post, "https://x.example/news/2024/01/31/new.html");
    }

    #[test]
    fn url_without_base_url_is_the_relative_path() {
        assert_eq!(links("", true).url_of("sub/index.md"), "file:sub/index.md");
    }

    #[test]
    fn front_matter_sets_an_address_of_the_website() {
        let links = links("https://x.example/help/", false);
        let url = |path: &str, key, value: &str| {
            let value = value.to_owned();
            links.url_from_front_matter(path, &PageAddress { key, value })
        };
        for (path, key, value, expected) in [
            ("a/b.md", AddressKey::Path, "/help/c/", "/help/c/"),
            ("a/b.md", AddressKey::Path, "/c", "/c"),
            ("a/b.md", AddressKey::Path, "c/d.html", "/help/c/d.html"),
            ("a/b.md", AddressKey::Slug, "c", "/help/a/c"),
            ("a/index.md", AddressKey::Slug, "c", "/help/c"),
            ("a/b.md", AddressKey::Slug, "/c", "/help/c"),
            ("a/b.md", AddressKey::Slug, "/help/c", "/help/c"),
            ("a/b.md", AddressKey::Slug, "/", "/help/"),
            ("a/b.md", AddressKey::Path, "https://x.example/c?d#e", "/c"),
        ] {
            let expected = format!("https://x.example{expected}");
            assert_eq!(url(path, key, value), Ok(Some(expected)), "{value}");
        }
        for value in [
            "https://other.example/x",
            "//other.example/x",
            "\\\\other.example/x",
            "/:year/:title/",
            "/{{ page.x }}/",
            "javascript://x.example/a",
        ] {
            for key in [AddressKey::Path, AddressKey::Slug] {
                assert!(url("a.md", key, value).is_err(), "{value}");
            }
        }
    }

    #[test]
    fn addresses_of_files_become_those_of_pages() {
        let mut links = links("https://x.example/help/", true);
        let slug = ("old.md".to_owned(), "https://x.example/help/new".to_owned());
        links.exceptions.extend([slug]);
        for (file, page) in [
            ("/help/a.md", "/help/a"),
            ("/help/a.mdx?b#c", "/help/a?b#c"),
            ("/help/s/README.md#c", "/help/s/#c"),
            ("/help/old.md#c", "/help/new#c"),
            ("/help/a%20b.html", "/help/a%20b"),
            ("/help/a.pdf", "/help/a.pdf"),
            ("/help/a/", "/help/a/"),
            ("/other/a.md", "/other/a.md"),
        ] {
            let url = |path: &str| Url::parse(&format!("https://x.example{path}")).expect("url");
            assert_eq!(links.page_url(url(file)), url(page));
        }
        let other = Url::parse("https://other.example/help/a.md").expect("url");
        assert_eq!(links.page_url(other.clone()), other);
    }
}
