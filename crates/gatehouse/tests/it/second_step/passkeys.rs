use gatehouse_types::Role;
use serde_json::{Value, json};

use super::authenticator::{Authenticator, decoded};
use super::{App, FACTORS, SECOND_STEP, answer, enrol, events, password, subjects};
use crate::support::{Answer, Client, PASSWORD, TestApp, on_both};

const OWNER: &str = "owner@main.test";
const PROVE: &str = "/api/v1/me/reauthenticate";

fn origin(t: &TestApp) -> String {
    t.app.public_url().as_str().to_owned()
}

async fn begin(caller: &Client) -> Value {
    caller.post_to(&format!("{FACTORS}/passkeys")).await.ok()
}

async fn confirm(caller: &Client, begun: &Value, name: &str, credential: &Value) -> Answer {
    let body = json!({"ceremony": begun["ceremony"], "name": name, "credential": credential});
    caller.post(&format!("{FACTORS}/passkeys/confirm"), body).await
}

/// Sets a passkey up for whoever calls; the answer of the server beside it.
async fn add(t: &TestApp, caller: &Client, name: &str) -> (Authenticator, Value) {
    let mut key = Authenticator::at(&origin(t));
    let added = add_with(caller, &mut key, name).await;
    (key, added)
}

async fn add_with(caller: &Client, key: &mut Authenticator, name: &str) -> Value {
    let begun = begin(caller).await;
    let made = key.create(&begun["publicKey"]);
    let done = confirm(caller, &begun, name, &made).await;
    assert_eq!(done.status, 201, "{}", done.body);
    done.json()
}

/// What the browser is asked for at a sign-in.
async fn options(browser: &Client, asked: &Value) -> Value {
    let body = json!({"challenge": asked["challenge"]});
    browser.post(&format!("{SECOND_STEP}/passkey-options"), body).await.ok()["publicKey"].clone()
}

async fn give(browser: &Client, asked: &Value, passkey: &Value) -> Answer {
    browser.post(SECOND_STEP, json!({"challenge": asked["challenge"], "passkey": passkey})).await
}

async fn sign_in(t: &TestApp, email: &str, key: &mut Authenticator) -> Answer {
    let (browser, asked) = password(t, email).await;
    let options = options(&browser, &asked).await;
    give(&browser, &asked, &key.get(&options)).await
}

async fn claims(answer: &Answer) -> Value {
    let token = answer.ok()["accessToken"].as_str().unwrap().to_owned();
    serde_json::from_slice(&decoded(&token.split('.').nth(1).unwrap().into())).unwrap()
}

/// The reason of a decision, as administrators read it.
async fn why(owner: &Client, answer: &Answer) -> String {
    let decision = answer.refused(401, "authentication_error")["decision"].as_str().unwrap().to_owned();
    owner.get(&format!("/api/v1/decisions/{decision}")).await.ok().to_string()
}

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

async fn neither_keys_nor_questions_are_in_what_is_stored_or_read_in_the_clear(t: TestApp) {
    let owner = t.owner().await;
    let (mut key, _) = add(&t, &owner, "Key").await;
    let (browser, asked) = password(&t, OWNER).await;
    let options = options(&browser, &asked).await;
    for path in ["/api/v1/audit-events", "/api/v1/outbox", FACTORS] {
        assert!(!owner.get(path).await.body.contains(&key.id()), "{path}");
    }
    let answer = give(&browser, &asked, &key.get(&options)).await.ok();
    assert!(!answer.to_string().contains(&key.id()));
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
    a_passkey_is_set_up_and_asked_for_after_the_password,
    a_synced_passkey_is_no_hardware_and_need_not_count,
    several_have_names_and_are_told_apart,
    one_taken_away_between_question_and_answer_does_not_count,
    what_is_made_must_answer_what_was_asked,
    a_ceremony_is_good_in_its_session_once_and_for_five_minutes,
    changes_want_a_fresh_proof_which_a_passkey_gives,
    an_answer_must_fit_the_question,
    an_answer_counts_once_in_the_browser_that_was_asked,
    a_counter_that_does_not_go_on_is_refused_and_told,
    wrong_passkeys_count_with_the_other_wrong_answers,
    what_is_too_long_or_no_base64url_is_refused_by_field,
    ten_are_enough,
    the_last_of_either_kind_stays_where_one_is_demanded,
    the_operator_resets_them_and_a_key_works_anew,
    neither_keys_nor_questions_are_in_what_is_stored_or_read_in_the_clear,
];

on_both![an_address_that_is_no_name_has_no_passkeys];
