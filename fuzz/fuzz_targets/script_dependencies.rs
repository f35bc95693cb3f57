//! The files of a project that name packages: requirements.txt, package.json and package-lock.json.
#![no_main]

use gatehouse_scripts::archive::{Finding, Manifests};
use gatehouse_scripts::dependencies::{Indexes, Installer, Lock, Places, Wanted, read};
use gatehouse_scripts::model::Language;
use libfuzzer_sys::fuzz_target;

fn told(findings: &[Finding]) {
    assert!(!findings.is_empty() && findings.iter().all(|finding| !finding.message.is_empty()));
}

/// What was written down anew reads the same, and names nothing outside the index.
fn good(language: Language, wanted: &Wanted) {
    let (indexes, word) = (Indexes::default(), String::new);
    let installer = Installer {
        program: word(),
        version: word(),
        interpreter: word(),
        interpreter_version: word(),
        platform: word(),
    };
    let places = Places { target: word(), cache: word() };
    let inputs = wanted.plan(&installer, &indexes, &places).resolve.map(|step| step.inputs);
    for input in inputs.iter().flatten().filter(|input| input.name == "requirements.in") {
        let text = std::str::from_utf8(&input.content).expect("text");
        assert!(!text.contains("://") && !text.lines().any(|line| line.starts_with('-')), "{text}");
        let again = read(language, &Manifests::from([("requirements.txt", input.content.clone())]), &indexes);
        assert_eq!(again.as_ref(), Ok(&Some(wanted.clone())));
    }
    if let Some(lock) = wanted.lock() {
        assert_eq!(Lock::read(language, lock.bytes(), &indexes).as_ref(), Ok(lock));
    }
}

fuzz_target!(|data: &[u8]| {
    let (first, second) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], Some(&data[at + 1..])),
        None => (data, None),
    };
    let mut node = Manifests::from([("package.json", first.to_vec())]);
    node.extend(second.map(|lock| ("package-lock.json", lock.to_vec())));
    let python = Manifests::from([("requirements.txt", data.to_vec())]);
    for (language, manifests) in [(Language::Python, python), (Language::JavaScript, node)] {
        match read(language, &manifests, &Indexes::default()) {
            Err(findings) => told(&findings),
            Ok(None) => {}
            Ok(Some(wanted)) => good(language, &wanted),
        }
    }
});
