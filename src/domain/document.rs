//! What a project learned: documents, in sections.

/// A page or a file, as it is learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Where it stands, which is also what it is known by within its project.
    /// A file without an address has `file:` and its path in the folder.
    pub url: String,
    pub title: String,
    /// In the order of the text.
    pub sections: Vec<Section>,
}

/// A piece of a document that can be shown and cited by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Empty where the text has none.
    pub heading: String,
    /// Markdown.
    pub body: String,
}
