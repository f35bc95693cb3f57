//! The test of a profile: does the provider know us, does it give tokens, and what would go out.

use gatehouse_identity::require;
use gatehouse_store::audit::{self, Event, Outcome};
use gatehouse_types::{
    Actor, AuthProfileId, Error, Id, Permission, Result, Secret, WorkspaceId, random_token,
};
use serde_json::{Map, Value, json};

use super::change::Change;
use super::spec::spec_of;
use super::{not_found, object};
use crate::grants::model::Grant;
use crate::grants::{Refused, store as grants};
use crate::oauth::ask::{self, MASK, Wanted, ask};
use crate::oauth::{AskError, jwt};
use crate::profiles::model::{
    AuthorizationField, AuthorizationType, FieldPlace, Profile, Secrets, has_tenancy,
};
use crate::profiles::store;
use crate::{AccessToken, Asked, ClientSpec, Connect, Holder, Owner, Unavailable};

/// What a test found.
#[derive(Clone, Debug)]
pub(crate) struct Tested {
    pub(crate) success: bool,
    /// Whether tokens are there, or came.
    pub(crate) authorized: bool,
    pub(crate) message: String,
    /// The request for tokens, masked; `None` when there was none.
    pub(crate) request: Option<Request>,
    /// What goes with each request, as place, name and masked value.
    pub(crate) sent: Vec<(&'static str, String, String)>,
    /// What the access token says, when it is a JWT.
    pub(crate) claims: Option<Map<String, Value>>,
}

/// A request for tokens, masked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) params: Vec<(String, String)>,
}

/// What the provider said.
struct Said {
    success: bool,
    /// Whether a request for tokens was made, or is only looked at.
    sent: bool,
    token: Option<String>,
    message: String,
}

impl Connect {
    /// Tests a profile as it is stored. Client credentials ask for a token; where a person consents, the grant that is there
    /// is looked at, and without one it is tried whether the provider knows the client.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right; `RateLimited`.
    pub(crate) async fn test_profile(&self, actor: &Actor, id: &AuthProfileId) -> Result<Tested> {
        let db = &self.0.store;
        let workspace = require(db, actor, Permission::ManageAuthProfiles, object(id)).await?;
        self.by_hand(actor)?;
        let found = store::find(db, &mut db.reader(), workspace, id).await?;
        let (profile, secrets) = found.ok_or_else(not_found)?;
        let holder = Holder::Profile(id.clone());
        let own = Owner::Person(actor.user()?.clone());
        let mut grant = grants::find(db, &mut db.reader(), workspace, &holder, &Owner::Service).await?;
        let mut owner = Owner::Service;
        if grant.is_none() && profile.kind == AuthorizationType::OAuth2 {
            grant = grants::find(db, &mut db.reader(), workspace, &holder, &own).await?;
            owner = own;
        }
        let asked = grant.as_ref().map_or_else(|| example(&profile), |g| g.asked.clone());
        let spec = spec_of(&self.0.public_url, &profile, &secrets, &asked)?;
        let said = match (profile.kind, grant) {
            _ if actor.origin.dry_run.is_some() => nothing_was_asked(),
            (AuthorizationType::ClientCredentials, grant) => {
                let mut tx = db.begin_always().await?;
                grants::try_again(&mut tx, &holder).await?;
                tx.commit().await?;
                let token = match grant {
                    None => self.0.broker.token(workspace, &holder, &owner, &spec).await,
                    Some(Grant { id: grant, version, .. }) => {
                        let refused = Refused { grant, version };
                        self.0.broker.refuse(workspace, &holder, &owner, &spec, refused).await
                    }
                };
                self.told(token, "The provider gave a token.")?
            }
            (AuthorizationType::OAuth2, Some(before)) => {
                self.try_granted(workspace, (&holder, &owner), (&profile, &spec), &before).await?
            }
            (AuthorizationType::OAuth2, None) => self.try_client(&profile, &spec).await,
        };
        Ok(tested(&secrets, &spec, said))
    }

