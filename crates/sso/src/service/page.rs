//! The console's one page of single sign-on: a guided view of the workspace's connection.

use std::collections::BTreeMap;

use gatehouse_identity::require;
use gatehouse_types::{
    Actor, ConnectionId, DraftId, Email, Error, Id, Kind, PageRequest, Permission, Result, Role,
};

use super::connections::{ConfigPatch, ConnectionPatch, ConnectionView};
use super::settings::SettingsView;
use crate::Sso;
use crate::model::{
    Config, Connection, ConnectionStatus, Draft, NewConnection, Protocol, Provider, RequestBinding,
    SamlConfig,
};
use crate::store::attempts::{self, KEPT_DAYS};
use crate::store::connections::Wanted;
use crate::store::{connections, drafts, settings};

/// The name of the connection that the page makes.
pub(crate) const PAGE_CONNECTION: &str = "Single Sign On";
/// Members that the page offers to choose from, at most.
const MEMBERS: i64 = 500;
/// Waiting changes and other connections that the page shows, at most.
const SHOWN: u32 = 20;
/// Connections that one workspace makes on the page one after another, at most.
const MAX_PROMISES: u32 = 1000;

/// What the page shows.
#[derive(Clone, Debug)]
pub(crate) struct PageState {
    pub(crate) settings: SettingsView,
    pub(crate) connection: Option<ConnectionView>,
    /// The id of the SAML connection: its own, or the one that the first save will give it.
    pub(crate) saml_id: ConnectionId,
    /// The same of the WS-Federation connection.
    pub(crate) wsfed_id: ConnectionId,
    /// The same of the OpenID connection.
    pub(crate) openid_id: ConnectionId,
    /// Members to choose excluded people from.
    pub(crate) members: Vec<Email>,
    /// How many people signed in through the connection during the last 14 days.
    pub(crate) lately: i64,
    /// Changes to the connection that wait.
    pub(crate) drafts: Vec<Draft>,
    /// The workspace's other connections.
    pub(crate) others: Vec<Connection>,
}

/// What the page saves: the values of one provider.
#[derive(Clone, Debug)]
pub(crate) struct PageInput {
    pub(crate) provider: Provider,
    pub(crate) sso_url: String,
    pub(crate) slo_url: String,
    pub(crate) entity_id: String,
    pub(crate) certificates: Vec<String>,
    pub(crate) jit_provisioning: bool,
    pub(crate) default_role: Role,
    pub(crate) sign_requests: bool,
    pub(crate) request_binding: RequestBinding,
    pub(crate) force_authn: bool,
    pub(crate) authn_context: Vec<String>,
    pub(crate) email_attribute: String,
}

/// How a save went.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    /// The step that is missing before people sign in through it.
    pub(crate) missing: Option<String>,
    /// The changes were not put in use: somebody who signed in lately would be locked out.
    pub(crate) waiting: Option<DraftId>,
}

