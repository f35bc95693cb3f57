use super::*;
use serde_json::{Value, json};

fn of(package: &Value) -> Result<Option<Wanted>, Vec<String>> {
    judge(Language::JavaScript, &[("package.json", &package.to_string())])
}

fn with(package: &Value, lock: &Value) -> Result<Option<Wanted>, Vec<String>> {
    judge(
        Language::JavaScript,
        &[("package.json", &package.to_string()), ("package-lock.json", &lock.to_string())],
    )
}

fn locked(name: &str, resolved: &str) -> Value {
    json!({"lockfileVersion": 3, "packages": {
        "": {"dependencies": {name: "1"}},
        format!("node_modules/{name}"): {"version": "1.0.0", "resolved": resolved, "integrity": "sha512-x"},
    }})
}

#[test]
fn packages_are_written_down_anew_without_anything_that_runs() {
    let package = json!({
        "name": "x", "type": "module", "scripts": {"postinstall": "curl evil", "test": "x"},
        "dependencies": {"left-pad": "^1.0.0", "@scope/a": "1 || >=2 <3", "b": "npm:@other/b@~1.2", "c": "*", "d": ""},
        "devDependencies": {"e": "latest"},
        "overrides": {"f": "1.0.0", "g@^2": {".": "2.1.0", "h": "$left-pad"}},
    });
    let wanted = of(&package).unwrap().unwrap();
    let kept: Value = serde_json::from_slice(&wanted.manifest).unwrap();
    let expected = json!({
        "name": "project", "private": true, "dependencies": package["dependencies"],
        "devDependencies": package["devDependencies"], "overrides": package["overrides"],
    });
    assert_eq!(kept, expected);
    assert!(wanted.lock().is_none());
    assert_eq!(wanted.warnings()[0].message, "Scripts of the project are not run: postinstall.");
}

#[test]
fn nothing_asked_is_nothing_to_do() {
    for package in [json!({}), json!({"dependencies": {}}), json!({"devDependencies": {"jest": "29"}})] {
        assert_eq!(of(&package), Ok(None));
    }
    assert_eq!(judge(Language::JavaScript, &[("requirements.txt", "-e .")]), Ok(None));
}

#[test]
fn packages_come_from_the_registry_alone() {
    for range in ["file:../x", "link:x", "workspace:*", "./x", "../x", "portal:x", "catalog:"] {
        let told = of(&json!({"dependencies": {"a": range}})).unwrap_err();
        let why = "a cannot be taken from a path. Put the files into the project and require them.";
        assert_eq!(told, [format!("package.json: dependencies: {why}")], "{range}");
    }
    for range in [
        "git+https://example.com/x.git",
        "git@example.com:x/y",
        "github:user/repo",
        "user/repo",
        "https://example.com/x.tgz",
        "http://10.0.0.1/x.tgz",
        "npm:x@user/repo",
        "npm:x@https://example.com",
    ] {
        let told = of(&json!({"dependencies": {"a": range}})).unwrap_err();
        let why = "a cannot be taken from an address or a repository. Name a version of the registry.";
        assert_eq!(told, [format!("package.json: dependencies: {why}")], "{range}");
    }
    for list in ["devDependencies", "optionalDependencies", "peerDependencies"] {
        assert!(of(&json!({list: {"a": "user/repo"}})).is_err(), "{list}");
    }
    assert!(of(&json!({"dependencies": {"a": "1"}, "overrides": {"b": {"c": "user/repo"}}})).is_err());
    assert!(of(&json!({"dependencies": {"a": "1"}, "overrides": {"b": "$../x"}})).is_err());
}

#[test]
fn odd_files_are_told() {
    for (package, message) in [
        (json!([]), "The file is no JSON object."),
        (json!({"dependencies": []}), "dependencies is no object of packages."),
        (json!({"dependencies": {"a": 1}}), "dependencies: a has no range of versions."),
        (json!({"dependencies": {"../x": "1"}}), "dependencies: \"../x\" is no name of a package."),
        (json!({"dependencies": {"": "1"}}), "dependencies: \"\" is no name of a package."),
        (
            json!({"dependencies": {"node_modules": "1"}}),
            "dependencies: \"node_modules\" is no name of a package.",
        ),
        (json!({"dependencies": {"a": "1;id"}}), "dependencies: a: \"1;id\" is no range of versions."),
        (json!({"workspaces": ["a"]}), "workspaces are not taken. Put the project into one package."),
        (json!({"overrides": "x"}), "overrides: they are no object."),
    ] {
        assert_eq!(of(&package), Err(vec![format!("package.json: {message}")]));
    }
    assert!(judge(Language::JavaScript, &[("package.json", "{")]).is_err());
    let many: serde_json::Map<_, _> = (0..501).map(|n| (format!("p{n}"), json!("1"))).collect();
    assert!(of(&json!({"dependencies": many})).unwrap_err()[0].contains("more than 500 packages"));
    let deep = (0..9).fold(json!("1"), |inner, _| json!({"a": inner}));
    assert!(of(&json!({"overrides": deep})).unwrap_err()[0].contains("nested too deep"));
}

