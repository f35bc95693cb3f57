use gatehouse_types::Role;
use serde_json::{Value, json};

use super::super::authenticator::Authenticator;
use super::super::{App, FACTORS, SECOND_STEP, answer, enrol, events, password};
use super::{OWNER, add, begin, confirm, give, options, origin, sign_in};
use crate::support::{TestApp, on_both};

async fn several_have_names_and_are_told_apart(t: TestApp) {
    let owner = t.owner().await;
    let (mut blue, first) = add(&t, &owner, "Blue").await;
    t.clock.advance(1);
    let begun = begin(&owner).await;
    let excluded = begun["publicKey"]["excludeCredentials"].as_array().unwrap();
    assert_eq!((excluded.len(), &excluded[0]["id"]), (1, &json!(blue.id())));
    let mut green = Authenticator::at(&origin(&t));
    let second = confirm(&owner, &begun, "Green", &green.create(&begun["publicKey"])).await.ok();
    assert_eq!(second["recoveryCodes"], json!([]), "the codes of the first are kept");
    // one person, one handle; another person, another
    let member = t.member_of(Role::Member).await;
    let theirs = begin(&member).await;
    assert_eq!(begin(&owner).await["publicKey"]["user"]["id"], begun["publicKey"]["user"]["id"]);
    assert_ne!(theirs["publicKey"]["user"]["id"], begun["publicKey"]["user"]["id"]);
    assert_eq!(theirs["publicKey"]["excludeCredentials"], json!([]));
    sign_in(&t, OWNER, &mut blue).await.ok();
    sign_in(&t, OWNER, &mut green).await.ok();

    let path = |of: &Value| format!("{FACTORS}/{}", of["factor"]["id"].as_str().unwrap());
    let renamed = owner.put(&path(&second), json!({"name": " Emerald "})).await.ok();
    assert_eq!((&renamed["name"], &renamed["type"]), (&json!("Emerald"), &json!("passkey")));
    assert_eq!(
        events(&owner, "factor.renamed").await[0]["details"],
        json!({"kind": "passkey", "from": "Green", "to": "Emerald"})
    );
    for odd in ["", "  ", "tab\there", &"x".repeat(101)] {
        let refused = owner.put(&path(&second), json!({"name": odd})).await;
        assert_eq!(refused.refused(400, "validation_error")["field"], "name", "{odd:?}");
    }
    let (own, unknown) = (path(&second), format!("{FACTORS}/fac_1"));
    let theirs = member.put(&own, json!({"name": "Mine"})).await;
    theirs.refused(404, "not_found");
    assert_eq!(theirs.body, member.put(&unknown, json!({"name": "Mine"})).await.body);

    owner.delete(&path(&first)).await.ok();
    let (browser, asked) = password(&t, OWNER).await;
    let options = options(&browser, &asked).await;
    assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
    give(&browser, &asked, &blue.get(&options)).await.refused(401, "authentication_error");
    let left: Vec<_> = owner.get(FACTORS).await.ok()["data"].as_array().unwrap().clone();
    assert_eq!((left.len(), &left[0]["name"]), (1, &json!("Emerald")));
    owner.delete(&path(&second)).await.ok();
    assert_eq!(owner.get(FACTORS).await.ok()["recoveryCodesLeft"], 0);
    t.sign_in(OWNER).await;
}

