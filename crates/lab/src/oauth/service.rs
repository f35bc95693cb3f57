//! What the authorization server does: codes, tokens, revocation.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gatehouse_sso::{LabKey, sign_jwt};
use gatehouse_types::{Error, Result, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::asked::{Asked, further};
use super::faults::{OAuthFault, Treatment};
use crate::Lab;
use crate::openid::service::escape;
use crate::openid::{LAB_CLIENT_SECRET, jwt};
use crate::people::Person;

/// How long a slow answer takes.
pub(super) const SLOW: Duration = Duration::from_secs(3);
/// How long a code lives, in seconds.
const CODE_SECONDS: i64 = 300;
/// How long a refresh token lives, in seconds: 30 days.
const REFRESH_SECONDS: i64 = 30 * 24 * 3600;
/// The fields of a token request by the standards; what else comes is carried along.
const KNOWN: [&str; 8] = [
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "client_id",
    "client_secret",
    "refresh_token",
    "scope",
];

/// What a code or a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Usage {
    Code,
    Access,
    Refresh,
}

/// What somebody agreed to, or a client has by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Grant {
    /// Ends with it: all its tokens.
    pub(super) id: String,
    pub(super) client: String,
    /// `None` for a client that acts for itself.
    pub(super) person: Option<String>,
    pub(super) scope: String,
    /// Further parameters of the authorization request.
    pub(super) asked: BTreeMap<String, String>,
    /// Further parameters of the newest token request.
    pub(super) told: BTreeMap<String, String>,
    redirect_uri: String,
    challenge: Option<String>,
}

/// A signed statement of ours: a code or a token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Statement {
    usage: Usage,
    id: String,
    pub(super) exp: i64,
    pub(super) grant: Grant,
}

/// What an endpoint answers.
pub(crate) struct Said {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Said {
    fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body }
    }

    /// A refusal (RFC 6749 §5.2).
    pub(super) fn refused(status: StatusCode, error: &str, why: &str) -> Self {
        Self { status, body: json!({"error": error, "error_description": why}) }
    }

    fn bad(error: &str, why: &str) -> Self {
        Self::refused(StatusCode::BAD_REQUEST, error, why)
    }

    fn unavailable() -> Self {
        let why = "The lab was told not to answer just now.";
        Self::refused(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", why)
    }
}

/// The fields of a posted request; a field that comes twice makes none (RFC 6749 §3.2).
pub(super) type Fields = BTreeMap<String, String>;

/// The client that posts a request.
struct Client {
    id: String,
    treatment: Treatment,
}

impl Lab {
    /// The address to which a person is sent back: with a code, or the person's refusal.
    pub(super) async fn oauth_answer(
        &self,
        workspace: &WorkspaceId,
        asked: Asked,
        person: Option<&Person>,
    ) -> Result<String> {
        let issuer = match asked.treatment.has(OAuthFault::WrongIssuer) {
            true => "https://elsewhere.example".to_owned(),
            false => self.addresses(workspace).oauth_issuer(),
        };
        let mut said = vec![("iss", issuer)];
        said.extend(asked.state.map(|state| ("state", state)));
        match person {
            None => said.extend([
                ("error", "access_denied".to_owned()),
                ("error_description", "The person refused.".to_owned()),
            ]),
            Some(person) => {
                let grant = Grant {
                    id: self.fresh(),
                    client: asked.client,
                    person: Some(person.id.to_owned()),
                    scope: asked.scope,
                    asked: asked.further,
                    told: BTreeMap::new(),
                    redirect_uri: asked.redirect_uri.clone(),
                    challenge: asked.challenge,
                };
                let key = self.sso().lab_key(workspace).await?;
                said.push(("code", self.signed(&key, Usage::Code, CODE_SECONDS, &grant)?));
            }
        }
        let query: Vec<String> = said.iter().map(|(n, v)| format!("{n}={}", escape(v))).collect();
        Ok(format!("{}?{}", asked.redirect_uri, query.join("&")))
    }

