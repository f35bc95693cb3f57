//! Whether a key opens something: for our own paths, for other services, and for proxies.

use gatehouse_identity::rules::{Boxed, ProgramKeys};
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_types::{
    Actor, ApiKeyId, DecisionId, Error, Id, Origin, Principal, Result, UserId, WorkspaceId,
};

use crate::ApiKeys;
use crate::gate::{Asked, Known, Owner, Refused, Why};
use crate::model::{KeyDigest, KeyText};
use crate::store::gate::{digest_of, id_text};
use crate::store::keys;

/// What two refusals have in common that are recorded once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Decided {
    key: [u8; 16],
    why: std::mem::Discriminant<Why>,
    /// The scope that was asked for, as far as it has the shape of one.
    scope: Option<String>,
}

impl ApiKeys {
    /// Whether the key opens what is asked.
    ///
    /// # Errors
    /// When the database fails, or was not heard from for too long.
    pub(crate) async fn check(
        &self,
        text: &str,
        scope: Option<&str>,
        origin: &Origin,
    ) -> Result<Result<Known, Refused>> {
        let Some(key) = KeyText::parse(text) else { return Ok(Err(Refused::nobody(Why::Malformed))) };
        self.check_digest(&key.digest(), scope, origin).await
    }

    async fn check_digest(
        &self,
        digest: &KeyDigest,
        scope: Option<&str>,
        origin: &Origin,
    ) -> Result<Result<Known, Refused>> {
        self.answers()?;
        let asked = Asked { scope, ip: origin.ip, now: self.0.store.now() };
        let verdict = self.0.gate.check_digest(digest, asked);
        match verdict {
            Err(Refused { why: Why::Unknown, .. }) if !self.0.feed.is_loaded() => {
                match self.look_up(digest).await? {
                    true => Ok(self.0.gate.check_digest(digest, asked)),
                    false => Ok(verdict),
                }
            }
            verdict => Ok(verdict),
        }
    }

    /// [`ApiKeys::check`] of a key that was exchanged for a token.
    pub(crate) async fn check_id(
        &self,
        key: &ApiKeyId,
        scope: Option<&str>,
        origin: &Origin,
    ) -> Result<Result<Known, Refused>> {
        match digest_of(&mut self.0.store.reader(), key.as_str()).await? {
            Some(digest) => self.check_digest(&digest, scope, origin).await,
            None => Ok(Err(Refused::nobody(Why::Unknown))),
        }
    }

    /// A key as an actor.
    pub(crate) fn actor(known: &Known, origin: Origin) -> Actor {
        let owner = match &known.owner {
            Owner::Service => None,
            Owner::Person(id) => Some(UserId::from_stored(id.to_string())),
        };
        Actor {
            principal: Principal::ApiKey {
                key_id: ApiKeyId::from_stored(id_text(known.key)),
                app_id: known.app.id.clone(),
                owner,
                reach: known.app.reach,
            },
            workspace_id: Some(known.app.workspace.clone()),
            origin,
        }
    }

    /// The failure to tell the caller of a key that opens nothing, or not this. The reason is recorded for those who may
    /// know, once in a while for refusals that are alike.
    pub(crate) async fn refused(&self, origin: Origin, refused: Refused, scope: Option<&str>) -> Error {
        let error = match refused.why {
            Why::Rate(seconds) => return Error::rate_limited(seconds),
            Why::Quota(seconds) => return Error::rate_limited(seconds),
            Why::Network => Error::authorization("This key may not be used from here."),
            Why::Scope => Error::authorization(match scope {
                Some(scope) if crate::model::scope::is_shaped(scope) => {
                    format!("This key does not have the scope {scope}.")
                }
                _ => "This key does not have the scope that is needed.".to_owned(),
            }),
            Why::Malformed => Error::authentication("This is not an API key: its checksum is wrong."),
            _ => {
                Error::authentication("This API key opens nothing: it is unknown, has ended, or was deleted.")
            }
        };
        match self.decision(origin, refused, scope).await {
            Ok(Some(decision)) => error.decided(decision),
            Ok(None) => error,
            Err(e) => e,
        }
    }

    async fn decision(
        &self,
        origin: Origin,
        refused: Refused,
        scope: Option<&str>,
    ) -> Result<Option<DecisionId>> {
        let scope = scope.filter(|s| crate::model::scope::is_shaped(s));
        let Some(known) = &refused.known else {
            if self.0.refusals.check(&origin.network()).is_err() {
                return Ok(None);
            }
            let detail = match refused.why {
                Why::Malformed => "What was sent is not an API key: its shape or its checksum is wrong.",
                _ => "No API key with this value exists.",
            };
            let reasons = vec![Reason::failed("API key", detail)];
            let refusal = Refusal { action: "request:authenticate", object: None, reasons };
            return Ok(Some(refuse(&self.0.store, &Actor::anonymous(origin), None, refusal).await?));
        };
        let alike = Decided {
            key: known.key,
            why: std::mem::discriminant(&refused.why),
            scope: scope.map(str::to_owned),
        };
        if let Some(id) = self.0.decided.get(&alike) {
            return Ok(Some(id));
        }
        // a scope is what the caller says: who holds a key does not fill the disk with refusals of made-up ones
        if self.0.refusals.check(&id_text(known.key)).is_err() {
            return Ok(None);
        }
        let reasons = self.reasons(known, refused.why, scope, origin.ip).await?;
        let refusal = Refusal {
            action: scope.unwrap_or("request:authenticate"),
            object: Some(format!("api-key:{}", id_text(known.key))),
            reasons,
        };
        let workspace = known.app.workspace.clone();
        let actor = Self::actor(known, origin);
        let id = refuse(&self.0.store, &actor, Some(&workspace), refusal).await?;
        self.0.decided.insert(alike, id.clone());
        Ok(Some(id))
    }

