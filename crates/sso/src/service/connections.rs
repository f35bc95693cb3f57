use std::collections::BTreeMap;

use gatehouse_identity::require;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{
    Actor, ConnectionId, Error, Id, Page, PageRequest, Permission, Result, Role, Secret, WorkspaceId,
};
use serde_json::json;

use super::certificates::pin;
use super::import::{fill, fill_new, metadata_after};
use crate::Sso;
use crate::model::{
    ClientAuthentication, Config, Connection, ConnectionEvent, ConnectionStatus, DomainClaim, Imported,
    MetadataState, NewConnection, OidcConfig, Provider, RequestBinding, RoleMapping, SecretEnd, SloBinding,
    checked_name,
};
use crate::store::connections::Wanted;
use crate::store::{connections, domains, drafts, identities, settings, setup_links};

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 1000;
/// Connections of one workspace at most.
const MAX_CONNECTIONS: i64 = 200;
/// The way to the built-in lab identity providers; each speaks for its own workspace alone.
const LAB_PATH: &str = "/lab/";

/// A connection with its domains.
#[derive(Clone, Debug)]
pub struct ConnectionView {
    /// The connection.
    pub connection: Connection,
    /// Its domains, the primary one first.
    pub domains: Vec<DomainClaim>,
}

/// Only what is given changes; nested values too.
#[derive(Clone, Debug, Default)]
pub struct ConnectionPatch {
    /// The name.
    pub name: Option<String>,
    /// The description; an empty one clears it.
    pub description: Option<String>,
    /// The preset.
    pub provider: Option<Provider>,
    /// Just-in-time provisioning.
    pub jit_provisioning: Option<bool>,
    /// The role of people made at their first sign-in.
    pub default_role: Option<Role>,
    /// Which of the provider's groups give which role; one without rules ends the mapping.
    pub role_mapping: Option<RoleMapping>,
    /// The client secret of OpenID Connect.
    pub client_secret: Option<Secret>,
    /// When it ends; that of a former secret does not stay with a new one.
    pub client_secret_expires_at: SecretEnd,
    /// All certificates, latest first.
    pub certificates: Option<Vec<String>>,
    /// SAML: the provider's metadata; what is given beside it counts more.
    pub metadata_xml: Option<String>,
    /// Values of the protocol's configuration by name.
    pub config: ConfigPatch,
}

/// Values of a configuration to change; those of another protocol are refused.
#[derive(Clone, Debug, Default)]
pub struct ConfigPatch {
    /// SAML: the provider's entity id.
    pub entity_id: Option<String>,
    /// SAML: where requests go.
    pub sso_url: Option<String>,
    /// SAML: whether requests are signed.
    pub sign_requests: Option<bool>,
    /// SAML and WS-Federation: names of attributes.
    pub attribute_mapping: Option<BTreeMap<String, String>>,
    /// SAML and WS-Federation: whether SHA-1 counts.
    pub allow_sha1: Option<bool>,
    /// SAML: whether requests name the connection's own assertion consumer service.
    pub own_acs: Option<bool>,
    /// SAML: the single logout URL; an empty one clears it.
    pub slo_url: Option<String>,
    /// SAML: where answers to logout requests go; an empty one clears it.
    pub slo_response_url: Option<String>,
    /// SAML: how logout messages travel.
    pub slo_binding: Option<SloBinding>,
    /// SAML: how requests travel.
    pub request_binding: Option<RequestBinding>,
    /// SAML: whether people must authenticate anew.
    pub force_authn: Option<bool>,
    /// SAML: the kind of name asked for; an empty one clears it.
    pub name_id_format: Option<String>,
    /// SAML: the authentication contexts demanded.
    pub authn_context: Option<Vec<String>>,
    /// SAML: where the provider's metadata is; an empty one clears it.
    pub idp_metadata_url: Option<String>,
    /// SAML: the certificate that the metadata must be signed with; an empty one clears it.
    pub metadata_certificate: Option<String>,
    /// OpenID Connect: the issuer.
    pub issuer_url: Option<String>,
    /// OpenID Connect: our client id.
    pub client_id: Option<String>,
    /// OpenID Connect: the discovery document.
    pub discovery_url: Option<String>,
    /// OpenID Connect: the scopes.
    pub scopes: Option<Vec<String>>,
    /// OpenID Connect: how we authenticate; `Some(None)`: as the provider's metadata says.
    pub client_authentication: Option<Option<ClientAuthentication>>,
    /// OpenID Connect: whether addresses count of which the provider does not say whether they are verified.
    pub trust_email: Option<bool>,
    /// WS-Federation: where requests go.
    pub sign_on_url: Option<String>,
    /// WS-Federation: the metadata.
    pub metadata_url: Option<String>,
    /// WS-Federation: our realm; an empty one clears it.
    pub realm: Option<String>,
    /// WS-Federation: the issuer of its tokens; an empty one clears it.
    pub issuer: Option<String>,
    /// WS-Federation: the one tenant whose tokens count; an empty one clears it.
    pub tenant_id: Option<String>,
    /// WS-Federation: whether replies that nobody asked for count.
    pub provider_initiated: Option<bool>,
}

