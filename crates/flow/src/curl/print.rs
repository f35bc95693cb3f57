//! Writing a request as a command line.

use super::Command;

/// The request as a command line that a POSIX shell understands (bash where there are control characters).
pub fn print(command: &Command) -> String {
    let mut line = format!("curl --request {} --url {}", command.method.word(), quoted(&command.url));
    let mut add = |option: &str, value: &str| {
        line.push_str(" \\\n  ");
        line.push_str(option);
        line.push(' ');
        line.push_str(&quoted(value));
    };
    for (name, value) in &command.headers {
        let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        add("--header", &header);
    }
    if let Some((name, password)) = &command.basic {
        add("--user", &format!("{name}:{password}"));
    }
    if let Some(payload) = &command.body {
        add("--header", &format!("Content-Type: {}", payload.content_type));
        add("--data-raw", &payload.text);
    }
    line
}

fn quoted(text: &str) -> String {
    if text.chars().any(|character| character.is_control() && character != '\n') {
        let escaped: String = text.chars().map(escaped).collect();
        return format!("$'{escaped}'");
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn escaped(character: char) -> String {
    match character {
        '\\' => r"\\".to_owned(),
        '\'' => r"\'".to_owned(),
        control if control.is_control() => format!("\\U{:08X}", u32::from(control)),
        other => other.to_string(),
    }
}
