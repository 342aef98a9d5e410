//! `parlor learn` with the Markdown and texts of generators of websites.

use rusqlite::Connection;

use crate::setup::Workspace;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/learn/cases/markdown");

/// Learns `cases/markdown` for a website with clean URLs. Returns the database and the
/// lines about skipped files.
fn learn_cases() -> (Workspace, String) {
    let workspace = Workspace::new();
    let address = ["--base-url", "https://shop.example/help/", "--clean-urls"];
    let (_, stderr) = workspace.run_ok(&[&["learn", CASES], &address[..]].concat());
    (workspace, stderr)
}

/// The title, and the passages with their headings, of a file of `cases/markdown`.
#[track_caller]
fn learned(name: &str) -> (String, String) {
    let (workspace, _) = learn_cases();
    page(&workspace, &format!("https://shop.example/help/{name}"))
}

#[track_caller]
fn page(workspace: &Workspace, url: &str) -> (String, String) {
    let database = Connection::open(workspace.path().join("parlor.db")).expect("open database");
    let sql = "SELECT d.title, p.heading || ': ' || p.body FROM document d
               JOIN passage p ON p.document_seq = d.seq WHERE d.url = ? ORDER BY p.seq";
    let mut statement = database.prepare(sql).expect("prepare");
    let rows = statement.query_map([url], |row| Ok((row.get(0)?, row.get(1)?)));
    let rows: Vec<(String, String)> = rows
        .expect("query")
        .collect::<Result<_, _>>()
        .expect("rows");
    let passages: Vec<_> = rows.iter().map(|(_, passage)| &**passage).collect();
    let title = rows.first().unwrap_or_else(|| panic!("no page {url}"));
    (title.0.clone(), passages.join("\n\n"))
}

#[test]
fn draft_is_skipped_with_a_line() {
    let (workspace, stderr) = learn_cases();
    assert!(
        stderr.contains("draft.md: its front matter has draft: true"),
        "{stderr}"
    );
    let urls = workspace.urls();
    assert!(!urls.iter().any(|url| url.contains("draft")), "{urls:?}");
    assert_eq!(urls.len(), 9, "{urls:?}");
}

