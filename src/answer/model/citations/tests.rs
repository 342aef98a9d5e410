//! Tests of the citations.

use super::*;

fn excerpt(title: &str, url: &str) -> Excerpt {
    Excerpt {
        title: title.to_owned(),
        url: Some(url.to_owned()),
        text: String::new(),
    }
}

fn excerpts() -> Vec<Excerpt> {
    vec![
        excerpt("Shipping", "https://tern.example/shipping"),
        excerpt("A file", "file:terms.md"),
        excerpt("Say \"hi\"\n[9]: x \\", "https://tern.example/a b?\"c\"\n"),
        excerpt("Abroad", "https://tern.example/shipping#abroad"),
        excerpt(" \n ", "http://tern.example/"),
    ]
}

fn rewritten(parts: &[&str]) -> String {
    let mut writer = CitationWriter::new(&excerpts());
    let mut text: String = parts.iter().map(|part| writer.push(part)).collect();
    text.push_str(&writer.finish());
    text
}

const SHIPPING: &str = "[1]: https://tern.example/shipping \"Shipping\"";

#[test]
fn excerpts_of_one_page_have_one_number() {
    let numbers = source_numbers(&excerpts());
    assert_eq!(numbers, [Some(1), None, Some(2), Some(1), Some(3)]);
}

#[test]
fn cited_sources_are_listed_by_number() {
    let text = rewritten(&["Soon [2], in two days [1][1]."]);
    assert!(
        text.starts_with(&format!("Soon [2], in two days [1].\n\n{SHIPPING}\n[2]: ")),
        "{text}"
    );
    assert!(
        text.contains("[2]: https://tern.example/a%20b?%22c%22 \"Say 'hi' 9 : x\""),
        "{text}"
    );
}

#[test]
fn markers_are_rewritten_at_every_boundary() {
    for (text, expected) in [
        ("Soon [1][2].", "Soon [1] [2]."),
        ("Soon [1, 2].", "Soon [1] [2]."),
        ("Soon [1;2]!", "Soon [1] [2]!"),
        ("Soon【1】.", "Soon[1]."),
        ("Soon 【1†source】【2†lines】", "Soon [1] [2]"),
        ("Soon [^1].", "Soon [1]."),
        ("Soon [1](https://evil.example/x).", "Soon [1]."),
        (
            "Soon [1].\n\n[1]: https://evil.example/ \"Fake\"",
            "Soon [1].",
        ),
        (
            "Soon [1].\n\n[1]: https://evil.example/\n[note]: https://e.example/ x\nBye",
            "Soon [1].\n\nBye",
        ),
        ("[1]: https://evil.example/\nSoon [1].", "Soon [1]."),
    ] {
        let list = rewritten(&[text]);
        let (answer, _) = list.split_once("\n\n[1]: https://tern").expect(text);
        assert_eq!(answer, expected, "{text}");
        for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            let (one, other) = text.split_at(at);
            assert_eq!(rewritten(&[one, other]), list, "{text} cut at {at}");
        }
    }
}

#[test]
fn other_text_is_unchanged() {
    for text in [
        "",
        "[]",
        "[0]",
        "[4]",
        "[a1]",
        "1]",
        "[99999999999999999999999]",
        "[text](https://tern.example/)",
        "- [ ] a\n- [x] b",
        "`a[1]`",
        "```\nb[1]\n[1]: https://tern.example/\n```",
        "[Note]: we ship on Monday.",
        "a [b [c",
        "a\n\n  b\n",
    ] {
        assert_eq!(rewritten(&[text]), text.trim_end_matches('\n'), "{text}");
    }
}

#[test]
fn sources_are_removed_from_earlier_answers() {
    for (answer, expected) in [
        (
            "Four days [1]. Free [1] [2].\n\n[1]: https://e.example/ \"A\"\n[2]: https://e.example/b \"B\"",
            "Four days. Free.",
        ),
        ("No sources [1].", "No sources [1]."),
        ("[1]: https://e.example/ \"A\"", ""),
        ("", ""),
    ] {
        assert_eq!(without_sources(answer), expected);
    }
}

#[test]
fn source_without_title_is_labelled() {
    assert!(rewritten(&["x [3]"]).ends_with("[3]: http://tern.example/ \"tern.example\""));
}
