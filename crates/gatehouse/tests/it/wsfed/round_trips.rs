use super::start;
use crate::saml::newest_failure;
use crate::support::{TestApp, on_both};

async fn a_browser_that_goes_round_without_a_session_is_stopped_with_a_page(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let browser = t.client();
    // each round ends well at the provider, and the browser loses its session
    for round in 0..10 {
        let form = t.ask_lab(&browser, &start(&lab, "/"), "ada", "none").await;
        assert_eq!(form.send(&browser).await.status, 303, "{round}");
        let attempt = browser.cookie("gatehouse_attempt").unwrap();
        browser.forget_cookies();
        browser.set_cookie("gatehouse_attempt", &attempt);
    }
    let stopped = browser.get(&start(&lab, "/")).await;
    assert_eq!((stopped.status, stopped.location()), (401, None), "{}", stopped.body);
    assert!(stopped.body.contains("Allow cookies for this address"), "{}", stopped.body);
    let attempt = newest_failure(&owner, &lab).await;
    assert_eq!(
        (attempt["reason"].as_str(), attempt["decision"].as_str()),
        (Some("sign_in_loop"), Some(stopped.decision().as_str()))
    );
    // another browser is not meant, and after a minute this one may try again
    assert_eq!(t.client().get(&start(&lab, "/")).await.status, 303);
    t.clock.advance(61);
    assert_eq!(browser.get(&start(&lab, "/")).await.status, 303);
}

async fn who_is_shown_a_page_or_is_signed_in_does_not_go_round(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let browser = t.client();
    for _ in 0..12 {
        let form = t.ask_lab(&browser, &start(&lab, "/"), "ada", "wrong_audience").await;
        assert_eq!(form.send(&browser).await.status, 401);
    }
    for _ in 0..12 {
        let form = t.ask_lab(&browser, &start(&lab, "/"), "ada", "none").await;
        assert_eq!(form.send(&browser).await.status, 303);
    }
}

on_both![
    a_browser_that_goes_round_without_a_session_is_stopped_with_a_page,
    who_is_shown_a_page_or_is_signed_in_does_not_go_round,
];
