//! With what a connector's calls are made: a token of the broker's, a session, a token that we sign, the fields themselves;
//! and the values that the product told of it.

use std::collections::BTreeMap;

use gatehouse_catalogue::request::Request;
use gatehouse_catalogue::{AuthKind, Lookup, Method, Prefer};
use gatehouse_types::{Error, Result, Secret};
use serde_json::Value;

use super::exchange::{By, leaves, told as told_by};
use super::session;
use super::spec::{Ready, as_field, brought, callback_of, elsewhere, moment, unmade};
use crate::connectors::credential::{assertion, put_in};
use crate::connectors::store::values;
use crate::{AccessToken, Connect, Holder};

/// So long what the product told counts, in seconds (a day).
const TOLD_SECONDS: i64 = 86_400;
/// Elements of a list that are looked at.
const MAX_ELEMENTS: usize = 500;

/// What a call is made with.
#[derive(Debug)]
pub(crate) struct Credential {
    /// The token of the broker's, if it is one.
    pub(crate) token: Option<AccessToken>,
    /// Every value that templates may name.
    variables: BTreeMap<String, Secret>,
    /// What no text may repeat.
    pub(crate) hidden: Vec<Secret>,
    /// Whether it stands in for one that was refused.
    pub(crate) renewed: bool,
}

impl Credential {
    /// A value by its name.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| value.expose().to_owned())
    }

    fn put(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), Secret::new(value));
    }

    fn hide(&mut self, name: &str, secret: &Secret) {
        self.variables.insert(name.to_owned(), secret.clone());
        self.hidden.push(secret.clone());
    }
}

/// Which credential of a connector it is: another token may be of another account, and other fields ask for another one.
fn mark(ready: &Ready, token: Option<&AccessToken>) -> String {
    let version = ready.connector.version;
    token.map_or_else(|| version.to_string(), |token| format!("{version} {} {}", token.grant, token.version))
}

impl Connect {
    /// The credential of a call; `refused` is the one that was just not accepted, `anew` asks the product
    /// again for the values it tells.
    ///
    /// # Errors
    /// `Conflict` when nobody has authorized the connector, or a value is missing; `Unavailable` when the authorization
    /// server is not well.
    pub(crate) async fn credential(
        &self,
        by: &By<'_>,
        refused: Option<&Credential>,
        anew: bool,
    ) -> Result<Credential> {
        let ready = by.ready;
        let auth = ready.auth()?;
        let mut made =
            Credential { token: None, variables: BTreeMap::new(), hidden: Vec::new(), renewed: false };
        for (key, text) in &ready.values.plain {
            made.put(key, text);
        }
        for (key, secret) in &ready.values.secret {
            made.hide(key, secret);
        }
        made.put("redirect_uri", &callback_of(&self.0.public_url, &ready.connector));
        match auth.kind {
            kind if kind.is_oauth2() => self.with_token(by, &mut made, refused).await?,
            AuthKind::Jwt => {
                let token = assertion(auth, &moment(&self.0.store), |name| made.value(name))?;
                made.hide("jwt", &token);
            }
            _ if auth.session.is_some() => self.with_session(by, &mut made, refused.is_some()).await?,
            _ => {}
        }
        if !auth.lookup.is_empty() {
            self.with_told(by, &mut made, anew || refused.is_some()).await?;
        }
        Ok(made)
    }

    async fn with_token(
        &self,
        by: &By<'_>,
        made: &mut Credential,
        refused: Option<&Credential>,
    ) -> Result<()> {
        let ready = by.ready;
        let spec = self.client_spec(ready)?;
        let holder = Holder::Connector(ready.connector.id.clone());
        let workspace = &ready.connector.workspace_id;
        let token = match refused.and_then(|refused| refused.token.as_ref()) {
            None => self.0.broker.token(workspace, &holder, &by.owner, &spec).await,
            Some(refused) => self.0.broker.refuse(workspace, &holder, &by.owner, &spec, refused.into()).await,
        };
        let token = token.map_err(|unavailable| unavailable.of(&ready.connector.name))?;
        let Some(oauth) = &ready.auth()?.oauth else { return Ok(()) };
        for (key, text) in brought(&oauth.token_values, &token.values)? {
            made.put(&key, &text);
        }
        for (key, text) in brought(&oauth.callback_values, &token.values)? {
            made.put(&key, &text);
        }
        made.hide("access_token", &token.token);
        made.token = Some(token);
        Ok(())
    }

    async fn with_session(&self, by: &By<'_>, made: &mut Credential, anew: bool) -> Result<()> {
        let ready = by.ready;
        let Some(of) = &ready.auth()?.session else { return Err(Error::internal("no session in the type")) };
        let now = self.0.store.now();
        if anew {
            self.0.sessions.forget(&ready.connector.id);
        }
        if let Some(token) = self.0.sessions.get(&ready.connector.id, ready.connector.version, now) {
            made.hide("session_value", &token);
            return Ok(());
        }
        let request = session::request(of, |name| made.value(name))?;
        let answer = leaves(self, by, made, request, "sign-in").await?;
        if !(200..300).contains(&answer.status) {
            let told = told_by(&ready.known.errors, &answer, &made.hidden);
            return Err(Error::conflict(format!("The product refused the sign-in: {told}")));
        }
        let token = session::token(of, &answer.json, |name| answer.header(name), |name| answer.cookie(name))?;
        self.0.sessions.put(ready, of, token.clone(), now);
        made.hide("session_value", &token);
        Ok(())
    }

