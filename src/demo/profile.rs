//! The people who visit.

use fastrand::Rng;
use uuid::Uuid;

use super::phrases::{LANGUAGES, PhraseBook};
use super::random::{chance, id_at, pick};
use super::templates::write_pattern;
use super::visitors::DEMO_VISITOR;

const NICKS: [&str; 12] = [
    "hello", "office", "zoe", "k.m", "pixel", "lena", "north", "info", "sunny", "j.b", "mail",
    "ops",
];

/// Someone as the site knows them.
pub struct VisitorProfile {
    pub language: &'static PhraseBook,
    pub email: String,
    pub id: Uuid,
    pub external_id: Option<String>,
    pub name: Option<String>,
    pub avatar_url: Option<String>,
}

impl VisitorProfile {
    /// The person at a place: always the same one for the same seed.
    pub fn at(place: usize, seed: u64, created_at: i64) -> Self {
        let mut rng = Rng::with_seed(seed ^ (place as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let language = speaks(&mut rng);
        let number = rng.u32(10_000..1_000_000);
        let mut person = Self {
            language,
            email: format!("{}{}@mail.example", pick(&NICKS, &mut rng), number % 1000),
            id: id_at(created_at, &mut rng),
            external_id: None,
            name: None,
            avatar_url: None,
        };
        person.sign_in(place, number, &mut rng);
        person
    }

    fn sign_in(&mut self, place: usize, number: u32, rng: &mut Rng) {
        let is_demo = place == DEMO_VISITOR;
        let (signed_in, named) = (chance(25, rng), chance(85, rng));
        if is_demo {
            self.external_id = Some("customer-demo".to_owned());
            self.name = Some("Dana Whitfield".to_owned());
            self.email = "dana@mail.example".to_owned();
        } else if signed_in {
            // The place makes it unique, as the file requires.
            self.external_id = Some(format!("customer-{}", 10_000 + place));
            self.name = named.then(|| full_name(self.language, rng));
        }
        if is_demo || (self.name.is_some() && chance(60, rng)) {
            self.avatar_url = Some(format!("https://shop.example/avatars/{number}.png"));
        }
    }
}

fn full_name(language: &'static PhraseBook, rng: &mut Rng) -> String {
    let (first, last) = (
        pick(&language.first_names, rng),
        pick(&language.last_names, rng),
    );
    let mut name = String::new();
    write_pattern(&mut name, language.person, |name, sign| match sign {
        'F' => name.push_str(first),
        'L' => name.push_str(last),
        other => name.push(other),
    });
    name
}

/// A language, by how common each is.
pub fn speaks(rng: &mut Rng) -> &'static PhraseBook {
    let total = LANGUAGES.iter().map(|language| language.share).sum();
    let mut lot = rng.u32(0..total);
    for language in LANGUAGES.iter() {
        match lot.checked_sub(language.share) {
            Some(rest) => lot = rest,
            None => return language,
        }
    }
    &LANGUAGES[0]
}
