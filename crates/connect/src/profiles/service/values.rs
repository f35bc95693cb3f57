//! The values of a profile after a change, each judged.

use std::collections::BTreeSet;

use gatehouse_types::{Error, Result};
use url::Url;

use super::change::Change;
use crate::Connect;
use crate::grants::callback::{CONTEXT_LEN, is_context};
use crate::profiles::model::{
    AllowedHost, AuthorizationType, Profile, Secrets, check, checked_additional, checked_authorization,
    client_auth, has_tenancy, with_tenancy,
};

impl Connect {
    /// The profile as it is after a change.
    pub(crate) fn changed(
        &self,
        mut p: Profile,
        mut s: Secrets,
        change: Change,
    ) -> Result<(Profile, Secrets)> {
        let is_code = p.kind == AuthorizationType::OAuth2;
        let (has_secret, before) = (change.client_secret.is_some(), places(&p));
        locked("authorizationType", change.authorization_type.as_deref(), p.kind.as_str())?;
        locked("identityProviderName", change.name.as_deref(), &p.name)?;
        if let Some(text) = change.description {
            p.description = check::description(&text)?;
        }
        if let Some(text) = change.callback_url {
            p.context = self.context_of(&text)?;
        }
        if let Some(text) = change.client_id {
            p.client_id = check::client_id(&text)?;
        }
        if let Some(secret) = change.client_secret {
            s.client_secret = check::client_secret(&secret)?;
        }
        if let Some(text) = change.client_authentication {
            p.client_auth = client_auth(&text)?;
        }
        if let Some(tenancy) = change.tenancy_url {
            only_code("tenancyUrl", is_code || !tenancy)?;
            p.tenancy_url = tenancy;
        }
        let optional = |field, label, text: String| match text.trim().is_empty() {
            true => Ok(None),
            false => check::url(field, label, &text, p.tenancy_url).map(Some),
        };
        if let Some(text) = change.authorization_url {
            only_code("authorizationUrl", is_code || text.trim().is_empty())?;
            let checked =
                |text: &str| check::url("authorizationUrl", "authorization URL", text, p.tenancy_url);
            p.authorization_url = is_code.then(|| checked(&text)).transpose()?;
        }
        if let Some(text) = change.token_url {
            p.token_url = check::url("tokenRequestUrl", "token request URL", &text, p.tenancy_url)?;
        }
        if let Some(text) = change.refresh_url {
            only_code("refreshTokenUrl", is_code || text.trim().is_empty())?;
            p.refresh_url = optional("refreshTokenUrl", "refresh token URL", text)?;
        }
        if let Some(text) = change.revocation_url {
            p.revocation_url = optional("revocationUrl", "revocation URL", text)?;
        }
        let all = [&p.authorization_url, &Some(p.token_url.clone()), &p.refresh_url, &p.revocation_url]
            .map(Clone::clone);
        if !p.tenancy_url && all.iter().flatten().any(|text| has_tenancy(text)) {
            let message =
                "An address has a place for a tenancy. Change the addresses together with this choice.";
            return Err(Error::validation("tenancyUrl", message));
        }
        if let Some(text) = change.issuer {
            p.issuer = check::issuer(&text)?;
        }
        if let Some(text) = change.scope {
            p.scope = check::scope(&text)?;
        }
        if let Some(fields) = change.additional {
            s.fields.additional = checked_additional(fields)?;
            if !is_code && s.fields.asked().next().is_some() {
                let message =
                    "Nobody can be asked for a value here: no person authorizes with client credentials.";
                return Err(Error::validation("additionalFields", message));
            }
        }
        if let Some(fields) = change.authorization {
            s.fields.authorization = checked_authorization(fields)?;
        }
        if let Some(status) = change.auth_error_status {
            p.auth_error_status = check::auth_error_status(status)?;
        }
        if let Some(text) = change.auth_error_text {
            p.auth_error_text = check::auth_error_text(&text)?;
        }
        if let Some(hosts) = change.allowed_hosts {
            p.allowed_hosts = AllowedHost::checked(&hosts)?;
        }
        // the secret that is stored goes to no host but those it was entered for
        if !has_secret && !places(&p).is_subset(&before) {
            let message =
                "Enter the client secret again: with this change it goes to another host than before.";
            return Err(Error::validation("clientSecret", message));
        }
        p.updated_at = self.0.store.now();
        Ok((p, s))
    }

    /// The unguessable end of a callback's address that somebody entered: it must be one of ours.
    fn context_of(&self, text: &str) -> Result<String> {
        let beginning = self.callback_url("");
        let context = text.trim().strip_prefix(&beginning).unwrap_or_default();
        if is_context(context) {
            return Ok(context.to_owned());
        }
        let message = match text.trim().is_empty() {
            true => "Enter the callback URL. The one that is proposed is fine.".to_owned(),
            false => format!(
                "The callback URL must be the one that is proposed: {beginning} with an unguessable end of {CONTEXT_LEN} characters."
            ),
        };
        Err(Error::validation("callbackUrl", message))
    }
}

fn locked(field: &'static str, wanted: Option<&str>, present: &str) -> Result<()> {
    match wanted {
        Some(wanted) if wanted != present => {
            Err(Error::validation(field, "This cannot be changed. Make another profile instead."))
        }
        _ => Ok(()),
    }
}

fn only_code(field: &'static str, fits: bool) -> Result<()> {
    if fits { Ok(()) } else { Err(Error::validation(field, "OAuth V2 Client Credentials has none.")) }
}

/// A host: scheme, name and port, and whether one label of it is each tenant's.
type Place = (bool, String);

fn place(text: &str) -> Place {
    let url = Url::parse(&with_tenancy(text, "tenant")).ok();
    (has_tenancy(text), url.map(|url| url.origin().ascii_serialization()).unwrap_or_default())
}

/// Where a profile's secret goes. What the host of the authorization URL says of itself may name where tokens are revoked.
fn places(p: &Profile) -> BTreeSet<Place> {
    let all =
        [Some(&p.token_url), p.refresh_url.as_ref(), p.revocation_url.as_ref(), p.authorization_url.as_ref()];
    all.into_iter().flatten().map(|text| place(text)).collect()
}

/// Whether tokens of before would go to another client or to another host now.
pub(super) fn is_elsewhere(before: &Profile, now: &Profile) -> bool {
    let hosts = |p: &Profile| {
        let refresh = p.refresh_url.as_deref().unwrap_or(&p.token_url);
        let revocation = p.revocation_url.as_deref().unwrap_or(&p.token_url);
        let authorization = p.authorization_url.as_deref().unwrap_or_default();
        [&p.token_url, refresh, revocation, authorization].map(place)
    };
    before.client_id != now.client_id || hosts(before) != hosts(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_for_a_tenant_is_another_host_than_any_tenants() {
        assert_ne!(place("https://{tenancy}.op.test/token"), place("https://tenant.op.test/token"));
        assert_eq!(place("https://{tenancy}.op.test/token"), place("https://{subdomain}.op.test/other"));
        assert_ne!(place("https://op.test/"), place("https://op.test:8443/"));
    }
}
