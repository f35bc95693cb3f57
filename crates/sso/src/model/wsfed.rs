//! How to reach and believe a WS-Federation provider (WS-Federation 1.2 §13), and whose tokens of a token service that
//! many tenants share are believed.

use std::collections::BTreeMap;

use gatehouse_types::{ConnectionId, Error, Result};
use serde::{Deserialize, Serialize};
use url::Url;

use super::config::{entity_id, mapping, required, sign_on_url};

/// What stands in the issuer of a token service that all tenants share, in the place of the tenant.
const TENANT_MARK: &str = "{tenantid}";

/// How to reach a WS-Federation identity provider. Its certificates are kept beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WsfedConfig {
    /// Where sign-on and sign-off requests go; empty when the metadata says it.
    pub sign_on_url: String,
    /// Where its federation metadata is.
    pub metadata_url: Option<String>,
    /// Our realm; `None`: the address of the connection.
    pub realm: Option<String>,
    /// The issuer of its tokens; of a service that many tenants share, with `{tenantid}` in it.
    #[serde(default)]
    pub issuer: Option<String>,
    /// The passive endpoint that its metadata names.
    #[serde(default)]
    pub passive_url: Option<String>,
    /// The one tenant whose tokens count, when many share the service.
    #[serde(default)]
    pub tenant_id: Option<String>,
    /// `email` and `name` to the names of the claims that carry them.
    #[serde(default)]
    pub attribute_mapping: BTreeMap<String, String>,
    /// Whether SHA-1 signatures count; a warned exception for old providers.
    #[serde(default)]
    pub allow_sha1: bool,
    /// Whether replies that nobody asked for count.
    #[serde(default)]
    pub provider_initiated: bool,
}

/// Why it is not known whose tokens count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoIssuer {
    /// Neither given nor read from metadata.
    Unknown,
    /// Many tenants share the service, and none is chosen.
    NoTenant,
}

impl NoIssuer {
    /// The code of a refusal for this.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "issuer_unknown",
            Self::NoTenant => "tenant_unknown",
        }
    }

    /// What to do, for the administrator.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Unknown => {
                "The provider's issuer is not known. Give the address of its federation metadata, or issuer and \
                 certificates by hand."
            }
            Self::NoTenant => {
                "The metadata is of a token service that many tenants share (its issuer holds {tenantid}), so its keys \
                 sign for all of them. Say which tenant is yours: set tenantId, or use the sign-on address that holds \
                 your tenant's id."
            }
        }
    }
}

impl WsfedConfig {
    /// Where requests go.
    pub fn sign_on(&self) -> &str {
        match (self.sign_on_url.trim(), &self.passive_url) {
            ("", Some(passive)) => passive,
            (given, _) => given,
        }
    }

    /// The tenant whose tokens count: the chosen one, else the one in the sign-on address.
    ///
    /// It is never learned from a token: with a shared service, whoever signs in first from any tenant would decide.
    pub fn tenant(&self) -> Option<String> {
        self.tenant_id.clone().or_else(|| {
            let url = Url::parse(self.sign_on()).ok()?;
            let first = url.path_segments()?.next()?.to_ascii_lowercase();
            is_tenant(&first).then_some(first)
        })
    }

    /// The one issuer whose tokens count.
    pub(crate) fn expected_issuer(&self) -> Result<String, NoIssuer> {
        let issuer = self.issuer.as_deref().ok_or(NoIssuer::Unknown)?;
        if !issuer.contains(TENANT_MARK) {
            return Ok(issuer.to_owned());
        }
        let tenant = self.tenant().ok_or(NoIssuer::NoTenant)?;
        Ok(issuer.replace(TENANT_MARK, &tenant))
    }

