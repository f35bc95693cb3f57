use serde_json::{Value, json};

use super::{CONNECTIONS, path_of, saml};
use crate::support::{Client, TestApp, on_both};

async fn claim(by: &Client, path: &str, domain: &str) -> Value {
    by.post(&format!("{path}/domains"), json!({"domain": domain, "verificationMethod": "dns-txt"})).await.ok()
}

async fn verify(by: &Client, path: &str, claimed: &Value) -> Value {
    let id = claimed["domain"]["id"].as_str().unwrap();
    by.call("PUT", &format!("{path}/domains/{id}/verify"), None).await.ok()
}

async fn discovered(t: &TestApp, email: &str) -> Value {
    t.client().post("/api/v1/auth/discover", json!({"email": email})).await.ok()
}

async fn r069_r070_a_claim_tells_the_record_that_proves_it(t: TestApp) {
    let owner = t.owner().await;
    let path = path_of(&owner.post(CONNECTIONS, saml("Claims")).await.ok());
    let claimed = claim(&owner, &path, "Example.TEST").await;
    assert_eq!(
        (&claimed["domain"]["domain"], &claimed["domain"]["status"]),
        (&json!("example.test"), &json!("pending"))
    );
    assert_eq!(claimed["dnsRecord"]["recordType"], "TXT");
    assert_eq!(claimed["dnsRecord"]["name"], "_gatehouse-verify.example.test");
    assert_eq!(claimed["dnsRecord"]["value"], claimed["domain"]["verificationToken"]);
    let token = claimed["domain"]["verificationToken"].as_str().unwrap();
    assert!(token.starts_with("gatehouse-verify=") && token.len() >= 17 + 43, "{token}");
    let other = claim(&owner, &path, "other.test").await;
    assert_ne!(other["domain"]["verificationToken"], claimed["domain"]["verificationToken"]);
    let file = json!({"domain": "files.test", "verificationMethod": "https-file"});
    let file = owner.post(&format!("{path}/domains"), file).await.ok();
    assert_eq!(file["httpsFile"]["url"], "https://files.test/.well-known/gatehouse-verify.txt");
    let again = owner.post(&format!("{path}/domains"), json!({"domain": "example.test"})).await;
    again.refused(409, "conflict");
    assert_eq!(owner.get(&path).await.ok()["domains"].as_array().unwrap().len(), 3);
}

async fn r071_a_domain_fails_without_its_record_and_is_verified_with_it(t: TestApp) {
    let owner = t.owner().await;
    let path = path_of(&owner.post(CONNECTIONS, saml("Proofs")).await.ok());
    let claimed = claim(&owner, &path, "example.test").await;
    let (name, value) =
        (claimed["dnsRecord"]["name"].as_str().unwrap(), claimed["dnsRecord"]["value"].as_str().unwrap());
    let failed = verify(&owner, &path, &claimed).await;
    assert_eq!((&failed["success"], &failed["domain"]["status"]), (&json!(false), &json!("failed")));
    assert!(failed["error"].as_str().unwrap().contains(name), "{failed}");
    t.dns.set_txt(name, ["gatehouse-verify=of-somebody-else", "v=spf1 -all"]);
    assert_eq!(verify(&owner, &path, &claimed).await["success"], false);
    t.dns.fail(name);
    assert_eq!(verify(&owner, &path, &claimed).await["success"], false);
    t.dns.remove(name);
    t.dns.set_txt(name, ["v=spf1 -all", value]);
    let verified = verify(&owner, &path, &claimed).await;
    assert_eq!((&verified["success"], &verified["domain"]["status"]), (&json!(true), &json!("verified")));
    assert_eq!(verified["error"], Value::Null);
    assert!(verified["domain"]["verifiedAt"].is_string());
    assert_eq!(verified["domain"]["isPrimary"], true);
}

async fn r072_a_file_proof_reaches_no_address_of_this_network(t: TestApp) {
    let owner = t.owner().await;
    let path = path_of(&owner.post(CONNECTIONS, saml("Files")).await.ok());
    t.dns.set_addresses("inside.test", [[127, 0, 0, 1].into(), [10, 0, 0, 1].into()]);
    let claim = json!({"domain": "inside.test", "verificationMethod": "https-file"});
    let claimed = owner.post(&format!("{path}/domains"), claim).await.ok();
    let failed = verify(&owner, &path, &claimed).await;
    assert_eq!((&failed["success"], &failed["domain"]["status"]), (&json!(false), &json!("failed")));
}

