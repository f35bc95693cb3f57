//! The form of the page: what it starts with, what is wrong with it, and what it becomes.

use gatehouse_saml::Certificate;
use gatehouse_types::{Error, Role, Secret};
use gatehouse_web::FieldErrors;
use serde::Deserialize;

use super::presets::{labels, providers_of};
use crate::MAX_CERTIFICATES;
use crate::model::{Connection, Protocol, Provider, RequestBinding, day_of, sign_on_url};
use crate::service::page::PageInput;

/// The values as they were typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SsoForm {
    pub(super) protocol: String,
    pub(super) provider: String,
    pub(super) sso_url: String,
    pub(super) entity_id: String,
    pub(super) certificates: Vec<String>,
    pub(super) jit_provisioning: Option<String>,
    pub(super) default_role: String,
    pub(super) sign_requests: Option<String>,
    pub(super) email_attribute: String,
    pub(super) slo_url: String,
    pub(super) request_binding: String,
    pub(super) force_authn: Option<String>,
    /// Ticked when a connection that people use shall give way to one of another protocol.
    pub(super) replace: Option<String>,
    pub(super) authn_context: Vec<String>,
    pub(super) sign_on_url: String,
    pub(super) metadata_url: String,
    pub(super) realm: String,
    pub(super) tenant_id: String,
    pub(super) issuer_url: String,
    pub(super) client_id: String,
    /// Never shown again; an empty one leaves the present one in place.
    pub(super) client_secret: Option<Secret>,
    /// The day on which it ends.
    pub(super) client_secret_expires: String,
    pub(super) discovery_url: String,
    pub(super) scopes: String,
    pub(super) client_authentication: String,
    pub(super) trust_email: Option<String>,
}

pub(super) fn ticked(on: bool) -> Option<String> {
    on.then(|| "true".to_owned())
}

/// The provider of a connection; "Other" for a preset that the page does not offer with its protocol.
fn offered(c: &Connection) -> Provider {
    let offers = providers_of(c.config.protocol()).iter().any(|(p, _)| *p == c.provider);
    if offers { c.provider } else { Provider::Other }
}

impl SsoForm {
    /// The values that the page starts with.
    pub(super) fn of(connection: Option<&Connection>) -> Self {
        let Some(c) = connection else {
            return Self {
                jit_provisioning: None,
                default_role: Role::Viewer.as_str().to_owned(),
                ..Self::default()
            };
        };
        let mut form = Self {
            protocol: c.config.protocol().as_str().to_owned(),
            provider: offered(c).as_str().to_owned(),
            jit_provisioning: ticked(c.jit_provisioning),
            default_role: c.default_role.as_str().to_owned(),
            ..Self::default()
        };
        if let Some(saml) = c.config.saml() {
            form.certificates = c.certificates.iter().map(|p| p.pem.clone()).collect();
            form.sso_url.clone_from(&saml.sso_url);
            form.entity_id.clone_from(&saml.entity_id);
            form.sign_requests = ticked(saml.sign_requests);
            form.slo_url = saml.slo_url.clone().unwrap_or_default();
            form.request_binding = match saml.request_binding {
                RequestBinding::Redirect => "redirect".to_owned(),
                RequestBinding::Post => "post".to_owned(),
            };
            form.force_authn = ticked(saml.force_authn);
            form.authn_context.clone_from(&saml.authn_context);
            form.email_attribute = saml.attribute_mapping.get("email").cloned().unwrap_or_default();
        }
        if let Some(wsfed) = c.config.wsfed() {
            wsfed.sign_on().clone_into(&mut form.sign_on_url);
            form.metadata_url = wsfed.metadata_url.clone().unwrap_or_default();
            form.realm = wsfed.realm.clone().unwrap_or_default();
            form.tenant_id = wsfed.tenant_id.clone().unwrap_or_default();
            form.email_attribute = wsfed.attribute_mapping.get("email").cloned().unwrap_or_default();
        }
        if let Some(oidc) = c.config.oidc() {
            form.fill_oidc(oidc);
            form.client_secret_expires = c.client_secret_expires_at.map(day_of).unwrap_or_default();
        }
        form
    }

    /// The chosen protocol; SAML when none is.
    pub(super) fn protocol(&self) -> Protocol {
        self.protocol.parse().unwrap_or(Protocol::Saml)
    }

    /// The chosen provider; the protocol's first when it has not got this one.
    pub(super) fn provider(&self) -> Provider {
        let offered = providers_of(self.protocol());
        let wanted = offered.iter().map(|(p, _)| *p).find(|p| p.as_str() == self.provider);
        wanted.or(offered.first().map(|(p, _)| *p)).unwrap_or(Provider::Other)
    }