    /// What the product tells of this credential: asked once, then kept for a while.
    async fn with_told(&self, by: &By<'_>, made: &mut Credential, anew: bool) -> Result<()> {
        let ready = by.ready;
        let (id, credential) = (&ready.connector.id, mark(ready, made.token.as_ref()));
        let kept = values::find(&mut self.0.store.reader(), id, &by.owner, &credential).await?;
        let now = self.0.store.now();
        if let Some((kept, _)) = kept.filter(|(_, at)| !anew && at.plus_seconds(TOLD_SECONDS) > now) {
            kept.iter().for_each(|(name, text)| made.put(name, text));
            return Ok(());
        }
        let auth = ready.auth()?;
        let mut found_all = BTreeMap::new();
        for lookup in &auth.lookup {
            let url = lookup.url.fill(|name| made.value(name)).map_err(unmade)?;
            let mut request =
                Request { method: Method::Get, base: url.clone(), url, headers: Vec::new(), body: None };
            let more = put_in(&mut request, auth, &moment(&self.0.store), |name| made.value(name))?;
            made.hidden.extend(more);
            let answer = leaves(self, by, made, request, "lookup").await?;
            if !(200..300).contains(&answer.status) {
                let words = told_by(&ready.known.errors, &answer, &made.hidden);
                return Err(Error::conflict(format!("The product did not tell what calls need: {words}")));
            }
            for (name, text) in found(lookup, &answer.json, |name| made.value(name))? {
                made.put(&name, &text);
                found_all.insert(name, text);
            }
        }
        let mut tx = self.0.store.begin_always().await?;
        values::keep(&mut tx, id, &by.owner, &credential, &found_all).await?;
        Ok(tx.commit().await?)
    }
}

/// The values of a lookup in its answer.
fn found(
    lookup: &Lookup,
    answer: &Value,
    value: impl Fn(&str) -> Option<String> + Copy,
) -> Result<Vec<(String, String)>> {
    let missing = || {
        Error::conflict(
            "The product's answer does not hold what calls need: this account may have no access there.",
        )
    };
    let of = match &lookup.list {
        None => answer,
        Some(pointer) => {
            let list = answer.pointer(pointer.as_str()).and_then(Value::as_array).ok_or_else(missing)?;
            let list = list.get(..MAX_ELEMENTS).unwrap_or(list);
            element(list, &lookup.prefer, value).ok_or_else(missing)?
        }
    };
    let mut all = Vec::new();
    for one in &lookup.values {
        let text = match of.pointer(one.pointer.as_str()) {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => return Err(missing()),
        };
        as_field(&one.key, one.kind, &one.hosts).check(&text).map_err(|_| elsewhere(one.key.as_str()))?;
        all.push((one.key.to_string(), text));
    }
    Ok(all)
}

/// The element that the first rule which applies finds; else the first.
fn element<'a>(
    list: &'a [Value],
    prefer: &[Prefer],
    value: impl Fn(&str) -> Option<String> + Copy,
) -> Option<&'a Value> {
    for rule in prefer {
        let wanted = match (&rule.equals, &rule.field) {
            (Some(equals), _) => equals.clone(),
            (None, Some(field)) => match value(field.as_str()).filter(|text| !text.is_empty()) {
                Some(text) => Value::String(text),
                // a field that was left blank decides nothing
                None => continue,
            },
            (None, None) => continue,
        };
        let found =
            list.iter().find(|one| one.pointer(rule.pointer.as_str()).is_some_and(|at| same(at, &wanted)));
        match (found, &rule.field) {
            (Some(found), _) => return Some(found),
            // what was asked for by name is not there: another one would be wrong
            (None, Some(_)) => return None,
            (None, None) => {}
        }
    }
    list.first()
}

/// Equal, a number as it is written and addresses without their last slash.
fn same(found: &Value, wanted: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) => text.trim_end_matches('/').to_owned(),
        other => other.to_string(),
    };
    found == wanted || text(found) == text(wanted)
}

#[cfg(test)]
mod tests {
    use gatehouse_catalogue::Catalogue;
    use serde_json::json;

    use super::*;

    fn docusign() -> Lookup {
        Catalogue::built_in().unwrap().get("docusign").unwrap().auth[0].lookup[0].clone()
    }

    #[test]
    fn the_account_that_was_asked_for_is_taken_else_the_default_one() {
        let answer = json!({"accounts": [
            {"account_id": "a", "is_default": false, "base_uri": "https://eu.docusign.net"},
            {"account_id": "b", "is_default": true, "base_uri": "https://na3.docusign.net"},
        ]});
        let of = |account: Option<&'static str>| {
            found(&docusign(), &answer, move |name| account.filter(|_| name == "account").map(str::to_owned))
        };
        assert_eq!(of(None).unwrap()[0], ("account_id".to_owned(), "b".to_owned()));
        assert_eq!(of(Some("a")).unwrap()[0].1, "a");
        assert!(of(Some("c")).is_err(), "another account would be wrong");
    }

    #[test]
    fn an_address_elsewhere_is_not_taken() {
        let answer = json!({"accounts": [{"account_id": "a", "base_uri": "https://evil.example"}]});
        let told = found(&docusign(), &answer, |_| None).unwrap_err();
        assert!(told.message().contains("base_uri"), "{told}");
        assert!(found(&docusign(), &json!({"accounts": []}), |_| None).is_err());
    }
}
