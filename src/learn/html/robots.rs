//! Robots directives: of `<meta name="robots">` and of the header `X-Robots-Tag`.

/// The name of this program in robots directives.
const ROBOT_NAME: &str = "parlor";
/// Directives with a value. Other names before a colon are those of robots.
const VALUED_DIRECTIVES: [&str; 4] = [
    "max-snippet",
    "max-image-preview",
    "max-video-preview",
    "unavailable_after",
];

/// Whether the `content` of a `<meta>` element named `name` forbids indexing.
pub fn meta_forbids_indexing(name: &str, content: &str) -> bool {
    let is_ours = name.eq_ignore_ascii_case("robots") || name.eq_ignore_ascii_case(ROBOT_NAME);
    is_ours && directives(content).any(forbids_indexing)
}

/// Whether the value of one header `X-Robots-Tag` forbids indexing. A name of a robot
/// (`otherbot: noindex`) applies to all directives after it.
pub fn header_forbids_indexing(value: &str) -> bool {
    let mut is_ours = true;
    for directive in directives(value) {
        let mut directive = directive;
        if let Some((name, rest)) = directive.split_once(':') {
            let name = name.trim();
            if is_valued(name) {
                continue;
            }
            is_ours = ["*", "robots", ROBOT_NAME]
                .iter()
                .any(|ours| name.eq_ignore_ascii_case(ours));
            directive = rest;
        }
        if is_ours && forbids_indexing(directive) {
            return true;
        }
    }
    false
}

fn directives(value: &str) -> impl Iterator<Item = &str> {
    value.split([',', ';']).map(str::trim)
}

fn is_valued(name: &str) -> bool {
    let mut valued = VALUED_DIRECTIVES.iter();
    valued.any(|each| name.eq_ignore_ascii_case(each))
}

/// Whether `noindex` or `none` is one of the words. A directive with a value, such as
/// `max-image-preview:none`, forbids nothing.
fn forbids_indexing(directive: &str) -> bool {
    !directive.contains(':')
        && directive
            .split_whitespace()
            .any(|word| word.eq_ignore_ascii_case("noindex") || word.eq_ignore_ascii_case("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_directives_for_this_robot_forbid_indexing() {
        for (name, content, expected) in [
            ("robots", "noindex", true),
            ("ROBOTS", "follow, NoIndex", true),
            ("robots", "noindex nofollow", true),
            ("robots", "none", true),
            ("parlor", "none", true),
            ("googlebot", "noindex", false),
            ("robots", "index, max-image-preview:none", false),
            ("robots", "max-image-preview: none", false),
            ("robots", "max-snippet:0; all", false),
            ("robots", "noindexing", false),
            ("robots", "", false),
        ] {
            let forbids = meta_forbids_indexing(name, content);
            assert_eq!(forbids, expected, "{name}: {content}");
        }
    }

    #[test]
    fn directives_of_a_header_apply_to_the_robot_before_them() {
        for (value, expected) in [
            ("noindex", true),
            ("nofollow, none", true),
            ("otherbot: noindex, nofollow", false),
            ("otherbot: nofollow, parlor: noindex", true),
            ("parlor: nofollow, otherbot: noindex", false),
            ("Parlor: noindex", true),
            ("noindex, otherbot: all", true),
            ("max-image-preview: none", false),
            ("unavailable_after: 25 Jun 2010 15:00:00 PST", false),
            ("", false),
        ] {
            assert_eq!(header_forbids_indexing(value), expected, "{value}");
        }
    }
}