async fn what_is_made_must_answer_what_was_asked(t: TestApp) {
    let owner = t.owner().await;
    let here = Authenticator::at(&origin(&t));
    let refused = async |mut key: Authenticator, turned: &dyn Fn(&mut Value), words: &str| {
        let begun = begin(&owner).await;
        let mut options = begun["publicKey"].clone();
        turned(&mut options);
        let answer = confirm(&owner, &begun, "Key", &key.create(&options)).await;
        let error = answer.refused(400, "validation_error");
        assert_eq!(error["field"], "credential");
        assert!(error["message"].as_str().unwrap().contains(words), "{words}: {error}");
        // the ceremony is over
        let again = confirm(&owner, &begun, "Key", &key.create(&begun["publicKey"])).await;
        again.refused(404, "not_found");
    };
    let as_asked = |_: &mut Value| {};
    let elsewhere = |url: &str| Authenticator { origin: url.to_owned(), ..here.clone() };
    refused(elsewhere("http://evil.example"), &as_asked, "another origin").await;
    refused(elsewhere("http://localhost:1"), &as_asked, "another origin").await;
    refused(elsewhere("http://evil.localhost"), &as_asked, "another origin").await;
    refused(here.clone(), &|o| o["rp"]["id"] = "evil.example".into(), "another host").await;
    refused(here.clone(), &|o| o["challenge"] = "AAAA".into(), "another question").await;
    refused(Authenticator { present: false, ..here.clone() }, &as_asked, "present").await;
    refused(Authenticator { framed: true, ..here.clone() }, &as_asked, "frame").await;
    assert_eq!(owner.get(FACTORS).await.ok()["data"], json!([]));
    assert!(events(&owner, "factor.added").await.is_empty());

    // an answer to the other kind of question, and what cannot be read
    let (mut key, _) = add(&t, &owner, "Key").await;
    let begun = begin(&owner).await;
    let mut crossed = key.create_again(&begun["publicKey"]);
    let asserted = key.get(&json!({"challenge": begun["publicKey"]["challenge"], "rpId": "localhost"}));
    crossed["response"]["clientDataJSON"] = asserted["response"]["clientDataJSON"].clone();
    let error = confirm(&owner, &begun, "Key", &crossed).await.refused(400, "validation_error");
    assert!(error["message"].as_str().unwrap().contains("another purpose"), "{error}");
    for odd in ["AAAA", "o2NmbXRkbm9uZQ", "v_8", "_____w"] {
        let begun = begin(&owner).await;
        let mut made = Authenticator::at(&origin(&t)).create(&begun["publicKey"]);
        made["response"]["attestationObject"] = odd.into();
        let error = confirm(&owner, &begun, "Key", &made).await.refused(400, "validation_error");
        assert_eq!(error["field"], "credential", "{odd}");
    }
}

async fn a_ceremony_is_good_in_its_session_once_and_for_five_minutes(t: TestApp) {
    let (owner, again) = (t.owner().await, t.owner().await);
    let begun = begin(&owner).await;
    let mut key = Authenticator::at(&origin(&t));
    let made = key.create(&begun["publicKey"]);
    let member = t.member_of(Role::Member).await;
    for other in [&member, &again] {
        confirm(other, &begun, "Key", &made).await.refused(404, "not_found");
    }
    confirm(&owner, &json!({"ceremony": "none"}), "Key", &made).await.refused(404, "not_found");
    let trial = format!("{FACTORS}/passkeys/confirm?dryRun=true");
    let body = json!({"ceremony": begun["ceremony"], "name": "Key", "credential": made});
    owner.post(&trial, body).await.ok();
    assert_eq!(owner.get(FACTORS).await.ok()["data"], json!([]));
    // beginning again voids it
    let newer = begin(&owner).await;
    confirm(&owner, &begun, "Key", &made).await.refused(404, "not_found");
    t.clock.advance(301);
    confirm(&owner, &newer, "Key", &key.create(&newer["publicKey"])).await.refused(404, "not_found");
    let begun = begin(&owner).await;
    let made = key.create(&begun["publicKey"]);
    assert_eq!(confirm(&owner, &begun, "Key", &made).await.status, 201);
    confirm(&owner, &begun, "Key", &made).await.refused(404, "not_found");
    // the same key again, for oneself and for somebody else
    for caller in [&owner, &member] {
        let begun = begin(caller).await;
        let answer = confirm(caller, &begun, "Key", &key.create_again(&begun["publicKey"])).await;
        assert!(matches!(answer.status, 400 | 409), "{}", answer.body);
    }
    assert_eq!(member.get(FACTORS).await.ok()["data"], json!([]));
    assert_eq!(owner.get(FACTORS).await.ok()["data"].as_array().unwrap().len(), 1);
}

async fn ten_are_enough(t: TestApp) {
    let (owner, again) = (t.owner().await, t.owner().await);
    for n in 0..9 {
        add(&t, &owner, &format!("Key {n}")).await;
    }
    let begun = begin(&owner).await;
    let (_, last) = add(&t, &again, "Key 9").await;
    // begun before the tenth was there
    let made = Authenticator::at(&origin(&t)).create(&begun["publicKey"]);
    confirm(&owner, &begun, "Key 10", &made).await.refused(409, "conflict");
    owner.post_to(&format!("{FACTORS}/passkeys")).await.refused(409, "conflict");
    owner.delete(&format!("{FACTORS}/{}", last["factor"]["id"].as_str().unwrap())).await.ok();
    begin(&owner).await;
}

