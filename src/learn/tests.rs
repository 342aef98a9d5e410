//! Conversion of well-formed pages and files; malformed ones are in `malformed`.

mod hostile;
mod malformed;

use super::raw_document::name_from_path;
use super::*;
use crate::domain::{Document, Section};

fn raw_document(format: Format, bytes: &[u8]) -> RawDocument {
    RawDocument {
        url: "https://shop.example/help/page".to_owned(),
        name: "page".to_owned(),
        format,
        charset: None,
        bytes: bytes.to_vec(),
        folder: None,
    }
}

#[track_caller]
fn document(format: Format, text: &str) -> Document {
    match raw_document(format, text.as_bytes()).convert() {
        Conversion::Document(document) => document,
        Conversion::NoIndex => panic!("noindex"),
    }
}

fn headings(document: &Document) -> Vec<&str> {
    let sections = document.sections.iter();
    sections.map(|section| section.heading.as_str()).collect()
}

/// Long enough to stand alone.
const SENTENCE: &str = "This sentence is long enough to stand as a passage alone.";

#[test]
fn markdown_is_split_at_headings() {
    let text = format!(
        "{SENTENCE}\n\n# Help\n\n{SENTENCE}\n\n## Delivery\n\n{SENTENCE}\n\n### By *air* `now`\n\n\
         {SENTENCE}\n\nReturns\n-------\n\n{SENTENCE}\n\n```sh\n# not a heading\n```\n"
    );
    let document = document(Format::Markdown, &text);
    assert_eq!(document.title, "Help");
    assert_eq!(
        headings(&document),
        ["", "", "Delivery", "Delivery › By air now", "Returns"]
    );
    let last = &document.sections[4].body;
    assert_eq!(last, &format!("{SENTENCE}\n\n```sh\n# not a heading\n```"));
}

#[test]
fn front_matter_sets_the_title_and_is_removed() {
    let text = format!("---\nlayout: x\ntitle: \"Prices: all\"\n---\n# Head\n\n{SENTENCE}");
    let one = document(Format::Markdown, &text);
    assert_eq!(one.title, "Prices: all");
    assert_eq!(headings(&one), ["Head"]);
    assert_eq!(one.sections[0].body, SENTENCE);
    let rule = document(Format::Markdown, &format!("---\ntitle: x\n\n{SENTENCE}"));
    assert_eq!(rule.title, "page");
}

#[test]
fn links_become_absolute_and_pictures_become_their_text() {
    let text = "See [*the* guide](../guide.md#top \"t\"), [here](#x), [ref][r], [empty](), \
                <https://a.example/>, ![a ship](ship.png) and \
                [![badge](b.svg)](https://ci.example/(x)).\n\n[r]: /ref\n";
    let one = document(Format::Markdown, text);
    assert_eq!(
        one.sections[0].body,
        "See [*the* guide](https://shop.example/guide.md#top), here, \
         [ref](https://shop.example/ref), empty, <https://a.example/>, a ship and \
         [badge](https://ci.example/%28x%29)."
    );
    let mut file = raw_document(Format::Markdown, text.as_bytes());
    file.url = "file:help/page.md".to_owned();
    let Conversion::Document(file) = file.convert() else {
        panic!("noindex")
    };
    assert!(
        file.sections[0]
            .body
            .starts_with("See *the* guide, here, ref,")
    );
}

#[test]
fn preformatted_text_without_code_becomes_a_code_block() {
    for pre in [
        "<pre>a &lt;b&gt;\n  # c</pre>",
        "<pre><span>a</span> &lt;b&gt;\n  # c</pre>",
        "<pre>a <code>&lt;b&gt;</code>\n  # c</pre>",
    ] {
        let one = document(Format::Html, pre);
        assert_eq!(one.sections[0].body, "```\na <b>\n  # c\n```", "{pre}");
    }
}

#[test]
fn html_blocks_in_markdown_are_converted() {
    let text = format!("<!-- x --><div align=\"center\"><h1>Name</h1></div>\n\n{SENTENCE}\n");
    let one = document(Format::Markdown, &text);
    assert_eq!((one.title.as_str(), one.sections.len()), ("Name", 1));
    assert_eq!(one.sections[0].body, SENTENCE);
}

#[test]
fn short_sections_are_merged_and_keep_their_headings() {
    let text = format!(
        "# Shop\n\nHi.\n\n## Hours\n\n9–17\n\n## Address\n\n{SENTENCE}\n\n## Phone\n\n+1 234\n"
    );
    let one = document(Format::Markdown, &text);
    assert_eq!(headings(&one), ["Address"]);
    assert_eq!(
        one.sections[0].body,
        format!("Hi.\n\n**Hours**\n\n9–17\n\n{SENTENCE}\n\n**Phone**\n\n+1 234")
    );
    let only = document(Format::Markdown, "# Gone\n");
    assert_eq!(only.title, "Gone");
    assert!(only.sections.is_empty());
    let one = document(Format::Markdown, "x");
    assert_eq!(one.sections[0].body, "x");
}

