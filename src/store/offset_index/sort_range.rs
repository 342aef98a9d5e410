//! Sort ranges: rows of a project that are contiguous in one sort order.
//!
//! Every order of a list consists of one range, or of two ranges one after the
//! other: the rows with a value, then the rows without (NULLS LAST), or the
//! rows of one status, then those of the other. Descending orders use the same
//! ranges from their other end, so that a range is counted once for both
//! directions.

use uuid::Uuid;

use super::super::changes::ListedConversation;
use super::super::totals::Totals;
use crate::domain::{
    ConversationId, Direction, ListFilter, ListQuery, Sort, SortKey, SortValue, Status,
};

/// The rows that a filter allows and that have a value in one column, in the order
/// of that column and the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SortRange {
    filter: ListFilter,
    rows: RangeRows,
}

/// The rows of a range, and what they are sorted by before the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum RangeRows {
    /// All rows, sorted by the id alone.
    ById,
    /// The rows that have a value in the column of a sort, sorted by the value.
    ByValue(Sort),
    /// The rows without a value in the column of a sort, sorted by the id alone.
    WithoutValue(Sort),
}

impl SortRange {
    /// The ranges that the order of `query` consists of.
    pub fn of(query: &ListQuery) -> (Self, Option<Self>) {
        let of_query = |rows| Self {
            filter: query.filter,
            rows,
        };
        let of_status = |status, rows| Self {
            filter: ListFilter {
                status: Some(status),
                ..query.filter
            },
            rows,
        };
        let open_by_id = of_status(Status::Open, RangeRows::ById);
        let closed_by_id = of_status(Status::Closed, RangeRows::ById);
        // Exactly the closed conversations have a `closedAt`.
        let closed_by_time = of_status(Status::Closed, RangeRows::ByValue(Sort::ClosedAt));
        match (query.sort, query.filter.status) {
            (Sort::Id, _) | (Sort::Status, Some(_)) => (of_query(RangeRows::ById), None),
            (Sort::Status, None) => match query.direction {
                Direction::Ascending => (closed_by_id, Some(open_by_id)),
                Direction::Descending => (open_by_id, Some(closed_by_id)),
            },
            (Sort::ClosedAt, None) => (closed_by_time, Some(open_by_id)),
            (Sort::ClosedAt, Some(Status::Closed)) => (closed_by_time, None),
            (Sort::ClosedAt, Some(Status::Open)) => (open_by_id, None),
            (Sort::Title, _) => (
                of_query(RangeRows::ByValue(Sort::Title)),
                Some(of_query(RangeRows::WithoutValue(Sort::Title))),
            ),
            (sort, _) => (of_query(RangeRows::ByValue(sort)), None),
        }
    }

    /// The number of rows, if the stored totals determine it. They do not count
    /// titles.
    pub fn row_count(self, totals: &Totals) -> Option<u64> {
        match self.rows {
            RangeRows::ByValue(Sort::Title) | RangeRows::WithoutValue(_) => None,
            _ => Some(totals.matching(self.filter)),
        }
    }

    /// The key of a conversation in this range, or `None` if the conversation is
    /// not in the range.
    pub fn key(self, conversation: &ListedConversation) -> Option<SortKey> {
        let (status, is_human_handled) = (conversation.status, conversation.is_human_handled);
        if !self.filter.allows(status, is_human_handled) {
            return None;
        }
        let value = match self.rows {
            RangeRows::ById => SortValue::Null,
            RangeRows::ByValue(sort) => conversation.sort_value(sort)?,
            RangeRows::WithoutValue(sort) if conversation.sort_value(sort).is_some() => {
                return None;
            }
            RangeRows::WithoutValue(_) => SortValue::Null,
        };
        let id = conversation.id;
        Some(SortKey { value, id })
    }

    /// The query whose rows, from a key of this range on, are the rows of the
    /// range in ascending order. After them follow the rows of other ranges, see
    /// [`Self::key_in_range`].
    pub fn ascending_query(self) -> ListQuery {
        let sort = match self.rows {
            RangeRows::ById => Sort::Id,
            RangeRows::ByValue(sort) | RangeRows::WithoutValue(sort) => sort,
        };
        ListQuery {
            filter: self.filter,
            sort,
            direction: Direction::Ascending,
            ..ListQuery::default()
        }
    }

    /// The key of a row that [`Self::ascending_query`] returned, as a key of this
    /// range. `None` if the row is after the end of the range.
    pub fn key_in_range(self, mut key: SortKey) -> Option<SortKey> {
        match self.rows {
            RangeRows::ById => key.value = SortValue::Null,
            RangeRows::ByValue(_) if key.value == SortValue::Null => return None,
            _ => {}
        }
        Some(key)
    }

    /// Converts a key of this range to a key in the order of `query`. They differ
    /// in the order by status, whose ranges are sorted by the id.
    pub fn key_for_query(self, query: &ListQuery, mut key: SortKey) -> SortKey {
        if let (Sort::Status, Some(status)) = (query.sort, self.filter.status) {
            key.value = SortValue::Text(status.as_str().into());
        }
        key
    }

    /// A key at or before every row of the range.
    pub fn lowest(self) -> SortKey {
        let value = match self.rows {
            RangeRows::ById | RangeRows::WithoutValue(_) => SortValue::Null,
            RangeRows::ByValue(Sort::Title) => SortValue::Text("".into()),
            RangeRows::ByValue(_) => SortValue::Number(i64::MIN),
        };
        let id = ConversationId(Uuid::nil());
        SortKey { value, id }
    }

    /// A key at or after every row of the range. `None` for titles: no text is
    /// greater than all others.
    pub fn highest(self) -> Option<SortKey> {
        let value = match self.rows {
            RangeRows::ById | RangeRows::WithoutValue(_) => SortValue::Null,
            RangeRows::ByValue(Sort::Title) => return None,
            RangeRows::ByValue(_) => SortValue::Number(i64::MAX),
        };
        let id = ConversationId(Uuid::max());
        Some(SortKey { value, id })
    }
}
