//! The memory of requests and responses in flight.
//!
//! Clients decide how long a body stays in memory: a slow reader holds a response, an
//! unfinished upload holds a request. So bodies are charged to a budget of the process,
//! and to shares of the budget: of the caller and, for visitors, of the client address,
//! because one client can start any number of sessions. A body that exceeds one of them
//! is refused (docs/api-contract.md, section 10.5).
//!
//! Small bodies are not charged. They cost no more than the buffers that every connection
//! has, and a full budget does not affect the requests of most visitors.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::{ProjectSeq, VisitorSeq};
use crate::service::caller::Caller;

/// The part of the budget that a visitor may use: an eighth.
const VISITOR_SHARE_DIVISOR: usize = 8;

/// The part of the budget that all visitors and anonymous clients of an address may use:
/// a quarter.
const ADDRESS_SHARE_DIVISOR: usize = 4;

/// The part of the budget that the private keys of a project may use: a half.
const PROJECT_SHARE_DIVISOR: usize = 2;

/// Who may use a share of the budget.
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
            Owner::Visitor(_) => VISITOR_SHARE_DIVISOR,
            Owner::Address(_) => ADDRESS_SHARE_DIVISOR,
            Owner::Project(_) => PROJECT_SHARE_DIVISOR,
        }
    }
}

impl From<Caller> for Owner {
    fn from(caller: Caller) -> Self {
        match caller {
            Caller::Visitor { visitor, .. } => Self::Visitor(visitor),
            Caller::Server { project } | Caller::Agent { project, .. } => Self::Project(project),
        }
    }
}

impl From<ProjectSeq> for Owner {
    fn from(project: ProjectSeq) -> Self {
        Self::Project(project)
    }
}

/// The owners that are charged for a body, each within its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accounts {
    caller: Owner,
    /// The address of a visitor.
    address: Option<Owner>,
}

impl Accounts {
    /// The accounts of a caller that has a [`super::network_of`] address. Private keys
    /// belong to servers of the operator, so the address of a server does not count.
    pub fn new(caller: Owner, address: IpAddr) -> Self {
        let is_visitor = matches!(caller, Owner::Visitor(_));
        Self {
            caller,
            address: is_visitor.then_some(Owner::Address(address)),
        }
    }

    fn iter(self) -> impl Iterator<Item = Owner> {
        [Some(self.caller), self.address].into_iter().flatten()
    }
}

/// Why a body was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverBudget {
    #[error("the bodies in flight exceed the memory budget (--memory-budget-mb)")]
    Process,
    #[error(
        "the bodies in flight of the caller or its address exceed a share of the memory budget"
    )]
    Share,
}

/// The memory budget of a process.
pub struct MemoryBudget {
    limit: usize,
    usage: Mutex<ChargedBytes>,
    process_refusals: AtomicU64,
    share_refusals: AtomicU64,
}

/// The charged bytes.
#[derive(Default)]
struct ChargedBytes {
    total: usize,
    /// Only owners with charges.
    by_owner: HashMap<Owner, usize>,
}

impl MemoryBudget {
    pub fn new(megabytes: u32) -> Self {
        Self {
            limit: (megabytes as usize) << 20,
            usage: Mutex::default(),
            process_refusals: AtomicU64::new(0),
            share_refusals: AtomicU64::new(0),
        }
    }

