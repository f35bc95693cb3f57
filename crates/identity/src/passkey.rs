//! Passkeys (WebAuthn Level 3): the relying party, and what may come in. Signatures, flags and origins are judged by
//! `webauthn-rs`; here is what it leaves to its caller: bounds, frames of other pages, user handles, counters.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatehouse_types::{Error, Random, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::{Host, Url};
use webauthn_rs::prelude::{
    AuthenticationResult, Credential, PublicKeyCredential, RegisterPublicKeyCredential, SecurityKey,
    SecurityKeyAuthentication, SecurityKeyRegistration, Uuid, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};
use zeroize::Zeroizing;

/// The longest credential id, in characters of base64url (1023 bytes, WebAuthn §6.5.1).
const MAX_CREDENTIAL_ID: usize = 1364;
/// The longest client data and authenticator data, in characters of base64url (6 KiB).
const MAX_DATA: usize = 8192;
/// The longest attestation object, in characters of base64url (48 KiB: a statement may carry certificates).
const MAX_ATTESTATION: usize = 65_536;
/// The longest signature, in characters of base64url (1 KiB is twice that of the largest RSA key).
const MAX_SIGNATURE: usize = 1368;
/// The longest user handle, in characters of base64url (64 bytes, WebAuthn §5.4.3).
const MAX_USER_HANDLE: usize = 86;

/// What `navigator.credentials.create()` gave, as its `toJSON()` writes it (`RegistrationResponseJSON`); further members
/// are passed over.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewCredential {
    id: String,
    raw_id: String,
    response: Attestation,
    /// Always `public-key`.
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attestation {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
}

/// What `navigator.credentials.get()` gave, as its `toJSON()` writes it (`AuthenticationResponseJSON`); further members
/// are passed over.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Assertion {
    id: String,
    raw_id: String,
    response: AssertionResponse,
    /// Always `public-key`.
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AssertionResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    user_handle: Option<String>,
}

impl std::fmt::Debug for NewCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewCredential").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Assertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assertion").finish_non_exhaustive()
    }
}

/// Base64url of at most so many characters, and nothing else.
fn bounded(field: &str, text: &str, most: usize) -> Result<()> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if text.len() > most {
        return Err(Error::validation(field.to_owned(), format!("It is longer than {most} characters.")));
    }
    if text.is_empty() || !text.bytes().all(plain) {
        return Err(Error::validation(field.to_owned(), "It must be base64url without padding."));
    }
    Ok(())
}

fn identified(of: &str, id: &str, raw_id: &str, kind: &str) -> Result<()> {
    bounded(&format!("{of}.rawId"), raw_id, MAX_CREDENTIAL_ID)?;
    if id != raw_id {
        return Err(Error::validation(format!("{of}.id"), "It must be the same as rawId."));
    }
    if kind != "public-key" {
        return Err(Error::validation(format!("{of}.type"), "It must be public-key."));
    }
    Ok(())
}

impl NewCredential {
    /// Refuses what is too long or no base64url, before anything is done.
    ///
    /// # Errors
    /// `Validation`, with the path of the field.
    pub(crate) fn check(&self) -> Result<()> {
        identified("credential", &self.id, &self.raw_id, &self.kind)?;
        bounded("credential.response.clientDataJSON", &self.response.client_data, MAX_DATA)?;
        bounded("credential.response.attestationObject", &self.response.attestation_object, MAX_ATTESTATION)
    }
}

impl Assertion {
    /// Refuses what is too long or no base64url, before anything is done.
    ///
    /// # Errors
    /// `Validation`, with the path of the field.
    pub(crate) fn check(&self) -> Result<()> {
        identified("passkey", &self.id, &self.raw_id, &self.kind)?;
        let r = &self.response;
        bounded("passkey.response.clientDataJSON", &r.client_data, MAX_DATA)?;
        bounded("passkey.response.authenticatorData", &r.authenticator_data, MAX_DATA)?;
        bounded("passkey.response.signature", &r.signature, MAX_SIGNATURE)?;
        match r.user_handle.as_deref().filter(|h| !h.is_empty()) {
            Some(handle) => bounded("passkey.response.userHandle", handle, MAX_USER_HANDLE),
            None => Ok(()),
        }
    }
}

