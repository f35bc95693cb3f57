//! The lab as a WS-Federation token service: one of its own workspace, and one that makes-believe tenants share.

use gatehouse_saml::Certificate;
use gatehouse_saml::idp::{Fault, IdpDescription, ResponseBuilder, RstrBuilder, TokenKind, idp_metadata};
use gatehouse_types::{ConnectionId, Error, Result, WorkspaceId, random_token};
use gatehouse_web::{Choice, PostAway, PublicUrl};

use crate::Lab;
use crate::addresses::Addresses;
use crate::faults::{self, NO_FAULT};
use crate::issue::{EMAIL_CLAIM, Manner, NAME_CLAIM};
use crate::people::Person;

/// The tenant of the shared service that is this lab's.
pub const LAB_TENANT: &str = "1ab00000-0000-4000-8000-000000000001";
/// Another tenant of the same service: its tokens are signed with the same key.
const OTHER_TENANT: &str = "1ab00000-0000-4000-8000-000000000002";
/// The claim URI of a group, as AD FS sends it.
const GROUP_CLAIM: &str = "http://schemas.xmlsoap.org/claims/Group";
/// The code of the fault that only a shared service can have.
const OTHER_TENANT_CODE: &str = "other_tenant";
/// The longest realm and context that are repeated, in bytes.
const MAX_REPEATED: usize = 1024;

/// Which token service of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// The workspace's own.
    Own,
    /// The one that tenants share.
    Shared,
}

impl Service {
    /// The issuer of its tokens.
    fn issuer(self, addresses: &Addresses, tenant: &str) -> String {
        match self {
            Self::Own => addresses.entity_id(),
            Self::Shared => addresses.shared_issuer().replace("{tenantid}", tenant),
        }
    }

    /// Where its requests arrive.
    pub(crate) fn path(self, addresses: &Addresses) -> String {
        match self {
            Self::Own => addresses.wsfed_path(),
            Self::Shared => addresses.shared_wsfed_path(),
        }
    }

    /// Every way to answer, the honest one first.
    pub(crate) fn faults(self) -> Vec<Choice> {
        let all = Fault::ALL.iter().filter(|f| f.expected_token_reason().is_some());
        let all = all.map(|f| Choice::new(f.code(), faults::label(*f)));
        let tenant = (self == Self::Shared)
            .then(|| Choice::new(OTHER_TENANT_CODE, "Answer for a person of another tenant"));
        std::iter::once(Choice::new(NO_FAULT, "Behave (no fault)")).chain(tenant).chain(all).collect()
    }
}

/// What goes wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenFault {
    Of(Fault),
    OtherTenant,
}

impl TokenFault {
    /// The fault of that code; nothing at all means an honest answer.
    ///
    /// # Errors
    /// `Validation` on the field `fault` for a code that is none here.
    pub(crate) fn parse(service: Service, code: &str) -> Result<Option<Self>> {
        if code == OTHER_TENANT_CODE && service == Service::Shared {
            return Ok(Some(Self::OtherTenant));
        }
        match faults::parse(code)? {
            Some(fault) if fault.expected_token_reason().is_none() => {
                Err(Error::validation("fault", "There is no such misbehaviour in WS-Federation."))
            }
            fault => Ok(fault.map(Self::Of)),
        }
    }
}

/// The kinds of token to choose from.
pub(crate) fn kinds() -> Vec<Choice> {
    vec![
        Choice::new("saml11", "SAML 1.1, as AD FS and Entra ID send it"),
        Choice::new("saml11-13", "SAML 1.1 in a collection (WS-Trust 1.3)"),
        Choice::new("saml20", "SAML 2.0"),
    ]
}

fn kind(code: &str) -> Result<(TokenKind, bool)> {
    match code {
        "" | "saml11" => Ok((TokenKind::Saml11, false)),
        "saml11-13" => Ok((TokenKind::Saml11, true)),
        "saml20" => Ok((TokenKind::Saml20, false)),
        _ => Err(Error::validation("kind", "The lab knows no such kind of token.")),
    }
}

/// A reply address of this very host. Made only by checking, so a token can go nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReplyUrl(String);

