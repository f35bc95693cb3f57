//! Single logout: the provider ends our sessions, and we end the provider's.

use gatehouse_saml::idp::ResponseBuilder;
use gatehouse_saml::{
    Certificate, InResponseTo, LogoutKind, LogoutMessage, LogoutRequest, LogoutResponse, LogoutStatus,
    NameId, Policy, Protocol, SigningKey, VerifiedLogout, verify_logout,
};
use gatehouse_types::Clock;
use serde_json::{Value, json};

use super::newest_failure;
use crate::support::{Answer, Client, Form, LabConnection, TestApp, on_both};

/// A connection to the lab with its single logout URL.
pub(super) async fn with_logout(t: &TestApp, owner: &Client, binding: &str) -> LabConnection {
    let lab = t.active_lab(owner).await;
    let slo = json!({"samlConfig": {"sloUrl": t.lab().logout_url(), "sloBinding": binding}});
    let changed = owner.put(&lab.path, slo).await.ok();
    assert_eq!(changed["samlConfig"]["sloUrl"], json!(t.lab().logout_url()));
    lab
}

/// A browser signed in as a person, in a session of that index at the provider.
async fn entered(t: &TestApp, lab: &LabConnection, person: &str, index: &str) -> Client {
    let browser = t.client();
    let form = t
        .hand_made_with(&lab.id, person, |r| {
            r.session_index = Some(index.to_owned());
            r.attributes = vec![("email".to_owned(), vec![person.to_owned()])];
        })
        .await;
    let answer = form.send(&browser).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    browser
}

async fn is_in(browser: &Client) -> bool {
    browser.get("/api/v1/me").await.status == 200
}

/// The lab's request to end sessions, as no page of it would make it.
fn request(t: &TestApp, person: &str, indexes: &[&str]) -> LogoutRequest {
    LogoutRequest {
        id: format!("_{}", t.app.store().ids().make::<gatehouse_types::RequestId>()),
        issue_instant: t.clock.now().micros(),
        not_on_or_after: None,
        destination: t.app.sso().slo_url(),
        issuer: t.lab().entity_id(),
        name_id: NameId {
            value: person.to_owned(),
            format: None,
            name_qualifier: None,
            sp_name_qualifier: None,
        },
        session_indexes: indexes.iter().map(|i| (*i).to_owned()).collect(),
    }
}

async fn lab_key(t: &TestApp) -> SigningKey {
    t.app.sso().lab_key(&t.workspace).await.unwrap().signing
}

/// Sends a request by redirect, without any cookie.
async fn send(t: &TestApp, request: &LogoutRequest) -> Answer {
    t.client().get(&request.redirect_url(Some("kept as it is"), &lab_key(t).await).unwrap()).await
}

/// What our answer tells the provider, judged with the key of our metadata.
async fn told(t: &TestApp, message: &LogoutMessage, asked: &str) -> LogoutStatus {
    let metadata = t.client().get("/saml/metadata").await.body;
    let (_, rest) = metadata.split_once("<ds:X509Certificate>").unwrap();
    let certificate = Certificate::from_pem_or_base64(rest.split('<').next().unwrap()).unwrap();
    let policy = Policy {
        protocol: Protocol::Saml2,
        idp_entity_id: t.app.sso().entity_id(),
        audiences: Vec::new(),
        acs_urls: vec![t.lab().logout_url()],
        certificates: vec![certificate],
        decryption_keys: Vec::new(),
        in_response_to: InResponseTo::Expect(asked.to_owned()),
        now: t.clock.now().micros(),
        clock_skew: gatehouse_saml::CLOCK_SKEW,
        authenticated_since: None,
        authn_contexts: Vec::new(),
        allow_sha1: false,
    };
    match verify_logout(message, &policy).outcome.unwrap() {
        VerifiedLogout::Response(response) => response.status().clone(),
        VerifiedLogout::Request(_) => panic!("a request"),
    }
}