fn put<T>(place: &mut T, value: &mut Option<T>) {
    if let Some(value) = value.take() {
        *place = value;
    }
}

fn put_trimmed(place: &mut String, value: &mut Option<String>) {
    if let Some(value) = value.take() {
        value.trim().clone_into(place);
    }
}

/// Changes a text that may be absent; an empty one clears it.
fn put_or_clear(place: &mut Option<String>, value: &mut Option<String>) {
    if let Some(value) = value.take() {
        *place = Some(value.trim().to_owned()).filter(|v| !v.is_empty());
    }
}

impl ConfigPatch {
    /// Changes what is given; what is left over belongs to another protocol.
    pub(crate) fn apply(mut self, config: &mut Config) -> Result<()> {
        match config {
            Config::Saml(c) => {
                put(&mut c.entity_id, &mut self.entity_id);
                put(&mut c.sso_url, &mut self.sso_url);
                put(&mut c.sign_requests, &mut self.sign_requests);
                put(&mut c.attribute_mapping, &mut self.attribute_mapping);
                put(&mut c.allow_sha1, &mut self.allow_sha1);
                put(&mut c.own_acs, &mut self.own_acs);
                put_or_clear(&mut c.slo_url, &mut self.slo_url);
                put_or_clear(&mut c.slo_response_url, &mut self.slo_response_url);
                put(&mut c.slo_binding, &mut self.slo_binding);
                put(&mut c.request_binding, &mut self.request_binding);
                put(&mut c.force_authn, &mut self.force_authn);
                put(&mut c.authn_context, &mut self.authn_context);
                put_or_clear(&mut c.name_id_format, &mut self.name_id_format);
                put_or_clear(&mut c.metadata_url, &mut self.idp_metadata_url);
                put_or_clear(&mut c.metadata_certificate, &mut self.metadata_certificate);
            }
            Config::Oidc(c) => {
                put_trimmed(&mut c.issuer_url, &mut self.issuer_url);
                put_trimmed(&mut c.client_id, &mut self.client_id);
                put(&mut c.scopes, &mut self.scopes);
                put(&mut c.client_authentication, &mut self.client_authentication);
                put(&mut c.trust_email, &mut self.trust_email);
                put_or_clear(&mut c.discovery_url, &mut self.discovery_url);
            }
            Config::Wsfed(c) => {
                let before = c.metadata_url.clone();
                put(&mut c.sign_on_url, &mut self.sign_on_url);
                put_or_clear(&mut c.metadata_url, &mut self.metadata_url);
                if c.metadata_url.is_some() && c.metadata_url != before {
                    // another address may be another provider's: nothing of the former one stays believed
                    (c.issuer, c.passive_url) = (None, None);
                }
                put_or_clear(&mut c.realm, &mut self.realm);
                put_or_clear(&mut c.issuer, &mut self.issuer);
                put_or_clear(&mut c.tenant_id, &mut self.tenant_id);
                c.tenant_id = c.tenant_id.take().map(|t| t.to_ascii_lowercase());
                put(&mut c.attribute_mapping, &mut self.attribute_mapping);
                put(&mut c.allow_sha1, &mut self.allow_sha1);
                put(&mut c.provider_initiated, &mut self.provider_initiated);
            }
        }
        if self.is_empty() {
            return Ok(());
        }
        let protocol = config.protocol().as_str();
        Err(Error::validation(
            "protocol",
            format!("This connection speaks {protocol}; send its configuration only."),
        ))
    }