#[test]
fn long_sections_are_split_between_blocks_rows_lines_and_sentences() {
    let row = "| some cell of a table | and another of it |\n";
    let table = format!("| a | b |\n|---|---|\n{}", row.repeat(200));
    let code = format!(
        "```rust\n{}```\n",
        "let some_line = of_code();\n".repeat(200)
    );
    // An opening line that is not repeated, because it would fill each section.
    let long_opening = format!("```{}\n{}```\n", "x".repeat(2000), "line\n".repeat(2000));
    let one = document(Format::Markdown, &long_opening);
    let lengths = one.sections.iter().map(|section| section.body.len());
    assert!(lengths.sum::<usize>() < 2 * long_opening.len());
    let prose = format!("{SENTENCE} ").repeat(100);
    let list = format!("- {SENTENCE}\n").repeat(100);
    let word = "x".repeat(5000);
    for text in [&table, &code, &prose, &list, &word] {
        let one = document(Format::Markdown, &format!("# T\n\n## H\n\n{text}"));
        assert!(one.sections.len() > 2, "{}", &text[..40]);
        for Section { heading, body } in &one.sections {
            assert_eq!(heading, "H");
            let length = body.chars().count();
            assert!((20..1600).contains(&length), "{length}: {body}");
            let first_line = &body[..body.find('\n').unwrap_or(body.len())];
            match &text[..1] {
                "|" => assert_eq!(first_line, "| a | b |"),
                "`" => assert!(first_line == "```rust" && body.ends_with("\n```"), "{body}"),
                "T" => assert!(
                    body.starts_with("This") && body.ends_with("alone."),
                    "{body}"
                ),
                _ => {}
            }
        }
    }
}

#[test]
fn first_line_of_plain_text_is_the_title() {
    let text = format!("Opening hours\r\n\r\n{SENTENCE}\r\n# no heading\0");
    let one = document(Format::Text, &text);
    assert_eq!(one.title, "Opening hours");
    assert_eq!(one.sections[0].body, format!("{SENTENCE}\n# no heading"));
}

const PAGE: &str = r##"<!doctype html><html><head><title>Delivery &amp; more | Shop</title>
    <style>p { color: red }</style></head><body>
    <header>Logo <nav><a href="/">Home</a></nav></header>
    <div style="display: none">hidden</div>
    <main><article>
      <header><h1>Delivery<a class="anchor" href="#delivery">¶</a></h1></header>
      <p>Within <b>two</b> days, see <a href="../terms?a=1#x" title="t">our terms</a> or
         <a href="#below">below</a><a href="/p"><img src=x></a>, <a href="javascript:x()">or not</a>.</p>
      <script>let x = "</p>";</script><svg><title>icon</title><text>no</text></svg>
      <h2>By country</h2>
      <table><tr><th>To</th><th>Days</th></tr><tr><td>Norway</td><td>3</td></tr></table>
      <ul><li>One</li><li>Two <ul><li>Deeper</li></ul></li></ul>
      <pre><code class="language-sh">curl -s
# x</code></pre>
      <form><label>Mail</label><input name="x"></form>
      <aside>Buy this</aside><p hidden>gone</p><img src="x.png" alt="alt">
      <a href="/card"><h3>A card</h3><p>With a text that is long enough to stand alone.</p></a>
    </article></main><footer>© Shop</footer></body></html>"##;

#[test]
fn only_the_main_element_of_a_page_is_converted() {
    let one = document(Format::Html, PAGE);
    assert_eq!(one.title, "Delivery");
    assert_eq!(headings(&one), ["", "By country", "By country › A card"]);
    assert_eq!(
        one.sections[0].body,
        "Within **two** days, see [our terms](https://shop.example/terms?a=1#x) or below, or not."
    );
    let table = &one.sections[1].body;
    assert!(table.contains("| Norway | 3 |"), "{table}");
    assert!(table.contains("- One\n- Two\n"), "{table}");
    assert!(table.contains("```sh\ncurl -s\n# x\n```"), "{table}");
    let all = format!("{one:?}");
    for removed in [
        "Logo", "Home", "hidden", "¶", "icon", "Mail", "Buy", "gone", "©", "let x",
    ] {
        assert!(!all.contains(removed), "{removed}: {all}");
    }
}

#[test]
fn data_table_without_header_becomes_a_table_and_layout_table_does_not() {
    let row = |one: &str, other: &str| format!("<tr><td>{one}<td><b>{other}</b></tr>");
    let page = |rows: &str| document(Format::Html, &format!("<p>{SENTENCE}<table>{rows}</table>"));
    let data = page(&(row("Monday", "9–17") + &row("Sunday", "closed")));
    let table = "| | |\n| --- | --- |\n| Monday | **9–17** |\n| Sunday | **closed** |";
    assert!(data.sections[0].body.ends_with(table), "{data:?}");
    let layout = page(&(row("Menu", "Other") + &row("x", &SENTENCE.repeat(5))));
    assert!(!layout.sections[0].body.contains('|'), "{layout:?}");
}

