//! The metadata of identity providers: read from a text or an address, and fetched again and again.

use gatehouse_identity::require;
use gatehouse_outbound::Limits;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, ConnectionId, Error, Id, Kind, Permission, Result, Timestamp, WorkspaceId};
use serde_json::json;

use super::certificates::pin_at_most;
use super::connections::{ConnectionPatch, ConnectionView, missing, not_found, object};
use crate::Sso;
use crate::model::{
    Config, Connection, ConnectionEvent, Imported, MAX_TAKEN_OF_SERVICE, MetadataState,
    SHORTEST_REFRESH_SECONDS, metadata_certificate, sign_on_url,
};
use crate::store::{certificates, connections, domains, metadata};

/// The field of a metadata address.
const URL_FIELD: &str = "samlConfig.metadataUrl";
/// The field of a federation metadata address.
const WSFED_URL_FIELD: &str = "wsfedConfig.metadataUrl";
/// The field of a metadata text.
const XML_FIELD: &str = "samlConfig.metadataXml";
/// The owners are told when every fetch has failed for this long, in seconds.
const TELL_AFTER_SECONDS: i64 = 3 * 86_400;

impl Sso {
    /// Reads metadata from a text, or from an address under the egress policy. With a certificate given, it must be
    /// signed with its key; without, the channel is trusted (TLS).
    ///
    /// # Errors
    /// `Validation` that names the field and says what is wrong.
    pub(crate) async fn read_metadata(
        &self,
        config: &Config,
        xml: Option<&str>,
        wanted: Option<&str>,
    ) -> Result<Imported> {
        let signer = config.saml().and_then(|saml| saml.metadata_certificate.as_deref());
        let signer = metadata_certificate(signer)?;
        let place = url_field(config);
        let (field, bytes) = match (xml, config.metadata_url()) {
            (Some(xml), _) => (XML_FIELD, xml.as_bytes().to_vec()),
            (None, Some(url)) => (place, self.fetch_metadata(place, url).await?),
            (None, None) => return Err(no_address(place)),
        };
        let wanted = wanted.map(str::trim).filter(|w| !w.is_empty());
        Imported::read(config.protocol(), &bytes, wanted, signer.as_ref(), self.0.store.now())
            .map_err(|why| Error::validation(field, why))
    }

    /// The metadata that a new connection brings or points to.
    pub(crate) async fn imported_by_new(
        &self,
        c: &Connection,
        xml: Option<&str>,
    ) -> Result<Option<Imported>> {
        let url = c.config.metadata_url();
        if xml.is_none() && url.is_none() {
            return Ok(None);
        }
        one_source(!c.certificates.is_empty(), xml, url).map_err(|e| named(&c.config, e))?;
        self.may_fetch(&c.workspace_id, xml)?;
        self.read_metadata(&c.config, xml, c.config.known_issuer()).await.map(Some)
    }

    /// Whether a connection may wait for its metadata: one over WS-Federation has its other values by hand, and people
    /// do not rely on it yet.
    pub(crate) fn may_wait(c: &Connection, failure: &Error) -> bool {
        c.config.wsfed().is_some_and(|w| w.metadata_url.is_some())
            && c.status != crate::model::ConnectionStatus::Active
            && failure.kind() == Kind::Validation
            && failure.field() == Some(WSFED_URL_FIELD)
    }

    /// The metadata that a change brings or points to, read before its transaction.
    pub(crate) async fn imported_by(
        &self,
        workspace: &WorkspaceId,
        id: &ConnectionId,
        patch: &ConnectionPatch,
    ) -> Result<Option<Imported>> {
        let urls = [&patch.config.idp_metadata_url, &patch.config.metadata_url];
        let url = urls.into_iter().flatten().map(|u| u.trim()).find(|u| !u.is_empty());
        if patch.metadata_xml.is_none() && url.is_none() {
            return Ok(None);
        }
        let known =
            connections::find(&mut self.0.store.reader(), workspace, id).await?.ok_or_else(not_found)?;
        let mut config = known.config.clone();
        patch.config.clone().apply(&mut config)?;
        let same = config.wsfed().is_some() && config.metadata_url() == known.config.metadata_url();
        if same && !known.certificates.is_empty() {
            return Ok(None);
        }
        one_source(patch.certificates.is_some(), patch.metadata_xml.as_deref(), url)
            .map_err(|e| named(&config, e))?;
        self.may_fetch(workspace, patch.metadata_xml.as_deref())?;
        let xml = patch.metadata_xml.as_deref();
        let chosen = patch.config.entity_id.as_deref().or(patch.config.issuer.as_deref());
        // another provider may be meant; of several, the one known so far
        let first = self.read_metadata(&config, xml, chosen).await;
        match first {
            Err(e) if chosen.is_none() && e.message().contains("identity providers") => {
                let again = self.read_metadata(&config, xml, known.config.known_issuer()).await;
                again.map(Some).map_err(|_| e)
            }
            other => other.map(Some),
        }
    }