/// A registered passkey, as it is kept (sealed).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Passkey {
    /// Names the person to authenticators: random, the same for all passkeys of the person.
    pub(crate) handle: Uuid,
    key: SecurityKey,
}

impl Passkey {
    pub(crate) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>> {
        serde_json::to_vec(self).map(Zeroizing::new).map_err(Error::internal)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(Error::internal)
    }

    /// Its credential id in base64url.
    pub(crate) fn id(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.cred_id())
    }

    /// The signature counter at its registration.
    pub(crate) fn counter(&self) -> i64 {
        Credential::from(self.key.clone()).counter.into()
    }

    /// The same with the counter of its last use.
    fn at(&self, counter: i64) -> SecurityKey {
        let mut credential = Credential::from(self.key.clone());
        credential.counter = u32::try_from(counter).unwrap_or(u32::MAX);
        credential.into()
    }
}

/// A passkey that was used.
#[derive(Debug)]
pub(crate) struct Used {
    /// Its signature counter now; stays 0 with authenticators that do not count.
    pub(crate) counter: i64,
    /// Whether its provider may copy it to other devices (the flag "backup eligible").
    pub(crate) is_synced: bool,
}

/// Why a passkey is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Its counter did not go on: there may be a copy of it.
    Clone,
    /// Anything else, in words for those who look decisions up.
    Because(&'static str),
}

impl From<WebauthnError> for Unfit {
    fn from(e: WebauthnError) -> Self {
        use WebauthnError as E;
        Self::Because(match e {
            E::CredentialPossibleCompromise => return Self::Clone,
            E::MismatchedChallenge => "It answers another question than the one that was asked here.",
            E::InvalidClientDataType => "It was made for another purpose.",
            E::InvalidRPOrigin => "It was made at another origin than the public URL.",
            E::InvalidRPIDHash => "It was made for another host than that of the public URL.",
            E::CredentialCrossOrigin => "It was made in a frame of another site.",
            E::UserNotPresent => "The authenticator does not say that somebody was present.",
            E::UserNotVerified => {
                "It was set up with a PIN or biometrics, and the authenticator does not say that they were checked."
            }
            E::CredentialNotFound => "It is none of this person's passkeys.",
            E::AuthenticationFailure | E::SignatureInvalid => "Its signature is wrong.",
            E::CredentialBackupEligibilityInconsistent | E::CredentialMayNotBeHardwareBound => {
                "What it says of being copied between devices is not what it said when it was set up."
            }
            E::CredentialAlteredAlgFromRequest => {
                "It is there already, or its algorithm is none that was asked for."
            }
            _ => "It cannot be read.",
        })
    }
}

/// We, as authenticators know us.
#[derive(Debug)]
pub(crate) struct RelyingParty(Webauthn);

impl RelyingParty {
    /// The relying party of a public URL. `None` where browsers have no passkeys: hosts that are IP addresses, and plain
    /// http except at `localhost`.
    pub(crate) fn of(public_url: &str) -> Option<Self> {
        let origin = Url::parse(public_url).ok()?;
        let Some(Host::Domain(host)) = origin.host() else { return None };
        let host = host.to_owned();
        let is_local = host == "localhost" || host.ends_with(".localhost");
        if origin.scheme() != "https" && !is_local {
            return None;
        }
        let builder = WebauthnBuilder::new(&host, &origin).ok()?.rp_name("Gatehouse");
        builder.build().ok().map(Self)
    }

