use gatehouse_identity::require;
use gatehouse_outbound::Limits;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{
    Actor, ConnectionId, Domain, DomainId, Error, Id, Permission, Result, WorkspaceId, random_token,
};
use serde_json::json;

use super::connections::{not_found, object};
use crate::Sso;
use crate::model::{DomainClaim, DomainStatus, VERIFY_PREFIX, VerificationMethod};
use crate::store::{connections, domains};

/// Domains of one connection at most.
const MAX_DOMAINS: usize = 100;
/// The largest verification file that is read, bytes.
const MAX_FILE: usize = 4096;

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

fn taken() -> Error {
    Error::conflict("This domain is verified for another connection. Remove it there first.")
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
        if domains::taken_by_other(&mut tx, id, &domain).await? {
            return Err(taken());
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
        };
        domains::insert(&mut tx, &claim)
            .await
            .map_err(|e| e.or_conflict("This connection has this domain already."))?;
        record(&mut tx, actor, "sso.domain-added", &claim).await?;
        tx.commit().await?;
        Ok(claim)
    }

    /// Looks for the proof of a domain. Found: verified; not found: failed, and can be tried again.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when another connection proved it meanwhile.
    pub async fn verify_domain(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        domain: &DomainId,
    ) -> Result<Verification> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSso, Some(object(id))).await?;
        let claim = self.claim(workspace, id, domain).await?;
        // the look at the outside takes its time and holds no transaction
        let missing = self.look_for_proof(&claim).await;
        let mut tx = store.begin(&actor.origin).await?;
        connections::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let mut claim = domains::find(&mut tx, id, domain).await?.ok_or_else(domain_not_found)?;
        claim.status = if missing.is_none() { DomainStatus::Verified } else { DomainStatus::Failed };
        if claim.status == DomainStatus::Verified
            && domains::taken_by_other(&mut tx, id, &claim.domain).await?
        {
            return Err(taken());
        }
        domains::set_status(&mut tx, domain, claim.status).await.map_err(|e| match e {
            e if e.is_unique() => taken(),
            e => e.into(),
        })?;
        let first = !domains::of(&mut tx, id).await?.iter().any(|d| d.is_primary);
        if claim.status == DomainStatus::Verified && first {
            domains::set_primary(&mut tx, id, domain).await?;
        }
        record(&mut tx, actor, "sso.domain-checked", &claim).await?;
        let claim = domains::find(&mut tx, id, domain).await?.ok_or_else(domain_not_found)?;
        tx.commit().await?;
        Ok(Verification { success: missing.is_none(), domain: claim, error: missing })
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
        domains::delete(&mut tx, domain).await?;
        record(&mut tx, actor, "sso.domain-removed", &claim).await?;
        Ok(tx.commit().await?)
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

    /// What is missing of the proof; `None` when it is there.
    pub(crate) async fn look_for_proof(&self, claim: &DomainClaim) -> Option<String> {
        match claim.method {
            VerificationMethod::DnsTxt => self.look_at_dns(claim).await,
            VerificationMethod::HttpsFile => self.look_at_file(claim).await,
        }
    }

    async fn look_at_dns(&self, claim: &DomainClaim) -> Option<String> {
        let name = claim.record_name();
        match self.0.dns.txt(&name).await {
            Ok(records) if records.iter().any(|r| r.trim() == claim.token) => None,
            Ok(records) if records.is_empty() => Some(format!(
                "There is no TXT record {name}. Add it with the value shown; new records can take some minutes to appear."
            )),
            Ok(_) => Some(format!("The TXT record {name} has another value. Set it to the value shown.")),
            Err(e) => Some(format!("The TXT record {name} could not be looked up: {e}")),
        }
    }

    async fn look_at_file(&self, claim: &DomainClaim) -> Option<String> {
        let url = claim.file_url();
        let limits = Limits { max_bytes: MAX_FILE, same_host_only: true, ..Limits::default() };
        match self.0.http.get(&url, limits).await.and_then(gatehouse_outbound::Response::success) {
            Ok(answer) if answer.text().is_ok_and(|text| text.trim() == claim.token) => None,
            Ok(_) => Some(format!(
                "The file {url} has another content. It must hold the value shown and nothing else."
            )),
            Err(e) => Some(format!("The file {url} could not be read: {e}")),
        }
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
    });
    Ok(audit::record(tx, actor, Event::success(event, ("domain", claim.id.as_str()), details)).await?)
}
