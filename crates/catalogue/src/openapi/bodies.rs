//! The body of an operation: the members of an object as parameters, or one parameter that is the whole.

use serde_json::Value;

use super::LeftOut;
use super::document::{Document, Node};
use super::parameters::Parameters;
use super::schema::{Properties, Shape, properties, shape};
use crate::limits::{MEMBERS, PARAMETERS, TOLD_NAME_BYTES};
use crate::model::{Body, BodyFormat, ParameterPlace, ParameterStyle, ParameterType};

/// Adds what an operation's body is made of. An error means that the operation cannot be called without.
pub(super) fn of<'a>(
    document: &Document<'a>,
    operation: &Node<'a>,
    parameters: &mut Parameters,
) -> Result<Option<Body>, LeftOut> {
    let Some(node) = operation.get("requestBody") else { return Ok(None) };
    let node = document.resolve(node)?;
    let required = node.is("required");
    let Some((format, media_type, media)) = chosen(document, &node) else {
        let why = node.refused("is of no media type that is made: JSON, forms, texts and bytes are");
        if required {
            return Err(why);
        }
        document.note(why);
        return Ok(None);
    };
    let body = Body { format, media_type, whole: None, constant: None, template: None };
    let maker = Maker { document, media: &media, help: node.text("description"), required };
    maker.make(body, parameters).map(Some)
}

/// The media type that is made: JSON before forms before the rest.
fn chosen<'a>(document: &Document<'a>, node: &Node<'a>) -> Option<(BodyFormat, Option<String>, Node<'a>)> {
    let content = node.get("content")?;
    let mut best: Option<(usize, BodyFormat, &str, Node<'a>)> = None;
    for (name, media) in content.members().take(MEMBERS) {
        let Some((rank, format)) = ranked(name) else {
            document.leave_out(&media, "a media type that is not made");
            continue;
        };
        if best.as_ref().is_none_or(|(before, ..)| rank < *before) {
            best = Some((rank, format, name, media));
        }
    }
    let (rank, format, name, media) = best?;
    // Only a JSON dialect and bytes of a kind have a type of their own.
    let own =
        (rank == 1 || format == BodyFormat::Bytes) && name.len() <= TOLD_NAME_BYTES && !name.contains('*');
    Some((format, own.then(|| name.to_owned()), media))
}

fn ranked(name: &str) -> Option<(usize, BodyFormat)> {
    if !name.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return None;
    }
    let kind = name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match kind.as_str() {
        "application/json" => (0, BodyFormat::Json),
        json if json.ends_with("+json") => (1, BodyFormat::Json),
        "*/*" | "application/*" => (2, BodyFormat::Json),
        "application/x-www-form-urlencoded" => (3, BodyFormat::Form),
        "multipart/form-data" => (4, BodyFormat::Multipart),
        "text/plain" => (5, BodyFormat::Text),
        "application/octet-stream" | "application/pdf" | "application/zip" => (6, BodyFormat::Bytes),
        bytes if ["image/", "audio/", "video/"].iter().any(|start| bytes.starts_with(start)) => {
            (7, BodyFormat::Bytes)
        }
        _ => return None,
    })
}

struct Maker<'m, 'a> {
    document: &'m Document<'a>,
    media: &'m Node<'a>,
    help: Option<&'a str>,
    required: bool,
}

impl<'a> Maker<'_, 'a> {
    fn make(&self, mut body: Body, parameters: &mut Parameters) -> Result<Body, LeftOut> {
        let schema = self.media.get("schema");
        let in_members = matches!(body.format, BodyFormat::Json | BodyFormat::Form | BodyFormat::Multipart);
        let members = match &schema {
            Some(schema) if in_members => properties(self.document, schema.clone())?,
            _ => None,
        };
        let nameable = |members: &Properties<'_>| {
            members.list.iter().all(|(name, _)| (1..=TOLD_NAME_BYTES).contains(&name.len()))
        };
        match members {
            Some(members) if members.list.len() <= parameters.room() && nameable(&members) => {
                for (name, schema) in &members.list {
                    let required = members.required.contains(name);
                    self.member(body.format, name, schema, required, parameters)?;
                }
                Ok(body)
            }
            _ => {
                let shape = schema.map_or_else(|| Ok(Shape::any()), |schema| shape(self.document, schema))?;
                self.whole(&mut body, shape, parameters)?;
                Ok(body)
            }
        }
    }

    fn member(
        &self,
        format: BodyFormat,
        name: &str,
        schema: &Node<'a>,
        required: bool,
        parameters: &mut Parameters,
    ) -> Result<(), LeftOut> {
        let mut shape = shape(self.document, schema.clone())?;
        if shape.read_only {
            return Ok(());
        }
        let list = shape.kind == ParameterType::Array;
        if format == BodyFormat::Multipart && shape.binary {
            shape = Shape {
                kind: ParameterType::File,
                choices: Vec::new(),
                default: None,
                example: None,
                ..shape
            };
        }
        let style = (format == BodyFormat::Form && list).then(|| self.form_style(name)).flatten();
        let parameter = parameters.add(self.document, schema, name, ParameterPlace::Body, shape);
        parameter.required = required;
        parameter.style = style;
        Ok(())
    }

    /// How a list is written in a form: each value under the name, unless `encoding` says otherwise.
    fn form_style(&self, name: &str) -> Option<ParameterStyle> {
        let encoding = self.media.get("encoding").and_then(|encoding| encoding.get(name));
        let Some(encoding) = encoding else { return Some(ParameterStyle::Repeat) };
        let explode = encoding.value.get("explode").and_then(Value::as_bool);
        match (encoding.text("style"), explode) {
            (Some("deepObject"), _) => None,
            (Some("spaceDelimited"), Some(false) | None) => Some(ParameterStyle::Space),
            (Some("pipeDelimited"), Some(false) | None) => Some(ParameterStyle::Pipe),
            (_, Some(false)) => Some(ParameterStyle::Comma),
            _ => Some(ParameterStyle::Repeat),
        }
    }

    /// One parameter is the body.
    fn whole(
        &self,
        body: &mut Body,
        mut shape: Shape<'a>,
        parameters: &mut Parameters,
    ) -> Result<(), LeftOut> {
        if parameters.room() == 0 {
            return Err(self.media.refused(format!("more than {PARAMETERS} parameters")));
        }
        match body.format {
            BodyFormat::Json => {}
            BodyFormat::Form | BodyFormat::Multipart => {
                if !matches!(shape.kind, ParameterType::Object | ParameterType::Any) {
                    return Err(self.media.refused("is a form of something else than an object"));
                }
                shape.kind = ParameterType::Object;
            }
            BodyFormat::Bytes => {
                shape = Shape { kind: ParameterType::File, help: shape.help, ..Shape::any() }
            }
            BodyFormat::Text | BodyFormat::Xml => {
                shape = Shape { kind: ParameterType::String, help: shape.help, ..Shape::any() };
            }
        }
        shape.help = self.help.or(shape.help);
        let parameter = parameters.add(self.document, self.media, "body", ParameterPlace::Body, shape);
        parameter.required = self.required;
        parameter.name = None;
        body.whole = Some(parameter.key.clone());
        Ok(())
    }
}
