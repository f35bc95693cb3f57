//! Every way to authenticate that is no consent: what is sent, and how it is renewed.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use gatehouse_saml::SigningKey;
use serde_json::{Value, json};

use super::{CONNECTORS, authorized, consent, text};
use crate::support::{Client, TestApp, on_both};

async fn made(by: &Client, body: Value) -> String {
    let made = by.post(CONNECTORS, body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    format!("{CONNECTORS}/{}", text(&made.json()["id"]))
}

async fn tested(by: &Client, path: &str) -> Value {
    let tested = by.post_to(&format!("{path}/test")).await.ok();
    assert_eq!(tested["success"], true, "{tested}");
    tested
}

async fn client_credentials_bring_a_token_and_the_address_of_the_account(t: TestApp) {
    let owner = t.owner().await;
    let token = "acme.my.salesforce.com/services/oauth2/token";
    let given =
        |instance: &str| json!({"access_token": "sf-1", "token_type": "Bearer", "instance_url": instance});
    t.outside().answer(token, 200, &given("https://acme.my.salesforce.com"));
    t.outside().answer("acme.my.salesforce.com/services/data/v62.0/limits", 200, &json!({}));
    let fields = json!({"loginHost": "acme.my.salesforce.com", "clientId": "c", "clientSecret": "hush-sf"});
    let body = json!({"type": "salesforce", "authType": "client-credentials", "fields": fields});
    let path = made(&owner, body.clone()).await;
    tested(&owner, &path).await;
    let seen = t.outside().take();
    let form = seen.iter().find(|s| s.path.ends_with("/token")).unwrap().form();
    assert_eq!(
        (form["grant_type"].as_str(), form["client_secret"].as_str()),
        ("client_credentials", "hush-sf")
    );
    let call = seen.iter().find(|s| s.path.ends_with("/limits")).unwrap();
    assert_eq!(call.header("authorization"), "Bearer sf-1");
    assert_eq!(owner.get(&path).await.ok()["status"], "connected");
    // an address that is not Salesforce's gets nothing
    t.outside().forget(token);
    t.outside().answer(token, 200, &given("https://petstore.example"));
    let mut other = body;
    other["name"] = json!("Elsewhere");
    let other = made(&owner, other).await;
    let refused = owner.post_to(&format!("{other}/test")).await.ok();
    assert!(refused["success"] == false && text(&refused["message"]).contains("instance_url"), "{refused}");
    assert!(t.outside().take_at("petstore.example").is_empty());
}

async fn the_account_is_looked_up_once_and_its_address_bounded(t: TestApp) {
    let owner = t.owner().await;
    t.outside().answer(
        "account.docusign.com/oauth/token",
        200,
        &json!({"access_token": "ds-1",
        "token_type": "Bearer", "expires_in": 28800, "refresh_token": "dr-1"}),
    );
    let info = "account.docusign.com/oauth/userinfo";
    t.outside().answer(
        info,
        200,
        &json!({"accounts": [
        {"account_id": "a-0", "is_default": false, "base_uri": "https://na3.docusign.net"},
        {"account_id": "a-1", "is_default": true, "base_uri": "https://na3.docusign.net"}]}),
    );
    let account = "na3.docusign.net/restapi/v2.1/accounts/a-1";
    t.outside().answer(account, 200, &json!({"accountName": "Acme"}));
    t.outside().answer(&format!("{account}/envelopes/e-1"), 200, &json!({"status": "sent"}));
    let fields = json!({"clientId": super::CLIENT, "clientSecret": "hush-ds"});
    let path = made(&owner, json!({"type": "docusign", "fields": fields})).await;
    authorized(&owner, &path).await;
    let seen = t.outside().take_at("account.docusign.com");
    let basic = seen.iter().find(|s| s.path == "/oauth/token").unwrap().header("authorization").to_owned();
    let pair = BASE64_STANDARD.decode(basic.strip_prefix("Basic ").unwrap()).unwrap();
    assert_eq!(pair, format!("{}:hush-ds", super::CLIENT).into_bytes());
    assert_eq!(tested(&owner, &path).await["identity"], "Acme");
    t.outside().take();
    let run = format!("{path}/actions/get-envelope");
    let done = owner.post(&run, json!({"parameters": {"envelopeId": "e-1"}})).await.ok();
    assert_eq!(done["output"]["status"], "sent", "{done}");
    assert!(t.outside().take_at("account.docusign.com").is_empty(), "what was told is kept");
    t.outside().forget(info);
    t.outside().answer(
        info,
        200,
        &json!({"accounts": [
        {"account_id": "a-1", "is_default": true, "base_uri": "https://petstore.example"}]}),
    );
    let refused = owner.post_to(&format!("{path}/test")).await.ok();
    assert!(refused["success"] == false && text(&refused["message"]).contains("base_uri"), "{refused}");
    assert!(t.outside().take_at("petstore.example").is_empty());
}

async fn a_service_account_signs_an_assertion_for_each_token(t: TestApp) {
    let owner = t.owner().await;
    t.outside().answer(
        "oauth2.googleapis.com/token",
        200,
        &json!({"access_token": "g-1", "expires_in": 3600}),
    );
    t.outside().answer(
        "www.googleapis.com/drive/v3/about",
        200,
        &json!({"user": {"emailAddress": "sa@acme"}}),
    );
    let der = SigningKey::generate().unwrap().to_pkcs8_der().unwrap();
    let body = BASE64_STANDARD.encode(&*der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|c| std::str::from_utf8(c).unwrap()).collect();
    let pem =
        format!("-----BEGIN PRIVATE KEY-----\r\n{}\r\n-----END PRIVATE KEY-----\r\n", lines.join("\r\n"));
    let fields = json!({"clientEmail": "sa@acme.example", "privateKey": pem});
    let path =
        made(&owner, json!({"type": "google-sheets", "authType": "service-account", "fields": fields})).await;
    tested(&owner, &path).await;
    let seen = t.outside().take();
    let form = seen.iter().find(|s| s.path == "/token").unwrap().form();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert!(!form.contains_key("client_id"), "{form:?}");
    let payload = form["assertion"].split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!("sa@acme.example"), &json!("https://oauth2.googleapis.com/token"))
    );
    assert!(claims.get("sub").is_none(), "a blank person to act for is left out");
    let call = seen.iter().find(|s| s.host == "www.googleapis.com").unwrap();
    assert_eq!(call.header("authorization"), "Bearer g-1");
    // a key that is none is told in plain words
    let pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
    owner.put(&path, json!({"fields": {"privateKey": pem}})).await.ok();
    t.clock.advance(7_200);
    let owner = t.owner().await;
    let odd = owner.post_to(&format!("{path}/test")).await.ok();
    assert!(odd["success"] == false && text(&odd["message"]).contains("private key"), "{odd}");
}

