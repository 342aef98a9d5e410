//! Pages whose conversion would take long if its work were not bounded.

use std::time::{Duration, Instant};

use super::*;

/// Much longer than any conversion takes, and much shorter than one without limits.
const MAX_TIME: Duration = Duration::from_secs(20);
/// The size of most texts. At the size of the largest page, a conversion takes ten times
/// as long.
const TEXT_BYTES: usize = 500_000;

#[track_caller]
fn convert_in_time(format: Format, text: &str) {
    let start = Instant::now();
    document(format, text);
    let took = start.elapsed();
    let beginning: String = text.chars().take(60).collect();
    assert!(took < MAX_TIME, "{took:?}: {beginning}");
}

/// `part`, repeated to [`TEXT_BYTES`].
fn fill(part: &str) -> String {
    part.repeat(TEXT_BYTES / part.len())
}

fn attributes(count: usize, value: &str) -> String {
    let attributes = (0..count).map(|number| format!(" a{number}{value}"));
    attributes.collect()
}

/// The beginning of a page, and what is repeated after it.
const REPEATED_HTML: [(&str, &str); 61] = [
    ("", "<p>x</p>"),
    ("", "<br>"),
    ("", "<div>"),
    ("", "<a href=/x>y</a> "),
    ("<a href='", "x"),
    ("", "x"),
    ("", "x "),
    ("<table><tr>", "<td>x"),
    ("<table>", "<tr><td>x"),
    ("", "<table><tr><td>x</table>"),
    ("<ul>", "<li>x"),
    ("", "<ul><li>x<ul><li>y</ul></ul>"),
    ("", "<form><p>x</form>"),
    ("", "<header>x</header>"),
    ("", "&amp;"),
    ("", "&notit"),
    ("", "&#x41;"),
    ("<!--", "x"),
    ("", "<!--"),
    ("", "<!---->"),
    ("", "<"),
    ("", "<a "),
    ("", "</p>"),
    ("", "<b><p>x"),
    ("<b c=d><i e=f><b c=e><i e=g>", "<p>x"),
    ("", "<h2>x</h2>"),
    ("", "<pre>x</pre>"),
    ("", "<p hidden style='display:none'>"),
    ("", "<p>**_[x](y)"),
    ("", "<p>[!["),
    ("", "`"),
    ("", "<script>a<b</script>"),
    ("<script>", "a<b && c "),
    ("", "<select><option>x"),
    ("", "<svg><p>x"),
    ("<frameset>", "<script><p a b c>"),
    ("<p ", "<a "),
    ("<table>", "<tr><td rowspan=65535 colspan=1000>x"),
    (
        "<table><tr><td rowspan=65535>x",
        "<tr><th>y<td colspan=1000>z",
    ),
    (
        "",
        "<table><tr><th rowspan=65535 colspan=1000>x<td>y</table>",
    ),
    (
        "",
        "<button aria-controls=p>q</button><div id=p hidden>a</div>",
    ),
    (
        "<div>",
        "<button aria-expanded=false>q?</button><div hidden>a</div>b",
    ),
    (
        "",
        "<h2><button aria-controls=p>q</button></h2><p id=p hidden>a</p>b",
    ),
    ("", "<details><summary>q</summary>a</details>b"),
    ("", "<details><summary>q</summary>"),
    ("", "<details><summary><h2>q</h2></summary>a</details>b"),
    ("<dl>", "<dt>q?<dd>a"),
    ("", "<dl><dt>q<dd>a"),
    (
        "<div>",
        "<input type=checkbox><label for=a>q</label><div>a</div>",
    ),
    ("<ul role=tablist>", "<li role=tab>q"),
    ("", "<ul class=tabs><li>a<li>b</ul><div><p>x<p>y</div>"),
    ("<div><div>", "<p>Was this helpful?"),
    ("<div><div>", "<h2>Related articles</h2><a href=/x>y</a>"),
    ("", "<aside>"),
    ("", "<form><input>"),
    ("", "<div class=share>"),
    ("<p>", "<code>x</code>"),
    ("<figure><figcaption>x y z</figcaption>", "<img alt='a b'>"),
    ("<h2>", "<button>x</button><a class=anchor href=#x>y</a>"),
    ("<pre>", "<div>x<br></div>"),
    ("", "<div role=button>"),
];

#[test]
fn html_page_is_converted_in_time() {
    for (head, part) in REPEATED_HTML {
        convert_in_time(Format::Html, &(head.to_owned() + &fill(part)));
    }
    for (open, close) in [("<table><tr><td>", "</table>"), ("<ul><li>x", "</ul>")] {
        let nested = open.repeat(40) + &close.repeat(40);
        convert_in_time(Format::Html, &fill(&nested));
    }
}

#[test]
fn html_page_with_many_attributes_is_converted_in_time() {
    let many = attributes(500_000, "");
    let quoted = attributes(300_000, "='>'");
    let allowed = format!("<p{}>", attributes(240, ""));
    for page in [
        format!("<p{many}>x"),
        format!("<p{quoted}>x"),
        format!("<p>x</p{many}>"),
        format!("<!-- <p a=\" --><p{many}>"),
        format!("<script><!--<script></script><p a=\"</script><p{many}>"),
        format!("<svg><script><p{many}>"),
        fill(&allowed),
    ] {
        convert_in_time(Format::Html, &page);
    }
}

