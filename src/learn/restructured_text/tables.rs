//! Tables.

use super::super::indented::{indentation, is_blank};
use super::Converter;

impl Converter {
    /// A table whose rows are lists of their cells.
    pub(super) fn list_table(&mut self, title: &str, body: &[&str], own: usize) {
        self.bold(title, own);
        let mut rows: Vec<Vec<String>> = Vec::new();
        for line in body {
            let content = line.trim_start();
            if let Some(first) = content.strip_prefix("* -") {
                rows.push(vec![first.trim().to_owned()]);
            } else if let Some(row) = rows.last_mut() {
                match (content.strip_prefix("- "), row.last_mut()) {
                    (Some(cell), _) if indentation(line) <= 4 => row.push(cell.trim().to_owned()),
                    (_, Some(cell)) => {
                        cell.push(' ');
                        cell.push_str(content.trim_end());
                    }
                    (_, None) => {}
                }
            }
        }
        self.table(&rows);
    }

    pub(super) fn table(&mut self, rows: &[Vec<String>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        if rows.is_empty() || columns > 50 {
            return;
        }
        self.out.push('\n');
        for (number, row) in rows.iter().enumerate() {
            for column in 0..columns {
                let cell = row.get(column).map_or("", String::as_str);
                let cell = self.inline(cell.trim()).replace('|', "\\|");
                self.out.push_str(&format!("| {cell} "));
            }
            self.out.push_str("|\n");
            if number == 0 {
                self.out.push_str(&"| --- ".repeat(columns));
                self.out.push_str("|\n");
            }
        }
        self.out.push('\n');
    }

    /// A table with lines of `+---+` around its cells.
    pub(super) fn grid_table(&mut self, lines: &[&str]) -> Option<usize> {
        let is_grid_rule = |line: &str| {
            line.len() > 2
                && line.starts_with('+')
                && line.bytes().all(|byte| b"+-=".contains(&byte))
        };
        if !is_grid_rule(lines[0].trim()) {
            return None;
        }
        let is_table_line = |line: &&&str| line.trim_start().starts_with(['+', '|']);
        let count = lines.iter().take_while(is_table_line).count();
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut is_new_row = true;
        for line in lines[..count].iter().map(|line| line.trim()) {
            if line.starts_with('+') {
                is_new_row = true;
                continue;
            }
            let cells = line.trim_matches('|').split('|').map(str::trim);
            if std::mem::take(&mut is_new_row) {
                rows.push(cells.map(str::to_owned).collect());
            } else if let Some(row) = rows.last_mut() {
                append_cells(row, cells);
            }
        }
        self.table(&rows);
        Some(count)
    }

    /// A table with lines of `===  ===` above and below its rows.
    pub(super) fn simple_table(&mut self, lines: &[&str]) -> Option<usize> {
        let is_table_rule = |line: &str| {
            line.contains("= ")
                && line.bytes().all(|byte| matches!(byte, b'=' | b' '))
                && line.starts_with('=')
        };
        let rule = lines[0].trim();
        let own = indentation(lines[0]);
        if !is_table_rule(rule) {
            return None;
        }
        let columns = column_starts(rule);
        let body = lines[1..]
            .iter()
            .position(|line| is_blank(line) || is_table_rule(line.trim()));
        let has_head = body.is_some_and(|at| is_table_rule(lines[at + 1].trim()));
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut count = 1;
        let mut rules = 1;
        for line in &lines[1..] {
            count += 1;
            let trimmed = line.trim();
            if is_table_rule(trimmed) {
                rules += 1;
                let next_is_blank = lines.get(count).is_none_or(|line| is_blank(line));
                if next_is_blank && (rules > 2 || !has_head || rows.len() > 1) {
                    break;
                }
                continue;
            }
            if trimmed.is_empty() {
                continue;
            }
            let line = line.get(own..).unwrap_or_default();
            let cells: Vec<_> = cells(line, &columns).collect();
            match rows.last_mut() {
                Some(row) if cells[0].is_empty() => append_cells(row, cells.iter().copied()),
                _ => rows.push(cells.into_iter().map(str::to_owned).collect()),
            }
        }
        self.table(&rows);
        Some(count)
    }
}

fn append_cells<'c>(row: &mut [String], cells: impl Iterator<Item = &'c str>) {
    for (cell, further) in row.iter_mut().zip(cells) {
        if !further.is_empty() {
            cell.push(' ');
            cell.push_str(further);
        }
    }
}

/// The begins of the columns below a rule such as `===  ===`.
fn column_starts(rule: &str) -> Vec<usize> {
    let bytes = rule.as_bytes();
    let starts =
        (0..bytes.len()).filter(|at| bytes[*at] == b'=' && (*at == 0 || bytes[at - 1] == b' '));
    starts.take(50).collect()
}

fn cells<'l>(line: &'l str, columns: &[usize]) -> impl Iterator<Item = &'l str> {
    columns.iter().enumerate().map(move |(number, start)| {
        let start = line.floor_char_boundary(*start);
        let end = columns
            .get(number + 1)
            .map_or(line.len(), |end| line.floor_char_boundary(*end));
        line[start..end.max(start)].trim()
    })
}
