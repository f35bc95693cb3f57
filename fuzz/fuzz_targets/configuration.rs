//! The settings: a file, or, behind a line `--- environment`, variables as NAME=value.
#![no_main]

use gatehouse::{Overrides, Settings};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static DIR: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a directory"));

fuzz_target!(|data: &str| {
    let (text, variables) = data.split_once("--- environment\n").unwrap_or((data, ""));
    let file = DIR.path().join(format!("{}.toml", std::process::id()));
    std::fs::write(&file, text).expect("the file is written");
    let variables =
        variables.lines().filter_map(|l| l.split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned()));
    match Settings::load(Some(&file), variables, Overrides::new()) {
        Ok(settings) => {
            assert!(settings.public_url.is_some() || settings.listen.ip().is_loopback());
            let _ = settings.public_url_at(settings.listen);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
