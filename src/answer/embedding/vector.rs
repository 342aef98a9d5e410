//! Vectors of unit length with components of one byte.
//!
//! One byte instead of four makes the search of all vectors fast and their memory small.
//! The error of a cosine is about 0.002.

/// The largest component.
const MAX_COMPONENT: f32 = 127.0;

/// The largest component of a question. The products of a question and a passage fit into
/// 32 bits: 127 × 1023 × [`MAX_DIMENSIONS`].
const MAX_QUERY_COMPONENT: f32 = 1023.0;

/// The maximum number of components.
pub const MAX_DIMENSIONS: usize = 8192;

/// A vector of a passage.
#[derive(Debug, Clone, PartialEq)]
pub struct PassageVector {
    /// A component times the scale is its value.
    pub scale: f32,
    pub components: Vec<i8>,
}

/// A vector of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryVector {
    pub scale: f32,
    pub components: Vec<i16>,
}

impl PassageVector {
    /// Returns `None` for a vector without a direction, and for one that is too long.
    pub fn new(values: &[f32]) -> Option<Self> {
        let (factor, scale) = scales(values, MAX_COMPONENT)?;
        let component = |value: &f32| (value * factor).round() as i8;
        Some(Self {
            scale,
            components: values.iter().map(component).collect(),
        })
    }

    /// The bytes as they are stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let components = self.components.iter().flat_map(|value| value.to_le_bytes());
        self.scale
            .to_le_bytes()
            .into_iter()
            .chain(components)
            .collect()
    }

    /// Returns `None` for bytes that are no vector.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (scale, components) = bytes.split_first_chunk()?;
        let scale = f32::from_le_bytes(*scale);
        let is_valid = scale.is_finite() && (1..=MAX_DIMENSIONS).contains(&components.len());
        let component = |byte: &u8| i8::from_le_bytes([*byte]);
        is_valid.then(|| Self {
            scale,
            components: components.iter().map(component).collect(),
        })
    }
}

impl QueryVector {
    /// Returns `None` for a vector without a direction, and for one that is too long.
    pub fn new(values: &[f32]) -> Option<Self> {
        let (factor, scale) = scales(values, MAX_QUERY_COMPONENT)?;
        let component = |value: &f32| (value * factor).round() as i16;
        Some(Self {
            scale,
            components: values.iter().map(component).collect(),
        })
    }
}

/// Returns the factor that makes the largest of `values` equal to `max`, and the scale that
/// makes the result a vector of unit length.
fn scales(values: &[f32], max: f32) -> Option<(f32, f32)> {
    if values.len() > MAX_DIMENSIONS {
        return None;
    }
    let largest = values
        .iter()
        .fold(0.0_f32, |max, value| max.max(value.abs()));
    let squares = values.iter().map(|value| f64::from(*value).powi(2));
    let length = squares.sum::<f64>().sqrt() as f32;
    let (factor, scale) = (max / largest, largest / (max * length));
    (factor.is_finite() && scale.is_finite() && scale > 0.0).then_some((factor, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vector_keeps_its_direction_and_has_unit_length() {
        let vector = PassageVector::new(&[3.0, -4.0, 0.0]).expect("a vector");
        let values: Vec<f32> = vector
            .components
            .iter()
            .map(|component| f32::from(*component) * vector.scale)
            .collect();
        for (value, expected) in values.iter().zip([0.6, -0.8, 0.0]) {
            assert!((value - expected).abs() < 0.005, "{values:?}");
        }
        assert_eq!(PassageVector::from_bytes(&vector.to_bytes()), Some(vector));
    }

    #[test]
    fn vector_without_a_direction_is_refused() {
        for values in [
            &[][..],
            &[0.0, 0.0],
            &[f32::NAN, 1.0],
            &[f32::INFINITY, 1.0],
            &[1.0; MAX_DIMENSIONS + 1],
        ] {
            assert_eq!(PassageVector::new(values), None);
            assert_eq!(QueryVector::new(values), None);
        }
        for bytes in [&[0; 3][..], &[0; 4], &f32::NAN.to_le_bytes()] {
            assert_eq!(PassageVector::from_bytes(bytes), None, "{bytes:?}");
        }
    }
}
