//! Tables of an HTML page. A table of data becomes a Markdown table; a layout
//! table becomes one block per cell.

use std::ops::Range;
use std::rc::Rc;

use super::super::dom::{self, Node, attribute, child_elements, descendants, renamed, tag};
use super::outline::heading_level;

/// The longest cell of a table of data without header cells, and of one with.
const MAX_CELL_CHARS: usize = 200;
const MAX_CELL_CHARS_WITH_HEADERS: usize = 1000;
/// Limits of a table of data. Cells that span several columns or rows are repeated, so
/// these and [`MAX_REPETITION`] bound the size of the Markdown.
const MAX_COLUMNS: usize = 50;
const MAX_CELLS: usize = 20_000;
/// How many times the length of the table its repeated cells may have.
const MAX_REPETITION: usize = 3;
/// The most rows of the header of a table without `<thead>`.
const MAX_HEADER_ROWS: usize = 4;
/// Separates the header cells above one column.
const HEADER_SEPARATOR: &str = ": ";

// ── Kinds of tables ──

/// Prepares a table for the Markdown converter: renames a layout table to `div`, and
/// blocks in the cells of a table of data. Leaves other nodes unchanged.
pub fn convert(node: &mut Rc<Node>) {
    if tag(node) != "table" {
        return;
    }
    if is_data_table(node) {
        flatten_cells(node);
    } else {
        *node = renamed(node, "div");
    }
}

fn is_data_table(table: &Rc<Node>) -> bool {
    if ["presentation", "none"]
        .iter()
        .any(|role| dom::has_value(table, "role", role))
    {
        return false;
    }
    let has_headers = dom::contains_any(table, &["th", "thead"]);
    let max_cell_chars = if has_headers {
        MAX_CELL_CHARS_WITH_HEADERS
    } else {
        MAX_CELL_CHARS
    };
    let (mut rows, mut columns) = (0, 0);
    for node in descendants(table) {
        match tag(&node) {
            "table" | "h1" | "h2" => return false,
            "td" | "th" if dom::text(&node).chars().count() > max_cell_chars => return false,
            "tr" => {
                rows += 1;
                columns = columns.max(child_elements(&node).len());
            }
            _ => {}
        }
    }
    (rows > 1 || has_headers && rows == 1 && columns > 1)
        && (columns > 1 || has_headers)
        && columns <= MAX_COLUMNS
        && rows * columns <= MAX_CELLS
}

/// Replaces the blocks in cells, which a Markdown table cannot have.
fn flatten_cells(table: &Rc<Node>) {
    for node in descendants(table) {
        let mut children = node.children.borrow_mut();
        for child in children.iter_mut() {
            let name = match tag(child) {
                "pre" => "code",
                "hr" => "br",
                _ if heading_level(child).is_some() => "strong",
                _ => continue,
            };
            *child = renamed(child, name);
            child.parent.set(Some(Rc::downgrade(&node)));
        }
    }
}

// ── Markdown ──

/// Writes a table of data as Markdown. `cell_markdown` converts the content of a cell.
pub fn write(table: &Rc<Node>, cell_markdown: &dyn Fn(&Rc<Node>) -> String) -> String {
    let rows = rows(table);
    let grid = Grid::new(&rows, cell_markdown);
    let mut markdown = String::from("\n\n");
    if let Some(caption) = caption(table) {
        markdown.push_str(&cell_text(&cell_markdown(&caption)));
        markdown.push_str("\n\n");
    }
    let mut lines = rows.iter().zip(&grid.rows).peekable();
    let mut groups = 0;
    while let Some(name) = lines.peek().and_then(|(row, cells)| row.group_name(cells)) {
        markdown.push_str(&format!("{name}\n\n"));
        lines.next();
        groups += 1;
    }
    let header_rows = header_rows(&rows[groups..], grid.columns);
    let header = grid.header(groups..groups + header_rows);
    let mut needs_head = true;
    for (row, cells) in lines.skip(header_rows) {
        if let Some(name) = row.group_name(cells) {
            // Each group is a table of its own.
            markdown.push_str(&format!("\n{name}\n\n"));
            needs_head = true;
        } else if !cells.iter().all(String::is_empty) {
            if std::mem::take(&mut needs_head) {
                push_head(&header, &mut markdown);
            }
            push_row(cells, &mut markdown);
        }
    }
    if groups + header_rows == rows.len() {
        push_head(&header, &mut markdown);
    }
    markdown.push('\n');
    markdown
}

fn push_head(header: &[String], markdown: &mut String) {
    push_row(header, markdown);
    push_row(&vec!["---".to_owned(); header.len()], markdown);
}

fn push_row(cells: &[String], markdown: &mut String) {
    markdown.push('|');
    for cell in cells {
        markdown.push(' ');
        markdown.push_str(cell);
        markdown.push_str(if cell.is_empty() { "|" } else { " |" });
    }
    markdown.push('\n');
}

