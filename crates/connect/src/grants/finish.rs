//! The end of an authorization. The checks stand in the order in which they are made; the first that fails leaves a
//! decision, and nothing is asked of anybody before all that need no question have passed.

use std::collections::BTreeMap;

use gatehouse_identity::require;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_types::{Actor, Error, Result, Secret};
use serde_json::json;

use super::keep::{Granted, Landed, There};
use super::requests::{self, Secrets, Waiting, row_of};
use super::servers::{self, Server};
use crate::holders::{self, About};
use crate::oauth::answer::{Tokens, clean};
use crate::oauth::ask::{Wanted, ask};
use crate::{ClientSpec, Connect};

/// Parameters of an answer that are looked at, at most.
const MAX_PARAMS: usize = 50;

/// What the server sent with the browser (RFC 6749 §4.1.2, RFC 9207 §2).
#[derive(Debug, Default)]
pub(crate) struct Callback {
    pub(crate) code: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) iss: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) error_description: Option<String>,
    /// Whatever else came; some servers name there where the account lives.
    pub(super) more: BTreeMap<String, String>,
}

impl Callback {
    /// Reads a query. A parameter that comes twice is somebody else's doing: it counts as not there (RFC 6749 §3.1).
    pub(crate) fn of(query: &str) -> Self {
        let mut found: BTreeMap<String, Option<String>> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()).take(MAX_PARAMS) {
            found
                .entry(name.into_owned())
                .and_modify(|v| *v = None)
                .or_insert_with(|| Some(value.into_owned()));
        }
        let mut all: BTreeMap<String, String> =
            found.into_iter().filter_map(|(k, v)| Some((k, v?))).collect();
        let mut take = |name: &str| all.remove(name).filter(|value| !value.is_empty());
        let (code, state, iss) = (take("code"), take("state"), take("iss"));
        let (error, error_description) = (take("error"), take("error_description"));
        Self { code, state, iss, error, error_description, more: all }
    }
}

/// The check of what the provider says: somebody refused there.
const PROVIDER: &str = "answer";
/// The check of the token endpoint's answer: the provider does not take our client, or is away.
const TOKENS: &str = "token endpoint";

/// How an authorization ended that was the person's own.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It went well.
    Landed(Landed),
    /// The provider did not grant it.
    Refused {
        /// Where the browser goes: to where it would have gone.
        return_to: String,
        /// Why, with the recorded decision.
        error: Error,
    },
}

/// A check that failed.
struct Flaw {
    check: &'static str,
    detail: String,
}

fn flaw(check: &'static str, detail: impl Into<String>) -> Flaw {
    Flaw { check, detail: detail.into() }
}

impl Connect {
    /// Takes the server's answer and keeps what it grants.
    ///
    /// # Errors
    /// `Authorization` with the recorded decision for an answer that is not accepted; `Conflict` for one that something
    /// else overtook; `RateLimited`.
    pub(crate) async fn finish(&self, actor: &Actor, context: &str, callback: &Callback) -> Result<Ended> {
        self.by_hand(actor)?;
        let mut checks = Vec::new();
        let (waiting, secrets) = match self.waiting(actor, context, callback, &mut checks).await? {
            Ok(found) => found,
            Err((waiting, flaw)) => return Err(self.turn_away(actor, waiting.as_ref(), checks, flaw).await),
        };
        require(&self.0.store, actor, waiting.right, Some(waiting.holder.object())).await?;
        let there = There::of(&self.0.store, &waiting).await?;
        match self.granted(actor, &waiting, &secrets, callback, &mut checks).await? {
            Ok((spec, about, tokens)) => {
                let Secrets { asked, link, .. } = secrets;
                let granted = Granted { waiting, asked, spec, about, tokens, there, link };
                self.keep(actor, granted, callback).await.map(Ended::Landed)
            }
            Err(flaw) => {
                let is_providers = flaw.check == PROVIDER || flaw.check == TOKENS;
                let error = self.turn_away(actor, Some(&waiting), checks, flaw).await;
                let workspace = &waiting.workspace;
                let about = holders::about(&mut self.0.store.reader(), workspace, &waiting.holder).await?;
                match about.filter(|_| is_providers) {
                    Some(_) if !waiting.return_to.is_empty() => {
                        Ok(Ended::Refused { return_to: waiting.return_to, error })
                    }
                    Some(about) => Ok(Ended::Refused { return_to: about.page, error }),
                    None => Err(error),
                }
            }
        }
    }

    /// The authorization that an answer is to, taken for good: each takes one answer, in its own session, at its own address.
    async fn waiting(
        &self,
        actor: &Actor,
        context: &str,
        callback: &Callback,
        checks: &mut Vec<Reason>,
    ) -> Result<Result<(Waiting, Secrets), (Option<Waiting>, Flaw)>> {
        let db = &self.0.store;
        let unknown = || {
            flaw(
                "state",
                "The authorization that this answer is to is unknown, was answered already or has expired.",
            )
        };
        let row = callback.state.as_deref().map(row_of);
        let found = match &row {
            Some(row) => requests::find(&mut db.reader(), row).await?,
            None => None,
        };
        let here = found.filter(|w| {
            w.expires_at > db.now()
                && w.context == context
                && Some(&w.workspace) == actor.workspace_id.as_ref()
        });
        let Some(waiting) = here else { return Ok(Err((None, unknown()))) };
        checks.push(Reason::passed(
            "state",
            "The answer is to an authorization that began here, at this address.",
        ));
        if actor.user().ok() != Some(&waiting.user) {
            let why = "Somebody else began this authorization: an account outside is connected only by the person who \
                       asked for it.";
            return Ok(Err((Some(waiting), flaw("person", why))));
        }
        if actor.session().ok() != Some(&waiting.session) {
            let why = "The authorization began in another browser, or before this sign-in.";
            return Ok(Err((Some(waiting), flaw("browser", why))));
        }
        checks.push(Reason::passed("browser", "The person who began it ends it, in the same browser."));
        let mut tx = db.begin_always().await?;
        let secrets = requests::take(&mut tx, db, &waiting.id).await?;
        tx.commit().await?;
        match secrets {
            Some(secrets) => Ok(Ok((waiting, secrets))),
            None => Ok(Err((Some(waiting), unknown()))),
        }
    }

