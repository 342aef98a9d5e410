//! Hand-over to a person: recognises messages that ask for a person and messages
//! that leave contact details, and provides the texts of the reply.
//!
//! 1. `normalize` turns a message into words without diacritics and punctuation.
//! 2. `vocabulary` reads one file of words and texts per language
//!    (`handover/languages`), and `word_trie` and `spellings` find its
//!    entries in a message.
//! 3. `request` decides from the order of these entries whether a clause asks for
//!    a person.
//! 4. `contact`, `email` and `phone` find contact details.
//! 5. `texts` returns the reply, and the texts of e-mails, in the language of the visitor.
//!
//! The module reads no database. It takes a few microseconds per message, and its
//! time grows linearly with the length of the message.

mod contact;
mod email;
mod language;
mod normalize;
mod phone;
mod request;
mod spellings;
#[cfg(test)]
mod tests;
mod texts;
mod vocabulary;
mod word_trie;

pub use contact::{ContactDetails, contact_details, leaves_contact_details};
pub use language::{Language, choose_language, detect_language};
pub(super) use normalize::{is_unspaced, normalize};
pub use request::{handover_request, is_handover_request};
pub use texts::{
    Availability, HandoverSituation, ReplyEmailTexts, handover_text, reply_email_texts,
};
