//! Tables of an HTML page. A table of data becomes a Markdown table; a layout
//! table becomes one block per cell.

use std::rc::Rc;

use super::dom::{self, Node, descendants, renamed, tag};

/// The longest cell of a table of data. Markdown pads each column to its widest
/// cell and each row to the longest row, so these three limits bound the size
/// of the Markdown.
const MAX_CELL_CHARS: usize = 200;
const MAX_COLUMNS: usize = 50;
const MAX_CELLS: usize = 20_000;

/// Prepares a table for the Markdown converter: gives a table of data a header
/// row, and renames a layout table to `div`. Leaves other nodes unchanged.
pub fn convert_table(node: &mut Rc<Node>) {
    if tag(node) != "table" {
        return;
    }
    if !is_data_table(node) {
        *node = renamed(node, "div");
    } else if !descendants(node).any(|each| matches!(tag(&each), "th" | "thead")) {
        // A Markdown table requires a header row.
        make_first_row_header(node);
    }
}

fn is_data_table(table: &Rc<Node>) -> bool {
    let (mut rows, mut columns) = (0, 0);
    for node in descendants(table) {
        match tag(&node) {
            "table" => return false,
            "td" | "th" if dom::text(&node).chars().count() > MAX_CELL_CHARS => return false,
            "tr" => {
                rows += 1;
                columns = columns.max(node.children.borrow().len());
            }
            _ => {}
        }
    }
    rows > 1 && columns <= MAX_COLUMNS && rows * columns <= MAX_CELLS
}

fn make_first_row_header(table: &Rc<Node>) {
    let Some(row) = descendants(table).find(|node| tag(node) == "tr") else {
        return;
    };
    let mut cells = row.children.take();
    for cell in cells.iter_mut().filter(|cell| tag(cell) == "td") {
        *cell = renamed(cell, "th");
        cell.parent.set(Some(Rc::downgrade(&row)));
    }
    row.children.replace(cells);
}

/// Removes the padding of table cells, which would use up the characters of a
/// section. Code blocks stay unchanged.
pub fn trim_padding(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    let mut in_code = false;
    for line in markdown.split_inclusive('\n') {
        in_code ^= line.trim_start().starts_with("```");
        if line.starts_with("| ") && !in_code {
            push_trimmed_row(line, &mut text);
        } else {
            text.push_str(line);
        }
    }
    text
}

/// Appends a row with each run of spaces as one, and each run of dashes below
/// the header as three.
fn push_trimmed_row(row: &str, text: &mut String) {
    let is_rule = row.bytes().all(|byte| b"|- \n".contains(&byte));
    let mut run_length = 0;
    let mut previous = '|';
    for char in row.chars() {
        run_length = if char == previous { run_length + 1 } else { 1 };
        previous = char;
        let max_length = match char {
            ' ' => 1,
            '-' if is_rule => 3,
            _ => usize::MAX,
        };
        if run_length <= max_length {
            text.push(char);
        }
    }
}
