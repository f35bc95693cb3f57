//! Guides and sheets: what people read.

use super::{Check, Names};
use crate::limits;
use crate::model::{ApiState, AuthKind, AuthType, ConnectorType, FieldType};
use crate::{Slug, Template};

impl Check {
    pub(super) fn people(&mut self, connector: &ConnectorType) {
        self.most("guide", connector.guide.len(), limits::GUIDE_STEPS);
        for step in &connector.guide {
            let at = format!("guide {:?}", step.title);
            self.line(&at, &step.title, limits::LABEL_CHARS);
            if step.text.source().trim().is_empty()
                || step.text.source().chars().count() > limits::GUIDE_CHARS
            {
                self.add(&at, format!("has a text of at most {} characters", limits::GUIDE_CHARS));
            }
            self.readable(&at, connector, &step.auth, &step.text);
        }
        let needs_guide = connector.api != ApiState::Public
            || connector.auth.iter().any(|auth| auth.kind != AuthKind::None);
        if needs_guide && connector.guide.is_empty() {
            self.add(
                "guide",
                "says where the credential comes from, or why the definition is only the closest one",
            );
        }
        for (index, sheet) in connector.sheets.iter().enumerate() {
            let at = format!("sheet {}", sheet.id);
            if connector.sheets.iter().take(index).any(|other| other.id == sheet.id) {
                self.add(&at, "the id is there twice");
            }
            self.line(&at, &sheet.title, limits::LABEL_CHARS);
            self.most(&at, sheet.rows.len(), limits::FIELDS);
            for row in &sheet.rows {
                self.line(&at, &row.label, limits::LABEL_CHARS);
                if let Some(value) = &row.value {
                    self.readable(&at, connector, &sheet.auth, value);
                }
            }
        }
    }

    /// A text for people: its gaps are known with every authentication type it is for, and are no secrets.
    fn readable(&mut self, at: &str, connector: &ConnectorType, auth: &[Slug], text: &Template) {
        for wanted in auth.iter().filter(|id| !connector.auth.iter().any(|auth| auth.id == **id)) {
            self.add(at, format!("there is no authentication type {wanted}"));
        }
        let meant = |type_: &&AuthType| auth.is_empty() || auth.contains(&type_.id);
        for type_ in connector.auth.iter().filter(meant) {
            let mut names = Names::of_fields(connector, type_);
            names.add("redirect_uri", FieldType::Url, false);
            self.template(at, text, &names);
            if let Some(secret) =
                text.variables().find(|name| names.get(name).is_some_and(|known| known.secret))
            {
                self.add(at, format!("{{{secret}}} is a secret and is shown to nobody"));
            }
        }
    }
}