    /// Takes one fetch of the workspace, unless the metadata came along as a text.
    pub(super) fn may_fetch(&self, workspace: &WorkspaceId, xml: Option<&str>) -> Result<()> {
        if xml.is_none() { self.0.fetches.require(workspace.as_str()) } else { Ok(()) }
    }

    async fn fetch_metadata(&self, field: &'static str, url: &str) -> Result<Vec<u8>> {
        sign_on_url(field, url)?;
        let limits = Limits { max_bytes: gatehouse_saml::limits::METADATA_BYTES, ..Limits::default() };
        let answer = self.0.http.get(url, limits).await.and_then(gatehouse_outbound::Response::success);
        let refused = |e| Error::validation(field, format!("The metadata could not be fetched: {e}"));
        answer.map(|a| a.body).map_err(refused)
    }

    /// Fetches a connection's metadata now and takes over what it says.
    ///
    /// # Errors
    /// `NotFound`; `Validation` that says why it cannot be used, which is kept on the connection too.
    pub async fn refresh_metadata(&self, actor: &Actor, id: &ConnectionId) -> Result<ConnectionView> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let found = connections::find(&mut self.0.store.reader(), workspace, id).await?;
        self.may_fetch(workspace, None)?;
        let connection = self.refresh(actor, found.ok_or_else(not_found)?).await?;
        let domains = domains::of(&mut self.0.store.reader(), id).await?;
        Ok(ConnectionView { connection, domains })
    }

    /// The same for a job: a connection that went away meanwhile is no failure, and metadata that cannot be used is
    /// recorded, not tried at once again.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn refresh_due(&self, id: &ConnectionId) -> Result<()> {
        let store = &self.0.store;
        let Some(found) = connections::find_anywhere(&mut store.reader(), id).await? else { return Ok(()) };
        let due = found.metadata.as_ref().is_some_and(|m| m.next_fetch_at <= store.now());
        if !due {
            return Ok(());
        }
        let origin = gatehouse_types::Origin::machine(store.ids().make());
        let actor = Actor::system(origin, Some(found.workspace_id.clone()));
        match self.refresh(&actor, found).await {
            Err(e) if e.kind() == Kind::Validation => Ok(()),
            other => other.map(drop),
        }
    }

    pub(super) async fn refresh(&self, actor: &Actor, known: Connection) -> Result<Connection> {
        let Some(url) = known.config.metadata_url().map(str::to_owned) else {
            return Err(no_address(url_field(&known.config)));
        };
        let read = self.read_metadata(&known.config, None, known.config.known_issuer()).await;
        let outcome = match read {
            Ok(imported) => self.take_metadata(actor, &known.id, &url, &imported).await,
            Err(e) => Err(e),
        };
        match outcome {
            Err(e) if e.kind() == Kind::Validation => {
                self.note_failure(actor, &known.id, e.message()).await?;
                Err(e)
            }
            other => other,
        }
    }

    /// One transaction: the values, the certificates, the audit entry if anything changed.
    async fn take_metadata(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        url: &str,
        imported: &Imported,
    ) -> Result<Connection> {
        let store = &self.0.store;
        let mut tx = store.begin(&actor.origin).await?;
        let before = connections::lock(&mut tx, actor.workspace()?, id).await?.ok_or_else(not_found)?;
        if before.config.metadata_url() != Some(url) {
            return Err(Error::conflict("The metadata address was changed at this moment. Try again."));
        }
        let mut after = before.clone();
        fill(&mut after, imported, store.now())?;
        self.check_whole(actor.workspace()?, &after)?;
        after.metadata = Some(fetched(imported, store.now()));
        if after.config != before.config || after.certificates != before.certificates {
            after.version += 1;
            after.tested_at = None;
            after.status = after.status.next(ConnectionEvent::Edited).map_err(missing)?;
            certificates::replace(&mut tx, id, &after.certificates).await?;
            connections::update(&mut tx, &after, None).await?;
            let event =
                Event::success("sso.metadata-changed", ("connection", id.as_str()), changes(&before, &after));
            audit::record(&mut tx, actor, event).await?;
        } else if before.metadata.as_ref().is_none_or(|m| m.error.is_some()) {
            let details = json!({"url": url, "changed": false});
            let event = Event::success("sso.metadata-fetched", ("connection", id.as_str()), details);
            audit::record(&mut tx, actor, event).await?;
        }
        metadata::save(&mut tx, id, after.metadata.as_ref()).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Keeps why a fetch failed. The first failure in a row is audited; after three days the owners are told once.
    pub(super) async fn note_failure(&self, actor: &Actor, id: &ConnectionId, why: &str) -> Result<()> {
        let now = self.0.store.now();
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let Some(connection) = connections::lock(&mut tx, actor.workspace()?, id).await? else {
            return Ok(());
        };
        let mut state = connection.metadata.clone().unwrap_or(MetadataState::due(now));
        if state.error.as_deref() != Some(why) {
            let details = json!({"error": why});
            let event = Event::failure("sso.metadata-refused", Some(("connection", id.as_str())), details);
            audit::record(&mut tx, actor, event).await?;
        }
        let since = *state.failing_since.get_or_insert(now);
        state.error = Some(why.to_owned());
        state.next_fetch_at = now.plus_seconds(SHORTEST_REFRESH_SECONDS);
        if state.told_at.is_none() && since.plus_seconds(TELL_AFTER_SECONDS) <= now {
            state.told_at = Some(now);
            self.tell_of_failure(&mut tx, &connection, since, why).await?;
        }
        metadata::save(&mut tx, id, Some(&state)).await?;
        Ok(tx.commit().await?)
    }

    async fn tell_of_failure(&self, tx: &mut Tx, c: &Connection, since: Timestamp, why: &str) -> Result<()> {
        let subject = format!("The metadata of the single sign-on connection {} cannot be read", c.name);
        let body = format!(
            "Since {since} the metadata of the provider of {} could not be fetched or used:\n\n{why}\n\nPeople still sign \
             in with the values known so far, until the provider changes its certificate. Look at {}.\n",
            c.name,
            self.0.public_url.join("/settings/security/sso"),
        );
        self.mail_owners(tx, &c.workspace_id, &subject, &body).await
    }
}

