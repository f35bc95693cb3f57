use gatehouse_store::{Queries, sql};
use gatehouse_types::Role;
use serde_json::{Value, json};

use super::super::authenticator::{Authenticator, decoded};
use super::super::{FACTORS, SECOND_STEP, answer, events, password, subjects};
use super::{OWNER, PROVE, add, add_with, begin, claims, confirm, give, options, origin, sign_in, why};
use crate::support::{PASSWORD, TestApp, on_both};

async fn a_passkey_is_set_up_and_asked_for_after_the_password(t: TestApp) {
    let owner = t.owner().await;
    let begun = begin(&owner).await;
    let asked = &begun["publicKey"];
    assert_eq!((&asked["rp"]["id"], &asked["rp"]["name"]), (&json!("localhost"), &json!("Gatehouse")));
    assert_eq!((&asked["user"]["name"], &asked["attestation"]), (&json!(OWNER), &json!("none")));
    assert_eq!(asked["authenticatorSelection"]["userVerification"], "preferred");
    assert_eq!(decoded(&asked["challenge"]).len(), 32);
    assert!(asked["pubKeyCredParams"].as_array().unwrap().iter().any(|p| p["alg"] == -7), "{asked}");
    let handle = decoded(&asked["user"]["id"]);
    assert_eq!(handle.len(), 16);
    assert_eq!(owner.get(FACTORS).await.ok()["data"], json!([]));
    t.sign_in(OWNER).await;

    let mut key = Authenticator::at(&origin(&t));
    let made = key.create(asked);
    let done = confirm(&owner, &begun, " Blue key ", &made).await;
    assert_eq!(done.status, 201, "{}", done.body);
    let done = done.json();
    assert_eq!((&done["factor"]["type"], &done["factor"]["name"]), (&json!("passkey"), &json!("Blue key")));
    assert_eq!(done["recoveryCodes"].as_array().unwrap().len(), 10);
    let listed = owner.get(FACTORS).await.ok();
    assert_eq!((&listed["data"][0]["id"], &listed["recoveryCodesLeft"]), (&done["factor"]["id"], &json!(10)));
    assert_eq!(listed["data"][0]["lastUsedAt"], Value::Null);
    assert_eq!(subjects(&owner).await[0], "A second step was added to your account");
    assert_eq!(
        events(&owner, "factor.added").await[0]["details"],
        json!({"kind": "passkey", "name": "Blue key"})
    );

    t.clock.advance(5);
    let (browser, asked) = password(&t, OWNER).await;
    assert_eq!(asked["factors"], json!(["passkey", "recovery-code"]));
    let options = options(&browser, &asked).await;
    assert_eq!((&options["rpId"], &options["userVerification"]), (&json!("localhost"), &json!("preferred")));
    let allowed = options["allowCredentials"].as_array().unwrap();
    assert_eq!((allowed.len(), &allowed[0]["id"]), (1, &json!(key.id())));
    let signed_in = give(&browser, &asked, &key.get(&options)).await;
    assert_eq!(claims(&signed_in).await["amr"], json!(["pwd", "hwk", "mfa"]));
    assert_eq!(browser.get("/api/v1/me").await.ok()["user"]["email"], OWNER);
    assert_eq!(events(&owner, "session.started").await[0]["details"]["secondStep"], "passkey");
    assert!(owner.get(FACTORS).await.ok()["data"][0]["lastUsedAt"].is_string());
    // the recovery code works beside it
    let (browser, asked) = password(&t, OWNER).await;
    answer(&browser, &asked, "recoveryCode", done["recoveryCodes"][0].as_str().unwrap()).await.ok();
}

