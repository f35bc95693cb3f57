use std::time::Instant;

use gatehouse_identity::require;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::Reason;
use gatehouse_types::{Actor, ConnectionId, Error, Id, Kind, Permission, Result, Timestamp, WorkspaceId};
use serde_json::json;

use super::connections::{ConnectionView, missing, not_found, object, record};
use super::wsfed::test_wsfed;
use crate::Sso;
use crate::model::{Config, Connection, ConnectionEvent, DomainStatus, SamlConfig};
use crate::store::{connections, domains};

/// A certificate or a client secret that ends within this many days is warned about.
pub(crate) const EXPIRY_WARNING_DAYS: i64 = 30;

/// What a test looked at, by protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tested {
    /// SAML: what is kept here.
    Certificates {
        /// Whether a certificate is pinned that is valid now.
        certificate_valid: bool,
        /// Whether the provider's addresses and our own metadata are in order.
        metadata_valid: bool,
    },
    /// OpenID Connect: what the provider published just now.
    Provider {
        /// Whether its discovery document is there, and of the right issuer.
        discovery_valid: bool,
        /// Whether it has a key that may verify signatures.
        jwks_valid: bool,
    },
}

/// What a test of a connection found.
#[derive(Clone, Debug)]
pub struct TestReport {
    /// Whether every check passed.
    pub success: bool,
    /// What was looked at.
    pub tested: Tested,
    /// How long it took, milliseconds.
    pub latency_ms: u64,
    /// The checks in order.
    pub checks: Vec<Reason>,
}

impl TestReport {
    /// The first check that failed.
    pub fn error(&self) -> Option<&str> {
        self.checks.iter().find(|c| !c.ok).map(|c| c.detail.as_str())
    }
}

impl Sso {
    /// Tests a connection's configuration and moves its status: testing when all is well, error when not. A connection
    /// in use stays in use; the report tells what is wrong.
    ///
    /// # Errors
    /// `NotFound`; `Validation` for a protocol whose sign-in this version does not offer.
    pub async fn test_connection(&self, actor: &Actor, id: &ConnectionId) -> Result<TestReport> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSso, Some(object(id))).await?;
        let began = Instant::now();
        let unread = self.fetched_for_test(actor, workspace, id).await?;
        // our own key belongs to what is tested, and is made outside the transaction; so is a call of the provider
        let own = self.key_ring(workspace).await?.current.certificate.clone();
        let asked = self.ask_provider(workspace, id).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let mut connection = connections::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let report = match (&connection.config, asked) {
            (Config::Wsfed(wsfed), _) => test_wsfed(&connection, wsfed, unread, began, store.now()),
            // unless it was changed meanwhile
            (_, Some((version, report))) if version == connection.version => report,
            (_, Some(_)) => {
                return Err(Error::conflict(
                    "The connection was changed while it was tested. Test it again.",
                ));
            }
            (_, None) => test(&connection, &own, store.now())?,
        };
        self.note_test(&mut tx, actor, &mut connection, &report).await?;
        tx.commit().await?;
        Ok(report)
    }

    /// A test of a WS-Federation connection reads its metadata anew; why it could not.
    async fn fetched_for_test(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        id: &ConnectionId,
    ) -> Result<Option<String>> {
        let found = connections::find(&mut self.0.store.reader(), workspace, id).await?;
        let found = found.ok_or_else(not_found)?;
        if found.config.wsfed().is_none_or(|w| w.metadata_url.is_none()) {
            return Ok(None);
        }
        self.may_fetch(workspace, None)?;
        match self.refresh(actor, found).await {
            Ok(_) => Ok(None),
            Err(e) if e.kind() == Kind::Validation => Ok(Some(e.message().to_owned())),
            Err(e) => Err(e),
        }
    }

    /// The test of an OpenID Connect connection, with the version that was tested; `None` for other protocols.
    async fn ask_provider(
        &self,
        workspace: &WorkspaceId,
        id: &ConnectionId,
    ) -> Result<Option<(i64, TestReport)>> {
        let found = connections::find(&mut self.0.store.reader(), workspace, id).await?;
        let connection = found.ok_or_else(not_found)?;
        if connection.config.oidc().is_none() {
            return Ok(None);
        }
        self.0.fetches.require(workspace.as_str())?;
        let began = Instant::now();
        let tried = self.try_provider(&connection).await?;
        let report = TestReport {
            success: tried.checks.iter().all(|c| c.ok),
            tested: Tested::Provider { discovery_valid: tried.discovery_valid, jwks_valid: tried.jwks_valid },
            latency_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            checks: tried.checks,
        };
        Ok(Some((connection.version, report)))
    }

    async fn note_test(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        c: &mut Connection,
        report: &TestReport,
    ) -> Result<()> {
        c.status = c.status.next(ConnectionEvent::Tested { passed: report.success }).map_err(missing)?;
        c.tested_at = report.success.then(|| self.0.store.now());
        connections::update(tx, c, None).await?;
        let details = json!({"success": report.success, "status": c.status, "checks": report.checks});
        let target = ("connection", c.id.as_str());
        let event = if report.success {
            Event::success("sso.connection-tested", target, details)
        } else {
            Event::failure("sso.connection-tested", Some(target), details)
        };
        Ok(audit::record(tx, actor, event).await?)
    }

    /// Switches a connection on: people of its verified domains sign in through it.
    ///
    /// # Errors
    /// `Validation` naming the missing step: test, passed test, verified domain.
    pub async fn activate_connection(&self, actor: &Actor, id: &ConnectionId) -> Result<ConnectionView> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let view = self.activate_in(&mut tx, actor, workspace, id).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// Activates in the caller's transaction.
    pub(crate) async fn activate_in(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        id: &ConnectionId,
    ) -> Result<ConnectionView> {
        let mut connection = connections::lock(tx, workspace, id).await?.ok_or_else(not_found)?;
        let domains = domains::of(tx, id).await?;
        let has_domain = !self.0.options.require_domain
            || domains.iter().any(|d| d.status == DomainStatus::Verified && d.federated);
        let event = ConnectionEvent::Activate { tested: connection.tested_at.is_some(), has_domain };
        connection.status = connection.status.next(event).map_err(missing)?;
        connections::update(tx, &connection, None).await?;
        record(tx, actor, "sso.connection-activated", &connection).await?;
        self.tell_owners(tx, actor, workspace, &connection, "activated").await?;
        Ok(ConnectionView { connection, domains })
    }

    /// Switches a connection off: nobody signs in through it any more; sessions go on.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn deactivate_connection(&self, actor: &Actor, id: &ConnectionId) -> Result<ConnectionView> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let view = self.deactivate_in(&mut tx, actor, workspace, id).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// Deactivates in the caller's transaction.
    pub(crate) async fn deactivate_in(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        id: &ConnectionId,
    ) -> Result<ConnectionView> {
        let mut connection = connections::lock(tx, workspace, id).await?.ok_or_else(not_found)?;
        connection.status = connection.status.next(ConnectionEvent::Deactivate).map_err(missing)?;
        connections::update(tx, &connection, None).await?;
        record(tx, actor, "sso.connection-deactivated", &connection).await?;
        super::settings::no_longer_mandatory(tx, actor, workspace, id).await?;
        let domains = domains::of(tx, id).await?;
        Ok(ConnectionView { connection, domains })
    }
}