    /// The number of bytes that can be charged.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The number of bodies that exceeded the budget and a share.
    pub fn refusals(&self) -> [(&'static str, u64); 2] {
        [
            ("process", &self.process_refusals),
            ("share", &self.share_refusals),
        ]
        .map(|(limit, refusals)| (limit, refusals.load(Ordering::Relaxed)))
    }

    /// The number of bytes that are charged now.
    pub fn used(&self) -> usize {
        self.usage().total
    }

    /// Charges `bytes` to `accounts` until the permit is dropped.
    ///
    /// # Errors
    /// [`OverBudget`] if the budget or a share does not suffice.
    pub fn charge(
        self: &Arc<Self>,
        accounts: Accounts,
        bytes: usize,
    ) -> Result<Permit, OverBudget> {
        let mut permit = Permit {
            budget: Arc::clone(self),
            accounts,
            bytes: 0,
        };
        permit.grow_to(bytes)?;
        Ok(permit)
    }

    fn usage(&self) -> MutexGuard<'_, ChargedBytes> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that are charged to owners.
pub struct Permit {
    budget: Arc<MemoryBudget>,
    accounts: Accounts,
    bytes: usize,
}

impl Permit {
    /// Charges more, so that `bytes` are charged in all. An owner without other bodies in
    /// flight may exceed its share, so that a single large body is not refused forever.
    ///
    /// # Errors
    /// [`OverBudget`] if the budget or a share does not suffice. The permit stays as it
    /// was.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), OverBudget> {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            // Costs no lock.
            return Ok(());
        }
        let limit = self.budget.limit;
        let mut usage = self.budget.usage();
        if usage.total + more > limit {
            self.budget.process_refusals.fetch_add(1, Ordering::Relaxed);
            return Err(OverBudget::Process);
        }
        for owner in self.accounts.iter() {
            let own = usage.of(owner);
            if own > self.bytes && own + more > limit / owner.share_divisor() {
                self.budget.share_refusals.fetch_add(1, Ordering::Relaxed);
                return Err(OverBudget::Share);
            }
        }
        usage.total += more;
        for owner in self.accounts.iter() {
            *usage.by_owner.entry(owner).or_default() += more;
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Charges less, so that at most `bytes` are charged.
    pub fn shrink_to(&mut self, bytes: usize) {
        let less = self.bytes.saturating_sub(bytes);
        if less == 0 {
            // Costs no lock.
            return;
        }
        let mut usage = self.budget.usage();
        usage.total -= less;
        for owner in self.accounts.iter() {
            usage.subtract(owner, less);
        }
        self.bytes -= less;
    }
}

impl ChargedBytes {
    fn of(&self, owner: Owner) -> usize {
        self.by_owner.get(&owner).copied().unwrap_or(0)
    }

    fn subtract(&mut self, owner: Owner, bytes: usize) {
        if let Some(own) = self.by_owner.get_mut(&owner) {
            *own -= bytes;
            if *own == 0 {
                self.by_owner.remove(&owner);
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: usize = 1 << 20;

    /// A visitor with an address.
    fn visitor(seq: i64, address: &str) -> Accounts {
        let address = address.parse().expect("an address");
        Accounts::new(Owner::Visitor(VisitorSeq(seq)), address)
    }

    fn ann() -> Accounts {
        visitor(1, "192.0.2.1")
    }

    fn ben() -> Accounts {
        visitor(2, "192.0.2.2")
    }

    fn result(permit: Result<Permit, OverBudget>) -> Result<usize, OverBudget> {
        permit.map(|permit| permit.bytes)
    }

    #[test]
    fn owner_stays_within_its_share_and_others_are_not_affected() {
        let budget = Arc::new(MemoryBudget::new(16));
        let first = budget.charge(ann(), MB).expect("a first body");
        let second = budget.charge(ann(), MB).expect("the share is 2 MB");
        assert_eq!(result(budget.charge(ann(), 1)), Err(OverBudget::Share));
        assert_eq!(result(budget.charge(ben(), 1)), Ok(1));
        drop(first);
        assert_eq!(result(budget.charge(ann(), MB)), Ok(MB));
        drop(second);
        assert_eq!(budget.used(), 0);
        assert!(budget.usage().by_owner.is_empty());
    }

    #[test]
    fn single_body_may_exceed_the_shares_but_not_the_budget() {
        let budget = Arc::new(MemoryBudget::new(16));
        let mut body = budget.charge(ann(), 5 * MB).expect("a single body");
        assert_eq!(body.grow_to(6 * MB), Ok(()));
        assert_eq!(body.grow_to(17 * MB), Err(OverBudget::Process));
        assert_eq!(result(budget.charge(ann(), 1)), Err(OverBudget::Share));
        assert_eq!(
            result(budget.charge(ben(), 11 * MB)),
            Err(OverBudget::Process)
        );
        assert_eq!(budget.used(), 6 * MB);
        body.shrink_to(MB);
        assert_eq!(budget.used(), MB);
        assert_eq!(result(budget.charge(ann(), MB)), Ok(MB));
        drop(body);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn visitors_of_one_address_may_use_a_quarter_of_the_budget() {
        let budget = Arc::new(MemoryBudget::new(16));
        let visitors = (1..=4).map(|seq| visitor(seq, "192.0.2.1"));
        let permits: Vec<_> = visitors.map(|one| budget.charge(one, MB)).collect();
        assert!(permits.iter().all(Result::is_ok));
        let fifth = visitor(5, "192.0.2.1");
        assert_eq!(result(budget.charge(fifth, 1)), Err(OverBudget::Share));
        let anonymous = "192.0.2.1".parse().expect("an address");
        let anonymous = Accounts::new(Owner::Address(anonymous), anonymous);
        assert_eq!(result(budget.charge(anonymous, 1)), Err(OverBudget::Share));
        let elsewhere = visitor(5, "192.0.2.2");
        assert_eq!(result(budget.charge(elsewhere, MB)), Ok(MB));
        drop(permits);
        assert_eq!(budget.used(), 0);
        assert!(budget.usage().by_owner.is_empty());
    }

    #[test]
    fn private_keys_may_use_half_of_the_budget() {
        let budget = Arc::new(MemoryBudget::new(16));
        let address = "192.0.2.1".parse().expect("an address");
        let server = Accounts::new(Owner::Project(ProjectSeq::FIRST), address);
        let _first = budget.charge(server, MB).expect("a first body");
        let _second = budget.charge(server, 7 * MB).expect("a half");
        assert_eq!(result(budget.charge(server, 1)), Err(OverBudget::Share));
        // The address of the server is not charged.
        assert_eq!(result(budget.charge(ann(), MB)), Ok(MB));
    }
}
