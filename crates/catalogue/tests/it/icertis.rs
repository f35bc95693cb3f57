//! Icertis, word by word.

use gatehouse_catalogue::{AuthKind, AuthType, Place, Template};

use crate::catalogue::built_in;

fn auth(index: usize) -> &'static AuthType {
    &built_in().get("icertis-preview").unwrap().auth[index]
}

fn filled(template: &Template) -> String {
    let value = |name: &str| Some(format!("<{name}>"));
    template.fill(value).unwrap()
}

#[test]
fn oauth_is_the_default_and_asks_for_exactly_four_values() {
    assert_eq!(auth(0).kind, AuthKind::Oauth2Code);
    let labels: Vec<&str> = auth(0).fields.iter().map(|field| field.label.as_str()).collect();
    assert_eq!(labels, ["Client ID", "Client Secret", "Tenant ID", "Scope"]);
    for field in &auth(0).fields {
        assert_eq!(field.check("").unwrap_err().to_string(), format!("{} must be filled in", field.label));
    }
    let scope = auth(0).fields[3].suggestion.as_ref().unwrap();
    assert_eq!(filled(scope), "api://<client_id>/.default offline_access");
}

#[test]
fn the_token_comes_from_the_tenant_in_azure() {
    let oauth = auth(0).oauth.as_ref().unwrap();
    let tenant = |_: &str| Some("t-1".to_owned());
    let authorization = oauth.authorization_url.as_ref().unwrap().fill(tenant).unwrap();
    assert_eq!(authorization.as_str(), "https://login.microsoftonline.com/t-1/oauth2/v2.0/authorize");
    assert_eq!(
        oauth.token_url.fill(tenant).unwrap().as_str(),
        "https://login.microsoftonline.com/t-1/oauth2/v2.0/token"
    );
    let placements = auth(0).placements();
    assert_eq!(placements[0].name, "Authorization");
    assert_eq!(placements[0].value.source(), "Bearer {access_token}");
}

#[test]
fn the_api_key_is_one_secret_sent_as_icmauthtoken() {
    assert_eq!((auth(1).kind, auth(1).fields.len()), (AuthKind::ApiKey, 1));
    assert!(auth(1).fields[0].secret && auth(1).fields[0].expires);
    let placements = auth(1).placements();
    assert_eq!((placements[0].place, placements[0].name.as_str()), (Place::Header, "ICMAuthToken"));
    let help = auth(1).fields[0].help.as_ref().unwrap();
    assert!(filled(help).contains("https://<instance>.icertis.com/userinformation/GetUserApiToken"));
}

#[test]
fn the_token_is_held_against_the_four_settings() {
    let icertis = built_in().get("icertis-preview").unwrap();
    let sheet = icertis.sheets.iter().find(|sheet| sheet.id.as_str() == "tenant-json").unwrap();
    let rows: Vec<(&str, String)> =
        sheet.rows.iter().map(|row| (row.label.as_str(), filled(row.value.as_ref().unwrap()))).collect();
    let expected = [
        (
            "Core.API.OAuth.STSDiscoveryEndpoint",
            "https://login.microsoftonline.com/<tenant_id>/v2.0/.well-known/openid-configuration",
        ),
        ("Core.API.OAuth.ValidAudiences", "api://<client_id>"),
        ("Core.API.OAuth.ValidIssuer", "https://sts.windows.net/<tenant_id>/"),
        (
            "Core.API.OAuth.ExternalUpnClaimUri",
            "http://schemas.microsoft.com/identity/claims/objectidentifier",
        ),
    ];
    assert_eq!(rows, expected.map(|(label, value)| (label, value.to_owned())));

    let claims = &auth(0).oauth.as_ref().unwrap().expected_claims;
    let settings: Vec<(&str, &str)> =
        claims.iter().map(|claim| (claim.claim.as_str(), claim.setting.as_str())).collect();
    assert_eq!(settings, [("aud", expected[1].0), ("iss", expected[2].0), ("oid", expected[3].0)]);
    assert_eq!(filled(&claims[1].equals[0]), expected[2].1);
}

#[test]
fn the_guide_has_the_steps_in_azure_and_the_callback() {
    let icertis = built_in().get("icertis-preview").unwrap();
    let text: String = icertis.guide.iter().map(|step| format!("{}\n{}\n", step.title, step.text)).collect();
    for part in [
        "{redirect_uri}",
        "Accounts in this organizational directory only (Single tenant)",
        "Access tokens",
        "New client secret",
        "api://{client_id}",
        "UserApiToken",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(
        icertis.guide.iter().any(|step| step.vendor_only && step.text.source().contains("Implicit grant"))
    );
    let sheet = icertis.sheets.iter().find(|sheet| sheet.id.as_str() == "hand-over").unwrap();
    assert_eq!(sheet.environments, ["Development", "Production"]);
    assert_eq!(sheet.rows.len(), 4);
}
