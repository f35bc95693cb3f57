//! What the page shows and reads of a WS-Federation provider.

use gatehouse_types::Timestamp;
use gatehouse_web::{FieldErrors, When};

use super::form::SsoForm;
use super::presets::{WsfedLabels, wsfed_labels};
use crate::Sso;
use crate::model::{Connection, Provider, sign_on_url};
use crate::service::page::PageState;
use crate::service::wsfed::WsfedPageInput;

/// What stands around the fields.
pub(super) struct WsfedView {
    pub(super) labels: WsfedLabels,
    pub(super) reply: String,
    /// The realm in force.
    pub(super) realm: String,
    /// Whether a tenant may have to be chosen.
    pub(super) asks_tenant: bool,
    /// Why the metadata could not be read; may be empty.
    pub(super) trouble: String,
    pub(super) certificates: Vec<CertificateRow>,
}

/// A certificate that the metadata brought.
pub(super) struct CertificateRow {
    pub(super) fingerprint: String,
    pub(super) until: When,
    pub(super) valid: bool,
}

impl WsfedView {
    pub(super) fn of(sso: &Sso, state: &PageState, provider: Provider, now: Timestamp) -> Self {
        let connection = state.connection.as_ref().map(|v| &v.connection);
        let known = connection.filter(|c| c.config.wsfed().is_some());
        let realm = known.and_then(|c| c.config.wsfed()).map(|w| sso.realm(&state.wsfed_id, w));
        let trouble = known.and_then(|c| c.metadata.as_ref()?.error.clone());
        Self {
            labels: wsfed_labels(provider),
            reply: sso.reply_url(&state.wsfed_id),
            realm: realm.unwrap_or_else(|| sso.own_realm(&state.wsfed_id)),
            asks_tenant: provider == Provider::Azure,
            trouble: trouble.unwrap_or_default(),
            certificates: known.map(|c| rows(c, now)).unwrap_or_default(),
        }
    }
}

fn rows(c: &Connection, now: Timestamp) -> Vec<CertificateRow> {
    let row = |k: &crate::model::PinnedCertificate| CertificateRow {
        fingerprint: k.fingerprint.clone(),
        until: When::from(k.not_after),
        valid: k.is_valid_at(now),
    };
    c.certificates.iter().map(row).collect()
}

impl SsoForm {
    /// Everything that is wrong with the values of a WS-Federation provider.
    pub(super) fn check_wsfed(&self) -> FieldErrors {
        let labels = wsfed_labels(self.provider());
        let mut errors = FieldErrors::none();
        for (name, label, value) in [
            ("signOnUrl", labels.sign_on_url, &self.sign_on_url),
            ("metadataUrl", labels.metadata_url, &self.metadata_url),
        ] {
            if value.trim().is_empty() {
                errors.add(name, format!("{label} is missing. Copy it from your provider."));
            } else if sign_on_url("", value).is_err() {
                errors.add(name, format!("{label} must be an address that begins with https://."));
            }
        }
        errors
    }

    /// The values for the service.
    pub(super) fn wsfed_input(&self) -> WsfedPageInput {
        let text = |t: &str| t.trim().to_owned();
        WsfedPageInput {
            provider: self.provider(),
            sign_on_url: text(&self.sign_on_url),
            metadata_url: text(&self.metadata_url),
            realm: text(&self.realm),
            tenant_id: text(&self.tenant_id),
            email_attribute: text(&self.email_attribute),
            jit_provisioning: self.jit_provisioning.is_some(),
            default_role: self.default_role.parse().unwrap_or(gatehouse_types::Role::Viewer),
        }
    }
}
