//! Text of a page: characters that no reader sees, protected e-mail addresses,
//! alternative texts and marks within a line.

use std::borrow::Cow;
use std::rc::Rc;

use markup5ever_rcdom::NodeData;

use super::super::dom::{self, Node, attribute, descendants, tag};

/// Soft hyphen, zero-width space, word joiner, byte order mark: places for line breaks.
const INVISIBLE_CHARS: [char; 4] = ['\u{ad}', '\u{200b}', '\u{2060}', '\u{feff}'];

/// The text without invisible characters.
pub fn visible_text(text: &str) -> Cow<'_, str> {
    if text.contains(INVISIBLE_CHARS) {
        Cow::Owned(text.replace(INVISIBLE_CHARS, ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// Removes invisible characters from all texts below `root`, and decodes e-mail
/// addresses that Cloudflare protects.
pub fn clean(root: &Rc<Node>) {
    for node in descendants(root) {
        match &node.data {
            NodeData::Text { contents } => {
                let visible = match visible_text(&contents.borrow()) {
                    Cow::Owned(visible) => Some(visible),
                    Cow::Borrowed(_) => None,
                };
                if let Some(visible) = visible {
                    contents.replace(visible.as_str().into());
                }
            }
            NodeData::Element { .. } if tag(&node) == "figure" => remove_captioned_alts(&node),
            NodeData::Element { .. } => decode_email(&node),
            _ => {}
        }
    }
}

// ── E-mail addresses ──

const EMAIL_PATH: &str = "/cdn-cgi/l/email-protection#";

fn decode_email(node: &Rc<Node>) {
    let code = attribute(node, "data-cfemail");
    if let Some(address) = code.as_deref().and_then(email_address) {
        dom::set_text(node, &address);
        if tag(node) == "a" {
            dom::set_attribute(node, "href", Some(&format!("mailto:{address}")));
        }
        return;
    }
    if tag(node) != "a" {
        return;
    }
    let href = attribute(node, "href").unwrap_or_default();
    let code = href.split_once(EMAIL_PATH).map(|(_, code)| code);
    if let Some(address) = code.and_then(email_address) {
        dom::set_attribute(node, "href", Some(&format!("mailto:{address}")));
        let text = dom::text(node).replace('\u{a0}', " ");
        if text == "[email protected]" && !contains_code(node) {
            let address = address.split('?').next().unwrap_or_default();
            dom::set_text(node, address);
        }
    }
}

fn contains_code(link: &Rc<Node>) -> bool {
    descendants(link).any(|node| attribute(&node, "data-cfemail").is_some())
}

/// Decodes hexadecimal bytes, each combined with the first by exclusive or.
fn email_address(code: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = code
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let bytes = bytes?;
    let (key, bytes) = bytes.split_first()?;
    let address = String::from_utf8(bytes.iter().map(|byte| byte ^ key).collect()).ok()?;
    let is_address = address.contains('@')
        && !address.contains(|char: char| char.is_whitespace() || char.is_control());
    is_address.then_some(address)
}

// ── Pictures ──

/// Alternative texts that say nothing about the picture.
const EMPTY_ALTS: [&str; 21] = [
    "alt",
    "alt text",
    "avatar",
    "banner",
    "cover",
    "icon",
    "image",
    "img",
    "logo",
    "photo",
    "picture",
    "placeholder",
    "screen shot",
    "screenshot",
    "spacer",
    "thumbnail",
    "untitled",
    "bild",
    "grafik",
    "imagen",
    "video",
];

/// The most pictures of a figure that are compared with its caption.
const MAX_CAPTIONED: usize = 10;

/// The text that stands for a picture. `None` if it has no meaning for a reader, such as
/// the name of a file.
pub fn picture_text(picture: &Node) -> Option<String> {
    if dom::has_value(picture, "role", "presentation") || dom::has_value(picture, "role", "none") {
        return None;
    }
    let alt = attribute(picture, "alt").or_else(|| attribute(picture, "aria-label"))?;
    let words: Vec<_> = alt.split_whitespace().collect();
    let alt = visible_text(&words.join(" ")).into_owned();
    let is_emoji = dom::has_class(picture, |class| class.contains("emoji"));
    (is_emoji && !alt.is_empty() || has_meaning(&alt)).then_some(alt)
}

/// Removes the alternative texts in a figure that its caption contains.
fn remove_captioned_alts(figure: &Rc<Node>) {
    let caption = descendants(figure).find(|node| tag(node) == "figcaption");
    let Some(caption) = caption.map(|caption| dom::text(&caption)) else {
        return;
    };
    for picture in descendants(figure)
        .filter(|node| tag(node) == "img")
        .take(MAX_CAPTIONED)
    {
        let alt = attribute(&picture, "alt").unwrap_or_default();
        if caption.contains(alt.trim()) {
            dom::set_attribute(&picture, "alt", None);
        }
    }
}

fn has_meaning(alt: &str) -> bool {
    let lower = alt.to_lowercase();
    let numbered = lower.trim_end_matches(|char: char| {
        char.is_ascii_digit() || matches!(char, ' ' | '_' | '-' | '.' | '#' | '(' | ')')
    });
    let is_generic = EMPTY_ALTS.contains(&numbered) || EMPTY_ALTS.contains(&lower.as_str());
    alt.contains(char::is_alphabetic) && !is_generic && !is_file_name(&lower)
}

/// Whether a text in lower case is the name of a file, with or without its extension.
fn is_file_name(alt: &str) -> bool {
    const EXTENSIONS: [&str; 12] = [
        ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".avif", ".bmp", ".ico", ".tif", ".tiff",
        ".mp4",
    ];
    const CAMERA_NAMES: [&str; 8] = [
        "img_",
        "img-",
        "dsc_",
        "dsc0",
        "pxl_",
        "screenshot_",
        "screenshot 20",
        "screen shot 20",
    ];
    let is_word = !alt.contains(' ');
    EXTENSIONS.iter().any(|extension| alt.ends_with(extension))
        || CAMERA_NAMES.iter().any(|name| alt.starts_with(name))
        || alt.starts_with("bildschirmfoto 20")
        || alt.starts_with("capture d") && alt.contains("20")
        || alt.contains("://")
        || is_word && (alt.contains('_') || alt.matches('-').count() > 1 || is_code(alt))
}

/// Whether a word is long and has digits between letters, as generated names do.
fn is_code(word: &str) -> bool {
    word.len() >= 12 && word.contains(|char: char| char.is_ascii_digit())
}

// ── Marks within a line ──

/// Whether a reader sees the text struck out.
pub fn is_struck_out(node: &Node) -> bool {
    matches!(tag(node), "del" | "s" | "strike")
        || dom::value_contains(node, "style", "line-through")
        || dom::has_class(node, |class| {
            matches!(
                class,
                "line-through" | "strikethrough" | "text-decoration-line-through"
            )
        })
}

/// A number as superscript characters; `None` for other text.
pub fn superscript(text: &str) -> Option<String> {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let chars = text.chars().map(|char| match char {
        '-' | '−' => Some('⁻'),
        '+' => Some('⁺'),
        _ => DIGITS.get(char.to_digit(10)? as usize).copied(),
    });
    let text: Option<String> = chars.collect();
    text.filter(|text| !text.is_empty() && text.chars().count() <= 4)
}

/// Whether a superscript is the mark of a footnote.
pub fn is_footnote_mark(superscript: &Rc<Node>) -> bool {
    let text = dom::text(superscript);
    let is_link = descendants(superscript).any(|node| {
        tag(&node) == "a" && attribute(&node, "href").is_some_and(|href| href.starts_with('#'))
    });
    is_link && text.chars().count() <= 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternative_texts_without_meaning_are_recognized() {
        for alt in [
            "",
            "image",
            "Image 3",
            "IMG_2041",
            "hero-banner-2x",
            "photo.JPG",
            "a_b",
            "logo",
            "https://x.example/a",
            "Screenshot 2024-05-01 at 10.11",
            "3f9ab2c41d77",
            "…",
        ] {
            assert!(!has_meaning(alt), "{alt}");
        }
        for alt in ["Yes", "The settings menu", "Step 3", "Wi-Fi", "Ja", "日本"] {
            assert!(has_meaning(alt), "{alt}");
        }
    }

    #[test]
    fn protected_address_is_decoded() {
        // The key 0x2a, then "a@b.example".
        let code: String = "a@b.example"
            .bytes()
            .map(|byte| format!("{:02x}", byte ^ 0x2a))
            .collect();
        assert_eq!(
            email_address(&format!("2a{code}")).as_deref(),
            Some("a@b.example")
        );
        for code in ["", "2", "zz", "2a41", "éé", "2a6a20"] {
            assert_eq!(email_address(code), None, "{code}");
        }
    }
}
