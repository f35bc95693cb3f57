mod npm;
mod plan;
mod python;

use super::*;

fn manifests(files: &[(&'static str, &str)]) -> Manifests {
    files.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())).collect()
}

fn judge(language: Language, files: &[(&'static str, &str)]) -> Result<Option<Wanted>, Vec<String>> {
    let findings = |all: Vec<Finding>| {
        all.into_iter().map(|f| format!("{}: {}", f.entry.unwrap_or_default(), f.message)).collect()
    };
    read(language, &manifests(files), &Indexes::default()).map_err(findings)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
