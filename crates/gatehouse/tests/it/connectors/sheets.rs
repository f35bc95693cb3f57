//! What Icertis' and Azure's administrators are told: the guide, the hand-over sheet, `tenant.json`.

use gatehouse_types::Clock;
use serde_json::{Value, json};

use super::{CLIENT, CONNECTORS, TYPES, icertis, text};
use crate::support::{Client, TestApp, on_both};

async fn guide(owner: &Client) -> Vec<Value> {
    owner.get(&format!("{TYPES}/icertis-preview")).await.ok()["guide"].as_array().unwrap().clone()
}

/// The step with this title.
fn step<'a>(guide: &'a [Value], title: &str) -> &'a Value {
    guide.iter().find(|s| s["title"] == title).unwrap_or_else(|| panic!("{title}: {guide:?}"))
}

async fn r156_r157_r158_r159_the_guide_has_the_steps_in_azure(t: TestApp) {
    let guide = guide(&t.owner().await).await;
    let register = step(&guide, "Register an application");
    assert!(text(&register["place"]).contains("App registrations"));
    for part in [
        "New registration",
        "Accounts in this organizational directory only (Single tenant)",
        "**Web**",
        "{redirectUri}",
        "**Register**",
    ] {
        assert!(text(&register["text"]).contains(part), "{part}: {register}");
    }
    let implicit = step(&guide, "Allow access tokens");
    assert_eq!(implicit["vendorOnly"], true, "{implicit}");
    assert!(
        text(&implicit["text"]).contains("Implicit grant")
            && text(&implicit["text"]).contains("Access tokens")
    );
    let secret = step(&guide, "Make a client secret");
    assert!(
        text(&secret["text"]).contains("New client secret")
            && text(&secret["text"]).contains("when it expires")
    );
    let expose = step(&guide, "Expose the API");
    assert!(text(&expose["text"]).contains("api://{clientId}"), "{expose}");
    let of = t.owner().await.get(&format!("{TYPES}/icertis-preview")).await.ok();
    let scope =
        of["authentication"][0]["fields"].as_array().unwrap().iter().find(|f| f["key"] == "scope").unwrap();
    assert_eq!(scope["suggestion"], "api://{clientId}/.default offline_access");
}

/// The filled sheets of a connector.
async fn sheets(t: &TestApp) -> Vec<Value> {
    let owner = t.owner().await;
    let path = icertis(&owner).await;
    owner.get(&path).await.ok()["sheets"].as_array().unwrap().clone()
}

