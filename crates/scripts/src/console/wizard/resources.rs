//! The third step: replicas, when there are more of them, and what each may use.

use axum::extract::State as From;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, Result};
use gatehouse_web::{FieldErrors, HtmlResult, Page, PageContext, VerifiedForm, View};
use serde::Deserialize;

use super::super::parts::errors_of;
use super::state::State;
use super::{Frame, Step, carried, frame};
use crate::Scripts;
use crate::model::settings::DEFAULT_UTILIZATION;
use crate::model::{Given, Profile, Settings};

/// What was filled in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct Form {
    state: String,
    min_replicas: String,
    max_replicas: String,
    /// Not sent while it is disabled.
    average_compute_utilization: Option<String>,
    hardware_profile: String,
}

impl Form {
    /// As it is first seen.
    pub(super) fn of(state: &State) -> Self {
        let s = &state.settings;
        Self {
            state: String::new(),
            min_replicas: s.min_replicas().to_string(),
            max_replicas: s.max_replicas().to_string(),
            average_compute_utilization: Some(s.average_compute_utilization().to_string()),
            hardware_profile: s.hardware_profile().id().to_owned(),
        }
    }

    /// Whether the number of replicas is fixed.
    fn is_fixed(&self) -> bool {
        self.min_replicas.trim() == self.max_replicas.trim()
    }

    fn given(&self, state: &State) -> Given {
        // what is no number is out of the range
        let number = |text: &str| Some(text.trim().parse().unwrap_or(-1));
        Given {
            min_replicas: number(&self.min_replicas),
            max_replicas: number(&self.max_replicas),
            average_compute_utilization: self.average_compute_utilization.as_deref().and_then(number),
            hardware_profile: Some(self.hardware_profile.clone()),
            ..state.given()
        }
    }
}

#[derive(askama::Template)]
#[template(path = "scripts/wizard_resources.html")]
struct ResourcesPage {
    frame: Frame,
    page: Page,
    fields: String,
    form: Form,
    utilization: String,
    fixed: bool,
    profiles: Vec<(Profile, String)>,
    errors: FieldErrors,
}

/// The page.
pub(super) fn page(
    scripts: &Scripts,
    actor: &Actor,
    context: &PageContext,
    state: &State,
    (form, errors): (Form, FieldErrors),
) -> Result<Response> {
    let (page, frame) = frame(scripts, actor, context, Some(state), Step::Resources)?;
    let view = ResourcesPage {
        page,
        fields: format!("{}/fields", frame.action),
        frame,
        utilization: form
            .average_compute_utilization
            .clone()
            .unwrap_or_else(|| DEFAULT_UTILIZATION.to_string()),
        fixed: form.is_fixed(),
        form,
        profiles: Profile::ALL.map(|p| (p, p.rate().per_hour().to_string())).to_vec(),
        errors,
    };
    Ok(View(view).into_response())
}

/// The page anew with what is filled in: what may be said depends on the numbers of replicas.
pub(in super::super) async fn fields(
    From(scripts): From<Scripts>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<Form>,
) -> HtmlResult<Response> {
    match carried(&scripts, &actor, &context, &form.state, Step::Resources).await? {
        Ok(state) => Ok(page(&scripts, &actor, &context, &state, (form, FieldErrors::none()))?),
        Err(answer) => Ok(answer),
    }
}

/// Takes the step.
pub(in super::super) async fn take(
    From(scripts): From<Scripts>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<Form>,
) -> HtmlResult<Response> {
    let mut state = match carried(&scripts, &actor, &context, &form.state, Step::Resources).await? {
        Ok(state) => state,
        Err(answer) => return Ok(answer),
    };
    match Settings::new(form.given(&state)) {
        Ok(settings) => {
            state.settings = settings;
            state.finish(Step::Resources);
            Ok(super::page(&scripts, &actor, &context, state, Step::Review).await?)
        }
        Err(problems) => {
            let errors = errors_of(&problems.into()).unwrap_or_default();
            let page = page(&scripts, &actor, &context, &state, (form, errors))?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}