    fn is_empty(&self) -> bool {
        let texts = [
            &self.entity_id,
            &self.sso_url,
            &self.slo_url,
            &self.slo_response_url,
            &self.issuer_url,
            &self.client_id,
            &self.discovery_url,
            &self.sign_on_url,
            &self.metadata_url,
            &self.realm,
            &self.issuer,
            &self.tenant_id,
            &self.name_id_format,
            &self.idp_metadata_url,
            &self.metadata_certificate,
        ];
        let flags = [
            self.sign_requests,
            self.allow_sha1,
            self.own_acs,
            self.force_authn,
            self.trust_email,
            self.provider_initiated,
        ];
        texts.iter().all(|t| t.is_none())
            && flags.iter().all(Option::is_none)
            && self.slo_binding.is_none()
            && self.attribute_mapping.is_none()
            && self.authn_context.is_none()
            && self.request_binding.is_none()
            && self.scopes.is_none()
            && self.client_authentication.is_none()
    }
}

fn checked_description(text: Option<String>) -> Result<Option<String>> {
    let text = text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    match &text {
        Some(t) if t.chars().count() > MAX_DESCRIPTION => {
            Err(Error::validation("description", "The description must not be longer than 1000 characters."))
        }
        _ => Ok(text),
    }
}

impl Sso {
    /// Makes a connection; it is inactive until it is tested and activated.
    ///
    /// # Errors
    /// `Validation`; `Conflict` when the name is taken; `Authorization` without the right.
    pub async fn create_connection(&self, actor: &Actor, new: NewConnection) -> Result<ConnectionView> {
        self.create_connection_as(actor, self.0.store.ids().make(), new).await
    }