    /// What the server grants for the code.
    async fn granted(
        &self,
        actor: &Actor,
        waiting: &Waiting,
        secrets: &Secrets,
        callback: &Callback,
        checks: &mut Vec<Reason>,
    ) -> Result<Result<(ClientSpec, About, Tokens), Flaw>> {
        let (db, workspace) = (&self.0.store, actor.workspace()?);
        let place = (workspace, &waiting.holder);
        let spec = holders::spec(db, &mut db.reader(), &self.0.public_url, place, &secrets.asked).await?;
        let about = holders::about(&mut db.reader(), workspace, &waiting.holder).await?;
        let (Some(spec), Some(about)) = (spec, about) else {
            return Ok(Err(flaw("holder", "What was to be authorized has been deleted meanwhile.")));
        };
        if spec.server() != waiting.server || spec.callback_context != waiting.context {
            let why = "Addresses or client were changed while the authorization was under way. Begin again.";
            return Ok(Err(flaw("holder", why)));
        }
        checks.push(Reason::passed("holder", "The authorization is for what it was begun for."));
        if let Err(flaw) = self.issuer(workspace, &spec, callback, checks).await? {
            return Ok(Err(flaw));
        }
        let hidden = spec.hidden();
        let hide: Vec<&Secret> = hidden.iter().collect();
        if let Some(error) = &callback.error {
            let words = callback.error_description.as_deref().map(|d| format!(": {}", clean(d, &hide)));
            let said = format!(
                "The provider did not grant it ({}{}).",
                clean(error, &hide),
                words.unwrap_or_default()
            );
            return Ok(Err(flaw(PROVIDER, said)));
        }
        let Some(code) = callback.code.as_deref().filter(|code| !code.is_empty()) else {
            return Ok(Err(flaw(PROVIDER, "The answer holds neither a code nor an error of the provider.")));
        };
        let (code, verifier) = (Secret::new(code), secrets.verifier.as_deref().map(Secret::new));
        let wanted = Wanted::Code { code: &code, verifier: verifier.as_ref() };
        Ok(match ask(&self.0.http, &spec, wanted).await {
            Ok(tokens) => Ok((spec, about, tokens)),
            Err(error) => Err(flaw(TOKENS, error.to_string())),
        })
    }

    /// Whether the server that was asked answers (RFC 9207), as far as it is known who that is.
    async fn issuer(
        &self,
        workspace: &gatehouse_types::WorkspaceId,
        spec: &ClientSpec,
        callback: &Callback,
        checks: &mut Vec<Reason>,
    ) -> Result<Result<(), Flaw>> {
        let server = match &spec.authorization_url {
            Some(url) => servers::find(&mut self.0.store.reader(), workspace, url).await?.unwrap_or_default(),
            None => Server::default(),
        };
        let known = spec.issuer.as_ref().or(server.issuer.as_ref());
        match (&callback.iss, known) {
            (Some(iss), Some(known)) if iss != known => {
                let said = clean(iss, &[]);
                return Ok(Err(flaw(
                    "issuer",
                    format!("The answer is from “{said}”, and the question went to “{known}”."),
                )));
            }
            (None, Some(_)) if server.names_itself => {
                let why = "The answer does not say who it is from (iss), though this provider always does.";
                return Ok(Err(flaw("issuer", why)));
            }
            (Some(_), Some(known)) => checks.push(Reason::passed("issuer", format!("{known} answers."))),
            _ => {}
        }
        Ok(Ok(()))
    }

    /// Leaves the decision and the entry of the audit log; answers what is said, or what failed of ours.
    async fn turn_away(
        &self,
        actor: &Actor,
        waiting: Option<&Waiting>,
        checks: Vec<Reason>,
        flaw: Flaw,
    ) -> Error {
        self.refused(actor, waiting, checks, flaw).await.unwrap_or_else(|error| error)
    }

    async fn refused(
        &self,
        actor: &Actor,
        waiting: Option<&Waiting>,
        mut checks: Vec<Reason>,
        Flaw { check, detail }: Flaw,
    ) -> Result<Error> {
        let db = &self.0.store;
        checks.push(Reason::failed(check, detail.clone()));
        let object = waiting.map(|w| w.holder.object());
        let refusal = Refusal { action: "connect:authorize", object, reasons: checks };
        let decision = refuse(db, actor, actor.workspace_id.as_ref(), refusal).await?;
        let target = waiting.map(|w| (w.holder.kind(), w.holder.id().to_owned()));
        let details = json!({"check": check, "reason": detail, "decision": decision});
        let event =
            Event::failure("grant.refused", target.as_ref().map(|(k, id)| (*k, id.as_str())), details);
        let mut tx = db.begin_always().await?;
        audit::record(&mut tx, actor, event).await?;
        tx.commit().await?;
        Ok(Error::authorization(format!("Nothing was connected. {detail}")).decided(decision))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_comes_twice_counts_as_none() {
        let found = Callback::of("code=a&code=b&state=s&iss=&instance=eu");
        assert_eq!((found.code, found.state.as_deref(), found.iss), (None, Some("s"), None));
        assert_eq!(found.more["instance"], "eu");
    }
}
