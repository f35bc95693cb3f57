use gatehouse_identity::require;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{
    Actor, ConnectionId, Domain, DomainId, Error, Id, Permission, Result, WorkspaceId, random_token,
};
use serde_json::json;

use super::connections::{not_found, object};
use crate::Sso;
use crate::model::{ConnectionStatus, DomainClaim, DomainStatus, Look, VERIFY_PREFIX, VerificationMethod};
use crate::store::{attempts, connections, domains, settings};

/// Domains of one connection at most.
const MAX_DOMAINS: usize = 100;

/// The outcome of a look at the proof.
#[derive(Clone, Debug)]
pub struct Verification {
    /// Whether it was found.
    pub success: bool,
    /// The domain afterwards.
    pub domain: DomainClaim,
    /// What was missing, and what to do.
    pub error: Option<String>,
}

fn domain_not_found() -> Error {
    Error::not_found("Domain")
}

/// Says what to do, and nothing of who holds the domain.
pub(super) fn taken(domain: &Domain) -> Error {
    Error::conflict(format!(
        "{domain} is verified for another connection, and its proof counts. If that connection is yours, remove the \
         domain there first. If the domain became yours, remove the old TXT record _{VERIFY_PREFIX}-verify.{domain} and \
         the old file /.well-known/{VERIFY_PREFIX}-verify.txt, and verify yours a day later: proofs are looked at daily."
    ))
    .on_field("domain")
}

