//! The parameters of a list of conversations (docs/api-contract.md, section 4.5).

use super::validation::{ValidationError, parse_enum};
use super::{ConversationId, ListFilter, ProjectSeq, VisitorSeq};

/// Whose conversations a list contains. Visitors read their own, private keys
/// those of the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    Project(ProjectSeq),
    Visitor(VisitorSeq),
}

impl Scope {
    /// Who reads a list of this scope.
    pub fn audience(self) -> Audience {
        match self {
            Scope::Project(_) => Audience::Staff,
            Scope::Visitor(_) => Audience::Visitor,
        }
    }
}

/// Who reads a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Audience {
    /// The visitor. The inbox state is not read, and answers that failed before their
    /// first text are left out.
    Visitor,
    /// A private key or an agent.
    #[default]
    Staff,
}

/// The field that orders the list. Ties are ordered by `id` in the same
/// direction (docs/api-contract.md, section 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sort {
    Id,
    CreatedAt,
    UpdatedAt,
    #[default]
    LastInteractionAt,
    Status,
    ClosedAt,
    IsHumanHandled,
    Title,
}

impl Sort {
    /// The values of `orderBy`. `lastInterationAt` is the original spelling.
    pub const NAMES: [(&'static str, Sort); 9] = [
        ("id", Sort::Id),
        ("createdAt", Sort::CreatedAt),
        ("updatedAt", Sort::UpdatedAt),
        ("lastInterationAt", Sort::LastInteractionAt),
        ("lastInteractionAt", Sort::LastInteractionAt),
        ("status", Sort::Status),
        ("closedAt", Sort::ClosedAt),
        ("isHumanHandled", Sort::IsHumanHandled),
        ("title", Sort::Title),
    ];

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        parse_enum("orderBy", text, &Self::NAMES)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    Ascending,
    #[default]
    Descending,
}

impl Direction {
    pub const NAMES: [(&'static str, Direction); 2] = [
        ("asc", Direction::Ascending),
        ("desc", Direction::Descending),
    ];

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        parse_enum("orderDir", text, &Self::NAMES)
    }
}

/// Parses a number that consists of decimal digits only.
fn parse_digits(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// The maximum number of items on a page: 1 to 100, 10 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit(u32);

impl Limit {
    pub const MAX: u64 = 100;

    pub const LARGEST: Self = Self(Self::MAX as u32);

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        match parse_digits(text) {
            Some(limit @ 1..=Self::MAX) => Ok(Self(limit as u32)),
            _ => Err(ValidationError::new(
                "limit",
                format!("must be a whole number from 1 to {}", Self::MAX),
            )),
        }
    }

    pub fn get(self) -> u64 {
        self.0.into()
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(10)
    }
}

/// The maximum number of search results: 1 to 50, 10 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchLimit(usize);

impl SearchLimit {
    pub const MAX: u64 = 50;

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        match parse_digits(text) {
            Some(limit @ 1..=Self::MAX) => Ok(Self(limit as usize)),
            _ => Err(ValidationError::new(
                "size",
                format!("must be a whole number from 1 to {}", Self::MAX),
            )),
        }
    }

    pub fn get(self) -> usize {
        self.0
    }
}

impl Default for SearchLimit {
    fn default() -> Self {
        Self(10)
    }
}

/// The number of items before the page, 0 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Offset(u64);

impl Offset {
    /// The largest integer that every JSON parser represents exactly.
    pub const MAX: u64 = (1 << 53) - 1;

    /// Empty and `null` are 0, because clients of the hosted service send them
    /// (docs/api-contract.md, section 4.5).
    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        if text.is_empty() || text == "null" {
            return Ok(Self(0));
        }
        match parse_digits(text) {
            Some(offset @ 0..=Self::MAX) => Ok(Self(offset)),
            _ => Err(ValidationError::new(
                "offset",
                format!("must be a whole number from 0 to {}", Self::MAX),
            )),
        }
    }

    /// The maximum together with a cursor. SQLite steps over each row after a
    /// cursor; without a cursor the offset index finds the row.
    pub const MAX_AFTER_CURSOR: u64 = 1000;

    /// Returns an error if the offset is too large together with a cursor.
    pub fn check_after_cursor(self) -> Result<(), ValidationError> {
        if self.0 <= Self::MAX_AFTER_CURSOR {
            return Ok(());
        }
        Err(ValidationError::new(
            "offset",
            format!(
                "must be a whole number from 0 to {} together with after; leave after out to go further",
                Self::MAX_AFTER_CURSOR
            ),
        ))
    }

    pub fn get(self) -> u64 {
        self.0
    }
}

/// The value of the sort field in a row. Null sorts last in both directions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SortValue {
    Number(i64),
    Text(Box<str>),
    Null,
}

/// The sort key of a row: the value of the sort field, then the id. Keys compare
/// in ascending order. A key need not belong to an existing row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SortKey {
    pub value: SortValue,
    pub id: ConversationId,
}

/// One page of a list of conversations.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ListQuery {
    pub filter: ListFilter,
    pub sort: Sort,
    pub direction: Direction,
    pub limit: Limit,
    pub offset: Offset,
    /// The key of the row before the page. The offset counts from there.
    pub after: Option<SortKey>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_is_1_to_100_in_decimal_digits() {
        assert_eq!(Limit::parse("1").map(Limit::get), Ok(1));
        assert_eq!(Limit::parse("100").map(Limit::get), Ok(100));
        for text in ["0", "101", "-1", "+1", "1.0", "1e1", " 1", "", "null", "٣"] {
            assert!(Limit::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn offset_accepts_empty_null_and_zero() {
        for text in ["", "null", "0", "000"] {
            assert_eq!(Offset::parse(text).map(Offset::get), Ok(0), "{text:?}");
        }
        let max = Offset::MAX.to_string();
        assert_eq!(Offset::parse(&max).map(Offset::get), Ok(Offset::MAX));
        for text in [
            "-1",
            "+1",
            "1.5",
            "NULL",
            "9007199254740992",
            "99999999999999999999999",
        ] {
            assert!(Offset::parse(text).is_err(), "{text:?}");
        }
    }
}
