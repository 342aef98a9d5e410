//! Learned pages: the conversion of HTML, Markdown and text to documents. The first byte
//! selects the format.

use parlor::learn::{Conversion, Format, RawDocument, excerpt};
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::{Target, split_first};

const FORMATS: [Format; 6] = [
    Format::Html,
    Format::Markdown,
    Format::Text,
    Format::Mdx,
    Format::RestructuredText,
    Format::AsciiDoc,
];
const MAX_EXCERPT_CHARS: usize = 300;

pub struct Document;

impl Target for Document {
    const NAME: &'static str = "document";
    const DICTIONARY: &'static [&'static str] = &[
        "<script>",
        "</script>",
        "<a href='javascript:x'>",
        "</a>",
        "<p>",
        "<div hidden>",
        "<table>",
        "<tr>",
        "<td>",
        "</table>",
        "<ul><li>",
        "<pre>",
        "<code>",
        "<h2>",
        "<svg>",
        "<math>",
        "<template>",
        "<noscript>",
        "<!--",
        "-->",
        "<![CDATA[",
        "&lt;script&gt;",
        "&amp;",
        "&#0;",
        "<meta charset=utf-16>",
        "<base href='//x'>",
        "<link rel=canonical href=/x>",
        "<meta name=robots content=noindex>",
        "[a](javascript:x)",
        "![",
        "](",
        "**",
        "_",
        "`",
        "```\n",
        "> ",
        "- ",
        "1. ",
        "# ",
        "\n\n",
        "|a|b|\n|-|-|\n",
        "---\n",
        "title: x\n",
        "<https://x>",
        "\\",
        "[r]: ",
        "~~",
        "\t",
        "\0",
        "\u{feff}",
        "🦆",
        "{{< tab \"a\" >}}",
        "{{< /tab >}}",
        "{% tab title=\"a\" %}",
        "{% endtab %}",
        "{{ a }}",
        "<Card title=\"a\" href=\"/b\">",
        "</Card>",
        "{a}",
        "import a from 'b'\n",
        ":::note a\n",
        "!!! note \"a\"\n    ",
        "[^1]",
        "[^1]: ",
        "[[a|b]]",
        ".. note:: a\n   ",
        "::\n\n    ",
        "`a <b>`_",
        "link:a[b]",
        "|===\n",
        "----\n",
    ];
    /// Smaller than a page can be, so that a second suffices in a debug build.
    const MAX_BYTES: usize = 16 << 10;

    fn new() -> Self {
        Self
    }

    fn run(&self, input: &[u8]) {
        let (first, bytes) = split_first(input);
        let format = FORMATS[usize::from(first) % FORMATS.len()];
        let document = RawDocument {
            url: "https://shop.example/help/page".to_owned(),
            name: "page".to_owned(),
            format,
            charset: (first >= 128).then(|| "utf-8".to_owned()),
            bytes: bytes.to_vec(),
            folder: None,
        };
        let Conversion::Document(document) = document.convert() else {
            return;
        };
        assert!(
            document.url.starts_with("https://shop.example/"),
            "{}",
            document.url
        );
        for section in &document.sections {
            assert!(!section.body.trim().is_empty());
            let text = excerpt(&section.body, MAX_EXCERPT_CHARS);
            assert!(text.chars().count() <= MAX_EXCERPT_CHARS);
            expect_no_code(&section.body, format);
        }
    }
}

/// A section has no links that run code and no HTML. Markdown may have tags without
/// attributes.
fn expect_no_code(markdown: &str, format: Format) {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::InlineHtml(html) if format.is_markdown() => {
                let name = html.trim_matches(['<', '>', '/', ' ', '\t', '\n']);
                let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
                assert!(is_name && name != "script", "{html:?} in {markdown}");
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                panic!("HTML {html:?} in {markdown}");
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                let url = dest_url.trim().to_ascii_lowercase();
                let runs_code = ["javascript:", "vbscript:", "data:"];
                let runs_code = runs_code.iter().any(|scheme| url.starts_with(scheme));
                assert!(!runs_code, "{markdown}");
            }
            _ => {}
        }
    }
}