async fn success(t: &TestApp, answer: &Answer, asked: &LogoutRequest) {
    assert_eq!(answer.status, 303, "{}", answer.body);
    let (place, query) = answer.location().unwrap().split_once('?').unwrap();
    assert_eq!(place, t.lab().logout_url());
    let message = LogoutMessage::from_redirect(query).unwrap();
    assert_eq!(message.relay_state(), Some("kept as it is"));
    assert_eq!(told(t, &message, &asked.id).await, LogoutStatus::Success);
}

/// The link of a page that leads on.
fn link(page: &Answer) -> String {
    let (_, rest) =
        page.body.split_once("class=\"button primary\" href=\"").unwrap_or_else(|| panic!("{}", page.body));
    rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}

async fn the_provider_ends_every_session_of_a_person_at_once(t: TestApp) {
    let owner = t.owner().await;
    let lab = with_logout(&t, &owner, "redirect").await;
    let one = entered(&t, &lab, "ada@lab.test", "s1").await;
    let two = entered(&t, &lab, "ada@lab.test", "s2").await;
    let other = entered(&t, &lab, "bruno@lab.test", "s3").await;
    let asked = request(&t, "ada@lab.test", &[]);
    success(&t, &send(&t, &asked).await, &asked).await;
    assert!(!is_in(&one).await && !is_in(&two).await && is_in(&other).await && is_in(&owner).await);
    let attempt = owner.get(&format!("{}/attempts?pageSize=1", lab.path)).await.ok()["data"][0].clone();
    assert_eq!((&attempt["flow"], &attempt["outcome"]), (&json!("logout"), &json!("success")));
    let events = owner.get("/api/v1/audit-events?pageSize=10").await.body;
    assert!(events.contains("provider-signed-out") && events.contains("sso.logout-received"), "{events}");
}

async fn a_named_session_ends_alone_and_its_late_assertion_is_refused(t: TestApp) {
    let owner = t.owner().await;
    let lab = with_logout(&t, &owner, "redirect").await;
    let one = entered(&t, &lab, "ada@lab.test", "s1").await;
    let two = entered(&t, &lab, "ada@lab.test", "s2").await;
    let asked = request(&t, "ada@lab.test", &["s1", "s9"]);
    success(&t, &send(&t, &asked).await, &asked).await;
    assert!(!is_in(&one).await && is_in(&two).await);
    // an assertion about an ended session that was still on its way
    let form = t.hand_made_with(&lab.id, "ada@lab.test", |r| r.session_index = Some("s9".to_owned())).await;
    let late = t.client();
    let answer = form.send(&late).await;
    super::refused_for(&owner, &lab, &late, &answer, "session_logged_out").await;
}

async fn an_unknown_person_is_answered_like_a_known_one(t: TestApp) {
    let owner = t.owner().await;
    let lab = with_logout(&t, &owner, "redirect").await;
    let one = entered(&t, &lab, "ada@lab.test", "s1").await;
    for (who, index) in [("nobody@lab.test", "s1"), ("ada@lab.test", "s2")] {
        let asked = request(&t, who, &[index]);
        success(&t, &send(&t, &asked).await, &asked).await;
    }
    assert!(is_in(&one).await);
}

async fn a_request_by_post_is_answered_by_post(t: TestApp) {
    let owner = t.owner().await;
    let lab = with_logout(&t, &owner, "post").await;
    let one = entered(&t, &lab, "ada@lab.test", "s1").await;
    let key = t.app.sso().lab_key(&t.workspace).await.unwrap();
    let own = LogoutRequest {
        destination: t.app.sso().own_slo_url(&lab.id.parse().unwrap()),
        ..request(&t, "ada@lab.test", &["s1"])
    };
    let field = own.post_field(&key.signing, &key.certificate).unwrap();
    let fields = vec![("SAMLRequest".to_owned(), field), ("RelayState".to_owned(), "r".to_owned())];
    let page = Form { action: own.destination.clone(), fields }.send(&t.client()).await;
    assert!(!is_in(&one).await);
    let form = Form::read(&page.body).unwrap();
    assert_eq!(form.action, t.lab().logout_url());
    let value = |name: &str| form.fields.iter().find(|(n, _)| n == name).unwrap().1.clone();
    assert_eq!(value("RelayState"), "r");
    let message = LogoutMessage::from_post(LogoutKind::Response, &value("SAMLResponse"), None).unwrap();
    assert_eq!(told(&t, &message, &own.id).await, LogoutStatus::Success);
}

