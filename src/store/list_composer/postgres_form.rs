//! The form of a composed statement for PostgreSQL.
//!
//! PostgreSQL merges ranges without sorting if each has an ORDER BY and a LIMIT of its
//! own; otherwise it reads all rows and sorts them. It reads an index from its end with the
//! rows without a value first. So the rows with a value and those without are separate
//! SELECTs, and the order of neither mentions NULL. A column with the same value in all
//! rows is left out of the order, because PostgreSQL does not see that the merged ranges
//! are equal in it.
//!
//! # Groups
//!
//! Where one range comes after another as a whole, for example the rows without a value,
//! nothing is merged: the statement concatenates the groups with UNION ALL and has no ORDER
//! BY around them. PostgreSQL runs the parts of a UNION ALL one after another, in the order
//! of the text, unless it runs them in parallel. Connections that read have parallel
//! queries switched off (`store/postgres/read_pool.rs`), and the tests of this module
//! compare pages with a sort of all rows.
//!
//! # Indexes
//!
//! PostgreSQL has no INDEXED BY. The settings of the connections that read make the planner
//! choose the index that has the order of a range, for every size of the table. The rows of
//! short lists of conversations that no agent handles are selected in a subquery with
//! OFFSET 0, which PostgreSQL plans apart from the order: they are read from the index by
//! the flag and sorted.

use super::super::sql::Sql;
use super::index_range::IndexRange;
use super::sql_builder::SqlBuilder;
use super::{Dialect, Select};

impl Select<'_> {
    pub(super) fn postgres_statement(&self) -> Option<Sql> {
        let mut groups = self.order.groups(self.key(), self.direction);
        if self.scan.is_reversed {
            groups.reverse();
        }
        let (first, others) = groups.split_first()?;
        let mut sql = SqlBuilder::default();
        if others.is_empty() {
            self.select_group(&mut sql, first);
        } else {
            self.select_up_to_end(&mut sql, first);
        }
        for group in others {
            sql.push(" UNION ALL ");
            self.select_up_to_end(&mut sql, group);
        }
        sql.limit_offset(self.window.limit, self.window.offset);
        Some(sql.finish())
    }

    /// Selects a group in parentheses, up to the last row that can be on the page.
    fn select_up_to_end(&self, sql: &mut SqlBuilder, group: &[IndexRange]) {
        sql.push("(");
        self.select_group(sql, group);
        self.limit_to_end(sql);
        sql.push(")");
    }

    /// Selects a group in order.
    fn select_group(&self, sql: &mut SqlBuilder, group: &[IndexRange]) {
        if let [range] = group {
            self.select_range(sql, *range);
        } else {
            for (index, range) in group.iter().enumerate() {
                sql.push(if index == 0 { "(" } else { " UNION ALL (" });
                self.select_range(sql, *range);
                self.order_by(sql, group);
                self.limit_to_end(sql);
                sql.push(")");
            }
        }
        self.order_by(sql, group);
    }

    /// Selects the columns that `sort_key` reads.
    fn select_range(&self, sql: &mut SqlBuilder, range: IndexRange) {
        let order = self.order;
        let is_sorted = order.is_sorted() && !order.has_one_value(range);
        if is_sorted {
            sql.push("SELECT seq, value, id FROM (");
        }
        sql.push("SELECT seq, ");
        sql.push(if order.is_open_part(range) {
            "CAST(NULL AS BIGINT)"
        } else {
            order.column(range)
        });
        sql.push(" AS value, id FROM conversation");
        sql.range_predicate(order, range);
        if let Some(predicate) = order.null_predicate(range) {
            sql.push(" AND ");
            sql.push(order.column(range));
            sql.push(predicate);
        }
        self.restrict(sql, range, Dialect::Postgres);
        if is_sorted {
            sql.push(" OFFSET 0) AS few");
        }
    }

    /// All rows of the group have a sort value, or none has.
    fn order_by(&self, sql: &mut SqlBuilder, group: &[IndexRange]) {
        let has_one_value = group.iter().all(|range| self.order.has_one_value(*range));
        sql.push(if has_one_value {
            self.scan.order_by_id()
        } else {
            self.scan.order_by_value()
        });
    }

    fn limit_to_end(&self, sql: &mut SqlBuilder) {
        sql.limit(self.window.limit.saturating_add(self.window.offset));
    }
}