/// Puts what metadata says into a connection; certificates that stay keep their history.
///
/// # Errors
/// `Validation` for what cannot be used.
pub(crate) fn fill(c: &mut Connection, imported: &Imported, now: Timestamp) -> Result<()> {
    let field = url_field(&c.config);
    let applied = match &mut c.config {
        Config::Saml(saml) => imported.apply(saml),
        Config::Wsfed(wsfed) => imported.apply_to_wsfed(wsfed),
        Config::Oidc(_) => Err("Connections over OpenID Connect take no metadata of this kind.".to_owned()),
    };
    applied.map_err(|why| Error::validation(field, why))?;
    c.certificates = pin_at_most(MAX_TAKEN_OF_SERVICE, &imported.pems(), &c.certificates, now)?;
    Ok(())
}

fn url_field(config: &Config) -> &'static str {
    if config.wsfed().is_some() { WSFED_URL_FIELD } else { URL_FIELD }
}

/// A failure about SAML's certificates, as it is called in the connection's own protocol.
fn named(config: &Config, e: Error) -> Error {
    let wsfed = config.wsfed().is_some();
    match e.field() {
        Some("samlConfig.certificates") if wsfed => e.on_field("wsfedConfig.certificates"),
        Some("samlConfig.certificate") if wsfed => e.on_field("wsfedConfig.certificate"),
        _ => e,
    }
}

fn no_address(field: &'static str) -> Error {
    Error::validation(field, "The connection has no metadata address. Set metadataUrl.")
}

/// Fills a new connection; an address that was given with it counts more.
///
/// # Errors
/// As [`fill`].
pub(crate) fn fill_new(c: &mut Connection, imported: &Imported, now: Timestamp) -> Result<()> {
    let given = c.config.saml().cloned().unwrap_or_default();
    fill(c, imported, now)?;
    if let (Config::Saml(saml), false) = (&mut c.config, given.sso_url.trim().is_empty()) {
        saml.sso_url.clone_from(&given.sso_url);
        saml.request_binding = given.request_binding;
    }
    c.metadata = c.config.metadata_url().is_some().then(|| fetched(imported, now));
    Ok(())
}

/// How the refresh stands after a change.
pub(crate) fn metadata_after(
    before: &Connection,
    after: &Connection,
    imported: Option<&Imported>,
    now: Timestamp,
) -> Option<MetadataState> {
    let url = after.config.metadata_url()?;
    match imported {
        Some(imported) => Some(fetched(imported, now)),
        None if before.config.metadata_url() != Some(url) => Some(MetadataState::due(now)),
        None => before.metadata.clone(),
    }
}

/// Metadata comes from one place, and brings the certificates along.
fn one_source(certificates: bool, xml: Option<&str>, url: Option<&str>) -> Result<()> {
    if certificates {
        let message = "The certificates come from the metadata: send one or the other.";
        return Err(Error::validation("samlConfig.certificates", message));
    }
    if xml.is_some() && url.is_some() {
        return Err(Error::validation(XML_FIELD, "Send metadataXml or metadataUrl, not both."));
    }
    Ok(())
}

/// The state after a fetch that went well.
fn fetched(imported: &Imported, now: Timestamp) -> MetadataState {
    MetadataState {
        fetched_at: Some(now),
        note: imported.note.clone(),
        ..MetadataState::due(imported.next_fetch_at)
    }
}

fn changes(before: &Connection, after: &Connection) -> serde_json::Value {
    let prints = |c: &Connection| c.certificates.iter().map(|p| p.fingerprint.clone()).collect::<Vec<_>>();
    let url = |c: &Connection| match &c.config {
        Config::Saml(saml) => Some(saml.sso_url.clone()),
        Config::Wsfed(wsfed) => Some(wsfed.sign_on().to_owned()),
        Config::Oidc(_) => None,
    };
    json!({
        "oldCertificates": prints(before), "newCertificates": prints(after),
        "oldSsoUrl": url(before), "newSsoUrl": url(after), "version": after.version, "status": after.status,
    })
}