impl Sso {
    /// Claims a domain for a connection. The claim counts once it is proved.
    ///
    /// # Errors
    /// `Conflict` when the connection has it already, or another one proved it.
    pub async fn add_domain(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        domain: Domain,
        method: VerificationMethod,
    ) -> Result<DomainClaim> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSso, Some(object(id))).await?;
        let mut tx = store.begin(&actor.origin).await?;
        connections::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        if domains::of(&mut tx, id).await?.len() >= MAX_DOMAINS {
            return Err(Error::conflict("A connection has at most 100 domains."));
        }
        // a proof that is missing already may have lost its domain: then the next owner can begin
        if domains::holder(&mut tx, id, &domain).await?.is_some_and(|held| held.failing_since.is_none()) {
            return Err(taken(&domain));
        }
        let claim = DomainClaim {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            connection_id: id.clone(),
            domain,
            status: DomainStatus::Pending,
            method,
            token: format!("{VERIFY_PREFIX}-verify={}", random_token(&**store.random()).expose()),
            is_primary: false,
            created_at: store.now(),
            verified_at: None,
            checked_at: None,
            federated: true,
            failing_since: None,
            last_error: None,
        };
        domains::insert(&mut tx, &claim)
            .await
            .map_err(|e| e.or_conflict("This connection has this domain already."))?;
        record(&mut tx, actor, "sso.domain-added", &claim).await?;
        tx.commit().await?;
        Ok(claim)
    }

    /// Looks for the proof of a domain. Found: verified; not found: failed, and can be tried again. A verified domain
    /// without its proof stays verified for its days of grace.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` while the proof of another connection stands.
    pub async fn verify_domain(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        domain: &DomainId,
    ) -> Result<Verification> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSso, Some(object(id))).await?;
        let claim = self.claim(workspace, id, domain).await?;
        // the looks at the outside take their time and hold no transaction
        let look = self.look_for_proof(&claim).await;
        let rival = if look == Look::Found { self.look_at_holder(actor, &claim).await? } else { None };
        let mut tx = store.begin(&actor.origin).await?;
        let connection = connections::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let mut claim = domains::find(&mut tx, id, domain).await?.ok_or_else(domain_not_found)?;
        if claim.status == DomainStatus::Verified {
            self.apply_look(&mut tx, actor, &mut claim, &look).await?;
        } else {
            if look == Look::Found {
                self.take_over(&mut tx, actor, &claim, rival).await?;
            }
            self.settle_claim(&mut tx, &mut claim, &look).await?;
            if look == Look::Found && connection.status == ConnectionStatus::Active {
                let what = format!("given the further domain {}", claim.domain);
                self.tell_owners(&mut tx, actor, workspace, &connection, &what).await?;
            }
        }
        record(&mut tx, actor, "sso.domain-checked", &claim).await?;
        let claim = domains::find(&mut tx, id, domain).await?.ok_or_else(domain_not_found)?;
        tx.commit().await?;
        let error = look.trouble().map(str::to_owned);
        Ok(Verification { success: error.is_none(), domain: claim, error })
    }

    /// The outcome of a look for a claim that is not verified.
    async fn settle_claim(&self, tx: &mut Tx, claim: &mut DomainClaim, look: &Look) -> Result<()> {
        let (before, now) = (claim.status, self.0.store.now());
        let found = *look == Look::Found;
        claim.status = if found { DomainStatus::Verified } else { DomainStatus::Failed };
        if found {
            claim.verified_at = Some(now);
        }
        claim.failing_since = None;
        claim.last_error = look.trouble().map(str::to_owned);
        let next = found.then(|| self.next_check(now));
        domains::note_look(tx, claim, before, next).await.map_err(|e| match e {
            e if e.is_unique() => taken(&claim.domain),
            e => e.into(),
        })?;
        Ok(domains::settle_primary(tx, &claim.connection_id).await?)
    }

    /// Decides whether the addresses of a domain sign in through the provider.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn set_federated(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        domain: &DomainId,
        federated: bool,
    ) -> Result<DomainClaim> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let connection = connections::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let mut claim = domains::find(&mut tx, id, domain).await?.ok_or_else(domain_not_found)?;
        if claim.federated != federated {
            claim.federated = federated;
            domains::set_federated(&mut tx, domain, federated).await?;
            let event = if federated { "sso.domain-federated" } else { "sso.domain-set-apart" };
            record(&mut tx, actor, event, &claim).await?;
            if connection.status == ConnectionStatus::Active {
                let what = if federated { "given a further domain" } else { "relieved of a domain" };
                self.tell_owners(&mut tx, actor, workspace, &connection, what).await?;
            }
        }
        tx.commit().await?;
        Ok(claim)
    }

    /// Makes a verified domain the default of people made at their first sign-in.
    ///
    /// # Errors
    /// `Validation` for one that is not verified.
    pub async fn set_primary_domain(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        domain: &DomainId,
    ) -> Result<DomainClaim> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        connections::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let mut claim = domains::find(&mut tx, id, domain).await?.ok_or_else(domain_not_found)?;
        if claim.status != DomainStatus::Verified {
            return Err(Error::validation("domain", "Verify the domain before making it the primary one."));
        }
        domains::set_primary(&mut tx, id, domain).await?;
        claim.is_primary = true;
        record(&mut tx, actor, "sso.domain-made-primary", &claim).await?;
        tx.commit().await?;
        Ok(claim)
    }

    /// Removes a domain; its addresses are not routed any more.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn remove_domain(&self, actor: &Actor, id: &ConnectionId, domain: &DomainId) -> Result<()> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        connections::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let claim = domains::find(&mut tx, id, domain).await?.ok_or_else(domain_not_found)?;
        let last = !domains::of(&mut tx, id).await?.iter().any(|d| d.id != claim.id && d.speaks());
        if claim.speaks() && last && settings::enforced(&mut tx, workspace).await?.as_ref() == Some(id) {
            return Err(Error::conflict(
                "Everybody must sign in through this connection, and this is its last verified domain: nobody could. Turn \
                 single sign-on off first, or verify another domain.",
            ));
        }
        domains::delete(&mut tx, domain).await?;
        domains::settle_primary(&mut tx, id).await?;
        record(&mut tx, actor, "sso.domain-removed", &claim).await?;
        Ok(tx.commit().await?)
    }

    /// How many people with an address at a domain came in through a connection during the last 14 days.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn people_lately(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        domain: &gatehouse_types::Domain,
    ) -> Result<i64> {
        require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let since = self.0.store.now().plus_seconds(-attempts::KEPT_DAYS * 86_400);
        Ok(attempts::people_since(&mut self.0.store.reader(), id, since, Some(domain)).await?)
    }

    async fn claim(
        &self,
        workspace: &WorkspaceId,
        id: &ConnectionId,
        domain: &DomainId,
    ) -> Result<DomainClaim> {
        let db = &mut self.0.store.reader();
        connections::find(db, workspace, id).await?.ok_or_else(not_found)?;
        domains::find(db, id, domain).await?.ok_or_else(domain_not_found)
    }
}

pub(crate) async fn record(
    tx: &mut Tx,
    actor: &Actor,
    event: &'static str,
    claim: &DomainClaim,
) -> Result<()> {
    let details = json!({
        "domain": claim.domain, "connectionId": claim.connection_id, "method": claim.method, "status": claim.status,
        "federated": claim.federated,
    });
    Ok(audit::record(tx, actor, Event::success(event, ("domain", claim.id.as_str()), details)).await?)
}
