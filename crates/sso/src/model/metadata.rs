//! What is taken from the metadata of an identity provider; pure.

use gatehouse_saml::{
    Certificate, HTTP_POST, HTTP_REDIRECT, IdpMetadata, LogoutService, MetadataError, read_idp_metadata,
};
use gatehouse_types::Timestamp;

use super::config::{Protocol, RequestBinding, SamlConfig, SloBinding, sign_on_url};
use super::wsfed::WsfedConfig;

/// Certificates taken from the metadata of a SAML provider at most; a connection pins no more.
const MAX_TAKEN: usize = 2;
/// Certificates taken from the metadata of a token service at most: it may sign with any of them.
pub(crate) const MAX_TAKEN_OF_SERVICE: usize = gatehouse_saml::limits::TOKEN_SERVICE_CERTIFICATES;
/// Metadata is fetched anew after this time unless it says otherwise, in seconds.
pub(crate) const REFRESH_SECONDS: i64 = 86_400;
/// It is not fetched more often than this, in seconds.
pub(crate) const SHORTEST_REFRESH_SECONDS: i64 = 3_600;
/// It is fetched at least this often, in seconds.
const LONGEST_REFRESH_SECONDS: i64 = 7 * 86_400;

/// How the refresh of a connection's metadata goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataState {
    /// When it was last fetched and read.
    pub fetched_at: Option<Timestamp>,
    /// When it is fetched next.
    pub next_fetch_at: Timestamp,
    /// What was left out of it.
    pub note: Option<String>,
    /// Why the last try failed.
    pub error: Option<String>,
    /// Since when every try has failed.
    pub failing_since: Option<Timestamp>,
    /// When the owners were told of it.
    pub told_at: Option<Timestamp>,
}

impl MetadataState {
    /// The first fetch failed.
    pub(crate) fn failed(why: &str, now: Timestamp) -> Self {
        let next = now.plus_seconds(SHORTEST_REFRESH_SECONDS);
        Self { error: Some(why.to_owned()), failing_since: Some(now), ..Self::due(next) }
    }

    /// Nothing has happened yet but that a fetch is due then.
    pub(crate) const fn due(next_fetch_at: Timestamp) -> Self {
        Self { fetched_at: None, next_fetch_at, note: None, error: None, failing_since: None, told_at: None }
    }
}

/// What metadata gives a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Imported {
    pub(crate) entity_id: String,
    metadata: IdpMetadata,
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) note: Option<String>,
    pub(crate) next_fetch_at: Timestamp,
}

impl Imported {
    /// Reads metadata: the identity provider of this entity id, or the only one; signed by `signer`, when one is given.
    ///
    /// # Errors
    /// A sentence for the administrator.
    pub(crate) fn read(
        protocol: Protocol,
        bytes: &[u8],
        wanted: Option<&str>,
        signer: Option<&Certificate>,
        now: Timestamp,
    ) -> Result<Self, String> {
        let metadata = read_idp_metadata(bytes, wanted, signer, now.micros()).map_err(|e| told(&e))?;
        if let Some(until) = metadata.valid_until
            && until <= now.micros()
        {
            let until = Timestamp::from_micros(until);
            return Err(format!(
                "The metadata was valid until {until}. Get the current one from the provider."
            ));
        }
        let most = if protocol == Protocol::Wsfed { MAX_TAKEN_OF_SERVICE } else { MAX_TAKEN };
        let (certificates, note) = latest(&metadata.certificates, most, now)?;
        let next_fetch_at = next_fetch(&metadata, now);
        let read =
            Self { entity_id: metadata.entity_id.clone(), metadata, certificates, note, next_fetch_at };
        match protocol {
            Protocol::Wsfed => read.passive_address().map(drop)?,
            _ => read.address(RequestBinding::Redirect).map(drop)?,
        }
        Ok(read)
    }

