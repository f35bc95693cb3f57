//! What single sign-on says to sign-in: who must use it, and where an address belongs.

use gatehouse_identity::rules::{Boxed, Candidate, Discovery, LinkedIdentity, SignInRules, SsoRule};
use gatehouse_store::{Queries, Store, Tx};
use gatehouse_types::{
    ConnectionId, Domain, Email, PageRequest, Result, Role, SessionId, UserId, WorkspaceId, random_token,
};

use crate::model::Config;
use crate::service::identities;
use crate::service::logout_start::{LOGOUT_SECONDS, request_id};
use crate::store::logout::{self, PendingLogout};
use crate::store::{connections, domains, settings};

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

    fn proved<'a>(
        &'a self,
        tx: &'a mut Tx,
        workspace: &'a WorkspaceId,
        domain: &'a Domain,
    ) -> Boxed<'a, Result<bool>> {
        Box::pin(async move { Ok(domains::is_proved(tx, workspace, domain).await?) })
    }

    fn signing_out<'a>(
        &'a self,
        tx: &'a mut Tx,
        session: &'a SessionId,
    ) -> Boxed<'a, Result<Option<String>>> {
        Box::pin(async move {
            let Some((connection, called, _)) = logout::of_session(tx, session).await? else {
                return Ok(None);
            };
            logout::forget(tx, session).await?;
            let found = connections::find_anywhere(tx, &connection).await?;
            let told = match found.map(|c| c.config) {
                Some(Config::Oidc(_)) => called.end_session.is_some(),
                Some(other) => other.is_told_of_sign_outs(),
                None => false,
            };
            if !told {
                return Ok(None);
            }
            let ticket = random_token(&**self.0.random());
            let pending = PendingLogout {
                id: request_id(ticket.expose()),
                connection_id: connection,
                called,
                expires_at: self.0.now().plus_seconds(LOGOUT_SECONDS),
            };
            logout::insert(tx, &pending).await?;
            Ok(Some(format!("/sso/logout/{}", ticket.expose())))
        })
    }

    fn goes_on_as<'a>(
        &'a self,
        tx: &'a mut Tx,
        old: &'a SessionId,
        new: &'a SessionId,
    ) -> Boxed<'a, Result<()>> {
        Box::pin(async move {
            if let Some((connection, called, until)) = logout::of_session(tx, old).await? {
                logout::remember(tx, new, &connection, &called, until)?;
            }
            Ok(())
        })
    }

    fn linked<'a>(&'a self, user: &'a UserId, most: u32) -> Boxed<'a, Result<Vec<LinkedIdentity>>> {
        Box::pin(async move {
            let found = identities::own(&mut self.0.reader(), user, PageRequest::new(1, most)?).await?;
            let view = |i: identities::OwnIdentity| LinkedIdentity {
                workspace: i.workspace_id,
                connection: i.connection_name,
                name_id_format: i.name_id_format,
                since: i.created_at,
                last_used: i.last_used_at,
            };
            Ok(found.data.into_iter().map(view).collect())
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
                workspace: Some(workspace),
            })
        })
    }
}
