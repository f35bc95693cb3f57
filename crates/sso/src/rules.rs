//! What single sign-on says to sign-in: who must use it, and where an address belongs.

use gatehouse_identity::rules::{Boxed, Candidate, Discovery, SignInRules, SsoRule};
use gatehouse_store::{Queries, Store};
use gatehouse_types::{ConnectionId, Email, Result, Role};

use crate::store::{domains, settings};

/// The rules, read from this crate's tables. They know nothing of sessions or people, so that identity can ask them.
#[derive(Clone, Debug)]
pub struct Rules(Store);

impl Rules {
    /// The rules over a store.
    pub fn new(store: Store) -> Self {
        Self(store)
    }
}

/// The path that starts a sign-in through a connection.
pub(crate) fn start_path(connection: &ConnectionId) -> String {
    format!("/sso/{connection}/start")
}

/// Whether single sign-on is optional for somebody: owners always have a way in, others when excluded.
pub(crate) async fn is_optional<Q: Queries>(db: &mut Q, candidate: Candidate<'_>) -> Result<bool> {
    if candidate.role == Role::Owner {
        return Ok(true);
    }
    Ok(settings::is_excluded(db, candidate.workspace, candidate.email).await?)
}

/// Somebody whose session began through a connection. Its provider speaks for the addresses of its verified domains,
/// and nowhere in place of a workspace's own provider: being excluded, or an owner, is about passwords.
async fn by_connection<Q: Queries>(
    db: &mut Q,
    candidate: Candidate<'_>,
    via: &ConnectionId,
    enforced: Option<ConnectionId>,
) -> Result<SsoRule> {
    match enforced {
        Some(own) if own == *via => Ok(SsoRule::Open),
        Some(own) => Ok(SsoRule::Required { start_path: start_path(&own) }),
        None if domains::speaks_for(db, via, &candidate.email.domain()).await? => Ok(SsoRule::Open),
        None => Ok(SsoRule::Required { start_path: "/login".to_owned() }),
    }
}

impl SignInRules for Rules {
    fn rule<'a>(&'a self, candidate: Candidate<'a>) -> Boxed<'a, Result<SsoRule>> {
        Box::pin(async move {
            let db = &mut self.0.reader();
            let mut enforced = settings::enforced(db, candidate.workspace).await?;
            // people at a domain that the workspace keeps apart have no account at its provider
            if enforced.is_some()
                && domains::stands_apart(db, candidate.workspace, &candidate.email.domain()).await?
            {
                enforced = None;
            }
            if let Some(via) = candidate.via {
                return by_connection(db, candidate, via, enforced).await;
            }
            match enforced {
                Some(connection) if !is_optional(db, candidate).await? => {
                    Ok(SsoRule::Required { start_path: start_path(&connection) })
                }
                _ => Ok(SsoRule::Open),
            }
        })
    }

    fn discover<'a>(&'a self, email: &'a Email) -> Boxed<'a, Result<Discovery>> {
        Box::pin(async move {
            let db = &mut self.0.reader();
            let Some((connection, workspace)) = domains::active_connection(db, &email.domain()).await? else {
                return Ok(Discovery::default());
            };
            let required = settings::enforced(db, &workspace).await?.as_ref() == Some(&connection);
            Ok(Discovery {
                sso_required: required,
                sso_optional: !required,
                start_path: Some(start_path(&connection)),
            })
        })
    }
}