/// A row of a table.
struct TableRow {
    is_in_head: bool,
    cells: Vec<Cell>,
}

struct Cell {
    node: Rc<Node>,
    columns: usize,
    rows: usize,
}

impl TableRow {
    fn new(row: &Node, is_in_head: bool, rows_below: usize) -> Self {
        let mut cells = child_elements(row);
        cells.retain(|cell| matches!(tag(cell), "td" | "th"));
        let cells = cells.into_iter().map(|node| Cell {
            columns: span(&node, "colspan").unwrap_or(1).clamp(1, MAX_COLUMNS),
            // 0 means: up to the last row.
            rows: match span(&node, "rowspan").unwrap_or(1) {
                0 => rows_below,
                rows => rows.min(rows_below),
            },
            node,
        });
        Self {
            is_in_head,
            cells: cells.collect(),
        }
    }

    /// Whether the row names columns: all its cells are header cells, except an empty one
    /// in the corner.
    fn is_header(&self) -> bool {
        let is_header = |cell: &Cell| tag(&cell.node) == "th";
        let is_corner = |cell: &Cell| dom::text(&cell.node).is_empty();
        match self.cells.split_first() {
            Some((first, others)) => {
                (is_header(first) && first.node_scope() != "row"
                    || is_corner(first) && !others.is_empty())
                    && others
                        .iter()
                        .all(|cell| is_header(cell) || is_corner(cell) && cell.columns == 1)
                    && self.cells.iter().any(is_header)
            }
            None => false,
        }
    }

    fn is_bold(&self) -> bool {
        let mut cells = self
            .cells
            .iter()
            .filter(|cell| !dom::text(&cell.node).is_empty());
        !self.cells.is_empty() && cells.all(|cell| is_bold(&cell.node))
    }

    /// The name of the rows below, if the row is one header cell across the table.
    fn group_name(&self, cells: &[String]) -> Option<String> {
        let [only] = self.cells.as_slice() else {
            return None;
        };
        let is_name = cells.len() > 1 && (tag(&only.node) == "th" || is_bold(&only.node));
        let name = cells.first().filter(|name| is_name && !name.is_empty())?;
        Some(format!("**{}**", name.trim_matches('*')))
    }
}

impl Cell {
    /// The columns and rows that the cell covers.
    fn size(&self, has_spans: bool) -> (usize, usize) {
        if has_spans {
            (self.columns, self.rows)
        } else {
            (1, 1)
        }
    }

    fn node_scope(&self) -> String {
        attribute(&self.node, "scope")
            .unwrap_or_default()
            .to_ascii_lowercase()
    }
}

/// Whether all text of a cell is bold.
fn is_bold(cell: &Rc<Node>) -> bool {
    let bold = descendants(cell).filter(|node| matches!(tag(node), "b" | "strong"));
    let bold: usize = bold.map(|node| dom::text(&node).len()).sum();
    bold > 0 && bold >= dom::text(cell).len()
}

fn span(cell: &Node, name: &str) -> Option<usize> {
    attribute(cell, name)?.trim().parse().ok()
}

fn caption(table: &Rc<Node>) -> Option<Rc<Node>> {
    let caption = child_elements(table)
        .into_iter()
        .find(|child| tag(child) == "caption");
    caption.filter(|caption| !dom::text(caption).is_empty())
}

/// The rows in the order of a reader: those of `<tfoot>` are the last.
fn rows(table: &Node) -> Vec<TableRow> {
    let mut groups: Vec<(u8, Vec<Rc<Node>>)> = Vec::new();
    for child in child_elements(table) {
        let order = match tag(&child) {
            "thead" => 0,
            "tbody" => 1,
            "tfoot" => 2,
            "tr" => {
                groups.push((1, vec![child]));
                continue;
            }
            _ => continue,
        };
        let mut rows = child_elements(&child);
        rows.retain(|row| tag(row) == "tr");
        groups.push((order, rows));
    }
    groups.sort_by_key(|(order, _)| *order);
    let is_in_head = |order| order == 0;
    let rows = groups.iter().flat_map(|(order, rows)| {
        let rows_of_group = rows.len();
        rows.iter()
            .enumerate()
            .map(move |(index, row)| TableRow::new(row, is_in_head(*order), rows_of_group - index))
    });
    rows.filter(|row| !row.cells.is_empty()).collect()
}

/// The number of rows that are the header: those of `<thead>`, else the first ones with
/// header cells alone, else a first row in bold type above others that are not.
fn header_rows(rows: &[TableRow], columns: usize) -> usize {
    let in_head = rows.iter().take_while(|row| row.is_in_head).count();
    if in_head > 0 {
        return in_head;
    }
    let is_header = |row: &&TableRow| row.is_header() && (row.cells.len() > 1 || columns == 1);
    let headers = rows
        .iter()
        .take(MAX_HEADER_ROWS)
        .take_while(is_header)
        .count();
    if headers > 0 && headers < rows.len() {
        return headers;
    }
    let has_bold_header =
        rows.len() > 1 && rows[0].is_bold() && rows[0].cells.len() > 1 && !rows[1].is_bold();
    usize::from(headers == 0 && has_bold_header)
}

