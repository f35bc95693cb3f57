//! A package index of this machine: the simple index of Python (PEP 503) and a registry of npm, with packages that are
//! built here.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use axum::body::Body;
use axum::http::{Response, StatusCode, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatehouse_types::hex;
use serde_json::{Value, json};

/// The name of the index, and of a host that is none.
pub(super) const INDEX: &str = "packages.example.com";
pub(super) const ELSEWHERE: &str = "elsewhere.example.com";

type Files = Arc<Mutex<BTreeMap<String, (&'static str, Vec<u8>)>>>;

/// The index; it is shut down when this is dropped.
pub(crate) struct Index {
    port: u16,
    files: Files,
    asked: Arc<Mutex<Vec<String>>>,
    serving: tokio::task::AbortHandle,
}

impl Drop for Index {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Index {
    #[expect(clippy::disallowed_methods, reason = "the test is the outside")]
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (files, asked) = (Files::default(), Arc::<Mutex<Vec<String>>>::default());
        let (served, noted) = (files.clone(), asked.clone());
        let app = axum::Router::new().fallback(move |uri: Uri| {
            noted.lock().unwrap().push(uri.path().to_owned());
            let found = served.lock().unwrap().get(uri.path()).cloned();
            async move {
                match found {
                    Some((kind, bytes)) => {
                        Response::builder().header("content-type", kind).body(Body::from(bytes)).unwrap()
                    }
                    None => Response::builder().status(StatusCode::NOT_FOUND).body(Body::empty()).unwrap(),
                }
            }
        });
        let serving = tokio::spawn(async move { axum::serve(listener, app).await }).abort_handle();
        Self { port, files, asked, serving }
    }

    /// What was asked for until now; forgotten thereby.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    pub(crate) fn python(&self) -> String {
        format!("http://{INDEX}:{}/simple", self.port)
    }

    pub(crate) fn npm(&self) -> String {
        format!("http://{INDEX}:{}/npm/", self.port)
    }

    fn at(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port)
    }

    fn put(&self, path: String, kind: &'static str, bytes: Vec<u8>) {
        self.files.lock().unwrap().insert(path, (kind, bytes));
    }

    /// Offers a wheel with one module; the answer is its checksum.
    pub(super) fn offer_wheel(&self, name: &str, version: &str, module: &str) -> String {
        self.wheel_at(INDEX, name, version, module)
    }

    /// The same with its file on another host.
    pub(super) fn wheel_at(&self, host: &str, name: &str, version: &str, module: &str) -> String {
        let wheel = wheel(name, version, module);
        let sum = hex(digest(&SHA256, &wheel).as_ref());
        let path = format!("/files/{name}-{version}-py3-none-any.whl");
        let page = format!(
            "<!DOCTYPE html><html><body><a href=\"{}#sha256={sum}\">{name}-{version}-py3-none-any.whl</a></body></html>",
            self.at(host, &path)
        );
        self.put(path, "application/octet-stream", wheel);
        self.put(format!("/simple/{name}/"), "text/html", page.into_bytes());
        sum
    }

    /// Offers a package as source alone, whose building would run code.
    pub(super) fn offer_source(&self, name: &str, version: &str) {
        let folder = format!("{name}-{version}");
        let setup = "import setuptools\nsetuptools.setup()\n";
        let source = tarball(&[
            (&format!("{folder}/setup.py"), setup),
            (&format!("{folder}/PKG-INFO"), "Metadata-Version: 2.1\n"),
        ]);
        let path = format!("/files/{folder}.tar.gz");
        let page =
            format!("<html><body><a href=\"{}\">{folder}.tar.gz</a></body></html>", self.at(INDEX, &path));
        self.put(path, "application/octet-stream", source);
        self.put(format!("/simple/{name}/"), "text/html", page.into_bytes());
    }

    /// Offers a package of npm with a main file and more in its `package.json`; the answer is what a lock says of it.
    pub(super) fn offer_npm(&self, name: &str, version: &str, main: &str, more: &Value) -> Value {
        self.npm_at(INDEX, name, version, main, more)
    }

    /// The same with its file on another host.
    pub(super) fn npm_at(&self, host: &str, name: &str, version: &str, main: &str, more: &Value) -> Value {
        let mut package = json!({"name": name, "version": version, "main": "index.js"});
        package.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let tarball = tarball(&[("package/package.json", &package.to_string()), ("package/index.js", main)]);
        let integrity = format!("sha512-{}", STANDARD.encode(digest(&SHA512, &tarball)));
        let path = format!("/npm/{name}/-/{name}-{version}.tgz");
        let url = self.at(host, &path);
        let mut listed = package.clone();
        listed["dist"] = json!({"tarball": url, "integrity": integrity});
        if more.get("scripts").is_some() {
            listed["hasInstallScript"] = json!(true);
        }
        let document = json!({"name": name, "dist-tags": {"latest": version}, "versions": {version: listed}});
        self.put(path, "application/octet-stream", tarball);
        self.put(format!("/npm/{name}"), "application/json", document.to_string().into_bytes());
        json!({"version": version, "resolved": url, "integrity": integrity})
    }
}

/// A wheel with one module (PEP 427).
fn wheel(name: &str, version: &str, module: &str) -> Vec<u8> {
    let info = format!("{name}-{version}.dist-info");
    let files = [
        (format!("{name}.py"), module.to_owned()),
        (format!("{info}/METADATA"), format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")),
        (
            format!("{info}/WHEEL"),
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n".to_owned(),
        ),
    ];
    let line = |(path, text): &(String, String)| {
        let sum = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()));
        format!("{path},sha256={sum},{}\n", text.len())
    };
    let record: String = files.iter().map(line).collect::<String>() + &format!("{info}/RECORD,,\n");
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (path, text) in files.into_iter().chain([(format!("{info}/RECORD"), record)]) {
        writer.start_file(path, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn tarball(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}
