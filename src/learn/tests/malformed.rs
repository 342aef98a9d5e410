//! Pages that are nested too deep, grow too large, or are not text.

use super::*;

#[test]
fn converted_page_is_at_most_twelve_times_its_size() {
    let wide = format!("<tr>{}", "<td>x".repeat(20_000));
    let table = |rows: &str| format!("<table><tr><th>h</tr>{rows}</table>");
    for page in [
        table(&(wide + &"<tr><td>x".repeat(20_000))),
        table(&format!(
            "<tr><td>{}{}",
            "x".repeat(20_000),
            "<tr><td>x".repeat(20_000)
        )),
        "<ul><li>".repeat(90) + &"<li>x".repeat(20_000),
        "<blockquote>".repeat(90) + &"<p>x".repeat(20_000),
    ] {
        let one = document(Format::Html, &page);
        let length: usize = one.sections.iter().map(|one| one.body.len()).sum();
        assert!(length < 12 * page.len(), "{length} of {}", page.len());
    }
}

#[test]
fn page_of_any_depth_is_converted() {
    for (open, times) in [
        ("<div>", 900),
        ("<div>", 300_000),
        ("<b><a href=x><i>", 100_000),
        ("<ul><li>", 100_000),
        ("<table><tr><td>", 50_000),
        ("<blockquote>", 900),
        ("<svg><g>", 100_000),
        ("<select><option><selectedcontent>", 10_000),
        ("<template>", 900),
        ("<p>", 100_000),
        ("<b><a href=x><i>", 300),
        ("<ul><li>", 900),
        ("<table><tr><td>", 900),
        ("<svg><g>", 400),
        ("<select><option><selectedcontent>", 450),
        ("<form><header><h1>", 300),
    ] {
        let page = format!("{} {SENTENCE}", open.repeat(times));
        let one = document(Format::Html, &page);
        let all = format!("{one:?}");
        let has_text =
            all.contains("long enough") || ["<sv", "<se", "<te", "<fo"].contains(&&open[..3]);
        assert!(has_text, "{open}: {}", &all[..all.len().min(500)]);
    }
    for nest in ["> ", "- ", "*a **", "[", "![", "`", "<", "&", "| ", "#"] {
        document(Format::Markdown, &nest.repeat(20_000));
    }
}

/// Syntax of the HTML and Markdown parsers.
const SYNTAX: [&str; 60] = [
    "{{< tab \"a\" >}}",
    "{{< /tab >}}",
    "{% tab title=",
    "{% endtab %}",
    "{{",
    "}}",
    "<Tab label=",
    "</Tab>",
    "{",
    "}",
    "    ",
    "!!! note \"x\"\n",
    ":::note\n",
    "[^1]",
    "[^1]: ",
    "[[",
    "==",
    "~a~",
    "{% raw %}",
    "endraw",
    "<",
    ">",
    "</",
    "<p>",
    "<table>",
    "<tr>",
    "<td>",
    "<a href='",
    "'",
    "\"",
    "<h1>",
    "</h1>",
    "<main>",
    "<pre>",
    "<!--",
    "-->",
    "<![CDATA[",
    "&amp;",
    "&#x110000;",
    "\0",
    "\r",
    "\n",
    "\n\n",
    "# ",
    "## ",
    "```",
    "~~~",
    "| a ",
    "|---|\n",
    "- ",
    "1. ",
    "> ",
    "[x](",
    "[r]: ",
    "![",
    "](",
    "---\n",
    "title: ",
    "é",
    "日本。",
];

const FORMATS: [Format; 6] = [
    Format::Html,
    Format::Markdown,
    Format::Mdx,
    Format::Text,
    Format::RestructuredText,
    Format::AsciiDoc,
];

#[test]
fn any_bytes_can_be_converted() {
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..1500 {
        let mut bytes = Vec::new();
        while bytes.len() < 20 * (1 + round % 60) {
            match random.u8(..4) {
                0 => bytes.extend(std::iter::repeat_with(|| random.u8(..)).take(3)),
                _ => bytes.extend_from_slice(SYNTAX[random.usize(..SYNTAX.len())].as_bytes()),
            }
        }
        for format in FORMATS {
            let Conversion::Document(document) = raw_document(format, &bytes).convert() else {
                continue;
            };
            let text = format!("{document:?}");
            assert!(!text.contains("\\0"), "{text}");
            assert!(!document.title.is_empty());
            let sections = document.sections.iter();
            sections.for_each(|section| assert!(!section.body.trim().is_empty(), "{text}"));
        }
    }
}
