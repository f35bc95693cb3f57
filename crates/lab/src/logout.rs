//! The lab's side of single logout: who is signed in through it, asking Gatehouse to sign somebody out, and answering
//! when Gatehouse asks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gatehouse_saml::{
    CLOCK_SKEW, InResponseTo, LogoutMessage, LogoutRequest, LogoutResponse, LogoutStatus, NameId, Policy,
    Protocol, SigningKey, VerifiedLogout, verify_logout,
};
use gatehouse_types::{Error, Id, Result, WorkspaceId, random_token};
use gatehouse_web::Choice;
use moka::sync::Cache;

use crate::Lab;
use crate::metadata;
use crate::people::Person;

/// Labs whose sessions are remembered, and sessions of one.
const LABS: u64 = 1000;
const SESSIONS: usize = 64;
/// How long a session is remembered: as long as one lasts at Gatehouse.
const REMEMBERED: Duration = Duration::from_secs(12 * 3600);
/// How long a request of the lab waits for its answer.
const ANSWERED: Duration = Duration::from_secs(15 * 60);
/// The format of the lab's names.
const EMAIL_FORMAT: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
/// What a lab says that will not sign somebody out.
const DENIED: &str = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied";
/// Two hours, in microseconds: what “expired” is late by.
const HOURS_2: i64 = 2 * 3600 * 1_000_000;

/// Somebody who signed in to Gatehouse through the lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LabSession {
    pub(crate) person: &'static Person,
    /// The session's name in the assertion.
    pub(crate) index: String,
}

/// Who is signed in through which lab, in the memory of this process: a lab has no tables of its own.
#[derive(Clone, Debug)]
pub(crate) struct LabSessions {
    known: Cache<String, Arc<Mutex<Vec<LabSession>>>>,
    asked: Cache<String, ()>,
}

impl Default for LabSessions {
    fn default() -> Self {
        Self {
            known: Cache::builder().max_capacity(LABS).time_to_idle(REMEMBERED).build(),
            asked: Cache::builder().max_capacity(LABS).time_to_live(ANSWERED).build(),
        }
    }
}

impl LabSessions {
    fn with<T>(&self, lab: &WorkspaceId, what: impl FnOnce(&mut Vec<LabSession>) -> T) -> T {
        let list = self.known.get_with(lab.as_str().to_owned(), Arc::default);
        what(&mut list.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn begin(&self, lab: &WorkspaceId, person: &'static Person, index: String) {
        self.with(lab, |list| {
            if list.len() == SESSIONS {
                list.remove(0);
            }
            list.push(LabSession { person, index });
        });
    }

    pub(crate) fn all(&self, lab: &WorkspaceId) -> Vec<LabSession> {
        self.with(lab, |list| list.clone())
    }

    /// Forgets the sessions of a name; with indexes only those.
    pub(crate) fn end(&self, lab: &WorkspaceId, email: &str, indexes: &[String]) {
        self.with(lab, |list| {
            list.retain(|s| s.person.email != email || !(indexes.is_empty() || indexes.contains(&s.index)));
        });
    }
}

/// What the lab can do wrong when it asks for a logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogoutFault {
    Unsigned,
    OtherCertificate,
    Expired,
    WrongDestination,
    WrongIssuer,
}

impl LogoutFault {
    const ALL: [Self; 5] =
        [Self::Unsigned, Self::OtherCertificate, Self::Expired, Self::WrongDestination, Self::WrongIssuer];

    const fn code(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::OtherCertificate => "other_certificate",
            Self::Expired => "expired",
            Self::WrongDestination => "wrong_destination",
            Self::WrongIssuer => "wrong_issuer",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Unsigned => "Do not sign the request",
            Self::OtherCertificate => "Sign with another certificate",
            Self::Expired => "Ask two hours late",
            Self::WrongDestination => "Name another destination",
            Self::WrongIssuer => "Speak as another identity provider",
        }
    }