#[test]
fn a_lock_is_judged_and_cleared_of_what_nobody_judged() {
    let package = json!({"dependencies": {"a": "1"}});
    let mut lock = locked("a", "https://registry.npmjs.org/a/-/a-1.0.0.tgz");
    lock["dependencies"] = json!({"a": {"version": "git+https://evil.example"}});
    lock["packages"]["node_modules/a"]["hasInstallScript"] = json!(true);
    lock["packages"]["node_modules/a/node_modules/@s/b"] = json!({"version": "1.0.0", "inBundle": true});
    let wanted = with(&package, &lock).unwrap().unwrap();
    let kept: Value = serde_json::from_slice(wanted.lock().unwrap().bytes()).unwrap();
    lock.as_object_mut().unwrap().remove("dependencies");
    assert_eq!(kept, lock);
    assert_eq!(wanted.lock().unwrap().scripts(), ["a"]);
    assert_eq!(wanted.warnings()[0].message, "The install scripts of these packages are not run: a.");
}

#[test]
fn a_lock_cannot_point_elsewhere() {
    let package = json!({"dependencies": {"a": "1"}});
    for resolved in [
        "https://evil.example/a.tgz",
        "http://registry.npmjs.org/a.tgz",
        "https://registry.npmjs.org:8443/a.tgz",
        "https://x@registry.npmjs.org/a.tgz",
        "git+ssh://git@example.com/a.git#1",
        "file:../a.tgz",
        "",
    ] {
        let told = with(&package, &locked("a", resolved)).unwrap_err();
        let why = "a does not come from the registry. Name a version of the registry.";
        assert_eq!(told, [format!("package-lock.json: {why}")], "{resolved}");
    }
    let mut lock = locked("a", "https://registry.npmjs.org/a.tgz");
    lock["packages"]["node_modules/a"]["integrity"] = json!("md5-x");
    assert!(with(&package, &lock).unwrap_err()[0].contains("has no checksum"));
    lock["packages"]["node_modules/a"] = json!({"version": "1.0.0", "integrity": "sha512-x"});
    assert!(with(&package, &lock).is_ok(), "npm may be set to leave addresses out");
    lock["packages"]["node_modules/a"]["version"] = json!("git+https://example.com/a.git");
    assert!(with(&package, &lock).unwrap_err()[0].contains("does not come from the registry"));
    for (place, entry) in [
        ("packages/a", json!({"version": "1.0.0"})),
        (
            "node_modules/../../x",
            json!({"resolved": "https://registry.npmjs.org/a.tgz", "integrity": "sha512-x"}),
        ),
        ("node_modules/a", json!({"resolved": "packages/a", "link": true})),
    ] {
        let lock = json!({"packages": {place: entry}});
        assert!(with(&package, &lock).unwrap_err()[0].contains("is a folder of the project"), "{place}");
    }
    assert!(with(&package, &json!({"dependencies": {}})).unwrap_err()[0].contains("npm 6 or older"));
    assert!(with(&package, &json!({"packages": {"": {"workspaces": ["x"]}}})).is_err());
    let many: serde_json::Map<_, _> = (0..5_001).map(|n| (format!("node_modules/p{n}"), json!({}))).collect();
    assert!(with(&package, &json!({"packages": many})).unwrap_err()[0].contains("more than 5000 packages"));
}

#[test]
fn a_registry_of_ones_own_counts_in_locks() {
    let indexes =
        Indexes::new(None, Some(("https://npm.example/repo/", vec!["files.example".to_owned()]))).unwrap();
    for (resolved, good) in [
        ("https://npm.example/repo/a.tgz", true),
        ("https://files.example/a.tgz", true),
        ("https://registry.npmjs.org/a/-/a-1.0.0.tgz", true),
        ("https://other.example/a.tgz", false),
        ("http://files.example/a.tgz", false),
    ] {
        let lock = locked("a", resolved).to_string();
        assert_eq!(Lock::read(Language::JavaScript, lock.as_bytes(), &indexes).is_ok(), good, "{resolved}");
    }
}