/// The SAML configuration that is tested.
fn saml(connection: &Connection) -> Result<&SamlConfig> {
    connection.config.saml().ok_or_else(|| Error::internal("not a SAML connection"))
}

fn test(connection: &Connection, own: &gatehouse_saml::Certificate, now: Timestamp) -> Result<TestReport> {
    let began = Instant::now();
    let saml = saml(connection)?;
    let mut checks = certificate_checks(connection, now);
    let certificate_valid = checks.iter().all(|c| c.ok);
    let ours = own.not_after() > now.micros();
    let metadata = [
        (
            "issuer",
            !saml.entity_id.trim().is_empty(),
            format!("The provider's issuer is {}.", saml.entity_id),
        ),
        (
            "single sign-on url",
            connection.config.check().is_ok(),
            format!("Requests go to {}.", saml.sso_url),
        ),
        ("our metadata", ours, format!("Our own certificate {} is valid.", own.fingerprint())),
    ];
    let metadata_valid = metadata.iter().all(|(_, ok, _)| *ok);
    checks.extend(metadata.map(|(check, ok, detail)| Reason { check: check.to_owned(), ok, detail }));
    Ok(TestReport {
        success: certificate_valid && metadata_valid,
        tested: Tested::Certificates { certificate_valid, metadata_valid },
        latency_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        checks,
    })
}

pub(crate) fn certificate_checks(connection: &Connection, now: Timestamp) -> Vec<Reason> {
    let pinned = &connection.certificates;
    let valid = pinned.iter().filter(|c| c.is_valid_at(now)).count();
    if pinned.is_empty() {
        let detail = "No certificate is pinned. Paste the provider's signing certificate.";
        return vec![Reason::failed("certificate", detail)];
    }
    if valid == 0 {
        let detail = "No pinned certificate is valid now. Paste the provider's current signing certificate.";
        return vec![Reason::failed("certificate", detail)];
    }
    let mut checks = vec![Reason::passed(
        "certificate",
        format!("{valid} of {} pinned certificates are valid.", pinned.len()),
    )];
    for c in pinned.iter().filter(|c| c.not_after < now.plus_seconds(EXPIRY_WARNING_DAYS * 86_400)) {
        let detail = format!(
            "Certificate {} is valid until {}; add its successor in time.",
            c.fingerprint, c.not_after
        );
        checks.push(Reason::passed("certificate expiry", detail));
    }
    checks
}