async fn a_synced_passkey_is_no_hardware_and_need_not_count(t: TestApp) {
    let owner = t.owner().await;
    let other = t.workspace("Other").await;
    t.person_in(&other, OWNER, Role::Member).await;
    let mut key = Authenticator { synced: true, counter: None, ..Authenticator::at(&origin(&t)) };
    add_with(&owner, &mut key, "Phone").await;
    for _ in 0..2 {
        let signed_in = sign_in(&t, OWNER, &mut key).await;
        assert_eq!(claims(&signed_in).await["amr"], json!(["pwd", "swk", "mfa"]));
        // going on elsewhere keeps it, as it keeps a code
        let token = signed_in.ok()["accessToken"].as_str().unwrap().to_owned();
        let there = json!({"workspaceId": other});
        let switched = t.client().with_token(&token).post("/api/v1/auth/switch-workspace", there).await;
        assert_eq!(claims(&switched).await["amr"], json!(["swk", "mfa"]));
    }
}

async fn one_taken_away_between_question_and_answer_does_not_count(t: TestApp) {
    let owner = t.owner().await;
    let (mut blue, first) = add(&t, &owner, "Blue").await;
    add(&t, &owner, "Green").await;
    let (browser, asked) = password(&t, OWNER).await;
    let options = options(&browser, &asked).await;
    owner.delete(&format!("{FACTORS}/{}", first["factor"]["id"].as_str().unwrap())).await.ok();
    let refused = give(&browser, &asked, &blue.get(&options)).await;
    assert!(why(&owner, &refused).await.contains("none of this person's passkeys"));
}

async fn changes_want_a_fresh_proof_which_a_passkey_gives(t: TestApp) {
    let owner = t.owner().await;
    let (mut key, added) = add(&t, &owner, "Key").await;
    let path = format!("{FACTORS}/{}", added["factor"]["id"].as_str().unwrap());
    let begun = begin(&owner).await;
    t.clock.advance(601);
    owner.post_to(&format!("{FACTORS}/passkeys")).await.refused(403, "authorization_error");
    let mut new = Authenticator::at(&origin(&t));
    let made = new.create(&begun["publicKey"]);
    confirm(&owner, &begun, "New", &made).await.refused(403, "authorization_error");
    owner.put(&path, json!({"name": "Other"})).await.refused(403, "authorization_error");

    let prove = format!("{PROVE}/passkey-options");
    let asked = owner.post_to(&prove).await.ok();
    let passkey = key.get(&asked["publicKey"]);
    owner.post(PROVE, json!({"passkey": passkey})).await.refused(400, "validation_error");
    let proof = json!({"challenge": asked["challenge"], "passkey": passkey});
    let two = json!({"challenge": asked["challenge"], "passkey": passkey, "password": PASSWORD});
    owner.post(PROVE, two).await.refused(400, "validation_error");
    // another session of the same person was not asked this
    let refused = sign_in(&t, OWNER, &mut key.clone()).await;
    let browser = t.client().with_token(refused.ok()["accessToken"].as_str().unwrap());
    browser.post(PROVE, proof.clone()).await.refused(401, "authentication_error");
    // its counter went on meanwhile: an answer from before is none
    let late = owner.post(PROVE, proof.clone()).await;
    assert!(why(&owner, &late).await.contains("counter"), "{}", late.body);
    key.counter = Some(10);
    let asked = owner.post_to(&prove).await.ok();
    let proof = json!({"challenge": asked["challenge"], "passkey": key.get(&asked["publicKey"])});
    owner.post(PROVE, proof.clone()).await.ok();
    assert_eq!(events(&owner, "session.proven").await[0]["details"], json!({"method": "passkey"}));
    owner.post(PROVE, proof).await.refused(401, "authentication_error");
    owner.put(&path, json!({"name": "Other"})).await.ok();
    // where there is none, there is nothing to ask
    t.member_of(Role::Member).await.post_to(&prove).await.refused(409, "conflict");
}