    /// The fault of that code; nothing at all means an honest request.
    pub(crate) fn parse(code: &str) -> Result<Option<Self>> {
        if matches!(code, "" | crate::faults::NO_FAULT) {
            return Ok(None);
        }
        let found = Self::ALL.into_iter().find(|f| f.code() == code);
        found.map(Some).ok_or_else(|| Error::validation("fault", "The lab knows no such misbehaviour."))
    }

    /// Every way to ask, the honest one first.
    pub(crate) fn choices() -> Vec<Choice> {
        let honest = Choice::new(crate::faults::NO_FAULT, "Behave (no fault)");
        std::iter::once(honest).chain(Self::ALL.map(|f| Choice::new(f.code(), f.label()))).collect()
    }
}

/// How the lab answers when Gatehouse asks for a logout.
pub(crate) fn status(code: &str) -> Result<LogoutStatus> {
    match code {
        "success" => Ok(LogoutStatus::Success),
        "partial" => Ok(LogoutStatus::Partial),
        "denied" => Ok(LogoutStatus::Failed(DENIED.to_owned())),
        _ => Err(Error::validation("status", "The lab knows no such answer.")),
    }
}

/// What arrived at the lab's single logout service.
#[derive(Debug)]
pub(crate) enum Arrived {
    /// Gatehouse asks to sign somebody out.
    Asked { request_id: String, name: String, indexes: Vec<String>, relay_state: Option<String> },
    /// Gatehouse answers a request of the lab.
    Answered(LogoutStatus),
}

impl Lab {
    fn fresh_id(&self) -> String {
        // 256 random bits; core §1.3.4 asks for 128 at least
        format!("_{}", random_token(&**self.sso().identity().store().random()).expose())
    }

    /// Reads a message of our own service provider; it must be signed with the key of its metadata.
    ///
    /// # Errors
    /// `InvalidRequest` when it is not from this Gatehouse, not for this lab, or not one the lab waits for.
    pub(crate) async fn read_logout(
        &self,
        workspace: &WorkspaceId,
        message: &LogoutMessage,
    ) -> Result<Arrived> {
        let refuse =
            |why: String| Error::invalid_request(format!("The logout message cannot be used: {why}"));
        let peek = message.peek().map_err(|e| refuse(e.detail))?;
        let waited = peek.in_response_to.filter(|id| self.sessions().asked.contains_key(id));
        let policy = Policy {
            protocol: Protocol::Saml2,
            idp_entity_id: self.sso().entity_id(),
            audiences: Vec::new(),
            acs_urls: vec![self.addresses(workspace).logout_url()],
            certificates: metadata::signing_certificate(&self.sso().workspace_sp_metadata(workspace).await?)
                .into_iter()
                .collect(),
            decryption_keys: Vec::new(),
            in_response_to: waited.map_or(InResponseTo::Unsolicited, InResponseTo::Expect),
            now: self.sso().identity().store().now().micros(),
            clock_skew: CLOCK_SKEW,
            authenticated_since: None,
            authn_contexts: Vec::new(),
            allow_sha1: false,
        };
        match verify_logout(message, &policy).outcome.map_err(|e| refuse(e.detail))? {
            VerifiedLogout::Request(request) => Ok(Arrived::Asked {
                request_id: crate::request::request_id(request.id().to_owned())?,
                name: request.name_id().value.clone(),
                indexes: request.session_indexes().to_vec(),
                relay_state: message.relay_state().map(str::to_owned),
            }),
            VerifiedLogout::Response(response) => {
                self.sessions().asked.invalidate(response.in_response_to());
                Ok(Arrived::Answered(response.status().clone()))
            }
        }
    }

    /// Signs somebody out at the lab; where the browser carries the answer.
    pub(crate) async fn answer_logout(
        &self,
        workspace: &WorkspaceId,
        request_id: String,
        (email, indexes): (&str, &[String]),
        status: LogoutStatus,
        relay_state: Option<&str>,
    ) -> Result<String> {
        if matches!(status, LogoutStatus::Success | LogoutStatus::Partial) {
            self.sessions().end(workspace, email, indexes);
        }
        let key = self.sso().lab_key(workspace).await?;
        let response = LogoutResponse {
            id: self.fresh_id(),
            issue_instant: self.sso().identity().store().now().micros(),
            destination: self.sso().slo_url(),
            issuer: self.addresses(workspace).entity_id(),
            in_response_to: request_id,
            status,
        };
        response.redirect_url(relay_state, &key.signing).map_err(Error::internal)
    }

