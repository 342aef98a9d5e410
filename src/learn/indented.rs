//! Lines that belong together because of their indentation.

pub fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

/// The number of blanks at the begin of a line.
pub fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The first lines that are blank or indented by more than `own`, without their common
/// indentation, and their number.
pub fn take_indented<'l>(lines: &[&'l str], own: usize) -> (Vec<&'l str>, usize) {
    let is_inside = |line: &&&str| is_blank(line) || indentation(line) > own;
    let count = lines.iter().take_while(is_inside).count();
    let texts = lines[..count].iter().filter(|line| !is_blank(line));
    let common = texts.map(|line| indentation(line)).min().unwrap_or(0);
    let content = lines[..count]
        .iter()
        .map(|line| line.get(common..).unwrap_or_default());
    (content.collect(), count)
}