    /// The chain of reasons of a refusal, in plain words.
    async fn reasons(
        &self,
        known: &Known,
        why: Why,
        scope: Option<&str>,
        ip: Option<std::net::IpAddr>,
    ) -> Result<Vec<Reason>> {
        let found = keys::find_any(&mut self.0.store.reader(), &id_text(known.key)).await?;
        let (key, app) = match &found {
            Some((key, app)) => (format!("{} ({})", key.name, key.masked), app.clone()),
            None => (id_text(known.key), known.app.id.to_string()),
        };
        let end = found.as_ref().and_then(|(k, _)| k.expires_at).map_or_else(String::new, |e| e.to_string());
        let of_key = |detail: String| vec![Reason::failed("API key", detail)];
        let passed = Reason::passed("API key", format!("The key {key} of the app {app} is good."));
        Ok(match why {
            Why::Deleted => of_key(format!("The key {key} of the app {app} was deleted. Make a new one.")),
            Why::Disabled => of_key(format!("The key {key} of the app {app} is switched off.")),
            Why::Expired => of_key(format!("The key {key} of the app {app} ended at {end}. Make a new one.")),
            Why::Replaced => of_key(format!(
                "The key {key} of the app {app} gave way to a new one, and their time together ended at {end}. Use \
                 the new one."
            )),
            Why::AppDisabled => of_key(format!("The app {app} is switched off, with all its keys.")),
            Why::Demoted => of_key(format!(
                "The key {key} of the app {app} is a person's own, and the role of that person gives no keys any more. \
                 Make a key of the company's, or give the person a role that may."
            )),
            Why::Malformed | Why::Unknown => of_key("No API key with this value exists.".to_owned()),
            Why::Network => vec![
                passed,
                Reason::failed(
                    "network",
                    format!(
                        "The call came from {}, which is not among the networks that the key or its app allows.",
                        ip.map_or_else(|| "an unknown address".to_owned(), |ip| ip.to_string())
                    ),
                ),
            ],
            Why::Scope => vec![
                passed,
                Reason::failed(
                    "scope",
                    format!(
                        "The scope {} is needed. The app {app} has {}. An admin can give it more, for all its keys.",
                        scope.unwrap_or("that was asked for"),
                        match known.app.scopes().collect::<Vec<_>>().join(", ") {
                            none if none.is_empty() => "none".to_owned(),
                            some => some,
                        }
                    ),
                ),
            ],
            Why::Rate(_) | Why::Quota(_) => vec![passed, Reason::failed("limit", "Too many requests.")],
        })
    }
}

/// What identity asks about keys.
#[derive(Clone, Debug)]
pub struct Programs(pub(crate) ApiKeys);

impl Programs {
    /// Over the service.
    pub fn new(keys: ApiKeys) -> Self {
        Self(keys)
    }
}

impl ProgramKeys for Programs {
    fn by_value<'a>(&'a self, origin: Origin, value: &'a str) -> Boxed<'a, Result<Actor>> {
        Box::pin(async move {
            match self.0.check(value, None, &origin).await? {
                Ok(known) => Ok(ApiKeys::actor(&known, origin)),
                Err(refused) => Err(self.0.refused(origin, refused, None).await),
            }
        })
    }

    fn by_id<'a>(&'a self, origin: Origin, key: &'a ApiKeyId) -> Boxed<'a, Result<Option<Actor>>> {
        Box::pin(async move {
            let known = self.0.check_id(key, None, &origin).await?;
            Ok(known.ok().map(|known| ApiKeys::actor(&known, origin)))
        })
    }
}

impl ApiKeys {
    /// What another service of the workspace wants to know of a key that it was shown. A key of another workspace is
    /// unknown.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn verify(
        &self,
        actor: &Actor,
        text: &str,
        scope: Option<&str>,
        ip: Option<std::net::IpAddr>,
    ) -> Result<Result<Known, Refused>> {
        let permission = gatehouse_types::Permission::VerifyKeys;
        let workspace = gatehouse_identity::require(&self.0.store, actor, permission, None).await?.clone();
        // whose call it is that the key came with is for the asking service to say
        let origin = Origin { ip: ip.or(actor.origin.ip), ..actor.origin.clone() };
        // a key of somebody else is not even counted
        let theirs = match KeyText::parse(text) {
            Some(key) => self.belongs_to(&key.digest(), &workspace).await?,
            None => true,
        };
        match theirs {
            true => self.check(text, scope, &origin).await,
            false => Ok(Err(Refused::nobody(Why::Unknown))),
        }
    }

    async fn belongs_to(&self, digest: &KeyDigest, workspace: &WorkspaceId) -> Result<bool> {
        if !self.0.feed.is_loaded() && !self.0.gate.read().holds(digest) {
            self.look_up(digest).await?;
        }
        Ok(self.0.gate.read().workspace_of(digest).is_none_or(|w| w == workspace))
    }
}
