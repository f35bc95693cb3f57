//! The form of a profile.

use gatehouse_types::{Actor, Error, Kind, Secret};
use gatehouse_web::{Choice, FieldErrors};
use serde::Deserialize;

use crate::Connect;
use crate::profiles::model::{AdditionalField, AuthorizationField, FieldPlace, client_auth_name};
use crate::profiles::service::Seen;
use crate::profiles::service::change::Change;

/// The choice of tenancy URLs, in the words of the manual.
const NO_TENANCY: &str = "No, this workflow and all of its tasks do not have tenancy URLs";
const TENANCY: &str = "Yes, some tasks will have tenancy URLs and the user will need to provide that to successfully \
                       authenticate";
/// Who gives the value of an additional field.
const GIVEN: &str = "given";
const ASKED: &str = "asked";

/// What was filled in. Rows of fields come as lists of the same length.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ProfileForm {
    pub(super) authorization_type: String,
    pub(super) identity_provider_name: String,
    pub(super) description: String,
    pub(super) callback_url: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) client_authentication: String,
    pub(super) authorization_url: String,
    pub(super) tenancy_url: String,
    pub(super) token_request_url: String,
    pub(super) scope: String,
    additional_key: Vec<String>,
    additional_value: Vec<String>,
    additional_from: Vec<String>,
    authorization_field_type: Vec<String>,
    authorization_field_key: Vec<String>,
    authorization_field_value: Vec<String>,
    pub(super) refresh_token_url: String,
    pub(super) revocation_url: String,
    pub(super) issuer: String,
    pub(super) auth_error_status_code: String,
    pub(super) auth_error_body: String,
    pub(super) allowed_hosts: String,
    /// Which button: `save` or `test`.
    #[serde(rename = "do")]
    pub(super) what: String,
}

/// One row of additional fields, as it is shown.
pub(super) struct AdditionalRow {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) asked: bool,
}

/// One row of authorization fields.
pub(super) struct AuthorizationRow {
    pub(super) place: String,
    pub(super) key: String,
    pub(super) value: String,
}

/// The types that can be chosen.
pub(super) fn types() -> Vec<Choice> {
    vec![
        Choice::new("", "Select…"),
        Choice::new("oauth2", "OAuth V2"),
        Choice::new("oauth2_client_credentials", "OAuth V2 Client Credentials"),
    ]
}

pub(super) fn tenancies() -> Vec<Choice> {
    let hint =
        "Write {tenancy} in place of that part of the host, such as https://{tenancy}.example.com/token.";
    vec![Choice::new("no", NO_TENANCY), Choice::new("yes", TENANCY).hint(hint)]
}

pub(super) fn client_auths() -> Vec<Choice> {
    vec![Choice::new("basic", "In the header (Basic)"), Choice::new("post", "In the request body")]
}

pub(super) fn places() -> Vec<Choice> {
    FieldPlace::ALL.iter().map(|(_, name, label)| Choice::new(*name, *label)).collect()
}

fn at(list: &[String], n: usize) -> String {
    list.get(n).cloned().unwrap_or_default()
}

impl ProfileForm {
    /// The form of a new profile, with a callback of its own.
    pub(super) fn blank(connect: &Connect, actor: &Actor) -> Self {
        Self {
            callback_url: connect.callback_url(&connect.offered_context(actor, "auth-profile")),
            client_authentication: "basic".to_owned(),
            ..Self::default()
        }
    }

    /// The values of a profile; the secret stays where it is.
    pub(super) fn of(connect: &Connect, seen: &Seen) -> Self {
        let (p, fields) = (&seen.profile, &seen.secrets.fields);
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let from = |asked: bool| if asked { ASKED } else { GIVEN }.to_owned();
        Self {
            authorization_type: p.kind.as_str().to_owned(),
            identity_provider_name: p.name.clone(),
            description: p.description.clone(),
            callback_url: connect.callback_url(&p.context),
            client_id: p.client_id.clone(),
            client_secret: String::new(),
            client_authentication: client_auth_name(p.client_auth).to_owned(),
            authorization_url: text(&p.authorization_url),
            tenancy_url: if p.tenancy_url { "yes" } else { "no" }.to_owned(),
            token_request_url: p.token_url.clone(),
            scope: p.scope.clone(),
            additional_key: fields.additional.iter().map(|f| f.key.clone()).collect(),
            additional_value: fields.additional.iter().map(|f| text(&f.value)).collect(),
            additional_from: fields.additional.iter().map(|f| from(f.value.is_none())).collect(),
            authorization_field_type: fields
                .authorization
                .iter()
                .map(|f| f.place.as_str().to_owned())
                .collect(),
            authorization_field_key: fields.authorization.iter().map(|f| f.key.clone()).collect(),
            authorization_field_value: fields.authorization.iter().map(|f| text(&f.value)).collect(),
            refresh_token_url: text(&p.refresh_url),
            revocation_url: text(&p.revocation_url),
            issuer: text(&p.issuer),
            auth_error_status_code: p.auth_error_status.to_string(),
            auth_error_body: p.auth_error_text.clone(),
            allowed_hosts: p.allowed_hosts.iter().map(|h| h.as_str()).collect::<Vec<_>>().join("\n"),
            what: String::new(),
        }
    }