    /// Looks at what somebody authorized. A token that is good says nothing of a client that was changed after it came: the
    /// client is tried then too.
    async fn try_granted(
        &self,
        workspace: &WorkspaceId,
        (holder, owner): (&Holder, &Owner),
        (profile, spec): (&Profile, &ClientSpec),
        before: &Grant,
    ) -> Result<Said> {
        let token = self.0.broker.token(workspace, holder, owner, spec).await;
        let now = grants::look(&mut self.0.store.reader(), workspace, holder, owner).await?;
        let sent = now
            .is_none_or(|now| now.version != before.version || now.facts.failures != before.facts.failures);
        let said = Said { sent, ..self.told(token, "It is authorized, and its token is good.")? };
        let since = before.facts.refreshed_at.max(before.facts.authorized_at);
        if sent || !said.success || since.is_some_and(|since| since >= profile.updated_at) {
            return Ok(said);
        }
        let client = self.offer_code(spec).await;
        Ok(match client.success {
            true => Said {
                message: format!("{} The provider knows our client as it is now.", said.message),
                sent: true,
                ..said
            },
            false => Said {
                success: false,
                sent: true,
                message: format!(
                    "The token that is there is still good, but no new one will come: the profile was changed after it \
                     came, and the provider does not take our client as it is now. {}",
                    client.message
                ),
                ..said
            },
        })
    }

    /// Tests values that are not stored. Nothing is kept of it but an entry of the audit log.
    ///
    /// # Errors
    /// `Validation`; `Authorization` without the right; `RateLimited`.
    pub(crate) async fn try_profile(&self, actor: &Actor, new: Change) -> Result<Tested> {
        let workspace = require(&self.0.store, actor, Permission::ManageAuthProfiles, None).await?;
        self.by_hand(actor)?;
        let (profile, secrets) = self.draft(actor, workspace, new)?;
        self.try_values(actor, None, (&profile, &secrets)).await
    }

    /// The same for the values of a profile with changes that are not stored.
    ///
    /// # Errors
    /// As [`Connect::try_profile`]; `NotFound`.
    pub(crate) async fn try_change(
        &self,
        actor: &Actor,
        id: &AuthProfileId,
        change: Change,
    ) -> Result<Tested> {
        let db = &self.0.store;
        let workspace = require(db, actor, Permission::ManageAuthProfiles, object(id)).await?;
        self.by_hand(actor)?;
        let found = store::find(db, &mut db.reader(), workspace, id).await?;
        let (profile, secrets) = found.ok_or_else(not_found)?;
        let (profile, secrets) = self.changed(profile, secrets, change)?;
        self.try_values(actor, Some(id), (&profile, &secrets)).await
    }

    async fn try_values(
        &self,
        actor: &Actor,
        stored: Option<&AuthProfileId>,
        (profile, secrets): (&Profile, &Secrets),
    ) -> Result<Tested> {
        let spec = spec_of(&self.0.public_url, profile, secrets, &example(profile))?;
        let said = match profile.kind {
            _ if actor.origin.dry_run.is_some() => nothing_was_asked(),
            AuthorizationType::OAuth2 => self.try_client(profile, &spec).await,
            AuthorizationType::ClientCredentials => match ask(&self.0.http, &spec, Wanted::Client).await {
                Ok(tokens) => Said {
                    success: true,
                    sent: true,
                    token: Some(tokens.access_token.expose().to_owned()),
                    message: "The provider gave a token.".to_owned(),
                },
                Err(error) => Said { success: false, sent: true, token: None, message: error.to_string() },
            },
        };
        self.record_try(actor, stored, profile, said.success).await?;
        Ok(tested(secrets, &spec, said))
    }

