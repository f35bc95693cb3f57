//! The lab's authorization server and the API behind it, over HTTP as a program and a browser meet them. Each way to
//! misbehave is tested in `crates/lab/src/tests/oauth.rs`.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gatehouse_lab::oauth::faults::{OAuthFault, client_id};
use gatehouse_lab::openid::LAB_CLIENT_SECRET;
use serde_json::{Value, json};

use crate::support::{Answer, Client, Form, TestApp, on_both};

const VERIFIER: &str = "the-verifier-of-a-program-that-wants-a-token";

struct Program {
    client: Client,
    id: String,
    callback: String,
    token_url: String,
}

impl Program {
    fn of(t: &TestApp, faults: &[OAuthFault], life: u32) -> Self {
        let callback = format!("{}/oauth/callback/a-context", t.app.public_url().as_str());
        let (client, token_url) = (t.client(), t.lab().oauth_token_url());
        Self { client, id: client_id(faults, Some(life)), callback, token_url }
    }

    /// A request at the token endpoint, as JSON and by HTTP Basic.
    async fn token(&self, fields: Value) -> Answer {
        let request =
            self.client.request("POST", &self.token_url).basic_auth(&self.id, Some(LAB_CLIENT_SECRET));
        self.client.send(request.json(&fields)).await
    }

    async fn refresh(&self, tokens: &Value) -> Answer {
        self.token(json!({"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]})).await
    }

    async fn echo(&self, url: &str, tokens: &Value) -> Answer {
        let request = self.client.request("PUT", url).bearer_auth(tokens["access_token"].as_str().unwrap());
        self.client.send(request.header("x-pin", "2344567").body("hello")).await
    }
}

async fn a_person_agrees_a_program_calls_refreshes_and_gives_back(t: TestApp) {
    let program = Program::of(&t, &[OAuthFault::Rotates], 5);
    let (lab, browser) = (t.lab(), t.client());
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
    let asked = [
        ("response_type", "code"),
        ("client_id", &*program.id),
        ("redirect_uri", &*program.callback),
        ("state", "of-this-browser"),
        ("scope", "read"),
        ("code_challenge", &*challenge),
        ("code_challenge_method", "S256"),
    ];
    let page = browser.send(browser.request("GET", &lab.oauth_authorization_url()).query(&asked)).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let mut form = Form::read(&page.body).unwrap();
    form.fields.push(("person".to_owned(), "bruno".to_owned()));
    let sent = form.send(&browser).await;
    let back = reqwest::Url::parse(sent.location().unwrap_or_else(|| panic!("{}", sent.body))).unwrap();
    assert!(back.as_str().starts_with(&program.callback), "{back}");
    let said = |name: &str| back.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned()).unwrap();
    assert_eq!((said("state"), said("iss")), ("of-this-browser".to_owned(), lab.oauth_issuer()));

    let redeem = json!({"grant_type": "authorization_code", "code": said("code"),
        "redirect_uri": program.callback, "code_verifier": VERIFIER});
    let first = program.token(redeem.clone()).await.ok();
    assert_eq!((&first["token_type"], &first["expires_in"]), (&json!("Bearer"), &json!(5)));
    let below = format!("{}/things/7?page=2", lab.oauth_echo_url());
    let echo = program.echo(&below, &first).await.ok();
    assert_eq!(
        (&echo["method"], &echo["path"], &echo["body"]),
        (&json!("PUT"), &json!("/things/7"), &json!("hello"))
    );
    assert_eq!((&echo["headers"]["x-pin"], &echo["query"]), (&json!("2344567"), &json!([["page", "2"]])));
    assert_eq!(echo["grant"]["belongsTo"]["email"], "bruno@lab.test");

    t.clock.advance(6);
    let expired = program.echo(&below, &first).await;
    assert_eq!((expired.status, expired.json()["error"].as_str()), (401, Some("invalid_token")));
    let second = program.refresh(&first).await.ok();
    program.echo(&below, &second).await.ok();
    // the old one is spent, and who uses it ends the grant
    assert_eq!(program.refresh(&first).await.status, 400);
    assert_eq!(program.echo(&below, &second).await.status, 401);

    let own = program.token(json!({"grant_type": "client_credentials"})).await.ok();
    assert_eq!(program.echo(&below, &own).await.ok()["grant"]["belongsTo"], Value::Null);
    let give_back = program.client.request("POST", &lab.oauth_revocation_url());
    let give_back =
        give_back.basic_auth(&program.id, Some(LAB_CLIENT_SECRET)).form(&[("token", &own["access_token"])]);
    assert_eq!(program.client.send(give_back).await.status, 200);
    assert_eq!(program.echo(&below, &own).await.status, 401);
}

async fn a_workspace_that_is_no_lab_has_no_authorization_server(t: TestApp) {
    let real = t.workspace("Real").await;
    let lab = gatehouse_lab::Addresses::new(t.app.public_url(), &real);
    let client = t.client();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "gatehouse-lab"),
        ("client_secret", LAB_CLIENT_SECRET),
    ];
    for url in [lab.oauth_token_url(), lab.oauth_revocation_url()] {
        assert_eq!(client.send(client.request("POST", &url).form(&form)).await.status, 404, "{url}");
    }
    for url in [lab.oauth_authorization_url(), lab.oauth_echo_url()] {
        assert_eq!(client.get(&url).await.status, 404, "{url}");
    }
    let shown = client.get(&t.lab().home_path()).await;
    assert!(
        shown.body.contains(&t.lab().oauth_token_url()) && shown.body.contains(".refresh_503"),
        "{}",
        shown.body
    );
}

on_both![
    a_person_agrees_a_program_calls_refreshes_and_gives_back,
    a_workspace_that_is_no_lab_has_no_authorization_server,
];
