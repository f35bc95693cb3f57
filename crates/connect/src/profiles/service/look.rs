//! Profiles as people see them.

use gatehouse_identity::require;
use gatehouse_store::Queries;
use gatehouse_types::{Actor, AuthProfileId, Page, PageRequest, Permission, Result};
use serde::Serialize;

use super::{not_found, object};
use crate::profiles::model::{AuthorizationType, Profile, Secrets};
use crate::profiles::store;
use crate::{Connect, GrantState, GrantView, Holder, Owner};

/// Whether a profile can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AuthProfileStatus)]
pub(crate) enum Status {
    /// Tokens come for the workspace, or for the person who looks.
    Configured,
    /// Nobody authorized it, or the provider refuses.
    NotConfigured,
}

/// A profile with what stands around it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) profile: Profile,
    pub(crate) secrets: Secrets,
    /// The workspace's own grant.
    pub(crate) service: Option<GrantView>,
    /// The grant of the person who looks.
    pub(crate) own: Option<GrantView>,
}

impl Seen {
    /// Whether it can be used.
    pub(crate) fn status(&self) -> Status {
        let works = |grant: &Option<GrantView>| {
            grant.as_ref().is_some_and(|g| g.state == GrantState::Ok || g.is_untried())
        };
        let needs_nobody =
            self.profile.kind == AuthorizationType::ClientCredentials && self.service.is_none();
        match works(&self.service) || works(&self.own) || needs_nobody {
            true => Status::Configured,
            false => Status::NotConfigured,
        }
    }

    /// Whether nothing is known against it, since it was changed after it failed, and nothing was tried since.
    pub(crate) fn is_untried(&self) -> bool {
        let mut all = self.service.iter().chain(&self.own);
        self.status() == Status::Configured
            && all.clone().any(GrantView::is_untried)
            && !all.any(|g| g.state == GrantState::Ok)
    }

    /// Whether it was authorized, and its provider gives no tokens at the moment.
    pub(crate) fn is_failing(&self) -> bool {
        let mut all = self.service.iter().chain(&self.own);
        self.status() == Status::NotConfigured && all.any(|g| g.state == GrantState::Failing)
    }

    /// What somebody should look at, in a sentence.
    pub(crate) fn trouble(&self) -> Option<String> {
        let mut all = self.service.iter().chain(&self.own);
        let bad = all.find(|g| g.state != GrantState::Ok && !g.is_untried())?;
        Some(bad.reason.clone().unwrap_or_else(|| "Its provider gives no tokens.".to_owned()))
    }
}

impl Connect {
    /// One page of the workspace's profiles, by name.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn profiles(
        &self,
        actor: &Actor,
        search: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Seen>> {
        let workspace = require(&self.0.store, actor, Permission::UseAuthProfiles, None).await?;
        let db = &mut self.0.store.reader();
        let (found, total) = store::page(&self.0.store, db, workspace, search, page).await?;
        let mut seen = Vec::with_capacity(found.len());
        for (profile, secrets) in found {
            seen.push(self.seen(db, actor, profile, secrets).await?);
        }
        Ok(Page::new(seen, page, total))
    }

    /// A profile of the workspace.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn profile(&self, actor: &Actor, id: &AuthProfileId) -> Result<Seen> {
        let workspace = require(&self.0.store, actor, Permission::UseAuthProfiles, object(id)).await?;
        let db = &mut self.0.store.reader();
        let found = store::find(&self.0.store, db, workspace, id).await?;
        let (profile, secrets) = found.ok_or_else(not_found)?;
        self.seen(db, actor, profile, secrets).await
    }

    pub(super) async fn seen<Q: Queries>(
        &self,
        db: &mut Q,
        actor: &Actor,
        profile: Profile,
        secrets: Secrets,
    ) -> Result<Seen> {
        let (broker, holder) = (&self.0.broker, Holder::Profile(profile.id.clone()));
        let service = broker.state(db, &profile.workspace, &holder, &Owner::Service).await?;
        let own = match actor.user() {
            Ok(user) => broker.state(db, &profile.workspace, &holder, &Owner::Person(user.clone())).await?,
            Err(_) => None,
        };
        Ok(Seen { profile, secrets, service, own })
    }

    /// What was granted for a profile: everything for who manages it, one's own for others.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn profile_grants(
        &self,
        actor: &Actor,
        id: &AuthProfileId,
        page: PageRequest,
    ) -> Result<Page<GrantView>> {
        let workspace = require(&self.0.store, actor, Permission::UseAuthProfiles, object(id)).await?;
        let db = &mut self.0.store.reader();
        store::about(db, workspace, id).await?.ok_or_else(not_found)?;
        let all = self.0.broker.states(db, workspace, &Holder::Profile(id.clone())).await?;
        let manages = actor.may(Permission::ManageAuthProfiles);
        let is_own =
            |grant: &GrantView| grant.person_id.is_some() && grant.person_id.as_ref() == actor.user().ok();
        Ok(Page::of_all(all.into_iter().filter(|grant| manages || is_own(grant)).collect(), page))
    }
}
