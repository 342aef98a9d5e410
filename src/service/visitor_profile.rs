//! A visitor changes the own name and contact details (docs/api-contract.md, section 4.2).

use super::Services;
use super::idempotency::Idempotency;
use crate::domain::{Audience, Timestamp, Visitor, VisitorChange, VisitorSeq, WaitingReason};
use crate::store::idempotency::SavedResponse;
use crate::store::waiting::{self, WaitingContext};
use crate::store::{Snapshot, StoreError, visitor};

/// Why a visitor could not be changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VisitorChangeError {
    #[error("the website's server has set the name")]
    VerifiedName,
    #[error("the website's server has set the e-mail address")]
    VerifiedEmail,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes the name and the contact details of a visitor. If the visitor leaves contact
/// details, the conversation in which the visitor has written last waits for a person.
/// Returns the response with the changed visitor.
///
/// # Errors
/// [`VisitorChangeError::VerifiedName`] and [`VisitorChangeError::VerifiedEmail`] if the
/// website's server has set what the visitor changes.
pub async fn change(
    services: &Services,
    seq: VisitorSeq,
    change: VisitorChange,
    idempotency: &Idempotency,
    render: fn(&Visitor) -> SavedResponse,
) -> Result<SavedResponse, VisitorChangeError> {
    let find = move |snapshot: &Snapshot| {
        let visitor = visitor::read(snapshot, seq, Audience::Staff)?;
        let conversation = waiting::candidate(snapshot, seq)?;
        Ok::<_, StoreError>((visitor, conversation))
    };
    let (stored, conversation) = services.store.read(find).await?;
    let details = stored.details.as_ref();
    if change.name.is_some() && details.is_some_and(|details| details.is_verified) {
        return Err(VisitorChangeError::VerifiedName);
    }
    if change.email.is_some() && details.is_some_and(|details| details.is_email_verified) {
        return Err(VisitorChangeError::VerifiedEmail);
    }
    let at = Timestamp::now();
    let mut batch = visitor::change(seq, &change);
    if let (true, Some(conversation)) = (change.leaves_contact_details(), conversation) {
        let waiting = WaitingContext {
            conversation,
            is_email_configured: services.is_email_configured,
            at,
        };
        batch = batch.then(waiting.start(WaitingReason::Contact));
    }
    services.store.write(batch).await?;
    let read = move |snapshot: &Snapshot| visitor::read(snapshot, seq, Audience::Visitor);
    let response = render(&services.store.read(read).await?);
    // Saved by a write of its own: a change that is repeated changes nothing more.
    idempotency.save_alone(&services.store, &response).await?;
    Ok(response)
}
