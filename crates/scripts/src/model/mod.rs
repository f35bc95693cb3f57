//! What a custom script is, without a database or a sandbox: status, settings, names, hardware, credits.

mod credits;
mod egress;
/// Environment variables and their bounds.
pub mod environment;
mod exposed;
mod hardware;
mod language;
pub mod names;
/// What the pages of a script offer in each status.
pub mod offers;
mod problems;
/// Settings and their bounds.
pub mod settings;
mod status;
pub(crate) mod stored;

pub use credits::{Credits, Rate};
pub use egress::Egress;
pub use environment::Environment;
pub use exposed::Exposed;
pub use hardware::Profile;
pub use language::Language;
pub use offers::{Action, Offers};
pub use problems::{Problem, Problems};
pub use settings::{Given, Settings};
pub use status::{Event, Refusal, Status};
