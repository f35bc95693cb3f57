//! The lab as an authorization server with an API behind it.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use gatehouse_testkit::{Kind, TestStore, on_both};
use gatehouse_types::WorkspaceId;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::{HOST, World};
use crate::oauth::faults::{OAuthFault, client_id};
use crate::openid::{LAB_CLIENT_SECRET, jwt};

const CALLBACK: &str = "https://gate.test/oauth/callback/of-a-profile";
const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more";

/// A client at the lab of a workspace.
struct Client {
    id: String,
    lab: WorkspaceId,
}

impl Client {
    fn of(lab: &WorkspaceId, faults: &[OAuthFault], life: Option<u32>) -> Self {
        Self { id: client_id(faults, life), lab: lab.clone() }
    }

    fn page(&self, more: &[(&str, &str)]) -> String {
        let challenge = jwt::challenge(VERIFIER);
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", &*self.id),
                ("redirect_uri", CALLBACK),
                ("state", "s t&ate"),
                ("scope", "read write"),
                ("code_challenge", &*challenge),
                ("code_challenge_method", "S256"),
            ])
            .extend_pairs(more)
            .finish();
        format!("/lab/oauth/{}/authorize?{query}", self.lab)
    }

    async fn post(&self, world: &mut World, endpoint: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let mut all = vec![("client_id", self.id.as_str())];
        if !self.id.contains("public") {
            all.push(("client_secret", LAB_CLIENT_SECRET));
        }
        all.extend(form);
        let answer = world.post(&format!("/lab/oauth/{}/{endpoint}", self.lab), &all).await;
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
    }

    async fn token(&self, world: &mut World, form: &[(&str, &str)]) -> (StatusCode, Value) {
        self.post(world, "token", form).await
    }

    async fn code(&self, world: &mut World) -> String {
        let answer = world.choose(&self.page(&[]), &[("person", "ada")]).await;
        back(&answer, "code").expect("a code")
    }

    async fn redeem(&self, world: &mut World, code: &str) -> (StatusCode, Value) {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.token(world, &form).await
    }

    /// Tokens of Ada.
    async fn tokens(&self, world: &mut World) -> Value {
        let code = self.code(world).await;
        let (status, tokens) = self.redeem(world, &code).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        tokens
    }

    async fn refresh(&self, world: &mut World, token: &Value) -> (StatusCode, Value) {
        let token = token["refresh_token"].as_str().expect("a refresh token");
        self.token(world, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn echo(&self, world: &World, token: &Value) -> (StatusCode, Value) {
        let request = Request::builder().uri(format!("/lab/oauth/{}/echo", self.lab));
        let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
        call(world, request.header(header::AUTHORIZATION, bearer).body(Body::empty()).unwrap()).await
    }
}

async fn call(world: &World, request: Request<Body>) -> (StatusCode, Value) {
    let answer = world.app.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// A value of the address to which the lab sends a person back.
fn back(answer: &super::Answer, name: &str) -> Option<String> {
    let to = url::Url::parse(answer.header(header::LOCATION)).unwrap();
    assert!(to.as_str().starts_with(CALLBACK), "{to}");
    to.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}

async fn world(t: TestStore) -> (World, WorkspaceId) {
    let world = World::new(t).await;
    let lab = world.workspace("Trial", true).await;
    (world, lab)
}

on_both!(who_agrees_is_who_the_token_belongs_to, |t: TestStore| async move {
    let (mut world, lab) = world(t).await;
    let client = Client::of(&lab, &[], None);
    let answer = world.choose(&client.page(&[("pin", "2344567")]), &[("person", "zoe")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(back(&answer, "state").as_deref(), Some("s t&ate"));
    assert_eq!(back(&answer, "iss"), Some(world.lab.addresses(&lab).oauth_issuer()));
    let code = back(&answer, "code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("tenant", "eu"),
    ];
    let (status, tokens) = client.token(&mut world, &form).await;
    assert_eq!(
        (status, &tokens["expires_in"], &tokens["scope"]),
        (StatusCode::OK, &300.into(), &"read write".into())
    );
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let request = Request::builder()
        .method(Method::PATCH)
        .uri(format!("/lab/oauth/{lab}/echo/things/7?a=1&a=x%20y"))
        .header(header::AUTHORIZATION, bearer)
        .header("x-pin", "2344567")
        .body(Body::from(r#"{"name":"Zoë"}"#));
    let (status, echo) = call(&world, request.unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&echo["method"], &echo["path"]), (&"PATCH".into(), &"/things/7".into()));
    assert_eq!(echo["query"], serde_json::json!([["a", "1"], ["a", "x y"]]));
    assert_eq!((&echo["headers"]["x-pin"], &echo["json"]["name"]), (&"2344567".into(), &"Zoë".into()));
    let token = &echo["grant"];
    assert_eq!(
        (&token["belongsTo"]["email"], &token["scope"]),
        (&"zoe@lab.test".into(), &"read write".into())
    );
    assert_eq!(
        (&token["authorizationFields"]["pin"], &token["tokenFields"]["tenant"]),
        (&"2344567".into(), &"eu".into())
    );
    assert!(!echo.to_string().contains(tokens["access_token"].as_str().unwrap()));
});

on_both!(a_client_has_a_token_of_its_own_and_no_refresh_token, |t: TestStore| async move {
    let (mut world, lab) = world(t).await;
    let client = Client::of(&lab, &[], Some(90));
    let (status, token) =
        client.token(&mut world, &[("grant_type", "client_credentials"), ("scope", "all")]).await;
    assert_eq!(
        (status, &token["expires_in"], token.get("refresh_token")),
        (StatusCode::OK, &90.into(), None)
    );
    let (_, echo) = client.echo(&world, &token).await;
    assert_eq!((&echo["grant"]["belongsTo"], &echo["grant"]["scope"]), (&Value::Null, &"all".into()));
    assert_eq!(echo["grant"]["client"], "gatehouse-lab.life_90");
});

on_both!(a_code_is_good_once_for_its_client_address_and_verifier, |t: TestStore| async move {
    let (mut world, lab) = world(t).await;
    let client = Client::of(&lab, &[], None);
    let code = client.code(&mut world).await;
    let other = Client::of(&lab, &[OAuthFault::Rotates], None);
    let form = |uri: &'static str, verifier: &'static str| {
        [("grant_type", "authorization_code"), ("redirect_uri", uri), ("code_verifier", verifier)]
    };
    for (who, uri, verifier) in [
        (&other, CALLBACK, VERIFIER),
        (&client, "https://gate.test/oauth/callback/another", VERIFIER),
        (&client, CALLBACK, "another"),
    ] {
        let mut fields = form(uri, verifier).to_vec();
        fields.push(("code", &*code));
        let (status, refused) = who.token(&mut world, &fields).await;
        assert_eq!(
            (status, &refused["error"]),
            (StatusCode::BAD_REQUEST, &"invalid_grant".into()),
            "{uri} {verifier}"
        );
    }
    let (_, tokens) = client.redeem(&mut world, &code).await;
    assert_eq!(client.echo(&world, &tokens).await.0, StatusCode::OK);
    // who uses it again ends what it gave
    assert_eq!(client.redeem(&mut world, &code).await.1["error"], "invalid_grant");
    assert_eq!(client.echo(&world, &tokens).await.0, StatusCode::UNAUTHORIZED);
    let late = client.code(&mut world).await;
    world.test.clock.advance(301);
    assert_eq!(client.redeem(&mut world, &late).await.1["error"], "invalid_grant");
});

on_both!(an_expired_token_is_refreshed, |t: TestStore| async move {
    let (mut world, lab) = world(t).await;
    let client = Client::of(&lab, &[], Some(5));
    let tokens = client.tokens(&mut world).await;
    world.test.clock.advance(6);
    assert_eq!(client.echo(&world, &tokens).await.0, StatusCode::UNAUTHORIZED);
    let (status, fresh) = client.refresh(&mut world, &tokens).await;
    assert_eq!((status, fresh.get("refresh_token")), (StatusCode::OK, None));
    assert_eq!(client.echo(&world, &fresh).await.0, StatusCode::OK);
    assert_eq!(client.refresh(&mut world, &tokens).await.0, StatusCode::OK, "the same one stays");
    let more = [("grant_type", "refresh_token"), ("refresh_token", ""), ("scope", "read everything")];
    let mut more = more.to_vec();
    more[1].1 = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(client.token(&mut world, &more).await.1["error"], "invalid_scope");
    more[2].1 = "read";
    let (_, narrow) = client.token(&mut world, &more).await;
    assert_eq!(client.echo(&world, &narrow).await.1["grant"]["scope"], "read");
});

on_both!(a_refresh_token_that_rotates_is_good_once, |t: TestStore| async move {
    let (mut world, lab) = world(t).await;
    let client = Client::of(&lab, &[OAuthFault::Rotates], None);
    let first = client.tokens(&mut world).await;
    let (_, second) = client.refresh(&mut world, &first).await;
    let (_, third) = client.refresh(&mut world, &second).await;
    assert_eq!(client.echo(&world, &third).await.0, StatusCode::OK);
    assert_eq!(client.refresh(&mut world, &first).await.1["error"], "invalid_grant");
    // one of two who use it is a thief
    assert_eq!(client.refresh(&mut world, &third).await.1["error"], "invalid_grant");
    assert_eq!(client.echo(&world, &third).await.0, StatusCode::UNAUTHORIZED);
});

on_both!(what_is_given_back_opens_nothing, |t: TestStore| async move {
    let (mut world, lab) = world(t).await;
    let client = Client::of(&lab, &[], None);
    let (one, other) = (client.tokens(&mut world).await, client.tokens(&mut world).await);
    let (_, fresh) = client.refresh(&mut world, &one).await;
    let stranger = Client::of(&lab, &[OAuthFault::Rotates], None);
    let refresh_token = one["refresh_token"].as_str().unwrap();
    for who in [&stranger, &client] {
        let access = fresh["access_token"].as_str().unwrap();
        assert_eq!(who.post(&mut world, "revoke", &[("token", access)]).await.0, StatusCode::OK);
        let expected = if who.id == client.id { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        assert_eq!(client.echo(&world, &fresh).await.0, expected, "{}", who.id);
    }
    assert_eq!(client.echo(&world, &one).await.0, StatusCode::OK, "one token alone");
    let hint = [("token", refresh_token), ("token_type_hint", "access_token")];
    assert_eq!(client.post(&mut world, "revoke", &hint).await.0, StatusCode::OK);
    assert_eq!(client.echo(&world, &one).await.0, StatusCode::UNAUTHORIZED, "the whole grant");
    assert_eq!(client.refresh(&mut world, &one).await.1["error"], "invalid_grant");
    assert_eq!(client.echo(&world, &other).await.0, StatusCode::OK, "no other grant");
    assert_eq!(client.post(&mut world, "revoke", &[("token", "none")]).await.0, StatusCode::OK);
    assert_eq!(client.post(&mut world, "revoke", &[]).await.1["error"], "invalid_request");
});

on_both!(a_client_is_treated_as_its_id_says, |t: TestStore| async move {
    let (mut world, lab) = world(t).await;
    for (fault, status, error) in [
        (OAuthFault::RefreshRefused, 400, "invalid_grant"),
        (OAuthFault::RefreshUnavailable, 503, "temporarily_unavailable"),
    ] {
        let client = Client::of(&lab, &[fault], None);
        let tokens = client.tokens(&mut world).await;
        let (answered, body) = client.refresh(&mut world, &tokens).await;
        assert_eq!((answered.as_u16(), &body["error"]), (status, &error.into()));
        assert_eq!(client.echo(&world, &tokens).await.0, StatusCode::OK);
    }
    let silent = Client::of(&lab, &[OAuthFault::NoRefreshToken, OAuthFault::NoExpiresIn], None);
    let tokens = silent.tokens(&mut world).await;
    assert_eq!((tokens.get("refresh_token"), tokens.get("expires_in")), (None, None));

    let refusing = Client::of(&lab, &[OAuthFault::ErrorWith200], None);
    let (status, body) = refusing.token(&mut world, &[("grant_type", "client_credentials")]).await;
    assert_eq!(
        (status, &body["error"], body.get("access_token")),
        (StatusCode::OK, &"invalid_grant".into(), None)
    );

    let odd = Client::of(&lab, &[OAuthFault::Refuses419, OAuthFault::RevocationUnavailable], Some(5));
    let tokens = odd.tokens(&mut world).await;
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(odd.post(&mut world, "revoke", &[("token", token)]).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(odd.echo(&world, &tokens).await.0, StatusCode::OK);
    world.test.clock.advance(6);
    assert_eq!(odd.echo(&world, &tokens).await.0.as_u16(), 419);

    let mixed_up = Client::of(&lab, &[OAuthFault::WrongIssuer], None);
    let answer = world.choose(&mixed_up.page(&[]), &[("person", "ada")]).await;
    assert_eq!(back(&answer, "iss").as_deref(), Some("https://elsewhere.example"));

    let public = Client::of(&lab, &[OAuthFault::Public], None);
    let tokens = public.tokens(&mut world).await;
    assert_eq!(public.echo(&world, &tokens).await.0, StatusCode::OK);
    let (_, own) = public.token(&mut world, &[("grant_type", "client_credentials")]).await;
    assert_eq!(own["error"], "unauthorized_client");
});

#[tokio::test]
async fn a_slow_answer_comes_after_all() {
    let (mut world, lab) = world(TestStore::new(Kind::Sqlite).await).await;
    let slow = Client::of(&lab, &[OAuthFault::Slow], None);
    let began = Instant::now();
    let (status, _) = slow.token(&mut world, &[("grant_type", "client_credentials")]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(began.elapsed() >= Duration::from_secs(3));
}

on_both!(who_refuses_gives_no_code_and_strangers_get_nothing, |t: TestStore| async move {
    let (mut world, lab) = world(t).await;
    let client = Client::of(&lab, &[], None);
    let answer = world.choose(&client.page(&[]), &[("refuse", "1")]).await;
    assert_eq!((back(&answer, "code"), back(&answer, "error").as_deref()), (None, Some("access_denied")));
    for wrong in [
        client.page(&[]).replace("gatehouse-lab", "stranger"),
        client.page(&[]).replace("response_type=code", "response_type=token"),
        client.page(&[]).replace("gate.test%2Foauth", "evil.test%2Foauth"),
    ] {
        assert_eq!(world.get(&wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let wrong =
        [("grant_type", "client_credentials"), ("client_id", &*client.id), ("client_secret", "other")];
    let refused = world.post(&format!("/lab/oauth/{lab}/token"), &wrong).await;
    assert_eq!(
        (refused.status, refused.header(header::CACHE_CONTROL)),
        (StatusCode::UNAUTHORIZED, "no-store")
    );
    let (_, unknown) = client.token(&mut world, &[("grant_type", "password")]).await;
    assert_eq!(unknown["error"], "unsupported_grant_type");
    let answer = world.get(&format!("/lab/oauth/{lab}/echo")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.header(header::WWW_AUTHENTICATE).contains("invalid_token"));
});

on_both!(a_token_of_one_lab_opens_nothing_at_another, |t: TestStore| async move {
    let (mut world, lab) = world(t).await;
    let other = world.workspace("Other", true).await;
    let client = Client::of(&lab, &[], None);
    let tokens = client.tokens(&mut world).await;
    let elsewhere = Client::of(&other, &[], None);
    assert_eq!(elsewhere.echo(&world, &tokens).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(elsewhere.refresh(&mut world, &tokens).await.1["error"], "invalid_grant");
    // a refresh token is no access token, a token of the OpenID provider is none of these
    let swapped = serde_json::json!({"access_token": tokens["refresh_token"]});
    assert_eq!(client.echo(&world, &swapped).await.0, StatusCode::UNAUTHORIZED);
    assert!(world.lab.addresses(&lab).oauth_echo_url().starts_with(HOST));
});