async fn an_answer_must_fit_the_question(t: TestApp) {
    // longer than the clock goes on below
    let email = OWNER.parse().unwrap();
    let token = t.app.identity().console_token(&t.app.machine(), "Main", &email, 86_400).await.unwrap();
    let owner = t.client().with_token(token.expose());
    let (key, _) = add(&t, &owner, "Key").await;
    let member = t.member_of(Role::Member).await;
    let (mut theirs, _) = add(&t, &member, "Theirs").await;
    let mut counter = 1;
    let mut refused =
        async |turned: &dyn Fn(&mut Authenticator, &mut Value), after: &dyn Fn(&mut Value), words: &str| {
            let (browser, asked) = password(&t, OWNER).await;
            let mut options = options(&browser, &asked).await;
            counter += 5;
            let mut key = Authenticator { counter: Some(counter), ..key.clone() };
            turned(&mut key, &mut options);
            let mut passkey = key.get(&options);
            after(&mut passkey);
            let answer = give(&browser, &asked, &passkey).await;
            let reasons = why(&owner, &answer).await;
            assert!(reasons.contains(words), "{words}: {reasons}");
            assert_eq!(browser.get("/api/v1/me").await.status, 401);
            t.clock.advance(301);
        };
    let nothing = |_: &mut Value| {};
    refused(&|k, _| k.origin = "http://evil.example".into(), &nothing, "another origin").await;
    refused(&|k, _| k.origin = k.origin.replace("http:", "https:"), &nothing, "another origin").await;
    refused(&|_, o| o["rpId"] = "evil.example".into(), &nothing, "another host").await;
    refused(&|_, o| o["challenge"] = "AAAA".into(), &nothing, "another question").await;
    refused(&|k, _| k.present = false, &nothing, "present").await;
    refused(&|k, _| k.verified = false, &nothing, "PIN or biometrics").await;
    refused(&|k, _| k.framed = true, &nothing, "frame").await;
    refused(&|k, _| k.synced = true, &nothing, "copied between devices").await;
    let other_handle = |p: &mut Value| p["response"]["userHandle"] = "AAAAAAAAAAAAAAAAAAAAAA".into();
    refused(&|_, _| {}, &other_handle, "names another account").await;
    let broken = |p: &mut Value| p["response"]["signature"] = "MAYCAQECAQE".into();
    refused(&|_, _| {}, &broken, "signature").await;
    let no_data = |p: &mut Value| p["response"]["authenticatorData"] = "AAAA".into();
    refused(&|_, _| {}, &no_data, "cannot be read").await;

    // another person's passkey, and one's own id before another's signature
    let (browser, asked) = password(&t, OWNER).await;
    let asked_for = options(&browser, &asked).await;
    let answer = give(&browser, &asked, &theirs.get(&asked_for)).await;
    assert!(why(&owner, &answer).await.contains("none of this person's passkeys"));
    let asked_for = options(&browser, &asked).await;
    let mut mixed = theirs.get(&asked_for);
    (mixed["id"], mixed["rawId"]) = (key.id().into(), key.id().into());
    mixed["response"]["userHandle"] = Value::Null;
    let answer = give(&browser, &asked, &mixed).await;
    assert!(why(&owner, &answer).await.contains("signature"));
    // a failure closes nothing else
    let asked_for = options(&browser, &asked).await;
    let mut key = Authenticator { counter: Some(1000), ..key.clone() };
    give(&browser, &asked, &key.get(&asked_for)).await.ok();
}

async fn an_answer_counts_once_in_the_browser_that_was_asked(t: TestApp) {
    let owner = t.owner().await;
    let (mut key, _) = add(&t, &owner, "Key").await;
    let (browser, asked) = password(&t, OWNER).await;
    let (other, asked_other) = password(&t, OWNER).await;
    let question = json!({"challenge": asked["challenge"]});
    let path = format!("{SECOND_STEP}/passkey-options");
    t.client().post(&path, question.clone()).await.refused(401, "authentication_error");
    other.post(&path, question).await.refused(401, "authentication_error");
    // nothing was asked yet
    let early = key.get(&json!({"challenge": "AAAA", "rpId": "localhost"}));
    let answer = give(&browser, &asked, &early).await;
    assert!(why(&owner, &answer).await.contains("No passkey was asked for"));
    let first = options(&browser, &asked).await;
    let second = options(&browser, &asked).await;
    assert_ne!(first["challenge"], second["challenge"]);
    let passkey = key.get(&second);
    give(&t.client(), &asked, &passkey).await.refused(401, "authentication_error");
    give(&other, &asked, &passkey).await.refused(401, "authentication_error");
    // the answer to one sign-in is none to another one
    options(&other, &asked_other).await;
    give(&other, &asked_other, &passkey).await.refused(401, "authentication_error");
    give(&browser, &asked, &passkey).await.ok();
    give(&browser, &asked, &passkey).await.refused(401, "authentication_error");

    // of two at once one wins, and a wrong one uses up what was asked
    let (browser, asked) = password(&t, OWNER).await;
    let passkey = key.get(&options(&browser, &asked).await);
    let both = tokio::join!(give(&browser, &asked, &passkey), give(&browser, &asked, &passkey));
    assert_eq!(u32::from(both.0.status == 200) + u32::from(both.1.status == 200), 1);
    let (browser, asked) = password(&t, OWNER).await;
    let asked_for = options(&browser, &asked).await;
    let right = key.get(&asked_for);
    let mut wrong = right.clone();
    wrong["response"]["signature"] = "MAYCAQECAQE".into();
    give(&browser, &asked, &wrong).await.refused(401, "authentication_error");
    let answer = give(&browser, &asked, &right).await;
    assert!(why(&owner, &answer).await.contains("No passkey was asked for"));
}

