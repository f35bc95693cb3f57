//! What the lab's OpenID provider does: codes, tokens, people.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use gatehouse_saml::SigningKey;
use gatehouse_sso::{LabKey, key_set, sign_jwt};
use gatehouse_types::{ConnectionId, Error, Result, WorkspaceId, random_token};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::faults::OpenIdFault;
use super::{LAB_CLIENT_ID, LAB_CLIENT_SECRET, OwnAddress, jwt};
use crate::Lab;
use crate::people::{LAB_DOMAIN, Person};

/// How long codes, tokens and their expiry run, in seconds.
const LIFE_SECONDS: i64 = 300;
/// Two hours, in seconds: what “expired” and “future” are off by.
const HOURS_2: i64 = 7200;

/// What a code stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) person: String,
    pub(crate) connection: String,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: String,
    pub(crate) fault: String,
    /// Whether the address is told at the userinfo endpoint only.
    pub(crate) email_elsewhere: bool,
    pub(crate) session: String,
}

/// A signed statement of ours, with its use: a code is no access token.
#[derive(Serialize, Deserialize)]
struct Statement {
    usage: String,
    exp: i64,
    grant: Grant,
}

/// How a client authenticates at the token endpoint.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct TokenForm {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    code_verifier: String,
    client_id: Option<String>,
    client_secret: Option<String>,
    client_assertion: Option<String>,
}

/// A refusal of the token endpoint (RFC 6749 §5.2).
pub(crate) struct Refusal(pub(crate) &'static str, pub(crate) &'static str);

/// The refusal of a client that does not prove who it is.
const NOT_THE_CLIENT: Refusal = Refusal("invalid_client", "The lab's client id and secret are on its page.");

impl Lab {
    pub(crate) fn now(&self) -> i64 {
        self.sso().identity().store().now().seconds()
    }

    pub(crate) fn fresh(&self) -> String {
        random_token(&**self.sso().identity().store().random()).expose().to_owned()
    }

    fn statement(&self, key: &LabKey, usage: &str, grant: &Grant) -> Result<String> {
        let statement =
            Statement { usage: usage.to_owned(), exp: self.now() + LIFE_SECONDS, grant: grant.clone() };
        let claims = serde_json::to_value(statement).map_err(Error::internal)?;
        sign_jwt(&key.signing, key.certificate.fingerprint(), &claims)
    }

    fn read(&self, key: &LabKey, usage: &str, token: &str) -> Option<Grant> {
        let (n, e) = key.certificate.rsa_public()?;
        let statement: Statement = serde_json::from_value(jwt::verified(&n, &e, token)?).ok()?;
        (statement.usage == usage && statement.exp > self.now()).then_some(statement.grant)
    }

    /// The lab's keys.
    pub(crate) async fn openid_keys(&self, workspace: &WorkspaceId) -> Result<Value> {
        Ok(key_set([&self.sso().lab_key(workspace).await?.certificate]))
    }

    /// The address of the answer to a request: a code, or the lab's refusal.
    pub(crate) async fn openid_answer(
        &self,
        workspace: &WorkspaceId,
        callback: &OwnAddress,
        state: &str,
        mut grant: Grant,
    ) -> Result<String> {
        let fault = OpenIdFault::parse(&grant.fault)?;
        let issuer = self.addresses(workspace).openid_issuer();
        grant.session = self.fresh();
        let mut said = vec![("state", state.to_owned())];
        match fault {
            Some(OpenIdFault::MissingIssuer) => {}
            Some(OpenIdFault::MixedUp) => said.push(("iss", "https://elsewhere.example".to_owned())),
            _ => said.push(("iss", issuer)),
        }
        if fault == Some(OpenIdFault::Denied) {
            said.push(("error", "access_denied".to_owned()));
            said.push(("error_description", "The lab was told to refuse.".to_owned()));
        } else {
            let key = self.sso().lab_key(workspace).await?;
            said.push(("code", self.statement(&key, "code", &grant)?));
            if let (None, Some(person)) = (fault, Person::find(&grant.person)) {
                self.sessions().begin(workspace, person, grant.session);
            }
        }
        let query: Vec<String> = said.iter().map(|(n, v)| format!("{n}={}", escape(v))).collect();
        Ok(format!("{}?{}", callback.url, query.join("&")))
    }

