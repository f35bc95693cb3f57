//! Tables as files for spreadsheets, written as fast as the client takes them.

use std::future::Future;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use gatehouse_types::Result;
use tokio::sync::mpsc;

/// Rows of a file at most; whoever wants more asks the API.
const MAX_ROWS: usize = 100_000;

/// A cell that a spreadsheet shows as text: what begins like a formula gets an apostrophe before it (OWASP, CSV
/// injection).
fn cell(text: &str) -> String {
    let formula = ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    let text = if text.starts_with(formula) { format!("'{text}") } else { text.to_owned() };
    // RFC 4180: always quoted, so that no cell can be taken for two
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Rows in CSV.
fn csv_rows(rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |row: Vec<String>| row.iter().map(|text| cell(text)).collect::<Vec<_>>().join(",") + "\r\n";
    rows.map(line).collect()
}

/// What follows in a file: the next rows, and the id of the last one. None: that was all.
pub(super) type Part<I> = (Vec<Vec<String>>, Option<I>);

/// The name of a file: that of the script, as file systems like it, and what is in it.
pub(super) fn file_name(script: &str, what: &str) -> String {
    let plain: String = script
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
        .collect();
    format!("{plain}_{what}_data.csv")
}

/// A file with these columns. The first part is read before the answer begins, so that a failure is still told as one.
pub(super) async fn file<I, F>(
    name: &str,
    columns: &[&str],
    mut next: impl FnMut(Option<I>) -> F + Send + 'static,
) -> Result<Response>
where
    I: Send + 'static,
    F: Future<Output = Result<Part<I>>> + Send,
{
    let head = csv_rows(std::iter::once(columns.iter().map(|c| (*c).to_owned()).collect()));
    let (rows, mut last) = next(None).await?;
    let mut written = rows.len();
    let first = head + &csv_rows(rows.into_iter());
    let (sender, receiver) = mpsc::channel::<std::io::Result<String>>(2);
    tokio::spawn(async move {
        let mut piece: Result<String> = Ok(first);
        loop {
            let broken = piece.is_err();
            // whoever downloads may go away: then it ends
            if sender.send(piece.map_err(std::io::Error::other)).await.is_err()
                || broken
                || written >= MAX_ROWS
            {
                return;
            }
            let Some(before) = last.take() else { return };
            piece = match next(Some(before)).await {
                Ok((rows, _)) if rows.is_empty() => return,
                Ok((rows, id)) => {
                    written += rows.len();
                    last = id;
                    Ok(csv_rows(rows.into_iter()))
                }
                Err(e) => {
                    tracing::error!(error = %e, "an export of a script's runs or logs broke off");
                    Err(e)
                }
            };
        }
    });
    let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
    let mut response =
        ([(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"))], body).into_response();
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::{csv_rows, file_name};

    #[test]
    fn no_cell_is_a_formula_and_every_cell_is_quoted() {
        let odd = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "a=1", "say \"hi\",\nleave", "\u{ff1d}1"];
        let text = csv_rows(std::iter::once(odd.map(str::to_owned).to_vec()));
        let expected = "\"'=1+1\",\"'+1\",\"'-1\",\"'@SUM(A1)\",\"'\t=1\",\"a=1\",\"say \"\"hi\"\",\nleave\",\"'\u{ff1d}1\"\r\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_file_is_named_after_its_script() {
        assert_eq!(file_name("Invoices", "runs"), "Invoices_runs_data.csv");
        assert_eq!(file_name("a\"b/ü", "logs"), "a_b___logs_data.csv");
    }
}
