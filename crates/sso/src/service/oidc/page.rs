//! OpenID Connect on the console's page of single sign-on.

use gatehouse_identity::require;
use gatehouse_types::{Actor, Permission, Result, Role, Secret, Timestamp};

use crate::Sso;
use crate::model::{
    ClientAuthentication, Config, Connection, ConnectionStatus, NewConnection, OidcConfig, Provider,
    SecretEnd,
};
use crate::service::connections::{ConfigPatch, ConnectionPatch};
use crate::service::page::{PAGE_CONNECTION, Saved};

/// What the page saves of an OpenID provider.
#[derive(Clone, Debug)]
pub(crate) struct OidcPageInput {
    pub(crate) provider: Provider,
    /// Empty together with the client id: the operator's client is meant.
    pub(crate) issuer_url: String,
    pub(crate) client_id: String,
    /// `None`: the present one stays.
    pub(crate) client_secret: Option<Secret>,
    /// The day on which the secret ends, as the page shows it; `None`: no day is given.
    pub(crate) client_secret_expires: Option<Timestamp>,
    pub(crate) discovery_url: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) client_authentication: Option<ClientAuthentication>,
    pub(crate) trust_email: bool,
    pub(crate) jit_provisioning: bool,
    pub(crate) default_role: Role,
}

impl Sso {
    /// Saves the page with an OpenID provider: changes the connection, or makes one in the place of what was there
    /// before, and goes on as after every save of the page.
    ///
    /// # Errors
    /// `Validation` for a bad value; nothing is stored then.
    pub(crate) async fn save_oidc_page(&self, actor: &Actor, input: OidcPageInput) -> Result<Saved> {
        require(&self.0.store, actor, Permission::ManageSso, None).await?;
        let state = self.page_state(actor).await?;
        let present = state.connection.map(|view| view.connection);
        let id = match present {
            Some(c) if c.config.oidc().is_some() => {
                let patch = input.patch(&c)?;
                if c.status == ConnectionStatus::Active
                    && let Some(draft) = self.proved_first(actor, &c, &patch).await?
                {
                    return Ok(Saved { missing: None, waiting: Some(draft) });
                }
                self.update_connection(actor, &c.id, patch).await?.connection.id
            }
            other => self.make_page_connection(actor, state.openid_id, input.connection(), other).await?,
        };
        self.put_in_use(actor, &id).await
    }
}

impl OidcPageInput {
    fn patch(self, present: &Connection) -> Result<ConnectionPatch> {
        let replaced = self.client_secret.is_some();
        Ok(ConnectionPatch {
            client_secret_expires_at: SecretEnd::on_page(
                self.client_secret_expires,
                present.client_secret_expires_at,
                replaced,
            )?,
            provider: Some(self.provider),
            jit_provisioning: Some(self.jit_provisioning),
            default_role: Some(self.default_role),
            client_secret: self.client_secret,
            config: ConfigPatch {
                issuer_url: Some(self.issuer_url),
                client_id: Some(self.client_id),
                discovery_url: Some(self.discovery_url),
                scopes: Some(self.scopes),
                client_authentication: Some(self.client_authentication),
                trust_email: Some(self.trust_email),
                ..ConfigPatch::default()
            },
            ..ConnectionPatch::default()
        })
    }

    fn connection(self) -> NewConnection {
        NewConnection {
            name: PAGE_CONNECTION.to_owned(),
            description: None,
            provider: self.provider,
            config: Config::Oidc(OidcConfig {
                issuer_url: self.issuer_url,
                client_id: self.client_id,
                discovery_url: Some(self.discovery_url).filter(|u| !u.is_empty()),
                scopes: self.scopes,
                client_authentication: self.client_authentication,
                trust_email: self.trust_email,
            }),
            client_secret: self.client_secret,
            client_secret_expires_at: self.client_secret_expires,
            certificates: Vec::new(),
            metadata_xml: None,
            jit_provisioning: self.jit_provisioning,
            default_role: self.default_role,
            role_mapping: None,
        }
    }
}