    /// Puts what the metadata of a token service says into a configuration.
    ///
    /// # Errors
    /// A sentence for the administrator, when its address cannot be used.
    pub(crate) fn apply_to_wsfed(&self, config: &mut WsfedConfig) -> Result<(), String> {
        config.passive_url = Some(self.passive_address()?.to_owned());
        config.issuer = Some(self.entity_id.clone());
        Ok(())
    }

    /// Where a token service takes sign-on requests (WS-Federation 1.2 §3.1.5, PassiveRequestorEndpoint).
    fn passive_address(&self) -> Result<&str, String> {
        let url = self.metadata.passive_endpoint.as_deref().ok_or(
            "The metadata describes no WS-Federation token service (a SecurityTokenServiceType with a \
             PassiveRequestorEndpoint).",
        )?;
        sign_on_url("wsfedConfig.signOnUrl", url)
            .map_err(|_| "The passive endpoint in the metadata is not an https URL.".to_owned())?;
        Ok(url)
    }

    /// Puts what the metadata says into a configuration. The binding that is set stays if it is offered. Signing of
    /// requests is switched on when the provider wants it, never off.
    ///
    /// # Errors
    /// A sentence for the administrator, when an address cannot be used.
    pub(crate) fn apply(&self, config: &mut SamlConfig) -> Result<(), String> {
        let (binding, url) = self.address(config.request_binding)?;
        config.entity_id.clone_from(&self.entity_id);
        config.request_binding = binding;
        config.sso_url = url.to_owned();
        config.sign_requests |= self.metadata.want_authn_requests_signed;
        if let Some((binding, service)) = self.logout_service(config.slo_binding) {
            let usable = |url: &String| sign_on_url("samlConfig.sloUrl", url).is_ok();
            if !usable(&service.location) || !service.response_location.iter().all(usable) {
                return Err("The single logout address in the metadata is not an https URL.".to_owned());
            }
            config.slo_binding = binding;
            config.slo_url = Some(service.location.clone());
            config.slo_response_url.clone_from(&service.response_location);
        }
        Ok(())
    }

    /// Where people are signed out, by the binding that is set if it is offered; metadata without one changes nothing.
    fn logout_service(&self, preferred: SloBinding) -> Option<(SloBinding, &LogoutService)> {
        let mut known = [(SloBinding::Redirect, HTTP_REDIRECT), (SloBinding::Post, HTTP_POST)];
        known.sort_by_key(|(binding, _)| *binding != preferred);
        known.into_iter().find_map(|(binding, uri)| Some((binding, self.metadata.slo_urls.get(uri)?)))
    }

    /// The certificates as a connection is given them.
    pub(crate) fn pems(&self) -> Vec<String> {
        self.certificates.iter().map(Certificate::to_pem).collect()
    }

    fn address(&self, preferred: RequestBinding) -> Result<(RequestBinding, &str), String> {
        let mut known = [RequestBinding::Redirect, RequestBinding::Post];
        known.sort_by_key(|b| *b != preferred);
        let urls = &self.metadata.sso_urls;
        let found = known.into_iter().find_map(|b| urls.get(b.uri()).map(|url| (b, url.as_str())));
        let (binding, url) = found.ok_or(
            "The metadata offers sign-on neither by HTTP-Redirect nor by HTTP-POST; one of them is needed.",
        )?;
        sign_on_url("samlConfig.ssoUrl", url)
            .map_err(|_| "The sign-on address in the metadata is not an https URL.".to_owned())?;
        Ok((binding, url))
    }
}

fn told(error: &MetadataError) -> String {
    match error {
        MetadataError::IdentityProviders(n) if *n > 1 => format!(
            "The metadata describes {n} identity providers. Give the entity id (entityId) of the one that is meant."
        ),
        other => {
            let text = other.to_string();
            let mut letters = text.chars();
            let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
            format!("{first}{}.", letters.as_str().trim_end_matches('.'))
        }
    }
}

