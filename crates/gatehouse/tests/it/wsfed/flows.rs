use gatehouse_saml::idp::{Encryption, KeyTransport, TokenKind};
use serde_json::{Value, json};

use super::{begun, parameters, start};
use crate::saml::{newest_failure, refused_for, signed_in_as};
use crate::support::{Form, TestApp, on_both};

async fn r023_a_sign_on_leads_to_the_provider_and_back_to_where_it_began(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let shown = owner.get(&lab.path).await.ok();
    let base = t.app.public_url().as_str().trim_end_matches('/').to_owned();
    let browser = t.client();
    let started = browser.get(&start(&lab, "/account")).await;
    assert_eq!(started.status, 303);
    let (place, said) = parameters(started.location().unwrap());
    assert_eq!(place, t.lab().wsfed_url());
    assert_eq!(said["wa"], "wsignin1.0");
    assert_eq!(json!(said["wtrealm"]), shown["wsfedConfig"]["realm"]);
    assert_eq!(said["wtrealm"], format!("{base}/wsfed/{}", lab.id));
    assert_eq!(said["wreply"], format!("{base}/wsfed/{}/reply", lab.id));
    assert_eq!(json!(said["wreply"]), shown["wsfedConfig"]["replyUrl"]);
    assert!(said["wctx"].len() >= 43 && said["wct"].ends_with('Z'), "{said:?}");
    assert_ne!(begun(&t.client(), &lab).await, said["wctx"]);

    for (person, kind) in [("ada", "saml11"), ("bruno", "saml11-13"), ("zoe", "saml20")] {
        let browser = t.client();
        let page = browser.get(started_at(&browser, &lab).await.as_str()).await;
        let mut form = Form::read(&page.body).unwrap();
        form.fields.extend([("person", person), ("kind", kind)].map(|(n, v)| (n.to_owned(), v.to_owned())));
        let answer = Form::read(&form.send(&browser).await.body).unwrap();
        assert_eq!(answer.action, said["wreply"]);
        let back = answer.send(&browser).await;
        assert_eq!((back.status, back.location()), (303, Some("/account")), "{kind}: {}", back.body);
        signed_in_as(&browser, &format!("{person}@lab.test")).await;
        let me = browser.get("/api/v1/me").await.ok();
        assert_eq!((&me["role"], &me["sessions"][0]["method"]), (&json!("member"), &json!("wsfed")));
        let attempt = owner.get(&format!("{}/attempts", lab.path)).await.ok()["data"][0].clone();
        assert_eq!((&attempt["outcome"], &attempt["flow"]), (&json!("success"), &json!("sp-initiated")));
        assert_eq!(
            (&attempt["hasResponse"], &attempt["usedFallbackCertificate"]),
            (&json!(true), &json!(false))
        );
        assert!(attempt["checks"].as_array().unwrap().iter().all(|c| c["ok"] == true));
    }
    let names: Vec<Value> = owner.get(&format!("{}/identities", lab.path)).await.ok()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["nameId"].clone())
        .collect();
    assert_eq!(names.len(), 3);
    // their sign-in attempts can be looked at and the message is shown without the person
    let attempt = owner.get(&format!("{}/attempts", lab.path)).await.ok()["data"][0].clone();
    let one = owner.get(&format!("{}/attempts/{}", lab.path, attempt["id"].as_str().unwrap())).await.ok();
    let text = one.to_string();
    assert!(text.contains("RequestSecurityTokenResponse") && text.contains(&said["wtrealm"]), "{text}");
}

async fn started_at(browser: &crate::support::Client, lab: &crate::support::LabConnection) -> String {
    browser.get(&start(lab, "/account")).await.location().unwrap().to_owned()
}

async fn a_realm_of_the_administrators_choice_is_asked_for_and_demanded(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let set = owner.put(&lab.path, json!({"wsfedConfig": {"realm": "urn:gatehouse:corp"}})).await.ok();
    assert_eq!(set["wsfedConfig"]["realm"], "urn:gatehouse:corp");
    let browser = t.client();
    let form = t.ask_lab(&browser, &start(&lab, "/"), "ada", "none").await;
    assert_eq!(form.send(&browser).await.status, 303);
    // a token for the former realm is none for this one
    let browser = t.client();
    let context = begun(&browser, &lab).await;
    let form = t.hand_made_token(&lab.id, Some(&context), |_| {}).await;
    refused_for(&owner, &lab, &browser, &form.send(&browser).await, "audience_mismatch").await;
    let set = owner.put(&lab.path, json!({"wsfedConfig": {"realm": ""}})).await.ok();
    assert!(set["wsfedConfig"]["realm"].as_str().unwrap().ends_with(&format!("/wsfed/{}", lab.id)));
}

