use super::*;

fn setting(key: &str) -> &'static WidgetSetting {
    WidgetSetting::find(key).expect("a setting")
}

#[test]
fn defaults_are_within_their_ranges() {
    for setting in &WIDGET_SETTINGS {
        let Some(default) = setting.default() else {
            continue;
        };
        assert_eq!(
            setting.parse(&default.to_string()),
            Ok(default),
            "{}",
            setting.key
        );
    }
}

#[test]
fn values_outside_of_the_range_are_refused_with_the_range() {
    for (key, valid, invalid, range) in [
        ("brandColor", "#0a7", "teal", "#rgb or #rrggbb"),
        ("baseFontSize", "32", "33", "from 8 to 32"),
        ("baseFontSize", "8.5", "NaN", "from 8 to 32"),
        ("width", "200", "inf", "from 200 to 2000"),
        ("offset", "0,1000", "0,1001", "x and y from 0 to 1000"),
        ("offset", "1, 2", "20", "such as 20,20"),
        (
            "position",
            "bottom-left",
            "top",
            "bottom-left, bottom-right",
        ),
        ("displayName", "Tern", "", "1 to 100 characters"),
        ("customCSSStyles", "", "\0", "0 to 20000 characters"),
        (
            "assistantAvatar",
            "https://shop.example/a.png",
            "javascript:alert(1)",
            "http or https",
        ),
    ] {
        assert!(setting(key).parse(valid).is_ok(), "{key} {valid}");
        let error = setting(key).parse(invalid).expect_err(key);
        assert!(error.contains(range), "{key}: {error}");
    }
}

#[test]
fn value_of_another_type_is_refused() {
    for (key, raw) in [
        ("width", RawWidgetValue::Text("400")),
        ("brandColor", RawWidgetValue::Number(1.0)),
        ("offset", RawWidgetValue::Number(1.0)),
    ] {
        assert!(setting(key).check(raw).is_err(), "{key}");
    }
}

#[test]
fn colors_with_little_contrast_cause_a_warning() {
    let warning =
        |key, text: &'static str| setting(key).contrast_warning(&WidgetValue::Text(text.into()));
    let light = warning("brandColor", "#ffee00").expect("a warning");
    assert!(light.contains("#ffee00 with white is 1.2:1"), "{light}");
    assert!(
        light.contains("4.5:1") && light.contains("darker"),
        "{light}"
    );
    // The ratio is 4.4999…
    let close = warning("brandColor", "#777").expect("a warning");
    assert!(close.contains("4.47:1"), "{close}");
    assert_eq!(warning("brandColor", "#1f6f5c"), None);
    let dark = warning("brandColorDark", "#222").expect("a warning");
    assert!(dark.contains("3:1") && dark.contains("lighter"), "{dark}");
    assert_eq!(warning("brandColorDark", "#ffee00"), None);
    assert_eq!(warning("displayName", "#ffee00"), None);
    assert_eq!(warning("userMessageBubbleColor", "#ffee00"), None);
}

#[test]
fn default_colors_can_be_read() {
    let color = |key: &str| match setting(key).default() {
        Some(WidgetValue::Text(text)) => Color::parse(&text).expect("a colour"),
        other => panic!("{key}: {other:?}"),
    };
    let black = Color::parse("#000").expect("a colour");
    let (bubble, brand) = (color("userMessageBubbleColor"), color("brandColor"));
    // Both apply in dark mode too, because the dark settings are null.
    assert!(bubble.contrast(black).max(bubble.contrast(Color::WHITE)) >= MIN_TEXT_CONTRAST);
    assert!(brand.contrast(Color::WHITE) >= MIN_TEXT_CONTRAST);
    let link = brand.contrast(bubble);
    assert!(link >= MIN_GRAPHICS_CONTRAST, "links in the bubble: {link}");
}
