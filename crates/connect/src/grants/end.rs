//! The end of a grant: here at once, in the transaction of its cause; at the provider as soon as that answers.

use gatehouse_store::audit::{self, Event};
use gatehouse_store::jobs::{self, When};
use gatehouse_store::{Binding, Queries, Sealed, Store, Tx, sql};
use gatehouse_types::{Actor, GrantId, Id, Origin, Result, WorkspaceId};
use serde_json::{Value, json};
use url::Url;

use super::broker::Broker;
use super::model::{Grant, Kept};
use super::{servers, store};
use crate::jobs::Revoke;
use crate::oauth::revoke::{Outcome, Revocation};
use crate::profiles::model::is_loopback;
use crate::{ClientSpec, Holder, Owner};

/// What audit entries say of a grant.
pub(super) fn details(grant: &Grant) -> Value {
    json!({"holder": grant.holder.object(), "owner": grant.owner.kind(), "personId": grant.owner.person(),
        "version": grant.version})
}

impl Broker {
    /// Ends a grant in the caller's transaction and enqueues its revocation at the provider, when `spec` (of now, or of
    /// before the holder changed) has an address for that. Answers what ended, if there was anything, and whether a
    /// revocation is on its way.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn end(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        (holder, owner): (&Holder, &Owner),
        spec: Option<&ClientSpec>,
        why: &'static str,
    ) -> Result<Option<(GrantId, bool)>> {
        let Some(found) = store::look(tx, workspace, holder, owner).await? else { return Ok(None) };
        let Some(grant) = store::take(tx, &self.0.memory, workspace, &found.id).await? else {
            return Ok(None);
        };
        let mut said = details(&grant);
        said["reason"] = json!(why);
        let mut revokes = false;
        if let Some(spec) = spec {
            let spec = with_known_revocation(tx, workspace, spec).await?;
            revokes = enqueue_revocation(tx, workspace, holder, &spec, grant.tokens.clone()).await?;
            said["revokedAtProvider"] = json!(if revokes { "enqueued" } else { "not offered" });
        }
        let event = Event::success("grant.ended", ("grant", grant.id.as_str()), said);
        audit::record_in(tx, actor, Some(workspace), event).await?;
        Ok(Some((grant.id, revokes)))
    }
}

/// The same client, with the address for revocations that the server published when none was entered. It is believed only
/// beside an address that somebody entered: tokens and the client's secret go nowhere else because of a document.
pub(super) async fn with_known_revocation(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    spec: &ClientSpec,
) -> Result<ClientSpec> {
    let mut spec = spec.clone();
    if let (None, Some(authorization)) = (&spec.revocation_url, &spec.authorization_url) {
        let authorization = &authorization.clone();
        let known = servers::find(tx, workspace, authorization).await?;
        spec.revocation_url =
            known.and_then(|server| server.revocation_url).filter(|url| is_beside(url, authorization, &spec));
    }
    Ok(spec)
}

/// Whether an address is encrypted (on this machine it need not be) and at the very host of the authorization or token
/// address.
fn is_beside(url: &Url, authorization: &Url, spec: &ClientSpec) -> bool {
    let place = |url: &Url| (url.host().map(|host| host.to_owned()), url.port_or_known_default());
    let is_there = [authorization, &spec.token_url].into_iter().any(|known| place(known) == place(url));
    is_there && (url.scheme() == "https" || url.scheme() == "http" && is_loopback(url))
}

fn place(id: &str) -> Binding<'_> {
    Binding { table: "oauth_revocations", column: "secrets", row: id }
}