    /// The certificates that were given, in order.
    fn given(&self) -> impl Iterator<Item = &str> {
        self.certificates.iter().map(|c| c.trim()).filter(|c| !c.is_empty())
    }

    /// The authentication contexts that were given.
    fn contexts(&self) -> Vec<String> {
        self.authn_context.iter().map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()).collect()
    }

    /// Everything that is wrong with the values.
    pub(super) fn check(&self) -> FieldErrors {
        let mut errors = FieldErrors::none();
        match self.protocol() {
            Protocol::Saml => {}
            Protocol::Wsfed => return self.check_wsfed(),
            Protocol::Oidc => return self.check_oidc(),
        }
        let labels = labels(self.provider());
        if self.sso_url.trim().is_empty() {
            errors.add("ssoUrl", format!("{} is missing. Copy it from your provider.", labels.sso_url));
        } else if sign_on_url("ssoUrl", &self.sso_url).is_err() {
            errors.add("ssoUrl", format!("{} must be an address that begins with https://.", labels.sso_url));
        }
        if !self.slo_url.trim().is_empty() && sign_on_url("sloUrl", &self.slo_url).is_err() {
            errors.add("sloUrl", "The single logout URL must be an address that begins with https://.");
        }
        if self.entity_id.trim().is_empty() {
            errors.add("entityId", format!("{} is missing. Copy it from your provider.", labels.entity_id));
        }
        self.check_certificates(labels.certificate, &mut errors);
        errors
    }

    fn check_certificates(&self, label: &str, errors: &mut FieldErrors) {
        if self.given().next().is_none() {
            errors.add(
                "certificate-1",
                format!("{label} is missing. Paste your provider's signing certificate."),
            );
        }
        if self.given().count() > MAX_CERTIFICATES {
            errors.add("certificate-1", format!("At most {MAX_CERTIFICATES} certificates can be kept."));
        }
        for (at, text) in self.given().enumerate() {
            if let Err(e) = Certificate::from_pem_or_base64(text).and_then(|c| c.check_key()) {
                errors.add(format!("certificate-{}", at + 1), format!("The certificate cannot be used: {e}"));
            }
        }
    }

    /// The values for the service.
    pub(super) fn input(&self) -> PageInput {
        PageInput {
            provider: self.provider(),
            sso_url: self.sso_url.trim().to_owned(),
            entity_id: self.entity_id.trim().to_owned(),
            certificates: self.given().map(str::to_owned).collect(),
            jit_provisioning: self.jit_provisioning.is_some(),
            default_role: self.default_role.parse().unwrap_or(Role::Viewer),
            sign_requests: self.sign_requests.is_some(),
            request_binding: self.request_binding.parse().unwrap_or_default(),
            force_authn: self.force_authn.is_some(),
            authn_context: self.contexts(),
            slo_url: self.slo_url.trim().to_owned(),
            email_attribute: self.email_attribute.trim().to_owned(),
        }
    }

    /// The same form without empty certificates: what is shown again.
    pub(super) fn tidied(mut self) -> Self {
        self.certificates.retain(|c| !c.trim().is_empty());
        self.authn_context = self.contexts();
        self.protocol = self.protocol().as_str().to_owned();
        self.provider = self.provider().as_str().to_owned();
        self.client_secret = None;
        self
    }
}

/// What the service found wrong, beside the page's own fields.
pub(super) fn errors_of(error: &Error) -> FieldErrors {
    let field = match error.field().unwrap_or_default() {
        "samlConfig.ssoUrl" => "ssoUrl",
        "samlConfig.sloUrl" => "sloUrl",
        "samlConfig.entityId" => "entityId",
        "samlConfig.certificate" | "samlConfig.certificates" => "certificate-1",
        "samlConfig.attributeMapping" | "wsfedConfig.attributeMapping" => "emailAttribute",
        "wsfedConfig.signOnUrl" => "signOnUrl",
        "wsfedConfig.metadataUrl" => "metadataUrl",
        "wsfedConfig.realm" => "realm",
        "wsfedConfig.tenantId" => "tenantId",
        "oidcConfig.issuerUrl" => "issuerUrl",
        "oidcConfig.clientId" => "clientId",
        "oidcConfig.clientSecret" => "clientSecret",
        "oidcConfig.clientSecretExpiresAt" => "clientSecretExpires",
        "oidcConfig.discoveryUrl" => "discoveryUrl",
        "oidcConfig.scopes" => "scopes",
        "oidcConfig.clientAuthentication" => "clientAuthentication",
        "samlConfig.authnContext" => "authnContext",
        "defaultRole" => "defaultRole",
        "domain" => "domain",
        "emails" => "emails",
        _ => "",
    };
    let mut errors = FieldErrors::none();
    errors.add(field, error.message().to_owned());
    errors
}