    /// Values that were tried went to an address that nobody saved: the log says who sent them where.
    async fn record_try(
        &self,
        actor: &Actor,
        stored: Option<&AuthProfileId>,
        profile: &Profile,
        success: bool,
    ) -> Result<()> {
        let details = json!({"name": profile.name, "clientId": profile.client_id,
            "tokenRequestUrl": profile.token_url, "success": success});
        let target = stored.map(|id| ("auth-profile", id.as_str()));
        let outcome = if success { Outcome::Success } else { Outcome::Failure };
        let mut tx = self.0.store.begin(&actor.origin).await?;
        audit::record(
            &mut tx,
            actor,
            Event { event: "auth-profile.values-tested", outcome, target, details },
        )
        .await?;
        Ok(tx.commit().await?)
    }

    fn told(&self, token: Result<AccessToken, Unavailable>, good: &str) -> Result<Said> {
        let failed = |message: String| Said { success: false, sent: true, token: None, message };
        Ok(match token {
            Ok(token) => {
                let until = token.expires_at.map(|at| format!(" It ends at {at}.")).unwrap_or_default();
                Said {
                    success: true,
                    sent: true,
                    message: format!("{good}{until}"),
                    token: Some(token.token.expose().to_owned()),
                }
            }
            Err(Unavailable::Ours(error)) => return Err(error),
            Err(Unavailable::Failing { reason, .. }) => failed(reason),
            Err(other) => failed(Error::from(other).message().to_owned()),
        })
    }

    /// Whether the provider knows our client: a code that nobody was given is offered, and what is refused tells. Every
    /// provider refuses the code; one that refuses the client says so (RFC 6749 §5.2).
    async fn try_client(&self, profile: &Profile, spec: &ClientSpec) -> Said {
        if has_tenancy(&profile.token_url) {
            // the secret goes to no tenant that nobody named: somebody else may own that name
            let message = "The token request URL has a place for a tenancy, and nobody has named one yet, so nothing was \
                           sent. Authorize the profile, which asks for the tenancy, then test it.";
            return Said { success: false, sent: false, token: None, message: message.to_owned() };
        }
        self.offer_code(spec).await
    }

    async fn offer_code(&self, spec: &ClientSpec) -> Said {
        let random = || random_token(&**self.0.store.random());
        let (code, verifier): (Secret, Secret) = (random(), random());
        let wanted = Wanted::Code { code: &code, verifier: Some(&verifier) };
        let (success, message) = match ask(&self.0.http, spec, wanted).await {
            Ok(_) => (false, "The provider gave a token for a code that nobody was given: it cannot be trusted.".to_owned()),
            Err(AskError::Refused(refused)) if !refused.is_about_client() => (
                true,
                "The provider knows our client: it refused only the made-up code of this test. Nobody has authorized the \
                 profile yet."
                    .to_owned(),
            ),
            Err(error) => (false, error.to_string()),
        };
        Said { success, sent: true, token: None, message }
    }
}

fn nothing_was_asked() -> Said {
    Said {
        success: true,
        sent: true,
        token: None,
        message: "This is what would be sent; nothing was.".to_owned(),
    }
}

/// A tenant for a look at what would be sent, where nobody named one.
fn example(profile: &Profile) -> Asked {
    Asked { tenancy: profile.tenancy_url.then(|| "tenancy".to_owned()), ..Asked::default() }
}

fn tested(secrets: &Secrets, spec: &ClientSpec, said: Said) -> Tested {
    let name = |place: FieldPlace| {
        FieldPlace::ALL.iter().find(|(p, ..)| *p == place).map_or("", |(_, name, _)| *name)
    };
    let fields = &secrets.fields.authorization;
    let mut sent: Vec<_> = fields.iter().map(|f| (name(f.place), f.key.clone(), MASK.to_owned())).collect();
    if !fields.iter().any(AuthorizationField::places_token) {
        sent.insert(0, ("header", "Authorization".to_owned(), format!("Bearer {MASK}")));
    }
    Tested {
        success: said.success,
        authorized: said.token.is_some(),
        message: said.message,
        request: said.sent.then(|| {
            let outline = ask::outline(spec);
            Request { url: outline.url.into(), headers: outline.headers, params: outline.params }
        }),
        sent,
        claims: said.token.as_deref().and_then(jwt::claims),
    }
}
