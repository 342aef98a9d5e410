//! What a list of conversations is asked for (section 3.5 of the contract).

use super::validation::{ValidationError, parse_enum};
use super::{ConversationId, ProjectSeq, Status, VisitorSeq};

/// Whose conversations: a visitor sees its own, a private key its project's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    Project(ProjectSeq),
    Visitor(VisitorSeq),
}

/// The field that the list is ordered by; ties go by `id`, in the same direction.
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
    /// The names on the wire, today's spelling of `lastInterationAt` among them.
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

/// A whole number written in digits alone, no sign, no blank.
fn whole(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// How many conversations a page holds at most: 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit(u32);

impl Limit {
    pub const MAX: u64 = 100;

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        match whole(text) {
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

/// How many results a search gives at most: 1 to 50.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchLimit(usize);

impl SearchLimit {
    pub const MAX: u64 = 50;

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        match whole(text) {
            Some(size @ 1..=Self::MAX) => Ok(Self(size as usize)),
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

/// How many conversations are passed over before the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Offset(u64);

impl Offset {
    /// The largest whole number that every JSON reader keeps exactly.
    pub const MAX: u64 = (1 << 53) - 1;

    /// Empty and `null` are 0, as clients of the hosted service send them
    /// (section 8.15).
    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        if text.is_empty() || text == "null" {
            return Ok(Self(0));
        }
        match whole(text) {
            Some(offset @ 0..=Self::MAX) => Ok(Self(offset)),
            _ => Err(ValidationError::new(
                "offset",
                format!("must be a whole number from 0 to {}", Self::MAX),
            )),
        }
    }

    /// The most together with a cursor: from there every row is walked past,
    /// while the front is counted from.
    pub const MAX_AFTER_CURSOR: u64 = 1000;

    /// Whether it may count from a cursor.
    pub fn check_after_cursor(self) -> Result<(), ValidationError> {
        match self.0 <= Self::MAX_AFTER_CURSOR {
            true => Ok(()),
            false => Err(ValidationError::new(
                "offset",
                format!(
                    "must be a whole number from 0 to {} together with after; leave after out to go further",
                    Self::MAX_AFTER_CURSOR
                ),
            )),
        }
    }

    pub fn get(self) -> u64 {
        self.0
    }
}

/// What an order compares of a conversation first. Nothing comes last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SortValue {
    Number(i64),
    Text(Box<str>),
    Null,
}

/// A place in an order: where a conversation with this field and this id
/// stands, whether or not there is one. Ascending, as places compare.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SortKey {
    pub value: SortValue,
    pub id: ConversationId,
}

/// One page of a list: which rows, in which order, from where.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ListQuery {
    pub status: Option<Status>,
    pub sort: Sort,
    pub direction: Direction,
    pub limit: Limit,
    pub offset: Offset,
    /// The row that the page comes after; the offset counts from there.
    pub after: Option<SortKey>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_one_to_a_hundred_in_plain_digits() {
        assert_eq!(Limit::parse("1").map(Limit::get), Ok(1));
        assert_eq!(Limit::parse("100").map(Limit::get), Ok(100));
        for text in ["0", "101", "-1", "+1", "1.0", "1e1", " 1", "", "null", "٣"] {
            assert!(Limit::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_offset_may_be_absent_in_three_ways() {
        for text in ["", "null", "0", "000"] {
            assert_eq!(Offset::parse(text).map(Offset::get), Ok(0), "{text:?}");
        }
        let most = Offset::MAX.to_string();
        assert_eq!(Offset::parse(&most).map(Offset::get), Ok(Offset::MAX));
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
