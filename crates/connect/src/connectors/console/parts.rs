//! What several pages show: guides, sheets, states.

use gatehouse_catalogue::{AuthType, ConnectorType};
use gatehouse_web::Tone;

use crate::connectors::model::connector::Status;
pub(super) use crate::connectors::model::guide::{Block, Span};
use crate::connectors::model::guide::{blocks, placeholder, text};
use crate::connectors::model::known::fields;
use crate::connectors::model::sheets::is_for;

/// A step of a guide.
pub(super) struct StepView {
    pub(super) title: String,
    pub(super) place: String,
    pub(super) vendor_only: bool,
    pub(super) blocks: Vec<Block>,
}

/// The steps of a way to authenticate; a value that is not known yet stands as the name of its field.
pub(super) fn guide(
    of: &ConnectorType,
    auth: &AuthType,
    value: impl Fn(&str) -> Option<String>,
) -> Vec<StepView> {
    let known = |name: &str| value(name).or_else(|| label(of, auth, name).map(|l| placeholder(&l)));
    let steps = of.guide.iter().filter(|step| is_for(&step.auth, auth));
    steps
        .map(|step| StepView {
            title: step.title.clone(),
            place: step.place.clone().unwrap_or_default(),
            vendor_only: step.vendor_only,
            blocks: blocks(&text(&step.text, known)),
        })
        .collect()
}

/// What people call a field.
pub(super) fn label(of: &ConnectorType, auth: &AuthType, name: &str) -> Option<String> {
    let mut all = fields(of, auth);
    all.find(|f| f.key.as_str() == name).map(|f| f.label.clone())
}

/// How a state looks.
pub(super) const fn tone(status: Status) -> Tone {
    match status {
        Status::Connected => Tone::Good,
        Status::Configured => Tone::Neutral,
        Status::NotConnected => Tone::Info,
        Status::Failing => Tone::Warn,
        Status::NeedsReauthorization => Tone::Bad,
    }
}
