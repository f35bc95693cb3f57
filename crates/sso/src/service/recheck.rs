//! The daily look at verified domains: grace, lapse, and the way to the next owner.

use gatehouse_identity::SendMail;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::mails::NewMail;
use gatehouse_types::{Actor, Email, Id, Origin, Result, Secret, Timestamp, WorkspaceId};
use serde_json::json;

use super::domains::{record, taken};
use crate::Sso;
use crate::model::{DOMAIN_GRACE_DAYS, DomainClaim, DomainStatus, Look, Standing};
use crate::store::{connections, domains};

/// Between two looks at the same domain, in seconds.
const DAY_SECONDS: i64 = 86_400;
/// Looks are spread: each next one comes up to this much earlier, in seconds.
const SPREAD_SECONDS: i64 = 3600;
/// After a look that saw nothing, the next one comes this soon, in seconds.
const RETRY_SECONDS: i64 = 3600;
/// Domains that one run looks at, at most.
const BATCH: u32 = 40;
/// Domains that are looked at side by side.
const SIDE_BY_SIDE: usize = 10;

impl Sso {
    /// Looks at the verified domains that are due.
    pub(crate) async fn recheck_domains(&self) -> Result<()> {
        let store = &self.0.store;
        let due = domains::due(&mut store.reader(), store.now(), BATCH).await?;
        let mut outcome = Ok(());
        for group in due.chunks(SIDE_BY_SIDE) {
            let mut looks = tokio::task::JoinSet::new();
            for claim in group.iter().cloned() {
                let sso = self.clone();
                looks.spawn(async move { sso.recheck(claim).await });
            }
            // one that fails takes nothing of the others with it
            for looked in looks.join_all().await {
                outcome = outcome.and(looked);
            }
        }
        outcome
    }

    /// Looks at one verified domain and keeps what follows.
    async fn recheck(&self, claim: DomainClaim) -> Result<()> {
        let look = self.look_for_proof(&claim).await;
        self.keep_look(&claim, &look).await
    }

    /// Keeps what was seen of a verified domain, in a transaction of the house's own.
    async fn keep_look(&self, claim: &DomainClaim, look: &Look) -> Result<()> {
        let store = &self.0.store;
        let machine = self.machine_in(&claim.workspace_id);
        let mut tx = store.begin_always().await?;
        if connections::lock(&mut tx, &claim.workspace_id, &claim.connection_id).await?.is_none() {
            return Ok(());
        }
        let now = domains::find(&mut tx, &claim.connection_id, &claim.id).await?;
        let Some(mut now) = now.filter(|c| c.status == DomainStatus::Verified) else { return Ok(()) };
        self.apply_look(&mut tx, &machine, &mut now, look).await?;
        Ok(tx.commit().await?)
    }

    fn machine_in(&self, workspace: &WorkspaceId) -> Actor {
        Actor::system(Origin::machine(self.0.store.ids().make()), Some(workspace.clone()))
    }

    /// When a domain is looked at next.
    pub(super) fn next_check(&self, now: Timestamp) -> Timestamp {
        let mut bytes = [0u8; 2];
        self.0.store.random().fill(&mut bytes);
        now.plus_seconds(DAY_SECONDS - i64::from(u16::from_be_bytes(bytes)) % SPREAD_SECONDS)
    }

    /// What a look at the proof of a verified domain leads to: entry, mail, the end of the grace.
    pub(super) async fn apply_look(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        claim: &mut DomainClaim,
        look: &Look,
    ) -> Result<()> {
        let now = self.0.store.now();
        let standing = claim.after(look, now);
        claim.last_error = look.trouble().map(str::to_owned);
        let next = match look {
            Look::Unknown(_) => now.plus_seconds(RETRY_SECONDS),
            _ => self.next_check(now),
        };
        match standing {
            Standing::Stands | Standing::Waiting => {}
            Standing::Returned => claim.failing_since = None,
            Standing::BeganToFail => claim.failing_since = Some(now),
            Standing::Lapsed => claim.status = DomainStatus::Expired,
        }
        domains::note_look(tx, claim, DomainStatus::Verified, Some(next)).await?;
        match standing {
            Standing::Stands | Standing::Waiting => Ok(()),
            Standing::Returned => record(tx, actor, "sso.domain-proof-returned", claim).await,
            Standing::BeganToFail => {
                failed(tx, actor, "sso.domain-proof-missing", claim).await?;
                self.warn_owners(tx, claim).await
            }
            Standing::Lapsed => self.lapsed(tx, actor, claim, "its proof was missing for 7 days").await,
        }
    }

    /// The end of a claim: entry, another primary domain, a mail.
    async fn lapsed(&self, tx: &mut Tx, actor: &Actor, claim: &DomainClaim, why: &str) -> Result<()> {
        domains::settle_primary(tx, &claim.connection_id).await?;
        failed(tx, actor, "sso.domain-expired", claim).await?;
        let subject = format!("{} is no longer verified", claim.domain);
        let body = format!(
            "The domain {} is no longer verified for single sign-on, because {why}. Its addresses are not sent to your \
             identity provider any more, and cannot sign in through it.\n\nIf the domain is yours, publish the proof again \
             and verify it at {}.\n",
            claim.domain,
            self.page_url()
        );
        self.mail_owners(tx, &claim.workspace_id, &subject, &body).await
    }

