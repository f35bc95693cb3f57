//! The first step: name, description, language, and the project file, which is judged here.

use axum::extract::{Request, State as From};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{Actor, Error, Kind, Permission, Result};
use gatehouse_web::{Choice, FieldErrors, HtmlResult, Page, PageContext, Query, View};
use serde::Deserialize;

use super::super::parts::{errors_of, size};
use super::super::upload::Upload;
use super::state::State;
use super::{Frame, Step, frame};
use crate::Scripts;
use crate::archive::Finding;
use crate::model::{Given, Language, Settings};
use crate::service::projects::Judged;

/// What was found in a project file.
#[derive(Default)]
struct Findings {
    errors: Vec<String>,
    warnings: Vec<String>,
    /// The functions of a file that is good.
    functions: Vec<String>,
    /// Whether there is something to show.
    judged: bool,
    good: bool,
}

fn told(finding: &Finding) -> String {
    match &finding.entry {
        Some(entry) if !finding.message.contains(entry.as_str()) => format!("{entry}: {}", finding.message),
        _ => finding.message.to_string(),
    }
}

impl Findings {
    fn of(judged: &Judged) -> Self {
        Self {
            errors: judged.report.errors.iter().map(told).collect(),
            warnings: judged.report.warnings.iter().map(told).collect(),
            functions: judged
                .functions
                .iter()
                .map(|f| format!("{}({})", f.name, f.parameters.join(", ")))
                .collect(),
            judged: true,
            good: judged.is_clean(),
        }
    }
}

/// What is filled in.
#[derive(Default)]
struct Form {
    name: String,
    description: String,
    language: String,
}

#[derive(askama::Template)]
#[template(path = "scripts/wizard_general.html")]
struct GeneralPage {
    frame: Frame,
    page: Page,
    form: Form,
    languages: Vec<Choice>,
    version: &'static str,
    name_locked: bool,
    /// The language by name where it cannot be changed; else empty.
    language_locked: &'static str,
    /// The file that is there already; empty: one must be chosen.
    present: String,
    findings: Findings,
    errors: FieldErrors,
    validate: String,
    samples: Vec<(&'static str, String)>,
}

fn version_of(language: &str) -> &'static str {
    Language::parse(language).map_or("", Language::version)
}

fn view(
    scripts: &Scripts,
    actor: &Actor,
    context: &PageContext,
    state: Option<&State>,
    (form, findings, errors): (Form, Findings, FieldErrors),
) -> Result<View<GeneralPage>> {
    let (page, frame) = frame(scripts, actor, context, state, Step::General)?;
    let choose = std::iter::once(Choice::new("", "Choose…"));
    let locked = state.filter(|s| s.language_locked).map(|s| s.settings.language());
    Ok(View(GeneralPage {
        page,
        frame,
        languages: choose.chain(Language::ALL.map(|l| Choice::new(l.as_str(), l.label()))).collect(),
        version: version_of(&form.language),
        form,
        name_locked: state.is_some_and(|s| s.name_locked),
        language_locked: locked.map_or("", Language::label),
        present: state.map(|s| format!("{} ({})", s.project.name, size(s.project.bytes))).unwrap_or_default(),
        findings,
        errors,
        validate: format!("{}/validate", super::WIZARD),
        samples: Language::ALL
            .map(|l| (l.label(), format!("/api/v1/scripts/samples/{}", l.as_str())))
            .to_vec(),
    }))
}

/// The page as it is first seen.
pub(super) fn page(
    scripts: &Scripts,
    actor: &Actor,
    context: &PageContext,
    state: Option<State>,
) -> Result<Response> {
    let form = state.as_ref().map_or_else(Form::default, |s| Form {
        name: s.settings.name().to_owned(),
        description: s.settings.description().to_owned(),
        language: s.settings.language().as_str().to_owned(),
    });
    let shown = (form, Findings::default(), FieldErrors::none());
    Ok(view(scripts, actor, context, state.as_ref(), shown)?.into_response())
}

/// What the language of the version is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in super::super) struct OfLanguage {
    language: String,
}

#[derive(askama::Template)]
#[template(path = "scripts/wizard_version.html")]
pub(in super::super) struct VersionPart {
    version: &'static str,
}

/// The version of a language, as a part of the page.
pub(in super::super) async fn version(
    From(scripts): From<Scripts>,
    Visitor(actor): Visitor,
    Query(of): Query<OfLanguage>,
) -> HtmlResult<View<VersionPart>> {
    require(&scripts.0.store, &actor, Permission::EditScripts, None).await?;
    Ok(View(VersionPart { version: version_of(&of.language) }))
}

/// What came in, with what the wizard carried.
struct Entered {
    upload: Upload,
    state: Option<State>,
    form: Form,
}

