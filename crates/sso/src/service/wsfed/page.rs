//! WS-Federation on the console's page of single sign-on.

use std::collections::BTreeMap;

use gatehouse_identity::require;
use gatehouse_types::{Actor, Permission, Result, Role};

use crate::Sso;
use crate::model::{Config, ConnectionStatus, NewConnection, Provider, WsfedConfig};
use crate::service::connections::{ConfigPatch, ConnectionPatch};
use crate::service::page::{PAGE_CONNECTION, Saved, mapping};

/// What the page saves of a WS-Federation provider.
#[derive(Clone, Debug)]
pub(crate) struct WsfedPageInput {
    pub(crate) provider: Provider,
    pub(crate) sign_on_url: String,
    pub(crate) metadata_url: String,
    pub(crate) realm: String,
    pub(crate) tenant_id: String,
    pub(crate) email_attribute: String,
    pub(crate) jit_provisioning: bool,
    pub(crate) default_role: Role,
}

impl Sso {
    /// Saves the page with a WS-Federation provider: changes the connection, or makes one in the place of what was there
    /// before, and goes on as after every save of the page.
    ///
    /// # Errors
    /// `Validation` for a bad value; nothing is stored then.
    pub(crate) async fn save_wsfed_page(&self, actor: &Actor, input: WsfedPageInput) -> Result<Saved> {
        require(&self.0.store, actor, Permission::ManageSso, None).await?;
        let state = self.page_state(actor).await?;
        let present = state.connection.map(|view| view.connection);
        let id = match present {
            Some(c) if c.config.wsfed().is_some() => {
                let known = c.config.wsfed().map(|w| w.attribute_mapping.clone()).unwrap_or_default();
                let patch = input.patch(known);
                if c.status == ConnectionStatus::Active
                    && let Some(draft) = self.proved_first(actor, &c, &patch).await?
                {
                    return Ok(Saved { missing: None, waiting: Some(draft) });
                }
                self.update_connection(actor, &c.id, patch).await?.connection.id
            }
            other => self.make_page_connection(actor, state.wsfed_id, input.connection(), other).await?,
        };
        self.put_in_use(actor, &id).await
    }
}

impl WsfedPageInput {
    fn patch(self, known: BTreeMap<String, String>) -> ConnectionPatch {
        ConnectionPatch {
            provider: Some(self.provider),
            jit_provisioning: Some(self.jit_provisioning),
            default_role: Some(self.default_role),
            config: ConfigPatch {
                sign_on_url: Some(self.sign_on_url),
                metadata_url: Some(self.metadata_url),
                realm: Some(self.realm),
                tenant_id: Some(self.tenant_id),
                attribute_mapping: Some(mapping(&self.email_attribute, known)),
                ..ConfigPatch::default()
            },
            ..ConnectionPatch::default()
        }
    }

    fn connection(self) -> NewConnection {
        let given = |text: String| Some(text).filter(|t| !t.is_empty());
        NewConnection {
            name: PAGE_CONNECTION.to_owned(),
            description: None,
            provider: self.provider,
            config: Config::Wsfed(WsfedConfig {
                attribute_mapping: mapping(&self.email_attribute, BTreeMap::new()),
                sign_on_url: self.sign_on_url,
                metadata_url: given(self.metadata_url),
                realm: given(self.realm),
                tenant_id: given(self.tenant_id).map(|t| t.to_ascii_lowercase()),
                ..WsfedConfig::default()
            }),
            client_secret: None,
            client_secret_expires_at: None,
            certificates: Vec::new(),
            metadata_xml: None,
            jit_provisioning: self.jit_provisioning,
            default_role: self.default_role,
            role_mapping: None,
        }
    }
}
