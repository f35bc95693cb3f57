//! One request through a profile: the token, the authorization fields and the tenant are put in, and it goes only where
//! the profile's tokens may go.

use std::time::Duration;

use gatehouse_identity::require;
use gatehouse_outbound::{Limits, OutboundRequest, Response, StatusCode};
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_types::{Actor, AuthProfileId, Error, Permission, Result, WorkspaceId};
use serde_json::Value;
use url::Url;

use super::draft::{Draft, Outline};
use super::{not_found, object};
use crate::call::stream::{self, Flowing, Judge};
use crate::call::{Called, Run};
use crate::grants::store as grants;
use crate::profiles::model::{AuthorizationType, Profile, Secrets, Usable, allows};
use crate::profiles::store;
use crate::{AccessToken, Asked, Connect, Holder, Owner, Unavailable};

/// The bounds of a request: it may take 20 seconds and bring 2 MiB, and never leaves its host.
pub(super) const LIMITS: Limits = Limits {
    max_bytes: 2 * 1024 * 1024,
    timeout: Duration::from_secs(20),
    max_redirects: 3,
    same_host_only: true,
};

/// A request as somebody asks for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Text goes out as it is, everything else as JSON.
    pub(crate) body: Option<Value>,
    /// As the workspace (`true`) or as oneself; `None`: as the workspace for who may, where that is authorized.
    pub(crate) as_workspace: Option<bool>,
}

/// A request that was read and may go, with all that it takes.
pub(super) struct Judged {
    pub(super) run: Run,
    pub(super) usable: Usable,
    pub(super) draft: Draft,
    pub(super) outline: Outline,
}

impl Judged {
    /// The request with a token. One that was given for other values, such as another tenant, goes nowhere: where it would
    /// go was not judged.
    pub(super) fn with(&self, token: &AccessToken, limits: Limits) -> Result<OutboundRequest> {
        if !token.asked.is_same(&self.usable.asked) {
            return Err(Unavailable::changed().into());
        }
        self.draft.with(&self.usable.fields, &token.asked, token.token.expose(), limits)
    }

    /// What was asked for, and the token that is there, when it need not be replaced.
    pub(super) fn token(&self) -> (&Asked, Option<AccessToken>) {
        (&self.usable.asked, self.usable.token())
    }
}

impl Judge for Judged {
    fn looks(&self, status: StatusCode) -> bool {
        self.usable.may_refuse(status.as_u16())
    }

    fn is_refused(&self, status: StatusCode, beginning: &[u8]) -> bool {
        self.usable.is_refusal(status.as_u16(), beginning)
    }
}

impl Connect {
    /// Sends one request through a profile, as the workspace or as the person who asks. In a trial run nothing is sent, and
    /// the outline is all.
    ///
    /// # Errors
    /// `Validation`; `NotFound`; `Authorization` without the right, and for a host where its tokens may not go; `Conflict`
    /// when it must be authorized first; `RateLimited`; `Unavailable` when the provider or the outside is not reached.
    pub(crate) async fn profile_request(
        &self,
        actor: &Actor,
        id: &AuthProfileId,
        wanted: &Wanted,
    ) -> Result<(Option<Called>, Outline)> {
        let judged = self.judged(actor, id, wanted).await?;
        if actor.origin.dry_run.is_some() {
            return Ok((None, judged.outline));
        }
        let put = |token: &AccessToken| judged.with(token, LIMITS);
        let is_refused = |answer: &Response| judged.usable.is_refusal(answer.status.as_u16(), &answer.body);
        let called = self.call_with_grant(&judged.run, judged.token(), put, is_refused).await?;
        Ok((Some(called), judged.outline))
    }

    /// The same with an answer that is handed on piece by piece, as it comes.
    ///
    /// # Errors
    /// As [`Connect::profile_request`], until the head of the answer is there.
    pub(crate) async fn stream_profile_request(
        &self,
        actor: &Actor,
        id: &AuthProfileId,
        wanted: &Wanted,
    ) -> Result<Flowing> {
        let judged = self.judged(actor, id, wanted).await?;
        let put = |token: &AccessToken| judged.with(token, stream::LIMITS);
        Ok(self.stream_with_grant(&judged.run, judged.token(), put, &judged).await?)
    }

    /// Whether a request may go, by whom it is asked, as whom and whereto.
    async fn judged(&self, actor: &Actor, id: &AuthProfileId, wanted: &Wanted) -> Result<Judged> {
        let db = &self.0.store;
        let workspace = require(db, actor, Permission::UseAuthProfiles, object(id)).await?;
        actor.user()?;
        self.paced(actor)?;
        let (usable, owner, draft) = match self.remembered(actor, workspace, id, wanted)? {
            Some((usable, owner)) => (usable, owner, Draft::of(wanted)?),
            None => {
                let mark = self.0.memory.mark();
                let found = store::find(db, &mut db.reader(), workspace, id).await?;
                let (profile, secrets) = found.ok_or_else(not_found)?;
                let owner = self.as_whom(actor, &profile, wanted.as_workspace).await?;
                let draft = Draft::of(wanted)?;
                (self.usable_profile(mark, profile, secrets, &owner).await?, owner, draft)
            }
        };
        self.may_go(actor, id, &usable, &draft.address(&usable.asked)?).await?;
        let outline = draft.outline(&usable.fields, &usable.asked)?;
        let run = Run::by_hand(actor, Holder::Profile(id.clone()), usable.name.clone(), owner)?;
        Ok(Judged { run, usable, draft, outline })
    }