impl ReplyUrl {
    /// The URL when it is one of ours: `/wsfed/{connection}/reply`.
    ///
    /// # Errors
    /// `InvalidRequest` when it is none of this host: the lab never sends anybody elsewhere.
    pub(crate) fn parse(public_url: &PublicUrl, url: &str) -> Result<Self> {
        let connection = url
            .strip_prefix(public_url.as_str())
            .and_then(|rest| rest.strip_prefix("/wsfed/"))
            .and_then(|rest| rest.strip_suffix("/reply"))
            .and_then(|id| id.parse::<ConnectionId>().ok());
        let refused = || {
            Error::invalid_request("The reply is wanted at an address that is no reply address of this host.")
        };
        connection.map(|_| Self(url.to_owned())).ok_or_else(refused)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A sign-on request (WS-Federation 1.2 §13.2.2).
#[derive(Clone, Debug)]
pub(crate) struct TokenAsked {
    pub(crate) realm: String,
    pub(crate) reply: ReplyUrl,
    pub(crate) context: String,
}

impl TokenAsked {
    /// Reads what a request or a form says.
    ///
    /// # Errors
    /// `InvalidRequest` for what is missing, too long, or leads elsewhere.
    pub(crate) fn read(public_url: &PublicUrl, realm: &str, reply: &str, context: &str) -> Result<Self> {
        if realm.is_empty() {
            return Err(Error::invalid_request("The sign-on request names no realm (wtrealm)."));
        }
        if realm.len() > MAX_REPEATED || context.len() > MAX_REPEATED {
            return Err(Error::invalid_request("The realm or the context of the request is too long."));
        }
        let reply = ReplyUrl::parse(public_url, reply)?;
        Ok(Self { realm: realm.to_owned(), reply, context: context.to_owned() })
    }
}

/// What is to be said, and how.
pub(crate) struct TokenAnswer {
    pub(crate) service: Service,
    pub(crate) person: &'static Person,
    pub(crate) fault: Option<TokenFault>,
    pub(crate) manner: Manner,
    pub(crate) kind: String,
    pub(crate) asked: TokenAsked,
}

/// The federation metadata of a service; that of the shared one has `{tenantid}` in its issuer.
pub(crate) fn document(service: Service, addresses: &Addresses, certificates: Vec<Certificate>) -> String {
    let entity_id = match service {
        Service::Own => addresses.entity_id(),
        Service::Shared => addresses.shared_issuer(),
    };
    idp_metadata(&IdpDescription {
        entity_id,
        sso_url: addresses.sign_on_url(),
        slo_url: None,
        certificates,
        passive_endpoint: Some(addresses.absolute(&service.path(addresses))),
        want_authn_requests_signed: false,
    })
}

impl Lab {
    /// Issues a token as this workspace's lab and sends the browser on with it (WS-Federation 1.2 §13.2.3).
    ///
    /// # Errors
    /// When the workspace's key cannot be read, or signing fails.
    pub(crate) async fn issue_token(&self, workspace: &WorkspaceId, answer: TokenAnswer) -> Result<PostAway> {
        let key = match answer.manner.second_key {
            true => self.sso().second_lab_key(workspace).await?,
            false => self.sso().lab_key(workspace).await?,
        };
        let builder = self.token(workspace, &answer)?;
        // signing takes milliseconds, and the fault “another certificate” makes a key first
        let issuing = move || builder.issue(&key.signing, &key.certificate);
        let token = tokio::task::spawn_blocking(issuing).await.map_err(Error::internal)?;
        let token = token.map_err(Error::internal)?;
        tracing::info!(%workspace, person = answer.person.id, fault = ?answer.fault, "the lab issued a token");
        let TokenAsked { reply, context, .. } = answer.asked;
        let mut fields = vec![("wa".to_owned(), "wsignin1.0".to_owned()), ("wresult".to_owned(), token)];
        if !context.is_empty() {
            fields.push(("wctx".to_owned(), context));
        }
        Ok(PostAway { action: reply.0, fields, towards: "Gatehouse".to_owned() })
    }

    fn token(&self, workspace: &WorkspaceId, answer: &TokenAnswer) -> Result<RstrBuilder> {
        let store = self.sso().identity().store();
        // 256 random bits; SAML 1.1 core §1.2.3 asks for 128 at least
        let id = format!("_{}", random_token(&**store.random()).expose());
        let tenant = match answer.fault {
            Some(TokenFault::OtherTenant) => OTHER_TENANT,
            _ => LAB_TENANT,
        };
        let fault = match answer.fault {
            Some(TokenFault::Of(fault)) => Some(fault),
            _ => None,
        };
        let issuer = answer.service.issuer(&self.addresses(workspace), tenant);
        let (reply, realm) = (answer.asked.reply.as_str(), answer.asked.realm.as_str());
        let now = store.now().plus_seconds(answer.manner.skew).micros();
        let usual = ResponseBuilder::new(&id, &issuer, reply, realm, answer.person.email, now);
        let response = ResponseBuilder { attributes: claims(answer.person), fault, ..usual };
        let (kind, collection) = kind(&answer.kind)?;
        Ok(RstrBuilder { response, kind, collection })
    }
}

fn claims(person: &Person) -> Vec<(String, Vec<String>)> {
    let one = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
    let mut said = vec![one(EMAIL_CLAIM, person.email), one(NAME_CLAIM, person.name)];
    if !person.groups.is_empty() {
        said.push((GROUP_CLAIM.to_owned(), person.groups.iter().map(|g| (*g).to_owned()).collect()));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_goes_to_a_reply_address_of_this_host_alone() {
        let host: PublicUrl = "https://gate.test".parse().unwrap();
        let good = "https://gate.test/wsfed/con_1/reply";
        assert_eq!(ReplyUrl::parse(&host, good).unwrap().as_str(), good);
        for url in [
            "",
            "/wsfed/con_1/reply",
            "https://evil.test/wsfed/con_1/reply",
            "https://gate.test.evil.test/wsfed/con_1/reply",
            "https://gate.test@evil.test/wsfed/con_1/reply",
            "https://gate.test/wsfed/con_1/reply?x",
            "https://gate.test/wsfed/../con_1/reply",
            "https://gate.test/wsfed/ws_1/reply",
            "https://gate.test/wsfed/con_1/reply/reply",
        ] {
            assert!(ReplyUrl::parse(&host, url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_service_has_the_faults_that_its_protocol_can_have() {
        let codes = |s: Service| s.faults().into_iter().map(|c| c.value).collect::<Vec<_>>();
        for service in [Service::Own, Service::Shared] {
            for code in codes(service) {
                assert!(TokenFault::parse(service, &code).is_ok(), "{code}");
            }
        }
        assert_eq!(codes(Service::Shared).len(), codes(Service::Own).len() + 1);
        for code in ["denied", "wrong_destination", "wrong_in_response_to", "x", OTHER_TENANT_CODE] {
            assert_eq!(TokenFault::parse(Service::Own, code).unwrap_err().field(), Some("fault"), "{code}");
        }
    }
}
