//! For whom, as whom and why a call is made, and how long it has.

use std::time::Duration;

use gatehouse_types::{Actor, Error, Result, UserId, WorkspaceId};
use tokio::time::Instant;

use super::ledger::{Effective, Who};
use crate::{Holder, Owner};

/// How long all of a call by hand may take: its token, its wait for a place, both of its tries. A request of ours has 30
/// seconds, in which the row of the ledger is written and the answer goes out, too.
pub(crate) const WITHIN: Duration = Duration::from_secs(25);

/// For whom, as whom and why a call is made: what the ledger says of it.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// The workspace.
    pub(crate) workspace: WorkspaceId,
    /// Who caused it; `None`: a program or the product itself.
    pub(crate) acting: Option<UserId>,
    /// What the credential is of.
    pub(crate) holder: Holder,
    /// What people call that.
    pub(crate) holder_name: String,
    /// As whom the outside sees it.
    pub(crate) owner: Owner,
    /// What made the call: `request`, `flow:<id>`.
    pub(crate) cause: String,
    /// What it is called in a connector's catalogue.
    pub(crate) action: Option<String>,
    /// The request that caused it.
    pub(crate) request_id: Option<String>,
    /// When all of it must be over.
    pub(crate) until: Instant,
}

impl Run {
    /// A call that an actor makes by hand.
    pub(crate) fn by_hand(actor: &Actor, holder: Holder, holder_name: String, owner: Owner) -> Result<Self> {
        Ok(Self {
            workspace: actor.workspace()?.clone(),
            acting: actor.user().ok().cloned(),
            holder,
            holder_name,
            owner,
            cause: "request".to_owned(),
            action: None,
            request_id: Some(actor.origin.request_id.to_string()),
            until: Instant::now() + WITHIN,
        })
    }

    /// What the ledger says of it.
    pub(super) fn who(&self) -> Who {
        Who {
            workspace: self.workspace.clone(),
            acting: self.acting.clone(),
            effective: match &self.owner {
                Owner::Service => Effective::Service,
                Owner::Person(user) => Effective::Person(user.clone()),
            },
            holder: Some((self.holder.kind(), self.holder.id().to_owned(), self.holder_name.clone())),
            cause: self.cause.clone(),
            action: self.action.clone(),
            request_id: self.request_id.clone(),
        }
    }
}

/// How much of a wait there is before a moment.
///
/// # Errors
/// `Unavailable` when there is none.
pub(super) fn left(until: Instant, wanted: Duration) -> Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Error::unavailable(
            "The time of this call was over before it could be sent. Try again when fewer calls are under way.",
        ));
    }
    Ok(left.min(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_waited_is_missing_in_the_end() {
        let (until, wanted) = (Instant::now() + Duration::from_millis(200), Duration::from_millis(150));
        assert_eq!(left(until, wanted).unwrap(), wanted);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(left(until, wanted).unwrap() <= Duration::from_millis(100));
        tokio::time::sleep_until(until).await;
        assert_eq!(left(until, wanted).unwrap_err().kind(), gatehouse_types::Kind::Unavailable);
    }
}
