//! Sheets to hand over, filled with a connector's values.

use gatehouse_catalogue::{AuthType, ConnectorType, Sheet, SheetFormat, Slug};
use serde_json::{Map, Value};

/// A sheet for one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    /// The sheet's id, and the environment's when there are several.
    pub(crate) id: String,
    /// Its heading.
    pub(crate) title: String,
    /// What to do with it.
    pub(crate) text: String,
    /// Which environment; empty: any.
    pub(crate) environment: String,
    /// The lines.
    pub(crate) rows: Vec<Row>,
    /// The lines as one JSON object, for sheets that are JSON.
    pub(crate) json: Option<String>,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// What it is.
    pub(crate) label: String,
    /// The value; empty: to be filled in by hand.
    pub(crate) value: String,
    /// Where it is found.
    pub(crate) help: String,
}

/// Whether a part is for a way to authenticate.
pub(crate) fn is_for(ways: &[Slug], auth: &AuthType) -> bool {
    ways.is_empty() || ways.contains(&auth.id)
}

/// The sheets of a way to authenticate, one for each environment. A value that is not known yet stays empty.
pub(crate) fn filled(
    of: &ConnectorType,
    auth: &AuthType,
    value: impl Fn(&str) -> Option<String> + Copy,
) -> Vec<Filled> {
    let sheets = of.sheets.iter().filter(|sheet| is_for(&sheet.auth, auth));
    sheets.flat_map(|sheet| copies(sheet, value)).collect()
}

fn copies(sheet: &Sheet, value: impl Fn(&str) -> Option<String> + Copy) -> Vec<Filled> {
    let rows: Vec<Row> = sheet
        .rows
        .iter()
        .map(|row| Row {
            label: row.label.clone(),
            value: row.value.as_ref().and_then(|v| v.fill(value).ok()).unwrap_or_default(),
            help: row.help.clone().unwrap_or_default(),
        })
        .collect();
    let json = (sheet.format == SheetFormat::Json).then(|| as_json(&rows));
    let one = |environment: &str| {
        let suffix = environment.to_lowercase().replace(' ', "-");
        Filled {
            id: if suffix.is_empty() { sheet.id.to_string() } else { format!("{}-{suffix}", sheet.id) },
            title: sheet.title.clone(),
            text: sheet.text.clone().unwrap_or_default(),
            environment: environment.to_owned(),
            rows: rows.clone(),
            json: json.clone(),
        }
    };
    if sheet.environments.is_empty() {
        vec![one("")]
    } else {
        sheet.environments.iter().map(|environment| one(environment)).collect()
    }
}

fn as_json(rows: &[Row]) -> String {
    let members: Map<String, Value> =
        rows.iter().map(|row| (row.label.clone(), row.value.clone().into())).collect();
    serde_json::to_string_pretty(&members).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use gatehouse_catalogue::Catalogue;

    use super::*;

    #[test]
    fn the_icertis_administrator_gets_four_rows_twice_and_four_keys() {
        let icertis = Catalogue::built_in().unwrap().get("icertis-preview").unwrap();
        let value = |name: &str| match name {
            "client_id" => Some("c-1".to_owned()),
            "tenant_id" => Some("t-1".to_owned()),
            _ => None,
        };
        let sheets = filled(icertis, &icertis.auth[0], value);
        let ids: Vec<_> = sheets.iter().map(|s| s.id.as_str()).collect();
        assert_eq!(ids, ["hand-over-development", "hand-over-production", "tenant-json"]);
        assert_eq!(
            (sheets[0].rows.len(), sheets[0].rows[2].value.as_str()),
            (4, ""),
            "the object ID is theirs"
        );
        let json: Value = serde_json::from_str(sheets[2].json.as_ref().unwrap()).unwrap();
        assert_eq!(json["Core.API.OAuth.ValidAudiences"], "api://c-1");
        assert_eq!(json["Core.API.OAuth.ValidIssuer"], "https://sts.windows.net/t-1/");
        assert!(filled(icertis, &icertis.auth[1], value).is_empty(), "an API key needs none");
    }
}
