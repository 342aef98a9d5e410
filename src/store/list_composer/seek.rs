//! Where a page begins.

use crate::domain::SortKey;

/// A place in an order where a page begins: `skip` rows after the first row
/// behind `key`, in the direction of the query.
///
/// The value of the key has the type of the sort column. Orders by id alone
/// ignore the value: the order by `id`, and those by `status` and by
/// `isHumanHandled` within one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Seek {
    pub key: SortKey,
    /// Whether a row with exactly this key belongs to the page.
    pub inclusive: bool,
    /// Rows to skip.
    pub skip: u64,
}
