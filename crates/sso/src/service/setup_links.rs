//! Setup links: the provider's administrator, who has no account here, finishes one connection.

use gatehouse_identity::require;
use gatehouse_identity::rules::Boxed;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{
    Actor, ConnectionId, Error, Id, Kind, Page, PageRequest, Permission, Principal, Result, Role, Secret,
    SetupLinkId, Timestamp, WorkspaceId, digest, random_token,
};
use serde_json::json;

use super::connections::{ConnectionPatch, ConnectionView, not_found, object};
use crate::Sso;
use crate::model::{
    Config, Connection, ConnectionStatus, LinkLife, NewConnection, OidcConfig, Protocol, Provider,
    SamlConfig, SetupLink, WsfedConfig,
};
use crate::store::{connections, setup_links};

/// A link lives this many days when nothing else is said.
const DEFAULT_DAYS: i64 = 7;
/// A link lives this many days at most.
const MAX_DAYS: i64 = 30;
/// Live links of one connection at most.
const MAX_LIVE: i64 = 10;
/// Where links lead.
pub(crate) const SETUP_PATH: &str = "/setup";
/// The length of a token: 32 random bytes in base64url.
const TOKEN_LENGTH: usize = 43;

/// A link that was just made; its address is told this once.
#[derive(Debug)]
pub struct NewSetupLink {
    /// The link.
    pub link: SetupLink,
    /// The address with the token.
    pub url: Secret,
}

/// What a link is to finish.
#[derive(Clone, Debug)]
pub enum SetupOf {
    /// A connection that is there.
    Connection(ConnectionId),
    /// A new one of this name, of which nothing is known yet.
    New {
        /// The connection's name.
        name: String,
        /// How its provider speaks.
        protocol: Protocol,
        /// Whether people unknown so far get an account.
        jit_provisioning: bool,
        /// The role they get.
        default_role: Role,
    },
}

/// What a link's token is called.
pub(crate) fn directory_name(link: &SetupLink) -> String {
    format!("Setup link {}", link.id)
}

/// Directory provisioning, as far as a setup link reaches it; the application puts it in.
pub trait Directory: Send + Sync + std::fmt::Debug {
    /// Where the provider's provisioning calls.
    fn base_url(&self) -> String;
    /// Makes a token of this name in the actor's workspace, in the place of the one before. The caller has seen that the
    /// actor's link was made for it.
    fn new_token<'a>(&'a self, actor: &'a Actor, name: &'a str) -> Boxed<'a, Result<Secret>>;
    /// Whether there is a token of this name, and when it was last used.
    fn token_use<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        name: &'a str,
    ) -> Boxed<'a, Result<Option<Option<Timestamp>>>>;
}

fn gone() -> Error {
    Error::new(
        Kind::NotFound,
        "This link opens nothing: it is mistyped, over, or was taken back. Ask whoever sent it for a new one.",
    )
}

fn link_not_found() -> Error {
    Error::not_found("Setup link")
}

