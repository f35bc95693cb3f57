//! The provider's metadata: where it comes from, what it would change, and how its refresh goes.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, Error, Kind};
use gatehouse_web::{
    Confirm, FieldErrors, Flash, HtmlResult, Page, PageContext, SeeOther, VerifiedForm, View, When,
};
use serde::Deserialize;

use super::page::told;
use super::{METADATA_PATH, Nothing, PATH, frame};
use crate::Sso;
use crate::model::{Connection, PinnedCertificate, RequestBinding, SamlConfig, metadata_certificate};
use crate::service::page_metadata::{Import, MetadataPreview, MetadataSource};

/// What ending the fetches means.
const CONSEQUENCE: &str =
    "The values stay as they are, and nobody looks for a new certificate of the provider any more.";

/// The values as they were typed, and what was shown of them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct MetadataForm {
    metadata_url: String,
    metadata_xml: String,
    entity_id: String,
    metadata_certificate: String,
    shown: String,
}

impl MetadataForm {
    fn of(connection: Option<&Connection>) -> Self {
        let Some(saml) = connection.and_then(|c| c.config.saml()) else { return Self::default() };
        Self {
            metadata_url: saml.metadata_url.clone().unwrap_or_default(),
            metadata_certificate: saml.metadata_certificate.clone().unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Browsers send other line ends than the file has, and people copy a little more than the document.
    fn source(&self) -> MetadataSource {
        let plain = |text: &str| text.replace("\r\n", "\n").trim().trim_start_matches('\u{feff}').to_owned();
        MetadataSource {
            url: self.metadata_url.trim().to_owned(),
            xml: plain(&self.metadata_xml),
            entity_id: self.entity_id.trim().to_owned(),
            certificate: plain(&self.metadata_certificate),
        }
    }
}

/// How the refresh goes.
struct Status {
    url: String,
    signer: String,
    fetched: Option<When>,
    next: When,
    note: String,
    error: String,
    failing: Option<When>,
}

#[derive(askama::Template)]
#[template(path = "sso/metadata.html")]
struct MetadataPage {
    page: Page,
    form: MetadataForm,
    errors: FieldErrors,
    status: Option<Status>,
    /// Whether values can be imported here: those of a SAML provider.
    imports: bool,
}

/// One value that metadata sets.
struct Line {
    what: &'static str,
    before: String,
    after: String,
}

impl Line {
    fn changes(&self) -> bool {
        self.before != self.after
    }
}

/// One certificate, and what becomes of it.
struct CertificateLine {
    fingerprint: String,
    until: When,
    valid: bool,
    fate: &'static str,
    tone: &'static str,
}

#[derive(askama::Template)]
#[template(path = "sso/metadata_preview.html")]
struct PreviewPage {
    page: Page,
    form: MetadataForm,
    /// Whether the connection is there already.
    known: bool,
    /// Whether the document changed since it was shown.
    moved: bool,
    lines: Vec<Line>,
    certificates: Vec<CertificateLine>,
    note: String,
    changes: bool,
}

fn under(context: &PageContext, title: &str) -> Page {
    let mut page = frame(context).under("Single Sign On", PATH);
    page.title = title.to_owned();
    page
}

fn signer(saml: &SamlConfig) -> String {
    let read = metadata_certificate(saml.metadata_certificate.as_deref()).ok().flatten();
    read.map(|c| c.fingerprint().to_owned()).unwrap_or_default()
}

fn status(connection: &Connection) -> Option<Status> {
    let (url, state) = (connection.config.metadata_url()?, connection.metadata.clone()?);
    Some(Status {
        url: url.to_owned(),
        signer: connection.config.saml().map(signer).unwrap_or_default(),
        fetched: state.fetched_at.map(When::from),
        next: When::from(state.next_fetch_at),
        note: state.note.unwrap_or_default(),
        error: state.error.unwrap_or_default(),
        failing: state.failing_since.map(When::from),
    })
}

fn imports(connection: Option<&Connection>) -> bool {
    connection.is_none_or(|c| c.config.saml().is_some())
}

fn lines(before: Option<&Connection>, after: &Connection) -> Vec<Line> {
    let saml = |c: &Connection| c.config.saml().cloned().unwrap_or_default();
    let (old, new) = (before.map(saml), saml(after));
    let line = |what, of: fn(&SamlConfig) -> String| Line {
        what,
        before: old.as_ref().map(of).unwrap_or_default(),
        after: of(&new),
    };
    let binding = |s: &SamlConfig| {
        if s.request_binding == RequestBinding::Post { "post" } else { "redirect" }.to_owned()
    };
    vec![
        line("Issuer (entity id)", |s| s.entity_id.clone()),
        line("Sign-on address", |s| s.sso_url.clone()),
        line("Requests travel by", binding),
        line("Requests are signed", |s| if s.sign_requests { "yes" } else { "no" }.to_owned()),
        line("Single logout address", |s| s.slo_url.clone().unwrap_or_default()),
        line("Metadata address", |s| s.metadata_url.clone().unwrap_or_default()),
        line("Metadata signed with (SHA-256)", signer),
    ]
}

fn certificate_lines(
    before: &[PinnedCertificate],
    after: &[PinnedCertificate],
    now: gatehouse_types::Timestamp,
) -> Vec<CertificateLine> {
    let has =
        |all: &[PinnedCertificate], c: &PinnedCertificate| all.iter().any(|k| k.fingerprint == c.fingerprint);
    let line = |c: &PinnedCertificate, fate, tone| CertificateLine {
        fingerprint: c.fingerprint.clone(),
        until: When::from(c.not_after),
        valid: c.is_valid_at(now),
        fate,
        tone,
    };
    let kept = after
        .iter()
        .map(|c| if has(before, c) { line(c, "stays", "neutral") } else { line(c, "new", "good") });
    let gone = before.iter().filter(|c| !has(after, c)).map(|c| line(c, "goes", "warn"));
    kept.chain(gone).collect()
}

fn preview_page(
    sso: &Sso,
    context: &PageContext,
    form: MetadataForm,
    preview: MetadataPreview,
    moved: bool,
) -> Response {
    let MetadataPreview { before, after, note, mark } = preview;
    let old = before.as_ref().map(|c| c.certificates.as_slice()).unwrap_or_default();
    let certificates = certificate_lines(old, &after.certificates, sso.0.store.now());
    let lines = lines(before.as_ref(), &after);
    let changes = lines.iter().any(Line::changes) || certificates.iter().any(|c| c.fate != "stays");
    View(PreviewPage {
        page: under(context, "What the metadata changes"),
        form: MetadataForm { shown: mark, ..form },
        known: before.is_some(),
        moved,
        lines,
        certificates,
        note: note.unwrap_or_default(),
        changes,
    })
    .into_response()
}

/// What the service found wrong, beside the fields.
fn errors_of(error: &Error) -> FieldErrors {
    let field = match error.field().unwrap_or_default() {
        "samlConfig.metadataUrl" => "metadataUrl",
        "samlConfig.metadataXml" => "metadataXml",
        "samlConfig.metadataCertificate" => "metadataCertificate",
        _ => "",
    };
    let mut errors = FieldErrors::none();
    errors.add(field, error.message().to_owned());
    errors
}

/// The form again, with what is wrong beside the fields; what is no fault of the values is passed on.
async fn again(
    sso: &Sso,
    actor: &Actor,
    context: &PageContext,
    form: MetadataForm,
    error: Error,
) -> HtmlResult<Response> {
    let code = match error.kind() {
        Kind::Validation => StatusCode::BAD_REQUEST,
        Kind::Conflict => StatusCode::CONFLICT,
        _ => return Err(error.into()),
    };
    let state = sso.page_state(actor).await?;
    let connection = state.connection.as_ref().map(|v| &v.connection);
    let page = under(context, "The provider's metadata");
    let (status, imports) = (connection.and_then(status), imports(connection));
    let shown = MetadataPage { page, form, errors: errors_of(&error), status, imports };
    Ok((code, View(shown)).into_response())
}

/// The page.
pub(super) async fn show(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<Response> {
    let state = sso.page_state(&actor).await?;
    let connection = state.connection.as_ref().map(|v| &v.connection);
    Ok(View(MetadataPage {
        page: under(&context, "The provider's metadata"),
        form: MetadataForm::of(connection),
        errors: FieldErrors::none(),
        status: connection.and_then(status),
        imports: imports(connection),
    })
    .into_response())
}

/// What the metadata would change; nothing is stored.
pub(super) async fn preview(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<MetadataForm>,
) -> HtmlResult<Response> {
    match sso.preview_metadata(&actor, &form.source()).await {
        Ok(preview) => Ok(preview_page(&sso, &context, form, preview, false)),
        Err(e) => again(&sso, &actor, &context, form, e).await,
    }
}

/// Takes over what was shown.
pub(super) async fn import(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<MetadataForm>,
) -> HtmlResult<Response> {
    match sso.import_metadata(&actor, &form.source(), &form.shown).await {
        Ok(Import::Taken(saved)) => Ok(SeeOther::to(PATH).saying(told(&saved)).into_response()),
        Ok(Import::Changed(preview)) => Ok(preview_page(&sso, &context, form, *preview, true)),
        Err(e) => again(&sso, &actor, &context, form, e).await,
    }
}

/// Fetches the metadata now.
pub(super) async fn refresh(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let flash = match sso.refresh_page(&actor).await {
        Ok(()) => Flash::success("The metadata was fetched and taken over."),
        Err(e) if matches!(e.kind(), Kind::Validation | Kind::Conflict) => {
            Flash::failure(e.message().to_owned())
        }
        Err(e) => return Err(e.into()),
    };
    Ok(SeeOther::to(METADATA_PATH).saying(flash))
}

/// The question before the fetches end, without JavaScript.
pub(super) async fn ask_stop(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<Confirm> {
    sso.page_state(&actor).await?;
    let page = under(&context, "Stop fetching the metadata?");
    Ok(Confirm {
        page,
        text: CONSEQUENCE.to_owned(),
        action: format!("{METADATA_PATH}/stop"),
        fields: Vec::new(),
        confirm: "Stop fetching".to_owned(),
        cancel: METADATA_PATH.to_owned(),
        danger: true,
    })
}

/// Ends the fetches.
pub(super) async fn stop(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    sso.stop_fetching(&actor).await?;
    Ok(SeeOther::to(METADATA_PATH).saying(Flash::success("The metadata is not fetched any more.")))
}