    /// Makes a connection under an id that was promised before.
    pub(crate) async fn create_connection_as(
        &self,
        actor: &Actor,
        id: ConnectionId,
        new: NewConnection,
    ) -> Result<ConnectionView> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, None).await?;
        let (secret, xml) = (new.client_secret.clone(), new.metadata_xml.clone());
        let mut connection = self.unsaved(actor, workspace, id, new)?;
        match self.imported_by_new(&connection, xml.as_deref()).await {
            Ok(Some(imported)) => fill_new(&mut connection, &imported, self.0.store.now())?,
            Ok(None) => {}
            Err(e) if Self::may_wait(&connection, &e) => {
                connection.metadata = Some(MetadataState::failed(e.message(), self.0.store.now()));
            }
            Err(e) => return Err(e),
        }
        self.insert_connection(actor, connection, secret).await
    }

    /// A connection as it begins; nothing is stored.
    pub(crate) fn unsaved(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        id: ConnectionId,
        new: NewConnection,
    ) -> Result<Connection> {
        let now = self.0.store.now();
        Ok(Connection {
            id,
            workspace_id: workspace.clone(),
            name: checked_name(&new.name)?.to_owned(),
            description: checked_description(new.description)?,
            provider: new.provider,
            status: ConnectionStatus::Inactive,
            config: new.config,
            has_client_secret: new.client_secret.is_some(),
            client_secret_expires_at: SecretEnd::given(new.client_secret_expires_at).of_secret(
                None,
                new.client_secret.is_some(),
                now,
            )?,
            certificates: pin(&new.certificates, &[], now)?,
            metadata: None,
            jit_provisioning: new.jit_provisioning,
            default_role: checked_role(new.default_role)?,
            role_mapping: checked_mapping(new.role_mapping)?,
            version: 1,
            last_used_at: None,
            tested_at: None,
            created_by: actor.user().ok().cloned(),
            created_at: now,
            updated_at: now,
        })
    }

    /// Stores a new connection; the caller has required the right.
    pub(crate) async fn insert_connection(
        &self,
        actor: &Actor,
        connection: Connection,
        secret: Option<Secret>,
    ) -> Result<ConnectionView> {
        self.check_whole(&connection.workspace_id, &connection)?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        self.insert_in(&mut tx, actor, &connection, secret.as_ref()).await?;
        tx.commit().await?;
        Ok(ConnectionView { connection, domains: Vec::new() })
    }

    /// Stores a new connection in the caller's transaction.
    pub(crate) async fn insert_in(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        connection: &Connection,
        secret: Option<&Secret>,
    ) -> Result<()> {
        let all = PageRequest::new(1, 1)?;
        let count = connections::list(tx, &connection.workspace_id, Wanted::default(), all).await?.1;
        if count >= MAX_CONNECTIONS {
            return Err(Error::conflict("A workspace has at most 200 connections."));
        }
        connections::insert(tx, connection, secret).await.map_err(name_taken)?;
        record(tx, actor, "sso.connection-created", connection).await
    }

    /// One page of the workspace's connections, oldest first.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn list_connections(
        &self,
        actor: &Actor,
        wanted: Wanted,
        page: PageRequest,
    ) -> Result<Page<ConnectionView>> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, None).await?;
        let db = &mut self.0.store.reader();
        let (found, total) = connections::list(db, workspace, wanted, page).await?;
        let mut views = Vec::with_capacity(found.len());
        for connection in found {
            let domains = domains::of(db, &connection.id).await?;
            views.push(ConnectionView { connection, domains });
        }
        Ok(Page::new(views, page, total))
    }

    /// A connection of the workspace with its domains.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn connection(&self, actor: &Actor, id: &ConnectionId) -> Result<ConnectionView> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let db = &mut self.0.store.reader();
        let connection = connections::find(db, workspace, id).await?.ok_or_else(not_found)?;
        let domains = domains::of(db, id).await?;
        Ok(ConnectionView { connection, domains })
    }

    /// Changes what is given. What was tested and then changed must be tested again, unless it is in use.
    ///
    /// # Errors
    /// As [`Sso::create_connection`], and `NotFound`.
    pub async fn update_connection(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        patch: ConnectionPatch,
    ) -> Result<ConnectionView> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, Some(object(id))).await?;
        let imported = match self.imported_by(workspace, id, &patch).await {
            Ok(imported) => imported,
            Err(e) => return self.update_unread(actor, workspace, id, patch, e).await,
        };
        self.update_with(actor, workspace, id, patch, imported).await
    }

    /// The same for metadata that could not be read, where the connection may wait for it.
    async fn update_unread(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        id: &ConnectionId,
        patch: ConnectionPatch,
        unread: Error,
    ) -> Result<ConnectionView> {
        let known = connections::find(&mut self.0.store.reader(), workspace, id).await?;
        let mut known = known.ok_or_else(not_found)?;
        patch.config.clone().apply(&mut known.config)?;
        if !Self::may_wait(&known, &unread) {
            return Err(unread);
        }
        let mut view = self.update_with(actor, workspace, id, patch, None).await?;
        self.note_failure(actor, id, unread.message()).await?;
        view.connection.metadata = Some(MetadataState::failed(unread.message(), self.0.store.now()));
        Ok(view)
    }

    /// The same with metadata that was read already; the caller has required the right.
    pub(crate) async fn update_with(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        id: &ConnectionId,
        patch: ConnectionPatch,
        imported: Option<Imported>,
    ) -> Result<ConnectionView> {
        let store = &self.0.store;
        let mut tx = store.begin(&actor.origin).await?;
        let before = connections::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        let secret = patch.client_secret.clone();
        let after = self.changed(workspace, &before, patch, imported.as_ref())?;
        let after = self.put_changed(&mut tx, actor, &before, after, secret).await?;
        let domains = domains::of(&mut tx, id).await?;
        tx.commit().await?;
        Ok(ConnectionView { connection: after, domains })
    }

    /// A connection after a change; nothing is stored.
    pub(crate) fn changed(
        &self,
        workspace: &WorkspaceId,
        before: &Connection,
        patch: ConnectionPatch,
        imported: Option<&Imported>,
    ) -> Result<Connection> {
        let now = self.0.store.now();
        let mut after = before.clone();
        if let Some(imported) = imported {
            fill(&mut after, imported, now)?;
        }
        let mut after = patched(after, patch, now)?;
        if let (Some(imported), Config::Wsfed(wsfed)) = (imported, &mut after.config) {
            // another address takes the former one's values away, and these are the new one's
            let applied = imported.apply_to_wsfed(wsfed);
            applied.map_err(|why| Error::validation("wsfedConfig.metadataUrl", why))?;
        }
        after.metadata = metadata_after(before, &after, imported, now);
        let moved = after.config.wsfed().is_some()
            && after.config.metadata_url().is_some()
            && after.config.metadata_url() != before.config.metadata_url();
        if moved && imported.is_none() {
            // the keys of the former address are not this one's
            after.certificates.clear();
        }
        self.check_whole(workspace, &after)?;
        Ok(after)
    }

    /// Stores a changed connection with what follows from the change; in the caller's transaction.
    pub(crate) async fn put_changed(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        before: &Connection,
        mut after: Connection,
        secret: Option<Secret>,
    ) -> Result<Connection> {
        let (workspace, id) = (&before.workspace_id, &before.id);
        let believed =
            after.config != before.config || after.certificates != before.certificates || secret.is_some();
        let admits = admission(&after) != admission(before);
        if believed || admits {
            // a draft that began before does not fit any more
            after.version += 1;
        }
        if believed {
            after.tested_at = None;
            after.status = after.status.next(ConnectionEvent::Edited).map_err(missing)?;
        }
        if (believed || admits) && after.status == ConnectionStatus::Active {
            self.tell_owners(tx, actor, workspace, &after, "changed").await?;
        }
        if after.config.names_people_as() != before.config.names_people_as() {
            // a subject is somebody at one provider only, and for one client there (OpenID Connect Core §5.7 and §8);
            // people are found by their address again
            identities::delete_all(tx, id).await?;
        }
        if after.certificates != before.certificates {
            crate::store::certificates::replace(tx, id, &after.certificates).await?;
        }
        connections::update(tx, &after, secret.as_ref()).await.map_err(name_taken)?;
        if after.metadata != before.metadata {
            crate::store::metadata::save(tx, id, after.metadata.as_ref()).await?;
        }
        record(tx, actor, "sso.connection-updated", &after).await?;
        after.updated_at = self.0.store.now();
        Ok(after)
    }

    /// Soft-deletes a connection: nobody signs in through it any more, people keep their accounts, its domains and
    /// its name are free again.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn delete_connection(&self, actor: &Actor, id: &ConnectionId) -> Result<()> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageSso, Some(object(id))).await?;
        let mut tx = store.begin(&actor.origin).await?;
        let connection = connections::lock(&mut tx, workspace, id).await?.ok_or_else(not_found)?;
        connections::delete(&mut tx, id).await?;
        drafts::delete_all(&mut tx, id).await?;
        setup_links::revoke_of(&mut tx, id).await?;
        domains::delete_all(&mut tx, id).await?;
        super::settings::no_longer_mandatory(&mut tx, actor, workspace, id).await?;
        let mut settings = settings::find(&mut tx, workspace).await?;
        if settings.connection_id.as_ref() == Some(id) {
            settings.connection_id = None;
            settings::save(&mut tx, workspace, &settings).await?;
        }
        record(&mut tx, actor, "sso.connection-deleted", &connection).await?;
        Ok(tx.commit().await?)
    }

    /// Checks a connection as a whole, and that nobody but a lab leans on the lab's identity provider.
    pub(crate) fn check_whole(&self, workspace: &WorkspaceId, connection: &Connection) -> Result<()> {
        connection.config.check()?;
        let (lab, own) = (self.0.public_url.join(LAB_PATH), format!("{LAB_PATH}idp/{workspace}/"));
        let own = self.0.public_url.join(&own);
        let of_another = |url: &str| url.starts_with(&lab) && !format!("{url}/").starts_with(&own);
        let leans = |urls: &[Option<&str>]| urls.iter().flatten().any(|url| of_another(url));
        let (field, leans) = match &connection.config {
            Config::Saml(saml) => {
                let logout = [saml.slo_url.as_deref(), saml.slo_response_url.as_deref()];
                let others = leans(&[Some(&saml.sso_url), Some(&saml.entity_id)]);
                ("samlConfig.ssoUrl", others || leans(&logout))
            }
            Config::Wsfed(wsfed) => {
                let all = [Some(wsfed.sign_on()), wsfed.issuer.as_deref(), wsfed.metadata_url.as_deref()];
                ("wsfedConfig.signOnUrl", leans(&all))
            }
            Config::Oidc(oidc) => {
                if oidc.is_of_operator() && connection.provider != Provider::Google {
                    let message = "oidcConfig.issuerUrl is required.";
                    return Err(Error::validation("oidcConfig.issuerUrl", message));
                }
                ("oidcConfig.issuerUrl", leans(&[Some(&oidc.issuer_url), oidc.discovery_url.as_deref()]))
            }
        };
        if leans {
            let message = "The built-in lab identity provider speaks for its own lab workspace only.";
            return Err(Error::validation(field, message));
        }
        Ok(())
    }
}