async fn requests_are_signed_for_aws_and_with_oauth_1(t: TestApp) {
    let owner = t.owner().await;
    t.outside().answer("polly.eu-west-1.amazonaws.com/v1/voices", 200, &json!({"Voices": []}));
    let keys = json!({"region": "eu-west-1", "accessKeyId": "AKIDEXAMPLE0", "secretAccessKey": "hush-aws"});
    let path = owner.post(CONNECTORS, json!({"type": "amazon-polly", "fields": keys})).await;
    assert_eq!(path.refused(400, "validation_error")["field"], "fields.accessKeyId");
    let keys = json!({"region": "eu-west-1", "accessKeyId": "AKIAEXAMPLE0", "secretAccessKey": "hush-aws"});
    let path = made(&owner, json!({"type": "amazon-polly", "fields": keys})).await;
    let report = tested(&owner, &path).await;
    let seen = t.outside().take_at("polly.eu-west-1.amazonaws.com");
    let signature = seen[0].header("authorization");
    assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE0/"), "{signature}");
    assert!(
        signature.contains("/eu-west-1/polly/aws4_request, SignedHeaders=host;x-amz-date, Signature="),
        "{signature}"
    );
    assert!(!report.to_string().contains("hush-aws"));

    t.outside().answer("api.trello.com/1/members/me", 200, &json!({"username": "ada"}));
    let keys =
        json!({"consumerKey": "ck", "consumerSecret": "hush-cs", "token": "tk", "tokenSecret": "hush-ts"});
    let of = owner.get("/api/v1/connector-types/trello").await.ok();
    let way =
        of["authTypes"].as_array().unwrap().iter().find(|a| a["kind"] == "oauth1").unwrap()["id"].clone();
    // a value that was a secret becomes readable in no other way to authenticate
    let other = json!({"type": "trello", "authType": "key-token", "fields": {"apiKey": "hush-key", "token": "hush-token"}});
    let other = made(&owner, other).await;
    let error = owner.put(&other, json!({"authType": way, "fields": {"consumerKey": "ck", "consumerSecret": "x", "tokenSecret": "y"}})).await;
    assert_eq!(error.refused(400, "validation_error")["field"], "fields.token");
    assert!(!owner.get(&other).await.body.contains("hush-token"));
    owner.delete(&other).await.ok();
    let path = made(&owner, json!({"type": "trello", "authType": way, "fields": keys})).await;
    assert_eq!(tested(&owner, &path).await["identity"], "ada");
    let seen = t.outside().take_at("api.trello.com");
    let header = seen[0].header("authorization");
    for part in [
        "OAuth oauth_consumer_key=\"ck\"",
        "oauth_signature_method=\"HMAC-SHA1\"",
        "oauth_token=\"tk\"",
        "oauth_signature=\"",
    ] {
        assert!(header.contains(part), "{part}: {header}");
    }
}