    /// What is remembered of a profile for who asks, and as whom the outside sees the request: where it is clear without a
    /// look at the database.
    fn remembered(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        id: &AuthProfileId,
        wanted: &Wanted,
    ) -> Result<Option<(Usable, Owner)>> {
        let owner = match (wanted.as_workspace, actor.may(Permission::ManageAuthProfiles)) {
            // the workspace's goes before one's own
            (Some(true) | None, true) => Owner::Service,
            (Some(false), _) | (None, false) => Owner::Person(actor.user()?.clone()),
            (Some(true), false) => return Ok(None),
        };
        let found = self.0.memory.get(id, &owner).filter(|found| found.workspace == *workspace);
        Ok(found.map(|found| (found, owner)))
    }

    /// As whom the outside sees the request. Client credentials are always the workspace's.
    async fn as_whom(&self, actor: &Actor, profile: &Profile, wanted: Option<bool>) -> Result<Owner> {
        let (db, user) = (&self.0.store, actor.user()?);
        let is_code = profile.kind == AuthorizationType::OAuth2;
        let as_workspace = match wanted {
            Some(said) => said,
            None if !is_code => true,
            None => {
                let (reader, holder) = (&mut db.reader(), Holder::Profile(profile.id.clone()));
                let own = Owner::Person(user.clone());
                actor.may(Permission::ManageAuthProfiles)
                    && (grants::look(reader, &profile.workspace, &holder, &Owner::Service).await?.is_some()
                        || grants::look(reader, &profile.workspace, &holder, &own).await?.is_none())
            }
        };
        if !as_workspace && !is_code {
            let message =
                "OAuth V2 Client Credentials acts for the workspace: there is nobody's own authorization.";
            return Err(Error::validation("as", message));
        }
        if as_workspace {
            require(db, actor, Permission::ManageAuthProfiles, object(&profile.id)).await?;
            return Ok(Owner::Service);
        }
        Ok(Owner::Person(user.clone()))
    }

    /// What a request takes of a profile that was read, and of the grant; it is remembered where there is a token that is good
    /// for a while yet.
    pub(super) async fn usable_profile(
        &self,
        mark: u64,
        profile: Profile,
        secrets: Secrets,
        owner: &Owner,
    ) -> Result<Usable> {
        let (db, holder) = (&self.0.store, Holder::Profile(profile.id.clone()));
        let grant = grants::find(db, &mut db.reader(), &profile.workspace, &holder, owner).await?;
        let (asked, held) = match (grant, profile.kind) {
            (Some(grant), _) => {
                let held = self.0.broker.at_hand(&grant);
                (grant.asked, held)
            }
            (None, AuthorizationType::ClientCredentials) => (Asked::default(), None),
            (None, AuthorizationType::OAuth2) => return Err(Unavailable::NotAuthorized.of(&profile.name)),
        };
        let id = profile.id.clone();
        let usable = Usable::of(profile, secrets, asked, held);
        if usable.is_good(db.now()) {
            self.0.memory.put(mark, &id, owner, &usable);
        }
        Ok(usable)
    }

    /// Whether a profile's token may go to this address: to the hosts that it names; where it names none, to any for those
    /// who could name them. A refusal leaves a decision.
    async fn may_go(&self, actor: &Actor, id: &AuthProfileId, profile: &Usable, url: &Url) -> Result<()> {
        let listed = &profile.hosts();
        if allows(listed, url) || listed.is_empty() && actor.may(Permission::ManageAuthProfiles) {
            return Ok(());
        }
        let host = url.host_str().unwrap_or_default();
        let detail = match listed.is_empty() {
            true => format!(
                "The profile {} names no hosts where its tokens may go, so only owners and admins send requests with it.",
                profile.name
            ),
            false => {
                format!("{host} is none of the hosts where tokens of the profile {} may go.", profile.name)
            }
        };
        let reasons = vec![Reason::failed("allowed hosts", detail.clone())];
        let refusal = Refusal { action: "auth-profiles:use", object: object(id), reasons };
        let decision = refuse(&self.0.store, actor, Some(&profile.workspace), refusal).await?;
        let message = format!("{detail} An owner or admin adds hosts on the profile's page.");
        Err(Error::authorization(message).on_field("url").decided(decision))
    }
}
