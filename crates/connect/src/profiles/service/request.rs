//! One request through a profile: the token, the authorization fields and the tenant are put in, and it goes only where
//! the profile's tokens may go.

use std::time::Duration;

use gatehouse_identity::require;
use gatehouse_outbound::{Limits, OutboundRequest, StatusCode};
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_types::{Actor, AuthProfileId, Error, Permission, Result, WorkspaceId};
use serde_json::Value;
use url::Url;

use super::draft::{Draft, Outline};
use super::spec::spec_of;
use super::{not_found, object};
use crate::call::stream::{self, Flowing, Judge};
use crate::call::{Called, Run};
use crate::grants::store as grants;
use crate::profiles::model::{AuthorizationType, Profile, Secrets, allows};
use crate::profiles::store;
use crate::{AccessToken, Asked, ClientSpec, Connect, Holder, Owner, Unavailable};

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
    pub(super) profile: Profile,
    pub(super) secrets: Secrets,
    pub(super) draft: Draft,
    pub(super) asked: Asked,
    /// The token that is there, when it need not be replaced.
    pub(super) held: Option<AccessToken>,
    pub(super) outline: Outline,
}

impl Judged {
    pub(super) fn spec(&self, connect: &Connect) -> Result<ClientSpec> {
        spec_of(&connect.0.public_url, &self.profile, &self.secrets, &self.asked)
    }

    /// The request with a token. One that was given for other values, such as another tenant, goes nowhere: where it would
    /// go was not judged.
    pub(super) fn with(&self, token: &AccessToken, limits: Limits) -> Result<OutboundRequest> {
        if !token.asked.is_same(&self.asked) {
            return Err(Unavailable::changed().into());
        }
        self.draft.with(&self.secrets, &token.asked, token.token.expose(), limits)
    }

    /// Whether an answer means that the token is not taken.
    pub(super) fn is_refusal(&self, status: StatusCode, body: &[u8]) -> bool {
        let mark = &self.profile.auth_error_text;
        status.as_u16() == self.profile.auth_error_status
            && (mark.is_empty() || String::from_utf8_lossy(body).contains(mark.as_str()))
    }
}

impl Judge for Judged {
    fn looks(&self, status: StatusCode) -> bool {
        status.as_u16() == self.profile.auth_error_status
    }

    fn is_refused(&self, status: StatusCode, beginning: &[u8]) -> bool {
        self.is_refusal(status, beginning)
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
        let spec = judged.spec(self)?;
        let put = |token: &AccessToken| judged.with(token, LIMITS);
        let called = self
            .call_with_grant(&judged.run, (&spec, judged.held.clone()), put, |answer| {
                judged.is_refusal(answer.status, &answer.body)
            })
            .await?;
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
        let spec = judged.spec(self)?;
        let put = |token: &AccessToken| judged.with(token, stream::LIMITS);
        Ok(self.stream_with_grant(&judged.run, (&spec, judged.held.clone()), put, &judged).await?)
    }

    /// Whether a request may go, by whom it is asked, as whom and whereto.
    async fn judged(&self, actor: &Actor, id: &AuthProfileId, wanted: &Wanted) -> Result<Judged> {
        let db = &self.0.store;
        let workspace = require(db, actor, Permission::UseAuthProfiles, object(id)).await?;
        actor.user()?;
        self.paced(actor)?;
        let found = store::find(db, &mut db.reader(), workspace, id).await?;
        let (profile, secrets) = found.ok_or_else(not_found)?;
        let owner = self.as_whom(actor, &profile, wanted.as_workspace).await?;
        let draft = Draft::of(wanted)?;
        let (asked, held) = self.at_hand(workspace, &profile, &owner).await?;
        self.may_go(actor, &profile, &draft.address(&asked)?).await?;
        let outline = draft.outline(&secrets, &asked)?;
        let run = Run::by_hand(actor, Holder::Profile(id.clone()), profile.name.clone(), owner)?;
        Ok(Judged { run, profile, secrets, draft, asked, held, outline })
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

    /// What was asked for at the authorization, and the token if it is good for a while yet.
    pub(super) async fn at_hand(
        &self,
        workspace: &WorkspaceId,
        profile: &Profile,
        owner: &Owner,
    ) -> Result<(Asked, Option<AccessToken>)> {
        let (db, holder) = (&self.0.store, Holder::Profile(profile.id.clone()));
        let grant = grants::find(db, &mut db.reader(), workspace, &holder, owner).await?;
        match (grant, profile.kind) {
            (Some(grant), _) => {
                let held = self.0.broker.at_hand(&grant);
                Ok((grant.asked, held))
            }
            (None, AuthorizationType::ClientCredentials) => Ok((Asked::default(), None)),
            (None, AuthorizationType::OAuth2) => Err(Unavailable::NotAuthorized.into()),
        }
    }

    /// Whether a profile's token may go to this address: to the hosts that it names; where it names none, to any for those
    /// who could name them. A refusal leaves a decision.
    async fn may_go(&self, actor: &Actor, profile: &Profile, url: &Url) -> Result<()> {
        let listed = &profile.allowed_hosts;
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
        let refusal = Refusal { action: "auth-profiles:use", object: object(&profile.id), reasons };
        let decision = refuse(&self.0.store, actor, Some(&profile.workspace), refusal).await?;
        let message = format!("{detail} An owner or admin adds hosts on the profile's page.");
        Err(Error::authorization(message).on_field("url").decided(decision))
    }
}
