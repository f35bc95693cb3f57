//! Signing out at the lab: when Gatehouse asks (RP-Initiated Logout 1.0), and telling Gatehouse (Back-Channel Logout
//! 1.0).

use gatehouse_sso::sign_jwt;
use gatehouse_types::{ConnectionId, Error, Id, RequestId, Result, WorkspaceId};
use serde_json::{Value, json};

use super::faults::LogoutTokenFault;
use super::service::{escape, foreign, subject};
use super::{LAB_CLIENT_ID, OwnAddress, jwt};
use crate::Lab;
use crate::people::Person;

/// How long a logout token counts, in seconds.
const LIFE_SECONDS: i64 = 120;
/// Two hours, in seconds.
const HOURS_2: i64 = 7200;
/// The event that it tells of.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

impl Lab {
    /// Ends the session that an ID token of the lab is of; where the browser goes then.
    ///
    /// # Errors
    /// `InvalidRequest` for a token of somebody else, and for an address that is not this host's.
    pub(crate) async fn end_openid(
        &self,
        workspace: &WorkspaceId,
        hint: Option<&str>,
        back: Option<&str>,
        state: Option<&str>,
    ) -> Result<String> {
        let key = self.sso().lab_key(workspace).await?;
        let claims = match (hint, key.certificate.rsa_public()) {
            (Some(hint), Some((n, e))) => jwt::verified(&n, &e, hint)
                .ok_or_else(|| Error::invalid_request("The ID token is none of this lab."))?,
            _ => Value::Null,
        };
        let person = claims["sub"].as_str().and_then(|s| s.strip_prefix("lab-")).and_then(Person::find);
        if let (Some(person), Some(session)) = (person, claims["sid"].as_str()) {
            self.sessions().end(workspace, person.email, &[session.to_owned()]);
        }
        let Some(back) = back else { return Ok(self.addresses(workspace).home_path()) };
        let back = OwnAddress::logged_out(self.public_url(), back)
            .ok_or_else(|| Error::invalid_request("The lab sends nobody to another host."))?;
        Ok(match state {
            Some(state) => format!("{}?state={}", back.url, escape(state)),
            None => back.url,
        })
    }

    /// A logout token about everything of a person at the lab, or about the one session that the lab remembers.
    pub(crate) async fn logout_token(
        &self,
        workspace: &WorkspaceId,
        person: &'static Person,
        fault: Option<LogoutTokenFault>,
    ) -> Result<String> {
        let known = self.sessions().all(workspace).into_iter().filter(|s| s.person == person);
        let sessions: Vec<String> = known.map(|s| s.index).collect();
        if fault.is_none() {
            self.sessions().end(workspace, person.email, &[]);
        }
        let store = self.sso().identity().store();
        let now = store.now().seconds() - if fault == Some(LogoutTokenFault::Expired) { HOURS_2 } else { 0 };
        let id: RequestId = store.ids().make();
        let mut claims = json!({
            "iss": self.addresses(workspace).openid_issuer(), "aud": LAB_CLIENT_ID, "iat": now,
            "exp": now + LIFE_SECONDS, "jti": id.as_str(), "sub": subject(person), "events": {EVENT: {}},
        });
        // one session is named; of several all of the person's end
        if let [only] = sessions.as_slice() {
            claims["sid"] = json!(only);
        }
        match fault {
            Some(LogoutTokenFault::WrongAudience) => claims["aud"] = json!("another-client"),
            Some(LogoutTokenFault::WrongIssuer) => claims["iss"] = json!("https://elsewhere.example"),
            Some(LogoutTokenFault::WithNonce) => claims["nonce"] = json!("n"),
            Some(LogoutTokenFault::NoEvent) => claims["events"] = json!({}),
            Some(LogoutTokenFault::Nobody) => {
                if let Some(claims) = claims.as_object_mut() {
                    claims.remove("sub");
                    claims.remove("sid");
                }
            }
            _ => {}
        }
        match fault {
            Some(LogoutTokenFault::AlgNone) => Ok(jwt::unsigned(&claims)),
            Some(LogoutTokenFault::UnknownKey) => foreign(&claims).await,
            _ => {
                let key = self.sso().lab_key(workspace).await?;
                sign_jwt(&key.signing, key.certificate.fingerprint(), &claims)
            }
        }
    }

    /// Where a logout token for a connection goes.
    pub(crate) fn logout_address(&self, connection: &ConnectionId) -> String {
        self.sso().backchannel_logout_uri(connection)
    }
}
