//! Connections as the API administers them: seed 004, rows R044 to R075.

mod certificates;
mod crud;
mod domain_checks;
mod domains;
mod expiry;
mod lifecycle;
mod listing;
mod oidc;

use serde_json::{Value, json};

const CONNECTIONS: &str = "/api/v1/sso/connections";

/// A connection over SAML that nobody answers for.
fn saml(name: &str) -> Value {
    let config = json!({"entityId": "https://idp.example/saml", "ssoUrl": "https://idp.example/sso"});
    json!({"name": name, "protocol": "saml", "samlConfig": config})
}

fn oidc(name: &str) -> Value {
    json!({"name": name, "protocol": "oidc", "oidcConfig": {
        "issuerUrl": "https://op.example", "clientId": "gatehouse", "clientSecret": "s3cret-of-the-client",
        "scopes": ["openid", "email"],
    }})
}

fn path_of(connection: &Value) -> String {
    format!("{CONNECTIONS}/{}", connection["id"].as_str().unwrap())
}