async fn a_counter_that_does_not_go_on_is_refused_and_told(t: TestApp) {
    let owner = t.owner().await;
    let (mut key, _) = add(&t, &owner, "Blue key").await;
    let mut copy = key.clone();
    for _ in 0..3 {
        sign_in(&t, OWNER, &mut key).await.ok();
    }
    let refused = sign_in(&t, OWNER, &mut copy).await;
    assert!(why(&owner, &refused).await.contains("may be a copy"));
    assert_eq!(subjects(&owner).await[0], "A passkey of your account may have been copied");
    let told = events(&owner, "passkey.clone-suspected").await;
    assert_eq!((told.len(), &told[0]["details"]["name"]), (1, &json!("Blue key")));
    // two questions at once, answered by the key and its copy with the same number
    copy.counter = key.counter;
    let ((one, asked_one), (two, asked_two)) = (password(&t, OWNER).await, password(&t, OWNER).await);
    let (for_one, for_two) = (options(&one, &asked_one).await, options(&two, &asked_two).await);
    let (by_key, by_copy) = (key.get(&for_one), copy.get(&for_two));
    let both = tokio::join!(give(&one, &asked_one, &by_key), give(&two, &asked_two, &by_copy));
    assert_eq!(u32::from(both.0.status == 200) + u32::from(both.1.status == 200), 1, "{both:?}");
    assert_eq!(events(&owner, "passkey.clone-suspected").await.len(), 2);
    // the key itself works on
    sign_in(&t, OWNER, &mut key).await.ok();
}

async fn wrong_passkeys_count_with_the_other_wrong_answers(t: TestApp) {
    let owner = t.owner().await;
    let (mut key, _) = add(&t, &owner, "Key").await;
    for round in 0..2 {
        let (browser, asked) = password(&t, OWNER).await;
        for _ in 0..5 {
            let mut wrong = key.get(&options(&browser, &asked).await);
            wrong["response"]["signature"] = "MAYCAQECAQE".into();
            give(&browser, &asked, &wrong).await.refused(401, "authentication_error");
        }
        let body = json!({"challenge": asked["challenge"]});
        let late = browser.post(&format!("{SECOND_STEP}/passkey-options"), body).await;
        late.refused(401, "authentication_error");
        assert!(subjects(&owner).await[0].contains("knows your password"), "{round}");
    }
    let (browser, asked) = password(&t, OWNER).await;
    let right = key.get(&options(&browser, &asked).await);
    give(&browser, &asked, &right).await.refused(429, "rate_limit_error");
    t.clock.advance(301);
    sign_in(&t, OWNER, &mut key).await.ok();
}

