//! What is drawn by lot.

use fastrand::Rng;
use uuid::Uuid;

/// A UUIDv7 of `moment`.
pub fn id_at(moment: i64, rng: &mut Rng) -> Uuid {
    let random = rng.u128(..).to_le_bytes();
    let [random @ .., _, _, _, _, _, _] = random;
    uuid::Builder::from_unix_timestamp_millis(moment as u64, &random).into_uuid()
}

pub fn pick<T: Copy>(choices: &[T], rng: &mut Rng) -> T {
    choices[rng.usize(0..choices.len())]
}

/// True in so many of a hundred cases.
pub fn chance(percent: u32, rng: &mut Rng) -> bool {
    rng.u32(0..100) < percent
}