impl Sso {
    /// The page's state.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn page_state(&self, actor: &Actor) -> Result<PageState> {
        let settings = self.settings(actor).await?;
        let connection = match &settings.settings.connection_id {
            Some(id) => Some(self.connection(actor, id).await?),
            None => None,
        };
        let promised = self.promised_id(actor).await?;
        let of = |protocol| {
            let own = connection.as_ref().map(|v| &v.connection).filter(|c| c.config.protocol() == protocol);
            own.map_or_else(|| promised.clone(), |c| c.id.clone())
        };
        let (saml_id, wsfed_id, openid_id) = (of(Protocol::Saml), of(Protocol::Wsfed), of(Protocol::Oidc));
        let workspace = actor.workspace()?;
        let members = self.0.identity.member_emails(&mut self.0.store.reader(), workspace, MEMBERS).await?;
        let (lately, drafts) = match &connection {
            Some(view) => {
                let db = &mut self.0.store.reader();
                let since = self.0.store.now().plus_seconds(-KEPT_DAYS * 86_400);
                let id = &view.connection.id;
                let lately = attempts::people_since(db, id, since, None).await?;
                (lately, drafts::list(db, id, PageRequest::new(1, SHOWN)?).await?.0)
            }
            None => (0, Vec::new()),
        };
        let wanted = Wanted::default();
        let (db, first) = (&mut self.0.store.reader(), PageRequest::new(1, SHOWN)?);
        let mut others = connections::list(db, workspace, wanted, first).await?.0;
        others.retain(|c| connection.as_ref().is_none_or(|v| v.connection.id != c.id));
        Ok(PageState { settings, connection, saml_id, wsfed_id, openid_id, members, lately, drafts, others })
    }

    /// The id that the page's next connection gets, so that its addresses can be given to the provider before the
    /// first save. It follows from the workspace alone: nothing is stored, and nobody can wish for another one.
    async fn promised_id(&self, actor: &Actor) -> Result<ConnectionId> {
        let db = &mut self.0.store.reader();
        let stem = actor.workspace()?.as_str().rsplit('_').next().unwrap_or_default().to_owned();
        for number in 0..MAX_PROMISES {
            let suffix = if number == 0 { String::new() } else { format!("x{number}") };
            let id = ConnectionId::from_stored(format!("{}_{stem}{suffix}", ConnectionId::PREFIX));
            if !connections::id_is_taken(db, &id).await? {
                return Ok(id);
            }
        }
        Err(Error::conflict("Too many connections were made on this page. Use the API for another one."))
    }

    /// Saves the page: makes or changes the connection, tests it, enables single sign-on, and activates the connection
    /// as soon as every step is done. Nobody is asked to use it before.
    ///
    /// # Errors
    /// `Validation` for a bad value; nothing is stored then.
    pub(crate) async fn save_page(&self, actor: &Actor, input: PageInput) -> Result<Saved> {
        require(&self.0.store, actor, Permission::ManageSso, None).await?;
        let state = self.page_state(actor).await?;
        let id = match state.connection {
            Some(view) if view.connection.config.saml().is_some() => {
                let mapping = view.connection.config.saml().map(|s| s.attribute_mapping.clone());
                let patch = patch(input, mapping.unwrap_or_default());
                if view.connection.status == ConnectionStatus::Active
                    && let Some(draft) = self.proved_first(actor, &view.connection, &patch).await?
                {
                    return Ok(Saved { missing: None, waiting: Some(draft) });
                }
                self.update_connection(actor, &view.connection.id, patch).await?.connection.id
            }
            other => {
                let present = other.map(|view| view.connection);
                self.make_page_connection(actor, state.saml_id, new_saml(input), present).await?
            }
        };
        self.put_in_use(actor, &id).await
    }

    /// What follows a save on the page: the connection is the page's, tested, and activated when nothing is missing.
    pub(crate) async fn put_in_use(&self, actor: &Actor, id: &ConnectionId) -> Result<Saved> {
        self.update_settings(actor, Some(id.clone()), None).await?;
        let report = self.test_connection(actor, id).await?;
        let mut missing = report.error().map(str::to_owned);
        if report.success {
            missing = self.try_activate(actor, id).await?;
        }
        match self.unproven(&mut self.0.store.reader(), actor, actor.workspace()?, id).await? {
            None => self.mark_enabled(actor).await?,
            Some(step) => missing = missing.or(Some(step)),
        }
        Ok(Saved { missing, waiting: None })
    }

    /// Changes of a connection that people sign in through are run over their recorded sign-ins first. They wait as a
    /// draft when somebody would be locked out; `None` when nobody would be.
    pub(crate) async fn proved_first(
        &self,
        actor: &Actor,
        connection: &Connection,
        patch: &ConnectionPatch,
    ) -> Result<Option<DraftId>> {
        let proposed = self.changed(&connection.workspace_id, connection, patch.clone(), None)?;
        let imported = patch.metadata_xml.is_some()
            || patch.config.idp_metadata_url.as_ref().is_some_and(|u| !u.trim().is_empty());
        let same = !imported
            && proposed.config == connection.config
            && proposed.certificates == connection.certificates
            && proposed.jit_provisioning == connection.jit_provisioning;
        if same {
            return Ok(None);
        }
        let view = match self.create_draft(actor, &connection.id, patch.clone()).await {
            Ok(view) => view,
            // the metadata says what is known already
            Err(e) if imported && e.kind() == Kind::Validation && e.field().is_none_or(str::is_empty) => {
                return Ok(None);
            }
            Err(e) => return Err(e),
        };
        if self.replay_draft(actor, &connection.id, &view.draft.id).await?.locked_out > 0 {
            return Ok(Some(view.draft.id));
        }
        self.discard_draft(actor, &connection.id, &view.draft.id).await?;
        Ok(None)
    }

    /// Activates if every step is done; tells the missing one otherwise.
    pub(crate) async fn try_activate(&self, actor: &Actor, id: &ConnectionId) -> Result<Option<String>> {
        match self.activate_connection(actor, id).await {
            Ok(_) => Ok(None),
            Err(e) if e.kind() == Kind::Validation => Ok(Some(e.message().to_owned())),
            Err(e) => Err(e),
        }
    }

    /// Notes that the administrator enabled single sign-on; it is in force once the connection is active.
    async fn mark_enabled(&self, actor: &Actor) -> Result<()> {
        let workspace = actor.workspace()?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let mut now = settings::find(&mut tx, workspace).await?;
        if !now.enabled {
            now.enabled = true;
            now.enabled_at = Some(self.0.store.now());
            settings::save(&mut tx, workspace, &now).await?;
            super::settings::record(&mut tx, actor, workspace, "sso.enabled", &now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// After a domain was proved on the page: activates what waited for it.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn resume_enabling(&self, actor: &Actor, id: &ConnectionId) -> Result<Option<String>> {
        let settings = self.settings(actor).await?.settings;
        if !settings.enabled || settings.connection_id.as_ref() != Some(id) {
            return Ok(None);
        }
        let found = connections::find(&mut self.0.store.reader(), actor.workspace()?, id).await?;
        match found {
            Some(c) if c.status != ConnectionStatus::Active => self.try_activate(actor, id).await,
            _ => Ok(None),
        }
    }
}

/// The connection that the page makes over SAML.
fn new_saml(input: PageInput) -> NewConnection {
    NewConnection {
        name: PAGE_CONNECTION.to_owned(),
        description: None,
        provider: input.provider,
        config: Config::Saml(SamlConfig {
            entity_id: input.entity_id,
            sso_url: input.sso_url,
            sign_requests: input.sign_requests,
            request_binding: input.request_binding,
            force_authn: input.force_authn,
            authn_context: input.authn_context,
            attribute_mapping: mapping(&input.email_attribute, BTreeMap::new()),
            own_acs: true,
            slo_url: Some(input.slo_url).filter(|u| !u.is_empty()),
            ..SamlConfig::default()
        }),
        client_secret: None,
        client_secret_expires_at: None,
        certificates: input.certificates,
        metadata_xml: None,
        jit_provisioning: input.jit_provisioning,
        default_role: input.default_role,
        role_mapping: None,
    }
}

pub(crate) fn mapping(email: &str, mut known: BTreeMap<String, String>) -> BTreeMap<String, String> {
    match email.trim() {
        "" => known.remove("email"),
        name => known.insert("email".to_owned(), name.to_owned()),
    };
    known
}

fn patch(input: PageInput, known: BTreeMap<String, String>) -> ConnectionPatch {
    ConnectionPatch {
        provider: Some(input.provider),
        jit_provisioning: Some(input.jit_provisioning),
        default_role: Some(input.default_role),
        certificates: Some(input.certificates),
        config: ConfigPatch {
            attribute_mapping: Some(mapping(&input.email_attribute, known)),
            entity_id: Some(input.entity_id),
            sso_url: Some(input.sso_url),
            slo_url: Some(input.slo_url),
            sign_requests: Some(input.sign_requests),
            request_binding: Some(input.request_binding),
            force_authn: Some(input.force_authn),
            authn_context: Some(input.authn_context),
            ..ConfigPatch::default()
        },
        ..ConnectionPatch::default()
    }
}
