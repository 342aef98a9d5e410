//! The memory of requests and responses in flight.
//!
//! Clients decide how long a body stays in memory: a slow reader holds a response, an
//! unfinished upload holds a request. So bodies are charged to a budget of the process,
//! and to a share of the budget that the caller may use. A body that exceeds one of the
//! two is refused (docs/api-contract.md, section 10.5).
//!
//! Small bodies are not charged. They cost no more than the buffers that every connection
//! has, and a full budget does not affect the requests of most visitors.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::{ProjectSeq, VisitorSeq};
use crate::service::caller::Caller;

/// The part of the budget that a visitor or an address may use: an eighth.
const SHARE_DIVISOR: usize = 8;

/// The part of the budget that the private keys of a project may use: a half.
const PROJECT_SHARE_DIVISOR: usize = 2;

/// Who is charged for a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// All sessions of a visitor.
    Visitor(VisitorSeq),
    /// The private keys of a project.
    Project(ProjectSeq),
    /// A client without a bearer credential, by its [`super::network_of`].
    Address(IpAddr),
}

impl Owner {
    fn share_divisor(self) -> usize {
        match self {
            Owner::Visitor(_) | Owner::Address(_) => SHARE_DIVISOR,
            Owner::Project(_) => PROJECT_SHARE_DIVISOR,
        }
    }
}

impl From<Caller> for Owner {
    fn from(caller: Caller) -> Self {
        match caller {
            Caller::Visitor { visitor, .. } => Self::Visitor(visitor),
            Caller::Server { project } => Self::Project(project),
        }
    }
}

impl From<ProjectSeq> for Owner {
    fn from(project: ProjectSeq) -> Self {
        Self::Project(project)
    }
}

/// Why a body was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverBudget {
    #[error("the bodies in flight exceed the memory budget (--memory-budget-mb)")]
    Process,
    #[error("the caller's bodies in flight exceed its share of the memory budget")]
    Share,
}

/// The memory budget of a process.
pub struct MemoryBudget {
    limit: usize,
    usage: Mutex<Usage>,
}

/// The charged bytes.
#[derive(Default)]
struct Usage {
    total: usize,
    /// Only owners with charges.
    by_owner: HashMap<Owner, usize>,
}

impl MemoryBudget {
    pub fn new(megabytes: u32) -> Self {
        Self {
            limit: (megabytes as usize) << 20,
            usage: Mutex::default(),
        }
    }

    /// The number of bytes that are charged now.
    pub fn used(&self) -> usize {
        self.usage().total
    }

    /// Charges `bytes` to `owner` until the permit is dropped.
    ///
    /// # Errors
    /// [`OverBudget`] if the budget or the owner's share does not suffice.
    pub fn charge(self: &Arc<Self>, owner: Owner, bytes: usize) -> Result<Permit, OverBudget> {
        let mut permit = Permit {
            budget: Arc::clone(self),
            owner,
            bytes: 0,
        };
        permit.grow(bytes)?;
        Ok(permit)
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that are charged to an owner.
pub struct Permit {
    budget: Arc<MemoryBudget>,
    owner: Owner,
    bytes: usize,
}

impl Permit {
    /// Charges `bytes` more. An owner without other bodies in flight may exceed its
    /// share, so that a single large body is not refused forever.
    ///
    /// # Errors
    /// [`OverBudget`] if the budget or the owner's share does not suffice. The permit
    /// stays as it was.
    pub fn grow(&mut self, bytes: usize) -> Result<(), OverBudget> {
        let limit = self.budget.limit;
        let mut usage = self.budget.usage();
        if usage.total + bytes > limit {
            return Err(OverBudget::Process);
        }
        let own = usage.by_owner.get(&self.owner).copied().unwrap_or(0);
        if own > self.bytes && own + bytes > limit / self.owner.share_divisor() {
            return Err(OverBudget::Share);
        }
        usage.total += bytes;
        usage.by_owner.insert(self.owner, own + bytes);
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut usage = self.budget.usage();
        usage.total -= self.bytes;
        if let Some(own) = usage.by_owner.get_mut(&self.owner) {
            *own -= self.bytes;
            if *own == 0 {
                usage.by_owner.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: usize = 1 << 20;
    const ANN: Owner = Owner::Visitor(VisitorSeq(1));
    const BEN: Owner = Owner::Visitor(VisitorSeq(2));

    fn result(permit: Result<Permit, OverBudget>) -> Result<usize, OverBudget> {
        permit.map(|permit| permit.bytes)
    }

    #[test]
    fn owner_stays_within_its_share_and_others_are_not_affected() {
        let budget = Arc::new(MemoryBudget::new(16));
        let first = budget.charge(ANN, MB).expect("a first body");
        let second = budget.charge(ANN, MB).expect("the share is 2 MB");
        assert_eq!(result(budget.charge(ANN, 1)), Err(OverBudget::Share));
        assert_eq!(result(budget.charge(BEN, 1)), Ok(1));
        drop(first);
        assert_eq!(result(budget.charge(ANN, MB)), Ok(MB));
        drop(second);
        assert_eq!(budget.used(), 0);
        assert!(budget.usage().by_owner.is_empty());
    }

    #[test]
    fn single_body_may_exceed_the_share_but_not_the_budget() {
        let budget = Arc::new(MemoryBudget::new(16));
        let mut body = budget.charge(ANN, 3 * MB).expect("a single body");
        assert_eq!(body.grow(MB), Ok(()));
        assert_eq!(body.grow(13 * MB), Err(OverBudget::Process));
        assert_eq!(result(budget.charge(ANN, 1)), Err(OverBudget::Share));
        assert_eq!(
            result(budget.charge(BEN, 13 * MB)),
            Err(OverBudget::Process)
        );
        assert_eq!(budget.used(), 4 * MB);
        drop(body);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn private_keys_may_use_half_of_the_budget() {
        let budget = Arc::new(MemoryBudget::new(16));
        let server = Owner::Project(ProjectSeq::FIRST);
        let _first = budget.charge(server, MB).expect("a first body");
        let _second = budget.charge(server, 7 * MB).expect("a half");
        assert_eq!(result(budget.charge(server, 1)), Err(OverBudget::Share));
    }
}