/// A connection after a change; nothing is stored.
pub(crate) fn patched(
    mut c: Connection,
    patch: ConnectionPatch,
    now: gatehouse_types::Timestamp,
) -> Result<Connection> {
    if let Some(name) = &patch.name {
        c.name = checked_name(name)?.to_owned();
    }
    if patch.description.is_some() {
        c.description = checked_description(patch.description)?;
    }
    c.provider = patch.provider.unwrap_or(c.provider);
    c.jit_provisioning = patch.jit_provisioning.unwrap_or(c.jit_provisioning);
    c.default_role = checked_role(patch.default_role.unwrap_or(c.default_role))?;
    if let Some(mapping) = patch.role_mapping {
        c.role_mapping = checked_mapping(Some(mapping))?;
    }
    c.has_client_secret |= patch.client_secret.is_some();
    let asked = c.config.oidc().map(OidcConfig::asked_at);
    if let Some(certificates) = &patch.certificates {
        c.certificates = pin(certificates, &c.certificates, now)?;
    }
    patch.config.apply(&mut c.config)?;
    if c.config.oidc().map(OidcConfig::asked_at) != asked && patch.client_secret.is_none() {
        // a secret goes nowhere but where it was entered for
        c.has_client_secret = false;
    }
    let known = c.client_secret_expires_at.filter(|_| patch.client_secret.is_none());
    c.client_secret_expires_at = patch.client_secret_expires_at.of_secret(known, c.has_client_secret, now)?;
    Ok(c)
}

