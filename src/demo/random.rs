//! Helpers for random choices.

use fastrand::Rng;
use uuid::Uuid;

/// A UUIDv7 with the timestamp `time`.
pub fn id_at(time: i64, rng: &mut Rng) -> Uuid {
    let random = rng.u128(..).to_le_bytes();
    let [random @ .., _, _, _, _, _, _] = random;
    uuid::Builder::from_unix_timestamp_millis(time as u64, &random).into_uuid()
}

/// One of `choices`.
pub fn pick<T: Copy>(choices: &[T], rng: &mut Rng) -> T {
    choices[rng.usize(0..choices.len())]
}

/// True with a probability of `percent`.
pub fn chance(percent: u32, rng: &mut Rng) -> bool {
    rng.u32(0..100) < percent
}
