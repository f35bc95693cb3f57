use gatehouse_identity::model::Workspace;
use gatehouse_sso::{LabKey, Sso};
use gatehouse_types::{Error, Result, WorkspaceId};
use gatehouse_web::PublicUrl;

use crate::addresses::Addresses;
use crate::logout::LabSessions;
use crate::metadata;
use crate::oauth::Memory;
use crate::request::Expected;

/// The lab identity providers, one for each lab workspace: key, entity id and addresses are the workspace's own.
#[derive(Clone, Debug)]
pub struct Lab {
    sso: Sso,
    public_url: PublicUrl,
    sessions: LabSessions,
    oauth: Memory,
}

impl Lab {
    /// The labs of the server at this address.
    pub fn new(sso: Sso, public_url: PublicUrl) -> Self {
        Self { sso, public_url, sessions: LabSessions::default(), oauth: Memory::default() }
    }

    /// Where the lab of a workspace lives, for whoever sets up a connection to it.
    pub fn addresses(&self, workspace: &WorkspaceId) -> Addresses {
        Addresses::new(&self.public_url, workspace)
    }

    pub(crate) fn sso(&self) -> &Sso {
        &self.sso
    }

    pub(crate) fn sessions(&self) -> &LabSessions {
        &self.sessions
    }

    /// What the authorization servers of the labs do not take any more.
    pub(crate) fn oauth(&self) -> &Memory {
        &self.oauth
    }

    pub(crate) fn public_url(&self) -> &PublicUrl {
        &self.public_url
    }

    /// The workspace, when it is a lab.
    ///
    /// # Errors
    /// `NotFound` for an unknown workspace and for one that is no lab, in the same words.
    pub(crate) async fn workspace(&self, id: &WorkspaceId) -> Result<Workspace> {
        let identity = self.sso.identity();
        let found = identity.workspace(&mut identity.store().reader(), id).await?;
        found.filter(|w| w.is_lab).ok_or_else(|| Error::not_found("Workspace"))
    }

    /// The key of the workspace's lab; the first look makes it.
    pub(crate) async fn key(&self, workspace: &Workspace) -> Result<LabKey> {
        self.sso.lab_key(&workspace.id).await
    }

    /// The key that comes after it.
    pub(crate) async fn second_key(&self, workspace: &Workspace) -> Result<LabKey> {
        self.sso.second_lab_key(&workspace.id).await
    }

    /// Whom the workspace's lab answers. It learns the service provider's certificate as every identity provider does,
    /// from the published metadata.
    ///
    /// # Errors
    /// When our own metadata cannot be made.
    pub(crate) async fn expected(&self, workspace: &WorkspaceId) -> Result<Expected> {
        Ok(Expected {
            issuer: self.sso.entity_id(),
            destination: self.addresses(workspace).sign_on_url(),
            default_acs: self.sso.acs_url(),
            public_url: self.public_url.clone(),
            certificate: metadata::signing_certificate(&self.sso.workspace_sp_metadata(workspace).await?),
        })
    }
}
