//! The program: settings, composition of the features, the server, the command line.
//!
//! * [`Settings`]: what the operator decides; `settings.rs` names every option
//! * [`App`]: all features over one store, as one router and one set of workers; two can live in one process
//! * `traces` (cargo feature `otel`): what a collector of OpenTelemetry is sent
//! * `cli`: one file a command

mod api;
mod app;
mod audit_csv;
mod audit_query;
mod audit_words;
pub mod cli;
mod console;
mod directory;
mod idempotency;
mod jobs;
mod scripts;
mod settings;
#[cfg(feature = "otel")]
mod traces;

pub use app::{App, Parts};
pub use gatehouse_server::{Routes, Server, serve};
pub use settings::{LogFormat, Overrides, SettingError, Settings};