#[test]
fn page_with_too_many_attributes_keeps_its_text() {
    let page = |count| {
        let attributes = attributes(count, "");
        format!("<h1>Help</h1><p{attributes}>{SENTENCE}</p>")
    };
    let plain = document(Format::Html, &page(300));
    assert!(plain.sections[0].body.contains(SENTENCE));
    assert_eq!(document(Format::Html, &page(240)).title, "Help");
}

/// The beginning of a Markdown text, and what is repeated after it.
const REPEATED_MARKDOWN: [(&str, &str); 69] = [
    ("", "{{ x"),
    ("", "{% x"),
    ("", "{% comment %}"),
    ("", "{{< x"),
    ("", "<A"),
    ("", "<A b={"),
    ("", "<A>\n"),
    ("", "<A></A>"),
    ("", "</A>"),
    ("<Step></Step>", "<Tabs>"),
    ("", ":::a b\n"),
    ("", "!!! a\n    "),
    ("", "> [!a] b\n"),
    ("", "[^"),
    ("", "[^a] "),
    ("", "[[a"),
    ("", "=="),
    ("", "a~b"),
    ("a\n", ": b\n"),
    ("", "* TOC\n{:toc}\n"),
    ("", "import {\n"),
    ("", "{a={"),
    ("---\na: &a [b]\n", "b: *a\n"),
    ("", "<p>x</p>\n\n"),
    ("", "> "),
    ("", "> > > > > > > > x\n"),
    ("", "- "),
    ("", "- x\n"),
    ("", "*a **b "),
    ("", "*a_ "),
    ("", "_"),
    ("", "*"),
    ("", "a**b"),
    ("", "~~a~ "),
    ("", "[a](b) "),
    ("", "["),
    ("", "[a]("),
    ("", "[a](<b"),
    ("", "![a](b)"),
    ("", "!["),
    ("[r]: /x\n\n", "[r] "),
    ("", "[r]: x\n"),
    ("", "```\n"),
    ("", "# x\n"),
    ("", "x\n-\n"),
    ("|a|\n|-|\n", "|x|\n"),
    ("", "|a"),
    ("", "&amp;"),
    ("", "<"),
    ("", "<a "),
    ("", "<?"),
    ("", "<!A "),
    ("", "<![CDATA["),
    ("", "<!--"),
    ("", "<https://x> "),
    ("", "\\"),
    ("", "  \n"),
    ("", "x"),
    ("", "x "),
    ("---\n", "title: x\n"),
    ("", "# x {#a .b c=d}\n"),
    ("", "# x {"),
    ("", "1. x\n\n   "),
    ("", "[^a]: x\n"),
    ("", "a\t"),
    ("    ", "x\n    "),
    ("", "\n\n"),
    ("", "(("),
    ("[", "]["),
];

#[test]
fn markdown_file_is_converted_in_time() {
    for (head, part) in REPEATED_MARKDOWN {
        convert_in_time(Format::Mdx, &(head.to_owned() + &fill(part)));
    }
    let lines = |count, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let columns = ["|a", "|-", "|x"].map(|cell| cell.repeat(100_000) + "\n");
    for text in [
        format!("<p{}>\n\n", attributes(200_000, "")),
        lines(1000, &|depth| format!("{}- x\n", "  ".repeat(depth))),
        "[".repeat(200_000) + &"](x)".repeat(100_000),
        lines(20_000, &|number| {
            format!("[r{number}]: /x\n\n[r{number}]\n\n")
        }),
        format!("[r]: /{}\n\n{}", "x".repeat(10_000), fill("[r] ")),
        lines(1000, &|length| "`".repeat(length + 1) + " "),
        columns.concat(),
        columns[..2].concat() + &"|\n".repeat(100_000),
    ] {
        convert_in_time(Format::Markdown, &text);
    }
}

/// The beginning of a text in another language of markup, and what is repeated after it.
const REPEATED_MARKUP: [(&str, &str); 22] = [
    ("", ".. note:: a\n"),
    ("", "  .. a::\n\n"),
    ("", "a::\n\n  b\n"),
    ("", "a\n===\n"),
    ("", "+-+-+\n| |\n"),
    ("", "=== ===\n"),
    ("", "`a <b>`_ "),
    ("", "a_ "),
    (".. _a: b\n\n", "a_"),
    ("", ":a:`b` "),
    ("", "|a"),
    ("", "|===\n"),
    ("|===\n", "|a\n"),
    ("|===\n", "|a"),
    ("", "link:a[b]"),
    ("", "a:[b]"),
    ("", "<<a"),
    ("", "*a"),
    ("", "{a"),
    (":a: b\n", "{a}"),
    ("", "* a\n"),
    ("", "----\n"),
];

#[test]
fn text_in_other_markup_is_converted_in_time() {
    for (head, part) in REPEATED_MARKUP {
        for format in [Format::RestructuredText, Format::AsciiDoc] {
            convert_in_time(format, &(head.to_owned() + &fill(part)));
        }
    }
}

#[test]
fn plain_text_is_converted_in_time() {
    for part in ["x", "x ", "x\n", "x\n\n", "\n"] {
        convert_in_time(Format::Text, &fill(part));
    }
}
