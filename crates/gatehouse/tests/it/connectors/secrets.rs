//! Secrets go where they were entered for, come back from nowhere, and are kept in no plain form.

use gatehouse_store::backup;
use serde_json::{Value, json};

use super::{CLIENT, CONNECTORS, SECRET, authorized, claims, consent, oauth, text};
use crate::operations::secrets::Lines;
use crate::support::{Client, TestApp, on_both, unpacked};

async fn made(by: &Client, body: Value) -> String {
    let made = by.post(CONNECTORS, body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    format!("{CONNECTORS}/{}", text(&made.json()["id"]))
}

async fn what_is_sealed_goes_to_no_other_host(t: TestApp) {
    let owner = t.owner().await;
    let keys = json!({"vcenterHost": "vcenter.acme.example", "username": "gatehouse", "password": "hush-vc"});
    let path = made(&owner, json!({"type": "vmware-esxi-vsphere", "fields": keys})).await;
    let elsewhere = json!({"fields": {"vcenterHost": "petstore.example"}});
    let error = owner.put(&path, elsewhere.clone()).await.refused(400, "validation_error");
    assert_eq!(error["field"], "fields.password");
    let words = text(&error["message"]);
    assert!(words.contains("again") && words.contains("petstore.example"), "{words}");
    owner.put(&format!("{path}?dryRun=true"), elsewhere.clone()).await.refused(400, "validation_error");
    // a blank one is no answer, and a port is another place too
    let blank = json!({"fields": {"vcenterHost": "petstore.example", "password": " "}});
    owner.put(&path, blank).await.refused(400, "validation_error");
    let port = json!({"fields": {"vcenterHost": "vcenter.acme.example:8443"}});
    owner.put(&path, port).await.refused(400, "validation_error");
    assert_eq!(owner.get(&path).await.ok()["fields"]["vcenterHost"], "vcenter.acme.example");
    // the page says it at the field
    let page = path.replace(CONNECTORS, "/integrations/connectors");
    let browser = t.browser("owner@main.test").await;
    let shown = browser.get(&page).await;
    let mut form = crate::support::Form::to(&shown.body, &page);
    form.fields.retain(|(name, _)| name != "field-vcenterHost");
    form.fields.push(("field-vcenterHost".to_owned(), "petstore.example".to_owned()));
    let refused = form.send(&browser).await;
    assert!(refused.status == 400 && refused.body.contains("Enter it again as well"), "{}", refused.body);
    // entered again it may go; what stays at home needs nothing
    owner.put(&path, json!({"fields": {"username": "other"}})).await.ok();
    let again = json!({"fields": {"vcenterHost": "petstore.example", "password": "hush-vc-2"}});
    owner.put(&path, again).await.ok();
    let audit = owner.get("/api/v1/audit-events?event=connector.updated").await.ok();
    let details = audit["data"].as_array().unwrap().iter().map(|e| e["details"].clone());
    let moved = details.into_iter().find(|d| d["changed"].to_string().contains("vcenterHost")).unwrap();
    assert_eq!(moved["changed"], json!(["fields.password", "fields.vcenterHost"]));
    assert_eq!(moved["hosts"], json!(["https://petstore.example"]));
    assert!(!audit.to_string().contains("hush-vc"), "{audit}");
    // several secrets are named at once
    let outside = |host: &str| json!({"instance": host});
    let two = json!({"type": "icertis-preview", "authType": "api-key", "name": "By key",
        "fields": {"instance": "acme", "apiKey": "ici-key"}});
    let two = made(&owner, two).await;
    let error = owner.put(&two, json!({"fields": outside("evil")})).await.refused(400, "validation_error");
    assert_eq!(error["field"], "fields.apiKey");
}

async fn a_type_tells_where_credentials_go(t: TestApp) {
    let owner = t.owner().await;
    let of = owner.get("/api/v1/connector-types/icertis-preview").await.ok();
    let hosts: Vec<_> = of["hosts"].as_array().unwrap().iter().map(text).collect();
    for host in ["login.microsoftonline.com", "{instance}-api.icertis.com"] {
        assert!(hosts.contains(&host.to_owned()), "{host}: {hosts:?}");
    }
    let browser = t.browser("owner@main.test").await;
    let page = browser.get("/integrations/connectors/types/docusign").await;
    assert!(page.body.contains("Credentials go to") && page.body.contains("docusign.net"), "{}", page.body);
}

async fn what_is_told_of_one_account_is_not_used_with_another(t: TestApp) {
    let owner = t.owner().await;
    let token = |n: &str| json!({"access_token": n, "token_type": "Bearer", "expires_in": 28800, "refresh_token": format!("r-{n}")});
    let (at, info) = ("account.docusign.com/oauth/token", "account.docusign.com/oauth/userinfo");
    let account = |id: &str| json!({"accounts": [{"account_id": id, "is_default": true, "base_uri": "https://na3.docusign.net"}]});
    for id in ["a-1", "a-2"] {
        let place = format!("na3.docusign.net/restapi/v2.1/accounts/{id}");
        t.outside().answer(&place, 200, &json!({"accountName": id}));
        t.outside().answer(&format!("{place}/envelopes/e-1"), 200, &json!({"status": id}));
    }
    t.outside().answer(at, 200, &token("ds-1"));
    t.outside().answer(info, 200, &account("a-1"));
    let path =
        made(&owner, json!({"type": "docusign", "fields": {"clientId": CLIENT, "clientSecret": "hush-ds"}}))
            .await;
    authorized(&owner, &path).await;
    let run = format!("{path}/actions/get-envelope");
    let body = json!({"parameters": {"envelopeId": "e-1"}});
    assert_eq!(owner.post(&run, body.clone()).await.ok()["output"]["status"], "a-1");
    // begun and not ended, the consent changes nothing
    let begun = owner.post_to(&format!("{path}/authorize")).await.ok();
    t.outside().take();
    assert_eq!(owner.post(&run, body.clone()).await.ok()["output"]["status"], "a-1");
    assert!(t.outside().take_at("account.docusign.com").is_empty(), "what was told is kept");
    // another account consents: its own values are asked for
    t.outside().forget(at);
    t.outside().forget(info);
    t.outside().answer(at, 200, &token("ds-2"));
    t.outside().answer(info, 200, &account("a-2"));
    assert_eq!(consent(&owner, &text(&begun["redirectUrl"])).await.status, 303);
    t.outside().take();
    assert_eq!(owner.post(&run, body).await.ok()["output"]["status"], "a-2");
    let seen = t.outside().take_at("account.docusign.com");
    assert_eq!(seen.iter().filter(|s| s.path == "/oauth/userinfo").count(), 1);
    assert_eq!(seen[0].header("authorization"), "Bearer ds-2");
}

async fn no_part_of_a_secret_comes_back_in_what_the_product_says(t: TestApp) {
    let owner = t.owner().await;
    let key = "0123456789abcdef-the-secret-key-of-ici";
    let body = json!({"type": "icertis-preview", "authType": "api-key", "fields": {"instance": "acme", "apiKey": key}});
    let path = made(&owner, body).await;
    // at every place where the text could be cut
    let users = "acme-api.icertis.com/api/Users";
    for before in [0, 180, 195, 470, 490, 499, 590] {
        t.outside().forget(users);
        let echo =
            json!({"message": format!("{}{key} was sent", "x".repeat(before)), "echo": [key, {key: key}]});
        t.outside().answer(users, 422, &echo);
        let tested = owner.post_to(&format!("{path}/test")).await.ok();
        let done = owner.post(&format!("{path}/actions/list-users"), json!({})).await.ok();
        assert_eq!((&tested["success"], &done["success"]), (&json!(false), &json!(false)));
        let kept = owner.get(&path).await.ok();
        for answer in [&tested, &done, &kept] {
            assert!(!answer.to_string().contains(&key[..8]), "{before}: {answer}");
        }
        assert!(done["output"]["echo"].is_array(), "the rest of the answer stays: {done}");
    }
}

/// The story of every kind of secret, well and badly; then all that is kept and said is searched for them.
async fn no_secret_of_a_connector_is_in_log_answers_export_or_database(t: TestApp) {
    let lines = Lines::collected();
    let owner = t.owner().await;
    let mut canaries: Vec<&str> =
        vec![SECRET, "canary-key", "canary-pass", "canary-aws", "canary-cs", "canary-ts"];
    canaries.extend(["canary-access", "canary-refresh", "canary-session", "canary-again", "canary-mine"]);
    let (mut answers, mut links) = (Vec::new(), Vec::<String>::new());
    t.outside().claims(claims());
    let tokens = json!({"access_token": "canary-access", "refresh_token": "canary-refresh", "token_type": "Bearer",
        "expires_in": 3600});
    t.outside().answer("login.microsoftonline.com/t-1/oauth2/v2.0/token", 200, &tokens);
    let key = json!({"instance": "acme", "apiKey": "canary-key"});
    let vcenter = json!({"vcenterHost": "vcenter.acme.example", "username": "u", "password": "canary-pass"});
    let aws = json!({"region": "eu-west-1", "accessKeyId": "AKIAEXAMPLE0", "secretAccessKey": "canary-aws"});
    let trello = owner.get("/api/v1/connector-types/trello").await.ok();
    let ways = trello["authTypes"].as_array().unwrap();
    let oauth1 = ways.iter().find(|a| a["kind"] == "oauth1").unwrap()["id"].clone();
    let signed = json!({"consumerKey": "ck", "consumerSecret": "canary-cs", "token": "tk", "tokenSecret": "canary-ts"});
    t.outside().answer("vcenter.acme.example/api/session", 201, &json!("canary-session"));
    let browser = t.browser("owner@main.test").await;
    let (ici, vms) = ("acme-api.icertis.com/api/Users", "vcenter.acme.example/api/vcenter/vm");
    let (polly, me) = ("polly.eu-west-1.amazonaws.com/v1/voices", "api.trello.com/1/members/me");
    for (kind, way, fields, (place, told)) in [
        ("icertis-preview", json!("oauth"), oauth(), (ici, format!("{SECRET} canary-access"))),
        ("icertis-preview", json!("api-key"), key, (ici, "canary-key".to_owned())),
        ("vmware-esxi-vsphere", Value::Null, vcenter, (vms, "canary-pass canary-session".to_owned())),
        ("amazon-polly", Value::Null, aws, (polly, "canary-aws".to_owned())),
        ("trello", oauth1, signed, (me, "canary-cs canary-ts".to_owned())),
    ] {
        // the product repeats what it was sent
        t.outside().forget(place);
        let told =
            json!({"message": told, "error": {"message": told}, "messages": [{"default_message": told}]});
        t.outside().answer(place, 422, &told);
        let name = format!("{kind} {way}");
        let body = json!({"type": kind, "authType": way, "name": name, "fields": fields});
        let created = owner.post(CONNECTORS, body.clone()).await;
        assert_eq!(created.status, 201, "{}", created.body);
        let path = format!("{CONNECTORS}/{}", text(&created.json()["id"]));
        answers.push(created);
        answers.push(owner.post(CONNECTORS, body).await);
        if way == "oauth" {
            authorized(&owner, &path).await;
        }
        answers.push(owner.post_to(&format!("{path}/test")).await);
        let of = owner.get(&format!("/api/v1/connector-types/{kind}")).await.ok();
        for action in of["actions"].as_array().unwrap().iter().take(6) {
            let run = format!("{path}/actions/{}", text(&action["id"]));
            answers.push(owner.post(&run, json!({})).await);
        }
        // another host, another way, an odd field
        let first =
            text(&of["fields"].as_array().unwrap().first().map_or(json!("odd"), |f| f["key"].clone()));
        answers.push(owner.put(&path, json!({"fields": {first: "canary-odd value/"}})).await);
        answers.push(owner.put(&path, json!({"authType": "none-such"})).await);
        answers.push(owner.get(&path).await);
        let page = path.replace(CONNECTORS, "/integrations/connectors");
        answers.push(browser.get(&page).await);
    }
    // new secrets, a person's own consent, and the end of all
    let listed = owner.get(CONNECTORS).await;
    let ids: Vec<_> = listed.ok()["data"].as_array().unwrap().iter().map(|c| text(&c["id"])).collect();
    assert_eq!(ids.len(), 5);
    answers.push(listed);
    for id in &ids {
        let path = format!("{CONNECTORS}/{id}");
        for field in ["clientSecret", "apiKey", "password", "secretAccessKey", "consumerSecret"] {
            answers.push(owner.put(&path, json!({"fields": {field: "canary-again"}})).await);
        }
        let link = owner.post(&format!("{path}/reconnect-links"), json!({})).await.ok();
        let token = text(&link["url"]).rsplit('/').next().unwrap().to_owned();
        answers.push(owner.get(&format!("{path}/reconnect-links")).await);
        assert_eq!(browser.get(&format!("/reconnect/{token}?x=canary-mine")).await.status, 200);
        links.push(token);
    }
    for at in
        ["/api/v1/outbound-calls", "/api/v1/me/connections", "/api/v1/audit-events?pageSize=100", "/metrics"]
    {
        answers.push(owner.get(at).await);
    }
    let kept = async |name: &str| {
        let file = t.database.data_dir().join(name);
        backup::write(t.app.store(), &file).await.unwrap();
        unpacked(&file)
    };
    let mut database = kept("before.backup").await;
    assert!(database.contains("amazon-polly") && database.contains("connector.tested"));
    for id in &ids {
        answers.push(owner.delete(&format!("{CONNECTORS}/{id}")).await);
    }
    t.work().await;
    database.push_str(&kept("after.backup").await);
    let export = owner.get("/api/v1/audit-events/export").await;
    assert!(export.status == 200 && export.body.contains("connector.deleted"));
    let log = lines.text();
    assert!(log.contains("\"route\":\"/api/v1/connectors/{id}/test\""), "{log}");
    let answers: String = answers.into_iter().map(|a| a.body).collect();
    assert!(answers.contains("422"), "the products refused");
    for canary in canaries {
        for (place, text) in
            [("log", &log), ("answers", &answers), ("audit export", &export.body), ("database", &database)]
        {
            assert!(!text.contains(canary), "{canary} is in the {place}");
        }
    }
    for link in links {
        for (place, text) in [("log", &log), ("audit export", &export.body), ("database", &database)] {
            assert!(!text.contains(&link), "a reconnect link is in the {place}");
        }
    }
}

on_both![start_with_outside:
    what_is_sealed_goes_to_no_other_host,
    a_type_tells_where_credentials_go,
    what_is_told_of_one_account_is_not_used_with_another,
    no_part_of_a_secret_comes_back_in_what_the_product_says,
    no_secret_of_a_connector_is_in_log_answers_export_or_database,
];
