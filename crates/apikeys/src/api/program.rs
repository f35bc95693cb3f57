use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use gatehouse_identity::{Caller, Identity};
use gatehouse_types::{Actor, Error, Origin, Permission, Principal, Result};
use gatehouse_web::ApiError;

use crate::ApiKeys;
use crate::gate::{Known, Refused, Why};

/// Somebody who calls what keys open, by key or by token. What they may is asked with [`Program::allowed`].
#[derive(Debug)]
pub struct Program {
    keys: ApiKeys,
    by: By,
    origin: Origin,
}

enum By {
    Key(String),
    Token(Actor),
}

impl std::fmt::Debug for By {
    /// Shows no key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(_) => f.write_str("Key"),
            Self::Token(actor) => f.debug_tuple("Token").field(&actor.principal).finish(),
        }
    }
}

impl<S> FromRequestParts<S> for Program
where
    S: Send + Sync,
    ApiKeys: FromRef<S>,
    Identity: FromRef<S>,
{
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> std::result::Result<Self, ApiError> {
        let keys = ApiKeys::from_ref(state);
        let origin = parts.extensions.get::<Origin>().cloned();
        let origin = origin.ok_or_else(|| Error::internal("the edge was not passed"))?;
        let key = parts.headers.get("x-api-key").map(|v| v.to_str().unwrap_or_default().to_owned());
        let by = match key {
            Some(key) => By::Key(key),
            None => By::Token(Caller::from_request_parts(parts, state).await?.0),
        };
        Ok(Self { keys, by, origin })
    }
}

impl Program {
    /// The caller, when a program has one of the scopes, or a person the right.
    ///
    /// # Errors
    /// `Authentication` for a key that opens nothing; `Authorization` with a recorded decision without scope or right;
    /// `RateLimited`.
    pub async fn allowed(&self, scopes: &[&'static str], right: Permission) -> Result<Actor> {
        let object = || scopes.first().map(|scope| format!("api-scope:{scope}"));
        if let By::Token(actor) = &self.by
            && !matches!(actor.principal, Principal::ApiKey { .. })
        {
            gatehouse_identity::require(&self.keys.0.store, actor, right, object()).await?;
            return Ok(actor.clone());
        }
        let mut last = None;
        for scope in scopes {
            match self.asked(Some(scope)).await? {
                Ok(known) => return Ok(ApiKeys::actor(&known, self.origin.clone())),
                Err(refused) if matches!(refused.why, Why::Scope) => last = last.or(Some((refused, *scope))),
                Err(refused) => {
                    return Err(self.keys.refused(self.origin.clone(), refused, Some(scope)).await);
                }
            }
        }
        match last {
            Some((refused, scope)) => Err(self.keys.refused(self.origin.clone(), refused, Some(scope)).await),
            None => self.good().await,
        }
    }

    /// The caller, when a key is good at all; a person is, who came this far.
    ///
    /// # Errors
    /// `Authentication` for a key that opens nothing; `RateLimited`.
    pub async fn good(&self) -> Result<Actor> {
        if let By::Token(actor) = &self.by {
            return Ok(actor.clone());
        }
        match self.asked(None).await? {
            Ok(known) => Ok(ApiKeys::actor(&known, self.origin.clone())),
            Err(refused) => Err(self.keys.refused(self.origin.clone(), refused, None).await),
        }
    }

    async fn asked(&self, scope: Option<&str>) -> Result<Result<Known, Refused>> {
        match &self.by {
            By::Key(value) => self.keys.check(value, scope, &self.origin).await,
            By::Token(Actor { principal: Principal::ApiKey { key_id, .. }, .. }) => {
                self.keys.check_id(key_id, scope, &self.origin).await
            }
            By::Token(_) => Err(Error::internal("a person has no scope")),
        }
    }
}