/// Checks that a message was refused for this reason and that attempt and decision say so.
async fn refused(owner: &Client, lab: &LabConnection, answer: &Answer, reason: &str) {
    assert_eq!(answer.status, 401, "{reason}: {}", answer.body);
    let attempt = newest_failure(owner, lab).await;
    assert_eq!((&attempt["reason"], &attempt["flow"]), (&json!(reason), &json!("logout")));
    assert_eq!(attempt["decision"], json!(answer.decision()));
    let why = owner.get(&format!("/api/v1/decisions/{}", answer.decision())).await.ok();
    assert_eq!(why["reasons"], attempt["checks"], "{reason}");
}

async fn what_the_provider_did_not_sign_for_us_now_ends_nothing(t: TestApp) {
    let owner = t.owner().await;
    let lab = with_logout(&t, &owner, "redirect").await;
    let one = entered(&t, &lab, "ada@lab.test", "s1").await;
    let key = lab_key(&t).await;
    let honest = request(&t, "ada@lab.test", &[]);
    let url = |r: &LogoutRequest| r.redirect_url(None, &key).unwrap();
    let unsigned = url(&honest).split("&SigAlg").next().unwrap().to_owned();
    let forged = honest.redirect_url(None, &SigningKey::generate().unwrap()).unwrap();
    let late = LogoutRequest { issue_instant: t.clock.now().micros() - 3_600_000_000, ..honest.clone() };
    let here = t.app.sso().slo_url();
    let elsewhere = LogoutRequest { destination: "https://evil.test/slo".to_owned(), ..honest.clone() };
    let elsewhere = url(&elsewhere).replace("https://evil.test/slo", &here);
    let own = t.app.sso().own_slo_url(&lab.id.parse().unwrap());
    let other_endpoint = url(&honest).replace(&here, &own);
    let issuer =
        LogoutRequest { issuer: "https://evil.test".to_owned(), destination: own.clone(), ..honest.clone() };
    for (url, reason) in [
        (unsigned, "signature_missing"),
        (forged, "signature_wrong_key"),
        (url(&honest).replace("&SigAlg", "&RelayState=x&SigAlg"), "signature_wrong_key"),
        (url(&late), "logout_expired"),
        (elsewhere, "destination_mismatch"),
        (other_endpoint, "destination_mismatch"),
        (url(&issuer), "issuer_mismatch"),
    ] {
        refused(&owner, &lab, &t.client().get(&url).await, reason).await;
        assert!(is_in(&one).await, "{reason}");
    }
    for (path, status) in [
        ("/saml/slo".to_owned(), 400),
        ("/saml/slo?SAMLRequest=AAAA".to_owned(), 400),
        ("/saml/slo/con_unknown?SAMLRequest=AAAA".to_owned(), 400),
        (url(&LogoutRequest { issuer: "https://nobody.test".to_owned(), ..honest.clone() }), 404),
        ("/sso/logout/unknown".to_owned(), 303),
    ] {
        assert_eq!(t.client().get(&path).await.status, status, "{path}");
    }
    // the good one works once
    success(&t, &send(&t, &honest).await, &honest).await;
    assert!(!is_in(&one).await);
    refused(&owner, &lab, &send(&t, &honest).await, "replayed").await;
}

async fn another_connections_provider_ends_nothing_here(t: TestApp) {
    let owner = t.owner().await;
    let lab = with_logout(&t, &owner, "redirect").await;
    let one = entered(&t, &lab, "ada@lab.test", "s1").await;
    let key = SigningKey::generate().unwrap();
    let now = t.clock.now().micros();
    let certificate = key.self_signed("evil", now - 1_000_000, now + 86_400_000_000).unwrap();
    // it even claims the lab's name
    let body = json!({"name": "Foreign", "protocol": "saml", "samlConfig": {
        "entityId": t.lab().entity_id(), "ssoUrl": "https://evil.test/sso", "certificate": certificate.to_pem(),
        "sloUrl": "https://evil.test/slo"}});
    let foreign = owner.post("/api/v1/sso/connections", body).await.ok();
    let id = foreign["id"].as_str().unwrap();
    let own = t.app.sso().own_slo_url(&id.parse().unwrap());
    let asked = LogoutRequest { destination: own, ..request(&t, "ada@lab.test", &[]) };
    let answer = t.client().get(&asked.redirect_url(None, &key).unwrap()).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(is_in(&one).await, "its word counts for its own sessions only");
    let asked = request(&t, "ada@lab.test", &[]);
    let answer = t.client().get(&asked.redirect_url(None, &key).unwrap()).await;
    refused(&owner, &lab, &answer, "signature_wrong_key").await;
    assert!(is_in(&one).await);
}