    async fn warn_owners(&self, tx: &mut Tx, claim: &DomainClaim) -> Result<()> {
        let subject = format!("The proof of {} is missing", claim.domain);
        let body = format!(
            "The daily look at the domain {} did not find its proof. {}\n\nSingle sign-on goes on for {DOMAIN_GRACE_DAYS} \
             days; if the proof is still missing then, the domain is no longer verified, and its addresses cannot sign in \
             through your identity provider. Somebody else who proves the domain can take it over after one day.\n\nSee {}.\n",
            claim.domain,
            claim.last_error.as_deref().unwrap_or_default(),
            self.page_url()
        );
        self.mail_owners(tx, &claim.workspace_id, &subject, &body).await
    }

    fn page_url(&self) -> String {
        self.0.public_url.join(crate::console::PATH)
    }

    pub(crate) async fn mail_owners(
        &self,
        tx: &mut Tx,
        workspace: &WorkspaceId,
        subject: &str,
        body: &str,
    ) -> Result<()> {
        let owners = self.0.identity.owners(tx, workspace).await?;
        mail_all(tx, workspace, owners, subject, body).await
    }

    /// The same to owners and admins: what any of them can put right.
    pub(crate) async fn mail_administrators(
        &self,
        tx: &mut Tx,
        workspace: &WorkspaceId,
        subject: &str,
        body: &str,
    ) -> Result<()> {
        let all = self.0.identity.administrators(tx, workspace).await?;
        mail_all(tx, workspace, all, subject, body).await
    }

    /// The connection that a domain is verified for now, when it is another one, and whether its proof is gone. A first
    /// look without the proof begins its grace, as the daily one would.
    pub(super) async fn look_at_holder(
        &self,
        actor: &Actor,
        claim: &DomainClaim,
    ) -> Result<Option<(DomainClaim, Look)>> {
        let held = domains::holder(&mut self.0.store.reader(), &claim.connection_id, &claim.domain).await?;
        let Some(held) = held else { return Ok(None) };
        let look = self.look_for_proof(&held).await;
        if actor.origin.dry_run.is_none() && !held.can_be_taken_over(self.0.store.now()) {
            self.keep_look(&held, &look).await?;
        }
        Ok(Some((held, look)))
    }

    /// Makes way for a claim that was proved: nobody else holds the domain, or the holder's proof is gone for a day.
    pub(super) async fn take_over(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        claim: &DomainClaim,
        rival: Option<(DomainClaim, Look)>,
    ) -> Result<()> {
        let Some(mut held) = domains::holder(tx, &claim.connection_id, &claim.domain).await? else {
            return Ok(());
        };
        let gone = rival.is_some_and(|(seen, look)| seen.id == held.id && matches!(look, Look::Missing(_)));
        if !gone || !held.can_be_taken_over(self.0.store.now()) {
            return Err(taken(&claim.domain));
        }
        held.status = DomainStatus::Expired;
        held.last_error = Some("Somebody else proved the domain while this proof was missing.".to_owned());
        if !domains::note_look(tx, &held, DomainStatus::Verified, None).await? {
            return Err(taken(&claim.domain));
        }
        // a trial run tells its caller nothing of the other side
        if tx.dry_run().is_none() {
            let machine = self.machine_in(&held.workspace_id);
            let why = "its proof was missing and somebody else proved the domain";
            self.lapsed(tx, &machine, &held, why).await?;
        }
        record(tx, actor, "sso.domain-taken-over", claim).await?;
        let subject = format!("{} was taken over", claim.domain);
        let body = format!(
            "The domain {} was verified for another connection whose proof is gone; it belongs to your workspace now, and \
             its addresses sign in through your identity provider as soon as the connection is active. If you did not \
             expect this, look at {}.\n",
            claim.domain,
            self.page_url()
        );
        self.mail_owners(tx, &claim.workspace_id, &subject, &body).await
    }
}

/// An entry for something that went wrong with a domain.
async fn failed(tx: &mut Tx, actor: &Actor, event: &'static str, claim: &DomainClaim) -> Result<()> {
    let details = json!({
        "domain": claim.domain, "connectionId": claim.connection_id, "status": claim.status,
        "failingSince": claim.failing_since, "error": claim.last_error,
    });
    let target = Some(("domain", claim.id.as_str()));
    Ok(audit::record(tx, actor, Event::failure(event, target, details)).await?)
}

async fn mail_all(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    to: Vec<Email>,
    subject: &str,
    body: &str,
) -> Result<()> {
    for to in to {
        let mail = NewMail { to, subject: subject.to_owned(), body: Secret::new(body) };
        SendMail::enqueue(tx, Some(workspace), &mail).await?;
    }
    Ok(())
}
