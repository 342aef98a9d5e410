//! Sort ranges: rows of a project that are contiguous in one sort order.
//!
//! Every order of a list consists of one range, or of two ranges one after the
//! other: the rows with a value, then the rows without (NULLS LAST), or the
//! rows of one status, then those of the other. Descending orders use the same
//! ranges from their other end, so that a range is counted once for both
//! directions.

use uuid::Uuid;

use super::super::change::ListedConversation;
use super::super::totals::Totals;
use crate::domain::{ConversationId, Direction, ListQuery, Sort, SortKey, SortValue, Status};

/// The rows of one status (or of both) that have a value in one column, in the
/// order of that column and the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SortRange {
    status: Option<Status>,
    column: KeyColumn,
}

/// The column that the rows of a range are sorted by before the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum KeyColumn {
    /// No other column: the rows are sorted by the id alone.
    Id,
    CreatedAt,
    UpdatedAt,
    LastInteractionAt,
    /// Exactly the closed conversations have a value here.
    ClosedAt,
    IsHumanHandled,
    Title,
    /// The rows without a title, sorted by the id alone.
    NullTitle,
}

impl SortRange {
    /// The ranges that the order of `query` consists of.
    pub fn of(query: &ListQuery) -> (Self, Option<Self>) {
        let of_query = |column| Self {
            status: query.status,
            column,
        };
        let of_status = |status, column| Self {
            status: Some(status),
            column,
        };
        let open_by_id = of_status(Status::Open, KeyColumn::Id);
        let closed_by_id = of_status(Status::Closed, KeyColumn::Id);
        let closed_by_time = of_status(Status::Closed, KeyColumn::ClosedAt);
        match (query.sort, query.status) {
            (Sort::Id, _) | (Sort::Status, Some(_)) => (of_query(KeyColumn::Id), None),
            (Sort::Status, None) => match query.direction {
                Direction::Ascending => (closed_by_id, Some(open_by_id)),
                Direction::Descending => (open_by_id, Some(closed_by_id)),
            },
            (Sort::CreatedAt, _) => (of_query(KeyColumn::CreatedAt), None),
            (Sort::UpdatedAt, _) => (of_query(KeyColumn::UpdatedAt), None),
            (Sort::LastInteractionAt, _) => (of_query(KeyColumn::LastInteractionAt), None),
            (Sort::ClosedAt, None) => (closed_by_time, Some(open_by_id)),
            (Sort::ClosedAt, Some(Status::Closed)) => (closed_by_time, None),
            (Sort::ClosedAt, Some(Status::Open)) => (open_by_id, None),
            (Sort::IsHumanHandled, _) => (of_query(KeyColumn::IsHumanHandled), None),
            (Sort::Title, _) => (
                of_query(KeyColumn::Title),
                Some(of_query(KeyColumn::NullTitle)),
            ),
        }
    }

    /// The number of rows, if the stored totals determine it. They do not count
    /// titles.
    pub fn row_count(self, totals: &Totals) -> Option<u64> {
        match self.column {
            KeyColumn::Title | KeyColumn::NullTitle => None,
            _ => Some(totals.matching(self.status)),
        }
    }

    /// The key of a conversation in this range, or `None` if the conversation is
    /// not in the range.
    pub fn key(self, conversation: &ListedConversation) -> Option<SortKey> {
        if self
            .status
            .is_some_and(|status| status != conversation.status)
        {
            return None;
        }
        let value = match self.column {
            KeyColumn::Id => SortValue::Null,
            KeyColumn::CreatedAt => SortValue::Number(conversation.created_at),
            KeyColumn::UpdatedAt => SortValue::Number(conversation.updated_at),
            KeyColumn::LastInteractionAt => SortValue::Number(conversation.last_interaction_at),
            KeyColumn::ClosedAt => SortValue::Number(conversation.closed_at?),
            KeyColumn::IsHumanHandled => SortValue::Number(conversation.is_human_handled.into()),
            KeyColumn::Title => SortValue::Text(conversation.title_key.clone()?),
            KeyColumn::NullTitle if conversation.title_key.is_some() => return None,
            KeyColumn::NullTitle => SortValue::Null,
        };
        let id = conversation.id;
        Some(SortKey { value, id })
    }

    /// The query whose rows, from a key of this range on, are the rows of the
    /// range in ascending order. After them follow the rows of other ranges, see
    /// [`Self::key_in_range`].
    pub fn ascending_query(self) -> ListQuery {
        let sort = match self.column {
            KeyColumn::Id => Sort::Id,
            KeyColumn::CreatedAt => Sort::CreatedAt,
            KeyColumn::UpdatedAt => Sort::UpdatedAt,
            KeyColumn::LastInteractionAt => Sort::LastInteractionAt,
            KeyColumn::ClosedAt => Sort::ClosedAt,
            KeyColumn::IsHumanHandled => Sort::IsHumanHandled,
            KeyColumn::Title | KeyColumn::NullTitle => Sort::Title,
        };
        ListQuery {
            status: self.status,
            sort,
            direction: Direction::Ascending,
            ..ListQuery::default()
        }
    }

    /// The key of a row that [`Self::ascending_query`] returned, as a key of this
    /// range. `None` if the row is after the end of the range.
    pub fn key_in_range(self, mut key: SortKey) -> Option<SortKey> {
        match self.column {
            KeyColumn::Id => key.value = SortValue::Null,
            KeyColumn::Title if key.value == SortValue::Null => return None,
            _ => {}
        }
        Some(key)
    }

    /// Converts a key of this range to a key in the order of `query`. They differ
    /// in the order by status, whose ranges are sorted by the id.
    pub fn key_for_query(self, query: &ListQuery, mut key: SortKey) -> SortKey {
        if let (Sort::Status, Some(status)) = (query.sort, self.status) {
            key.value = SortValue::Text(status.as_str().into());
        }
        key
    }

    /// A key at or before every row of the range.
    pub fn lowest(self) -> SortKey {
        let value = match self.column {
            KeyColumn::Id | KeyColumn::NullTitle => SortValue::Null,
            KeyColumn::Title => SortValue::Text("".into()),
            _ => SortValue::Number(i64::MIN),
        };
        let id = ConversationId(Uuid::nil());
        SortKey { value, id }
    }

    /// A key at or after every row of the range. `None` for titles: no text is
    /// greater than all others.
    pub fn highest(self) -> Option<SortKey> {
        let value = match self.column {
            KeyColumn::Id | KeyColumn::NullTitle => SortValue::Null,
            KeyColumn::Title => return None,
            _ => SortValue::Number(i64::MAX),
        };
        let id = ConversationId(Uuid::max());
        Some(SortKey { value, id })
    }
}
