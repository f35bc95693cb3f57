//! The wizard in four steps: general details, runtime settings, resource allocation, review. It imports a script, and
//! configures one that is there. Nothing is stored before its end but the project file, which is held for some hours.

pub(super) mod general;
pub(super) mod resources;
pub(super) mod review;
pub(super) mod runtime;
mod state;

use axum::extract::State as From;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{Actor, Error, Kind, Permission, Result};
use gatehouse_web::{
    FieldErrors, Flash, HtmlResult, Page, PageContext, Path, SeeOther, StepState, VerifiedForm,
};
use serde::Deserialize;

use super::parts::of_page;
use super::{WIZARD, below, path_of};
use crate::Scripts;
use state::State;

/// A step of the wizard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    General = 1,
    Runtime = 2,
    Resources = 3,
    Review = 4,
}

impl Step {
    const ALL: [Self; 4] = [Self::General, Self::Runtime, Self::Resources, Self::Review];

    fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|step| *step as u8 == number)
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.word() == word)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Runtime => "runtime",
            Self::Resources => "resources",
            Self::Review => "review",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::General => "General Details",
            Self::Runtime => "Runtime Settings",
            Self::Resources => "Resource Allocation",
            Self::Review => "Review and Deploy",
        }
    }

    const fn next(self) -> Self {
        match self {
            Self::General => Self::Runtime,
            Self::Runtime => Self::Resources,
            Self::Resources | Self::Review => Self::Review,
        }
    }
}

/// What every step's page has.
struct Frame {
    steps: Vec<gatehouse_web::Step>,
    /// What is carried, sealed; empty before the first step is done.
    state: String,
    /// Where the form goes.
    action: String,
    show: String,
    /// Where the wizard is left to.
    leave: String,
}

fn frame(
    scripts: &Scripts,
    actor: &Actor,
    context: &PageContext,
    state: Option<&State>,
    step: Step,
) -> Result<(Page, Frame)> {
    let done = state.map(|s| s.done);
    let steps = Step::ALL.map(|one| gatehouse_web::Step {
        label: one.label().to_owned(),
        detail: String::new(),
        href: String::new(),
        state: match one {
            _ if one == step => StepState::Current,
            _ if done.is_some_and(|done| one <= done) => StepState::Done,
            _ => StepState::Waiting,
        },
    });
    let known = state.and_then(|s| Some((s.script.as_ref()?, s)));
    let title = match known {
        Some((_, s)) if s.in_service => format!("Redeploy {}", s.settings.name()),
        Some((_, s)) => format!("Deploy {}", s.settings.name()),
        None => "Import a custom script".to_owned(),
    };
    let frame = Frame {
        steps: steps.to_vec(),
        state: state.map(|s| s.seal(scripts, actor)).transpose()?.unwrap_or_default(),
        action: format!("{WIZARD}/{}", step.word()),
        show: format!("{WIZARD}/show"),
        leave: known.map_or_else(|| super::PATH.to_owned(), |(id, _)| path_of(id)),
    };
    Ok((below(context, title), frame))
}

/// The page of a step; the first one that is not done, where that one cannot be yet.
async fn page(
    scripts: &Scripts,
    actor: &Actor,
    context: &PageContext,
    state: State,
    step: Step,
) -> Result<Response> {
    let none = FieldErrors::none;
    match state.reachable(step) {
        Step::General => general::page(scripts, actor, context, Some(state)),
        Step::Runtime => runtime::page(scripts, actor, context, &state, (runtime::Form::of(&state), none())),
        Step::Resources => {
            resources::page(scripts, actor, context, &state, (resources::Form::of(&state), none()))
        }
        Step::Review => review::page(scripts, actor, context, &state, (false, String::new())),
    }
}

/// The answer to a form that carries nothing to go on with.
fn begin_anew(e: Error) -> Result<Response> {
    match e.kind() {
        Kind::Validation => Ok(SeeOther::to(WIZARD).saying(Flash::failure(e.message())).into_response()),
        _ => Err(e),
    }
}

/// What a form carried, if the step may be taken; else the answer in its place.
async fn carried(
    scripts: &Scripts,
    actor: &Actor,
    context: &PageContext,
    text: &str,
    step: Step,
) -> Result<std::result::Result<State, Response>> {
    require(&scripts.0.store, actor, Permission::EditScripts, None).await?;
    let state = match State::open(scripts, actor, text) {
        Ok(state) => state,
        Err(e) => return begin_anew(e).map(Err),
    };
    if state.reachable(step) != step {
        let to = state.done.next();
        return Ok(Err(page(scripts, actor, context, state, to).await?));
    }
    Ok(Ok(state))
}

/// The first step of a new script.
pub(super) async fn begin(
    From(scripts): From<Scripts>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<Response> {
    require(&scripts.0.store, &actor, Permission::EditScripts, None).await?;
    Ok(general::page(&scripts, &actor, &context, None)?)
}

/// A step that is asked for by its address alone: without what the steps before it were told.
pub(super) async fn back_to_start(
    From(scripts): From<Scripts>,
    Visitor(actor): Visitor,
) -> HtmlResult<SeeOther> {
    require(&scripts.0.store, &actor, Permission::EditScripts, None).await?;
    let words =
        "The steps are taken in their order, and none can be skipped. Begin with the general details.";
    Ok(SeeOther::to(WIZARD).saying(Flash::notice(words)))
}

/// Which step to show.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ShowForm {
    state: String,
    step: String,
}

/// Shows a step again, or the first one that is not done.
pub(super) async fn show(
    From(scripts): From<Scripts>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<ShowForm>,
) -> HtmlResult<Response> {
    let step = Step::parse(&form.step).unwrap_or(Step::General);
    match carried(&scripts, &actor, &context, &form.state, Step::General).await? {
        Ok(state) => Ok(page(&scripts, &actor, &context, state, step).await?),
        Err(answer) => Ok(answer),
    }
}

async fn of_script(
    scripts: &Scripts,
    actor: &Actor,
    context: &PageContext,
    id: &str,
    step: Step,
) -> Result<Response> {
    let (_, id) = of_page(scripts, actor, Permission::EditScripts, id).await?;
    match scripts.configurable(actor, &id).await {
        Ok(found) => page(scripts, actor, context, State::of(scripts, &found), step).await,
        Err(e) if e.kind() == Kind::Conflict => {
            Ok(SeeOther::to(path_of(&id)).saying(Flash::failure(e.message())).into_response())
        }
        Err(e) => Err(e),
    }
}

/// The wizard with the configuration of a script, at its first step.
pub(super) async fn configure(
    From(scripts): From<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Response> {
    Ok(of_script(&scripts, &actor, &context, &id, Step::General).await?)
}

/// The same at its last step: all was asked before.
pub(super) async fn deploy(
    From(scripts): From<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Response> {
    Ok(of_script(&scripts, &actor, &context, &id, Step::Review).await?)
}