async fn a_sign_in_call_gives_a_token_that_is_renewed_once_it_is_refused(t: TestApp) {
    let owner = t.owner().await;
    let session = "vcenter.acme.example/api/session";
    let keys = json!({"vcenterHost": "vcenter.acme.example", "username": "gatehouse", "password": "hush-vc"});
    let path = made(&owner, json!({"type": "vmware-esxi-vsphere", "fields": keys})).await;
    // the same address: the sign-in answers a text, its test who is there
    t.outside().answer(session, 201, &json!("session-1"));
    let vms = "vcenter.acme.example/api/vcenter/vm";
    t.outside().answer(vms, 200, &json!([{"vm": "vm-1"}]));
    let run = format!("{path}/actions/list-vms");
    let done = owner.post(&run, json!({})).await.ok();
    assert_eq!(done["output"][0]["vm"], "vm-1", "{done}");
    let seen = t.outside().take_at("vcenter.acme.example");
    let pair = BASE64_STANDARD.encode("gatehouse:hush-vc");
    assert_eq!(seen[0].header("authorization"), format!("Basic {pair}"));
    assert_eq!((seen[1].header("vmware-api-session-id"), seen[1].header("authorization")), ("session-1", ""));
    owner.post(&run, json!({})).await.ok();
    assert_eq!(t.outside().take_at("vcenter.acme.example").len(), 1, "the token is kept");
    t.outside().forget(vms);
    t.outside().answer(vms, 401, &json!({}));
    t.outside().answer(vms, 200, &json!([]));
    t.outside().forget(session);
    t.outside().answer(session, 201, &json!("session-2"));
    let done = owner.post(&run, json!({})).await.ok();
    assert_eq!((&done["success"], &done["status"]), (&json!(true), &json!(200)), "{done}");
    let seen = t.outside().take_at("vcenter.acme.example");
    let tokens: Vec<_> = seen.iter().map(|s| s.header("vmware-api-session-id").to_owned()).collect();
    assert_eq!(tokens, ["session-1", "", "session-2"]);
    // a sign-in that is refused is told, and holds no password
    t.outside().forget(session);
    t.outside().answer(session, 401, &json!({"messages": [{"default_message": "wrong hush-vc"}]}));
    owner.put(&path, json!({"fields": {"username": "other"}})).await.ok();
    let refused = owner.post(&run, json!({})).await.refused(409, "conflict");
    assert!(text(&refused["message"]).contains("refused the sign-in"), "{refused}");
    assert!(!refused.to_string().contains("hush-vc"), "{refused}");

    // a token that comes as a cookie
    t.outside().answer_with(
        "edirapi.acme.example/eDirAPI/v1/session",
        200,
        &[("set-cookie", "RSESSION=e-1; Path=/")],
        "{}",
    );
    t.outside().answer("edirapi.acme.example/eDirAPI/v1/acme_tree/getanticsrftoken", 200, &json!({}));
    let keys = json!({"apiUrl": "https://edirapi.acme.example", "tree": "acme_tree", "ldapServer": "ldap",
        "userDn": "cn=a", "password": "hush-ed"});
    let path = made(&owner, json!({"type": "netiq-edirectory", "fields": keys})).await;
    let report = tested(&owner, &path).await;
    let seen = t.outside().take_at("edirapi.acme.example");
    assert_eq!(seen[1].header("cookie"), "RSESSION=e-1");
    assert!(!report.to_string().contains("e-1"), "{report}");
}

