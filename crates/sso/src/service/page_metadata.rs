//! The provider's metadata on the console's page: what it would change is shown first, and that is what is taken over.

use gatehouse_identity::require;
use gatehouse_types::{Actor, ConnectionId, Error, Permission, Result, Role, WorkspaceId, digest};
use serde_json::json;

use super::connections::{ConfigPatch, ConnectionPatch, not_found, patched};
use super::import::{fill, fill_new, metadata_after};
use super::page::{PAGE_CONNECTION, PageState, Saved};
use crate::Sso;
use crate::model::{Config, Connection, Imported, NewConnection, Provider, SamlConfig};

/// Where metadata comes from, as it was typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct MetadataSource {
    /// The address that is fetched again and again; may be empty.
    pub(crate) url: String,
    /// The document itself, read once; may be empty.
    pub(crate) xml: String,
    /// Which provider of several is meant; may be empty.
    pub(crate) entity_id: String,
    /// The certificate that the document must be signed with; may be empty.
    pub(crate) certificate: String,
}

/// What taking metadata over would change.
#[derive(Clone, Debug)]
pub(crate) struct MetadataPreview {
    /// The connection as it is; `None` when it would be made.
    pub(crate) before: Option<Connection>,
    pub(crate) after: Connection,
    /// What is left out of the document.
    pub(crate) note: Option<String>,
    /// Stands for everything that is believed afterwards.
    pub(crate) mark: String,
}

/// How taking over went.
#[derive(Debug)]
pub(crate) enum Import {
    Taken(Saved),
    /// The document says something else than what was shown; nothing was stored.
    Changed(Box<MetadataPreview>),
}

/// A source that was read, with what it makes of the connection.
struct Read {
    preview: MetadataPreview,
    imported: Imported,
    patch: ConnectionPatch,
}