/// The Markdown of all cells, with each spanning cell in all its columns and rows.
struct Grid {
    columns: usize,
    rows: Vec<Vec<String>>,
}

impl Grid {
    fn new(rows: &[TableRow], cell_markdown: &dyn Fn(&Rc<Node>) -> String) -> Self {
        let mut places = places(rows, true);
        let mut columns = column_count(&places);
        let has_spans = columns <= MAX_COLUMNS;
        if !has_spans {
            places = self::places(rows, false);
            columns = column_count(&places);
        }
        let cells = rows.iter().flat_map(|row| &row.cells);
        let length: usize = cells.map(|cell| dom::text(&cell.node).len()).sum();
        let mut grid = vec![vec![String::new(); columns]; rows.len()];
        let mut repeatable = length * MAX_REPETITION + MAX_CELL_CHARS;
        for (index, (row, places)) in rows.iter().zip(&places).enumerate() {
            for (cell, place) in row.cells.iter().zip(places) {
                let text = cell_text(&cell_markdown(&cell.node));
                let (cell_columns, cell_rows) = cell.size(has_spans);
                let mut last_column = (place + cell_columns).min(columns);
                if *place == 0 && row.cells.len() == 1 {
                    // A cell across the table.
                    last_column = 1;
                }
                let last_row = (index + cell_rows).min(rows.len());
                for cells in &mut grid[index..last_row] {
                    for target in &mut cells[*place..last_column] {
                        if text.len() <= repeatable && target.is_empty() {
                            repeatable -= text.len();
                            target.clone_from(&text);
                        }
                    }
                }
            }
        }
        remove_empty_columns(&mut grid);
        Self {
            columns: grid.first().map_or(0, Vec::len),
            rows: grid,
        }
    }

    /// One header cell for each column, from the first rows.
    fn header(&self, rows: Range<usize>) -> Vec<String> {
        let names = |column: usize| {
            let mut names: Vec<&str> = Vec::new();
            for row in &self.rows[rows.clone()] {
                let name = without_bold(&row[column]);
                if !name.is_empty() && !names.contains(&name) {
                    names.push(name);
                }
            }
            names.join(HEADER_SEPARATOR)
        };
        (0..self.columns).map(names).collect()
    }
}

/// Removes the columns without any text, such as those for a margin.
fn remove_empty_columns(grid: &mut [Vec<String>]) {
    let columns = grid.first().map_or(0, Vec::len);
    let is_used = |column: &usize| grid.iter().any(|row| !row[*column].is_empty());
    let used: Vec<usize> = (0..columns).filter(is_used).collect();
    if used.len() == columns {
        return;
    }
    for row in grid {
        *row = used
            .iter()
            .map(|column| std::mem::take(&mut row[*column]))
            .collect();
    }
}

/// The text of a cell that is bold as a whole. Cells of a header are bold anyway.
fn without_bold(cell: &str) -> &str {
    let inner = cell
        .strip_prefix("**")
        .and_then(|cell| cell.strip_suffix("**"));
    inner.filter(|inner| !inner.contains("**")).unwrap_or(cell)
}

fn column_count(places: &[Vec<usize>]) -> usize {
    let last = places.iter().flatten().max();
    last.map_or(0, |column| column + 1)
}

/// The first column of each cell of each row.
fn places(rows: &[TableRow], has_spans: bool) -> Vec<Vec<usize>> {
    // For each column, the rows that a cell from above still covers.
    let mut covered: Vec<usize> = Vec::new();
    let mut places = Vec::with_capacity(rows.len());
    for row in rows {
        let mut column = 0;
        let mut places_of_row = Vec::with_capacity(row.cells.len());
        let mut covers = Vec::new();
        for cell in &row.cells {
            while covered.get(column).is_some_and(|rows| *rows > 0) {
                column += 1;
            }
            places_of_row.push(column);
            let (columns, rows) = cell.size(has_spans);
            covers.push((column, columns, rows));
            column += columns;
        }
        covered
            .iter_mut()
            .for_each(|rows| *rows = rows.saturating_sub(1));
        for (first, columns, rows) in covers {
            if covered.len() < first + columns {
                covered.resize(first + columns, 0);
            }
            covered[first..first + columns].fill(rows - 1);
        }
        places.push(places_of_row);
    }
    places
}

/// The Markdown of a cell on one line, with its bars escaped.
fn cell_text(markdown: &str) -> String {
    let mut text = String::new();
    let mut in_list = false;
    for line in markdown
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (is_item, line) = match line.strip_prefix("- ") {
            Some(item) => (true, item),
            None => (false, line),
        };
        if !text.is_empty() {
            text.push_str(if is_item && in_list { "; " } else { " " });
        }
        in_list = is_item;
        text.push_str(line);
    }
    text.replace('|', "\\|")
}