/// Puts the revocation of tokens on its way; says whether the server takes any.
pub(super) async fn enqueue_revocation(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    holder: &Holder,
    spec: &ClientSpec,
    tokens: Kept,
) -> Result<bool> {
    let Some(url) = spec.revocation_url.clone() else { return Ok(false) };
    if tokens.access_token.is_none() && tokens.refresh_token.is_none() {
        return Ok(false);
    }
    let revocation = Revocation::of(spec, url, tokens.refresh_token, tokens.access_token);
    let id = tx.store().ids().uuid().simple().to_string();
    let plain = serde_json::to_vec(&revocation).map_err(gatehouse_types::Error::internal)?;
    let sealed = tx.store().keyring().seal_bytes(place(&id), &plain);
    let insert =
        sql("INSERT INTO oauth_revocations (id, workspace_id, holder_kind, holder_id, secrets, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(id.as_str())
        .bind(workspace)
        .bind(holder.kind())
        .bind(holder.id())
        .bind(sealed.as_str())
        .bind(tx.store().now());
    tx.execute(insert).await?;
    jobs::enqueue(tx, &Revoke { id }, When::default()).await?;
    Ok(true)
}

/// One try of a revocation. An error means that it is tried again later.
pub(crate) async fn revoke(broker: &Broker, id: &str) -> Result<()> {
    let db: &Store = &broker.0.store;
    let select =
        sql("SELECT workspace_id, holder_kind, holder_id, secrets FROM oauth_revocations WHERE id = $1");
    let Some(row) = db.reader().fetch_optional(select.bind(id)).await? else { return Ok(()) };
    let workspace: WorkspaceId = row.id("workspace_id")?;
    let (kind, holder) = (row.text("holder_kind")?, row.text("holder_id")?);
    let opened = db.keyring().open_bytes(place(id), &Sealed::from_stored(row.text("secrets")?))?;
    let revocation: Revocation = serde_json::from_slice(&opened).map_err(gatehouse_types::Error::internal)?;
    let outcome = revocation.run(&broker.0.http).await;
    let object = json!({"holder": format!("{kind}:{holder}")});
    let event = match outcome {
        Outcome::Later(why) => return Err(gatehouse_types::Error::unavailable(why)),
        Outcome::Done => Event::success("grant.revoked-at-provider", ("revocation", id), object),
        Outcome::Never(why) => {
            let mut details = object;
            details["reason"] = json!(why);
            Event::failure("grant.revoked-at-provider", Some(("revocation", id)), details)
        }
    };
    let actor = Actor::system(Origin::machine(db.ids().make()), Some(workspace.clone()));
    let mut tx = db.begin_always().await?;
    tx.execute(sql("DELETE FROM oauth_revocations WHERE id = $1").bind(id)).await?;
    audit::record_in(&mut tx, &actor, Some(&workspace), event).await?;
    Ok(tx.commit().await?)
}

/// How long a provider has to take a revocation, in seconds; its job has tried it a dozen times by then.
const PATIENCE_SECONDS: i64 = 86_400;
/// Revocations that are given up in one run.
const MOST_GIVEN_UP: i64 = 500;

/// Gives up revocations that no provider took for a day, and says so: their tokens are forgotten here, and end there by
/// themselves.
pub(crate) async fn give_up_revocations(tx: &mut Tx) -> Result<()> {
    let before = tx.store().now().plus_seconds(-PATIENCE_SECONDS);
    let delete = sql("DELETE FROM oauth_revocations WHERE id IN (SELECT id FROM oauth_revocations \
         WHERE created_at < $1 ORDER BY created_at LIMIT $2) RETURNING id, workspace_id, holder_kind, holder_id");
    for row in tx.fetch_all(delete.bind(before).bind(MOST_GIVEN_UP)).await? {
        let (workspace, id): (WorkspaceId, String) = (row.id("workspace_id")?, row.text("id")?);
        let holder = format!("{}:{}", row.text("holder_kind")?, row.text("holder_id")?);
        let details = json!({"holder": holder, "reason": "The provider did not take it within a day."});
        let event = Event::failure("grant.revoked-at-provider", Some(("revocation", id.as_str())), details);
        let actor = Actor::system(Origin::machine(tx.store().ids().make()), Some(workspace.clone()));
        audit::record_in(tx, &actor, Some(&workspace), event).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::spec::tests::spec;

    #[test]
    fn a_published_address_counts_only_beside_one_that_was_entered() {
        let (authorization, token) = ("https://login.test/authorize", "https://op.test:8443/token");
        let spec = ClientSpec { token_url: token.parse().unwrap(), ..spec() };
        let is = |url: &str| is_beside(&url.parse().unwrap(), &authorization.parse().unwrap(), &spec);
        for good in ["https://login.test/revoke", "https://login.test:443/r", "https://op.test:8443/revoke"] {
            assert!(is(good), "{good}");
        }
        for bad in [
            "http://login.test/revoke",
            "https://op.test/revoke",
            "https://evil.test/revoke",
            "https://x.login.test/",
            "ftp://login.test/",
        ] {
            assert!(!is(bad), "{bad}");
        }
    }
}