/// Reads the form; the answer in its place, where it says nothing to go on with.
async fn entered(
    scripts: &Scripts,
    actor: &Actor,
    context: &PageContext,
    request: Request,
) -> Result<std::result::Result<Entered, Response>> {
    let workspace = require(&scripts.0.store, actor, Permission::EditScripts, None).await?;
    let upload = match Upload::read(scripts, workspace, context, request).await {
        Ok(upload) => upload,
        // larger than the whole form may be: nothing of it is left
        Err(e) if e.kind() == Kind::PayloadTooLarge => {
            let shown = (Form::default(), Findings::default(), file_error(TOO_LARGE));
            let page = view(scripts, actor, context, None, shown)?;
            return Ok(Err((StatusCode::PAYLOAD_TOO_LARGE, page).into_response()));
        }
        Err(e) => return Err(e),
    };
    let carried = Some(upload.text("state")).filter(|text| !text.is_empty());
    let state = match carried.map(|text| State::open(scripts, actor, text)).transpose() {
        Ok(state) => state,
        Err(e) => return super::begin_anew(e).map(Err),
    };
    let form = Form {
        name: match &state {
            Some(s) if s.name_locked => s.settings.name().to_owned(),
            _ => upload.text("name").to_owned(),
        },
        description: upload.text("description").replace("\r\n", "\n"),
        language: match &state {
            Some(s) if s.language_locked => s.settings.language().as_str().to_owned(),
            _ => upload.text("language").to_owned(),
        },
    };
    Ok(Ok(Entered { upload, state, form }))
}

fn file_error(message: impl Into<String>) -> FieldErrors {
    let mut errors = FieldErrors::none();
    errors.add("file", message);
    errors
}

const NO_FILE: &str = "Choose the project file: a .zip, .gz or .tar of at most 1 GB.";
const TOO_LARGE: &str = "The project file is larger than 1 GB, the most that is taken.";
const NO_LANGUAGE: &str = "Choose the base language first.";

/// Judges a file without going on.
pub(in super::super) async fn validate(
    From(scripts): From<Scripts>,
    Visitor(actor): Visitor,
    context: PageContext,
    request: Request,
) -> HtmlResult<Response> {
    let Entered { mut upload, state, form } = match entered(&scripts, &actor, &context, request).await? {
        Ok(came) => came,
        Err(answer) => return Ok(answer),
    };
    let (mut findings, mut errors) = (Findings::default(), FieldErrors::none());
    match (upload.file.take(), Language::parse(&form.language)) {
        _ if upload.too_large => errors = file_error(TOO_LARGE),
        (None, _) => errors = file_error(NO_FILE),
        (Some(_), None) => errors.add("language", NO_LANGUAGE),
        (Some(file), Some(language)) => {
            findings = Findings::of(&scripts.judge(std::sync::Arc::new(file), language).await?);
        }
    }
    Ok(view(&scripts, &actor, &context, state.as_ref(), (form, findings, errors))?.into_response())
}

/// The state after this step, or what is to be said of the form.
async fn next(
    scripts: &Scripts,
    actor: &Actor,
    (upload, state, form): (&mut Upload, Option<&State>, &Form),
) -> Result<std::result::Result<State, (Findings, FieldErrors)>> {
    let refused = |e: Error| match errors_of(&e) {
        Some(errors) => Ok(Err((Findings::default(), errors))),
        None => Err(e),
    };
    let mut given = state.map_or_else(Given::default, State::given);
    given.name.clone_from(&form.name);
    given.description.clone_from(&form.description);
    given.language.clone_from(&form.language);
    given.language_version = None;
    let settings = match Settings::new(given) {
        Ok(settings) => settings,
        Err(problems) => return refused(problems.into()),
    };
    let own = state.and_then(|s| s.script.as_ref());
    if let Err(e) = scripts.may_be_named(actor, settings.name(), own).await {
        return refused(e);
    }
    if upload.too_large {
        return Ok(Err((Findings::default(), file_error(TOO_LARGE))));
    }
    let project = match (upload.file.take(), state) {
        (Some(file), _) => {
            let (project, judged) = scripts.hold(actor, file, settings.language()).await?;
            if !judged.is_clean() {
                let message = "Resolve what was found in the project file, and choose it again.";
                return Ok(Err((Findings::of(&judged), file_error(message))));
            }
            project
        }
        (None, Some(s)) if s.settings.language() == settings.language() => s.project.clone(),
        (None, Some(_)) => {
            return Ok(Err((
                Findings::default(),
                file_error("Another language takes another project file."),
            )));
        }
        (None, None) => return Ok(Err((Findings::default(), file_error(NO_FILE)))),
    };
    Ok(Ok(match state {
        Some(s) => State { settings, project, ..s.clone() },
        None => State::new(scripts, settings, project),
    }))
}

/// Takes the step.
pub(in super::super) async fn take(
    From(scripts): From<Scripts>,
    Visitor(actor): Visitor,
    context: PageContext,
    request: Request,
) -> HtmlResult<Response> {
    let Entered { mut upload, state, form } = match entered(&scripts, &actor, &context, request).await? {
        Ok(came) => came,
        Err(answer) => return Ok(answer),
    };
    match next(&scripts, &actor, (&mut upload, state.as_ref(), &form)).await? {
        Ok(state) => Ok(super::page(&scripts, &actor, &context, state, Step::Runtime).await?),
        Err((findings, errors)) => {
            let page = view(&scripts, &actor, &context, state.as_ref(), (form, findings, errors))?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}
