use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::{ELSEWHERE, Index, fails, folders, with_index_on_both};
use crate::scripts::{call, deployed, imported, key_of, plain, send, settled, zip_of};
use crate::support::TestApp;

/// A main file that tells what it finds in a package.
const MAIN: &str = "import parcel\ndef weigh():\n    return parcel.weight(2)\ndef place():\n    return parcel.__file__\n\
                    def spoil():\n    open(parcel.__file__, 'w')\n";
const MODULE: &str = "def weight(n):\n    return 21 * n\n";

async fn r201_packages_of_python_are_found_installed_and_used(t: TestApp, index: Index) {
    index.offer_wheel("parcel", "1.2.0", MODULE);
    let owner = t.owner().await;
    let project = [("main.py", MAIN), ("requirements.txt", "parcel>=1\n")];
    let id = imported(&owner, &project, plain("Parcels", "python")).await;
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    assert_eq!(call(&owner, &id, &key, "weigh", json!({})).await.ok()["result"], 42);
    assert_eq!(call(&owner, &id, &key, "place", json!({})).await.ok()["result"], "/deps/parcel.py");
    let error = call(&owner, &id, &key, "spoil", json!({})).await.refused(422, "script_error");
    assert!(error["message"].as_str().unwrap().contains("Read-only file system"), "{error}");
    assert_eq!(folders(&t, "packages").len(), 1);

    // a later version does not come in by itself, and nothing is asked for
    index.asked();
    index.offer_wheel("parcel", "2.0.0", "def weight(n):\n    return 0\n");
    let path = format!("/api/v1/scripts/{id}");
    owner.post_to(&format!("{path}/undeploy")).await.ok();
    deployed(&owner, &id).await;
    assert_eq!(call(&owner, &id, &key, "weigh", json!({})).await.ok()["result"], 42);
    assert_eq!(index.asked(), Vec::<String>::new());
    drop(index);
    owner.post_to(&format!("{path}/undeploy")).await.ok();
    deployed(&owner, &id).await;
    assert_eq!(call(&owner, &id, &key, "weigh", json!({})).await.ok()["result"], 42);
    assert_eq!(folders(&t, "installing"), Vec::<PathBuf>::new());

    // kept as long as somebody may deploy it again, and for some hours afterwards
    let installed = folders(&t, "packages").remove(0);
    let used_at = std::fs::metadata(&installed).unwrap().modified().unwrap();
    let last_used = |at| std::fs::File::open(&installed).unwrap().set_modified(at).unwrap();
    let long_ago = used_at - Duration::from_secs(24 * 3_600);
    let sweep = async || {
        t.clock.advance(2 * 3_600);
        t.work().await;
        // a session does not last as long
        t.owner().await
    };
    owner.post_to(&format!("{path}/undeploy")).await.ok();
    last_used(long_ago);
    let owner = sweep().await;
    assert!(installed.is_dir(), "the script is there and can be deployed");
    owner.delete(&path).await.ok();
    last_used(used_at);
    sweep().await;
    assert!(installed.is_dir(), "it was used a moment ago");
    last_used(long_ago);
    sweep().await;
    assert_eq!(folders(&t, "packages"), Vec::<PathBuf>::new());
}

async fn packages_with_checksums_are_taken_as_they_are_and_others_refused(t: TestApp, index: Index) {
    let sum = index.offer_wheel("parcel", "1.0.0", MODULE);
    let owner = t.owner().await;
    let locked = format!("parcel==1.0.0 --hash=sha256:{sum}\n");
    let id = imported(&owner, &[("main.py", MAIN), ("requirements.txt", &locked)], plain("Locked", "python"))
        .await;
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    assert_eq!(call(&owner, &id, &key, "weigh", json!({})).await.ok()["result"], 42);

    // another project that asks for the same brings nothing anew
    index.asked();
    let other = [("main.py", "import parcel\ndef f():\n    return 1\n"), ("requirements.txt", &locked)];
    let other = imported(&owner, &other, plain("Other", "python")).await;
    deployed(&owner, &other).await;
    assert_eq!((index.asked().len(), folders(&t, "packages").len()), (0, 1));

    let wrong = format!("parcel==1.0.0 --hash=sha256:{}\n", "0".repeat(64));
    let (_, why) = fails(&owner, &[("main.py", MAIN), ("requirements.txt", &wrong)], "python").await;
    assert!(why.contains("Hash mismatch") && why.contains("parcel"), "{why}");
    assert_eq!(folders(&t, "packages").len(), 1);
}

