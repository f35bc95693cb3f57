mod build;
mod project;
mod tar;
mod unpack;
mod zip;

use super::{Code, Limits, Report, inspect};
use crate::model::Language;
use build::cursor;

/// A main file that is not empty.
const MAIN: &[u8] = b"def greet(name):\n    return 'Hello ' + name\n";

fn report(bytes: &[u8]) -> Report {
    with(bytes, &Limits::default())
}

fn with(bytes: &[u8], limits: &Limits) -> Report {
    inspect(&mut cursor(bytes), Language::Python, limits).unwrap()
}

/// The codes of all errors.
fn codes(bytes: &[u8]) -> Vec<Code> {
    report(bytes).errors.iter().map(|f| f.code).collect()
}
