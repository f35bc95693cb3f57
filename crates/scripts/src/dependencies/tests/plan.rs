use super::*;
use std::collections::HashSet;

fn installer(program: &str) -> Installer {
    Installer {
        program: program.to_owned(),
        before: Vec::new(),
        version: "0.13.9".to_owned(),
        interpreter: "/runtime/bin/python3".to_owned(),
        interpreter_version: "3.10.13".to_owned(),
        platform: "linux-x86_64-gnu".to_owned(),
    }
}

fn places() -> Places {
    Places { target: "/deps".to_owned(), cache: "/cache".to_owned() }
}

const HASHED: &str = "a==1 --hash=sha256:70761cfe03c773ceb22aa2f671b4757976145175cdfca038c02654d061d6dcc6\n";

#[test]
fn python_packages_are_resolved_and_installed_as_wheels_with_checksums() {
    let wanted = judge(Language::Python, &[("requirements.txt", "requests>=2\n")]).unwrap().unwrap();
    let (uv, indexes) = (installer("uv"), Indexes::default());
    let plan = wanted.plan(&uv, &indexes, &places());
    assert_eq!(plan.hosts, ["files.pythonhosted.org", "pypi.org"]);
    let resolve = plan.resolve.unwrap();
    assert_eq!(
        resolve.arguments.join(" "),
        "pip compile --generate-hashes --no-header --no-annotate --no-config --no-python-downloads --no-progress \
         --color never --cache-dir /cache --python /runtime/bin/python3 --index-url https://pypi.org/simple \
         --only-binary :all: --output-file requirements.lock requirements.in"
    );
    assert_eq!((resolve.folder.as_str(), resolve.writes), ("/deps", Some("requirements.lock")));
    assert_eq!(
        (resolve.inputs[0].name, text(&resolve.inputs[0].content)),
        ("requirements.in", "requests>=2\n")
    );

    let lock = Lock::read(Language::Python, HASHED.as_bytes(), &indexes).unwrap();
    let install = wanted.install(&lock, &uv, &indexes, &places());
    assert_eq!(
        install.arguments.join(" "),
        "pip install --require-hashes --compile-bytecode --link-mode copy --no-config --no-python-downloads \
         --no-progress --color never --cache-dir /cache --python /runtime/bin/python3 \
         --index-url https://pypi.org/simple --only-binary :all: --target /deps --requirements requirements.lock"
    );
    assert_eq!((install.inputs[0].name, text(&install.inputs[0].content)), ("requirements.lock", HASHED));
    assert_eq!(install.writes, None);

    let source = Indexes::default().building_from_source();
    let step = wanted.install(&lock, &uv, &source, &places());
    assert!(!step.arguments.contains(&"--only-binary".to_owned()));
}

#[test]
fn packages_of_npm_run_no_scripts() {
    let package = r#"{"dependencies":{"a":"1"}}"#;
    let wanted = judge(Language::JavaScript, &[("package.json", package)]).unwrap().unwrap();
    let (npm, indexes) = (installer("npm"), Indexes::default());
    let plan = wanted.plan(&npm, &indexes, &places());
    assert_eq!(plan.hosts, ["registry.npmjs.org"]);
    let common = "--ignore-scripts --no-audit --no-fund --no-update-notifier --no-progress --no-color --logs-max 0 \
         --fetch-retry-mintimeout 1000 --fetch-retry-maxtimeout 5000 --userconfig /dev/null/user --globalconfig /dev/null/global --cache /cache --registry https://registry.npmjs.org/";
    let resolve = plan.resolve.unwrap();
    assert_eq!(resolve.arguments.join(" "), format!("install --package-lock-only {common}"));
    let by_node =
        Installer { program: "node".to_owned(), before: vec!["npm-cli.js".to_owned()], ..npm.clone() };
    let step = wanted.plan(&by_node, &indexes, &places()).resolve.unwrap();
    assert_eq!((step.program.as_str(), step.arguments[0].as_str()), ("node", "npm-cli.js"));
    assert_eq!(resolve.writes, Some("package-lock.json"));
    let lock = br#"{"packages":{"node_modules/a":{"resolved":"https://registry.npmjs.org/a.tgz","integrity":"sha512-x"}}}"#;
    let lock = Lock::read(Language::JavaScript, lock, &indexes).unwrap();
    let install = wanted.install(&lock, &npm, &indexes, &places());
    assert_eq!(install.arguments.join(" "), format!("ci --omit=dev --no-bin-links {common}"));
    let names: Vec<_> = install.inputs.iter().map(|file| file.name).collect();
    assert_eq!(names, ["package.json", "package-lock.json"]);
}