#[test]
fn page_without_main_is_its_body_without_header_and_footer() {
    let page = format!(
        "<title> The\n title </title><header>Logo</header><nav>Menu</nav><p>{SENTENCE}\
         <footer>foot</footer>"
    );
    let one = document(Format::Html, &page);
    assert_eq!(one.title, "The title");
    assert_eq!(one.sections[0].body, SENTENCE);
}

#[test]
fn noindex_and_canonical_address_of_a_page_are_obeyed() {
    let convert = |head: &str| {
        let page = format!("<head>{head}</head><body><p>{SENTENCE}");
        raw_document(Format::Html, page.as_bytes()).convert()
    };
    for noindex in [
        r#"<meta name="robots" content="noindex, follow">"#,
        r#"<META NAME=Robots CONTENT="NONE">"#,
    ] {
        assert!(matches!(convert(noindex), Conversion::NoIndex), "{noindex}");
    }
    for (link, url) in [
        (
            r#"<link rel="canonical" href="/a#b">"#,
            "https://shop.example/a",
        ),
        (
            r#"<link rel=canonical href="https://other.example/">"#,
            "https://shop.example/help/page",
        ),
        (
            r#"<link rel=canonical href="http://[bad">"#,
            "https://shop.example/help/page",
        ),
        (
            r#"<meta name="robots" content="index">"#,
            "https://shop.example/help/page",
        ),
    ] {
        let Conversion::Document(document) = convert(link) else {
            panic!("{link}")
        };
        assert_eq!(document.url, url, "{link}");
    }
}

#[test]
fn page_is_decoded_with_its_declared_encoding() {
    let title_of = |charset: Option<&str>, bytes: &[u8]| {
        let raw = RawDocument {
            charset: charset.map(str::to_owned),
            ..raw_document(Format::Html, bytes)
        };
        match raw.convert() {
            Conversion::Document(document) => document.title,
            Conversion::NoIndex => "noindex".to_owned(),
        }
    };
    assert_eq!(title_of(Some("iso-8859-1"), b"<h1>caf\xe9</h1>"), "café");
    assert_eq!(
        title_of(None, b"<meta charset='koi8-r'><h1>\xd0\xd2\xc9</h1>"),
        "при"
    );
    let old = b"<meta http-equiv=x content='text/html; charset=Shift_JIS'><h1>\x93\xfa\x96{</h1>";
    assert_eq!(title_of(None, old), "日本");
    assert_eq!(title_of(None, b"<h1>caf\xe9</h1>"), "café");
    assert_eq!(title_of(Some("utf-8"), b"\xff\xfe<\0h\x001\0>\0x\0"), "x");
    assert_eq!(
        title_of(None, "<meta charset=utf-16><h1>é</h1>".as_bytes()),
        "é"
    );
    assert_eq!(title_of(Some("nonsense"), "<h1>é</h1>".as_bytes()), "é");
}

#[test]
fn hash_depends_on_bytes_format_url_and_charset() {
    let one = raw_document(Format::Html, b"<p>x");
    let others = [
        raw_document(Format::Html, b"<p>y"),
        raw_document(Format::Markdown, b"<p>x"),
        RawDocument {
            url: "https://shop.example/other".to_owned(),
            ..one.clone()
        },
        RawDocument {
            charset: Some("koi8-r".to_owned()),
            ..one.clone()
        },
    ];
    assert_eq!(one.hash(), one.clone().hash());
    others
        .iter()
        .for_each(|other| assert_ne!(one.hash(), other.hash()));
}

#[test]
fn page_without_title_is_named_after_its_address() {
    for (path, name) in [
        ("/help/shipping-costs.html", "shipping costs"),
        ("/help/", "help"),
        ("/", "Untitled"),
        ("guide_one.md", "guide one"),
    ] {
        assert_eq!(name_from_path(path), name);
    }
}

#[test]
fn pages_designed_to_be_slow_are_converted_in_bounded_time() {
    let fonts = |count: usize| -> String {
        (0..count)
            .map(|id| format!("<p><font id={id}>x</p>"))
            .collect()
    };
    let mixed = fonts(250) + &"<p>x".repeat(100_000);
    let headings = "# h\n\n".repeat(80_000);
    let deep = "<div></x>".repeat(60_000);
    let start = std::time::Instant::now();
    for (format, text) in [
        (Format::Html, fonts(20_000)),
        (Format::Html, mixed),
        (Format::Html, deep),
        (Format::Markdown, headings),
    ] {
        let raw = RawDocument {
            url: "https://shop.example/".to_owned(),
            name: "page".to_owned(),
            format,
            charset: None,
            bytes: text.into_bytes(),
            folder: None,
        };
        raw.convert_ignoring_directives();
    }
    assert!(
        start.elapsed() < std::time::Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}