async fn the_last_of_either_kind_stays_where_one_is_demanded(t: TestApp) {
    let owner = t.owner().await;
    let (_, added) = add(&t, &owner, "Key").await;
    owner.put("/api/v1/security-settings", json!({"requireSecondStep": true})).await.ok();
    let passkey = format!("{FACTORS}/{}", added["factor"]["id"].as_str().unwrap());
    owner.delete(&passkey).await.refused(409, "conflict");
    for _ in 0..4 {
        enrol(&t, &owner).await;
        let data = owner.get(FACTORS).await.ok()["data"].clone();
        let totp = data.as_array().unwrap().iter().find(|f| f["type"] == "totp").unwrap().clone();
        let totp = format!("{FACTORS}/{}", totp["id"].as_str().unwrap());
        // both at once: one of them is the last one
        let (one, two) = tokio::join!(owner.delete(&passkey), owner.delete(&totp));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", one.body, two.body);
        if one.status == 200 {
            let left = owner.get(FACTORS).await.ok()["data"].clone();
            assert_eq!((left.as_array().unwrap().len(), &left[0]["type"]), (1, &json!("totp")));
            return;
        }
    }
}

async fn the_operator_resets_them_and_a_key_works_anew(t: TestApp) {
    t.person("member@main.test", Role::Member).await;
    let member = t.sign_in("member@main.test").await;
    let (mut key, _) = add(&t, &member, "Key").await;
    let app = enrol(&t, &member).await;
    let (browser, asked) = password(&t, "member@main.test").await;
    assert_eq!(asked["factors"], json!(["totp", "passkey", "recovery-code"]));
    let passkey = key.get(&options(&browser, &asked).await);
    let email = "member@main.test".parse().unwrap();
    assert_eq!(t.app.identity().reset_factors(&t.app.machine(), "Main", &email).await.unwrap(), 2);
    give(&browser, &asked, &passkey).await.refused(401, "authentication_error");
    answer(&browser, &asked, "code", &app.code(&t)).await.refused(401, "authentication_error");
    let member = t.sign_in("member@main.test").await;
    let begun = begin(&member).await;
    let made = key.create_again(&begun["publicKey"]);
    assert_eq!(confirm(&member, &begun, "Key", &made).await.status, 201);
}

async fn an_address_that_is_no_name_has_no_passkeys(t: TestApp) {
    let owner = t.owner().await;
    let refused = owner.post_to(&format!("{FACTORS}/passkeys")).await;
    let error = refused.refused(409, "conflict");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("host name") && message.contains("127.0.0.1"), "{message}");
    let page = t.browser(OWNER).await.get("/account/second-step").await;
    assert!(page.body.contains("Passkeys are not offered") && !page.body.contains("Set up a passkey"));
    let made = Authenticator::at("http://127.0.0.1").create(&json!({
        "rp": {"id": "127.0.0.1"}, "user": {"id": "AAAA"}, "challenge": "AAAA",
    }));
    confirm(&owner, &json!({"ceremony": "none"}), "Key", &made).await.refused(409, "conflict");
    let app: App = enrol(&t, &owner).await;
    let (browser, asked) = password(&t, OWNER).await;
    assert_eq!(asked["factors"], json!(["totp", "recovery-code"]));
    let body = json!({"challenge": asked["challenge"]});
    browser.post(&format!("{SECOND_STEP}/passkey-options"), body).await.refused(409, "conflict");
    answer(&browser, &asked, "code", &app.code(&t)).await.ok();
}

on_both![
    start_at_localhost:
    several_have_names_and_are_told_apart,
    what_is_made_must_answer_what_was_asked,
    a_ceremony_is_good_in_its_session_once_and_for_five_minutes,
    ten_are_enough,
    the_last_of_either_kind_stays_where_one_is_demanded,
    the_operator_resets_them_and_a_key_works_anew,
];

on_both![an_address_that_is_no_name_has_no_passkeys];
