//! Many tenants behind one provider: whose word counts for what.

use serde_json::{Value, json};

use super::{ADA, Microsoft, TENANT, Turn, World, me, refused, with_providers};
use crate::support::Signer;

const OTHER: &str = "99999999-2222-4333-8444-555555555555";

async fn an_address_counts_only_when_its_domain_is_the_tenants(world: World) {
    // whoever administers a tenant writes any address into a person: nobody is taken over by it
    let turns: [Turn; 6] = [
        |c| drop(c.as_object_mut().unwrap().remove("xms_edov")),
        |c| c["xms_edov"] = json!(false),
        |c| c["xms_edov"] = json!("0"),
        |c| {
            drop(c.as_object_mut().unwrap().remove("xms_edov"));
            c["email_verified"] = json!(true);
        },
        |c| c["email_verified"] = json!(false),
        |c| {
            drop(c.as_object_mut().unwrap().remove("email"));
            c["preferred_username"] = json!(ADA);
            c["upn"] = json!(ADA);
        },
    ];
    for (n, turn) in turns.into_iter().enumerate() {
        let browser = world.t.client();
        let answer = world.enter(Microsoft, &browser, turn).await;
        refused(&browser, Microsoft, &answer);
        assert!(world.why(&answer).await.contains("does not prove its address"), "{n}");
    }
    let browser = world.t.client();
    assert_eq!(world.enter(Microsoft, &browser, |_| {}).await.location(), Some("/account"));
    assert_eq!(me(&browser).await, ADA);
    // from then on issuer and subject are enough
    let again = world.t.client();
    let turn = |c: &mut Value| drop(c.as_object_mut().unwrap().remove("xms_edov"));
    assert_eq!(world.enter(Microsoft, &again, turn).await.status, 303);
    // the same subject of another tenant is another person, even when it proves the address
    let other = world.t.client();
    let issuer = world.issuer_of(OTHER);
    let turn = |c: &mut Value| (c["tid"], c["iss"]) = (json!(OTHER), json!(issuer));
    refused(&other, Microsoft, &world.enter(Microsoft, &other, turn).await);
}

async fn a_token_must_be_of_its_own_tenant(world: World) {
    let (own, other, shared) = (world.issuer_of(TENANT), world.issuer_of(OTHER), world.issuer_of("common"));
    let template = world.issuer_of("{tenantid}");
    for (tid, iss, check) in [
        (json!(OTHER), &own, "issuer"),
        (json!(TENANT), &other, "issuer"),
        (json!(TENANT), &template, "issuer"),
        (json!("common"), &shared, "tenant"),
        (json!(null), &own, "tenant"),
        (json!("{tenantid}"), &template, "tenant"),
        (json!(format!("{TENANT}/v2.0/../{OTHER}")), &own, "tenant"),
    ] {
        let browser = world.t.client();
        let turn = |c: &mut Value| (c["tid"], c["iss"]) = (tid.clone(), json!(iss));
        let answer = world.enter(Microsoft, &browser, turn).await;
        refused(&browser, Microsoft, &answer);
        assert!(world.why(&answer).await.starts_with(check), "{tid}: {}", world.why(&answer).await);
    }
}

async fn a_key_that_is_one_tenants_signs_for_no_other(world: World) {
    let mut key = Signer::new("ES256", "two");
    key.jwk["issuer"] = json!(world.issuer_of(OTHER));
    world.microsoft.publish(&[&key.jwk]);
    let browser = world.t.client();
    let asked = world.asked(Microsoft, &browser).await;
    world.microsoft.give(&key.token(&world.claims(Microsoft, &asked)));
    let answer = asked.back(&browser, "code=c").await;
    refused(&browser, Microsoft, &answer);
    assert!(world.why(&answer).await.starts_with("signature"), "{}", world.why(&answer).await);
    // one that is for all of them does
    let mut key = Signer::new("ES256", "three");
    key.jwk["issuer"] = json!(world.issuer_of("{tenantid}"));
    world.microsoft.publish(&[&key.jwk]);
    let asked = world.asked(Microsoft, &browser).await;
    world.microsoft.give(&key.token(&world.claims(Microsoft, &asked)));
    assert_eq!(asked.back(&browser, "code=c").await.status, 303);
}

with_providers![with_ada:
    an_address_counts_only_when_its_domain_is_the_tenants,
    a_token_must_be_of_its_own_tenant,
    a_key_that_is_one_tenants_signs_for_no_other,
];
