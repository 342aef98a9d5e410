//! What reading makes of pages as they come, the nasty ones in a file of their own.

mod malformed;

use super::*;
use crate::domain::Section;

fn found(format: Format, bytes: &[u8]) -> RawDocument {
    RawDocument {
        url: "https://shop.example/help/page".to_owned(),
        name: "page".to_owned(),
        format,
        charset: None,
        bytes: bytes.to_vec(),
    }
}

#[track_caller]
fn document(format: Format, text: &str) -> Document {
    match found(format, text.as_bytes()).read() {
        Conversion::Document(document) => document,
        Conversion::NoIndex => panic!("unwanted"),
    }
}

fn headings(document: &Document) -> Vec<&str> {
    let sections = document.sections.iter();
    sections.map(|section| section.heading.as_str()).collect()
}

/// Long enough to stand alone.
const SENTENCE: &str = "This sentence is long enough to stand as a passage alone.";

#[test]
fn markdown_is_split_by_its_headings() {
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
fn front_matter_gives_the_title_and_nothing_else() {
    let text = format!("---\nlayout: x\ntitle: \"Prices: all\"\n---\n# Head\n\n{SENTENCE}");
    let one = document(Format::Markdown, &text);
    assert_eq!(one.title, "Prices: all");
    assert_eq!(headings(&one), ["Head"]);
    assert_eq!(one.sections[0].body, SENTENCE);
    let rule = document(Format::Markdown, &format!("---\ntitle: x\n\n{SENTENCE}"));
    assert_eq!(rule.title, "page");
}

#[test]
fn links_stand_alone_and_pictures_are_their_text() {
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
    let mut file = found(Format::Markdown, text.as_bytes());
    file.url = "file:help/page.md".to_owned();
    let Conversion::Document(file) = file.read() else {
        panic!("unwanted")
    };
    assert!(
        file.sections[0]
            .body
            .starts_with("See *the* guide, here, ref,")
    );
}

#[test]
fn html_in_markdown_is_markdown_too() {
    let text = format!("<!-- x --><div align=\"center\"><h1>Name</h1></div>\n\n{SENTENCE}\n");
    let one = document(Format::Markdown, &text);
    assert_eq!((one.title.as_str(), one.sections.len()), ("Name", 1));
    assert_eq!(one.sections[0].body, SENTENCE);
}

#[test]
fn short_sections_go_together_and_keep_their_headings() {
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
fn long_sections_are_cut_between_blocks_rows_lines_and_sentences() {
    let row = "| some cell of a table | and another of it |\n";
    let table = format!("| a | b |\n|---|---|\n{}", row.repeat(200));
    let code = format!(
        "```rust\n{}```\n",
        "let some_line = of_code();\n".repeat(200)
    );
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
            let begins = &body[..body.find('\n').unwrap_or(body.len())];
            match &text[..1] {
                "|" => assert_eq!(begins, "| a | b |"),
                "`" => assert!(begins == "```rust" && body.ends_with("\n```"), "{body}"),
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
fn plain_text_has_its_first_line_as_title() {
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
fn a_page_is_what_its_main_part_says() {
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
    for gone in [
        "Logo", "Home", "hidden", "¶", "icon", "Mail", "Buy", "gone", "©", "let x",
    ] {
        assert!(!all.contains(gone), "{gone}: {all}");
    }
}

#[test]
fn a_table_without_a_head_is_a_table_where_it_holds_data() {
    let row = |one: &str, other: &str| format!("<tr><td>{one}<td><b>{other}</b></tr>");
    let page = |rows: &str| document(Format::Html, &format!("<p>{SENTENCE}<table>{rows}</table>"));
    let data = page(&(row("Monday", "9–17") + &row("Sunday", "closed")));
    let table = "| Monday | **9–17** |\n| --- | --- |\n| Sunday | **closed** |";
    assert!(data.sections[0].body.ends_with(table), "{data:?}");
    let layout = page(&(row("Menu", "Other") + &row("x", &SENTENCE.repeat(5))));
    assert!(!layout.sections[0].body.contains('|'), "{layout:?}");
}

#[test]
fn a_page_without_main_is_its_body_without_what_stands_around() {
    let page = format!(
        "<title> The\n title </title><header>Logo</header><nav>Menu</nav><p>{SENTENCE}\
         <footer>foot</footer>"
    );
    let one = document(Format::Html, &page);
    assert_eq!(one.title, "The title");
    assert_eq!(one.sections[0].body, SENTENCE);
}

#[test]
fn a_page_may_ask_not_to_be_indexed_and_name_its_proper_address() {
    let head = |head: &str| {
        let page = format!("<head>{head}</head><body><p>{SENTENCE}");
        found(Format::Html, page.as_bytes()).read()
    };
    for noindex in [
        r#"<meta name="robots" content="noindex, follow">"#,
        r#"<META NAME=Robots CONTENT="NONE">"#,
    ] {
        assert!(matches!(head(noindex), Conversion::NoIndex), "{noindex}");
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
        let Conversion::Document(document) = head(link) else {
            panic!("{link}")
        };
        assert_eq!(document.url, url, "{link}");
    }
}

#[test]
fn a_page_is_read_in_the_encoding_it_says() {
    let read = |charset: Option<&str>, bytes: &[u8]| {
        let found = RawDocument {
            charset: charset.map(str::to_owned),
            ..found(Format::Html, bytes)
        };
        match found.read() {
            Conversion::Document(document) => document.title,
            Conversion::NoIndex => "unwanted".to_owned(),
        }
    };
    assert_eq!(read(Some("iso-8859-1"), b"<h1>caf\xe9</h1>"), "café");
    assert_eq!(
        read(None, b"<meta charset='koi8-r'><h1>\xd0\xd2\xc9</h1>"),
        "при"
    );
    let old = b"<meta http-equiv=x content='text/html; charset=Shift_JIS'><h1>\x93\xfa\x96{</h1>";
    assert_eq!(read(None, old), "日本");
    assert_eq!(read(None, b"<h1>caf\xe9</h1>"), "café");
    assert_eq!(read(Some("utf-8"), b"\xff\xfe<\0h\x001\0>\0x\0"), "x");
    assert_eq!(
        read(None, "<meta charset=utf-16><h1>é</h1>".as_bytes()),
        "é"
    );
    assert_eq!(read(Some("nonsense"), "<h1>é</h1>".as_bytes()), "é");
}

#[test]
fn what_is_read_otherwise_has_another_hash() {
    let one = found(Format::Html, b"<p>x");
    let others = [
        found(Format::Html, b"<p>y"),
        found(Format::Markdown, b"<p>x"),
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
fn a_page_without_a_title_is_called_after_its_address() {
    for (path, name) in [
        ("/help/shipping-costs.html", "shipping costs"),
        ("/help/", "help"),
        ("/", "Untitled"),
        ("guide_one.md", "guide one"),
    ] {
        assert_eq!(name_of(path), name);
    }
}

#[test]
fn pages_made_to_be_slow_are_read_in_good_time() {
    let fonts = |count: usize| -> String {
        (0..count)
            .map(|id| format!("<p><font id={id}>x</p>"))
            .collect()
    };
    let mixed = fonts(250) + &"<p>x".repeat(100_000);
    let headings = "# h\n\n".repeat(80_000);
    let deep = "<div></x>".repeat(60_000);
    let begun = std::time::Instant::now();
    for (format, text) in [
        (Format::Html, fonts(20_000)),
        (Format::Html, mixed),
        (Format::Html, deep),
        (Format::Markdown, headings),
    ] {
        let found = RawDocument {
            url: "https://shop.example/".to_owned(),
            name: "page".to_owned(),
            format,
            charset: None,
            bytes: text.into_bytes(),
        };
        found.convert_ignoring_directives();
    }
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
}