    /// Tokens for a code.
    pub(crate) async fn openid_tokens(
        &self,
        workspace: &WorkspaceId,
        authorization: Option<&str>,
        form: &TokenForm,
    ) -> Result<Result<Value, Refusal>> {
        let invalid = |why| Ok(Err(Refusal("invalid_grant", why)));
        let key = self.sso().lab_key(workspace).await?;
        if form.grant_type != "authorization_code" {
            return Ok(Err(Refusal("unsupported_grant_type", "Only authorization_code is known here.")));
        }
        // who signs a statement is known by the keys of the connection that the code is for
        if form.client_assertion.is_none() && !self.is_client(workspace, authorization, form, "").await? {
            return Ok(Err(NOT_THE_CLIENT));
        }
        let Some(grant) = self.read(&key, "code", &form.code) else {
            return invalid("The code is unknown or expired.");
        };
        let callback = OwnAddress::callback(self.public_url(), &form.redirect_uri);
        if callback.is_none_or(|c| c.connection.to_string() != grant.connection) {
            return invalid("The code was for another redirect URI.");
        }
        if jwt::challenge(&form.code_verifier) != grant.challenge {
            return invalid("The verifier does not fit the challenge.");
        }
        if !self.is_client(workspace, authorization, form, &grant.connection).await? {
            return Ok(Err(NOT_THE_CLIENT));
        }
        let fault = OpenIdFault::parse(&grant.fault)?;
        if fault == Some(OpenIdFault::RefusedCode) {
            return invalid("The lab was told to refuse.");
        }
        let access_token = self.statement(&key, "access", &grant)?;
        let mut answer =
            json!({"access_token": access_token, "token_type": "Bearer", "expires_in": LIFE_SECONDS});
        if fault != Some(OpenIdFault::NoIdToken) {
            answer["id_token"] = self.id_token(workspace, &key, &grant, fault, &access_token).await?.into();
        }
        Ok(Ok(answer))
    }

    async fn id_token(
        &self,
        workspace: &WorkspaceId,
        key: &LabKey,
        grant: &Grant,
        fault: Option<OpenIdFault>,
        access_token: &str,
    ) -> Result<String> {
        let now = match fault {
            Some(OpenIdFault::Expired) => self.now() - HOURS_2,
            Some(OpenIdFault::Future) => self.now() + HOURS_2,
            _ => self.now(),
        };
        let mut claims = json!({
            "iss": self.addresses(workspace).openid_issuer(), "aud": LAB_CLIENT_ID, "sid": grant.session,
            "nonce": grant.nonce, "iat": now, "auth_time": now, "exp": now + LIFE_SECONDS,
            "at_hash": jwt::half_hash(access_token),
        });
        let object = claims.as_object_mut().ok_or_else(|| Error::internal("no claims"))?;
        object.extend(said(grant, fault, grant.email_elsewhere)?);
        let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
        match fault {
            Some(OpenIdFault::WrongNonce) => set("nonce", json!("of-another-sign-in")),
            Some(OpenIdFault::WrongAudience) => set("aud", json!("another-client")),
            Some(OpenIdFault::WrongIssuer) => set("iss", json!("https://elsewhere.example")),
            Some(OpenIdFault::WrongParty) => {
                set("aud", json!([LAB_CLIENT_ID, "another-client"]));
                set("azp", json!("another-client"))
            }
            Some(OpenIdFault::WrongTokenHash) => set("at_hash", json!(jwt::half_hash("another"))),
            _ => None,
        };
        match fault {
            Some(OpenIdFault::AlgNone) => Ok(jwt::unsigned(&claims)),
            Some(OpenIdFault::PublicKeyAsSecret) => Ok(jwt::with_public_key(&key.certificate, &claims)),
            Some(OpenIdFault::UnknownKey) => foreign(&claims).await,
            Some(OpenIdFault::BadSignature) => {
                let token = sign_jwt(&key.signing, key.certificate.fingerprint(), &claims)?;
                Ok(changed(&token))
            }
            _ => sign_jwt(&key.signing, key.certificate.fingerprint(), &claims),
        }
    }