#[test]
fn admonitions_and_tabs_keep_their_texts() {
    let (title, text) = learned("gfm");
    assert_eq!(title, "Admonitions");
    for kept in [
        "Opened cosmetics cannot be returned.",
        "**Mind the date**\n\nReturns after 30 days are refused.",
        "**Note well**\n\nThe refund takes five days",
        "**Linux**\n\nRun the installer",
        "**Windows**\n\nOpen the MSI",
        "Collapsed?: This is the collapsed answer about umbrellas.",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    for mark in ["[!", ":::", "!!!", "===", "???", "    "] {
        assert!(!text.contains(mark), "{mark}: {text}");
    }
}

#[test]
fn tags_of_gitbook_and_jekyll_are_removed() {
    let (_, text) = learned("gitbook");
    assert!(
        text.contains("You can change the plan at any time."),
        "{text}"
    );
    assert!(
        text.contains("**Monthly**\n\nPaid on the first day"),
        "{text}"
    );
    assert!(text.contains("(https://shop.example/help/plans)"), "{text}");
    assert!(!text.contains("{%"), "{text}");
    let (title, text) = learned("jekyll");
    assert_eq!(title, "Refunds");
    assert!(
        text.contains("for a refund of your order.\n\n{{ literal }}"),
        "{text}"
    );
    for mark in ["{%", "{:", "site.email", "TOC", "Mara"] {
        assert!(!text.contains(mark), "{mark}: {text}");
    }
}

#[test]
fn components_of_mdx_are_removed() {
    let (title, text) = learned("quickstart");
    assert_eq!(title, "Quickstart");
    for kept in [
        "Keys are shown only once, so copy them.",
        "**[Webhooks](https://shop.example/docs/webhooks)**",
        "**npm**\n\nRun `npm install tern`.",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    for mark in ["import", "export", "<", "{", "comment"] {
        assert!(!text.contains(mark), "{mark}: {text}");
    }
}

#[test]
fn front_matter_is_parsed_as_toml_and_yaml() {
    for (name, title) in [
        ("toml", "Shipping"),
        ("yaml-folded", "Shipping to the north"),
    ] {
        let (found, text) = learned(name);
        assert_eq!(found, title);
        assert_eq!(text, ": Parcels to Norway take four working days.");
    }
}

#[test]
fn links_follow_the_rule_of_the_addresses() {
    let (_, text) = learned("links");
    for (label, url) in [
        ("shipping", "https://shop.example/help/shipping"),
        ("returns", "https://shop.example/help/returns#gifts"),
        ("folder", "https://shop.example/faq/"),
        ("index", "https://shop.example/help/sub/"),
        ("readme", "https://shop.example/help/sub/"),
        ("abs", "https://shop.example/contact.md"),
        ("mdx", "https://shop.example/help/guide"),
        ("ref", "https://shop.example/help/shipping"),
        ("paren", "https://en.wikipedia.org/wiki/Tern_%28bird%29"),
    ] {
        let link = format!("[{label}]({url})");
        assert!(text.contains(&link), "{link}: {text}");
    }
    for kept in [
        "Wiki page, Wiki label, chart,",
        "footnote (The footnote has the actual limit of 20 kg)",
        "<https://x.example/a_(b)>",
        "**Term**: Definition list text.",
        "H2O and 10th and marked.",
        "Price ~~15 €~~ 12 €.",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
}

#[test]
fn html_within_markdown_is_converted_as_pages_are() {
    let (_, text) = learned("htmlin");
    for kept in [
        "Norway | 4",
        "How long?",
        "Four **working** days",
        "Inner *markdown* in a div.",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    assert!(!text.contains('<') && !text.contains("hidden"), "{text}");
}

#[test]
fn encoding_of_a_text_is_recognized() {
    let (title, text) = learned("latin1");
    assert_eq!(title, "Café opening hours");
    assert_eq!(text, ": The café opens at nine, the price is 5 €.");
}

#[test]
fn front_matter_sets_addresses_and_descriptions() {
    let workspace = Workspace::new();
    let text = "A text that is long enough for a passage of its own.\n";
    for (name, front_matter) in [
        ("a.md", "slug: first\ndescription: About *a*"),
        ("b.md", "permalink: /b.html\ntitle: See: [b"),
        ("c.md", "url: https://other.example/c"),
        ("d.md", "permalink: /:year/:title/"),
        ("_drafts/e.md", "title: e"),
        ("_index.md", "published: true"),
    ] {
        let link = "See [a](a.md#x) and [b](/help/b.md).";
        workspace.write(
            &format!("help/{name}"),
            format!("---\n{front_matter}\n---\n{text}{link}\n"),
        );
    }
    workspace.write("help/_sources/f.md.txt", text);
    workspace.write("help/g.md", b"%PDF-1.7 \0\0\0");
    let base_url = "https://shop.example/help/";
    let (_, stderr) = workspace.run_ok(&["learn", "help", "--base-url", base_url]);
    assert_eq!(
        workspace.urls(),
        [
            "https://shop.example/b.html",
            "https://shop.example/help/",
            "https://shop.example/help/c.md",
            "https://shop.example/help/d.md",
            "https://shop.example/help/first",
        ]
    );
    for line in [
        "b.md: its front matter cannot be read",
        "c.md: the address https://other.example/c is ignored",
        "d.md: the address /:year/:title/ is ignored",
        "_drafts: it has drafts",
        "_sources: it has the sources",
        "g.md: it is a PDF file",
    ] {
        assert!(stderr.contains(line), "{line}: {stderr}");
    }
    let database = Connection::open(workspace.path().join("parlor.db")).expect("open database");
    let sql = "SELECT description FROM document WHERE url LIKE '%/first'";
    let description: String = database
        .query_one(sql, [], |row| row.get(0))
        .expect("description");
    assert_eq!(description, "About *a*");
    let (_, text) = page(&workspace, "https://shop.example/help/c.md");
    let links = "[a](https://shop.example/help/first#x) and [b](https://shop.example/b.html)";
    assert!(text.contains(links), "{text}");
}

#[test]
fn restructured_text_and_asciidoc_are_learned() {
    let workspace = Workspace::new();
    workspace.write(
        "help/returns.rst",
        "Returns\n=======\n\n.. note::\n   Opened cosmetics cannot be returned, see :doc:`prices`.\n\n\
         .. code-block:: sh\n\n   parlor --help\n",
    );
    workspace.write(
        "help/prices.adoc",
        "= Prices\n:description: What we charge\n:fee: 5 euro\n\nNOTE: The fee is {fee}, see xref:returns.rst[returns].\n",
    );
    let base_url = ["--base-url", "https://shop.example/help/"];
    workspace.run_ok(&[&["learn", "help"], &base_url[..]].concat());
    let (title, text) = page(&workspace, "https://shop.example/help/returns.html");
    assert_eq!(title, "Returns");
    assert!(
        text.contains("Opened cosmetics cannot be returned, see"),
        "{text}"
    );
    assert!(text.contains("```sh\nparlor --help\n```"), "{text}");
    let (title, text) = page(&workspace, "https://shop.example/help/prices.html");
    assert_eq!(title, "Prices");
    let link = "The fee is 5 euro, see [returns](https://shop.example/help/returns.html).";
    assert!(text.contains(link), "{text}");
}
