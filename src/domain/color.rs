//! Colours, and the contrast between two colours.

/// A colour of three channels from 0 to 255: red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color([u8; 3]);

impl Color {
    pub const WHITE: Self = Self([255, 255, 255]);
    /// The window of a page in dark mode.
    pub const DARK_WINDOW: Self = Self([0x1a, 0x1a, 0x1a]);

    /// Parses `#rgb` or `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        let digits: Vec<u8> = digits
            .chars()
            .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
            .collect::<Option<_>>()?;
        match *digits.as_slice() {
            [r, g, b] => Some(Self([r * 17, g * 17, b * 17])),
            [r, r2, g, g2, b, b2] => Some(Self([r * 16 + r2, g * 16 + g2, b * 16 + b2])),
            _ => None,
        }
    }

    /// The contrast ratio of two colours, 1 to 21, as WCAG 2 defines it.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// The relative luminance, 0 to 1, as WCAG 2 defines it.
    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|channel| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contrast(a: &str, b: &str) -> f64 {
        let [a, b] = [a, b].map(|text| Color::parse(text).expect("a colour"));
        (a.contrast(b) * 100.0).round() / 100.0
    }

    #[test]
    fn contrast_has_the_values_of_wcag() {
        assert_eq!(contrast("#000", "#fff"), 21.0);
        assert_eq!(contrast("#fff", "#FFFFFF"), 1.0);
        // Examples of WebAIM: the lightest grey that passes, and red.
        assert_eq!(contrast("#767676", "#ffffff"), 4.54);
        assert_eq!(contrast("#f00", "#fff"), 4.0);
        assert_eq!(contrast("#fff", "#ff0000"), 4.0);
    }

    #[test]
    fn colors_have_three_or_six_digits() {
        assert_eq!(Color::parse("#0a7"), Color::parse("#00AA77"));
        for text in [
            "",
            "#",
            "0a7",
            "#0a",
            "#0a7f",
            "#00aa7g",
            "#00aa77ff",
            "red",
            "#é12",
        ] {
            assert_eq!(Color::parse(text), None, "{text}");
        }
    }
}
