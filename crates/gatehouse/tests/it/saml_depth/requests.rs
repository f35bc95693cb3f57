use gatehouse_saml::AuthnRequest;
use gatehouse_saml::idp::ResponseBuilder;
use gatehouse_types::Clock;
use serde_json::{Value, json};

use crate::support::{Answer, Client, Form, LabConnection, TestApp, on_both};

const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

fn start(lab: &LabConnection) -> String {
    format!("/sso/{}/start", lab.id)
}

async fn reason(by: &Client, lab: &LabConnection) -> Value {
    by.get(&format!("{}/attempts?outcome=failure", lab.path)).await.ok()["data"][0]["reason"].clone()
}

async fn a_request_is_posted_signed_and_without_script(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let url = t.lab().posted_sign_on_url();
    let post = json!({"samlConfig": {"requestBinding": "post", "ssoUrl": url, "signRequests": true}});
    let changed = owner.put(&lab.path, post).await.ok();
    assert_eq!(changed["samlConfig"]["requestBinding"], "post");
    let browser = t.client();
    let page = browser.get(&start(&lab)).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("<button type=\"submit\""), "works without JavaScript");
    assert!(!page.body.contains("<script>") && !page.body.contains("onload="));
    assert!(page.header("content-security-policy").unwrap().contains("form-action"));
    let form = Form::read(&page.body).unwrap();
    assert_eq!(form.action, url);
    let asked = form.send(&browser).await;
    assert!(asked.body.contains("signed and verified"), "{}", asked.body);
    let mut choice = Form::read(&asked.body).unwrap();
    choice.fields.push(("person".to_owned(), "ada".to_owned()));
    let answer = Form::read(&choice.send(&browser).await.body).unwrap();
    assert_eq!(answer.send(&browser).await.status, 303);
    // a request that was tampered with is not answered
    let mut forged = Form::read(&browser.get(&start(&lab)).await.body).unwrap();
    forged.fields[0].1 = forged.fields[0].1.replacen('A', "B", 1);
    assert_eq!(forged.send(&browser).await.status, 400);
    let odd = json!({"samlConfig": {"requestBinding": "soap"}});
    assert_eq!(
        owner.put(&lab.path, odd).await.refused(400, "validation_error")["field"],
        "samlConfig.requestBinding"
    );
}

/// Answers the pending request of a browser, with a person that authenticated so many seconds ago.
async fn answer(t: &TestApp, lab: &LabConnection, browser: &Client, seconds_ago: i64) -> Answer {
    let started = browser.get(&start(lab)).await;
    let query = started.location().unwrap().split_once('?').unwrap().1.to_owned();
    let request = AuthnRequest::from_redirect_query(&query, None).unwrap();
    let mut form = t
        .hand_made_with(&lab.id, "ada@lab.test", |r: &mut ResponseBuilder| {
            r.in_response_to = Some(request.id.clone());
            r.destination.clone_from(&request.acs_url);
            r.recipient = request.acs_url.clone().unwrap();
            r.authn_instant = Some(t.clock.now().plus_seconds(-seconds_ago).micros());
        })
        .await;
    form.action = request.acs_url.unwrap();
    assert_eq!(request.force_authn, started.location().is_some() && t_forces(t, lab).await);
    form.send(browser).await
}

async fn t_forces(t: &TestApp, lab: &LabConnection) -> bool {
    t.owner().await.get(&lab.path).await.ok()["samlConfig"]["forceAuthn"] == true
}

async fn a_new_authentication_is_demanded_and_checked(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    assert_eq!(answer(&t, &lab, &t.client(), 3600).await.status, 303);
    owner.put(&lab.path, json!({"samlConfig": {"forceAuthn": true}})).await.ok();
    assert_eq!(answer(&t, &lab, &t.client(), 0).await.status, 303);
    assert_eq!(answer(&t, &lab, &t.client(), 3600).await.status, 401);
    assert_eq!(reason(&owner, &lab).await, "authn_not_fresh");
    // an answer to no request cannot show it
    assert_eq!(t.enter_from_lab(&t.client(), &lab.id, "ada").await.status, 401);
    assert_eq!(reason(&owner, &lab).await, "authn_not_demanded");
}

async fn a_context_and_a_kind_of_name_are_demanded(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let format = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
    let wish = json!({"samlConfig": {"authnContext": ["urn:x:mfa"], "nameIdFormat": format}});
    let set = owner.put(&lab.path, wish).await.ok();
    assert_eq!(
        (&set["samlConfig"]["authnContext"][0], &set["samlConfig"]["nameIdFormat"]),
        (&json!("urn:x:mfa"), &json!(format))
    );
    assert_eq!(answer(&t, &lab, &t.client(), 0).await.status, 401);
    assert_eq!(reason(&owner, &lab).await, "authn_context_mismatch");
    let wish = json!({"samlConfig": {"authnContext": ["urn:x:mfa", PASSWORD], "nameIdFormat": ""}});
    let set = owner.put(&lab.path, wish).await.ok();
    assert_eq!(set["samlConfig"]["nameIdFormat"], Value::Null);
    assert_eq!(answer(&t, &lab, &t.client(), 0).await.status, 303);
    for (field, bad) in [
        ("authnContext", json!(["no uri"])),
        ("authnContext", json!(vec!["urn:x:1"; 11])),
        ("nameIdFormat", json!("persistent")),
    ] {
        let error = owner.put(&lab.path, json!({"samlConfig": {field: bad}})).await;
        assert_eq!(error.refused(400, "validation_error")["field"], format!("samlConfig.{field}"));
    }
}

on_both![
    a_request_is_posted_signed_and_without_script,
    a_new_authentication_is_demanded_and_checked,
    a_context_and_a_kind_of_name_are_demanded,
];
