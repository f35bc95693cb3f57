//! Which provider speaks: judged by its name in `User-Agent`, else by how it puts its requests.

use std::str::FromStr;

use axum::http::Method;
use gatehouse_types::Error;
use serde::Serialize;
use serde_json::Value;
use url::form_urlencoded;

/// Operations of a PATCH that are looked at.
const LOOKED_AT: usize = 8;

/// The way of speaking of one provider's SCIM client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ScimDialect)]
pub(crate) enum Dialect {
    /// Microsoft Entra ID.
    Entra,
    /// Okta.
    Okta,
    /// OneLogin.
    OneLogin,
    /// JumpCloud.
    JumpCloud,
    /// PingFederate and PingOne.
    Ping,
    /// A client that shows nothing of the others.
    Other,
}

impl Dialect {
    const ALL: [Self; 6] =
        [Self::Entra, Self::Okta, Self::OneLogin, Self::JumpCloud, Self::Ping, Self::Other];

    /// The name, as stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Entra => "entra",
            Self::Okta => "okta",
            Self::OneLogin => "onelogin",
            Self::JumpCloud => "jumpcloud",
            Self::Ping => "ping",
            Self::Other => "other",
        }
    }

    /// The name for people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Entra => "Entra ID",
            Self::Okta => "Okta",
            Self::OneLogin => "OneLogin",
            Self::JumpCloud => "JumpCloud",
            Self::Ping => "Ping",
            Self::Other => "another",
        }
    }

    /// Who speaks, at the beginning of a sentence.
    pub(crate) const fn client(self) -> &'static str {
        match self {
            Self::Other => "The identity provider",
            known => known.name(),
        }
    }
}

impl FromStr for Dialect {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|d| d.as_str() == text);
        found.ok_or_else(|| Error::internal("an unknown dialect is stored"))
    }
}

/// The dialect of a request; a request that every provider could send is `Other`.
pub(crate) fn dialect(
    user_agent: Option<&str>,
    method: &Method,
    query: Option<&str>,
    body: &Value,
) -> Dialect {
    user_agent.and_then(by_name).or_else(|| by_shape(method, query, body)).unwrap_or(Dialect::Other)
}

/// The dialect of a client by what it calls itself.
pub(crate) fn by_name(user_agent: &str) -> Option<Dialect> {
    let name = user_agent.to_ascii_lowercase();
    let known = [
        ("okta", Dialect::Okta),
        ("azure", Dialect::Entra),
        ("entra", Dialect::Entra),
        ("onelogin", Dialect::OneLogin),
        ("jumpcloud", Dialect::JumpCloud),
        ("ping", Dialect::Ping),
    ];
    known.into_iter().find(|(part, _)| name.contains(part)).map(|(_, dialect)| dialect)
}

fn by_shape(method: &Method, query: Option<&str>, body: &Value) -> Option<Dialect> {
    let asked = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        pairs.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.into_owned())
    };
    match *method {
        Method::GET => {
            // Entra looks for a group without the weight of its members
            if asked("excludedAttributes").as_deref() == Some("members") {
                return Some(Dialect::Entra);
            }
            // Okta pages even what can be found once
            let by_user_name = asked("filter").is_some_and(|f| f.starts_with("userName eq "));
            let pages =
                asked("startIndex").as_deref() == Some("1") && asked("count").as_deref() == Some("100");
            (by_user_name && pages).then_some(Dialect::Okta)
        }
        // Entra says of what kind a new resource is
        Method::POST => body["meta"]["resourceType"].is_string().then_some(Dialect::Entra),
        Method::PATCH => {
            let operations = body["Operations"].as_array()?;
            let mut some = operations.iter().take(LOOKED_AT);
            // Entra writes Add, Replace and Remove; Okta renames a group by a value that repeats its id
            some.find_map(|operation| {
                let is_capital = operation["op"]
                    .as_str()
                    .is_some_and(|op| op.starts_with(|c: char| c.is_ascii_uppercase()));
                let repeats_id = operation.get("path").is_none() && operation["value"]["id"].is_string();
                match (is_capital, repeats_id) {
                    (true, _) => Some(Dialect::Entra),
                    (false, true) => Some(Dialect::Okta),
                    (false, false) => None,
                }
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_name_has_the_last_word() {
        let of = |name| dialect(Some(name), &Method::GET, Some("excludedAttributes=members"), &Value::Null);
        assert_eq!(of("Okta SCIM Client 1.0.0"), Dialect::Okta);
        assert_eq!(of("Microsoft Azure AD SCIM provisioning 1.2.3"), Dialect::Entra);
        assert_eq!(of("OneLogin-SCIM/2"), Dialect::OneLogin);
        assert_eq!(of("JumpCloud"), Dialect::JumpCloud);
        assert_eq!(of("PingFederate/12"), Dialect::Ping);
        assert_eq!(of("curl/8"), Dialect::Entra);
    }

    #[test]
    fn without_a_name_the_shape_tells_where_it_is_told_apart() {
        let get = |query| dialect(None, &Method::GET, Some(query), &Value::Null);
        assert_eq!(get("filter=userName%20eq%20%22a%22&startIndex=1&count=100"), Dialect::Okta);
        assert_eq!(get("excludedAttributes=members&filter=displayName%20eq%20%22g%22"), Dialect::Entra);
        assert_eq!(get("filter=userName%20eq%20%22a%22"), Dialect::Other);
        let patch = |op: Value| dialect(None, &Method::PATCH, None, &json!({"Operations": [op]}));
        assert_eq!(patch(json!({"op": "Replace", "path": "active", "value": "False"})), Dialect::Entra);
        assert_eq!(
            patch(json!({"op": "replace", "value": {"id": "scg_1", "displayName": "G"}})),
            Dialect::Okta
        );
        assert_eq!(patch(json!({"op": "replace", "path": "active", "value": false})), Dialect::Other);
        let post = json!({"userName": "a", "meta": {"resourceType": "User"}});
        assert_eq!(dialect(None, &Method::POST, None, &post), Dialect::Entra);
        for dialect in Dialect::ALL {
            assert_eq!(dialect.as_str().parse::<Dialect>().unwrap(), dialect);
        }
    }
}
