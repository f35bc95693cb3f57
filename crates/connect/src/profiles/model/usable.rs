use gatehouse_types::{GrantId, Id, Secret, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

use super::{AllowedHost, AuthorizationField, AuthorizationType, Profile, Secrets};
use crate::{AccessToken, Asked};

/// What a request takes of a profile and of a grant of it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "Packed", from = "Packed")]
pub(crate) struct Usable {
    pub(crate) workspace: WorkspaceId,
    pub(crate) name: String,
    pub(crate) kind: AuthorizationType,
    hosts: String,
    auth_error_status: u16,
    auth_error_text: String,
    /// What goes with each request.
    pub(crate) fields: Vec<AuthorizationField>,
    /// What was asked for at the authorization.
    pub(crate) asked: Asked,
    held: Option<Held>,
}

/// A token, and until when it need not be replaced, in microseconds.
#[derive(Clone)]
struct Held {
    token: AccessToken,
    until: Option<i64>,
}

/// Grant, version, token, its end, until when it is used.
type PackedHeld = (String, i64, String, Option<i64>, Option<i64>);

/// The same in little room: it is kept in memory for each profile in use.
#[derive(Serialize, Deserialize)]
struct Packed(
    String,
    String,
    AuthorizationType,
    String,
    u16,
    String,
    Vec<AuthorizationField>,
    Option<Asked>,
    Option<PackedHeld>,
);

impl From<Usable> for Packed {
    fn from(u: Usable) -> Self {
        let held = u.held.map(|held| {
            let (token, end) = (held.token, |at: Timestamp| at.micros());
            let secret = token.token.expose().to_owned();
            (token.grant.to_string(), token.version, secret, token.expires_at.map(end), held.until)
        });
        let asked = (!u.asked.is_same(&Asked::default())).then_some(u.asked);
        let (hosts, text) = (u.hosts, u.auth_error_text);
        Self(u.workspace.to_string(), u.name, u.kind, hosts, u.auth_error_status, text, u.fields, asked, held)
    }
}

impl From<Packed> for Usable {
    fn from(p: Packed) -> Self {
        let asked = p.7.unwrap_or_default();
        let held = p.8.map(|(grant, version, token, end, until)| Held {
            token: AccessToken {
                grant: GrantId::from_stored(grant),
                version,
                token: Secret::new(token),
                values: std::collections::BTreeMap::new(),
                asked: asked.clone(),
                expires_at: end.map(Timestamp::from_micros),
            },
            until,
        });
        Self {
            workspace: WorkspaceId::from_stored(p.0),
            name: p.1,
            kind: p.2,
            hosts: p.3,
            auth_error_status: p.4,
            auth_error_text: p.5,
            fields: p.6,
            asked,
            held,
        }
    }
}

impl Usable {
    /// Of a profile, with a token that is used until a moment, if there is one.
    pub(crate) fn of(
        profile: Profile,
        secrets: Secrets,
        asked: Asked,
        held: Option<(AccessToken, Option<Timestamp>)>,
    ) -> Self {
        let hosts: Vec<_> = profile.allowed_hosts.iter().map(AllowedHost::as_str).collect();
        Self {
            hosts: hosts.join(" "),
            workspace: profile.workspace,
            name: profile.name,
            kind: profile.kind,
            auth_error_status: profile.auth_error_status,
            auth_error_text: profile.auth_error_text,
            fields: secrets.fields.authorization,
            asked,
            held: held.map(|(token, until)| Held { token, until: until.map(Timestamp::micros) }),
        }
    }

    /// The hosts where its tokens may go.
    pub(crate) fn hosts(&self) -> Vec<AllowedHost> {
        AllowedHost::stored(&self.hosts)
    }

    /// Whether it has a token that need not be replaced.
    pub(crate) fn is_good(&self, now: Timestamp) -> bool {
        self.held.as_ref().is_some_and(|held| held.until.is_none_or(|until| now.micros() < until))
    }

    /// The token.
    pub(crate) fn token(&self) -> Option<AccessToken> {
        self.held.as_ref().map(|held| held.token.clone())
    }

    /// Whether a status may mean that the token is not taken.
    pub(crate) fn may_refuse(&self, status: u16) -> bool {
        status == self.auth_error_status
    }

    /// Whether an answer means that the token is not taken.
    pub(crate) fn is_refusal(&self, status: u16, body: &[u8]) -> bool {
        let mark = &self.auth_error_text;
        self.may_refuse(status) && (mark.is_empty() || String::from_utf8_lossy(body).contains(mark.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_as_it_was() {
        let token = AccessToken {
            grant: GrantId::from_stored("gra_1".to_owned()),
            version: 7,
            token: Secret::new("tok"),
            values: std::collections::BTreeMap::new(),
            asked: Asked { tenancy: Some("acme".to_owned()), ..Asked::default() },
            expires_at: Some(Timestamp::from_seconds(90)),
        };
        let usable = Usable {
            workspace: WorkspaceId::from_stored("wsp_1".to_owned()),
            name: "Outside".to_owned(),
            kind: AuthorizationType::OAuth2,
            hosts: "a.test *.b.test".to_owned(),
            auth_error_status: 419,
            auth_error_text: "expired".to_owned(),
            fields: Vec::new(),
            asked: token.asked.clone(),
            held: Some(Held { token, until: Some(80_000_000) }),
        };
        let text = serde_json::to_string(&usable).unwrap();
        let back: Usable = serde_json::from_str(&text).unwrap();
        let held = back.token().unwrap();
        assert_eq!((held.grant.as_str(), held.version, held.token.expose()), ("gra_1", 7, "tok"));
        assert_eq!(
            (held.expires_at, held.asked.tenancy.as_deref()),
            (Some(Timestamp::from_seconds(90)), Some("acme"))
        );
        assert_eq!(
            (back.hosts().len(), back.workspace.as_str(), back.name.as_str()),
            (2, "wsp_1", "Outside")
        );
        assert!(back.is_good(Timestamp::from_seconds(79)) && !back.is_good(Timestamp::from_seconds(80)));
        assert!(
            back.is_refusal(419, b"it expired")
                && !back.is_refusal(419, b"no")
                && !back.is_refusal(401, b"expired")
        );
    }
}