async fn a_password_has_a_token_beside_it_where_the_product_wants_one(t: TestApp) {
    let owner = t.owner().await;
    let site = "sharepoint.acme.example/sites/a/_api";
    let keys = json!({"siteUrl": "https://sharepoint.acme.example/sites/a", "username": "ACME\\svc",
        "password": "hush-sp"});
    let path = made(&owner, json!({"type": "sharepoint-server-password", "fields": keys})).await;
    let context = format!("{site}/contextinfo");
    t.outside().answer(
        &context,
        200,
        &json!({"FormDigestValue": "digest-1", "FormDigestTimeoutSeconds": 1800}),
    );
    let items = format!("{site}/web/lists/getbytitle('Offers')/items");
    t.outside().answer(&items, 201, &json!({"Id": 7}));
    let run = format!("{path}/actions/create-item");
    let body = json!({"parameters": {"list": "Offers", "data": {"Title": "One"}}});
    let done = owner.post(&run, body.clone()).await.ok();
    assert_eq!(done["output"]["Id"], 7, "{done}");
    let seen = t.outside().take_at("sharepoint.acme.example");
    let pair = format!("Basic {}", BASE64_STANDARD.encode("ACME\\svc:hush-sp"));
    assert!(seen.iter().all(|s| s.header("authorization") == pair), "the password goes with both");
    assert_eq!((seen[0].path.as_str(), seen[0].header("x-requestdigest")), ("/sites/a/_api/contextinfo", ""));
    assert_eq!(seen[1].header("x-requestdigest"), "digest-1");
    assert!(!done.to_string().contains("digest-1"), "{done}");
    // a digest that has ended is fetched anew
    t.outside().forget(&items);
    t.outside().answer(&items, 403, &json!({}));
    t.outside().answer(&items, 201, &json!({"Id": 8}));
    t.outside().forget(&context);
    t.outside().answer(&context, 200, &json!({"FormDigestValue": "digest-2"}));
    assert_eq!(owner.post(&run, body).await.ok()["output"]["Id"], 8);
    let seen = t.outside().take_at("sharepoint.acme.example");
    let digests: Vec<_> = seen.iter().map(|s| s.header("x-requestdigest").to_owned()).collect();
    assert_eq!(digests, ["digest-1", "", "digest-2"]);
}

async fn an_answer_without_a_refresh_token_warns(t: TestApp) {
    let owner = t.owner().await;
    let path = super::icertis(&owner).await;
    t.outside().answer(
        "login.microsoftonline.com/t-1/oauth2/v2.0/token",
        200,
        &json!({"access_token": "at", "token_type": "Bearer", "expires_in": 3600}),
    );
    let begun = owner.post_to(&format!("{path}/authorize")).await.ok();
    assert_eq!(consent(&owner, &text(&begun["redirectUrl"])).await.status, 303);
    let now = owner.get(&path).await.ok();
    assert!(text(&now["grant"]["warning"]).contains("refresh token"), "{now}");
    t.clock.advance(7_200);
    let owner = t.owner().await;
    let late = owner.post(&format!("{path}/actions/list-users"), json!({})).await.refused(409, "conflict");
    assert!(text(&late["message"]).contains("authorized again"), "{late}");
    assert_eq!(owner.get(&path).await.ok()["status"], "needs_reauthorization");
}

on_both![start_with_outside:
    client_credentials_bring_a_token_and_the_address_of_the_account,
    the_account_is_looked_up_once_and_its_address_bounded,
    a_service_account_signs_an_assertion_for_each_token,
    requests_are_signed_for_aws_and_with_oauth_1,
    a_sign_in_call_gives_a_token_that_is_renewed_once_it_is_refused,
    a_password_has_a_token_beside_it_where_the_product_wants_one,
    an_answer_without_a_refresh_token_warns,
];
