//! Our own SAML keys: which there are, and how one takes the place of another.

use axum::extract::{Path, State};
use gatehouse_identity::Visitor;
use gatehouse_types::{Error, Kind, Result, SigningKeyId};
use gatehouse_web::{Confirm, Flash, HtmlResult, Page, PageContext, SeeOther, VerifiedForm, View, When};

use super::{KEYS_PATH, Nothing, PATH, frame};
use crate::Sso;
use crate::model::{KeyState, SpKey};

/// A step that a key may take, with its words.
struct Move {
    id: String,
    label: &'static str,
    question: &'static str,
    text: &'static str,
    path: String,
    tone: &'static str,
}

/// One key of the page.
struct KeyRow {
    id: String,
    heading: &'static str,
    does: &'static str,
    fingerprint: String,
    from: When,
    until: When,
    used: Option<When>,
    shared: bool,
    moves: Vec<Move>,
}

#[derive(askama::Template)]
#[template(path = "sso/keys.html")]
pub(super) struct KeysPage {
    page: Page,
    keys: Vec<KeyRow>,
    /// Where the provider of the page's connection reads them; empty without a connection.
    metadata: String,
    /// Whether a next key can be made.
    may_make: bool,
    /// Whether a previous key waits to be retired here.
    overlap: bool,
    /// Whether the operator rolls the shared key, on which the workspace counts.
    operator: bool,
}

const PROMOTE: (&str, &str, &str) = (
    "Put in force",
    "Put the next key in force?",
    "From now on it signs our requests, and the metadata shows it alone. The key that signs now still opens what is \
     encrypted for it, until you retire it. Do this when the provider has read the metadata that shows the next key.",
);
const WITHDRAW: (&str, &str, &str) = (
    "Withdraw",
    "Withdraw the next key?",
    "It is destroyed and leaves the metadata. What a provider encrypts for it can no longer be opened.",
);
const RETIRE: (&str, &str, &str) = (
    "Retire",
    "Retire the previous key?",
    "What a provider still encrypts for it can no longer be opened, and such a sign-in is refused. Do this when no \
     attempt says “decryption key” any more. An own key is destroyed; the shared one is no longer used for this \
     workspace.",
);

fn step((label, question, text): (&'static str, &'static str, &'static str), key: &SpKey, way: &str) -> Move {
    let tone = if way == "retire" { "danger" } else { "primary" };
    Move {
        id: format!("{}-{way}", key.id),
        label,
        question,
        text,
        path: format!("{KEYS_PATH}/{}/{way}", key.id),
        tone,
    }
}

/// What an administrator of the workspace may do with a key.
fn moves(key: &SpKey, left_shared: bool) -> Vec<Move> {
    match (key.state, key.shared) {
        (KeyState::Next, false) => vec![step(PROMOTE, key, "promote"), step(WITHDRAW, key, "retire")],
        (KeyState::Previous, false) => vec![step(RETIRE, key, "retire")],
        (KeyState::Previous, true) if left_shared => vec![step(RETIRE, key, "retire")],
        _ => Vec::new(),
    }
}

fn row(key: &SpKey, own_in_force: bool) -> KeyRow {
    let (heading, does) = match key.state {
        KeyState::Next => (
            "Next",
            "In the metadata behind the one in force. It opens what is encrypted for it, and does not sign yet.",
        ),
        KeyState::Current => {
            ("In force", "First in the metadata. It signs our requests and opens what is encrypted for it.")
        }
        KeyState::Previous => {
            ("Previous", "Not in the metadata any more. It still opens what is encrypted for it.")
        }
    };
    KeyRow {
        id: key.id.to_string(),
        heading,
        does,
        fingerprint: key.fingerprint.clone(),
        from: When::from(key.not_before),
        until: When::from(key.not_after),
        used: key.last_used_at.map(When::from),
        shared: key.shared,
        moves: moves(key, own_in_force),
    }
}

fn own_in_force(keys: &[SpKey]) -> bool {
    keys.iter().any(|k| k.state == KeyState::Current && !k.shared)
}

/// The page.
pub(super) async fn show(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<View<KeysPage>> {
    let keys = sso.sp_keys(&actor).await?;
    let own = own_in_force(&keys);
    let connection = sso.page_state(&actor).await?.connection.map(|v| v.connection);
    let connection = connection.filter(|c| c.config.saml().is_some());
    let mut page = frame(&context).under("Single Sign On", PATH);
    page.title = "Our keys".to_owned();
    Ok(View(KeysPage {
        page,
        metadata: connection.map(|c| format!("{}/{}", sso.entity_id(), c.id)).unwrap_or_default(),
        may_make: !keys.iter().any(|k| k.state == KeyState::Next && !k.shared),
        overlap: keys.iter().any(|k| k.state == KeyState::Previous && (own || !k.shared)),
        operator: !own && keys.iter().any(|k| k.state != KeyState::Current && k.shared),
        keys: keys.iter().map(|k| row(k, own)).collect(),
    }))
}

/// Back to the page, with what was done; a step that does not fit the keys of now is told there too.
fn back(done: Result<()>, text: &'static str) -> HtmlResult<SeeOther> {
    let flash = match done {
        Ok(()) => Flash::success(text),
        Err(e) if e.kind() == Kind::Conflict => Flash::failure(e.message().to_owned()),
        Err(e) => return Err(e.into()),
    };
    Ok(SeeOther::to(KEYS_PATH).saying(flash))
}

/// Makes the next key.
pub(super) async fn make(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let made = sso.make_sp_key(&actor).await.map(drop);
    back(made, "The next key is in the metadata. Let the provider read it, then put the key in force.")
}

/// The question before a step, without JavaScript.
pub(super) async fn ask(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path((id, way)): Path<(SigningKeyId, String)>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let keys = sso.sp_keys(&actor).await?;
    let key = keys.iter().find(|k| k.id == id).ok_or_else(|| Error::not_found("Key"))?;
    let mut steps = moves(key, own_in_force(&keys)).into_iter();
    let step = steps.find(|m| m.path.ends_with(&format!("/{way}"))).ok_or_else(|| Error::not_found("Key"))?;
    let mut page = frame(&context).under("Single Sign On", PATH);
    page.title = step.question.to_owned();
    Ok(Confirm {
        page,
        text: step.text.to_owned(),
        action: step.path,
        fields: Vec::new(),
        confirm: step.label.to_owned(),
        cancel: KEYS_PATH.to_owned(),
        danger: step.tone == "danger",
    })
}

/// Takes the step.
pub(super) async fn go(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path((id, way)): Path<(SigningKeyId, String)>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    match way.as_str() {
        "promote" => back(sso.promote_sp_key(&actor, &id).await.map(drop), "The key is in force."),
        "retire" => back(sso.retire_sp_key(&actor, &id).await, "The key is retired."),
        _ => Err(Error::not_found("Page").into()),
    }
}
