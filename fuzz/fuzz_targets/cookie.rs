//! What a browser brings along: cookies, the CSRF proof, the flash message, sealed values, return paths.
#![no_main]

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, header};
use axum::{Router, routing::get};
use gatehouse_store::{Binding, Sealed};
use gatehouse_testkit::{Kind, TestStore};
use gatehouse_types::OsRandom;
use gatehouse_web::{CookieKind, Cookies, Csrf, EdgeConfig, LocalPath, PublicUrl, Web, edge};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};
use tower::ServiceExt as _;

const KINDS: [CookieKind; 4] =
    [CookieKind::Session, CookieKind::CrossSitePost, CookieKind::Csrf, CookieKind::Flash];
const KEY: [u8; 32] = [7; 32];
const PLACE: Binding<'static> = Binding { table: "t", column: "c", row: "r" };

struct Here {
    runtime: tokio::runtime::Runtime,
    store: TestStore,
    router: Router,
    sealed: String,
}

static HERE: LazyLock<Here> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let store = runtime.block_on(TestStore::new(Kind::Sqlite));
    let here: PublicUrl = "https://gate.example".parse().expect("a URL");
    let config = EdgeConfig::new(here, store.store.ids().clone(), Arc::new(OsRandom), KEY);
    let router = edge(Router::new().route("/", get(page)), config);
    let sealed = store.store.keyring().seal_bytes(PLACE, b"honest").as_str().to_owned();
    Here { runtime, store, router, sealed }
});

/// As the console's pages do it.
async fn page(web: Web, headers: HeaderMap) -> String {
    let flash = web.take_flash(&headers);
    let _ = web.csrf_token(&headers);
    let _ = web.cookie_call_is_ours(&headers);
    flash.map_or_else(String::new, |f| f.text)
}

fn cookies(text: &str) {
    let Ok(value) = HeaderValue::from_str(text) else { return };
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, value.clone());
    headers.insert("x-csrf-token", value.clone());
    for url in ["https://gate.example", "http://127.0.0.1:8080"] {
        let cookies = Cookies::new(&url.parse().expect("a URL"));
        for kind in KINDS {
            if let Some(value) = cookies.get(&headers, kind) {
                let set = cookies.set(kind, value, Some(60)).expect("what was read can be written");
                assert!(!set.as_bytes().iter().any(|b| b.is_ascii_control()));
            }
        }
        assert!(!Csrf::new(KEY).verify_header(&headers, &cookies), "nobody guesses the proof");
    }
    let request = Request::get("/").header(header::COOKIE, value).body(Body::empty()).expect("a request");
    let answer = HERE.runtime.block_on(HERE.router.clone().oneshot(request)).expect("an answer");
    assert!(answer.status().is_success());
}

fuzz_target!(|data: &str| {
    cookies(data);
    let path = LocalPath::parse(data);
    assert!(path.as_str().starts_with('/') && !path.as_str().starts_with("//"));
    assert!(HeaderValue::from_str(path.as_str()).is_ok());
    let _ = data.parse::<PublicUrl>();
    for text in [data.to_owned(), format!("{}{data}", &HERE.sealed[..HERE.sealed.len() / 2])] {
        let opened = HERE.store.store.keyring().open_bytes(PLACE, &Sealed::from_stored(text.clone()));
        assert!(opened.is_err() || text == HERE.sealed, "only what we sealed opens");
    }
});
