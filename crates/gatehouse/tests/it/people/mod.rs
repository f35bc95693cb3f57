//! People: passwords, sessions, members, invitations, sign-up.

mod devices;
mod hand_over;
mod invitations;
mod leavers;
mod members;
mod passwords;
mod sessions;
mod sign_up;

use crate::support::{Answer, Client};

/// A form with the proof that its page holds, as a browser sends it.
async fn submit(browser: &Client, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
    let shown = browser.get(page).await;
    let proof = shown.body.split("name=\"csrf\" value=\"").nth(1).expect(&shown.body);
    let proof = proof.split('"').next().unwrap().to_owned();
    let mut all = vec![("csrf".to_owned(), proof)];
    all.extend(fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    browser.form(action, &all).await
}