#[test]
fn a_project_with_a_lock_needs_no_resolving() {
    let wanted = judge(Language::Python, &[("requirements.txt", HASHED)]).unwrap().unwrap();
    assert_eq!(wanted.plan(&installer("uv"), &Indexes::default(), &places()).resolve, None);
}

#[test]
fn the_key_is_that_of_all_that_makes_a_difference() {
    let (uv, indexes) = (installer("uv"), Indexes::default());
    let lock = Lock::read(Language::Python, HASHED.as_bytes(), &indexes).unwrap();
    let key = lock.key(&uv, &indexes);
    assert_eq!(key.len(), 64);
    assert_eq!(key, lock.clone().key(&uv, &indexes));
    let other = HASHED.replace("a==1", "a==2");
    let other = Lock::read(Language::Python, other.as_bytes(), &indexes).unwrap();
    let source = Indexes::default().building_from_source();
    let keys = HashSet::from([
        key,
        other.key(&uv, &indexes),
        lock.key(&uv, &source),
        lock.key(&Installer { version: "0.14".to_owned(), ..uv.clone() }, &indexes),
        lock.key(&Installer { interpreter_version: "3.10.14".to_owned(), ..uv.clone() }, &indexes),
        lock.key(&Installer { platform: "linux-aarch64-gnu".to_owned(), ..uv.clone() }, &indexes),
        // The same letters, divided otherwise.
        lock.key(
            &Installer {
                interpreter_version: "3.10.1".to_owned(),
                platform: "3linux-x86_64-gnu".to_owned(),
                ..uv.clone()
            },
            &indexes,
        ),
    ]);
    assert_eq!(keys.len(), 7);
    let elsewhere = Indexes::new(Some(("https://index.example/simple", vec![])), None).unwrap();
    assert!(keys.contains(&lock.key(&uv, &elsewhere)), "checksums say what it is, wherever it came from");
}

#[test]
fn an_index_is_a_plain_address() {
    let of = |url: &str| Indexes::new(Some((url, vec![])), Some((url, vec![])));
    assert!(of("https://packages.example/simple").is_ok());
    assert!(of("http://10.0.0.5:8081/simple").is_ok());
    for url in [
        "",
        "packages.example",
        "file:///srv",
        "https://u:p@x.example",
        "https://x.example/?a",
        "https://x.example/#a",
        "http://localhost:3141/root/pypi/+simple",
        "http://127.0.0.1:3141/simple",
        "http://[::1]:3141/simple",
    ] {
        assert_eq!(of(url).unwrap_err().field(), Some("pythonIndex"), "{url}");
    }
    for host in ["https://files.example", "files.example:8080", "Files.example", "", "a b"] {
        let refused = Indexes::new(Some(("https://b.example", vec![host.to_owned()])), None).unwrap_err();
        assert_eq!(refused.field(), Some("pythonFiles"), "{host}");
    }
    let own = Indexes::new(Some(("https://b.example/simple", vec!["a.example".to_owned()])), None).unwrap();
    let wanted = judge(Language::Python, &[("requirements.txt", "x")]).unwrap().unwrap();
    assert_eq!(wanted.plan(&installer("uv"), &own, &places()).hosts, ["a.example", "b.example"]);
}

#[test]
fn findings_become_one_refusal() {
    let findings =
        read(Language::Python, &manifests(&[("requirements.txt", "-e .\n./x\n")]), &Indexes::default());
    let error = refusal(&findings.unwrap_err()).unwrap();
    let told: Vec<_> = error.fields().collect();
    assert_eq!(told.len(), 2);
    assert!(
        told[0].0 == "file"
            && told[0].1.starts_with("requirements.txt:1: Packages cannot be taken from a folder")
    );
    assert!(refusal(&[]).is_none());
}
