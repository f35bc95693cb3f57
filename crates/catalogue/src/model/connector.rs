//! The connector type itself, its fields, its test.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Action, AuthType, GuideStep, Method, Sheet};
use crate::{HttpsUrl, Key, Pointer, Slug, Template, UrlTemplate};

/// A product that can be connected to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorType {
    /// Never changed once released; the file is `<id>.toml`.
    pub id: Slug,
    /// What people look for.
    pub name: String,
    /// The group it is listed in.
    pub category: Category,
    /// One line.
    pub description: String,
    /// The drawing beside the name.
    pub icon: Icon,
    /// The product's own page.
    pub homepage: HttpsUrl,
    /// The vendor's documentation of the API or of its authentication.
    pub docs: HttpsUrl,
    /// How well the API is documented in public.
    #[serde(default)]
    pub api: ApiState,
    /// What the facts were held against; absent: written from general knowledge, unchecked.
    #[serde(default)]
    pub checked: Option<Checked>,
    /// The address that paths of actions are added to.
    pub base_url: UrlTemplate,
    /// Further addresses that actions name with `base`.
    #[serde(default)]
    pub bases: BTreeMap<Key, UrlTemplate>,
    /// Headers of every call.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    /// Asked whichever way one authenticates: where the product is.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// The ways to authenticate; the first is the default.
    pub auth: Vec<AuthType>,
    /// The harmless call that shows whether a connection works.
    pub test: TestRequest,
    /// How failures look.
    #[serde(default)]
    pub errors: ErrorRules,
    /// What can be done.
    #[serde(default)]
    pub actions: Vec<Action>,
    /// What to do at the vendor before connecting.
    #[serde(default)]
    pub guide: Vec<GuideStep>,
    /// Values to hand over to somebody else.
    #[serde(default)]
    pub sheets: Vec<Sheet>,
}

/// What the facts of a connector type were held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// When, as year and month: `2026-11`.
    pub month: String,
    /// The public page that says so.
    pub source: HttpsUrl,
}

/// How well the API is documented in public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiState {
    /// Anybody can read the vendor's documentation.
    #[default]
    Public,
    /// The documentation is for customers or partners; the definition is the closest we know, and the guide says so.
    Restricted,
    /// The product speaks no HTTP; calls go through a gateway of the customer's, and the guide says so.
    Gateway,
}

/// The groups of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Category {
    Ai,
    Analytics,
    Cloud,
    Collaboration,
    Commerce,
    Contracts,
    Crm,
    Databases,
    Development,
    Directory,
    Documents,
    Erp,
    Events,
    Finance,
    Forms,
    HumanResources,
    Infrastructure,
    Mail,
    Maps,
    Marketing,
    Messaging,
    ProjectManagement,
    Social,
    Storage,
    Support,
    Telephony,
    Other,
}

/// The drawings of the catalogue: generic ones, no vendor's mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Icon {
    Calendar,
    Chart,
    Chat,
    Cloud,
    Code,
    Contract,
    Database,
    Directory,
    Document,
    Folder,
    Form,
    Mail,
    Map,
    Megaphone,
    Money,
    People,
    Phone,
    Robot,
    Sales,
    Server,
    Shop,
    Signature,
    Social,
    Speech,
    Spreadsheet,
    Support,
    Tasks,
    Translate,
    Video,
    Vision,
    Webhook,
}

/// A value that whoever connects is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The name of the variable.
    pub key: Key,
    /// What is written beside the input.
    pub label: String,
    /// What kind of value it is.
    #[serde(default, rename = "type")]
    pub kind: FieldType,
    /// Sealed, never shown again, never in an address.
    #[serde(default)]
    pub secret: bool,
    /// Whether it must be filled in; on unless said otherwise.
    #[serde(default = "yes")]
    pub required: bool,
    /// Stands in the input at first.
    #[serde(default)]
    pub default: Option<String>,
    /// Offered once the fields it names are filled in.
    #[serde(default)]
    pub suggestion: Option<Template>,
    /// One line below the input; may name other fields.
    #[serde(default)]
    pub help: Option<Template>,
    /// An example shown in the empty input.
    #[serde(default)]
    pub example: Option<String>,
    /// A closer look at the value.
    #[serde(default)]
    pub format: Option<FieldFormat>,
    /// The value begins with one of these.
    #[serde(default)]
    pub starts_with: Vec<String>,
    /// What a `choice` chooses from: value and label.
    #[serde(default)]
    pub choices: BTreeMap<String, String>,
    /// For `url` and `host`: the host is one of these or below one of them. Empty: any.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// A date of expiry can be recorded beside it and is warned about.
    #[serde(default)]
    pub expires: bool,
}

/// What kind of value a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// One line.
    #[default]
    Text,
    /// Several lines: a private key.
    Multiline,
    /// One label of a host name, without dots.
    HostLabel,
    /// A host name, perhaps with a port.
    Host,
    /// A whole https address without query or fragment.
    Url,
    /// One of `choices`.
    Choice,
}

/// A closer look at a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldFormat {
    /// 8-4-4-4-12 hexadecimal digits.
    Uuid,
    /// Digits alone.
    Digits,
    /// Hexadecimal digits alone.
    Hex,
    /// Something before and after one @.
    Email,
    /// Letters and digits alone.
    Alphanumeric,
    /// `-----BEGIN` … `-----END`.
    Pem,
}

/// The call that shows whether a connection works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestRequest {
    /// GET unless said otherwise.
    #[serde(default)]
    pub method: Method,
    /// Added to the base address; may hold connection variables.
    pub path: Template,
    /// The address of `bases` to use instead.
    #[serde(default)]
    pub base: Option<Key>,
    /// Headers of this call alone.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    /// A JSON body.
    #[serde(default)]
    pub body: Option<Value>,
    /// The status codes that mean it works; 200 unless said otherwise.
    #[serde(default = "ok")]
    pub expect: Vec<u16>,
    /// Where the answer names who is connected.
    #[serde(default)]
    pub identity: Option<Pointer>,
}

/// How failures look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRules {
    /// Status codes that mean the credential is not (or no longer) accepted: refresh once, retry once.
    #[serde(default = "unauthorized")]
    pub auth_status: Vec<u16>,
    /// With one of these texts at `message`, the same, whatever the status.
    #[serde(default)]
    pub auth_messages: Vec<String>,
    /// Where the answer says what went wrong; the first that is there.
    #[serde(default)]
    pub message: Vec<Pointer>,
    /// An answer with a good status that is a failure all the same.
    #[serde(default)]
    pub failed_when: Option<ResponseTest>,
}

impl Default for ErrorRules {
    fn default() -> Self {
        Self {
            auth_status: unauthorized(),
            auth_messages: Vec::new(),
            message: Vec::new(),
            failed_when: None,
        }
    }
}

/// A value at a place of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponseTest {
    /// The place.
    pub pointer: Pointer,
    /// The value that must be there.
    pub equals: Value,
}

pub(super) fn yes() -> bool {
    true
}

fn ok() -> Vec<u16> {
    vec![200]
}

fn unauthorized() -> Vec<u16> {
    vec![401]
}
