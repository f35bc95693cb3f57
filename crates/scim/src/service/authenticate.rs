//! Who calls the protocol: a bearer token, and what it reaches.

use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_types::{Actor, Error, Id, Origin, Principal, Result, ScimScope};

use super::access_token;
use super::activities::token_of;
use crate::Scim;
use crate::model::{Dialect, ScimToken, TokenStatus};
use crate::store::tokens::{self, Calling};

/// The longest token that is looked at, in bytes.
pub(super) const MAX_TOKEN: usize = 256;
/// How exact the last use of a token is, in seconds.
const USE_SECONDS: i64 = 60;

impl Scim {
    /// The actor of a bearer token, in its workspace, whose members all have entries then, with the token; its use is to be noted
    /// by [`Scim::note_use`].
    ///
    /// # Errors
    /// `Authentication` with a recorded decision, in the same words for every value that opens nothing.
    pub(crate) async fn authenticate(
        &self,
        origin: Origin,
        bearer: Option<&str>,
    ) -> Result<(Actor, ScimToken)> {
        let store = &self.0.store;
        let Some(value) = bearer.filter(|v| !v.is_empty()) else {
            return Err(Error::authentication("Send a SCIM token: Authorization: Bearer scim_…"));
        };
        let found = match value.len() <= MAX_TOKEN && value.starts_with(access_token::PREFIX) {
            true => self.by_access_token(value).await?,
            false => self.by_value(value).await?,
        };
        let now = store.now();
        match found {
            Some(Calling { token, has_arrivals }) if token.status(now) == TokenStatus::Active => {
                if has_arrivals {
                    self.adopt(&token.workspace_id).await?;
                }
                let principal = Principal::Scim { token_id: token.id.clone(), scopes: token.scopes };
                Ok((Actor { principal, workspace_id: Some(token.workspace_id.clone()), origin }, token))
            }
            found => Err(self.refused(origin, found.map(|c| c.token)).await),
        }
    }

    /// Notes the use of a token, to the minute, and who speaks with it. A provider that shows itself is noted at once where
    /// none was known; another one in its place with the next minute. Nothing else is written.
    pub(crate) async fn note_use(&self, token: &ScimToken, heard: Dialect) -> Result<()> {
        let store = &self.0.store;
        let now = store.now();
        let before = now.plus_seconds(-USE_SECONDS);
        let (nothing_known, is_shown) =
            (token.dialect.is_none_or(|d| d == Dialect::Other), heard != Dialect::Other);
        if token.last_used_at.is_some_and(|at| at >= before) {
            if nothing_known && is_shown {
                let mut tx = store.begin_always().await?;
                tokens::learn(&mut tx, &token.id, heard).await?;
                tx.commit().await?;
            }
            return Ok(());
        }
        // a request that any provider could send says nothing against the one that is known
        let dialect = (nothing_known || is_shown).then_some(heard);
        let rhythm = token.rhythm.with_use(token.last_used_at, now);
        let mut tx = store.begin_always().await?;
        tokens::touch(&mut tx, &token.id, before, dialect, rhythm).await?;
        Ok(tx.commit().await?)
    }

    /// The refusal of a value that opens nothing; why is for the administrators of its workspace.
    pub(super) async fn refused(&self, origin: Origin, token: Option<ScimToken>) -> Error {
        let error =
            Error::authentication("This SCIM token opens nothing: it is unknown, expired, or was revoked.");
        if self.0.refusals.check(&origin.network()).is_err() {
            return error;
        }
        let now = self.0.store.now();
        let (workspace, detail) = match token {
            None => (None, "No SCIM token with this value exists.".to_owned()),
            Some(t) => {
                let what = match t.status(now) {
                    TokenStatus::Revoked => "was revoked",
                    TokenStatus::Expired | TokenStatus::Active => "has expired",
                };
                let text = format!(
                    "The token {} ({}) {what}. Make a new one and give it to the provider.",
                    t.name, t.masked
                );
                (Some(t.workspace_id), text)
            }
        };
        let reasons = vec![Reason::failed("SCIM token", detail)];
        let refusal = Refusal { action: "request:authenticate", object: None, reasons };
        match refuse(&self.0.store, &Actor::anonymous(origin), workspace.as_ref(), refusal).await {
            Ok(decision) => error.decided(decision),
            Err(e) => e.into(),
        }
    }

    /// The check at the first line of what the protocol does: whether the token reaches this much.
    ///
    /// # Errors
    /// `Authorization` with a recorded decision.
    pub(crate) async fn require_scope(&self, actor: &Actor, scope: ScimScope) -> Result<()> {
        if actor.may_provision(scope) {
            return Ok(());
        }
        let detail = format!("The scope {} is needed; make a token that has it.", scope.as_str());
        let reasons = vec![Reason::failed("scope", detail.clone())];
        let refusal = Refusal { action: "scim:call", object: Some(scope.as_str().to_owned()), reasons };
        let decision = refuse(&self.0.store, actor, actor.workspace_id.as_ref(), refusal).await?;
        Err(Error::authorization(format!("This SCIM token does not reach this. {detail}")).decided(decision))
    }

    /// Counts requests of the actor's token.
    ///
    /// # Errors
    /// `RateLimited` when it has none left.
    pub(crate) fn count_requests(&self, actor: &Actor, count: usize) -> Result<()> {
        let (token, count) = (token_of(actor)?, u32::try_from(count).unwrap_or(u32::MAX));
        if count == 0 {
            return Ok(());
        }
        self.0.requests.check_many(token.as_str(), count).map_err(Error::rate_limited)
    }
}