async fn what_is_too_long_or_no_base64url_is_refused_by_field(t: TestApp) {
    let owner = t.owner().await;
    let (mut key, _) = add(&t, &owner, "Key").await;
    let begun = begin(&owner).await;
    let made = Authenticator::at(&origin(&t)).create(&begun["publicKey"]);
    let odd = |of: &Value, pointer: &str, value: &str| {
        let mut turned = of.clone();
        *turned.pointer_mut(pointer).unwrap() = value.into();
        turned
    };
    let long = |n| "A".repeat(n);
    for (pointer, value, field) in [
        ("/rawId", long(1365), "credential.rawId"),
        ("/id", "AAAA".to_owned(), "credential.id"),
        ("/type", "password".to_owned(), "credential.type"),
        ("/response/clientDataJSON", long(8193), "credential.response.clientDataJSON"),
        ("/response/attestationObject", long(65_537), "credential.response.attestationObject"),
        ("/response/attestationObject", "a+b/".to_owned(), "credential.response.attestationObject"),
    ] {
        let error = confirm(&owner, &begun, "Key", &odd(&made, pointer, &value)).await;
        assert_eq!(error.refused(400, "validation_error")["field"], field);
    }
    let error = confirm(&owner, &begun, &"x".repeat(101), &made).await.refused(400, "validation_error");
    assert_eq!(error["field"], "name");
    // none of that used the ceremony up
    assert_eq!(confirm(&owner, &begun, "Key 2", &made).await.status, 201);

    let (browser, asked) = password(&t, OWNER).await;
    let given = key.get(&options(&browser, &asked).await);
    for (pointer, value, field) in [
        ("/rawId", long(1365), "passkey.rawId"),
        ("/response/clientDataJSON", long(8193), "passkey.response.clientDataJSON"),
        ("/response/authenticatorData", long(8193), "passkey.response.authenticatorData"),
        ("/response/signature", long(1369), "passkey.response.signature"),
        ("/response/userHandle", long(87), "passkey.response.userHandle"),
        ("/response/signature", String::new(), "passkey.response.signature"),
    ] {
        let error = give(&browser, &asked, &odd(&given, pointer, &value)).await;
        assert_eq!(error.refused(400, "validation_error")["field"], field);
    }
    let two = json!({"challenge": asked["challenge"], "code": "000000", "passkey": given});
    browser.post(SECOND_STEP, two).await.refused(400, "validation_error");
    browser
        .post(SECOND_STEP, json!({"challenge": asked["challenge"], "passkey": 1}))
        .await
        .refused(400, "validation_error");
    give(&browser, &asked, &given).await.ok();
}

async fn neither_keys_nor_questions_are_stored_in_the_clear(t: TestApp) {
    let owner = t.owner().await;
    let (mut key, _) = add(&t, &owner, "Key").await;
    let (browser, asked) = password(&t, OWNER).await;
    let options = options(&browser, &asked).await;
    let secrets = [key.id(), options["challenge"].as_str().unwrap().to_owned()];
    let (mut kept, mut values) = (t.app.store().reader(), Vec::new());
    for select in [
        "SELECT secret FROM factors",
        "SELECT state AS secret FROM factor_challenges WHERE state IS NOT NULL",
    ] {
        values.push(kept.fetch_one(sql(select)).await.unwrap().text("secret").unwrap());
    }
    for path in ["/api/v1/audit-events", "/api/v1/outbox", FACTORS] {
        values.push(owner.get(path).await.body);
    }
    for value in values {
        assert!(secrets.iter().all(|s| !value.contains(s)), "{value}");
    }
    give(&browser, &asked, &key.get(&options)).await.ok();
    assert!(
        kept.fetch_optional(sql("SELECT id FROM factor_challenges WHERE state IS NOT NULL"))
            .await
            .unwrap()
            .is_none()
    );
}

on_both![
    start_at_localhost:
    a_passkey_is_set_up_and_asked_for_after_the_password,
    a_synced_passkey_is_no_hardware_and_need_not_count,
    one_taken_away_between_question_and_answer_does_not_count,
    changes_want_a_fresh_proof_which_a_passkey_gives,
    an_answer_must_fit_the_question,
    an_answer_counts_once_in_the_browser_that_was_asked,
    a_counter_that_does_not_go_on_is_refused_and_told,
    wrong_passkeys_count_with_the_other_wrong_answers,
    what_is_too_long_or_no_base64url_is_refused_by_field,
    neither_keys_nor_questions_are_stored_in_the_clear,
];