    /// The tenant that an issuer is of, when it is of the shared service but not of ours.
    pub(crate) fn other_tenant<'a>(&self, issuer: &'a str) -> Option<&'a str> {
        let (before, after) = self.issuer.as_deref()?.split_once(TENANT_MARK)?;
        let tenant = issuer.strip_prefix(before)?.strip_suffix(after)?;
        (is_tenant(tenant) && self.tenant().as_deref() != Some(tenant)).then_some(tenant)
    }

    /// Checks every value.
    ///
    /// # Errors
    /// `Validation`, naming the field.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(url) = &self.metadata_url {
            sign_on_url("wsfedConfig.metadataUrl", url)?;
        }
        if !self.sign_on_url.trim().is_empty() || self.metadata_url.is_none() {
            sign_on_url("wsfedConfig.signOnUrl", &self.sign_on_url)?;
        }
        if let Some(realm) = &self.realm {
            required("wsfedConfig.realm", realm)?;
        }
        if let Some(issuer) = &self.issuer {
            entity_id("wsfedConfig.issuer", issuer)?;
        }
        if self.tenant_id.as_deref().is_some_and(|t| !is_tenant(t)) {
            let message = "tenantId must be the tenant's id, like 72f988bf-86f1-41af-91ab-2d7cd011db47.";
            return Err(Error::validation("wsfedConfig.tenantId", message));
        }
        mapping("wsfedConfig.attributeMapping", &self.attribute_mapping)
    }

    /// The address of a sign-on request (WS-Federation 1.2 §13.2.2). `wct` is the time of the request.
    ///
    /// # Errors
    /// When the sign-on address is none.
    pub(crate) fn sign_on_request(&self, realm: &str, reply: &str, wctx: &str, wct: &str) -> Result<String> {
        self.request(&[
            ("wa", "wsignin1.0"),
            ("wtrealm", realm),
            ("wreply", reply),
            ("wctx", wctx),
            ("wct", wct),
        ])
    }

    /// The address of a sign-off request (§13.2.4).
    ///
    /// # Errors
    /// When the sign-on address is none.
    pub(crate) fn sign_off_request(&self, realm: &str, reply: &str) -> Result<String> {
        self.request(&[("wa", "wsignout1.0"), ("wtrealm", realm), ("wreply", reply)])
    }

    fn request(&self, parameters: &[(&str, &str)]) -> Result<String> {
        let mut url = sign_on_url("wsfedConfig.signOnUrl", self.sign_on())?;
        // what the address says of these itself would contradict us
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| !parameters.iter().any(|(own, _)| own == name))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.set_query(None);
        url.query_pairs_mut().extend_pairs(kept).extend_pairs(parameters);
        Ok(url.into())
    }

    /// Whether an address is at the provider: of the same origin as the sign-on address.
    pub(crate) fn is_at_provider(&self, url: &str) -> bool {
        match (Url::parse(self.sign_on()), Url::parse(url)) {
            (Ok(own), Ok(other)) => {
                matches!(other.scheme(), "http" | "https") && own.origin() == other.origin()
            }
            _ => false,
        }
    }
}

/// The realm of a connection that names none, below our address: no other connection has it, so a token for one is of
/// no use at another.
pub(crate) fn own_realm_path(connection: &ConnectionId) -> String {
    format!("/wsfed/{connection}")
}