/// An identity provider that is no lab, and whoever pins its certificate.
struct Outside {
    key: SigningKey,
    certificate: Certificate,
}

const OUTSIDE: &str = "https://idp.company.test/metadata";

impl Outside {
    fn new(t: &TestApp) -> Self {
        let (key, now) = (SigningKey::generate().unwrap(), t.clock.now().micros());
        let certificate = key.self_signed("company", now - 1_000_000, now + 86_400_000_000).unwrap();
        Self { key, certificate }
    }

    /// An active connection to it. Its entity id and certificate are no secrets: anybody can name them.
    async fn connect(&self, t: &TestApp, by: &Client, host: &str, domain: &str) -> LabConnection {
        let body = json!({"name": domain, "protocol": "saml", "jitProvisioning": true, "samlConfig": {
            "entityId": OUTSIDE, "ssoUrl": format!("https://{host}/sso"), "sloUrl": format!("https://{host}/slo"),
            "certificate": self.certificate.to_pem()}});
        let id = by.post("/api/v1/sso/connections", body).await.ok()["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/sso/connections/{id}");
        let domain = t.prove(by, &path, domain).await;
        by.post_to(&format!("{path}/test")).await.ok();
        by.post_to(&format!("{path}/activate")).await.ok();
        LabConnection { id, path, domain }
    }

    /// Twenty-one connections of another company that copy its values, elder than the true one.
    async fn copies(&self, t: &TestApp) -> (Client, Vec<LabConnection>) {
        let other = t.workspace("Other").await;
        t.person_in(&other, "owner@other.test", gatehouse_types::Role::Owner).await;
        let theirs = t.sign_in("owner@other.test").await;
        let mut made = Vec::new();
        for n in 0..21 {
            made.push(self.connect(t, &theirs, "evil.test", &format!("d{n}.other.test")).await);
        }
        (theirs, made)
    }

    /// Signs a person in with an answer that nobody asked for, at the address that all connections share.
    async fn enter(&self, t: &TestApp, person: &str) -> (Client, Answer) {
        let (acs, now) = (t.app.sso().acs_url(), t.clock.now().micros());
        let mut response = ResponseBuilder::new("_r1", OUTSIDE, &acs, &t.app.sso().entity_id(), person, now);
        response.attributes = vec![("email".to_owned(), vec![person.to_owned()])];
        let field = response.issue_base64(&self.key, &self.certificate).unwrap();
        let form = Form { action: acs, fields: vec![("SAMLResponse".to_owned(), field)] };
        let browser = t.client();
        let answer = form.send(&browser).await;
        (browser, answer)
    }

    async fn end(&self, t: &TestApp, asked: LogoutRequest) -> Answer {
        let asked = LogoutRequest { issuer: OUTSIDE.to_owned(), ..asked };
        t.client().get(&asked.redirect_url(None, &self.key).unwrap()).await
    }
}

