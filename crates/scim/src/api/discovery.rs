//! What this server can do (RFC 7644 §4).

use axum::http::Method;
use serde_json::{Value, json};

use super::answer::Answer;
use super::endpoint::{BASE, Call, nothing_here, wrong_method};
use crate::Scim;
use crate::model::asked::MAX_RESULTS;
use crate::protocol::ScimError;
use crate::protocol::bulk::{MAX_OPERATIONS, MAX_PAYLOAD};
use crate::protocol::schema::{self, RESOURCE_TYPES};
use crate::refused::ScimResult;

/// The URN of lists.
pub(crate) const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// The URN of the configuration.
const CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

/// The address of the protocol, as clients see it.
pub(crate) fn base(scim: &Scim) -> String {
    scim.0.public_url.join(BASE)
}

pub(super) fn answer(scim: &Scim, call: &Call, first: &str) -> ScimResult<Answer> {
    if call.method != Method::GET && call.method != Method::HEAD {
        return Err(wrong_method());
    }
    let asks_filter = call.query.as_deref().unwrap_or_default().split('&').any(|p| p.starts_with("filter="));
    if asks_filter {
        return Err(ScimError::new(403, "Discovery is not filtered (RFC 7644, section 4).").into());
    }
    let base = base(scim);
    let id = call.path.get(1).map(String::as_str);
    if call.path.len() > 2 {
        return Err(nothing_here());
    }
    let found = match (first, id) {
        ("serviceproviderconfig", None) => config(&base),
        ("resourcetypes", None) => list(RESOURCE_TYPES.iter().map(|t| t.described(&base)).collect()),
        ("resourcetypes", Some(id)) => {
            let found = RESOURCE_TYPES.iter().find(|t| t.name.eq_ignore_ascii_case(id));
            found.ok_or_else(|| ScimError::not_found("ResourceType", id))?.described(&base)
        }
        ("schemas", None) => list(schema::schemas().map(|s| s.described(&base)).collect()),
        ("schemas", Some(id)) => {
            let found = schema::schemas().find(|s| s.is(id));
            found.ok_or_else(|| ScimError::not_found("Schema", id))?.described(&base)
        }
        _ => return Err(nothing_here()),
    };
    Ok(Answer::ok(found))
}

fn list(resources: Vec<Value>) -> Value {
    json!({
        "schemas": [LIST], "totalResults": resources.len(), "startIndex": 1, "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}

fn config(base: &str) -> Value {
    json!({
        "schemas": [CONFIG],
        "documentationUri": "https://www.rfc-editor.org/rfc/rfc7644",
        "patch": {"supported": true},
        "bulk": {"supported": true, "maxOperations": MAX_OPERATIONS, "maxPayloadSize": MAX_PAYLOAD},
        "filter": {"supported": true, "maxResults": MAX_RESULTS},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "OAuth Bearer Token", "primary": true,
            "description": "A SCIM token, made in the console or over the API.",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
        }, {
            "type": "oauth2", "name": "OAuth 2.0 client credentials", "primary": false,
            "description": "The id and the value of a SCIM token, exchanged at /scim/oauth/token for an hour.",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6749#section-4.4",
        }],
        "meta": {"resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig")},
    })
}
