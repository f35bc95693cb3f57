//! What the page shows and reads of an OpenID provider.

use gatehouse_types::Timestamp;
use gatehouse_web::{Choice, FieldErrors};

use super::form::{SsoForm, ticked};
use super::presets;
use crate::model::{OidcConfig, Provider, beginning_of, sign_on_url};
use crate::service::oidc::OidcPageInput;
use crate::service::page::PageState;
use crate::{GOOGLE_ISSUER, Sso};

/// What is said of a text that is no day.
pub(super) const NOT_A_DAY: &str = "The day on which the secret ends must be a date, like 2027-06-30.";

/// What stands around the fields.
pub(super) struct OidcView {
    /// Whether it is Google: nothing needs to be entered then.
    pub(super) is_google: bool,
    /// Whether the operator's client there is used.
    pub(super) of_operator: bool,
    /// Whether the operator has a client at that provider.
    pub(super) offered: bool,
    /// An issuer as the provider writes it.
    pub(super) example: &'static str,
    pub(super) redirect_uri: String,
    pub(super) logged_out: String,
    pub(super) backchannel_logout: String,
    pub(super) keys: String,
    pub(super) has_secret: bool,
    pub(super) authentications: Vec<Choice>,
}

impl OidcView {
    pub(super) fn of(sso: &Sso, state: &PageState, form: &SsoForm) -> Self {
        let id = &state.openid_id;
        let connection = state.connection.as_ref().map(|v| &v.connection);
        let known = connection.filter(|c| c.config.oidc().is_some());
        Self {
            is_google: form.is_google(),
            of_operator: form.is_of_operator(),
            offered: sso.0.options.google.is_some(),
            example: example(form.provider()),
            redirect_uri: sso.own_redirect_uri(id),
            logged_out: sso.post_logout_redirect_uri(id),
            backchannel_logout: sso.backchannel_logout_uri(id),
            keys: sso.client_keys_url(id),
            has_secret: known.is_some_and(|c| c.has_client_secret),
            authentications: presets::client_authentications(),
        }
    }
}

/// An issuer as the provider writes it.
const fn example(provider: Provider) -> &'static str {
    match provider {
        Provider::Okta => "https://your-organisation.okta.com",
        Provider::Azure => "https://login.microsoftonline.com/<tenant id>/v2.0",
        _ => "https://accounts.your-provider.com",
    }
}

impl SsoForm {
    /// Takes over what a connection has.
    pub(super) fn fill_oidc(&mut self, oidc: &OidcConfig) {
        self.issuer_url.clone_from(&oidc.issuer_url);
        self.client_id.clone_from(&oidc.client_id);
        self.discovery_url = oidc.discovery_url.clone().unwrap_or_default();
        self.scopes = oidc.scopes.join(" ");
        self.client_authentication =
            oidc.client_authentication.map(|a| a.as_str().to_owned()).unwrap_or_default();
        self.trust_email = ticked(oidc.trust_email);
    }

    fn is_google(&self) -> bool {
        self.provider() == Provider::Google
    }

    /// Whether the operator's client is meant: Google, and no client of one's own.
    fn is_of_operator(&self) -> bool {
        self.is_google() && self.client_id.trim().is_empty()
    }

    /// Everything that is wrong with the values of an OpenID provider.
    pub(super) fn check_oidc(&self) -> FieldErrors {
        let mut errors = FieldErrors::none();
        if !self.client_secret_expires.trim().is_empty() && self.secret_end().is_none() {
            errors.add("clientSecretExpires", NOT_A_DAY);
        }
        if self.is_google() {
            return errors;
        }
        if self.issuer_url.trim().is_empty() {
            errors.add("issuerUrl", "The issuer is missing. Copy it from your provider.");
        } else if sign_on_url("", &self.issuer_url).is_err() {
            errors.add("issuerUrl", "The issuer must be an address that begins with https://.");
        }
        if self.client_id.trim().is_empty() {
            errors.add("clientId", "The client id is missing. Copy it from your provider.");
        }
        if !self.discovery_url.trim().is_empty() && sign_on_url("", &self.discovery_url).is_err() {
            errors.add("discoveryUrl", "The discovery document's address must begin with https://.");
        }
        errors
    }

    /// The day on which the secret ends.
    fn secret_end(&self) -> Option<Timestamp> {
        beginning_of(&self.client_secret_expires)
    }

    /// The values for the service. Google's issuer is known; without a client id there, the operator's client is used.
    pub(super) fn oidc_input(&self) -> OidcPageInput {
        let own = !self.is_of_operator();
        let text = |t: &str| if own { t.trim().to_owned() } else { String::new() };
        let scopes: Vec<String> = text(&self.scopes).split_whitespace().map(str::to_owned).collect();
        OidcPageInput {
            provider: self.provider(),
            issuer_url: if own && self.is_google() {
                GOOGLE_ISSUER.to_owned()
            } else {
                text(&self.issuer_url)
            },
            client_id: text(&self.client_id),
            client_secret: self.client_secret.clone().filter(|s| own && !s.expose().is_empty()),
            client_secret_expires: self.secret_end().filter(|_| own),
            discovery_url: if self.is_google() { String::new() } else { text(&self.discovery_url) },
            scopes: if scopes.is_empty() { OidcConfig::of_operator().scopes } else { scopes },
            client_authentication: text(&self.client_authentication).parse().ok(),
            trust_email: !self.is_google() && self.trust_email.is_some(),
            jit_provisioning: self.jit_provisioning.is_some(),
            default_role: self.default_role.parse().unwrap_or(gatehouse_types::Role::Viewer),
        }
    }
}
