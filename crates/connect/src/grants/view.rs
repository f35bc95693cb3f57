//! Grants as people see them: everything but the tokens.

use gatehouse_store::Queries;
use gatehouse_types::{GrantId, OwnerKind, Result, Timestamp, UserId, WorkspaceId};
use serde::Serialize;

use super::broker::Broker;
use super::keep::NO_REFRESH;
use super::model::GrantState;
use super::store::{self, Listed};
use crate::call::ledger;
use crate::{Holder, Owner};

/// What an authorization server granted, without the tokens.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Grant)]
pub(crate) struct GrantView {
    /// The grant's id.
    #[schema(value_type = String)]
    pub(crate) id: GrantId,
    /// `service`: the workspace's own; `person`: one person's.
    #[schema(value_type = String)]
    pub(crate) owner: OwnerKind,
    /// The person, if it is one's.
    #[schema(value_type = Option<String>)]
    pub(crate) person_id: Option<UserId>,
    /// How it stands.
    pub(crate) state: GrantState,
    /// What went wrong, and what to do.
    pub(crate) reason: Option<String>,
    /// When it is tried again by itself.
    pub(crate) retry_at: Option<Timestamp>,
    /// What was granted, as the provider says it, else as it was asked for.
    pub(crate) scope: Option<String>,
    /// Which of its tokens is the present one; grows with each new one.
    pub(crate) version: i64,
    /// When the present token ends.
    pub(crate) expires_at: Option<Timestamp>,
    /// Whether new tokens come without a person.
    pub(crate) refreshable: bool,
    /// When that will have an end, where the provider tells.
    pub(crate) refresh_expires_at: Option<Timestamp>,
    /// What is good to know, such as that no refresh token came.
    pub(crate) warning: Option<String>,
    /// Who authorized it.
    #[schema(value_type = Option<String>)]
    pub(crate) authorized_by: Option<UserId>,
    /// When.
    pub(crate) authorized_at: Option<Timestamp>,
    /// The last new token.
    pub(crate) refreshed_at: Option<Timestamp>,
    /// The last call with it.
    pub(crate) last_used_at: Option<Timestamp>,
    /// What made calls with it in the last 30 days: what fails while it does not work.
    pub(crate) used_by: Vec<String>,
}

impl GrantView {
    /// Whether it failed, was changed since, and was not tried again: a failure always says when it is tried again.
    pub(crate) fn is_untried(&self) -> bool {
        self.state == GrantState::Failing && self.retry_at.is_none()
    }
}

fn of(grant: Listed, used_by: Vec<String>) -> GrantView {
    let facts = grant.facts;
    let by_person = facts.authorized_at.is_some();
    let warning = (by_person && facts.has_access && !facts.has_refresh && facts.expires_at.is_some())
        .then_some(NO_REFRESH);
    GrantView {
        id: grant.id,
        owner: grant.owner.kind(),
        person_id: grant.owner.person().cloned(),
        state: grant.state,
        reason: facts.reason.filter(|_| grant.state != GrantState::Ok).map(|reason| {
            match (grant.state, facts.retry_at) {
                (GrantState::Failing, None) => {
                    format!("It was changed after it failed, and was not tried since. Before: {reason}")
                }
                _ => reason,
            }
        }),
        retry_at: facts.retry_at,
        scope: facts.scope,
        version: grant.version,
        expires_at: facts.expires_at,
        refreshable: facts.has_refresh || !by_person,
        refresh_expires_at: facts.refresh_expires_at,
        warning: warning.map(str::to_owned),
        authorized_by: facts.authorized_by,
        authorized_at: facts.authorized_at,
        refreshed_at: facts.refreshed_at,
        last_used_at: facts.last_used_at,
        used_by,
    }
}

impl Broker {
    /// Whether there is a grant that needs nobody to authorize anew. Of a call's way: it does not look at what made calls.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn stands<Q: Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
        holder: &Holder,
        owner: &Owner,
    ) -> Result<bool> {
        let found = store::look(db, workspace, holder, owner).await?;
        Ok(found.is_some_and(|grant| grant.state != GrantState::NeedsReauthorization))
    }

    /// How a grant stands; `None` when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn state<Q: Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
        holder: &Holder,
        owner: &Owner,
    ) -> Result<Option<GrantView>> {
        let Some(found) = store::look(db, workspace, holder, owner).await? else { return Ok(None) };
        let used_by = ledger::causes(db, workspace, holder, owner).await?;
        Ok(Some(of(found, used_by)))
    }

    /// All grants of a holder, the workspace's own first.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn states<Q: Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
        holder: &Holder,
    ) -> Result<Vec<GrantView>> {
        let mut all = Vec::new();
        for found in store::of_holder(db, workspace, holder).await? {
            let used_by = ledger::causes(db, workspace, holder, &found.owner).await?;
            all.push(of(found, used_by));
        }
        Ok(all)
    }
}