    pub(super) fn is_code(&self) -> bool {
        self.authorization_type == "oauth2"
    }

    /// The rows of additional fields: those that were typed, and a spare one.
    pub(super) fn additional(&self) -> Vec<AdditionalRow> {
        let typed = (0..self.additional_key.len()).map(|n| AdditionalRow {
            key: at(&self.additional_key, n),
            value: at(&self.additional_value, n),
            asked: at(&self.additional_from, n) == ASKED,
        });
        let typed = typed.filter(|row| !(row.key.is_empty() && row.value.is_empty()));
        typed.chain([AdditionalRow { key: String::new(), value: String::new(), asked: false }]).collect()
    }

    /// The same of authorization fields.
    pub(super) fn authorization(&self) -> Vec<AuthorizationRow> {
        let typed = (0..self.authorization_field_key.len()).map(|n| AuthorizationRow {
            place: at(&self.authorization_field_type, n),
            key: at(&self.authorization_field_key, n),
            value: at(&self.authorization_field_value, n),
        });
        let typed = typed.filter(|row| !(row.key.is_empty() && row.value.is_empty()));
        let spare = AuthorizationRow { place: "header".to_owned(), key: String::new(), value: String::new() };
        typed.chain([spare]).collect()
    }

    /// The change that it asks for. Rows without any text count for nothing.
    ///
    /// # Errors
    /// `Validation` for what a form alone can get wrong.
    pub(super) fn change(&self, is_new: bool) -> gatehouse_types::Result<Change> {
        let some = |text: &str| Some(text.to_owned());
        let tenancy_url = match (self.is_code(), self.tenancy_url.as_str()) {
            (false, _) => None,
            (true, "yes") => Some(true),
            (true, "no") => Some(false),
            (true, _) => return Err(Error::validation("tenancyUrl", "Say whether there are tenancy URLs.")),
        };
        let status = match self.auth_error_status_code.trim() {
            "" => 401,
            text => text.parse().map_err(|_| {
                Error::validation(
                    "authErrorStatusCode",
                    "The auth error status code is a number from 100 to 599.",
                )
            })?,
        };
        let typed = self.additional().into_iter().filter(|row| !(row.key.is_empty() && row.value.is_empty()));
        let additional =
            typed.map(|row| AdditionalField { key: row.key, value: (!row.asked).then_some(row.value) });
        let typed =
            self.authorization().into_iter().filter(|row| !(row.key.is_empty() && row.value.is_empty()));
        let authorization = typed.map(|row| {
            let place =
                FieldPlace::ALL.iter().find(|(_, name, _)| *name == row.place).map(|(place, ..)| *place);
            let place =
                place.ok_or_else(|| Error::validation("authorizationFields", "Select the field type."))?;
            Ok(AuthorizationField { place, key: row.key, value: Some(row.value) })
        });
        let secret = Some(self.client_secret.as_str()).filter(|s| is_new || !s.is_empty());
        Ok(Change {
            authorization_type: is_new.then(|| self.authorization_type.clone()),
            name: is_new.then(|| self.identity_provider_name.clone()),
            description: some(&self.description),
            callback_url: some(&self.callback_url),
            client_id: some(&self.client_id),
            client_secret: secret.map(Secret::new),
            client_authentication: some(&self.client_authentication).filter(|text| !text.is_empty()),
            authorization_url: self.is_code().then(|| self.authorization_url.clone()),
            tenancy_url,
            token_url: some(&self.token_request_url),
            refresh_url: self.is_code().then(|| self.refresh_token_url.clone()),
            revocation_url: some(&self.revocation_url),
            issuer: some(&self.issuer),
            scope: some(&self.scope),
            additional: Some(additional.collect()),
            authorization: Some(authorization.collect::<gatehouse_types::Result<_>>()?),
            auth_error_status: Some(status),
            auth_error_text: some(&self.auth_error_body),
            allowed_hosts: Some(
                self.allowed_hosts
                    .split([',', ' ', '\n', '\r'])
                    .filter(|h| !h.is_empty())
                    .map(str::to_owned)
                    .collect(),
            ),
        })
    }
}

/// What is wrong with the form, when the failure is about it. Fields of rows are said of their list.
pub(super) fn errors_of(error: &Error) -> Option<FieldErrors> {
    if !matches!(error.kind(), Kind::Validation | Kind::Conflict) {
        return None;
    }
    let field = error.field().unwrap_or_default();
    let mut errors = FieldErrors::none();
    errors.add(field.split('[').next().unwrap_or_default(), error.message());
    Some(errors)
}
