//! The second step: environment variables and the execution timeout.

use axum::extract::State as From;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, Result, Secret};
use gatehouse_web::{Choice, FieldErrors, HtmlResult, Page, PageContext, VerifiedForm, View};
use serde::Deserialize;

use super::super::parts::{access, errors_of};
use super::state::State;
use super::{Frame, Step, carried, frame};
use crate::Scripts;
use crate::model::environment::MAX_VARIABLES;
use crate::model::{Egress, Given, Settings};

/// What was filled in. Keys and values stand in the same order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct Form {
    state: String,
    key: Vec<String>,
    value: Vec<Secret>,
    timeout_seconds: String,
    egress: String,
    /// One a line.
    egress_hosts: String,
    /// `add`: one row more.
    then: String,
    /// The row to take away, from 0.
    remove: String,
}

impl Form {
    /// As it is first seen: values that are there are not shown.
    pub(super) fn of(state: &State) -> Self {
        let environment = state.settings.environment();
        Self {
            key: environment.iter().map(|(key, _)| key.to_owned()).collect(),
            value: environment.iter().map(|_| Secret::new("")).collect(),
            timeout_seconds: state.settings.timeout_seconds().to_string(),
            egress: state.settings.egress().as_str().to_owned(),
            egress_hosts: state.settings.egress().hosts().join("\n"),
            ..Self::default()
        }
    }

    /// The rows that say something. An empty value keeps the one that is there.
    fn given(&self, state: &State) -> Given {
        let kept =
            |key: &str| state.settings.environment().iter().find(|(k, _)| *k == key).map(|(_, v)| v.clone());
        let blank = Secret::new("");
        let values = self.value.iter().chain(std::iter::repeat(&blank));
        let rows = self.key.iter().map(|key| key.trim()).zip(values);
        let rows = rows.filter(|(key, value)| !key.is_empty() || !value.expose().is_empty());
        let environment = rows.map(|(key, value)| {
            let value = match value.expose().is_empty() {
                true => kept(key).unwrap_or_else(|| value.clone()),
                false => value.clone(),
            };
            (key.to_owned(), value)
        });
        // what is no number is out of the range
        let timeout = self.timeout_seconds.trim().parse().unwrap_or(-1);
        let hosts = self.egress_hosts.split([',', '\n', '\r', ' ']).map(str::to_owned);
        Given {
            environment: environment.collect(),
            timeout_seconds: Some(timeout),
            egress: Some(self.egress.clone()).filter(|word| !word.is_empty()),
            egress_hosts: hosts.collect(),
            ..state.given()
        }
    }
}

/// A variable.
struct Row {
    key: String,
    value: String,
    /// Whether a value is there that is kept.
    kept: bool,
}

#[derive(askama::Template)]
#[template(path = "scripts/wizard_runtime.html")]
struct RuntimePage {
    frame: Frame,
    page: Page,
    rows: Vec<Row>,
    max: usize,
    timeout: String,
    accesses: Vec<Choice>,
    egress: String,
    hosts: String,
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
    let (page, frame) = frame(scripts, actor, context, Some(state), Step::Runtime)?;
    let known = |key: &str| state.settings.environment().iter().any(|(k, _)| k == key);
    let values = form.value.iter().map(|v| v.expose().to_owned()).chain(std::iter::repeat(String::new()));
    let rows = form.key.iter().zip(values);
    let rows = rows.map(|(key, value)| Row { kept: known(key) && value.is_empty(), key: key.clone(), value });
    let view = RuntimePage {
        page,
        frame,
        rows: rows.collect(),
        max: MAX_VARIABLES,
        timeout: form.timeout_seconds,
        accesses: Egress::WORDS.map(|word| Choice::new(word, access(word))).into(),
        egress: form.egress,
        hosts: form.egress_hosts,
        errors,
    };
    Ok(View(view).into_response())
}

/// Takes the step, or shows it again with a row more or less.
pub(in super::super) async fn take(
    From(scripts): From<Scripts>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(mut form): VerifiedForm<Form>,
) -> HtmlResult<Response> {
    let mut state = match carried(&scripts, &actor, &context, &form.state, Step::Runtime).await? {
        Ok(state) => state,
        Err(answer) => return Ok(answer),
    };
    form.value.resize_with(form.key.len(), || Secret::new(""));
    if let Ok(row) = form.remove.parse::<usize>() {
        if row < form.key.len() {
            form.key.remove(row);
            form.value.remove(row);
        }
        return Ok(page(&scripts, &actor, &context, &state, (form, FieldErrors::none()))?);
    }
    if form.then == "add" {
        return Ok(page(&scripts, &actor, &context, &state, (form, FieldErrors::none()))?);
    }
    match Settings::new(form.given(&state)) {
        Ok(settings) => {
            state.settings = settings;
            state.finish(Step::Runtime);
            Ok(super::page(&scripts, &actor, &context, state, Step::Resources).await?)
        }
        Err(problems) => {
            let errors = errors_of(&problems.into()).unwrap_or_default();
            let page = page(&scripts, &actor, &context, &state, (form, errors))?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}
