//! API nodes with an authorization profile: as the person where the person authorized it, else as the workspace.

use gatehouse_types::Role;
use serde_json::json;

use super::{FLOWS, deployed, ended, row, started, text};
use crate::connect::{self, Provider};
use crate::support::{TestApp, on_both};

async fn r191_a_request_takes_the_persons_own_authorization_else_the_workspaces(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let values = connect::with(connect::oauth2(&provider), &json!({"allowedHosts": [provider.host()]}));
    let profile = connect::made(&owner, &values).await;
    let id = profile.rsplit('/').next().unwrap();
    let node = json!({"id": "call", "kind": "api", "request": {"method": "POST", "url": provider.at("/echo/x"),
        "body": {"type": "json", "value": {"a": 1}}, "authProfileId": id}});
    let output = json!({"account": "{{ steps.call.output.body.account }}", "body": "{{ steps.call.output.body.body }}",
        "key": "{{ steps.call.output.body.headers[\"idempotency-key\"] }}"});
    let flow = deployed(&owner, "Through a profile", row(&[node], output)).await;
    // nobody authorized it yet
    let done = ended(&t, &owner, &started(&owner, &flow, json!({})).await).await;
    assert_eq!(done["status"], "Error", "{done}");
    let back = provider.consent_as(&connect::begun(&owner, &profile, json!({})).await, "company");
    assert_eq!(owner.get(&back).await.status, 303);
    let done = ended(&t, &owner, &started(&owner, &flow, json!({})).await).await;
    assert_eq!(
        (&done["status"], &done["output"]["account"]),
        (&json!("Success"), &json!("company")),
        "{done}"
    );
    assert_eq!(done["steps"][1]["effectiveIdentity"], "workspace");
    assert_eq!((&done["output"]["body"], text(&done["output"]["key"]).len()), (&json!("{\"a\":1}"), 32));
    let member = t.member_of(Role::Member).await;
    let back = provider.consent_as(&connect::begun(&member, &profile, json!({"as": "person"})).await, "ada");
    assert_eq!(member.get(&back).await.status, 303);
    let done = ended(&t, &member, &started(&member, &flow, json!({})).await).await;
    let me = text(&member.get("/api/v1/me").await.ok()["user"]["id"]);
    assert_eq!(
        (&done["output"]["account"], &done["steps"][1]["effectiveUserId"]),
        (&json!("ada"), &json!(me)),
        "{done}"
    );
    let ledger = member.get("/api/v1/outbound-calls").await.ok();
    assert_eq!(ledger["data"][0]["cause"], json!(format!("flow:{flow}")), "{ledger}");
    // flows go only where the profile says
    owner.put(&profile, json!({"allowedHosts": ["api.example.com"]})).await.ok();
    let done = ended(&t, &member, &started(&member, &flow, json!({})).await).await;
    assert_eq!(done["status"], "Error");
    assert!(text(&done["message"]).contains("hosts that it names"), "{done}");
    // one that is gone blocks the next deployment
    owner.delete(&profile).await.ok();
    owner.post_to(&format!("{FLOWS}/{flow}/deploy")).await.refused(409, "conflict");
}

async fn a_request_without_a_profile_is_in_the_ledger_as_nobodys(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let node =
        json!({"id": "call", "kind": "api", "request": {"method": "GET", "url": provider.at("/echo/x")}});
    let flow = deployed(&owner, "Without one", row(&[node], json!("done"))).await;
    let member = t.member_of(Role::Member).await;
    let done = ended(&t, &member, &started(&member, &flow, json!({})).await).await;
    assert_eq!(done["status"], "Error", "the echo takes nobody without a token: {done}");
    let me = text(&member.get("/api/v1/me").await.ok()["user"]["id"]);
    for reader in [&member, &owner] {
        let rows = reader.get("/api/v1/outbound-calls").await.ok();
        let row = &rows["data"][0];
        assert_eq!((&row["cause"], &row["actingUserId"]), (&json!(format!("flow:{flow}")), &json!(me)));
        assert_eq!((&row["effectiveIdentity"], &row["effectiveUserId"]), (&json!("none"), &json!(null)));
        assert_eq!(
            (&row["holderKind"], &row["holderId"], &row["holderName"]),
            (&json!("none"), &json!(null), &json!(null))
        );
        assert_eq!((&row["credential"], &row["credentialVersion"]), (&json!("none"), &json!(0)));
        assert_eq!(
            (&row["host"], &row["method"], &row["status"]),
            (&json!(provider.host()), &json!("GET"), &json!(401))
        );
    }
    // and so is one that somebody tries out in the editor, and one that reaches nobody
    let tried = json!({"request": {"method": "GET", "url": "http://127.0.0.1:9/"}});
    owner.post(&format!("{FLOWS}/requests/test"), tried).await;
    let rows = owner.get("/api/v1/outbound-calls?host=127.0.0.1:9").await.ok();
    assert_eq!(
        (&rows["data"][0]["cause"], &rows["data"][0]["error"]),
        (&json!("request"), &json!("connect")),
        "{rows}"
    );
}

on_both![
    r191_a_request_takes_the_persons_own_authorization_else_the_workspaces,
    a_request_without_a_profile_is_in_the_ledger_as_nobodys,
];
