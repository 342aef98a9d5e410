//! The names, addresses and languages of visitors.

use fastrand::Rng;
use uuid::Uuid;

use super::phrases::{LANGUAGES, PhraseBook};
use super::random::{chance, id_at, pick};
use super::templates::write_pattern;
use super::visitors::DEMO_VISITOR;

const MAILBOXES: [&str; 12] = [
    "hello", "office", "zoe", "k.m", "pixel", "lena", "north", "info", "sunny", "j.b", "mail",
    "ops",
];

/// The share of visitors who left their e-mail address.
const CONTACT_PERCENT: u32 = 9;

/// The data of a visitor.
pub struct VisitorProfile {
    pub language: &'static PhraseBook,
    pub email: String,
    pub id: Uuid,
    pub external_id: Option<String>,
    pub name: Option<String>,
    /// Whether the shop's server has identified the visitor.
    pub is_verified: bool,
    pub contact: VisitorContact,
}

/// The contact details that a visitor left.
#[derive(Debug, Clone, Default)]
pub struct VisitorContact {
    pub email: Option<String>,
    pub phone: Option<&'static str>,
}

impl VisitorProfile {
    /// The profile of the visitor at `index`, always the same for the same
    /// seed.
    pub fn generate(index: usize, seed: u64, created_at: i64) -> Self {
        let mut rng = Rng::with_seed(seed ^ (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let language = pick_language(&mut rng);
        let number = rng.u32(10_000..1_000_000);
        let mailbox = pick(&MAILBOXES, &mut rng);
        let mut profile = Self {
            language,
            email: format!("{mailbox}{}@mail.example", number % 1000),
            id: id_at(created_at, &mut rng),
            external_id: None,
            name: None,
            is_verified: false,
            contact: VisitorContact::default(),
        };
        profile.add_login(index, &mut rng);
        if chance(CONTACT_PERCENT, &mut rng) {
            profile.contact.email = Some(profile.email.clone());
        }
        profile
    }

    /// Some visitors are logged in to the shop: they have an external id, and
    /// most of them a name.
    fn add_login(&mut self, index: usize, rng: &mut Rng) {
        let is_demo = index == DEMO_VISITOR;
        let (is_logged_in, has_name) = (chance(25, rng), chance(85, rng));
        if is_demo {
            self.external_id = Some("customer-demo".to_owned());
            self.name = Some("Dana Whitfield".to_owned());
            self.email = "dana@mail.example".to_owned();
        } else if is_logged_in {
            // The index makes the external id unique.
            self.external_id = Some(format!("customer-{}", 10_000 + index));
            self.name = has_name.then(|| full_name(self.language, rng));
            self.is_verified = true;
        }
    }
}

fn full_name(language: &'static PhraseBook, rng: &mut Rng) -> String {
    let first = pick(&language.first_names, rng);
    let last = pick(&language.last_names, rng);
    let mut name = String::new();
    write_pattern(&mut name, language.name_pattern, |name, char| match char {
        'F' => name.push_str(first),
        'L' => name.push_str(last),
        other => name.push(other),
    });
    name
}

/// A random language, weighted by [`PhraseBook::share`].
pub fn pick_language(rng: &mut Rng) -> &'static PhraseBook {
    let total = LANGUAGES.iter().map(|language| language.share).sum();
    let mut number = rng.u32(0..total);
    for language in LANGUAGES.iter() {
        match number.checked_sub(language.share) {
            Some(rest) => number = rest,
            None => return language,
        }
    }
    &LANGUAGES[0]
}