async fn a_domain_belongs_to_one_connection_at_a_time(t: TestApp) {
    let (owner, stranger) = (t.owner().await, t.stranger().await);
    let first = path_of(&owner.post(CONNECTIONS, saml("First")).await.ok());
    let second = path_of(&owner.post(CONNECTIONS, saml("Second")).await.ok());
    let foreign = path_of(&stranger.post(CONNECTIONS, saml("Foreign")).await.ok());
    // claims alone block nobody
    let race = claim(&stranger, &foreign, "example.test").await;
    let held = t.prove(&owner, &first, "example.test").await;
    for (by, path) in [(&owner, &second), (&stranger, &foreign)] {
        let again = by.post(&format!("{path}/domains"), json!({"domain": "example.test"})).await;
        again.refused(409, "conflict");
    }
    let token = race["dnsRecord"]["value"].as_str().unwrap();
    t.dns.set_txt("_gatehouse-verify.example.test", [token]);
    let late = format!("{foreign}/domains/{}/verify", race["domain"]["id"].as_str().unwrap());
    stranger.call("PUT", &late, None).await.refused(409, "conflict");
    owner.delete(&format!("{first}/domains/{held}")).await.ok();
    assert_eq!(verify(&stranger, &foreign, &race).await["success"], true);
}

async fn of_two_proofs_at_once_one_counts(t: TestApp) {
    let (owner, stranger) = (t.owner().await, t.stranger().await);
    let first = path_of(&owner.post(CONNECTIONS, saml("First")).await.ok());
    let foreign = path_of(&stranger.post(CONNECTIONS, saml("Foreign")).await.ok());
    for round in 0..5 {
        let domain = format!("race{round}.test");
        let mut calls = Vec::new();
        let mut tokens = Vec::new();
        for (by, path) in [(&owner, &first), (&stranger, &foreign)] {
            let claimed = claim(by, path, &domain).await;
            tokens.push(claimed["dnsRecord"]["value"].as_str().unwrap().to_owned());
            calls.push((
                by.clone(),
                format!("{path}/domains/{}/verify", claimed["domain"]["id"].as_str().unwrap()),
            ));
        }
        t.dns.set_txt(&format!("_gatehouse-verify.{domain}"), tokens.iter().map(String::as_str));
        let mut tasks = tokio::task::JoinSet::new();
        for (by, verify) in calls {
            tasks.spawn(async move { by.call("PUT", &verify, None).await });
        }
        let answers = tasks.join_all().await;
        let verified = answers.iter().filter(|a| a.status == 200 && a.json()["success"] == true).count();
        let refused = answers.iter().filter(|a| a.status == 409).count();
        assert_eq!((verified, refused), (1, 1), "{domain}: {answers:?}");
    }
}

async fn r073_exactly_one_verified_domain_is_the_primary_one(t: TestApp) {
    let owner = t.owner().await;
    let path = path_of(&owner.post(CONNECTIONS, saml("Primary")).await.ok());
    let first = t.prove(&owner, &path, "first.test").await;
    let second = t.prove(&owner, &path, "second.test").await;
    let primary = async || {
        let domains = owner.get(&path).await.ok()["domains"].clone();
        let primary = domains.as_array().unwrap().iter().filter(|d| d["isPrimary"] == true);
        primary.map(|d| d["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(primary().await, [first]);
    let set = owner.post_to(&format!("{path}/domains/{second}/set-primary")).await.ok();
    assert_eq!(set["domain"]["isPrimary"], true);
    assert_eq!(primary().await, [second.as_str()]);
    let pending = claim(&owner, &path, "pending.test").await;
    let pending = pending["domain"]["id"].as_str().unwrap();
    owner.post_to(&format!("{path}/domains/{pending}/set-primary")).await.refused(400, "validation_error");
    assert_eq!(primary().await, [second]);
}

async fn r074_r076_addresses_are_routed_by_the_verified_domains_of_active_connections(t: TestApp) {
    let owner = t.owner().await;
    let nowhere = json!({"ssoRequired": false, "ssoOptional": false});
    assert_eq!(discovered(&t, "ada@lab.test").await, nowhere);
    let lab = t.active_lab(&owner).await;
    let start = format!("{}/sso/{}/start", t.app.public_url().as_str(), lab.id);
    let there = json!({"ssoRequired": false, "ssoOptional": true, "redirectUrl": start});
    assert_eq!(discovered(&t, "ada@lab.test").await, there);
    assert_eq!(discovered(&t, "NOBODY@LAB.TEST").await, there);
    for elsewhere in ["ada@sub.lab.test", "ada@notlab.test", "ada@lab.test.evil.test"] {
        assert_eq!(discovered(&t, elsewhere).await, nowhere, "{elsewhere}");
    }
    let removed = owner.delete(&format!("{}/domains/{}", lab.path, lab.domain)).await;
    assert_eq!(removed.ok(), json!({"deleted": true}));
    assert_eq!(discovered(&t, "ada@lab.test").await, nowhere);
    let refused = t.enter_from_lab(&t.client(), &lab.id, "ada").await;
    assert_eq!(refused.status, 401, "{}", refused.body);
}

on_both![
    r069_r070_a_claim_tells_the_record_that_proves_it,
    r071_a_domain_fails_without_its_record_and_is_verified_with_it,
    r072_a_file_proof_reaches_no_address_of_this_network,
    a_domain_belongs_to_one_connection_at_a_time,
    of_two_proofs_at_once_one_counts,
    r073_exactly_one_verified_domain_is_the_primary_one,
    r074_r076_addresses_are_routed_by_the_verified_domains_of_active_connections,
];
