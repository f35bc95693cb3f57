//! Connector types as they are answered.

use gatehouse_catalogue::{Action, AuthType, Field, FieldType, GuideStep, Parameter, Sheet, SheetFormat};
use gatehouse_types::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::connectors::model::fields::spoken;
use crate::connectors::model::guide::text;
use crate::connectors::model::known::{Known, hosts, no_user_authentication};
use crate::connectors::service::types::word;
use crate::connectors::wire;

/// A product that can be connected to, in short.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorTypeSummary)]
pub(crate) struct SummaryOut {
    /// What `type` of a connector names.
    id: String,
    name: String,
    /// One line.
    description: String,
    /// The group it is listed in: `crm`, `documents`, …
    category: String,
    /// The drawing beside the name: `contract`, `sales`, …
    icon: String,
    /// `built-in`, or `workspace` for one that was made of an OpenAPI document here.
    source: &'static str,
    /// How well its API is documented in public: `public`, `restricted` (for customers of the product alone), `gateway` (it
    /// speaks no HTTP by itself).
    api: String,
    homepage: String,
    docs: String,
    /// The ways to authenticate; the first is the default.
    auth_types: Vec<AuthSummaryOut>,
    /// How many actions it has.
    action_count: usize,
}

/// A way to authenticate, in short.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorAuthTypeSummary)]
pub(crate) struct AuthSummaryOut {
    /// What `authType` of a connector names.
    id: String,
    label: String,
    /// What happens: `oauth2_code`, `api_key`, `basic`, …
    kind: String,
    is_default: bool,
    /// Whether people can authenticate for themselves.
    user_authentications: bool,
}

impl SummaryOut {
    pub(super) fn of(known: &Known) -> Self {
        let ways = known.auth.iter().enumerate();
        Self {
            id: known.id.to_string(),
            name: known.name.clone(),
            description: known.description.clone(),
            category: word(&known.category),
            icon: word(&known.icon),
            source: known.source(),
            api: word(&known.api),
            homepage: known.homepage.to_string(),
            docs: known.docs.to_string(),
            auth_types: ways.map(|(at, auth)| AuthSummaryOut::of(auth, at == 0)).collect(),
            action_count: known.actions.len(),
        }
    }
}

impl AuthSummaryOut {
    fn of(auth: &AuthType, is_default: bool) -> Self {
        Self {
            id: auth.id.to_string(),
            label: auth.label.clone(),
            kind: word(&auth.kind),
            is_default,
            user_authentications: no_user_authentication(auth).is_none(),
        }
    }
}

/// A product that can be connected to.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorType)]
pub(crate) struct TypeOut {
    #[serde(flatten)]
    summary: SummaryOut,
    /// Asked whichever way one authenticates.
    fields: Vec<FieldOut>,
    /// The ways to authenticate with their fields, in the order of `authTypes`.
    authentication: Vec<AuthOut>,
    actions: Vec<ActionOut>,
    /// The hosts that credentials may go to, with the names of fields in braces; a domain stands for all below it, where the
    /// product itself tells the address.
    hosts: Vec<String>,
    /// What to do at the vendor before connecting.
    guide: Vec<StepOut>,
    /// What is to be handed over to somebody else.
    sheets: Vec<SheetOut>,
    /// What of the OpenAPI document is not in it.
    left_out: Vec<LeftOutOut>,
    /// How many more were left out and are not listed.
    left_out_more: i64,
    /// When it was made; `null` for what comes with Gatehouse.
    created_at: Option<Timestamp>,
}

/// A way to authenticate.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorAuthType)]
pub(crate) struct AuthOut {
    #[serde(flatten)]
    summary: AuthSummaryOut,
    /// Asked this way alone.
    fields: Vec<FieldOut>,
    /// Why people cannot authenticate for themselves.
    no_user_authentications: Option<&'static str>,
    /// What is asked for unless the field `scope` says otherwise.
    scopes: Vec<String>,
}

/// Something that is asked.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorTypeField)]
pub(crate) struct FieldOut {
    /// Its name in `fields` of a connector.
    key: String,
    label: String,
    /// `text`, `multiline`, `host_label`, `host`, `url` or `choice`.
    #[serde(rename = "type")]
    kind: String,
    required: bool,
    /// Sealed, never shown again.
    secret: bool,
    /// Taken when nothing is entered.
    #[serde(rename = "default")]
    usual: Option<String>,
    /// Offered once the fields in braces are filled in.
    suggestion: Option<String>,
    help: Option<String>,
    example: Option<String>,
    /// What a `choice` chooses from.
    choices: Vec<ChoiceOut>,
    /// An end date can be recorded under its name in `expiry`, and is warned about.
    expires: bool,
}

/// One of several.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ConnectorTypeChoice)]
pub(crate) struct ChoiceOut {
    value: String,
    label: String,
}

impl FieldOut {
    pub(super) fn of(field: &Field) -> Self {
        let gaps = |t: &gatehouse_catalogue::Template| text(t, |name| Some(format!("{{{}}}", spoken(name))));
        Self {
            key: spoken(field.key.as_str()),
            label: field.label.clone(),
            kind: word::<FieldType>(&field.kind),
            required: field.required,
            secret: field.secret,
            usual: field.default.clone(),
            suggestion: field.suggestion.as_ref().map(gaps),
            help: field.help.as_ref().map(gaps),
            example: field.example.clone(),
            choices: field
                .choices
                .iter()
                .map(|(value, label)| ChoiceOut { value: value.clone(), label: label.clone() })
                .collect(),
            expires: field.expires,
        }
    }
}

