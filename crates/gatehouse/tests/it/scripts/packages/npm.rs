use std::path::PathBuf;

use serde_json::json;

use super::{ELSEWHERE, Index, fails, folders, with_index_on_both};
use crate::scripts::{call, deployed, import, imported, key_of, plain};
use crate::support::TestApp;

const MAIN: &str = "const { weight } = require('parcel');\nmodule.exports = { weigh: () => weight(2), place: () => require.resolve('parcel') };\n";
const MODULE: &str = "exports.weight = (n) => 21 * n;\n";

async fn r201_packages_of_npm_are_found_installed_and_used(t: TestApp, index: Index) {
    index.offer_npm("inner", "0.1.0", "exports.factor = 21;\n", &json!({}));
    let main = "exports.weight = (n) => require('inner').factor * n;\n";
    index.offer_npm("parcel", "1.2.0", main, &json!({"dependencies": {"inner": "^0.1.0"}}));
    let owner = t.owner().await;
    let package = json!({"dependencies": {"parcel": "^1.0.0"}, "devDependencies": {"never": "1.0.0"}});
    index.offer_npm("never", "1.0.0", "", &json!({}));
    let project = [("main.js", MAIN), ("package.json", &package.to_string())];
    let id = imported(&owner, &project, plain("Parcels", "javascript")).await;
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    assert_eq!(call(&owner, &id, &key, "weigh", json!({})).await.ok()["result"], 42);
    let place = call(&owner, &id, &key, "place", json!({})).await.ok();
    assert_eq!(place["result"], "/deps/node_modules/parcel/index.js");
    let installed = folders(&t, "packages").remove(0).join("node_modules");
    assert!(installed.join("inner").is_dir() && !installed.join("never").exists());

    index.asked();
    index.offer_npm("parcel", "1.9.0", "exports.weight = () => 0;\n", &json!({}));
    owner.post_to(&format!("/api/v1/scripts/{id}/undeploy")).await.ok();
    deployed(&owner, &id).await;
    assert_eq!(call(&owner, &id, &key, "weigh", json!({})).await.ok()["result"], 42);
    assert_eq!(index.asked(), Vec::<String>::new());
    drop(index);
    owner.post_to(&format!("/api/v1/scripts/{id}/undeploy")).await.ok();
    deployed(&owner, &id).await;
    assert_eq!(folders(&t, "installing"), Vec::<PathBuf>::new());
}

async fn what_a_package_lock_says_is_installed_and_no_script_of_it_runs(t: TestApp, index: Index) {
    let script = json!({"scripts": {"postinstall": "node -e \"require('fs').writeFileSync('ran', '')\""}});
    let mut locked = index.offer_npm("parcel", "1.0.0", MODULE, &script);
    locked["hasInstallScript"] = json!(true);
    // what the registry has by now is newer
    index.offer_npm("parcel", "1.1.0", "exports.weight = () => 0;\n", &json!({}));
    let package = json!({"name": "project", "dependencies": {"parcel": "^1.0.0"}});
    let lock = json!({"name": "project", "lockfileVersion": 3, "requires": true, "packages": {
        "": package, "node_modules/parcel": locked,
    }});
    let owner = t.owner().await;
    let project = |lock: String| {
        [("main.js", MAIN.to_owned()), ("package.json", package.to_string()), ("package-lock.json", lock)]
    };
    let files = project(lock.to_string());
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let id = imported(&owner, &files, plain("Locked", "javascript")).await;
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    assert_eq!(call(&owner, &id, &key, "weigh", json!({})).await.ok()["result"], 42);
    let parcel = folders(&t, "packages").remove(0).join("node_modules/parcel");
    assert!(parcel.join("index.js").is_file() && !parcel.join("ran").exists());

    let mut wrong = lock.clone();
    wrong["packages"]["node_modules/parcel"]["integrity"] = json!(format!("sha512-{}==", "A".repeat(86)));
    let files = project(wrong.to_string());
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let (_, why) = fails(&owner, &files, "javascript").await;
    assert!(why.contains("EINTEGRITY"), "{why}");
    assert_eq!(folders(&t, "packages").len(), 1);
}

async fn a_failed_installation_of_npm_tells_its_words(t: TestApp, index: Index) {
    let owner = t.owner().await;
    let package = json!({"dependencies": {"nowhere-to-be-found": "1"}}).to_string();
    let main = "exports.f = () => 1;\n";
    let (_, why) = fails(&owner, &[("main.js", main), ("package.json", &package)], "javascript").await;
    assert!(why.starts_with("The packages could not be installed.\n"), "{why}");
    assert!(why.contains("404") && why.contains("nowhere-to-be-found"), "{why}");
    for hidden in ["/installation", "_logs", t.database.data_dir().to_str().unwrap(), "\u{1b}"] {
        assert!(!why.contains(hidden), "{hidden} in {why}");
    }
    assert_eq!(folders(&t, "packages"), Vec::<PathBuf>::new());
    drop(index);
}

async fn packages_of_npm_from_another_host_are_refused(t: TestApp, index: Index) {
    let locked = index.npm_at(ELSEWHERE, "parcel", "1.0.0", MODULE, &json!({}));
    let package = json!({"dependencies": {"parcel": "1.0.0"}});
    let owner = t.owner().await;
    let files = [("main.js", MAIN), ("package.json", &*package.to_string())];
    let (_, why) = fails(&owner, &files, "javascript").await;
    assert!(why.contains("parcel does not come from the registry"), "{why}");
    let lock =
        json!({"lockfileVersion": 3, "packages": {"": package, "node_modules/parcel": locked}}).to_string();
    let files = [files[0], files[1], ("package-lock.json", &lock)];
    let refused =
        import(&owner, &files, plain("Elsewhere", "javascript")).await.refused(400, "validation_error");
    assert!(
        refused["message"].as_str().unwrap().contains("parcel does not come from the registry"),
        "{refused}"
    );
    assert!(index.asked().iter().all(|path| !path.ends_with(".tgz")), "nothing was fetched from there");
}

with_index_on_both!(
    r201_packages_of_npm_are_found_installed_and_used,
    what_a_package_lock_says_is_installed_and_no_script_of_it_runs,
    a_failed_installation_of_npm_tells_its_words,
    packages_of_npm_from_another_host_are_refused,
);
