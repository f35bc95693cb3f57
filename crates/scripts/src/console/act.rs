//! Out of service, called off, and away: each asked for first.

use axum::extract::State;
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, Kind, Permission, Result, ScriptId};
use gatehouse_web::{Confirm, Flash, HtmlResult, PageContext, Path, SeeOther, VerifiedForm};

use super::parts::of_page;
use super::{Nothing, PATH, below, path_of};
use crate::Scripts;

/// A question before something is done to a script.
struct Question {
    right: Permission,
    /// The word of the address.
    word: &'static str,
    verb: &'static str,
    text: &'static str,
    confirm: &'static str,
}

const UNDEPLOY: Question = Question {
    right: Permission::ManageScripts,
    word: "undeploy",
    verb: "Undeploy",
    text: "Its endpoint stops at once, and flows cannot call it. Its keys, versions and files stay for when it is deployed again.",
    confirm: "Undeploy",
};
const CANCEL: Question = Question {
    right: Permission::EditScripts,
    word: "cancel",
    verb: "Cancel the deployment of",
    text: "What was in service before stays there.",
    confirm: "Cancel deployment",
};
const DELETE: Question = Question {
    right: Permission::DeleteScripts,
    word: "delete",
    verb: "Delete",
    text: "It goes with its versions, keys, runs, logs and files. This cannot be undone.",
    confirm: "Delete",
};

async fn ask(
    scripts: &Scripts,
    actor: &Actor,
    id: &str,
    context: &PageContext,
    q: Question,
) -> Result<Confirm> {
    let (_, id) = of_page(scripts, actor, q.right, id).await?;
    let found = scripts.script(actor, &id).await?;
    let path = path_of(&id);
    Ok(Confirm {
        page: below(context, format!("{} {}?", q.verb, found.script.settings.name())),
        text: q.text.to_owned(),
        action: format!("{path}/{}", q.word),
        fields: Vec::new(),
        confirm: q.confirm.to_owned(),
        cancel: path,
        danger: true,
    })
}

/// What came of it, on the page of the script.
fn said(id: &ScriptId, done: Result<()>, to: &str, words: &str) -> Result<SeeOther> {
    match done {
        Ok(()) => Ok(SeeOther::to(to).saying(Flash::success(words))),
        Err(e) if e.kind() == Kind::Conflict => {
            Ok(SeeOther::to(path_of(id)).saying(Flash::failure(e.message())))
        }
        Err(e) => Err(e),
    }
}

/// The question before a script goes out of service.
pub(super) async fn ask_undeploy(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    Ok(ask(&scripts, &actor, &id, &context, UNDEPLOY).await?)
}

/// Takes it out of service.
pub(super) async fn undeploy(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let (_, id) = of_page(&scripts, &actor, UNDEPLOY.right, &id).await?;
    let done = scripts.undeploy(&actor, &id).await.map(drop);
    Ok(said(&id, done, &path_of(&id), "The script was undeployed. It is ready to deploy again.")?)
}

/// The question before a deployment is called off.
pub(super) async fn ask_cancel(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    Ok(ask(&scripts, &actor, &id, &context, CANCEL).await?)
}

/// Calls a deployment off.
pub(super) async fn cancel(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let (_, id) = of_page(&scripts, &actor, CANCEL.right, &id).await?;
    let done = scripts.cancel(&actor, &id).await.map(drop);
    Ok(said(&id, done, &path_of(&id), "The deployment was called off.")?)
}

/// The question before a script is removed.
pub(super) async fn ask_delete(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    Ok(ask(&scripts, &actor, &id, &context, DELETE).await?)
}

/// Removes it.
pub(super) async fn delete(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let (_, id) = of_page(&scripts, &actor, DELETE.right, &id).await?;
    let done = scripts.delete(&actor, &id).await;
    Ok(said(&id, done, PATH, "The script was deleted.")?)
}