async fn who_copies_a_providers_values_learns_nothing_and_hides_nobody(t: TestApp) {
    let outside = Outside::new(&t);
    let (theirs, copies) = outside.copies(&t).await;
    let owner = t.owner().await;
    outside.connect(&t, &owner, "idp.company.test", "company.test").await;
    let (ada, entered) = outside.enter(&t, "ada@company.test").await;
    assert_eq!(entered.status, 303, "the true one is found among its copies: {}", entered.body);
    assert!(is_in(&ada).await);
    let asked = request(&t, "ada@company.test", &[]);
    let late = LogoutRequest { issue_instant: t.clock.now().micros() - 3_600_000_000, ..asked.clone() };
    assert_eq!(outside.end(&t, late).await.status, 401);
    let answer = outside.end(&t, asked).await;
    assert!(answer.location().unwrap().starts_with("https://idp.company.test/slo?"), "{answer:?}");
    assert!(!is_in(&ada).await);
    for copy in copies {
        let seen = theirs.get(&format!("{}/attempts", copy.path)).await.body;
        assert!(!seen.contains("ada"), "{seen}");
    }
    let events = theirs.get("/api/v1/audit-events?event=sso.logout-received").await.ok();
    assert_eq!(events["data"], json!([]));
}

async fn a_logout_of_everything_refuses_what_was_on_its_way_and_not_the_next_sign_in(t: TestApp) {
    let owner = t.owner().await;
    let lab = with_logout(&t, &owner, "redirect").await;
    let on_its_way = t.hand_made_with(&lab.id, "ada@lab.test", |r| r.session_index = None).await;
    t.clock.advance(1);
    let asked = request(&t, "ada@lab.test", &[]);
    success(&t, &send(&t, &asked).await, &asked).await;
    let late = t.client();
    let answer = on_its_way.send(&late).await;
    super::refused_for(&owner, &lab, &late, &answer, "session_logged_out").await;
    t.clock.advance(1);
    assert!(is_in(&entered(&t, &lab, "ada@lab.test", "s2").await).await);
}

async fn a_switched_off_connection_still_ends_its_sessions(t: TestApp) {
    let owner = t.owner().await;
    let lab = with_logout(&t, &owner, "redirect").await;
    let one = entered(&t, &lab, "ada@lab.test", "s1").await;
    owner.post_to(&format!("{}/deactivate", lab.path)).await.ok();
    assert!(is_in(&one).await, "switching off throws nobody out");
    let asked = request(&t, "ada@lab.test", &[]);
    success(&t, &send(&t, &asked).await, &asked).await;
    assert!(!is_in(&one).await);
}

async fn an_address_takes_no_answer_to_another_connections_request(t: TestApp) {
    let owner = t.owner().await;
    let lab = with_logout(&t, &owner, "redirect").await;
    let browser = entered(&t, &lab, "ada@lab.test", "s1").await;
    let (_, page) = leave(&t, &browser).await;
    let query = link(&page).split_once('?').unwrap().1.to_owned();
    let asked = LogoutMessage::from_redirect(&query).unwrap().peek().unwrap().id.unwrap();
    let body = t.lab_body("Twin").await;
    let twin = owner.post("/api/v1/sso/connections", body).await.ok()["id"].as_str().unwrap().to_owned();
    let answer = |destination: String| LogoutResponse {
        id: "_a1".to_owned(),
        issue_instant: t.clock.now().micros(),
        destination,
        issuer: t.lab().entity_id(),
        in_response_to: asked.clone(),
        status: LogoutStatus::Success,
    };
    let key = lab_key(&t).await;
    let elsewhere = answer(t.app.sso().own_slo_url(&twin.parse().unwrap()));
    let refused = browser.get(&elsewhere.redirect_url(None, &key).unwrap()).await;
    assert_eq!(refused.status, 401, "{}", refused.body);
    let here = answer(t.app.sso().slo_url()).redirect_url(None, &key).unwrap();
    assert_eq!(browser.get(&here).await.location(), Some("/login"), "it still waits for its own");
}

/// Signs out through the API and goes to the lab's page.
async fn leave(t: &TestApp, browser: &Client) -> (String, Answer) {
    let token = browser.get("/api/v1/me").await;
    assert_eq!(token.status, 200);
    let done = browser.request("POST", "/api/v1/auth/logout").header("origin", t.app.public_url().as_str());
    let done = browser.send(done).await.ok();
    assert_eq!(done["signedOut"], true);
    let url = done["logoutUrl"].as_str().unwrap_or_else(|| panic!("{done}")).to_owned();
    assert!(url.starts_with(&t.app.sso().slo_url().replace("/saml/slo", "/sso/logout/")), "{url}");
    assert!(!is_in(browser).await, "our own session ends first");
    (url.clone(), browser.get(&url).await)
}

