//! Tables.

use super::Converter;

#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    columns: usize,
}

const MAX_COLUMNS: usize = 50;

impl Converter {
    pub(super) fn table_mark(&mut self) {
        let Some(table) = self.table.take() else {
            self.table = Some(Table::default());
            return;
        };
        self.out.push('\n');
        let rows = table.into_rows();
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        for (number, row) in rows.iter().enumerate() {
            for column in 0..columns {
                let cell = self.inline(row.get(column).map_or("", |cell| cell.trim()));
                self.out
                    .push_str(&format!("| {} ", cell.replace('|', "\\|")));
            }
            self.out.push_str("|\n");
            if number == 0 {
                self.out.push_str(&"| --- ".repeat(columns));
                self.out.push_str("|\n");
            }
        }
        self.out.push('\n');
    }
}

impl Table {
    pub(super) fn line(&mut self, line: &str) {
        if line.trim().is_empty() || line.starts_with("//") {
            return;
        }
        let mut parts = line.split('|');
        let before = parts.next().unwrap_or_default();
        let cells: Vec<String> = parts.map(|cell| cell.trim().to_owned()).collect();
        if cells.is_empty() {
            // A line of the cell above.
            let last = self.rows.last_mut().and_then(|row| row.last_mut());
            if let Some(cell) = last {
                cell.push(' ');
                cell.push_str(before.trim());
            }
            return;
        }
        self.columns = self.columns.max(cells.len().min(MAX_COLUMNS));
        self.rows.push(cells);
    }

    /// The rows; cells on lines of their own are joined to rows.
    pub(super) fn into_rows(self) -> Vec<Vec<String>> {
        let columns = self.columns.max(1);
        let cells: Vec<String> = self.rows.into_iter().flatten().collect();
        cells.chunks(columns).map(<[String]>::to_vec).collect()
    }
}