/// The certificates, `most` at most, with the latest begin of validity, the latest first; those that ended or whose key cannot be
/// believed only count when there is nothing else.
fn latest(
    all: &[Certificate],
    most: usize,
    now: Timestamp,
) -> Result<(Vec<Certificate>, Option<String>), String> {
    let mut usable: Vec<Certificate> = all.iter().filter(|c| c.check_key().is_ok()).cloned().collect();
    let ends = |c: &Certificate| c.not_after() < now.micros();
    if usable.is_empty() {
        return Err(
            "The metadata has no signing certificate of an RSA key of 2048 bits or more, or of P-256."
                .to_owned(),
        );
    }
    usable.sort_by_key(|c| (ends(c), std::cmp::Reverse(c.not_before())));
    let note = (usable.len() > most).then(|| {
        let left: Vec<&str> = usable[most..].iter().map(Certificate::fingerprint).collect();
        format!(
            "The metadata has {} signing certificates; the {most} with the latest begin are taken. Left out: {}.",
            usable.len(),
            left.join(", ")
        )
    });
    usable.truncate(most);
    Ok((usable, note))
}

fn next_fetch(metadata: &IdpMetadata, now: Timestamp) -> Timestamp {
    let until = metadata.valid_until.map(|until| until.saturating_sub(now.micros()));
    let wish = [metadata.cache_duration, until].into_iter().flatten().min();
    let seconds = wish.map_or(REFRESH_SECONDS, |micros| micros / 1_000_000);
    now.plus_seconds(seconds.clamp(SHORTEST_REFRESH_SECONDS, LONGEST_REFRESH_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatehouse_saml::SigningKey;
    use gatehouse_saml::idp::{IdpDescription, idp_metadata};

    const DAY: i64 = 86_400;

    fn now() -> Timestamp {
        Timestamp::from_micros(1_780_272_000_000_000)
    }

    fn certificate(from: i64, until: i64) -> Certificate {
        let at = |days: i64| now().plus_seconds(days * DAY).micros();
        SigningKey::generate().unwrap().self_signed("idp", at(from), at(until)).unwrap()
    }

    fn document(certificates: Vec<Certificate>) -> String {
        with_logout(certificates, None)
    }

    fn with_logout(certificates: Vec<Certificate>, slo_url: Option<&str>) -> String {
        idp_metadata(&IdpDescription {
            entity_id: "https://idp.example/metadata".to_owned(),
            sso_url: "https://idp.example/sso".to_owned(),
            slo_url: slo_url.map(str::to_owned),
            certificates,
            passive_endpoint: None,
            want_authn_requests_signed: true,
        })
    }

    fn read(text: &str) -> Result<Imported, String> {
        Imported::read(Protocol::Saml, text.as_bytes(), None, None, now())
    }

    #[test]
    fn of_many_certificates_the_two_latest_are_taken_and_it_is_said() {
        let (old, ended) = (certificate(-90, 90), certificate(-1, -1));
        let (newer, newest) = (certificate(-60, 90), certificate(-30, 90));
        let all = vec![old.clone(), newest.clone(), ended, newer.clone()];
        let taken = read(&document(all)).unwrap();
        assert_eq!(taken.certificates, [newest, newer]);
        assert!(taken.note.unwrap().contains(old.fingerprint()));
        assert_eq!(read(&document(vec![old.clone()])).unwrap().note, None);
    }

    #[test]
    fn a_binding_that_is_set_stays_and_signing_is_never_switched_off() {
        let text = document(vec![certificate(-1, 90)]);
        let mut config = SamlConfig { request_binding: RequestBinding::Post, ..SamlConfig::default() };
        read(&text).unwrap().apply(&mut config).unwrap();
        assert_eq!(config.request_binding, RequestBinding::Post);
        assert!(config.sign_requests && config.entity_id == "https://idp.example/metadata");
        let unsigned = text.replace("WantAuthnRequestsSigned=\"true\"", "");
        read(&unsigned).unwrap().apply(&mut config).unwrap();
        assert!(config.sign_requests);
        let only_post = text.replace("bindings:HTTP-Redirect", "bindings:SOAP");
        let mut config = SamlConfig::default();
        read(&only_post).unwrap().apply(&mut config).unwrap();
        assert_eq!(config.request_binding, RequestBinding::Post);
        let neither = only_post.replace("bindings:HTTP-POST", "bindings:PAOS");
        assert!(read(&neither).unwrap_err().contains("neither"));
    }

    #[test]
    fn the_address_of_single_logout_is_taken_and_stays_when_the_metadata_names_none() {
        let text = with_logout(vec![certificate(-1, 90)], Some("https://idp.example/slo"));
        let mut config = SamlConfig { slo_binding: SloBinding::Post, ..SamlConfig::default() };
        read(&text).unwrap().apply(&mut config).unwrap();
        assert_eq!(config.slo_url.as_deref(), Some("https://idp.example/slo"));
        read(&document(vec![certificate(-1, 90)])).unwrap().apply(&mut config).unwrap();
        assert_eq!(config.slo_url.as_deref(), Some("https://idp.example/slo"));
        let plain = text.replace("https://idp.example/slo", "http://idp.example/slo");
        assert!(read(&plain).unwrap().apply(&mut config).unwrap_err().contains("logout"));
    }

    #[test]
    fn r021_a_token_service_gives_its_issuer_address_and_up_to_eight_certificates() {
        let certificates: Vec<Certificate> = (1..=9).map(|n| certificate(-n, 90)).collect();
        let text = idp_metadata(&IdpDescription {
            entity_id: "https://sts.windows.net/{tenantid}/".to_owned(),
            sso_url: "https://sts.example/saml2".to_owned(),
            slo_url: None,
            certificates,
            passive_endpoint: Some("https://sts.example/wsfed".to_owned()),
            want_authn_requests_signed: false,
        });
        let read = |text: &str| Imported::read(Protocol::Wsfed, text.as_bytes(), None, None, now());
        let taken = read(&text).unwrap();
        assert_eq!(taken.certificates.len(), 8);
        assert!(taken.note.as_ref().unwrap().contains("the 8 with the latest begin"));
        let mut config = WsfedConfig::default();
        taken.apply_to_wsfed(&mut config).unwrap();
        assert_eq!(config.issuer.as_deref(), Some("https://sts.windows.net/{tenantid}/"));
        assert_eq!(config.sign_on(), "https://sts.example/wsfed");
        let plain = text.replace("https://sts.example/wsfed", "http://sts.example/wsfed");
        assert!(read(&plain).unwrap_err().contains("https"));
        assert!(read(&document(vec![certificate(-1, 90)])).unwrap_err().contains("no WS-Federation"));
    }

    #[test]
    fn what_is_past_or_leads_over_plain_http_is_refused() {
        let text = document(vec![certificate(-1, 90)]);
        let past = text.replacen(" entityID=", " validUntil=\"2020-01-01T00:00:00Z\" entityID=", 1);
        assert!(read(&past).unwrap_err().contains("valid until"));
        let plain = text.replace("https://idp.example/sso", "http://idp.example/sso");
        assert!(read(&plain).unwrap_err().contains("https"));
    }

    #[test]
    fn the_next_fetch_is_within_an_hour_and_a_week() {
        let text = document(vec![certificate(-1, 90)]);
        let with = |attribute: &str| {
            let text = text.replacen(" entityID=", &format!(" {attribute} entityID="), 1);
            read(&text).unwrap().next_fetch_at.seconds() - now().seconds()
        };
        assert_eq!(with(""), DAY);
        assert_eq!(with("cacheDuration=\"PT6H\""), 6 * 3600);
        assert_eq!(with("cacheDuration=\"PT1S\""), 3600);
        assert_eq!(with("cacheDuration=\"P1Y\""), 7 * DAY);
        assert_eq!(with("cacheDuration=\"nonsense\""), DAY);
        assert_eq!(with("cacheDuration=\"P2D\" validUntil=\"2026-06-01T02:00:00Z\""), 7200);
    }
}