async fn an_encrypted_token_is_opened(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let metadata = t.client().get("/saml/metadata").await.body;
    let (_, rest) = metadata.split_once("<ds:X509Certificate>").unwrap();
    let ours = gatehouse_saml::Certificate::from_pem_or_base64(rest.split('<').next().unwrap()).unwrap();
    for kind in [TokenKind::Saml11, TokenKind::Saml20] {
        let browser = t.client();
        let context = begun(&browser, &lab).await;
        let form = t
            .hand_made_token(&lab.id, Some(&context), |token| {
                token.kind = kind;
                token.response.encrypt = Some((ours.clone(), Encryption::Aes256Gcm, KeyTransport::OaepSha1));
            })
            .await;
        let back = form.send(&browser).await;
        assert_eq!((back.status, back.location()), (303, Some("/account")), "{kind:?}: {}", back.body);
    }
}

async fn r026_a_reply_counts_once_in_the_browser_that_asked(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let (browser, thief) = (t.client(), t.client());
    let form = t.ask_lab(&browser, &start(&lab, "/"), "ada", "none").await;
    refused_for(&owner, &lab, &thief, &form.send(&thief).await, "browser_mismatch").await;
    // a browser with a request of its own is another browser too
    let context = begun(&thief, &lab).await;
    refused_for(&owner, &lab, &thief, &form.send(&thief).await, "browser_mismatch").await;
    // nor does another request of one's own take a token that was not made for it ... once it was used
    assert_eq!(form.send(&browser).await.status, 303);
    let again = form.send(&t.client()).await;
    refused_for(&owner, &lab, &thief, &again, "request_unknown").await;
    let mut stolen = form.clone();
    stolen.fields.retain(|(name, _)| name != "wctx");
    stolen.fields.push(("wctx".to_owned(), context));
    refused_for(&owner, &lab, &thief, &stolen.send(&thief).await, "replayed").await;
    t.clock.advance(240);
    refused_for(&t.owner().await, &lab, &thief, &stolen.send(&thief).await, "replayed").await;
}

async fn a_request_expires_and_belongs_to_one_connection(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let other = t.active_wsfed(&owner, t.wsfed_body("Second"), "second.test").await;
    let browser = t.client();
    let context = begun(&browser, &other).await;
    let form = t.hand_made_token(&lab.id, Some(&context), |_| {}).await;
    refused_for(&owner, &lab, &browser, &form.send(&browser).await, "request_unknown").await;
    // a token for one connection is of no use at another, though both believe the same provider
    let context = begun(&browser, &other).await;
    let mut form = t.hand_made_token(&lab.id, Some(&context), |_| {}).await;
    form.action = t.app.sso().reply_url(&other.id.parse().unwrap());
    refused_for(&owner, &other, &browser, &form.send(&browser).await, "audience_mismatch").await;
    let context = begun(&browser, &lab).await;
    t.clock.advance(15 * 60 + 1);
    let form = t.hand_made_token(&lab.id, Some(&context), |_| {}).await;
    refused_for(&t.owner().await, &lab, &browser, &form.send(&browser).await, "request_unknown").await;
}

async fn a_reply_that_nobody_asked_for_counts_only_where_it_is_allowed(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let browser = t.client();
    for context in [None, Some("")] {
        let form = t.hand_made_token(&lab.id, context, |_| {}).await;
        refused_for(&owner, &lab, &browser, &form.send(&browser).await, "reply_not_asked").await;
        assert_eq!(newest_failure(&owner, &lab).await["flow"], "idp-initiated");
    }
    let allow = json!({"wsfedConfig": {"providerInitiated": true}});
    assert_eq!(owner.put(&lab.path, allow).await.ok()["wsfedConfig"]["providerInitiated"], true);
    let form = t.hand_made_token(&lab.id, None, |_| {}).await;
    assert_eq!(form.send(&browser).await.status, 303);
    signed_in_as(&browser, "ada@lab.test").await;
    let thief = t.client();
    refused_for(&owner, &lab, &thief, &form.send(&thief).await, "replayed").await;
    // an unknown context is not the same as none
    let form = t.hand_made_token(&lab.id, Some("rm=0&id=passive&ru=%2f"), |_| {}).await;
    refused_for(&owner, &lab, &thief, &form.send(&thief).await, "request_unknown").await;
    owner.post_to(&format!("{}/deactivate", lab.path)).await.ok();
    let form = t.hand_made_token(&lab.id, None, |_| {}).await;
    refused_for(&owner, &lab, &thief, &form.send(&thief).await, "connection_inactive").await;
}

async fn r061_an_inactive_connection_sends_nobody_and_takes_nobody(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let browser = t.client();
    let open = t.client();
    let form = t.ask_lab(&open, &start(&lab, "/"), "bruno", "none").await;
    assert_eq!(form.send(&open).await.status, 303);
    let waiting = t.ask_lab(&browser, &start(&lab, "/"), "ada", "none").await;
    owner.post_to(&format!("{}/deactivate", lab.path)).await.ok();
    refused_for(&owner, &lab, &browser, &waiting.send(&browser).await, "connection_inactive").await;
    assert_eq!(browser.get(&start(&lab, "/")).await.status, 403);
    signed_in_as(&open, "bruno@lab.test").await;
}

