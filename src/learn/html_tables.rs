//! Tables of a page: those that hold data become Markdown's, the others, which
//! only lay out a page, one cell below the other.

use std::rc::Rc;

use super::dom::{self, Node, descendants, renamed, tag};

/// Characters of a cell that still looks like data. Every cell of a column is
/// written as wide as the widest, and every row with as many as the longest, so
/// these three bound what a page can grow to.
const MAX_CELL_CHARS: usize = 200;
const MAX_COLUMNS: usize = 50;
const MAX_CELLS: usize = 20_000;

/// Makes a table what it is to be shown as; leaves everything else.
pub fn convert_table(node: &mut Rc<Node>) {
    if tag(node) != "table" {
        return;
    }
    if !holds_data(node) {
        *node = renamed(node, "div");
    } else if !descendants(node).any(|one| matches!(tag(&one), "th" | "thead")) {
        // Markdown has no tables without a head.
        make_head(node);
    }
}

fn holds_data(table: &Rc<Node>) -> bool {
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

/// Makes the cells of a table's first row those of its head.
fn make_head(table: &Rc<Node>) {
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

/// The text with its tables no wider than they need to be: what fills their
/// columns takes room from what is found.
pub fn trim_padding(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    let mut in_code = false;
    for line in markdown.split_inclusive('\n') {
        in_code ^= line.trim_start().starts_with("```");
        match line.starts_with("| ") && !in_code {
            true => narrow(line, &mut text),
            false => text.push_str(line),
        }
    }
    text
}

/// Runs of blanks as one, and the dashes under a head as three.
fn narrow(row: &str, text: &mut String) {
    let is_rule = row.bytes().all(|byte| b"|- \n".contains(&byte));
    let mut run = 0;
    let mut before = '|';
    for one in row.chars() {
        run = if one == before { run + 1 } else { 1 };
        before = one;
        let most = match one {
            ' ' => 1,
            '-' if is_rule => 3,
            _ => usize::MAX,
        };
        if run <= most {
            text.push(one);
        }
    }
}