async fn a_failed_installation_tells_the_words_of_the_installer(t: TestApp, index: Index) {
    let owner = t.owner().await;
    let project = [("main.py", MAIN), ("requirements.txt", "parcel==9.9\n")];
    let (id, why) = fails(&owner, &project, "python").await;
    assert!(why.starts_with("The packages could not be installed.\n"), "{why}");
    assert!(why.contains("parcel was not found in the package registry"), "{why}");
    for hidden in ["/installation", t.database.data_dir().to_str().unwrap(), "\u{1b}"] {
        assert!(!why.contains(hidden), "{hidden} in {why}");
    }
    assert_eq!(folders(&t, "packages"), Vec::<PathBuf>::new());
    // once the index has it, the same version of the project comes into service
    index.offer_wheel("parcel", "9.9", MODULE);
    deployed(&owner, &id).await;

    // what would have to be built runs code, so it is not taken
    index.offer_source("builds", "1.0");
    let project = [("main.py", "def f():\n    return 1\n"), ("requirements.txt", "builds\n")];
    let (_, why) = fails(&owner, &project, "python").await;
    assert!(why.contains("builds") && why.contains("no usable wheels"), "{why}");
}

async fn packages_of_another_host_are_not_fetched(t: TestApp, index: Index) {
    index.wheel_at(ELSEWHERE, "parcel", "1.0.0", MODULE);
    let owner = t.owner().await;
    let (_, why) = fails(&owner, &[("main.py", MAIN), ("requirements.txt", "parcel\n")], "python").await;
    let told = format!("egress: {ELSEWHERE} refused: it is not on the list of allowed hosts");
    assert!(why.contains(&told), "{why}");
    assert!(index.asked().iter().all(|path| !path.starts_with("/files/")), "nothing was fetched from there");
}

async fn a_redeployment_that_cannot_install_leaves_what_is_in_service(t: TestApp, index: Index) {
    index.offer_wheel("parcel", "1.0.0", MODULE);
    let owner = t.owner().await;
    let project = [("main.py", MAIN), ("requirements.txt", "parcel\n")];
    let id = imported(&owner, &project, plain("Parcels", "python")).await;
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    let worse = zip_of(&[("main.py", MAIN), ("requirements.txt", "parcel\nmissing\n")]);
    let path = format!("/api/v1/scripts/{id}");
    send(&owner, "POST", &format!("{path}/redeploy"), Some(("worse.zip", &worse)), None).await.ok();
    let script = settled(&owner, &id).await;
    assert_eq!(script["status"], "Deployed", "{script}");
    assert_eq!(call(&owner, &id, &key, "weigh", json!({})).await.ok()["result"], 42);
}

async fn many_who_ask_for_the_same_are_served_by_one_installation(t: TestApp, index: Index) {
    let owner = t.owner().await;
    let lock =
        |name: &str| format!("{name}==1.0.0 --hash=sha256:{}\n", index.offer_wheel(name, "1.0.0", MODULE));
    let make = async |name: &str, lock: &str| {
        let main = format!("def f():\n    return 1\n# {name}\n");
        imported(&owner, &[("main.py", &main), ("requirements.txt", lock)], plain(name, "python")).await
    };
    let asked = || index.asked().into_iter().filter(|path| path.starts_with("/files/")).count();
    let alone = make("Alone", &lock("single")).await;
    deployed(&owner, &alone).await;
    let of_one = asked();
    assert!(of_one > 0);
    let (shared, mut ids) = (lock("shared"), Vec::new());
    for name in ["One", "Two", "Three"] {
        ids.push(make(name, &shared).await);
    }
    for id in &ids {
        owner.post(&format!("/api/v1/scripts/{id}/deploy"), json!({"acceptTerms": true})).await.ok();
    }
    for id in &ids {
        assert_eq!(settled(&owner, id).await["status"], "Deployed");
    }
    assert_eq!((asked(), folders(&t, "packages").len()), (of_one, 2));
}

with_index_on_both!(
    r201_packages_of_python_are_found_installed_and_used,
    packages_with_checksums_are_taken_as_they_are_and_others_refused,
    a_failed_installation_tells_the_words_of_the_installer,
    packages_of_another_host_are_not_fetched,
    a_redeployment_that_cannot_install_leaves_what_is_in_service,
    many_who_ask_for_the_same_are_served_by_one_installation,
);