    /// What the userinfo endpoint says to the holder of an access token; `None` for a token that is none.
    pub(crate) async fn openid_userinfo(
        &self,
        workspace: &WorkspaceId,
        token: &str,
    ) -> Result<Option<Value>> {
        let key = self.sso().lab_key(workspace).await?;
        let Some(grant) = self.read(&key, "access", token) else { return Ok(None) };
        let fault = OpenIdFault::parse(&grant.fault)?;
        let mut claims = Value::Object(said(&grant, fault, false)?);
        if fault == Some(OpenIdFault::OtherUserinfo) {
            claims["sub"] = json!("lab-somebody-else");
        }
        Ok(Some(claims))
    }

    /// Whether a request at the token endpoint is from the lab's client: with its secret, or a statement signed with a
    /// key that Gatehouse publishes for the connection.
    async fn is_client(
        &self,
        workspace: &WorkspaceId,
        authorization: Option<&str>,
        form: &TokenForm,
        connection: &str,
    ) -> Result<bool> {
        if let Some(statement) = &form.client_assertion {
            let id: ConnectionId = connection.parse().map_err(|_| Error::not_found("Connection"))?;
            let endpoint = self.addresses(workspace).openid_discovery()["token_endpoint"].clone();
            let keys = self.sso().client_key_set(&id).await?;
            let signed = keys["keys"].as_array().into_iter().flatten().any(|key| {
                let part = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap_or_default());
                let (Ok(n), Ok(e)) = (part("n"), part("e")) else { return false };
                jwt::verified(&n, &e, statement).is_some_and(|claims| {
                    claims["sub"] == LAB_CLIENT_ID
                        && claims["iss"] == LAB_CLIENT_ID
                        && claims["aud"] == endpoint
                        && claims["exp"].as_i64().is_some_and(|exp| exp > self.now())
                })
            });
            return Ok(signed);
        }
        let basic = authorization.and_then(|a| a.strip_prefix("Basic ")).and_then(|encoded| {
            let text = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
            text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
        });
        let (id, secret) = basic.unwrap_or_else(|| {
            (form.client_id.clone().unwrap_or_default(), form.client_secret.clone().unwrap_or_default())
        });
        Ok(id == LAB_CLIENT_ID && secret == LAB_CLIENT_SECRET)
    }
}

/// The subject of a person at the lab.
pub(crate) fn subject(person: &Person) -> String {
    format!("lab-{}", person.id)
}

/// What the lab says of a person.
fn said(
    grant: &Grant,
    fault: Option<OpenIdFault>,
    email_elsewhere: bool,
) -> Result<serde_json::Map<String, Value>> {
    let person = Person::find(&grant.person).ok_or_else(|| Error::not_found("Person"))?;
    let mut claims = serde_json::Map::new();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("sub", json!(subject(person)));
    set("name", json!(person.name));
    set("groups", json!(person.groups));
    // as Google names the organisation of an account
    if !person.is_outsider() {
        set("hd", json!(LAB_DOMAIN));
    }
    let elsewhere = email_elsewhere || fault == Some(OpenIdFault::OtherUserinfo);
    if fault != Some(OpenIdFault::NoEmail) && !elsewhere {
        set("email", json!(person.email));
        set("email_verified", json!(fault != Some(OpenIdFault::UnverifiedEmail)));
    }
    Ok(claims)
}

/// The same claims, signed with a key that nobody published.
pub(super) async fn foreign(claims: &Value) -> Result<String> {
    let made = tokio::task::spawn_blocking(SigningKey::generate).await.map_err(Error::internal)?;
    sign_jwt(&made.map_err(Error::internal)?, "of-nobody", claims)
}

/// A token with another first character of its signature.
fn changed(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap_or((token, ""));
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{first}{}", signature.get(1..).unwrap_or_default())
}

/// A value of a query, escaped.
pub(crate) fn escape(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