/// A tenant's id: a GUID in its usual form.
fn is_tenant(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == lengths.len()
        && parts.iter().zip(lengths).all(|(part, length)| {
            part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    const THEIRS: &str = "11111111-2222-3333-4444-555555555555";

    fn common(sign_on_url: &str, tenant_id: Option<&str>) -> WsfedConfig {
        WsfedConfig {
            sign_on_url: sign_on_url.to_owned(),
            issuer: Some("https://sts.windows.net/{tenantid}/".to_owned()),
            tenant_id: tenant_id.map(str::to_owned),
            ..WsfedConfig::default()
        }
    }

    #[test]
    fn r022_the_issuer_of_a_shared_service_is_bound_to_one_tenant() {
        let at = "https://login.microsoftonline.com";
        let ours = format!("https://sts.windows.net/{OURS}/");
        for (url, tenant, expected) in [
            (format!("{at}/common/wsfed"), Some(OURS), Ok(ours.clone())),
            (format!("{at}/{OURS}/wsfed"), None, Ok(ours.clone())),
            (format!("{at}/{}/wsfed", OURS.to_uppercase()), None, Ok(ours.clone())),
            (format!("{at}/{THEIRS}/wsfed"), Some(OURS), Ok(ours.clone())),
            (format!("{at}/common/wsfed"), None, Err(NoIssuer::NoTenant)),
            (format!("{at}/contoso.example/wsfed"), None, Err(NoIssuer::NoTenant)),
        ] {
            assert_eq!(common(&url, tenant).expected_issuer(), expected, "{url}");
        }
        let config = common(&format!("{at}/{OURS}/wsfed"), None);
        let theirs = format!("https://sts.windows.net/{THEIRS}/");
        assert_eq!(config.other_tenant(&theirs), Some(THEIRS));
        for issuer in
            [ours.as_str(), "https://sts.windows.net/x/", "https://evil.test/", "https://sts.windows.net/"]
        {
            assert_eq!(config.other_tenant(issuer), None, "{issuer}");
        }
        assert_eq!(WsfedConfig::default().expected_issuer(), Err(NoIssuer::Unknown));
    }

    #[test]
    fn values_are_checked_by_name() {
        let good = common(&format!("https://login.microsoftonline.com/{OURS}/wsfed"), None);
        good.check().unwrap();
        let bad = |change: fn(&mut WsfedConfig)| {
            let mut config = good.clone();
            change(&mut config);
            config.check().unwrap_err().field().unwrap().to_owned()
        };
        assert_eq!(bad(|c| c.sign_on_url.clear()), "wsfedConfig.signOnUrl");
        assert_eq!(bad(|c| c.sign_on_url = "http://sts.test/".into()), "wsfedConfig.signOnUrl");
        assert_eq!(bad(|c| c.metadata_url = Some("ftp://x".into())), "wsfedConfig.metadataUrl");
        assert_eq!(bad(|c| c.realm = Some(" ".into())), "wsfedConfig.realm");
        assert_eq!(bad(|c| c.issuer = Some(String::new())), "wsfedConfig.issuer");
        assert_eq!(bad(|c| c.tenant_id = Some("contoso".into())), "wsfedConfig.tenantId");
        let mut from_metadata = good.clone();
        from_metadata.sign_on_url.clear();
        from_metadata.metadata_url = Some("https://sts.test/metadata".into());
        from_metadata.check().unwrap();
    }

    #[test]
    fn r023_requests_keep_the_addresses_own_query_and_say_each_thing_once() {
        let mut config = common("https://sts.test/adfs/ls?whr=corp&wa=wsignout1.0", None);
        let url =
            config.sign_on_request("urn:r", "https://g.test/wsfed/con_1/reply", "_c", "2026-01-01T00:00:00Z");
        assert_eq!(
            url.unwrap(),
            "https://sts.test/adfs/ls?whr=corp&wa=wsignin1.0&wtrealm=urn%3Ar&wreply=https%3A%2F%2Fg.test%2Fwsfed%2Fcon_1\
             %2Freply&wctx=_c&wct=2026-01-01T00%3A00%3A00Z"
        );
        config.sign_on_url.clear();
        config.passive_url = Some("https://sts.test/passive".into());
        let url = config.sign_off_request("urn:r", "https://g.test/").unwrap();
        assert_eq!(
            url,
            "https://sts.test/passive?wa=wsignout1.0&wtrealm=urn%3Ar&wreply=https%3A%2F%2Fg.test%2F"
        );
        assert!(config.is_at_provider("https://sts.test/after?x"));
        for elsewhere in
            ["https://evil.test/", "http://sts.test/", "//sts.test/", "javascript:1", "https://sts.test:444/"]
        {
            assert!(!config.is_at_provider(elsewhere), "{elsewhere}");
        }
    }
}