    /// What a browser needs to make a passkey (`PublicKeyCredentialCreationOptionsJSON`), and what to keep until then.
    pub(crate) fn begin(
        &self,
        random: &dyn Random,
        account: (&str, &str),
        own: &[Passkey],
    ) -> Result<(Value, Zeroizing<Vec<u8>>)> {
        let handle = own.first().map_or_else(|| new_handle(random), |p| p.handle);
        let exclude = own.iter().map(|p| p.key.cred_id().clone()).collect();
        let (mut asked, state) = self
            .0
            .start_securitykey_registration(handle, account.0, account.1, Some(exclude), None, None)
            .map_err(Error::internal)?;
        // any authenticator will do, and nothing beyond the key is wanted of it
        asked.public_key.hints = None;
        asked.public_key.extensions = None;
        let options = serde_json::to_value(asked.public_key).map_err(Error::internal)?;
        Ok((options, kept(&Begun { handle, state })?))
    }

    /// The passkey that a browser made.
    pub(crate) fn finish(&self, state: &[u8], given: &NewCredential) -> Result<Result<Passkey, Unfit>> {
        let Begun { handle, state } = serde_json::from_slice(state).map_err(Error::internal)?;
        // what the browser says of extensions and transports is not asked for
        let read: Option<RegisterPublicKeyCredential> = read(json!({
            "id": given.id, "rawId": given.raw_id, "type": given.kind, "response": {
                "clientDataJSON": given.response.client_data,
                "attestationObject": given.response.attestation_object,
            },
        }));
        if is_framed(&given.response.client_data) {
            return Ok(Err(WebauthnError::CredentialCrossOrigin.into()));
        }
        let Some(read) = read else { return Ok(Err(UNREADABLE)) };
        let made = self.0.finish_securitykey_registration(&read, &state);
        Ok(made.map(|key| Passkey { handle, key }).map_err(Unfit::from))
    }

    /// What a browser needs to use one of the passkeys, each with the counter of its last use
    /// (`PublicKeyCredentialRequestOptionsJSON`), and what to keep until then.
    pub(crate) fn ask(&self, own: &[(Passkey, i64)]) -> Result<(Value, Zeroizing<Vec<u8>>)> {
        let keys: Vec<SecurityKey> = own.iter().map(|(passkey, counter)| passkey.at(*counter)).collect();
        let (mut asked, state) = self.0.start_securitykey_authentication(&keys).map_err(Error::internal)?;
        asked.public_key.hints = None;
        let options = serde_json::to_value(asked.public_key).map_err(Error::internal)?;
        Ok((options, kept(&state)?))
    }

    /// Judges the answer. The counter was compared with the one at the time of asking: compare again when it is written.
    pub(crate) fn judge(&self, state: &[u8], given: &Assertion) -> Result<Result<Used, Unfit>> {
        let state: SecurityKeyAuthentication = serde_json::from_slice(state).map_err(Error::internal)?;
        let r = &given.response;
        let read: Option<PublicKeyCredential> = read(json!({
            "id": given.id, "rawId": given.raw_id, "type": given.kind, "response": {
                "clientDataJSON": r.client_data, "authenticatorData": r.authenticator_data,
                "signature": r.signature, "userHandle": Value::Null,
            },
        }));
        // the library looks at this only when a passkey is made
        if is_framed(&r.client_data) {
            return Ok(Err(WebauthnError::CredentialCrossOrigin.into()));
        }
        let Some(read) = read else { return Ok(Err(UNREADABLE)) };
        let used = self.0.finish_securitykey_authentication(&read, &state);
        let told = |result: AuthenticationResult| Used {
            counter: result.counter().into(),
            is_synced: result.backup_eligible(),
        };
        Ok(used.map(told).map_err(Unfit::from))
    }
}

impl Assertion {
    /// Whether it says to be of this passkey.
    pub(crate) fn names(&self, passkey: &Passkey) -> bool {
        self.raw_id == passkey.id()
    }

