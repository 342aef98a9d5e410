//! Words of websites that are no content, in the languages of help centers.

/// Whether the text is that of a link past the navigation.
pub fn is_skip_link(text: &str) -> bool {
    const BEGINNINGS: [&str; 11] = [
        "skip to ",
        "jump to content",
        "jump to main",
        "zum inhalt",
        "zum hauptinhalt",
        "direkt zum inhalt",
        "aller au contenu",
        "passer au contenu",
        "saltar al contenido",
        "ir al contenido",
        "vai al contenuto",
    ];
    let text = text.to_lowercase();
    BEGINNINGS
        .iter()
        .any(|beginning| text.starts_with(beginning))
        && text.chars().count() < 60
}

/// Whether the text is that of a link beside a heading to the heading.
pub fn is_anchor_label(text: &str) -> bool {
    const LABELS: [&str; 12] = [
        "anchor",
        "copy link",
        "copy link to this section",
        "copy link to heading",
        "direct link",
        "heading anchor",
        "link",
        "link kopieren",
        "link to this heading",
        "link to this section",
        "permalink",
        "copier le lien",
    ];
    const BEGINNINGS: [&str; 8] = [
        "direct link to ",
        "direkter link zu",
        "link to heading",
        "permalink to ",
        "permalink for ",
        "section titled ",
        "link to this ",
        "navigate to header",
    ];
    let text = text
        .trim()
        .trim_matches(['#', '¶', '§', '🔗'])
        .trim()
        .to_lowercase();
    LABELS.contains(&text.as_str())
        || BEGINNINGS
            .iter()
            .any(|beginning| text.starts_with(beginning))
}

/// Whether a short text asks if the page was helpful, or counts the answers to that.
pub fn is_feedback_question(text: &str) -> bool {
    const PARTS: [&str; 25] = [
        "was this article helpful",
        "was this page helpful",
        "was this helpful",
        "was this answer helpful",
        "was this information helpful",
        "did this answer your question",
        "did this help",
        "is this page useful",
        "is this article helpful",
        "was this section helpful",
        "did you find this helpful",
        "did you find it helpful",
        "did you find this article helpful",
        "found this helpful",
        "how can we improve this page",
        "war dieser artikel hilfreich",
        "war diese seite hilfreich",
        "war das hilfreich",
        "war diese antwort hilfreich",
        "cet article vous a-t-il été utile",
        "cet article a-t-il été utile",
        "cette page vous a-t-elle été utile",
        "fue útil este artículo",
        "te resultó útil este artículo",
        "questo articolo ti è stato utile",
    ];
    let text = text.to_lowercase();
    PARTS.iter().any(|part| text.contains(part))
}

/// Whether a heading stands above links to other pages or parts of the page.
pub fn is_link_list_heading(text: &str) -> bool {
    const HEADINGS: [&str; 27] = [
        "articles in this section",
        "contents",
        "in this article",
        "in this section",
        "inhalt",
        "inhaltsverzeichnis",
        "keep reading",
        "more in this section",
        "on this page",
        "page contents",
        "popular articles",
        "promoted articles",
        "read next",
        "recently viewed articles",
        "related articles",
        "related content",
        "related pages",
        "related posts",
        "related topics",
        "table of contents",
        "you might also like",
        "verwandte artikel",
        "verwandte beiträge",
        "articles associés",
        "artículos relacionados",
        "ähnliche artikel",
        "auf dieser seite",
    ];
    const MAX_BYTES: usize = 40;
    let text = text.trim().trim_end_matches(':').trim();
    text.len() <= MAX_BYTES && HEADINGS.contains(&text.to_lowercase().as_str())
}

/// Whether a heading is only the kind of a callout.
pub fn is_callout_heading(text: &str) -> bool {
    const KINDS: [&str; 12] = [
        "attention",
        "caution",
        "danger",
        "hint",
        "hinweis",
        "important",
        "info",
        "note",
        "tip",
        "tipp",
        "warning",
        "warnung",
    ];
    const MAX_BYTES: usize = 12;
    let text = text.trim().trim_end_matches([':', '!']);
    text.len() <= MAX_BYTES && KINDS.contains(&text.to_lowercase().as_str())
}

/// Whether the label is that of a control which opens no text.
pub fn is_action_label(text: &str) -> bool {
    const LABELS: [&str; 20] = [
        "contents",
        "copy",
        "copy link",
        "feedback",
        "filter",
        "language",
        "log in",
        "login",
        "menu",
        "navigation",
        "print",
        "search",
        "settings",
        "share",
        "sign in",
        "sort",
        "sort by",
        "suche",
        "teilen",
        "menü",
    ];
    LABELS.contains(&text.trim().to_lowercase().as_str()) || is_link_list_heading(text)
}

/// Whether the label of a control says nothing about what the control opens.
pub fn is_generic_label(text: &str) -> bool {
    const LABELS: [&str; 30] = [
        "close",
        "collapse",
        "details",
        "expand",
        "expand all",
        "hide",
        "more",
        "open",
        "read more",
        "see more",
        "show",
        "show all",
        "show answer",
        "show details",
        "show less",
        "show more",
        "toggle",
        "view more",
        "view answer",
        "learn more",
        "mehr",
        "mehr anzeigen",
        "mehr lesen",
        "weiterlesen",
        "antwort anzeigen",
        "lire la suite",
        "voir plus",
        "leer más",
        "ver más",
        "mostra di più",
    ];
    let text = text.trim_matches(|char: char| !char.is_alphanumeric());
    !text.contains(char::is_alphabetic) || LABELS.contains(&text.to_lowercase().as_str())
}
