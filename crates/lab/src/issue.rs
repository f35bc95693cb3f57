//! Issuing: what the lab says of a person, signed with the workspace's own key.

use gatehouse_saml::idp::{Fault, ResponseBuilder};
use gatehouse_types::{Error, Result, WorkspaceId, random_token};
use gatehouse_web::{Choice, PostAway};

use crate::Lab;
use crate::addresses::AcsUrl;
use crate::people::Person;

/// The claim URI of an e-mail address, as AD FS and Entra ID send it.
pub(crate) const EMAIL_CLAIM: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";
/// The claim URI of a name.
pub(crate) const NAME_CLAIM: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";

/// What an assertion says under which name, and what becomes of it at Gatehouse.
pub(crate) const CLAIMS: [(&str, &str, &str); 5] = [
    ("email", "the e-mail address", "address; another attribute: attributeMapping.email"),
    (EMAIL_CLAIM, "the same", "the same, when email is missing"),
    ("name", "the full name", "shown name; another attribute: attributeMapping.name"),
    (NAME_CLAIM, "the same", "the same, when name is missing"),
    ("groups", "each group a value", "roles, where the connection maps them: roleMapping"),
];

/// What is to be said, and to whom.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) person: &'static Person,
    pub(crate) fault: Option<Fault>,
    /// How the answer is made otherwise.
    pub(crate) manner: Manner,
    pub(crate) acs: AcsUrl,
    /// The request it answers; `None` for an unsolicited response (SAML 2.0 profiles §4.1.5).
    pub(crate) in_response_to: Option<String>,
    pub(crate) relay_state: Option<String>,
}

/// The largest skew of the lab's clock, in seconds (a day).
const MAX_SKEW: i64 = 86_400;

/// How an answer is made, beside its fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manner {
    /// By how much the lab's clock is ahead, in seconds; negative: behind.
    pub(crate) skew: i64,
    /// Whether the second key signs, whose certificate is in the metadata too.
    pub(crate) second_key: bool,
}

impl Manner {
    /// Reads what a form sends; nothing at all is the usual manner.
    ///
    /// # Errors
    /// `Validation`, naming the field.
    pub(crate) fn parse(skew: &str, key: &str) -> Result<Self> {
        let skew = match skew.trim() {
            "" => 0,
            text => text.parse().ok().filter(|s: &i64| s.abs() <= MAX_SKEW).ok_or_else(|| {
                Error::validation("skew", "The clock's skew must be a number of seconds, at most a day.")
            })?,
        };
        match key {
            "" | "first" => Ok(Self { skew, second_key: false }),
            "second" => Ok(Self { skew, second_key: true }),
            _ => Err(Error::validation("key", "The lab has no such key.")),
        }
    }

    /// The keys to choose from.
    pub(crate) fn keys() -> Vec<Choice> {
        vec![Choice::new("first", "The first"), Choice::new("second", "The second, of a rolled key")]
    }
}

impl Lab {
    /// Issues a response as this workspace's lab and sends the browser on with it (HTTP-POST, bindings §3.5).
    ///
    /// # Errors
    /// When the workspace's key cannot be read, or signing fails.
    pub(crate) async fn issue(&self, workspace: &WorkspaceId, answer: Answer) -> Result<PostAway> {
        let key = if answer.manner.second_key {
            self.sso().second_lab_key(workspace).await?
        } else {
            self.sso().lab_key(workspace).await?
        };
        let builder = self.builder(workspace, &answer);
        let index = builder.session_index.clone();
        // signing takes milliseconds, and the fault “another certificate” makes a key first
        let issuing = move || builder.issue_base64(&key.signing, &key.certificate);
        let response = tokio::task::spawn_blocking(issuing).await.map_err(Error::internal)?;
        let response = response.map_err(Error::internal)?;
        let fault = answer.fault.map_or(crate::faults::NO_FAULT, Fault::code);
        tracing::info!(%workspace, person = answer.person.id, fault, "the lab issued a response");
        if let (None, Some(index)) = (answer.fault, index) {
            self.sessions().begin(workspace, answer.person, index);
        }
        let mut fields = vec![("SAMLResponse".to_owned(), response)];
        fields.extend(answer.relay_state.map(|r| ("RelayState".to_owned(), r)));
        Ok(PostAway { action: answer.acs.as_str().to_owned(), fields, towards: "Gatehouse".to_owned() })
    }

    fn builder(&self, workspace: &WorkspaceId, answer: &Answer) -> ResponseBuilder {
        let store = self.sso().identity().store();
        // 256 random bits; core §1.3.4 asks for 128 at least
        let id = format!("_{}", random_token(&**store.random()).expose());
        let issuer = self.addresses(workspace).entity_id();
        let audience = self.sso().entity_id();
        let (acs, person) = (answer.acs.as_str(), answer.person);
        let now = store.now().plus_seconds(answer.manner.skew).micros();
        let usual = ResponseBuilder::new(&id, &issuer, acs, &audience, person.email, now);
        ResponseBuilder {
            in_response_to: answer.in_response_to.clone(),
            attributes: attributes(person),
            fault: answer.fault,
            ..usual
        }
    }
}

/// The same facts under the names that services usually look for.
fn attributes(person: &Person) -> Vec<(String, Vec<String>)> {
    let one = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
    let mut said = vec![
        one("email", person.email),
        one(EMAIL_CLAIM, person.email),
        one("name", person.name),
        one(NAME_CLAIM, person.name),
    ];
    if !person.groups.is_empty() {
        said.push(("groups".to_owned(), person.groups.iter().map(|g| (*g).to_owned()).collect()));
    }
    said
}