    /// Whether the user handle, where the authenticator gives one, is this one (WebAuthn §7.2 step 6).
    pub(crate) fn is_of(&self, handle: Uuid) -> bool {
        let given = self.response.user_handle.as_deref().filter(|h| !h.is_empty());
        given.is_none_or(|h| h == URL_SAFE_NO_PAD.encode(handle.as_bytes()))
    }
}

const UNREADABLE: Unfit = Unfit::Because("It cannot be read.");

/// What is kept while a passkey is made.
#[derive(Serialize, Deserialize)]
struct Begun {
    handle: Uuid,
    state: SecurityKeyRegistration,
}

fn kept<T: Serialize>(state: &T) -> Result<Zeroizing<Vec<u8>>> {
    serde_json::to_vec(state).map(Zeroizing::new).map_err(Error::internal)
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

fn new_handle(random: &dyn Random) -> Uuid {
    let mut bytes = [0u8; 16];
    random.fill(&mut bytes);
    Uuid::from_bytes(bytes)
}

/// Whether the browser says that this was done in a frame of another site (WebAuthn §7.1 step 10, §7.2 step 13).
fn is_framed(client_data: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Frame {
        #[serde(default)]
        cross_origin: bool,
        top_origin: Option<String>,
    }
    let bytes = URL_SAFE_NO_PAD.decode(client_data).unwrap_or_default();
    serde_json::from_slice::<Frame>(&bytes).is_ok_and(|f| f.cross_origin || f.top_origin.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_need_a_host_name_and_encryption() {
        for fine in [
            "https://gate.example.com",
            "https://gate.example.com:8443",
            "http://localhost:8080",
            "https://gate",
        ] {
            assert!(RelyingParty::of(fine).is_some(), "{fine}");
        }
        for odd in [
            "https://192.0.2.1",
            "https://[2001:db8::1]",
            "http://127.0.0.1:8080",
            "http://gate.example.com",
            "",
        ] {
            assert!(RelyingParty::of(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn what_comes_in_is_bounded_before_it_is_read() {
        let response = Attestation { client_data: "e30".to_owned(), attestation_object: "oA".to_owned() };
        let fine = NewCredential {
            id: "AA".to_owned(),
            raw_id: "AA".to_owned(),
            response,
            kind: "public-key".to_owned(),
        };
        assert!(fine.check().is_ok());
        let field = |given: NewCredential| given.check().unwrap_err().field().unwrap().to_owned();
        let long = "A".repeat(MAX_CREDENTIAL_ID + 1);
        assert_eq!(
            field(NewCredential { id: long.clone(), raw_id: long, ..fine.clone() }),
            "credential.rawId"
        );
        assert_eq!(field(NewCredential { id: "BB".to_owned(), ..fine.clone() }), "credential.id");
        assert_eq!(field(NewCredential { kind: "password".to_owned(), ..fine.clone() }), "credential.type");
        let with = |client_data: &str, object: &str| NewCredential {
            response: Attestation {
                client_data: client_data.to_owned(),
                attestation_object: object.to_owned(),
            },
            ..fine.clone()
        };
        assert_eq!(field(with("e30=", "oA")), "credential.response.clientDataJSON");
        assert_eq!(field(with("", "oA")), "credential.response.clientDataJSON");
        let object = "credential.response.attestationObject";
        assert_eq!(field(with("e30", &"A".repeat(MAX_ATTESTATION + 1))), object);
    }

    #[test]
    fn a_frame_of_another_site_is_seen() {
        let data = |text: &str| URL_SAFE_NO_PAD.encode(text);
        assert!(is_framed(&data(r#"{"crossOrigin":true}"#)));
        assert!(is_framed(&data(r#"{"crossOrigin":false,"topOrigin":"https://evil.example"}"#)));
        assert!(!is_framed(&data(r#"{"crossOrigin":false}"#)) && !is_framed(&data("{}")));
    }
}
