use gatehouse_saml::{SpMetadata, sp_metadata};
use gatehouse_types::{ConnectionId, Result, WorkspaceId};

use super::connections::not_found;
use super::key_ring::KeyRing;
use crate::Sso;
use crate::store::connections;

/// The name identifier formats that we take, the preferred one first (SAML 2.0 core §8.3).
const NAME_ID_FORMATS: [&str; 3] = [
    "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
];

impl Sso {
    /// Our metadata as a service provider (SAML 2.0 metadata §2.4.4), with the key that all workspaces share.
    ///
    /// # Errors
    /// When our own key cannot be read.
    pub async fn sp_metadata(&self) -> Result<String> {
        Ok(self.document(&self.shared_key_ring().await?, vec![self.acs_url()], false))
    }

    /// Our metadata with the keys of a workspace: the same entity, whatever its keys.
    ///
    /// # Errors
    /// When a key cannot be read.
    pub async fn workspace_sp_metadata(&self, workspace: &WorkspaceId) -> Result<String> {
        Ok(self.document(&self.key_ring(workspace).await?, vec![self.acs_url()], false))
    }

    /// Our metadata for the provider of one connection: the keys of its workspace, and all its addresses, first the one
    /// that requests name.
    ///
    /// # Errors
    /// `NotFound`; or when a key cannot be read.
    pub async fn connection_sp_metadata(&self, id: &ConnectionId) -> Result<String> {
        let connection = connections::find_anywhere(&mut self.0.store.reader(), id).await?;
        let connection = connection.ok_or_else(not_found)?;
        let saml = connection.config.saml().ok_or_else(not_found)?;
        let mut acs_urls = vec![self.acs_url(), self.sp_acs_url(id), self.idp_acs_url(id)];
        if saml.own_acs {
            acs_urls.swap(0, 1);
        }
        let ring = self.key_ring(&connection.workspace_id).await?;
        Ok(self.document(&ring, acs_urls, saml.sign_requests))
    }

    fn document(&self, ring: &KeyRing, acs_urls: Vec<String>, authn_requests_signed: bool) -> String {
        sp_metadata(&SpMetadata {
            entity_id: self.entity_id(),
            acs_urls,
            slo_url: Some(self.slo_url()),
            signing_certificates: ring.published(),
            encryption_certificates: ring.published(),
            want_assertions_signed: true,
            authn_requests_signed,
            name_id_formats: NAME_ID_FORMATS.map(str::to_owned).to_vec(),
            organisation: None,
        })
    }
}
