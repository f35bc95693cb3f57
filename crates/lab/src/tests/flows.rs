use std::collections::BTreeMap;

use axum::http::{StatusCode, header};
use gatehouse_saml::idp::Fault;
use gatehouse_saml::{Certificate, InResponseTo, Reason, parse_idp_metadata};
use gatehouse_testkit::{TestStore, on_both};

use super::{HOST, World, new_key};
use crate::{PEOPLE, faults, metadata};

fn asked() -> InResponseTo {
    InResponseTo::Expect("_request-1".to_owned())
}

on_both!(a_request_is_answered_as_the_chosen_person, |t: TestStore| async move {
    let mut world = World::new(t).await;
    let lab = world.workspace("Trial", true).await;
    let page = world.request_url(&lab);
    for person in &PEOPLE {
        let answer = world.choose(&page, &[("person", person.id), ("fault", "none")]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(answer.action(), format!("{HOST}/saml/acs"));
        assert_eq!(answer.value("RelayState").as_deref(), Some("/after"));
        let said = world.judge(&lab, &answer, asked()).await.outcome.unwrap();
        assert_eq!(said.name_id().value, person.email);
        assert!(said.name_id().format.as_ref().is_some_and(|f| f.ends_with(":emailAddress")));
        let names: BTreeMap<&str, &[String]> =
            said.attributes().iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        assert_eq!(names["email"], [person.email]);
        assert_eq!(names["name"], [person.name]);
        assert_eq!(names["http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"], [person.name]);
        assert_eq!(names.get("groups").map_or(0, |g| g.len()), person.groups.len());
    }
});

on_both!(every_fault_on_demand_is_refused_for_its_own_reason, |t: TestStore| async move {
    let mut world = World::new(t).await;
    let lab = world.workspace("Trial", true).await;
    let page = world.request_url(&lab);
    for fault in Fault::ALL {
        let answer = world.choose(&page, &[("person", "ada"), ("fault", fault.code())]).await;
        let refused = world.judge(&lab, &answer, asked()).await.outcome.unwrap_err();
        assert_eq!(refused.reason, fault.expected_reason(), "{}", fault.code());
    }
});

on_both!(a_sign_in_begun_at_the_lab_is_an_unsolicited_answer, |t: TestStore| async move {
    let mut world = World::new(t).await;
    let lab = world.workspace("Trial", true).await;
    let page = format!("{}?connection=con_1", world.lab.addresses(&lab).start_path());
    let choice = [("person", "bruno"), ("connection", "con_1"), ("relayState", "/settings/sso?a=1&b")];
    let answer = world.choose(&page, &choice).await;
    assert_eq!(answer.action(), format!("{HOST}/saml/acs/con_1/idp"));
    assert_eq!(answer.value("RelayState").as_deref(), Some("/settings/sso?a=1&b"));
    let judged = world.judge(&lab, &answer, InResponseTo::Unsolicited).await;
    assert_eq!(judged.outcome.unwrap().name_id().value, "bruno@lab.test");
    assert!(world.judge(&lab, &answer, asked()).await.outcome.is_err());
});

on_both!(the_clock_and_the_key_of_an_answer_can_be_chosen, |t: TestStore| async move {
    let mut world = World::new(t).await;
    let lab = world.workspace("Trial", true).await;
    let page = world.request_url(&lab);
    for (skew, reason) in [
        ("", None),
        ("55", None),
        ("-300", None),
        ("65", Some(Reason::IssuedInFuture)),
        ("-3600", Some(Reason::ConfirmationExpired)),
    ] {
        let answer = world.choose(&page, &[("person", "ada"), ("skew", skew)]).await;
        let outcome = world.judge(&lab, &answer, asked()).await.outcome;
        assert_eq!(outcome.err().map(|e| e.reason), reason, "{skew}");
    }
    let answer = world.choose(&page, &[("person", "ada"), ("key", "second")]).await;
    let mut policy = world.policy(&lab, &answer, asked()).await;
    assert_eq!(answer.judged_by(&policy).outcome.unwrap_err().reason, Reason::SignatureWrongKey);
    policy.certificates.push(world.lab.sso().second_lab_key(&lab).await.unwrap().certificate);
    assert!(answer.judged_by(&policy).outcome.unwrap().used_fallback());
    for (name, value) in [("skew", "soon"), ("skew", "86401"), ("key", "third")] {
        let answer = world.choose(&page, &[("person", "ada"), (name, value)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name} {value}");
    }
});

#[tokio::test]
async fn the_start_page_shows_again_what_was_wrong() {
    let mut world = World::new(TestStore::new(gatehouse_testkit::Kind::Sqlite).await).await;
    let lab = world.workspace("Trial", true).await;
    let page = world.lab.addresses(&lab).start_path();
    let long = "/".repeat(1025);
    for (name, value) in
        [("connection", "https://evil.test"), ("relayState", &long), ("person", "eve"), ("fault", "x")]
    {
        let usual =
            [("person", "ada"), ("connection", "con_1"), ("relayState", "/kept"), ("fault", "denied")];
        let form = usual.map(|(n, v)| if n == name { (n, value) } else { (n, v) });
        let answer = world.choose(&page, &form).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}");
        assert!(answer.body.contains("Please correct this first."), "{name}");
        assert!(answer.value("SAMLResponse").is_none(), "{name}");
        assert!(name == "relayState" || answer.body.contains("value=\"/kept\""), "{name}: kept what fits");
    }
}

#[tokio::test]
async fn what_a_form_brings_back_is_checked_again() {
    let mut world = World::new(TestStore::new(gatehouse_testkit::Kind::Sqlite).await).await;
    let lab = world.workspace("Trial", true).await;
    let page = world.request_url(&lab);
    let shown = world.get(&page).await;
    let long = "x".repeat(1025);
    let csrf = shown.value("csrf").unwrap();
    let usual = [
        ("csrf", csrf.as_str()),
        ("person", "ada"),
        ("fault", "none"),
        ("requestId", "_request-1"),
        ("acs", "https://gate.test/saml/acs"),
        ("relayState", "/"),
    ];
    assert_eq!(world.post(&shown.action(), &usual).await.status, StatusCode::OK);
    for (name, value, status) in [
        ("csrf", "forged", StatusCode::FORBIDDEN),
        ("person", "eve", StatusCode::BAD_REQUEST),
        ("fault", "x", StatusCode::BAD_REQUEST),
        ("requestId", "a b", StatusCode::BAD_REQUEST),
        ("acs", "https://evil.test/saml/acs", StatusCode::BAD_REQUEST),
        ("relayState", &long, StatusCode::BAD_REQUEST),
    ] {
        let form = usual.map(|(n, v)| if n == name { (n, value) } else { (n, v) });
        let answer = world.post(&shown.action(), &form).await;
        assert_eq!(answer.status, status, "{name}");
        assert!(answer.value("SAMLResponse").is_none(), "{name}");
    }
}

#[tokio::test]
async fn the_choice_page_says_how_the_request_is_signed() {
    let mut world = World::new(TestStore::new(gatehouse_testkit::Kind::Sqlite).await).await;
    let lab = world.workspace("Trial", true).await;
    let unsigned = world.request_url(&lab);
    let shown = world.get(&unsigned).await;
    assert!(shown.body.contains("not signed"));
    assert_eq!(shown.body.matches("<h1>").count(), 1);
    for fault in Fault::ALL {
        assert!(shown.body.contains(&format!("<option value=\"{}\"", fault.code())), "{}", fault.code());
        assert!(!faults::label(*fault).is_empty());
    }
    let known = metadata::signing_certificate(&world.lab.sso().sp_metadata().await.unwrap());
    assert!(known.is_some(), "the service provider's certificate is read from its metadata");
    let forged = world.request(&lab).redirect_url(None, Some(&new_key())).unwrap();
    let refused = world.get(&forged).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body.contains("the signature of the request is wrong"), "{}", refused.body);
}

