//! What components and shortcodes mean, by their names.

use super::attributes::Attributes;
use super::tags::Tag;

/// What becomes of a tag.
#[derive(Debug, PartialEq, Eq)]
pub enum TagRole {
    /// Only the content stays.
    Removed,
    /// Neither the tag nor its content stays.
    RemovedWithContent,
    /// A text within a line.
    Text(String),
    Titled(Titled),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Titled {
    pub title: String,
    pub kind: TitleKind,
    /// Where the title leads.
    pub link: Option<String>,
    /// A text that an attribute contains.
    pub body: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TitleKind {
    /// A paragraph in bold.
    Bold,
    /// A heading below the current one.
    Heading,
    /// A paragraph in bold with the number of the step.
    Step,
}

const QUESTION_NAMES: &str =
    "faq faqitem faqentry question qa accordion accordionitem accordionpanel";
const DISCLOSURE_NAMES: &str =
    "expandable expand details collapse collapsible collapsed toggle disclosure spoiler dropdown";
const TAB_NAMES: &str =
    "tab tabitem tabpanel tabstab tabspanel tabsitem contenttab codetab pivotitem codegroupitem";
const STEP_NAMES: &str = "step stepitem stepsstep";
const CARD_NAMES: &str = "card cardscard linkcard featurecard doccard tile feature linkbox";
const FIELD_NAMES: &str = "paramfield responsefield param property apiparam parameter";
const REMOVED_NAMES: &str = "tabs tabpane tabset tabgroup steps cards cardgroup cardgrid columns column \
    accordiongroup frame tooltip button codegroup codeblock codetabs grid row col section contentref \
    fragment div span details hint br";
const REMOVED_CONTENT_NAMES: &str = "comment head seo mermaid script style chart swagger";
const TEXT_NAMES: &str = "kbd key badge pill label abbr icon iconify emoji fa fas";
const REFERENCE_NAMES: &str = "ref relref link posturl";
const PICTURE_NAMES: &str = "figure img image picture screenshot zoomimage themedimage";

const TITLE_ATTRIBUTES: [&str; 8] = [
    "title", "question", "label", "summary", "header", "heading", "name", "q",
];
const BODY_ATTRIBUTES: [&str; 6] = [
    "answer",
    "content",
    "text",
    "body",
    "description",
    "subtitle",
];

fn is_in(name: &str, names: &str) -> bool {
    names.split_whitespace().any(|each| each == name)
}

/// The role of a tag. `tab` is its name in the list of its tabs.
pub fn role_of(tag: &Tag, tab: Option<&str>) -> TagRole {
    let (name, attributes) = (&*tag.name, &tag.attributes);
    if is_in(name, REMOVED_CONTENT_NAMES) {
        return TagRole::RemovedWithContent;
    }
    if is_in(name, REFERENCE_NAMES) && !attributes_are_titles(attributes) {
        return TagRole::Text(reference(name, attributes));
    }
    let is_value = matches!(name, "param" | "var" | "variable");
    if is_value && attributes.get(&["name", "path", "query", "body"]).is_none() {
        return TagRole::Text("…".to_owned());
    }
    if is_in(name, TEXT_NAMES) || is_in(name, PICTURE_NAMES) {
        return TagRole::Text(inline_text(name, attributes));
    }
    match title(name, attributes, tab) {
        Some(title) if !title.is_empty() => TagRole::Titled(Titled {
            kind: title_kind(name, &title),
            title,
            link: link(name, attributes),
            body: attributes.get(&BODY_ATTRIBUTES).map(str::to_owned),
        }),
        _ if name.starts_with("include") => {
            let text = attributes.get(&BODY_ATTRIBUTES).unwrap_or_default();
            TagRole::Text(text.to_owned())
        }
        _ => TagRole::Removed,
    }
}

fn attributes_are_titles(attributes: &Attributes) -> bool {
    attributes.get(&TITLE_ATTRIBUTES).is_some()
}

fn title_kind(name: &str, title: &str) -> TitleKind {
    let is_question = is_in(name, DISCLOSURE_NAMES) && title.ends_with(['?', '？']);
    if is_in(name, QUESTION_NAMES) || is_question {
        TitleKind::Heading
    } else if is_in(name, STEP_NAMES) {
        TitleKind::Step
    } else {
        TitleKind::Bold
    }
}

fn title(name: &str, attributes: &Attributes, tab: Option<&str>) -> Option<String> {
    let first = || attributes.positional().next();
    let named = |names: &[&str]| attributes.get(names);
    let title = if is_in(name, TAB_NAMES) {
        let known = named(&["label", "title", "name", "header", "tab"]);
        known
            .or(tab)
            .or_else(first)
            .or_else(|| named(&["value", "text"]))
    } else if is_in(name, FIELD_NAMES) {
        named(&["name", "path", "query", "body", "header"]).or_else(first)
    } else if is_in(name, QUESTION_NAMES)
        || is_in(name, DISCLOSURE_NAMES)
        || is_in(name, STEP_NAMES)
    {
        named(&TITLE_ATTRIBUTES).or_else(first)
    } else if is_in(name, REMOVED_NAMES) {
        named(&["title", "caption"])
    } else if name == "include" {
        named(&["title", "question", "heading", "header"])
    } else {
        named(&TITLE_ATTRIBUTES[..6]).or_else(|| attributes.positional_title())
    };
    title.map(|title| title.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn link(name: &str, attributes: &Attributes) -> Option<String> {
    let target = attributes.get(&["href", "link", "to", "url"])?;
    let is_target = is_in(name, CARD_NAMES) && !target.contains(char::is_whitespace);
    is_target.then(|| target.to_owned())
}

/// The path that a reference names. Jekyll counts it from the root of the website.
fn reference(name: &str, attributes: &Attributes) -> String {
    let path = attributes
        .get(&["path"])
        .or_else(|| attributes.positional().next());
    let path = path.unwrap_or_default();
    let is_relative = !path.is_empty() && !path.starts_with('/');
    if matches!(name, "link" | "posturl") && is_relative {
        format!("/{path}")
    } else {
        path.to_owned()
    }
}

fn inline_text(name: &str, attributes: &Attributes) -> String {
    let names: &[&str] = if is_in(name, PICTURE_NAMES) {
        &["caption", "alt", "title"]
    } else if name.starts_with("ic") || name.starts_with("fa") {
        &[]
    } else {
        &["text", "label", "name", "title"]
    };
    let first = || {
        attributes
            .positional()
            .next()
            .filter(|_| matches!(name, "kbd" | "key"))
    };
    attributes
        .get(names)
        .or_else(first)
        .unwrap_or_default()
        .to_owned()
}
