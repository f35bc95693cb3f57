//! The audit log for spreadsheets: one row an entry, no cell a formula.

use std::collections::HashMap;

use gatehouse_store::audit::{self, Entry, Wanted, heads};
use gatehouse_store::{Error, Result};
use gatehouse_types::{Id, UserId};

use crate::App;
use crate::audit_words::{category, event_name};

/// Entries read at once.
const CHUNK: i64 = 500;
/// Names of people kept in memory.
const MAX_NAMES: usize = 1000;

const COLUMNS: [&str; 15] = [
    "Sequence",
    "Date and Time",
    "Event Name",
    "Event",
    "Category",
    "Outcome",
    "User Name",
    "Actor Kind",
    "Actor Id",
    "Target Kind",
    "Target Id",
    "IP",
    "Request Id",
    "Details",
    "Hash",
];

/// A CSV export on its way; holds one chunk at a time.
pub(crate) struct CsvExport {
    app: App,
    chain: String,
    wanted: Wanted,
    sequence: i64,
    through: Option<i64>,
    names: HashMap<String, String>,
}

/// A cell that a spreadsheet shows as text: what begins like a formula gets an apostrophe before it (OWASP, CSV injection).
pub(crate) fn cell(text: &str) -> String {
    let formula = ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    if text.starts_with(formula) { format!("'{text}") } else { text.to_owned() }
}

fn broken(e: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Column { column: "CSV".into(), source: Box::new(e) }
}

/// Rows in CSV (RFC 4180).
fn rows(cells: impl Iterator<Item = Vec<String>>) -> Result<String> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in cells {
        writer.write_record(row.iter().map(|text| cell(text))).map_err(broken)?;
    }
    String::from_utf8(writer.into_inner().map_err(broken)?).map_err(broken)
}

impl CsvExport {
    pub(crate) fn new(app: App, chain: String, wanted: Wanted, after: i64) -> Self {
        Self { app, chain, wanted, sequence: after, through: None, names: HashMap::new() }
    }

    /// The next rows; `None` at the end.
    pub(crate) async fn next_lines(&mut self) -> Result<Option<String>> {
        let mut reader = self.app.store().reader();
        let Some(through) = self.through else {
            self.through = Some(heads::current(&mut reader, &self.chain).await?.0);
            return rows(std::iter::once(COLUMNS.map(str::to_owned).to_vec())).map(Some);
        };
        let mut found = audit::after(&mut reader, &self.chain, &self.wanted, self.sequence, CHUNK).await?;
        found.retain(|e| e.sequence <= through);
        let Some(last) = found.last() else { return Ok(None) };
        self.sequence = last.sequence;
        let mut cells = Vec::with_capacity(found.len());
        for entry in &found {
            let name = self.name(entry).await?;
            cells.push(row(entry, name));
        }
        rows(cells.into_iter()).map(Some)
    }

    async fn name(&mut self, entry: &Entry) -> Result<String> {
        let Some(id) = &entry.actor_id else { return Ok(String::new()) };
        if let Some(name) = self.names.get(id) {
            return Ok(name.clone());
        }
        let user = UserId::from_stored(id.clone());
        let found = self.app.identity().user(&mut self.app.store().reader(), &user).await.map_err(broken)?;
        let name = found.map(|u| u.display_name).unwrap_or_default();
        if self.names.len() < MAX_NAMES {
            self.names.insert(id.clone(), name.clone());
        }
        Ok(name)
    }
}

fn row(e: &Entry, name: String) -> Vec<String> {
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    vec![
        e.sequence.to_string(),
        e.at.to_string(),
        event_name(&e.event),
        e.event.clone(),
        category(&e.event),
        e.outcome.clone(),
        name,
        e.actor_kind.clone(),
        text(&e.actor_id),
        text(&e.target_kind),
        text(&e.target_id),
        text(&e.ip),
        e.request_id.clone(),
        audit::canonical(&e.details),
        e.hash.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_every_cell_is_quoted_where_it_must() {
        let odd =
            ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "a=1", "say \"hi\", then\nleave", "\u{ff1d}1"];
        let text = rows(std::iter::once(odd.map(str::to_owned).to_vec())).unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let read: Vec<String> = reader.records().next().unwrap().unwrap().iter().map(str::to_owned).collect();
        let expected = [
            "'=1+1",
            "'+1",
            "'-1",
            "'@SUM(A1)",
            "'\t=1",
            "'\r=1",
            "a=1",
            "say \"hi\", then\nleave",
            "'\u{ff1d}1",
        ];
        assert_eq!(read, expected);
    }
}