#[tokio::test]
async fn a_plain_visit_of_the_sign_on_address_is_told_where_to_begin() {
    let mut world = World::new(TestStore::new(gatehouse_testkit::Kind::Sqlite).await).await;
    let lab = world.workspace("Trial", true).await;
    let answer = world.get(&world.lab.addresses(&lab).sign_on_path().clone()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body.contains("Begin at Gatehouse"), "{}", answer.body);
}

#[tokio::test]
async fn the_lab_shows_its_values_in_every_form_and_they_agree() {
    let mut world = World::new(TestStore::new(gatehouse_testkit::Kind::Sqlite).await).await;
    let lab = world.workspace("Trial & Error", true).await;
    let addresses = world.lab.addresses(&lab);
    let metadata = world.get(&addresses.metadata_path()).await;
    assert_eq!(metadata.header(header::CONTENT_TYPE), "application/samlmetadata+xml");
    let read = parse_idp_metadata(metadata.body.as_bytes()).unwrap();
    assert_eq!(read.entity_id, addresses.entity_id());
    let urls: Vec<_> = read.sso_urls.into_iter().collect();
    let (redirect, post) = (gatehouse_saml::HTTP_REDIRECT.to_owned(), gatehouse_saml::HTTP_POST.to_owned());
    assert_eq!(urls, [(post, addresses.posted_sign_on_url()), (redirect, addresses.sign_on_url())]);

    let pem = world.get(&addresses.certificate_path()).await;
    assert_eq!(pem.header(header::CONTENT_TYPE), "text/plain; charset=utf-8");
    let certificate = Certificate::from_pem_or_base64(&pem.body).unwrap();
    let second = world.get(&addresses.second_certificate_path()).await;
    let second = Certificate::from_pem_or_base64(&second.body).unwrap();
    assert_eq!(read.certificates, [certificate.clone(), second]);
    let services: Vec<_> = read.slo_urls.values().map(|s| s.location.clone()).collect();
    assert_eq!(services, vec![addresses.logout_url(); 2]);
    certificate.check_key().unwrap();

    let home = world.get(&addresses.home_path()).await;
    assert_eq!((home.status, home.body.matches("<h1>").count()), (StatusCode::OK, 1));
    for value in [&addresses.entity_id(), &addresses.sign_on_url(), "lab.test", "mallory@elsewhere.test"] {
        assert!(home.body.contains(value), "{value}");
    }
    assert!(home.body.contains("Trial &#38; Error"));
}