    /// The token endpoint.
    pub(super) async fn oauth_token(
        &self,
        workspace: &WorkspaceId,
        authorization: Option<&str>,
        fields: &Fields,
    ) -> Result<Said> {
        let client = match client(authorization, fields) {
            Ok(client) => client,
            Err(refused) => return Ok(refused),
        };
        self.delay(&client.treatment).await;
        let key = self.sso().lab_key(workspace).await?;
        let grant = match fields.get("grant_type").map(String::as_str) {
            Some("authorization_code") => self.grant_of_code(&key, &client, fields),
            Some("client_credentials") => self.grant_of_client(&client, fields),
            Some("refresh_token") => self.grant_of_refresh(&key, &client, fields),
            _ => Err(Said::bad("unsupported_grant_type", "The lab does not know this kind of grant.")),
        };
        if client.treatment.has(OAuthFault::ErrorWith200) {
            let why = "The lab was told to refuse with status 200.";
            return Ok(Said::refused(StatusCode::OK, "invalid_grant", why));
        }
        let (mut grant, refreshed) = match grant {
            Ok(grant) => grant,
            Err(refused) => return Ok(refused),
        };
        grant.told = further(fields.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())))?;
        self.tokens(&key, &client.treatment, &grant, refreshed).map(Said::ok)
    }

    /// Tokens for a grant. A refresh gives a new refresh token only where they rotate; a client that acts for itself
    /// gets none (RFC 6749 §4.4.3).
    fn tokens(&self, key: &LabKey, treatment: &Treatment, grant: &Grant, refreshed: bool) -> Result<Value> {
        let access = self.signed(key, Usage::Access, treatment.life, grant)?;
        let mut body = json!({"access_token": access, "token_type": "Bearer", "scope": grant.scope});
        if !treatment.has(OAuthFault::NoExpiresIn) {
            body["expires_in"] = treatment.life.into();
        }
        let renews = !refreshed || treatment.has(OAuthFault::Rotates);
        if renews && grant.person.is_some() && !treatment.has(OAuthFault::NoRefreshToken) {
            body["refresh_token"] = self.signed(key, Usage::Refresh, REFRESH_SECONDS, grant)?.into();
        }
        Ok(body)
    }

    fn grant_of_code(&self, key: &LabKey, client: &Client, fields: &Fields) -> Result<(Grant, bool), Said> {
        let refuse = |why| Err(Said::bad("invalid_grant", why));
        let Some(code) = self.good(key, Usage::Code, &client.id, fields.get("code")) else {
            return refuse("The code is unknown, expired or another client's.");
        };
        if fields.get("redirect_uri") != Some(&code.grant.redirect_uri) {
            return refuse("The code was for another redirect URI.");
        }
        let verifier = fields.get("code_verifier").map(|verifier| jwt::challenge(verifier));
        if verifier != code.grant.challenge {
            return refuse("The verifier does not fit the challenge.");
        }
        if !self.oauth().spend(&code.id) {
            // somebody else may have been first (RFC 6749 §4.1.2)
            self.oauth().end(&code.grant.id);
            return refuse("The code was used before; what it gave is revoked.");
        }
        Ok((code.grant, false))
    }

    fn grant_of_client(&self, client: &Client, fields: &Fields) -> Result<(Grant, bool), Said> {
        if client.treatment.has(OAuthFault::Public) {
            return Err(Said::bad("unauthorized_client", "A client without a secret has nothing by itself."));
        }
        let grant = Grant {
            id: self.fresh(),
            client: client.id.clone(),
            person: None,
            scope: fields.get("scope").cloned().unwrap_or_default(),
            asked: BTreeMap::new(),
            told: BTreeMap::new(),
            redirect_uri: String::new(),
            challenge: None,
        };
        Ok((grant, false))
    }

    fn grant_of_refresh(
        &self,
        key: &LabKey,
        client: &Client,
        fields: &Fields,
    ) -> Result<(Grant, bool), Said> {
        let refuse = |why| Err(Said::bad("invalid_grant", why));
        if client.treatment.has(OAuthFault::RefreshUnavailable) {
            return Err(Said::unavailable());
        }
        if client.treatment.has(OAuthFault::RefreshRefused) {
            return refuse("The lab was told to refuse every refresh.");
        }
        let Some(token) = self.good(key, Usage::Refresh, &client.id, fields.get("refresh_token")) else {
            return refuse("The refresh token is unknown, expired, revoked or another client's.");
        };
        if client.treatment.has(OAuthFault::Rotates) && !self.oauth().spend(&token.id) {
            // one of two that use it is a thief (RFC 9700 §4.14.2)
            self.oauth().end(&token.grant.id);
            return refuse("The refresh token was used before; the grant is revoked.");
        }
        let mut grant = token.grant;
        if let Some(wanted) = fields.get("scope").filter(|scope| !scope.is_empty()) {
            let has: Vec<&str> = grant.scope.split(' ').collect();
            if !wanted.split(' ').all(|one| has.contains(&one)) {
                return Err(Said::bad("invalid_scope", "More is wanted than was agreed to."));
            }
            grant.scope.clone_from(wanted);
        }
        Ok((grant, true))
    }

    /// The revocation endpoint (RFC 7009): an access token alone, or with a refresh token the whole grant.
    pub(super) async fn oauth_revoke(
        &self,
        workspace: &WorkspaceId,
        authorization: Option<&str>,
        fields: &Fields,
    ) -> Result<Said> {
        let client = match client(authorization, fields) {
            Ok(client) => client,
            Err(refused) => return Ok(refused),
        };
        self.delay(&client.treatment).await;
        if client.treatment.has(OAuthFault::RevocationUnavailable) {
            return Ok(Said::unavailable());
        }
        let Some(token) = fields.get("token") else {
            return Ok(Said::bad("invalid_request", "The token is missing."));
        };
        let key = self.sso().lab_key(workspace).await?;
        // a token that is none is as good as revoked (§2.2)
        if let Some(found) = self.opened(&key, token).filter(|found| found.grant.client == client.id) {
            match found.usage {
                Usage::Access => self.oauth().end(&found.id),
                Usage::Refresh => self.oauth().end(&found.grant.id),
                Usage::Code => {}
            }
        }
        Ok(Said::ok(json!({})))
    }

    /// Waits, for a client that wants slow answers.
    pub(super) async fn delay(&self, treatment: &Treatment) {
        if treatment.has(OAuthFault::Slow) {
            tokio::time::sleep(SLOW).await;
        }
    }

    fn signed(&self, key: &LabKey, usage: Usage, life: i64, grant: &Grant) -> Result<String> {
        let statement = Statement { usage, id: self.fresh(), exp: self.now() + life, grant: grant.clone() };
        let claims = serde_json::to_value(statement).map_err(Error::internal)?;
        sign_jwt(&key.signing, key.certificate.fingerprint(), &claims)
    }

    /// A statement of ours, also one that is not good any more.
    pub(super) fn opened(&self, key: &LabKey, token: &str) -> Option<Statement> {
        let (n, e) = key.certificate.rsa_public()?;
        serde_json::from_value(jwt::verified(&n, &e, token)?).ok()
    }

    /// Whether a statement is good for this use now.
    pub(super) fn is_good(&self, statement: &Statement, usage: Usage) -> bool {
        let ended = self.oauth().has_ended(&statement.id) || self.oauth().has_ended(&statement.grant.id);
        statement.usage == usage && statement.exp > self.now() && !ended
    }

    fn good(&self, key: &LabKey, usage: Usage, client: &str, token: Option<&String>) -> Option<Statement> {
        let found = self.opened(key, token?)?;
        (self.is_good(&found, usage) && found.grant.client == client).then_some(found)
    }
}

