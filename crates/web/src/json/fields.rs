//! Turns what serde says about a wrong value into a `validation_error` that names the field.

use gatehouse_types::Error;

/// The failure of the value at `path`, in words for the caller; the value itself is not repeated, it may be a secret.
pub(crate) fn wrong_field(path: &str, message: &str) -> Error {
    let message = without_position(message);
    let parent = if path == "." { "" } else { path };
    if let Some(name) = quoted_after(message, "missing field `") {
        let field = join(parent, name);
        return Error::validation(field.clone(), format!("{field} is required."));
    }
    if let Some(name) = quoted_after(message, "duplicate field `") {
        let field = join(parent, name);
        return Error::validation(field.clone(), format!("{field} is given more than once."));
    }
    if let Some(name) = quoted_after(message, "unknown field `") {
        let field = join(parent.strip_suffix(name).unwrap_or(parent).trim_end_matches('.'), name);
        return Error::validation(field.clone(), format!("There is no field {field} here."));
    }
    let field = if parent.is_empty() { "body".to_owned() } else { parent.to_owned() };
    Error::validation(field.clone(), explain(&field, message))
}

fn explain(field: &str, message: &str) -> String {
    if message.starts_with("unknown variant ") {
        if let Some((_, wanted)) = message.split_once(", expected ") {
            return format!("{field} must be {}.", wanted.replace('`', ""));
        }
        return format!("{field} has a value that is not known.");
    }
    if message.starts_with("invalid ")
        && let Some((_, wanted)) = message.rsplit_once(", expected ")
    {
        return format!("{field} must be {}.", plain(wanted));
    }
    sentence(message)
}

/// Says serde's type names in words of the API.
fn plain(wanted: &str) -> &str {
    if wanted.starts_with("struct ") {
        return "an object";
    }
    match wanted {
        "a sequence" => "a list",
        "a map" => "an object",
        "a boolean" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        other => other,
    }
}

fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if message.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

fn quoted_after<'m>(message: &'m str, start: &str) -> Option<&'m str> {
    message.strip_prefix(start)?.split_once('`').map(|(name, _)| name)
}

fn without_position(message: &str) -> &str {
    match message.rfind(" at line ") {
        Some(at) => &message[..at],
        None => message,
    }
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}