/// Something that can be done.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorAction)]
pub(crate) struct ActionOut {
    id: String,
    label: String,
    description: Option<String>,
    method: &'static str,
    path: String,
    /// Whether it changes nothing.
    read_only: bool,
    /// Whether the answer comes in pages.
    paged: bool,
    /// Scopes it needs beyond the default ones.
    scopes: Vec<String>,
    parameters: Vec<ParameterOut>,
}

/// Something that an action is given.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorActionParameter)]
pub(crate) struct ParameterOut {
    /// Its name in `parameters`.
    key: String,
    label: Option<String>,
    /// `path`, `query`, `header` or `body`.
    #[serde(rename = "in")]
    place: String,
    /// `string`, `integer`, `number`, `boolean`, `date`, `date_time`, `array`, `object`, `any` or `file` (base64).
    #[serde(rename = "type")]
    kind: String,
    required: bool,
    #[serde(rename = "default")]
    usual: Option<Value>,
    /// One of these; empty: any.
    choices: Vec<Value>,
    help: Option<String>,
    example: Option<Value>,
}

impl ParameterOut {
    fn of(p: &Parameter) -> Self {
        Self {
            key: spoken(p.key.as_str()),
            label: p.label.clone(),
            place: word(&p.place),
            kind: word(&p.kind),
            required: p.required || p.place == gatehouse_catalogue::ParameterPlace::Path,
            usual: p.default.clone(),
            choices: p.choices.clone(),
            help: p.help.clone(),
            example: p.example.clone(),
        }
    }
}

impl ActionOut {
    fn of(action: &Action) -> Self {
        Self {
            id: action.id.to_string(),
            label: action.label.clone(),
            description: action.description.clone(),
            method: wire::method(action.method),
            path: action.path.source().to_owned(),
            read_only: action.is_read_only(),
            paged: action.paging.is_some(),
            scopes: action.scopes.clone(),
            parameters: action.parameters.iter().map(ParameterOut::of).collect(),
        }
    }
}

/// One step before connecting.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorGuideStep)]
pub(crate) struct StepOut {
    title: String,
    /// Paragraphs, lists, `**bold**`, code and links of Markdown; fields and `redirectUri` stand in braces.
    text: String,
    /// Where: the vendor's page or program.
    place: Option<String>,
    /// For these ways to authenticate alone; empty: for all.
    auth_types: Vec<String>,
    /// Asked for by the vendor, although Gatehouse needs it not.
    vendor_only: bool,
}

impl StepOut {
    fn of(step: &GuideStep) -> Self {
        Self {
            title: step.title.clone(),
            text: text(&step.text, |name| Some(format!("{{{}}}", spoken(name)))),
            place: step.place.clone(),
            auth_types: step.auth.iter().map(ToString::to_string).collect(),
            vendor_only: step.vendor_only,
        }
    }
}

/// Values to hand over to somebody else.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorTypeSheet)]
pub(crate) struct SheetOut {
    id: String,
    title: String,
    text: Option<String>,
    /// `table`, or `json` for one object of texts.
    format: String,
    /// For these ways to authenticate alone; empty: for all.
    auth_types: Vec<String>,
    /// One copy for each of these.
    environments: Vec<String>,
    /// What its lines are called.
    labels: Vec<String>,
}

impl SheetOut {
    fn of(sheet: &Sheet) -> Self {
        Self {
            id: sheet.id.to_string(),
            title: sheet.title.clone(),
            text: sheet.text.clone(),
            format: word::<SheetFormat>(&sheet.format),
            auth_types: sheet.auth.iter().map(ToString::to_string).collect(),
            environments: sheet.environments.clone(),
            labels: sheet.rows.iter().map(|row| row.label.clone()).collect(),
        }
    }
}

/// Something of a document that could not be taken.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ConnectorTypeLeftOut)]
pub(crate) struct LeftOutOut {
    /// A JSON pointer into the document.
    place: String,
    /// What, and why.
    what: String,
}

impl TypeOut {
    pub(super) fn of(known: &Known) -> Self {
        let own = known.own();
        let left_out = own.map(|o| o.left_out.as_slice()).unwrap_or_default();
        let ways = known.auth.iter().enumerate();
        Self {
            summary: SummaryOut::of(known),
            fields: known.fields.iter().map(FieldOut::of).collect(),
            authentication: ways
                .map(|(at, auth)| AuthOut {
                    summary: AuthSummaryOut::of(auth, at == 0),
                    fields: auth.fields.iter().map(FieldOut::of).collect(),
                    no_user_authentications: no_user_authentication(auth),
                    scopes: auth
                        .oauth
                        .iter()
                        .flat_map(|o| o.scopes.iter().map(|s| s.source().to_owned()))
                        .collect(),
                })
                .collect(),
            actions: known.actions.iter().map(ActionOut::of).collect(),
            hosts: hosts(known),
            guide: known.guide.iter().map(StepOut::of).collect(),
            sheets: known.sheets.iter().map(SheetOut::of).collect(),
            left_out: left_out
                .iter()
                .map(|(at, what)| LeftOutOut { place: at.clone(), what: what.clone() })
                .collect(),
            left_out_more: own.map_or(0, |o| o.left_out_more),
            created_at: own.map(|o| o.created_at),
        }
    }
}
