//! Answers that must open nothing.

use serde_json::{Value, json};

use super::{ADA, Google, Microsoft, Turn, World, me, refused, with_providers};
use crate::support::{Asked, Signer};

async fn an_account_that_proves_no_address_opens_nothing(world: World) {
    let turns: [(Turn, &str); 6] = [
        (|c| c["email_verified"] = json!(false), "does not prove its address"),
        (|c| drop(c.as_object_mut().unwrap().remove("email_verified")), "does not prove its address"),
        // verified once, but Google does not host the domain: whose it is today, it does not know
        (|c| drop(c.as_object_mut().unwrap().remove("hd")), "does not prove its address"),
        (|c| drop(c.as_object_mut().unwrap().remove("email")), "does not prove its address"),
        (|c| c["email"] = json!("nobody@lab.test"), "none has the address"),
        (|c| c["email"] = json!("not an address"), "does not prove its address"),
    ];
    let mut words = Vec::new();
    for (turn, why) in turns {
        let browser = world.t.client();
        let answer = world.enter(Google, &browser, turn).await;
        refused(&browser, Google, &answer);
        let said = world.why(&answer).await;
        assert!(said.starts_with("linked account") && said.contains(why), "{said}");
        let decision = answer.decision();
        let page = answer.body.replace(&decision, "dec");
        words.push(page.split("<main").nth(1).unwrap().split("req_").next().unwrap().to_owned());
    }
    words.dedup();
    assert_eq!(words.len(), 1, "known and unknown people look the same: {words:#?}");
}

async fn another_subject_with_the_same_address_is_somebody_else(world: World) {
    let browser = world.t.client();
    assert_eq!(world.enter(Google, &browser, |_| {}).await.status, 303);
    assert_eq!(me(&browser).await, ADA);
    let other = world.t.client();
    let answer = world.enter(Google, &other, |c| c["sub"] = json!("u-2")).await;
    refused(&other, Google, &answer);
    assert!(world.why(&answer).await.contains("linked to another account at Google"));
    // the workspace of the person it was tried on may know
    let owner = world.t.owner().await;
    owner.get(&format!("/api/v1/decisions/{}", answer.decision())).await.ok();
    // the linked one is known by its subject, whatever its address has become
    let again = world.t.client();
    let turn = |c: &mut Value| {
        c["email"] = json!("owner@main.test");
        c["email_verified"] = json!(false);
    };
    assert_eq!(world.enter(Google, &again, turn).await.status, 303);
    assert_eq!(me(&again).await, ADA);
    // the same subject at the other provider is another account
    let elsewhere = world.t.client();
    let turn = |c: &mut Value| drop(c.as_object_mut().unwrap().remove("xms_edov"));
    refused(&elsewhere, Microsoft, &world.enter(Microsoft, &elsewhere, turn).await);
}

async fn an_answer_counts_once_and_in_the_browser_that_asked(world: World) {
    let (browser, thief) = (world.t.client(), world.t.client());
    let asked = world.asked(Google, &browser).await;
    let claims = world.claims(Google, &asked);
    // somebody else's browser, with and without a sign-in of its own
    refused(&thief, Google, &world.back(Google, &thief, &asked, &claims).await);
    world.asked(Google, &thief).await;
    let answer = world.back(Google, &thief, &asked, &claims).await;
    refused(&thief, Google, &answer);
    assert!(world.why(&answer).await.contains("another browser"));
    let tokens = world.google.hits("token");
    assert_eq!(tokens, 0, "the code of another browser is not even exchanged");
    assert_eq!(world.back(Google, &browser, &asked, &claims).await.location(), Some("/account"));
    // replayed, in the same browser
    let replay = world.back(Google, &browser, &asked, &claims).await;
    assert_eq!(replay.status, 401, "{}", replay.body);
    assert_eq!(world.google.hits("token"), tokens + 1);
    // one that took too long
    let slow = world.t.client();
    let asked = world.asked(Google, &slow).await;
    world.t.clock.advance(15 * 60 + 1);
    let claims = world.claims(Google, &asked);
    refused(&slow, Google, &world.back(Google, &slow, &asked, &claims).await);
}

async fn an_answer_of_one_provider_is_not_taken_for_the_others(world: World) {
    let browser = world.t.client();
    let asked = world.asked(Google, &browser).await;
    let crossed = Asked {
        query: [
            ("state", asked.query["state"].clone()),
            ("redirect_uri", format!("{}/oidc/callback/microsoft", world.t.app.public_url().as_str())),
        ]
        .map(|(n, v)| (n.to_owned(), v))
        .into(),
    };
    let answer = world.back(Microsoft, &browser, &crossed, &world.claims(Google, &asked)).await;
    refused(&browser, Microsoft, &answer);
    assert!(world.why(&answer).await.contains("the sign-in went to Google"));
    // and one that says to be of another issuer (RFC 9207)
    let asked = world.asked(Google, &browser).await;
    world.google.give(&world.key.token(&world.claims(Google, &asked)));
    let answer = asked.back(&browser, "code=c&iss=https%3A%2F%2Fevil.example").await;
    refused(&browser, Google, &answer);
    assert!(world.why(&answer).await.starts_with("answering issuer"));
}

async fn a_token_that_is_wrong_opens_nothing(world: World) {
    let turns: [(Turn, &str); 5] = [
        (|c| c["nonce"] = json!("another"), "nonce"),
        (|c| c["aud"] = json!("client-of-somebody-else"), "audience"),
        (|c| c["iss"] = json!("https://evil.example"), "issuer"),
        (|c| c["exp"] = json!(c["iat"].as_i64().unwrap() - 120), "expiry"),
        (|c| c["aud"] = json!([c["aud"], "another"]), "authorized party"),
    ];
    for (turn, check) in turns {
        let browser = world.t.client();
        let answer = world.enter(Google, &browser, turn).await;
        refused(&browser, Google, &answer);
        assert!(world.why(&answer).await.starts_with(check), "{check}: {}", world.why(&answer).await);
    }
    let forger = Signer::new("ES256", "one");
    let browser = world.t.client();
    let asked = world.asked(Google, &browser).await;
    world.google.give(&forger.token(&world.claims(Google, &asked)));
    let answer = asked.back(&browser, "code=c").await;
    refused(&browser, Google, &answer);
    assert!(world.why(&answer).await.starts_with("signature"));
    // the person changed their mind there
    let asked = world.asked(Google, &browser).await;
    let answer = asked.back(&browser, "error=access_denied").await;
    refused(&browser, Google, &answer);
}

with_providers![with_ada:
    an_account_that_proves_no_address_opens_nothing,
    another_subject_with_the_same_address_is_somebody_else,
    an_answer_counts_once_and_in_the_browser_that_asked,
    an_answer_of_one_provider_is_not_taken_for_the_others,
    a_token_that_is_wrong_opens_nothing,
];