    /// Ends somebody's sessions at the lab; where the browser carries the request to end those at Gatehouse. A lab that
    /// remembers none names none, which means all.
    pub(crate) async fn ask_logout(
        &self,
        workspace: &WorkspaceId,
        person: &'static Person,
        fault: Option<LogoutFault>,
    ) -> Result<String> {
        let known = self.sessions().all(workspace).into_iter().filter(|s| s.person == person);
        let session_indexes: Vec<String> = known.map(|s| s.index).collect();
        if fault.is_none() {
            self.sessions().end(workspace, person.email, &[]);
        }
        let now = self.sso().identity().store().now().micros();
        let elsewhere = "https://elsewhere.example/saml".to_owned();
        let (late, slo_url) = (fault == Some(LogoutFault::Expired), self.sso().slo_url());
        let mut request = LogoutRequest {
            id: self.fresh_id(),
            issue_instant: if late { now - HOURS_2 } else { now },
            not_on_or_after: None,
            destination: slo_url.clone(),
            issuer: self.addresses(workspace).entity_id(),
            name_id: NameId {
                value: person.email.to_owned(),
                format: Some(EMAIL_FORMAT.to_owned()),
                name_qualifier: None,
                sp_name_qualifier: None,
            },
            session_indexes,
        };
        match fault {
            Some(LogoutFault::WrongDestination) => request.destination.clone_from(&elsewhere),
            Some(LogoutFault::WrongIssuer) => request.issuer = elsewhere.clone(),
            _ => {}
        }
        let own = self.sso().lab_key(workspace).await?.signing;
        let key = if fault == Some(LogoutFault::OtherCertificate) {
            let made = tokio::task::spawn_blocking(SigningKey::generate).await.map_err(Error::internal)?;
            made.map_err(Error::internal)?
        } else {
            own
        };
        let url = request.redirect_url(None, &key).map_err(Error::internal)?;
        self.sessions().asked.insert(request.id, ());
        // whatever it names: the browser goes to this host and nowhere else
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let query = match fault {
            Some(LogoutFault::Unsigned) => query.split("&SigAlg=").next().unwrap_or(query),
            _ => query,
        };
        Ok(format!("{slo_url}?{query}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PEOPLE;

    #[test]
    fn a_lab_remembers_a_bounded_number_of_sessions_and_ends_the_named_ones() {
        let (sessions, lab) = (LabSessions::default(), "ws_1".parse().unwrap());
        for n in 0..SESSIONS + 1 {
            sessions.begin(&lab, &PEOPLE[n % 2], n.to_string());
        }
        assert_eq!(sessions.all(&lab).len(), SESSIONS);
        sessions.end(&lab, PEOPLE[0].email, &["2".to_owned(), "3".to_owned()]);
        assert_eq!(sessions.all(&lab).len(), SESSIONS - 1, "3 is another person's");
        sessions.end(&lab, PEOPLE[0].email, &[]);
        assert!(sessions.all(&lab).iter().all(|s| s.person == &PEOPLE[1]));
        assert!(sessions.all(&"ws_2".parse().unwrap()).is_empty());
    }

    #[test]
    fn faults_and_answers_have_codes() {
        for fault in LogoutFault::ALL {
            assert_eq!(LogoutFault::parse(fault.code()).unwrap(), Some(fault));
        }
        assert_eq!(LogoutFault::parse("none").unwrap(), None);
        assert_eq!(LogoutFault::parse("x").unwrap_err().field(), Some("fault"));
        assert_eq!(LogoutFault::choices().len(), 6);
        assert_eq!(status("x").unwrap_err().field(), Some("status"));
    }
}
