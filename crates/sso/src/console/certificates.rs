//! The certificates of the connection: their rows in the form, and taking one away.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Error, Timestamp};
use gatehouse_web::{Confirm, FieldErrors, Flash, HtmlResult, PageContext, SeeOther, VerifiedForm, When};

use super::form::SsoForm;
use super::{Nothing, PATH, frame};
use crate::model::{Connection, PinnedCertificate};
use crate::{ConnectionPatch, MAX_CERTIFICATES, Sso};

/// One row of the form.
pub(super) struct Row {
    pub(super) text: String,
    pub(super) error: String,
    /// What is known of a certificate that is kept already.
    pub(super) saved: Option<Saved>,
}

/// What is known of a certificate that is kept.
pub(super) struct Saved {
    pub(super) fingerprint: String,
    pub(super) until: When,
    pub(super) valid: bool,
    pub(super) used: Option<When>,
    /// Its place among two; empty when it stands alone.
    pub(super) place: &'static str,
    /// Whether a sign-in relied on it later than on the first one.
    pub(super) stood_in: bool,
    /// Whether another one stays when this one goes.
    pub(super) removable: bool,
}

/// The rows of the form: what was typed, with what is known about it.
pub(super) fn rows(
    form: &SsoForm,
    kept: Option<&Connection>,
    errors: &FieldErrors,
    now: Timestamp,
) -> Vec<Row> {
    let kept = kept.map(|c| c.certificates.as_slice()).unwrap_or_default();
    let mut rows: Vec<Row> = form
        .certificates
        .iter()
        .map(|text| Row {
            text: text.clone(),
            error: String::new(),
            saved: kept.iter().position(|k| same(&k.pem, text)).map(|at| saved(kept, at, now)),
        })
        .collect();
    // a spare row for those without JavaScript; with it, the button adds rows instead
    if rows.len() < MAX_CERTIFICATES {
        rows.push(Row { text: String::new(), error: String::new(), saved: None });
    }
    for (at, row) in rows.iter_mut().enumerate() {
        errors.of(&format!("certificate-{}", at + 1)).clone_into(&mut row.error);
    }
    rows
}

/// Browsers change line ends.
fn same(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<String>();
    plain(one) == plain(other)
}

fn saved(all: &[PinnedCertificate], at: usize, now: Timestamp) -> Saved {
    let (kept, several) = (&all[at], all.len() > 1);
    Saved {
        fingerprint: kept.fingerprint.clone(),
        until: When::from(kept.not_after),
        valid: kept.is_valid_at(now),
        used: kept.last_used_at.map(When::from),
        place: match at {
            _ if !several => "",
            0 => "first",
            _ => "fallback",
        },
        stood_in: at > 0 && kept.last_used_at > all[0].last_used_at,
        removable: several,
    }
}

/// The question, without JavaScript.
pub(super) async fn ask(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    axum::extract::Path(fingerprint): axum::extract::Path<String>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let state = sso.page_state(&actor).await?;
    let known = state.connection.iter().flat_map(|v| &v.connection.certificates);
    let found = known.into_iter().find(|c| c.fingerprint == fingerprint);
    let found = found.ok_or_else(|| Error::not_found("Certificate"))?;
    let mut page = frame(&context);
    page.title = "Delete this certificate?".to_owned();
    Ok(Confirm {
        page,
        text: format!("Answers signed with the key of {} will be refused.", found.fingerprint),
        action: format!("{PATH}/certificates/{fingerprint}/remove"),
        fields: Vec::new(),
        confirm: "Delete".to_owned(),
        cancel: PATH.to_owned(),
        danger: true,
    })
}

/// Takes one certificate away; the last one stays.
pub(super) async fn remove(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    axum::extract::Path(fingerprint): axum::extract::Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<Response> {
    let state = sso.page_state(&actor).await?;
    let view = state.connection.ok_or_else(|| Error::not_found("Connection"))?;
    let (gone, stay): (Vec<_>, Vec<_>) =
        view.connection.certificates.into_iter().partition(|c| c.fingerprint == fingerprint);
    if gone.is_empty() {
        return Err(Error::not_found("Certificate").into());
    }
    if stay.is_empty() {
        let text = "The last certificate stays: nobody could sign in without it. Add the new one first.";
        return Ok(SeeOther::to(PATH).saying(Flash::failure(text)).into_response());
    }
    let id = view.connection.id;
    let certificates = Some(stay.into_iter().map(|c| c.pem).collect());
    sso.update_connection(&actor, &id, ConnectionPatch { certificates, ..ConnectionPatch::default() })
        .await?;
    sso.test_connection(&actor, &id).await?;
    sso.resume_enabling(&actor, &id).await?;
    Ok(SeeOther::to(PATH).saying(Flash::success("The certificate was deleted.")).into_response())
}
