//! The last step: everything once more, the terms, and then a draft or a deployment.

use axum::extract::State as From;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, Error, Kind, Result, ScriptId};
use gatehouse_web::{Flash, HtmlResult, Page, PageContext, SeeOther, VerifiedForm, View, status_of};
use serde::Deserialize;

use super::super::parts::Sections;
use super::super::path_of;
use super::state::State;
use super::{Frame, Step, carried, frame};
use crate::Scripts;
use crate::service::projects::Received;

/// What was decided.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in super::super) struct Form {
    state: String,
    /// `true` once the terms are accepted.
    accepted: String,
    /// `accept`, `save` or `deploy`.
    then: String,
}

#[derive(askama::Template)]
#[template(path = "scripts/wizard_review.html")]
struct ReviewPage {
    frame: Frame,
    page: Page,
    sections: Sections,
    /// What the fewest and the most replicas cost in an hour.
    costs: (String, String),
    accepted: bool,
    /// Why what was decided cannot be.
    refusal: String,
    /// The words on the button that saves without deploying; empty: there is nothing to save.
    save: &'static str,
}

/// The page.
pub(super) fn page(
    scripts: &Scripts,
    actor: &Actor,
    context: &PageContext,
    state: &State,
    (accepted, refusal): (bool, String),
) -> Result<Response> {
    let (page, frame) = frame(scripts, actor, context, Some(state), Step::Review)?;
    let s = &state.settings;
    let cost = |replicas: u8| s.hardware_profile().rate().cost(3_600_000 * u64::from(replicas)).to_string();
    let view = ReviewPage {
        page,
        frame,
        sections: Sections::of(s, &state.project),
        costs: (cost(s.min_replicas()), cost(s.max_replicas())),
        accepted,
        refusal,
        save: match (state.in_service, state.language_locked) {
            (true, _) => "",
            (false, true) => "Save",
            (false, false) => "Save as Draft",
        },
    };
    Ok(View(view).into_response())
}

/// The project file, where it is another one than the script has.
async fn new_file(scripts: &Scripts, actor: &Actor, state: &State) -> Result<Option<Received>> {
    if let Some(id) = &state.script
        && scripts.configurable(actor, id).await?.script.project.sha256 == state.project.sha256
    {
        return Ok(None);
    }
    scripts.held(state.project.clone()).map(Some)
}

/// Keeps what the wizard was told, out of service.
async fn save(scripts: &Scripts, actor: &Actor, state: &State) -> Result<ScriptId> {
    let file = new_file(scripts, actor, state).await?;
    let kept = match (&state.script, file) {
        (Some(id), file) => scripts.change(actor, id, |_| state.given(), file).await?,
        (None, Some(file)) => scripts.import(actor, state.given(), file).await?,
        (None, None) => return Err(Error::internal("a new script has no file")),
    };
    Ok(kept.script.id)
}

/// Takes it into service. What is new is saved first, and stays saved when deploying is refused.
async fn deploy(scripts: &Scripts, actor: &Actor, state: &State) -> Result<SeeOther> {
    if let Some(id) = state.script.as_ref().filter(|_| state.in_service) {
        let file = new_file(scripts, actor, state).await?;
        scripts.redeploy(actor, id, |_| state.given(), file).await?;
        return Ok(SeeOther::to(path_of(id)).saying(Flash::notice("The new version is being deployed.")));
    }
    let id = save(scripts, actor, state).await?;
    let to = SeeOther::to(path_of(&id));
    match scripts.deploy(actor, &id, true).await {
        Ok(_) => Ok(to.saying(Flash::notice("The script is being deployed."))),
        Err(e) if e.kind() == Kind::Conflict => {
            Ok(to.saying(Flash::failure(format!("It was saved, but is not deployed. {}", e.message()))))
        }
        Err(e) => Err(e),
    }
}

/// Does what was decided.
pub(in super::super) async fn take(
    From(scripts): From<Scripts>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<Form>,
) -> HtmlResult<Response> {
    let state = match carried(&scripts, &actor, &context, &form.state, Step::Review).await? {
        Ok(state) => state,
        Err(answer) => return Ok(answer),
    };
    let accepted = form.accepted == "true";
    let done = match form.then.as_str() {
        "save" if !state.in_service => save(&scripts, &actor, &state)
            .await
            .map(|id| SeeOther::to(path_of(&id)).saying(Flash::success("The script was saved."))),
        "deploy" if accepted => deploy(&scripts, &actor, &state).await,
        then => {
            let accepted = accepted || then == "accept";
            return Ok(page(&scripts, &actor, &context, &state, (accepted, String::new()))?);
        }
    };
    match done {
        Ok(to) => Ok(to.into_response()),
        Err(e) if matches!(e.kind(), Kind::Conflict | Kind::Validation) => {
            let shown = (accepted, e.message().to_owned());
            Ok((status_of(e.kind()), page(&scripts, &actor, &context, &state, shown)?).into_response())
        }
        Err(e) => Err(e.into()),
    }
}
