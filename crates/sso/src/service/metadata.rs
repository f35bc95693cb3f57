use gatehouse_saml::{SpMetadata, sp_metadata};
use gatehouse_types::Result;

use crate::Sso;

/// The name identifier formats that we take, the preferred one first (SAML 2.0 core §8.3).
const NAME_ID_FORMATS: [&str; 3] = [
    "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
];

impl Sso {
    /// Our metadata as a service provider (SAML 2.0 metadata §2.4.4).
    ///
    /// # Errors
    /// When our own key cannot be read.
    pub async fn sp_metadata(&self) -> Result<String> {
        let certificate = self.own_key().await?.certificate.clone();
        Ok(sp_metadata(&SpMetadata {
            entity_id: self.entity_id(),
            acs_urls: vec![self.acs_url()],
            slo_url: Some(self.slo_url()),
            signing_certificates: vec![certificate.clone()],
            encryption_certificates: vec![certificate],
            want_assertions_signed: true,
            authn_requests_signed: false,
            name_id_formats: NAME_ID_FORMATS.map(str::to_owned).to_vec(),
            organisation: None,
        }))
    }
}
