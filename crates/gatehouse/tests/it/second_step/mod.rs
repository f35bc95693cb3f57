//! The second step of a sign-in by password, and what a workspace demands.

mod authenticator;
mod enrolment;
mod passkeys;
mod policy;
mod sign_in;

use aws_lc_rs::hmac;
use gatehouse_types::Clock;
use serde_json::{Value, json};

use crate::support::{Answer, Client, PASSWORD, TestApp};

const LOGIN: &str = "/api/v1/auth/login";
const SECOND_STEP: &str = "/api/v1/auth/second-step";
const FACTORS: &str = "/api/v1/me/factors";

/// An authenticator app: RFC 6238 written anew, independent of the server's library.
pub(crate) struct App {
    key: Vec<u8>,
    recovery_codes: Vec<String>,
}

impl App {
    fn knowing(secret: &str) -> Self {
        let (mut key, mut bits, mut count) = (Vec::new(), 0u32, 0);
        for symbol in secret.bytes() {
            let value = match symbol {
                b'A'..=b'Z' => symbol - b'A',
                b'2'..=b'7' => symbol - b'2' + 26,
                _ => panic!("no base32: {secret}"),
            };
            (bits, count) = (bits << 5 | u32::from(value), count + 5);
            if count >= 8 {
                count -= 8;
                key.push(u8::try_from(bits >> count & 0xFF).unwrap());
            }
        }
        Self { key, recovery_codes: Vec::new() }
    }

    /// The code at a time (RFC 4226 §5.3).
    fn code_at(&self, seconds: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.key);
        let tag = hmac::sign(&key, &(seconds / 30).to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[19] & 15);
        let word = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap()) & 0x7FFF_FFFF;
        format!("{:06}", word % 1_000_000)
    }

    pub(crate) fn code(&self, t: &TestApp) -> String {
        self.code_at(t.clock.now().seconds())
    }

    /// A code that is wrong now, whatever happens.
    fn wrong(&self, t: &TestApp) -> String {
        let now = t.clock.now().seconds();
        let right: Vec<_> = (-1..=1).map(|n| self.code_at(now + 30 * n)).collect();
        (0..).map(|n| format!("{n:06}")).find(|c| !right.contains(c)).unwrap()
    }
}

/// Sets up an authenticator app for whoever calls, and goes on to the next step, in which no code was used yet.
pub(crate) async fn enrol(t: &TestApp, caller: &Client) -> App {
    let begun = caller.post_to(&format!("{FACTORS}/totp")).await.ok();
    let mut app = App::knowing(begun["secret"].as_str().unwrap());
    let confirmed = caller.post(&format!("{FACTORS}/totp/confirm"), json!({"code": app.code(t)})).await.ok();
    let codes = confirmed["recoveryCodes"].as_array().unwrap();
    app.recovery_codes = codes.iter().map(|c| c.as_str().unwrap().to_owned()).collect();
    t.clock.advance(30);
    app
}

/// The right password, in a new browser that keeps its cookies: the browser and the challenge.
async fn password(t: &TestApp, email: &str) -> (Client, Value) {
    password_is(t, email, PASSWORD).await
}

/// The same with another password.
async fn password_is(t: &TestApp, email: &str, password: &str) -> (Client, Value) {
    let browser = t.client();
    let answer = browser.post(LOGIN, json!({"email": email, "password": password})).await;
    assert_eq!(answer.status, 401, "{}", answer.body);
    assert!(browser.cookie("gatehouse_session").is_none());
    let error = answer.json()["error"].clone();
    assert_eq!(error["type"], "authentication_error");
    assert!(error["decision"].is_null(), "{error}");
    (browser, error)
}

async fn answer(browser: &Client, error: &Value, field: &str, value: &str) -> Answer {
    browser.post(SECOND_STEP, json!({"challenge": error["challenge"], field: value})).await
}

/// The newest mails, as subjects.
async fn subjects(caller: &Client) -> Vec<String> {
    let mails = caller.get("/api/v1/outbox").await.ok();
    mails["data"].as_array().unwrap().iter().map(|m| m["subject"].as_str().unwrap().to_owned()).collect()
}

/// The newest audit entries of an event.
async fn events(caller: &Client, event: &str) -> Vec<Value> {
    let found = caller.get(&format!("/api/v1/audit-events?event={event}")).await.ok();
    found["data"].as_array().unwrap().clone()
}
