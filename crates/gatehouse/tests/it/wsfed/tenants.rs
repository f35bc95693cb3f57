use gatehouse_lab::{LAB_DOMAIN, LAB_TENANT};
use gatehouse_saml::idp::ResponseBuilder;
use serde_json::{Value, json};

use super::{begun, start};
use crate::saml::{newest_failure, refused_for, signed_in_as};
use crate::support::{TestApp, on_both};

fn shared(t: &TestApp, tenant: Option<&str>) -> Value {
    let mut body = t.wsfed_body("Azure");
    body["provider"] = json!("azure");
    body["wsfedConfig"] = json!({
        "signOnUrl": t.lab().shared_wsfed_url(), "metadataUrl": t.lab().shared_wsfed_metadata_url(), "tenantId": tenant,
    });
    body
}

async fn r022_a_shared_service_is_bound_to_one_tenant(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_wsfed(&owner, shared(&t, Some(LAB_TENANT)), LAB_DOMAIN).await;
    let shown = owner.get(&lab.path).await.ok()["wsfedConfig"].clone();
    assert_eq!((&shown["issuer"], &shown["tenantId"]), (&json!(t.lab().shared_issuer()), &json!(LAB_TENANT)));
    let browser = t.client();
    let form = t.ask_lab(&browser, &start(&lab, "/"), "ada", "none").await;
    assert_eq!(form.send(&browser).await.status, 303);
    signed_in_as(&browser, "ada@lab.test").await;
    // the same key signs for another tenant, whose administrator may call anybody anything
    let browser = t.client();
    let form = t.ask_lab(&browser, &start(&lab, "/"), "ada", "other_tenant").await;
    refused_for(&owner, &lab, &browser, &form.send(&browser).await, "tenant_mismatch").await;
    let failed = newest_failure(&owner, &lab).await;
    assert!(failed.to_string().contains(LAB_TENANT), "{failed}");
    let form = t.ask_lab(&browser, &start(&lab, "/"), "ada", "wrong_issuer").await;
    refused_for(&owner, &lab, &browser, &form.send(&browser).await, "issuer_mismatch").await;
    // nor does a token count whose issuer is the template itself, or its beginning
    for issuer in [t.lab().shared_issuer(), t.lab().shared_issuer().replace("{tenantid}/", "")] {
        let context = begun(&browser, &lab).await;
        let form = t
            .hand_made_token(&lab.id, Some(&context), |token| {
                token.response = ResponseBuilder { issuer: issuer.clone(), ..token.response.clone() };
            })
            .await;
        refused_for(&owner, &lab, &browser, &form.send(&browser).await, "issuer_mismatch").await;
    }
}

async fn r022_without_a_tenant_a_shared_service_is_stored_and_not_activated(t: TestApp) {
    let owner = t.owner().await;
    let made = owner.post("/api/v1/sso/connections", shared(&t, None)).await.ok();
    let path = format!("/api/v1/sso/connections/{}", made["id"].as_str().unwrap());
    assert_eq!(made["wsfedConfig"]["issuer"], json!(t.lab().shared_issuer()));
    assert_eq!(made["wsfedConfig"]["tenantId"], Value::Null);
    t.prove(&owner, &path, LAB_DOMAIN).await;
    let tested = owner.post_to(&format!("{path}/test")).await.ok();
    assert_eq!((&tested["success"], &tested["details"]["metadataValid"]), (&json!(false), &json!(false)));
    assert_eq!(tested["details"]["certificateValid"], true);
    assert!(tested["error"].as_str().unwrap().contains("tenantId"), "{tested}");
    owner.post_to(&format!("{path}/activate")).await.refused(400, "validation_error");
    for bad in ["common", "contoso.example", "{tenantid}", "72f988bf86f141af91ab2d7cd011db47"] {
        let error = owner.put(&path, json!({"wsfedConfig": {"tenantId": bad}})).await;
        assert_eq!(error.refused(400, "validation_error")["field"], "wsfedConfig.tenantId", "{bad}");
    }
    // the tenant in the sign-on address is as good
    let url = format!("https://login.microsoftonline.com/{}/wsfed", LAB_TENANT.to_uppercase());
    let set = owner.put(&path, json!({"wsfedConfig": {"signOnUrl": url}})).await.ok();
    assert_eq!(set["wsfedConfig"]["tenantId"], json!(LAB_TENANT));
    assert_eq!(owner.post_to(&format!("{path}/test")).await.ok()["success"], true);
}

async fn r022_the_common_document_is_an_accepted_value_though_it_cannot_be_reached(t: TestApp) {
    let owner = t.owner().await;
    let common = "https://login.microsoftonline.com/common/FederationMetadata/2007-06/FederationMetadata.xml";
    // no such name in the DNS of the tests
    let body = json!({"name": "Azure", "protocol": "wsfed", "provider": "azure", "wsfedConfig":
        {"signOnUrl": format!("https://login.microsoftonline.com/{LAB_TENANT}/wsfed"), "metadataUrl": common}});
    let made = owner.post("/api/v1/sso/connections", body).await.ok();
    let wsfed = &made["wsfedConfig"];
    assert_eq!((&wsfed["metadataUrl"], &wsfed["hasCertificate"]), (&json!(common), &json!(false)));
    assert!(wsfed["metadata"]["error"].as_str().unwrap().contains("could not be fetched"), "{wsfed}");
    let path = format!("/api/v1/sso/connections/{}", made["id"].as_str().unwrap());
    let tested = owner.post_to(&format!("{path}/test")).await.ok();
    assert_eq!((&tested["success"], &tested["details"]["metadataValid"]), (&json!(false), &json!(false)));
    assert_eq!(owner.get(&path).await.ok()["status"], "error");
}

on_both![
    r022_a_shared_service_is_bound_to_one_tenant,
    r022_without_a_tenant_a_shared_service_is_stored_and_not_activated,
    r022_the_common_document_is_an_accepted_value_though_it_cannot_be_reached,
];
