//! What people read: steps, and sheets to hand over.

use serde::{Deserialize, Serialize};

use crate::{Slug, Template};

/// One step before connecting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuideStep {
    /// What is done.
    pub title: String,
    /// How: paragraphs, lists (`- `), `**bold**`, `` `code` `` and links of Markdown. Gaps are fields and `{redirect_uri}`.
    pub text: Template,
    /// Where: the vendor's page or program.
    #[serde(default)]
    pub place: Option<String>,
    /// For these authentication types alone; empty: for all.
    #[serde(default)]
    pub auth: Vec<Slug>,
    /// Asked for by the vendor, although we need it not.
    #[serde(default)]
    pub vendor_only: bool,
}

/// Values to hand over to somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    /// Unique in the connector.
    pub id: Slug,
    /// Its heading.
    pub title: String,
    /// What to do with it.
    #[serde(default)]
    pub text: Option<String>,
    /// How it is shown.
    #[serde(default)]
    pub format: SheetFormat,
    /// For these authentication types alone; empty: for all.
    #[serde(default)]
    pub auth: Vec<Slug>,
    /// One copy for each of these.
    #[serde(default)]
    pub environments: Vec<String>,
    /// Its lines.
    pub rows: Vec<SheetRow>,
}

/// How a sheet is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SheetFormat {
    /// Label and value.
    #[default]
    Table,
    /// One JSON object of texts.
    Json,
}

/// A line of a sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SheetRow {
    /// What it is; the member's name in JSON.
    pub label: String,
    /// The value, made from fields; unset: to be filled in by hand.
    #[serde(default)]
    pub value: Option<Template>,
    /// Where it is found.
    #[serde(default)]
    pub help: Option<String>,
}
