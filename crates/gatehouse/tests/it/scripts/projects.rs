use serde_json::json;

use super::{JAVASCRIPT, PYTHON, import, imported, plain, send, zip_of};
use crate::support::{TestApp, on_both};

async fn r197_a_project_is_judged_before_it_is_kept(t: TestApp) {
    let owner = t.owner().await;
    let validate = async |files: &[(&str, &str)], language: &str| {
        let zip = zip_of(files);
        let settings = json!({"language": language});
        send(&owner, "POST", "/api/v1/scripts/validate", Some(("project.zip", &zip)), Some(&settings))
            .await
            .ok()
    };
    let good = validate(PYTHON, "python").await;
    assert_eq!((&good["valid"], &good["files"]), (&json!(true), &json!(2)), "{good}");
    let names: Vec<_> = good["functions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(names.contains(&"greet".to_owned()) && !names.contains(&"_hidden".to_owned()), "{names:?}");
    assert!(!names.contains(&"double".to_owned()), "what is imported is not offered: {names:?}");
    assert_eq!(validate(JAVASCRIPT, "javascript").await["valid"], true);
    for (files, code) in [
        (&[("main.py", "")][..], "main_empty"),
        (&[("main.py", "# nothing\n")], "main_empty"),
        (&[("helper.py", "x = 1")], "main_missing"),
        (&[("project/main.py", "def f(): pass")], "main_not_at_root"),
        (&[("main.py", "def f(:")], "syntax"),
        (&[("main.py", "x = 1")], "no_function"),
    ] {
        let judged = validate(files, "python").await;
        assert_eq!(judged["valid"], false);
        assert_eq!(judged["errors"][0]["code"], code, "{judged}");
        // and nothing of the kind is imported
        let error = import(&owner, files, plain("Bad", "python")).await.refused(400, "validation_error");
        assert_eq!(error["field"], "file");
    }
    assert_eq!(owner.get("/api/v1/scripts").await.ok()["pagination"]["totalItems"], 0);
}

async fn r196_only_archives_are_taken(t: TestApp) {
    let owner = t.owner().await;
    let settings = plain("Odd", "python");
    for (name, bytes) in [
        ("project.rar", &b"Rar!\x1a\x07\x01\x00rest"[..]),
        ("project.zip", b"no archive"),
        ("main.py", b"def f(): pass"),
    ] {
        let answer = send(&owner, "POST", "/api/v1/scripts", Some((name, bytes)), Some(&settings)).await;
        assert_eq!(answer.refused(400, "validation_error")["field"], "file");
    }
    let error =
        send(&owner, "POST", "/api/v1/scripts", None, Some(&settings)).await.refused(400, "validation_error");
    assert_eq!(error["field"], "file");
    owner.post("/api/v1/scripts", settings).await.refused(400, "validation_error");
    // a tar, and one that is compressed
    let body = b"def f(a): 1\n";
    let mut tar = vec![0u8; 512];
    tar[..7].copy_from_slice(b"main.py");
    tar[100..108].copy_from_slice(b"0000644\0");
    tar[124..136].copy_from_slice(format!("{:011o}\0", body.len()).as_bytes());
    tar[148..156].copy_from_slice(b"        ");
    tar[156] = b'0';
    tar[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = tar.iter().map(|b| u32::from(*b)).sum();
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend_from_slice(body);
    tar.resize(512 * 4, 0);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, &tar).unwrap();
    let gz = gz.finish().unwrap();
    for (name, bytes) in [("project.tar", &tar), ("project.tar.gz", &gz)] {
        let settings = plain(name, "python");
        send(&owner, "POST", "/api/v1/scripts", Some((name, bytes)), Some(&settings)).await.ok();
    }
}

async fn r195_r205_r206_r207_r208_settings_keep_their_bounds(t: TestApp) {
    let owner = t.owner().await;
    for (change, field) in [
        (json!({"languageVersion": "3.11.0"}), "languageVersion"),
        (json!({"language": "ruby"}), "language"),
        (json!({"timeoutSeconds": 29}), "timeoutSeconds"),
        (json!({"timeoutSeconds": 601}), "timeoutSeconds"),
        (json!({"minReplicas": 0}), "minReplicas"),
        (json!({"maxReplicas": 11}), "maxReplicas"),
        (json!({"minReplicas": 3, "maxReplicas": 2}), "minReplicas"),
        (json!({"maxReplicas": 2, "averageComputeUtilization": 0}), "averageComputeUtilization"),
        (json!({"hardwareProfile": "1vcpu-1gb"}), "hardwareProfile"),
        (json!({"environment": {"PATH": "/evil"}}), "environment.PATH"),
        (json!({"environment": {"A": null}}), "environment.A"),
        (json!({"name": ""}), "name"),
        (json!({"unknown": 1}), "unknown"),
    ] {
        let mut settings = plain("Bounded", "python");
        settings.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let error = import(&owner, PYTHON, settings).await.refused(400, "validation_error");
        assert_eq!(error["field"], field, "{error}");
    }
    let id = imported(&owner, PYTHON, plain("Bounded", "python")).await;
    let script = owner.get(&format!("/api/v1/scripts/{id}")).await.ok();
    assert_eq!(
        (&script["languageVersion"], &script["averageComputeUtilization"]),
        (&json!("3.10.15"), &json!(75))
    );
    assert_eq!(
        (&script["minReplicas"], &script["maxReplicas"], &script["timeoutSeconds"]),
        (&json!(1), &json!(1), &json!(60))
    );
    let profiles = owner.get("/api/v1/scripts/hardware-profiles").await.ok();
    let rates: Vec<_> = profiles
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["creditsPerHour"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(rates, ["0.07698", "0.15396", "0.144", "0.30792", "0.288"]);
}

async fn values_of_variables_are_not_shown_and_kept_when_nothing_is_said(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let settings = json!({"name": "Secretive", "language": "python", "environment": {"TOKEN": "s3cret-value", "PLAIN": "p"}});
    let id = imported(&owner, PYTHON, settings).await;
    let path = format!("/api/v1/scripts/{id}");
    let shown = owner.get(&path).await;
    assert!(!shown.body.contains("s3cret-value"), "{}", shown.body);
    assert_eq!(shown.ok()["environment"], json!({"PLAIN": null, "TOKEN": null}));
    owner.put(&path, json!({"environment": {"TOKEN": null, "NEW": "n"}})).await.ok();
    super::deployed(&owner, &id).await;
    let key = super::key_of(&owner, &id).await;
    for (name, value) in [("TOKEN", json!("s3cret-value")), ("NEW", json!("n")), ("PLAIN", json!(null))] {
        let answer = super::call(&owner, &id, &key, "variable", json!({"key": name})).await.ok();
        assert_eq!(answer["result"], value, "{name}");
    }
}

async fn r221_an_export_is_the_file_that_was_uploaded(t: TestApp) {
    let owner = t.owner().await;
    let zip = zip_of(PYTHON);
    let made = send(
        &owner,
        "POST",
        "/api/v1/scripts",
        Some(("my project.zip", &zip)),
        Some(&plain("Kept", "python")),
    )
    .await
    .ok();
    let path = format!("/api/v1/scripts/{}/export", made["id"].as_str().unwrap());
    let response = owner.request("GET", &path).send().await.unwrap();
    assert_eq!(response.headers()["content-length"], zip.len().to_string().as_str());
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"my_project.zip\"");
    assert_eq!(response.bytes().await.unwrap(), zip);
}

on_both!(
    r197_a_project_is_judged_before_it_is_kept,
    r196_only_archives_are_taken,
    r195_r205_r206_r207_r208_settings_keep_their_bounds,
    values_of_variables_are_not_shown_and_kept_when_nothing_is_said,
    r221_an_export_is_the_file_that_was_uploaded,
);
