//! Passkeys: set up, asked for, refused.

mod answers;
mod set_up;

use serde_json::{Value, json};

use super::authenticator::{Authenticator, decoded};
use super::{FACTORS, SECOND_STEP, password};
use crate::support::{Answer, Client, TestApp};

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