/// Answers at the lab's page.
async fn answered(browser: &Client, page: &Answer, status: &str) -> Answer {
    let mut form = Form::read(&page.body).unwrap_or_else(|| panic!("{}", page.body));
    form.fields.push(("status".to_owned(), status.to_owned()));
    let answer = form.send(browser).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    browser.get(answer.location().unwrap()).await
}

async fn signing_out_here_signs_out_at_the_provider(t: TestApp) {
    let owner = t.owner().await;
    for binding in ["redirect", "post"] {
        let lab = if binding == "redirect" {
            with_logout(&t, &owner, binding).await
        } else {
            let id =
                owner.get("/api/v1/sso/connections").await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
            let path = format!("/api/v1/sso/connections/{id}");
            owner.put(&path, json!({"samlConfig": {"sloBinding": binding}})).await.ok();
            LabConnection { id, path, domain: String::new() }
        };
        for (status, words) in [
            ("success", "signed out here and at your identity provider"),
            ("partial", "could not sign you out of every other application"),
            ("denied", "did not sign you out"),
        ] {
            let browser = t.client();
            let entered = t.enter_from_lab(&browser, &lab.id, "ada").await;
            assert_eq!(entered.status, 303, "{}", entered.body);
            let elsewhere = t.client();
            t.enter_from_lab(&elsewhere, &lab.id, "ada").await;
            let (_, page) = leave(&t, &browser).await;
            let page = match binding {
                "redirect" => browser.get(&link(&page)).await,
                _ => Form::read(&page.body).unwrap().send(&browser).await,
            };
            assert!(page.body.contains("ada@lab.test"), "{}", page.body);
            let done = answered(&browser, &page, status).await;
            assert_eq!((done.status, done.location()), (303, Some("/login")), "{}", done.body);
            let shown = browser.get("/login").await.body;
            assert!(shown.contains(words), "{binding} {status}: {shown}");
            assert!(is_in(&elsewhere).await, "other devices stay signed in");
            elsewhere.forget_cookies();
        }
    }
}

async fn an_answer_counts_once_and_only_while_it_is_waited_for(t: TestApp) {
    let owner = t.owner().await;
    let lab = with_logout(&t, &owner, "redirect").await;
    let browser = entered(&t, &lab, "ada@lab.test", "s1").await;
    let (ticket, page) = leave(&t, &browser).await;
    let query = link(&page).split_once('?').unwrap().1.to_owned();
    let id = LogoutMessage::from_redirect(&query).unwrap().peek().unwrap().id.unwrap();
    let answer = |asked: &str| LogoutResponse {
        id: "_a1".to_owned(),
        issue_instant: t.clock.now().micros(),
        destination: t.app.sso().slo_url(),
        issuer: t.lab().entity_id(),
        in_response_to: asked.to_owned(),
        status: LogoutStatus::Success,
    };
    let key = lab_key(&t).await;
    let url = |asked: &str| answer(asked).redirect_url(None, &key).unwrap();
    refused(&owner, &lab, &browser.get(&url("_other")).await, "in_response_to_unexpected").await;
    assert_eq!(browser.get(&url(&id)).await.location(), Some("/login"));
    refused(&owner, &lab, &browser.get(&url(&id)).await, "in_response_to_unexpected").await;
    // a provider that never answers: the ticket ends by itself
    assert_eq!(browser.get(&ticket).await.location(), Some("/login"));
    let browser = entered(&t, &lab, "ada@lab.test", "s2").await;
    let (ticket, _) = leave(&t, &browser).await;
    t.clock.advance(15 * 60);
    assert_eq!(browser.get(&ticket).await.location(), Some("/login"));
}