impl Sso {
    /// Makes a link for a connection, or for a new one that waits for all of its values.
    ///
    /// # Errors
    /// `NotFound`; `Validation` for a time outside 1 to 30 days; `Conflict` for too many live links or a name that is
    /// taken.
    pub async fn make_setup_link(
        &self,
        actor: &Actor,
        of: SetupOf,
        provisioning: bool,
        days: Option<i64>,
    ) -> Result<NewSetupLink> {
        let store = &self.0.store;
        let about = match &of {
            SetupOf::Connection(id) => Some(object(id)),
            SetupOf::New { .. } => None,
        };
        let workspace = require(store, actor, Permission::ManageSso, about).await?;
        if provisioning {
            require(store, actor, Permission::ManageScim, None).await?;
        }
        let days = days.unwrap_or(DEFAULT_DAYS);
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(Error::validation("expiresInDays", "expiresInDays must be between 1 and 30."));
        }
        let now = store.now();
        let mut tx = store.begin(&actor.origin).await?;
        let id = match of {
            SetupOf::Connection(id) => {
                let found = connections::lock(&mut tx, workspace, &id).await?.ok_or_else(not_found)?;
                if found.config.oidc().is_some_and(OidcConfig::is_of_operator)
                    && found.provider == Provider::Google
                {
                    let message = "This connection uses the operator's client at Google: nothing is left to finish by a link.";
                    return Err(Error::validation("connectionId", message));
                }
                id
            }
            SetupOf::New { name, protocol, jit_provisioning, default_role } => {
                let blank = self.blank_connection(actor, name, protocol, jit_provisioning, default_role)?;
                self.insert_in(&mut tx, actor, &blank, None).await?;
                blank.id
            }
        };
        let token = random_token(&**store.random());
        let link = SetupLink {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            connection_id: id.clone(),
            provisioning,
            life: LinkLife::new(actor, now, now.plus_seconds(days * 86_400)),
        };
        if setup_links::live(&mut tx, &id, now).await? >= MAX_LIVE {
            return Err(Error::conflict("A connection has at most 10 live setup links. Revoke one."));
        }
        setup_links::insert(&mut tx, &link, &digest(token.expose())).await?;
        record(&mut tx, actor, "sso.setup-link-created", &link).await?;
        tx.commit().await?;
        let url = self.0.public_url.join(&format!("{SETUP_PATH}/{}", token.expose()));
        Ok(NewSetupLink { link, url: Secret::new(url) })
    }

    /// A connection of which nothing is known but its name; it cannot be tested, so not activated, before it is filled.
    fn blank_connection(
        &self,
        actor: &Actor,
        name: String,
        protocol: Protocol,
        jit_provisioning: bool,
        default_role: Role,
    ) -> Result<Connection> {
        let config = match protocol {
            Protocol::Saml => Config::Saml(SamlConfig { own_acs: true, ..SamlConfig::default() }),
            Protocol::Wsfed => Config::Wsfed(WsfedConfig::default()),
            Protocol::Oidc => Config::Oidc(OidcConfig::of_operator()),
        };
        let new = NewConnection {
            name,
            description: None,
            provider: Provider::Other,
            config,
            client_secret: None,
            client_secret_expires_at: None,
            certificates: Vec::new(),
            metadata_xml: None,
            jit_provisioning,
            default_role,
            role_mapping: None,
        };
        self.unsaved(actor, actor.workspace()?, self.0.store.ids().make(), new)
    }

    /// One page of the workspace's links, the latest first.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub async fn setup_links(
        &self,
        actor: &Actor,
        connection: Option<&ConnectionId>,
        page: PageRequest,
    ) -> Result<Page<SetupLink>> {
        let about = connection.map(object);
        let workspace = require(&self.0.store, actor, Permission::ManageSso, about).await?;
        let (found, total) =
            setup_links::list(&mut self.0.store.reader(), workspace, connection, page).await?;
        Ok(Page::new(found, page, total))
    }

    /// Takes a link back. One that was taken back before stays so.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub async fn revoke_setup_link(&self, actor: &Actor, id: &SetupLinkId) -> Result<()> {
        let workspace = require(&self.0.store, actor, Permission::ManageSso, None).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let found = setup_links::find(&mut tx, workspace, id).await?.ok_or_else(link_not_found)?;
        if setup_links::revoke(&mut tx, workspace, id).await? {
            record(&mut tx, actor, "sso.setup-link-revoked", &found).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Who comes with a link: an actor that may work on this one connection, and nothing else.
    ///
    /// # Errors
    /// `NotFound`, the same for a wrong, an expired and a revoked link; `RateLimited`.
    pub(crate) async fn by_setup_link(
        &self,
        actor: &Actor,
        token: &str,
    ) -> Result<(Actor, SetupLink, ConnectionView)> {
        let store = &self.0.store;
        self.0.openings.require(&actor.origin.network())?;
        if token.len() != TOKEN_LENGTH {
            return Err(gone());
        }
        let found = setup_links::open(&mut store.reader(), &digest(token), store.now()).await?;
        let link = found.ok_or_else(gone)?;
        let principal =
            Principal::SetupLink { link_id: link.id.clone(), connection_id: link.connection_id.clone() };
        let workspace_id = Some(link.workspace_id.clone());
        let inside = Actor { principal, workspace_id, origin: actor.origin.clone() };
        let view = self.connection(&inside, &link.connection_id).await?;
        Ok((inside, link, view))
    }

    /// Counts the opening of a link's page; the first one leaves an entry in the audit log.
    ///
    /// # Errors
    /// `NotFound` for a link that was revoked at this moment.
    pub(crate) async fn note_setup_opened(&self, inside: &Actor, link: &SetupLink) -> Result<()> {
        let mut tx = self.0.store.begin_always().await?;
        if setup_links::count_opening(&mut tx, &link.id).await?.ok_or_else(gone)? {
            record(&mut tx, inside, "sso.setup-link-opened", link).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Saves what came with a link. What would lock somebody out of a connection in use waits as a draft for an
    /// administrator.
    ///
    /// # Errors
    /// As [`Sso::update_connection`]; `Conflict` when it waits.
    pub(crate) async fn save_by_setup_link(
        &self,
        inside: &Actor,
        view: &ConnectionView,
        patch: ConnectionPatch,
    ) -> Result<()> {
        let c = &view.connection;
        if c.status == ConnectionStatus::Active && self.proved_first(inside, c, &patch).await?.is_some() {
            let mut tx = self.0.store.begin(&inside.origin).await?;
            let what = "given a change that waits for you, because it would lock somebody out,";
            self.tell_owners(&mut tx, inside, &c.workspace_id, c, what).await?;
            tx.commit().await?;
            return Err(Error::conflict(
                "With these values somebody who signed in lately would not get in any more, so they are not in use yet. \
                 Ask whoever sent you this link to look at them.",
            ));
        }
        self.update_connection(inside, &c.id, patch).await.map(drop)
    }

    /// Gives the directory of a link's holder a token: one for each link, the next takes the place of the one before.
    ///
    /// # Errors
    /// `NotFound` for a link that was not made for it.
    pub(crate) async fn token_by_setup_link(&self, inside: &Actor, link: &SetupLink) -> Result<Secret> {
        let directory = self.directory(link).ok_or_else(gone)?;
        directory.new_token(inside, &directory_name(link)).await
    }

    /// The directory that a link reaches, if it was made for it.
    pub(crate) fn directory(&self, link: &SetupLink) -> Option<&dyn Directory> {
        self.0.directory.get().filter(|_| link.provisioning).map(AsRef::as_ref)
    }

    /// The name of the workspace that a link is of.
    pub(crate) async fn workspace_name(&self, link: &SetupLink) -> Result<String> {
        let found = self.0.identity.workspace(&mut self.0.store.reader(), &link.workspace_id).await?;
        Ok(found.map(|w| w.name).unwrap_or_default())
    }
}

async fn record(
    tx: &mut gatehouse_store::Tx,
    actor: &Actor,
    event: &'static str,
    link: &SetupLink,
) -> Result<()> {
    let details = json!({"linkId": link.id, "expiresAt": link.life.expires_at, "opened": link.life.opened});
    let event = Event::success(event, ("connection", link.connection_id.as_str()), details);
    Ok(audit::record(tx, actor, event).await?)
}