/// A provider must not make owners: that role answers for the workspace.
fn checked_role(role: Role) -> Result<Role> {
    if role == Role::Owner {
        return Err(Error::validation("defaultRole", "defaultRole must be one of viewer, member, admin."));
    }
    Ok(role)
}

/// A mapping without rules is none.
fn checked_mapping(mapping: Option<RoleMapping>) -> Result<Option<RoleMapping>> {
    let mapping = mapping.filter(|m| !m.rules.is_empty());
    if let Some(mapping) = &mapping {
        mapping.check()?;
    }
    Ok(mapping)
}

/// The object of a decision about a connection.
pub(crate) fn object(id: &ConnectionId) -> String {
    format!("connection:{id}")
}

pub(crate) fn not_found() -> Error {
    Error::not_found("Connection")
}

/// The refusal that names the step that is missing.
pub(crate) fn missing(step: crate::model::Missing) -> Error {
    Error::validation("status", step.message())
}

fn name_taken(e: gatehouse_store::Error) -> Error {
    let conflict = e.is_unique();
    let error = e.or_conflict("A connection with this name exists in the workspace.");
    if conflict { error.on_field("name") } else { error }
}

/// Writes the audit entry of a change to a connection.
pub(crate) async fn record(
    tx: &mut gatehouse_store::Tx,
    actor: &Actor,
    event: &'static str,
    c: &Connection,
) -> Result<()> {
    let details = json!({
        "name": c.name, "protocol": c.config.protocol(), "provider": c.provider, "status": c.status,
        "version": c.version, "config": c.config, "jitProvisioning": c.jit_provisioning, "defaultRole": c.default_role,
        "roleMapping": c.role_mapping, "clientSecretExpiresAt": c.client_secret_expires_at,
        "certificates": c.certificates.iter().map(|p| &p.fingerprint).collect::<Vec<_>>(),
    });
    Ok(audit::record(tx, actor, Event::success(event, ("connection", c.id.as_str()), details)).await?)
}

/// What decides who comes in besides what is believed.
fn admission(c: &Connection) -> (Provider, bool, Role, Option<&RoleMapping>) {
    (c.provider, c.jit_provisioning, c.default_role, c.role_mapping.as_ref())
}