async fn the_lab_signs_somebody_out_and_its_faults_do_not(t: TestApp) {
    let owner = t.owner().await;
    let lab = with_logout(&t, &owner, "redirect").await;
    let browser = t.client();
    t.enter_from_lab(&browser, &lab.id, "zoe").await;
    let portal = t.client();
    for (fault, reason) in [
        ("unsigned", Some("signature_missing")),
        ("other_certificate", Some("signature_wrong_key")),
        ("expired", Some("logout_expired")),
        ("wrong_destination", Some("destination_mismatch")),
        ("none", None),
    ] {
        let page = portal.get(&t.lab().logout_path()).await;
        assert!(page.body.contains("Zoë Núñez"), "{}", page.body);
        let mut form = Form::read(&page.body).unwrap();
        form.fields.extend([("person", "zoe"), ("fault", fault)].map(|(n, v)| (n.to_owned(), v.to_owned())));
        let sent = form.send(&portal).await;
        let answer = portal.get(sent.location().unwrap_or_else(|| panic!("{}", sent.body))).await;
        match reason {
            Some(reason) => {
                refused(&owner, &lab, &answer, reason).await;
                assert!(is_in(&browser).await, "{fault}");
            }
            None => {
                let told = portal.get(answer.location().unwrap()).await;
                assert!(told.body.contains("success"), "{}", told.body);
                assert!(!is_in(&browser).await);
            }
        }
    }
}

async fn without_a_logout_url_nothing_is_told_to_the_provider(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let browser = entered(&t, &lab, "ada@lab.test", "s1").await;
    let done = browser.request("POST", "/api/v1/auth/logout").header("origin", t.app.public_url().as_str());
    assert_eq!(browser.send(done).await.ok(), json!({"signedOut": true}));
    // it may still ask, and is shown that it was heard
    let one = entered(&t, &lab, "ada@lab.test", "s2").await;
    let answer = send(&t, &request(&t, "ada@lab.test", &[])).await;
    assert_eq!((answer.status, answer.location()), (303, Some("/login")));
    assert!(!is_in(&one).await);
}

async fn the_logout_addresses_of_a_connection_are_checked_and_cleared(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let put = async |config: Value| owner.put(&lab.path, json!({"samlConfig": config})).await;
    for (config, field) in [
        (json!({"sloUrl": "javascript:alert(1)"}), "samlConfig.sloUrl"),
        (json!({"sloResponseUrl": "http://idp.test/slo"}), "samlConfig.sloResponseUrl"),
        (json!({"sloBinding": "soap"}), "samlConfig.sloBinding"),
    ] {
        let error = put(config).await.refused(400, "validation_error");
        assert_eq!(error["field"], field, "{error}");
    }
    let all = json!({"sloUrl": "https://idp.test/slo", "sloResponseUrl": "https://idp.test/done", "sloBinding": "post"});
    let saved = put(all.clone()).await.ok()["samlConfig"].clone();
    for name in ["sloUrl", "sloResponseUrl", "sloBinding"] {
        assert_eq!(saved[name], all[name]);
    }
    let cleared = put(json!({"sloUrl": "", "sloResponseUrl": ""})).await.ok()["samlConfig"].clone();
    assert_eq!((&cleared["sloUrl"], &cleared["sloResponseUrl"]), (&Value::Null, &Value::Null));
    let metadata = t.client().get("/saml/metadata").await.body;
    assert_eq!(metadata.matches("<md:SingleLogoutService").count(), 2, "{metadata}");
}

on_both![
    who_copies_a_providers_values_learns_nothing_and_hides_nobody,
    a_logout_of_everything_refuses_what_was_on_its_way_and_not_the_next_sign_in,
    a_switched_off_connection_still_ends_its_sessions,
    an_address_takes_no_answer_to_another_connections_request,
    the_provider_ends_every_session_of_a_person_at_once,
    a_named_session_ends_alone_and_its_late_assertion_is_refused,
    an_unknown_person_is_answered_like_a_known_one,
    a_request_by_post_is_answered_by_post,
    what_the_provider_did_not_sign_for_us_now_ends_nothing,
    another_connections_provider_ends_nothing_here,
    signing_out_here_signs_out_at_the_provider,
    an_answer_counts_once_and_only_while_it_is_waited_for,
    the_lab_signs_somebody_out_and_its_faults_do_not,
    without_a_logout_url_nothing_is_told_to_the_provider,
    the_logout_addresses_of_a_connection_are_checked_and_cleared,
];