async fn r160_a_sheet_of_four_rows_for_development_and_production(t: TestApp) {
    let all = sheets(&t).await;
    for environment in ["Development", "Production"] {
        let sheet = all.iter().find(|s| s["environment"] == environment).unwrap();
        let rows: Vec<_> = sheet["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| (text(&r["label"]), text(&r["value"])))
            .collect();
        let document = "https://login.microsoftonline.com/t-1/v2.0/.well-known/openid-configuration";
        assert_eq!(
            rows,
            [
                ("Application (client) ID", CLIENT),
                ("Directory (tenant) ID", "t-1"),
                ("Object ID", ""),
                ("OpenID Connect metadata document", document),
            ]
            .map(|(l, v)| (l.to_owned(), v.to_owned()))
        );
    }
}

async fn r161_r162_r163_r164_the_keys_of_tenant_json_hold_the_tenant(t: TestApp) {
    let all = sheets(&t).await;
    let sheet = all.iter().find(|s| s["id"] == "tenant-json").unwrap();
    let json: Value = serde_json::from_str(&text(&sheet["json"])).unwrap();
    assert_eq!(
        json,
        json!({
            "Core.API.OAuth.STSDiscoveryEndpoint":
                "https://login.microsoftonline.com/t-1/v2.0/.well-known/openid-configuration",
            "Core.API.OAuth.ValidAudiences": format!("api://{CLIENT}"),
            "Core.API.OAuth.ValidIssuer": "https://sts.windows.net/t-1/",
            "Core.API.OAuth.ExternalUpnClaimUri":
                "http://schemas.microsoft.com/identity/claims/objectidentifier",
        })
    );
}

async fn r166_the_way_to_the_api_key_is_told(t: TestApp) {
    let owner = t.owner().await;
    let guide = guide(&owner).await;
    let key = step(&guide, "Find the API key");
    for part in
        ["https://{instance}.icertis.com/userinformation/GetUserApiToken", "UserApiToken", "developer tools"]
    {
        assert!(text(&key["text"]).contains(part), "{part}");
    }
    let of = owner.get(&format!("{TYPES}/icertis-preview")).await.ok();
    assert_eq!(of["fields"][0]["label"], "Icertis instance");
}

async fn r167_an_api_key_may_have_an_end_and_is_warned_about(t: TestApp) {
    let owner = t.owner().await;
    let day = |days: i64| t.clock.now().plus_seconds(days * 86_400).to_string()[..10].to_owned();
    let body = |end: Option<&str>| {
        json!({"type": "icertis-preview", "authType": "api-key",
        "fields": {"instance": "acme", "apiKey": "ici-key"}, "expiry": {"apiKey": end}})
    };
    let error = owner.post(CONNECTORS, body(Some("soon"))).await.refused(400, "validation_error");
    assert_eq!(error["field"], "expiry.apiKey");
    let made = owner.post(CONNECTORS, body(Some(&day(40)))).await.ok();
    let path = format!("{CONNECTORS}/{}", text(&made["id"]));
    assert_eq!(made["expiry"]["apiKey"], format!("{}T00:00:00Z", day(40)));
    assert_eq!(made["warnings"], json!([]));
    let told = async || {
        let mails = t.mails_to("owner@main.test").await;
        mails.into_iter().filter(|(subject, _)| subject.contains("API key of the connector")).count()
    };
    assert_eq!(told().await, 0);
    t.clock.advance(15 * 86_400);
    assert_eq!(told().await, 1, "30 days before");
    assert_eq!(told().await, 1, "once");
    let owner = t.owner().await;
    let warned = owner.get(&path).await.ok();
    assert!(text(&warned["warnings"][0]).contains("API key ends on"), "{warned}");
    t.clock.advance(24 * 86_400 + 43_200);
    assert_eq!(told().await, 2, "a day before; the week's warning fell due with it");
    // the next key has an end of its own, or none
    let owner = t.owner().await;
    let next = owner.put(&path, json!({"fields": {"apiKey": "ici-key"}})).await.ok();
    assert_eq!((&next["expiry"], &next["warnings"]), (&json!({}), &json!([])));
    // without an end nothing is warned about
    let none = owner
        .post(
            CONNECTORS,
            json!({"type": "icertis-preview", "authType": "api-key", "name": "No end",
        "fields": {"instance": "acme", "apiKey": "ici-key"}}),
        )
        .await
        .ok();
    assert_eq!(none["expiry"], json!({}));
}

async fn r158_the_end_of_a_client_secret_is_recorded(t: TestApp) {
    let owner = t.owner().await;
    let path = icertis(&owner).await;
    let set = owner.put(&path, json!({"expiry": {"clientSecret": "2026-12-31"}})).await.ok();
    assert_eq!(set["expiry"]["clientSecret"], "2026-12-31T00:00:00Z");
    let taken = owner.put(&path, json!({"expiry": {"clientSecret": null}})).await.ok();
    assert_eq!(taken["expiry"], json!({}));
    let error = owner.put(&path, json!({"expiry": {"tenantId": "2026-12-31"}})).await;
    assert_eq!(error.refused(400, "validation_error")["field"], "expiry.tenantId");
}

on_both![
    r156_r157_r158_r159_the_guide_has_the_steps_in_azure,
    r160_a_sheet_of_four_rows_for_development_and_production,
    r161_r162_r163_r164_the_keys_of_tenant_json_hold_the_tenant,
    r166_the_way_to_the_api_key_is_told,
    r167_an_api_key_may_have_an_end_and_is_warned_about,
    r158_the_end_of_a_client_secret_is_recorded,
];