/// Who posts a request: by HTTP Basic, its parts form-encoded (RFC 6749 §2.3.1), or by fields, never both.
fn client(authorization: Option<&str>, fields: &Fields) -> Result<Client, Said> {
    let unknown = || {
        let why = "The lab's client ids and its secret are on its page.";
        Said::refused(StatusCode::UNAUTHORIZED, "invalid_client", why)
    };
    let secret = fields.get("client_secret");
    let (id, secret) = match authorization {
        Some(_) if secret.is_some() => {
            return Err(Said::bad("invalid_request", "The client says in two ways who it is."));
        }
        Some(header) => {
            let (id, secret) = basic(header).ok_or_else(unknown)?;
            (id, Some(secret))
        }
        None => (fields.get("client_id").cloned().unwrap_or_default(), secret.cloned()),
    };
    let treatment = Treatment::of(&id).ok_or_else(unknown)?;
    let secret = secret.filter(|secret| !secret.is_empty());
    let proven = match treatment.has(OAuthFault::Public) {
        true => secret.is_none(),
        false => secret.as_deref() == Some(LAB_CLIENT_SECRET),
    };
    if proven { Ok(Client { id, treatment }) } else { Err(unknown()) }
}

fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':').filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    // a form with one name and no value: the name is what the encoding stands for
    let plain =
        |part: &str| url::form_urlencoded::parse(part.as_bytes()).next().map(|(name, _)| name.into_owned());
    Some((plain(id)?, plain(secret).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(text))
    }

    #[test]
    fn a_client_proves_itself_in_one_way() {
        let fields = |pairs: &[(&str, &str)]| -> Fields {
            pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
        };
        let (id, secret) = ("gatehouse-lab", LAB_CLIENT_SECRET);
        let by_form = fields(&[("client_id", id), ("client_secret", secret)]);
        let by_header = encoded(&format!("gatehouse%2Dlab:{secret}"));
        assert_eq!(client(None, &by_form).ok().unwrap().id, id);
        assert_eq!(client(Some(&by_header), &Fields::new()).ok().unwrap().id, id);
        let public = fields(&[("client_id", "gatehouse-lab.public")]);
        assert!(client(None, &public).is_ok());
        let error = |header: Option<&str>, fields: &Fields| client(header, fields).err().unwrap();
        assert_eq!(error(Some(&by_header), &by_form).body["error"], "invalid_request");
        for (header, fields) in [
            (None, fields(&[("client_id", id)])),
            (None, fields(&[("client_id", id), ("client_secret", "other")])),
            (None, fields(&[("client_id", "gatehouse-lab.public"), ("client_secret", secret)])),
            (Some(encoded("other:secret")), Fields::new()),
            (Some("Bearer x".to_owned()), Fields::new()),
            (Some("Basic %".to_owned()), Fields::new()),
        ] {
            let refused = error(header.as_deref(), &fields);
            assert_eq!((refused.status.as_u16(), &refused.body["error"]), (401, &json!("invalid_client")));
        }
    }
}
