//! Actions and their parameters.

use super::{Check, Names};
use crate::limits;
use crate::model::{
    Action, Body, BodyFormat, ConnectorType, FieldType, Paging, PagingStyle, Parameter, ParameterPlace,
    ParameterType,
};

impl Check {
    pub(super) fn actions(&mut self, connector: &ConnectorType) {
        self.most("actions", connector.actions.len(), limits::ACTIONS);
        for (index, action) in connector.actions.iter().enumerate() {
            let at = format!("action {}", action.id);
            if connector.actions.iter().take(index).any(|other| other.id == action.id) {
                self.add(&at, "the id is there twice");
            }
            self.line(&at, &action.label, limits::LABEL_CHARS);
            if let Some(text) = &action.description {
                self.line(&at, text, limits::LINE_CHARS);
            }
            self.parameters(&at, action);
            self.action_path(&at, connector, action);
            self.body(&at, action);
            if let Some(paging) = &action.paging {
                self.paging(&at, paging);
            }
        }
    }

    fn parameters(&mut self, at: &str, action: &Action) {
        self.most(at, action.parameters.len(), limits::PARAMETERS);
        for (index, parameter) in action.parameters.iter().enumerate() {
            let at = format!("{at} {}", parameter.key);
            if action.parameters.iter().take(index).any(|other| other.key == parameter.key) {
                self.add(&at, "the parameter is there twice");
            }
            if let Some(label) = &parameter.label {
                self.line(&at, label, limits::LABEL_CHARS);
            }
            if let Some(help) = &parameter.help {
                self.line(&at, help, limits::LINE_CHARS);
            }
            self.parameter_place(&at, action, parameter);
        }
    }

    fn parameter_place(&mut self, at: &str, action: &Action, parameter: &Parameter) {
        if parameter.pointer.is_some() && parameter.place != ParameterPlace::Body {
            self.add(at, "`pointer` is for the body");
        }
        if parameter.style.is_some() && !style_counts(action, parameter) {
            self.add(at, "`style` is for lists and objects in the query or in a form");
        }
        if parameter.pointer.as_ref().is_some_and(|pointer| pointer.as_str().is_empty()) {
            self.add(at, "for the whole body, the body says `whole`");
        }
        match parameter.place {
            ParameterPlace::Path if !action.path.variables().any(|name| name == parameter.key.as_str()) => {
                self.add(at, "is not in the path");
            }
            ParameterPlace::Header => {
                self.header_name(at, parameter.name.as_deref().unwrap_or(parameter.key.as_str()))
            }
            ParameterPlace::Body if action.body.is_none() => {
                self.add(at, "goes into a body, but the action has none")
            }
            _ => {}
        }
        if parameter.kind == ParameterType::File && parameter.place != ParameterPlace::Body {
            self.add(at, "a file goes into the body");
        }
    }

    /// The path with the values of every authentication type.
    fn action_path(&mut self, at: &str, connector: &ConnectorType, action: &Action) {
        for auth in &connector.auth {
            let mut names = Names::of_connection(connector, auth);
            let base = self.base(at, action.base.as_ref(), connector, auth);
            self.headers(at, &action.headers, &names);
            for parameter in
                action.parameters.iter().filter(|parameter| parameter.place == ParameterPlace::Path)
            {
                names.add(parameter.key.as_str(), FieldType::Text, false);
            }
            self.path(&format!("{at} path"), base, &action.path, &names);
        }
    }

    fn body(&mut self, at: &str, action: &Action) {
        let Some(body) = &action.body else { return };
        let parameter = |key: &str| action.parameters.iter().find(|parameter| parameter.key.as_str() == key);
        if let Some(whole) = &body.whole {
            match parameter(whole.as_str()) {
                Some(found) if found.place == ParameterPlace::Body => {
                    if (body.format == BodyFormat::Bytes) != (found.kind == ParameterType::File) {
                        self.add(at, "a file as the whole body has the format bytes, and nothing else has");
                    }
                }
                _ => self.add(at, format!("`whole` names {whole}, which is no parameter with in = \"body\"")),
            }
            let others =
                action.parameters.iter().filter(|parameter| parameter.place == ParameterPlace::Body).count();
            if others > 1 || body.constant.is_some() {
                self.add(at, "nothing can be put beside the parameter that is the `whole` body");
            }
        } else if body.format == BodyFormat::Bytes {
            self.add(at, "the format bytes needs `whole`");
        }
        self.body_template(at, action, body);
    }

    fn body_template(&mut self, at: &str, action: &Action, body: &Body) {
        let textual = matches!(body.format, BodyFormat::Xml | BodyFormat::Text);
        if (textual && body.whole.is_none()) != body.template.is_some() {
            self.add(at, "`template` belongs to the formats xml and text, and they need one");
        }
        let Some(template) = &body.template else { return };
        for variable in template.variables() {
            let known = action.parameters.iter().any(|parameter| parameter.key.as_str() == variable);
            if !known {
                self.add(at, format!("{{{variable}}} in the body is no parameter"));
            }
        }
    }

    fn paging(&mut self, at: &str, paging: &Paging) {
        let style = paging.style;
        let counts = matches!(style, PagingStyle::Page | PagingStyle::Offset);
        let marked = matches!(style, PagingStyle::Cursor | PagingStyle::LastItem);
        if (counts || marked) != (paging.parameter.is_some() || paging.body_pointer.is_some()) {
            self.add(at, "paging by page, offset, cursor or last_item needs `parameter` or `body_pointer`; the others have none");
        }
        if (marked || style == PagingStyle::NextUrl) != paging.next.is_some() {
            self.add(at, "paging by next_url, cursor or last_item needs `next`; the others have none");
        }
        if paging.first.is_some() && style != PagingStyle::Page {
            self.add(at, "`first` is for paging by page");
        }
        if paging.size == Some(0) || paging.size.is_some() && paging.size_parameter.is_none() {
            self.add(at, "`size` is more than nothing and needs `size_parameter`");
        }
    }
}

/// Whether several values under one name can occur.
fn style_counts(action: &Action, parameter: &Parameter) -> bool {
    let form = action.body.as_ref().is_some_and(|body| body.format == BodyFormat::Form);
    let several = matches!(parameter.kind, ParameterType::Array | ParameterType::Object | ParameterType::Any);
    several && (parameter.place == ParameterPlace::Query || parameter.place == ParameterPlace::Body && form)
}
