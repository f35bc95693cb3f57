//! Requests to the authorization endpoint.

use std::collections::BTreeMap;

use gatehouse_types::{Error, Result};
use gatehouse_web::PublicUrl;

use super::faults::{OAuthFault, Treatment};

/// The longest value that is taken.
const MAX_VALUE: usize = 2048;
/// Further parameters that a token carries along, and how much they may hold together, in bytes.
const MAX_FURTHER: usize = 8;
const MAX_FURTHER_BYTES: usize = 1024;
/// Where answers go, below our own address; the unguessable rest follows.
const CALLBACK: &str = "/oauth/callback/";
/// The longest rest.
const MAX_CONTEXT: usize = 200;
/// What a request holds by the standard, and what our own form adds.
const KNOWN: [&str; 9] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "state",
    "scope",
    "code_challenge",
    "code_challenge_method",
    "person",
    "refuse",
];

/// A request that the lab answers (RFC 6749 §4.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(super) client: String,
    pub(super) treatment: Treatment,
    /// An address of this very host, so the lab sends nobody elsewhere.
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) scope: String,
    pub(super) challenge: Option<String>,
    /// What else was asked.
    pub(super) further: BTreeMap<String, String>,
}

impl Asked {
    /// Reads a request.
    ///
    /// # Errors
    /// `InvalidRequest` for what the lab does not answer; nobody is sent anywhere then.
    pub(super) fn read(host: &PublicUrl, fields: &BTreeMap<String, String>) -> Result<Self> {
        let refuse = |why: &'static str| Err(Error::invalid_request(why));
        if fields.values().any(|value| value.len() > MAX_VALUE) {
            return refuse("The request is too large.");
        }
        let field = |name: &str| fields.get(name).cloned().filter(|value| !value.is_empty());
        let client = field("client_id").unwrap_or_default();
        let Some(treatment) = Treatment::of(&client) else {
            return refuse("The lab does not know this client: its client ids are on the lab's page.");
        };
        if field("response_type").as_deref() != Some("code") {
            return refuse("The lab answers with a code: response_type must be code.");
        }
        let redirect_uri = field("redirect_uri").filter(|uri| is_callback(host, uri));
        let Some(redirect_uri) = redirect_uri else {
            return refuse("The answer is wanted at an address that is no callback of this host.");
        };
        let challenge = field("code_challenge");
        let method = field("code_challenge_method").unwrap_or_default();
        if challenge.as_ref().is_some_and(|c| method != "S256" || c.len() != 43) {
            return refuse("The lab takes challenges by S256.");
        }
        if challenge.is_none() && treatment.has(OAuthFault::Public) {
            return refuse("A client without a secret must send a challenge (PKCE).");
        }
        Ok(Self {
            client,
            treatment,
            redirect_uri,
            state: field("state"),
            scope: field("scope").unwrap_or_default(),
            challenge,
            further: further(fields.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())))?,
        })
    }
}

/// Parameters besides those of the standard, as a token carries them along.
///
/// # Errors
/// `InvalidRequest` when they are too many or too long for that.
pub(super) fn further<'a>(
    fields: impl Iterator<Item = (&'a String, &'a String)>,
) -> Result<BTreeMap<String, String>> {
    let kept: BTreeMap<String, String> = fields.map(|(n, v)| (n.clone(), v.clone())).collect();
    let bytes: usize = kept.iter().map(|(n, v)| n.len() + v.len()).sum();
    if kept.len() > MAX_FURTHER || bytes > MAX_FURTHER_BYTES {
        return Err(Error::invalid_request("The lab takes 8 further parameters of 1024 bytes in all."));
    }
    Ok(kept)
}

fn is_callback(host: &PublicUrl, uri: &str) -> bool {
    let context = uri.strip_prefix(host.as_str()).and_then(|path| path.strip_prefix(CALLBACK));
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    context.is_some_and(|c| (1..=MAX_CONTEXT).contains(&c.len()) && c.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Asked> {
        let mut fields = BTreeMap::from([
            ("response_type".to_owned(), "code".to_owned()),
            ("client_id".to_owned(), "gatehouse-lab".to_owned()),
            ("redirect_uri".to_owned(), "https://gate.test/oauth/callback/a-B_9".to_owned()),
        ]);
        fields.extend(changes.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        Asked::read(&"https://gate.test".parse().unwrap(), &fields)
    }

    #[test]
    fn people_are_sent_to_callbacks_of_this_host_alone() {
        assert_eq!(read(&[]).unwrap().redirect_uri, "https://gate.test/oauth/callback/a-B_9");
        for elsewhere in [
            "",
            "https://evil.test/oauth/callback/x",
            "https://gate.test.evil.test/oauth/callback/x",
            "https://gate.test@evil.test/oauth/callback/x",
            "https://gate.test/oauth/callback/",
            "https://gate.test/oauth/callback/x/../../login",
            "https://gate.test/oauth/callback/x?next=1",
            "https://gate.test/oauth/callback/x#y",
            "https://gate.test/oidc/callback/con_1",
        ] {
            assert!(read(&[("redirect_uri", elsewhere)]).is_err(), "{elsewhere}");
        }
    }

    #[test]
    fn only_complete_requests_of_known_clients_are_answered() {
        let challenge = "x".repeat(43);
        let long = "x".repeat(MAX_VALUE + 1);
        read(&[("code_challenge", &challenge), ("code_challenge_method", "S256")]).unwrap();
        for wrong in [
            ("response_type", "token"),
            ("client_id", "other"),
            ("client_id", "gatehouse-lab.public"),
            ("code_challenge", challenge.as_str()),
            ("state", &long),
            ("pin", &long[..MAX_FURTHER_BYTES]),
        ] {
            assert!(read(&[wrong]).is_err(), "{}", wrong.0);
        }
        let asked = read(&[("pin", "2344567"), ("person", "ada"), ("scope", "a b")]).unwrap();
        assert_eq!(asked.further, BTreeMap::from([("pin".to_owned(), "2344567".to_owned())]));
        assert_eq!(asked.scope, "a b");
    }
}