impl Sso {
    /// What taking this metadata over would change. Nothing is stored.
    ///
    /// # Errors
    /// `Validation` that names the field; `Authorization` without the right.
    pub(crate) async fn preview_metadata(
        &self,
        actor: &Actor,
        source: &MetadataSource,
    ) -> Result<MetadataPreview> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, None).await?;
        Ok(self.read_source(actor, workspace, source).await?.preview)
    }

    /// Takes metadata over when it still says what was shown: makes or changes the page's connection, and goes on as
    /// after a save of the page.
    ///
    /// # Errors
    /// As [`Sso::preview_metadata`].
    pub(crate) async fn import_metadata(
        &self,
        actor: &Actor,
        source: &MetadataSource,
        shown: &str,
    ) -> Result<Import> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, None).await?;
        let Read { preview, imported, patch } = self.read_source(actor, workspace, source).await?;
        if preview.mark != shown {
            return Ok(Import::Changed(Box::new(preview)));
        }
        let view = match &preview.before {
            Some(c) => self.update_with(actor, workspace, &c.id, patch, Some(imported)).await?,
            None => self.insert_connection(actor, preview.after, None).await?,
        };
        self.put_in_use(actor, &view.connection.id).await.map(Import::Taken)
    }

    /// Fetches the metadata of the page's connection now. What was not in use is tested again, and activated if nothing
    /// is missing.
    ///
    /// # Errors
    /// `Validation` that says why it cannot be used; `NotFound` without a connection.
    pub(crate) async fn refresh_page(&self, actor: &Actor) -> Result<()> {
        let id = self.page_connection(actor).await?;
        self.refresh_metadata(actor, &id).await?;
        self.test_connection(actor, &id).await?;
        self.resume_enabling(actor, &id).await.map(drop)
    }

    /// Ends the fetching; the values stay as they are.
    ///
    /// # Errors
    /// `NotFound` without a connection; `Authorization` without the right.
    pub(crate) async fn stop_fetching(&self, actor: &Actor) -> Result<()> {
        let view = self.page_state(actor).await?.connection.ok_or_else(not_found)?;
        let (id, nothing) = (view.connection.id, Some(String::new()));
        let config = match view.connection.config {
            Config::Wsfed(_) => ConfigPatch { metadata_url: nothing, ..ConfigPatch::default() },
            _ => ConfigPatch { idp_metadata_url: nothing, ..ConfigPatch::default() },
        };
        self.update_connection(actor, &id, ConnectionPatch { config, ..ConnectionPatch::default() }).await?;
        self.test_connection(actor, &id).await?;
        self.resume_enabling(actor, &id).await.map(drop)
    }

    async fn page_connection(&self, actor: &Actor) -> Result<ConnectionId> {
        let view = self.page_state(actor).await?.connection;
        Ok(view.ok_or_else(not_found)?.connection.id)
    }

    async fn read_source(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        source: &MetadataSource,
    ) -> Result<Read> {
        if source.url.is_empty() && source.xml.is_empty() {
            return Err(Error::validation(
                "samlConfig.metadataUrl",
                "Give the address of the provider's metadata, or the document itself.",
            ));
        }
        let PageState { connection, saml_id, .. } = self.page_state(actor).await?;
        let before = connection.map(|v| v.connection);
        if before.as_ref().is_some_and(|c| c.config.saml().is_none()) {
            return Err(Error::validation(
                "samlConfig.metadataUrl",
                "This is for SAML, and the connection speaks another protocol: change it on the page.",
            ));
        }
        let patch = source.patch();
        let now = self.0.store.now();
        let (after, imported) = match &before {
            Some(before) => {
                let imported = self.imported_by(workspace, &before.id, &patch).await?.ok_or_else(nothing)?;
                let mut after = before.clone();
                fill(&mut after, &imported, now)?;
                let mut after = patched(after, patch.clone(), now)?;
                after.metadata = metadata_after(before, &after, Some(&imported), now);
                (after, imported)
            }
            None => {
                let mut after = self.unsaved(actor, workspace, saml_id, source.connection())?;
                let xml = patch.metadata_xml.as_deref();
                let imported = self.imported_by_new(&after, xml).await?.ok_or_else(nothing)?;
                fill_new(&mut after, &imported, now)?;
                (after, imported)
            }
        };
        self.check_whole(workspace, &after)?;
        let (note, mark) = (imported.note.clone(), mark(&after));
        Ok(Read { preview: MetadataPreview { before, after, note, mark }, imported, patch })
    }
}

fn nothing() -> Error {
    Error::internal("metadata was given and not read")
}

/// Stands for what a connection believes.
fn mark(c: &Connection) -> String {
    let certificates: Vec<&str> = c.certificates.iter().map(|p| p.fingerprint.as_str()).collect();
    digest(&json!([c.id, c.config, certificates]).to_string())
}

impl MetadataSource {
    fn patch(&self) -> ConnectionPatch {
        ConnectionPatch {
            metadata_xml: Some(self.xml.clone()).filter(|x| !x.is_empty()),
            config: ConfigPatch {
                entity_id: Some(self.entity_id.clone()).filter(|e| !e.is_empty()),
                idp_metadata_url: Some(self.url.clone()),
                metadata_certificate: Some(self.certificate.clone()),
                ..ConfigPatch::default()
            },
            ..ConnectionPatch::default()
        }
    }

    /// The connection that is made when there is none.
    fn connection(&self) -> NewConnection {
        let given = |text: &String| Some(text.clone()).filter(|t| !t.is_empty());
        NewConnection {
            name: PAGE_CONNECTION.to_owned(),
            description: None,
            provider: Provider::Other,
            config: Config::Saml(SamlConfig {
                entity_id: self.entity_id.clone(),
                metadata_url: given(&self.url),
                metadata_certificate: given(&self.certificate),
                own_acs: true,
                ..SamlConfig::default()
            }),
            client_secret: None,
            client_secret_expires_at: None,
            certificates: Vec::new(),
            metadata_xml: given(&self.xml),
            jit_provisioning: false,
            default_role: Role::Viewer,
            role_mapping: None,
        }
    }
}