async fn what_is_no_reply_is_an_invalid_request(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let client = t.client();
    let path = format!("/wsfed/{}/reply", lab.id);
    let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
    for fields in [
        vec![],
        vec![pair("wa", "wsignin1.0")],
        vec![pair("wresult", "<a/>")],
        vec![pair("wa", "wsignout1.0"), pair("wresult", "<a/>")],
        vec![pair("wa", "wsignin1.0"), pair("wresultptr", "https://evil.test/token")],
    ] {
        let answer = client.form(&path, &fields).await;
        assert_eq!(answer.status, 400, "{fields:?}: {}", answer.body);
        assert_eq!(newest_failure(&owner, &lab).await["reason"], "form_invalid", "{fields:?}");
    }
    let context = begun(&client, &lab).await;
    for (text, reason) in [
        ("no XML", "not_well_formed"),
        ("<a/>", "unexpected_root"),
        ("<!DOCTYPE a><a/>", "doctype_forbidden"),
        ("", "not_well_formed"),
    ] {
        let form = crate::support::token_form(&path, text, Some(&context));
        refused_for(&owner, &lab, &client, &form.send(&client).await, reason).await;
    }
    let large = crate::support::token_form(&path, &" ".repeat(1024 * 1024 + 1), Some(&context));
    assert_eq!(large.send(&client).await.status, 413);
    assert_eq!(newest_failure(&owner, &lab).await["reason"], "message_too_large");
    let form = t.hand_made_token(&lab.id, None, |_| {}).await;
    for id in ["con_00000000000000000000000000000000", "x"] {
        assert_eq!(client.form(&format!("/wsfed/{id}/reply"), &form.fields).await.status, 404, "{id}");
    }
    let json = client.request("post", &path).form(&form.fields).header("accept", "application/json");
    let error: Value = client.send(json).await.refused(401, "authentication_error");
    assert!(error["decision"].as_str().unwrap().starts_with("dec_"));
}

async fn a_saml_connection_takes_no_reply_and_this_one_no_saml(t: TestApp) {
    let owner = t.owner().await;
    let saml = t.active_lab(&owner).await;
    let client = t.client();
    let form = t.hand_made_token(&saml.id, None, |_| {}).await;
    assert_eq!(form.send(&client).await.status, 404);
    assert_eq!(client.get(&format!("/wsfed/{}/reply?wa=wsignoutcleanup1.0", saml.id)).await.status, 404);
    let wsfed = t.active_wsfed(&owner, t.wsfed_body("W"), "second.test").await;
    let response = t.hand_made(&wsfed.id, "ada@lab.test", "ada@lab.test").await;
    let answer = response.send(&client).await;
    assert!(matches!(answer.status, 401 | 404), "{}", answer.body);
    assert!(client.cookie("gatehouse_session").is_none());
    assert_eq!(client.get(&format!("/saml/metadata/{}", wsfed.id)).await.status, 404);
}

async fn r063_people_outside_the_verified_domains_are_refused(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let browser = t.client();
    let form = t.ask_lab(&browser, &start(&lab, "/"), "mallory", "none").await;
    refused_for(&owner, &lab, &browser, &form.send(&browser).await, "domain_not_verified").await;
    owner.put(&lab.path, json!({"jitProvisioning": false})).await.ok();
    let form = t.ask_lab(&browser, &start(&lab, "/"), "ada", "none").await;
    refused_for(&owner, &lab, &browser, &form.send(&browser).await, "person_unknown").await;
}

async fn claims_can_be_mapped(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let upn = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";
    let map = json!({"wsfedConfig": {"attributeMapping": {"email": upn}}});
    assert_eq!(owner.put(&lab.path, map).await.ok()["wsfedConfig"]["attributeMapping"]["email"], upn);
    let browser = t.client();
    let context = begun(&browser, &lab).await;
    let form = t
        .hand_made_token(&lab.id, Some(&context), |token| {
            token.response.name_id = "S-1-5-21".to_owned();
            token.response.attributes = vec![(upn.to_owned(), vec!["chiara@lab.test".to_owned()])];
        })
        .await;
    assert_eq!(form.send(&browser).await.status, 303);
    signed_in_as(&browser, "chiara@lab.test").await;
}

on_both![
    r023_a_sign_on_leads_to_the_provider_and_back_to_where_it_began,
    a_realm_of_the_administrators_choice_is_asked_for_and_demanded,
    an_encrypted_token_is_opened,
    r026_a_reply_counts_once_in_the_browser_that_asked,
    a_request_expires_and_belongs_to_one_connection,
    a_reply_that_nobody_asked_for_counts_only_where_it_is_allowed,
    r061_an_inactive_connection_sends_nobody_and_takes_nobody,
    what_is_no_reply_is_an_invalid_request,
    a_saml_connection_takes_no_reply_and_this_one_no_saml,
    r063_people_outside_the_verified_domains_are_refused,
    claims_can_be_mapped,
];
