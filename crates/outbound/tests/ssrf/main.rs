//! Server-side request forgery: every known form of an address inside is tried against the one door, and a server inside
//! counts who comes. Each form is tried directly and through a proxy, and once with the door open: then it must get
//! through, so that a form which leads nowhere by itself proves nothing.

#![allow(clippy::unwrap_used, reason = "a test fails where its expectation does")]
#![expect(
    clippy::disallowed_methods,
    reason = "the servers of the attacker and of the inside are the test's"
)]

mod forms;
mod names;
mod web;

use std::collections::BTreeSet;
use std::time::Duration;

use forms::{DOWNGRADE, Form, PUBLIC, Stop};
use gatehouse_outbound::egress::Policy;
use gatehouse_outbound::{Dns, Error, Http, HttpConfig, Limits, Refusal, Response};
use names::{NameServer, Rounds};
use web::{SECRET, Web, hop};

/// The addresses that are public in these tests: the attacker's own server is there.
const OUTSIDE: &str = "127.0.0.3";
const INSIDE: &str = "127.0.0.1";
/// What an operator would have to write to open everything.
const EVERYTHING: &str = "0.0.0.0/0 ::/0 169.254.169.254 169.254.170.2 100.100.100.200 192.0.0.192 168.63.129.16 \
                          fd00:ec2::254 fd20:ce::254";

/// Names that change, at the attacker's name server.
const TURNING: &[(&str, Rounds)] = &[
    ("turns.example.test", &[&[OUTSIDE], &[INSIDE]]),
    ("turns-to-alias.example.test", &[&[OUTSIDE], &["->inside.example.test"]]),
    ("alias-that-turns.example.test", &[&["=>turned.example.test"]]),
    ("turned.example.test", &[&[OUTSIDE], &[INSIDE]]),
    ("turns-in-between.example.test", &[&[OUTSIDE], &[INSIDE]]),
    ("turns-after-redirect.example.test", &[&[OUTSIDE], &[INSIDE]]),
    ("both.example.test", &[&[INSIDE, OUTSIDE]]),
    ("both-turned.example.test", &[&[OUTSIDE, INSIDE]]),
    ("both-by-alias.example.test", &[&["->both.example.test"]]),
];

struct World {
    names: NameServer,
    outside: Web,
    inside: Web,
    proxy: Web,
}

impl World {
    async fn new() -> Self {
        let names = NameServer::start(forms::zone().into_iter().chain(TURNING.iter().copied())).await;
        let (outside, inside) = Web::pair(OUTSIDE, INSIDE).await;
        Self { names, outside, inside, proxy: Web::start("127.0.0.1:0").await }
    }

    fn config(&self, allow: &str) -> HttpConfig {
        HttpConfig::new(Policy::from_setting(allow).unwrap(), Dns::server(self.names.address))
    }

    fn client(&self) -> Http {
        Http::new(self.config(OUTSIDE)).unwrap()
    }

    fn proxied(&self, allow: &str) -> Http {
        let mut config = self.config(allow);
        config.proxy = Some(format!("http://{}", self.proxy.address).parse().unwrap());
        Http::new(config).unwrap()
    }

    fn port(&self) -> u16 {
        self.inside.address.port()
    }

    fn address(&self, form: &Form) -> String {
        let url = form.url.replace("{port}", &self.port().to_string());
        match form.by {
            None => url,
            Some(status) => format!("http://{PUBLIC}:{}{}", self.port(), hop(status, &url)),
        }
    }

    fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port())
    }
}

async fn call(http: &Http, url: &str) -> Result<Response, Error> {
    http.get(url, Limits { timeout: Duration::from_secs(5), ..Limits::default() }).await
}

/// Whether this is the refusal that the form shall meet.
fn is_stopped(result: &Result<Response, Error>, stop: Stop) -> bool {
    match (result, stop) {
        (Err(Error::Refused { reason: Refusal::Address(_), .. }), stop) => stop == Stop::Address,
        (Err(error), Stop::Always(code)) => error.code() == code,
        _ => false,
    }
}

#[test]
fn the_table_is_long_and_says_nothing_twice() {
    let forms = forms::all();
    assert!(forms.len() >= 60, "{}", forms.len());
    let names: BTreeSet<_> = forms.iter().map(|f| &f.name).collect();
    assert_eq!(names.len(), forms.len(), "a name twice");
    let written: BTreeSet<_> = forms.iter().map(|f| (f.by, &f.url)).collect();
    assert_eq!(written.len(), forms.len(), "a form twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_form_reaches_a_server_inside() {
    let world = World::new().await;
    let http = world.client();
    let mut wrong = Vec::new();
    for form in forms::all() {
        let result = call(&http, &world.address(&form)).await;
        if !is_stopped(&result, form.stop) || world.inside.connections() > 0 {
            wrong.push(format!("{}: {result:?}, {} connections", form.name, world.inside.connections()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(world.outside.reached(), 0, "the attacker's server only redirects");
    // the server that nobody reached is there
    let open = Http::new(world.config(INSIDE)).unwrap();
    assert_eq!(call(&open, &world.url(INSIDE, "/")).await.unwrap().text().unwrap(), SECRET);
    assert_eq!(world.inside.connections(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_form_is_handed_to_a_proxy_unless_it_is_allowed() {
    let world = World::new().await;
    let (closed, open) = (world.proxied(OUTSIDE), world.proxied(EVERYTHING));
    let mut wrong = Vec::new();
    for form in forms::all() {
        let (url, before) = (world.address(&form), world.proxy.reached());
        let result = call(&closed, &url).await;
        if !is_stopped(&result, form.stop) || world.proxy.reached() > before {
            wrong.push(format!("{}: {result:?}, {} reached", form.name, world.proxy.reached() - before));
        }
        let before = world.proxy.reached();
        let result = call(&open, &url).await;
        let came = world.proxy.reached() > before;
        let as_told = if form.stop == Stop::Address { came } else { !came && is_stopped(&result, form.stop) };
        if !as_told {
            wrong.push(format!("{} with the door open: {result:?}, reached: {came}", form.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn an_encrypted_hop_does_not_lead_inside() {
    let world = World::new().await;
    let (hops, certificate) = Web::start_tls("127.0.0.3:0", PUBLIC).await;
    let mut config = world.config(OUTSIDE);
    config.extra_roots = Some(certificate);
    let http = Http::new(config).unwrap();
    let port = hops.address.port();
    for status in [301, 302, 303, 307, 308] {
        for (target, downgrade) in [(DOWNGRADE, true), ("https://127.0.0.1:{port}/x", false)] {
            let target = target.replace("{port}", &world.port().to_string());
            let result = call(&http, &format!("https://{PUBLIC}:{port}{}", hop(status, &target))).await;
            let reason = match &result {
                Err(Error::Refused { reason, .. }) => reason,
                other => panic!("{status} to {target}: {other:?}"),
            };
            assert_eq!(*reason == Refusal::Downgrade, downgrade, "{status} to {target}: {reason:?}");
        }
    }
    assert_eq!((hops.connections(), world.inside.connections()), (10, 0));
}

#[tokio::test]
async fn a_name_that_turns_inside_is_refused_at_its_next_look_up() {
    let world = World::new().await;
    let http = world.client();
    for name in ["turns.example.test", "turns-to-alias.example.test", "alias-that-turns.example.test"] {
        let first = call(&http, &world.url(name, "/")).await.unwrap();
        assert_eq!(first.text().unwrap(), SECRET, "{name}: the attacker's own server answers");
        let second = call(&http, &world.url(name, "/")).await;
        assert!(is_stopped(&second, Stop::Address), "{name}: {second:?}");
    }
    assert_eq!((world.outside.connections(), world.inside.connections()), (3, 0));
}

#[tokio::test]
async fn a_call_goes_by_one_look_up() {
    let world = World::new().await;
    let name = "turns-in-between.example.test";
    call(&world.client(), &world.url(name, "/")).await.unwrap();
    assert_eq!(world.names.asked(name), 1);
    assert_eq!((world.outside.reached(), world.inside.connections()), (1, 0));
}

#[tokio::test]
async fn a_redirect_to_the_same_name_is_looked_up_and_judged_anew() {
    let world = World::new().await;
    let name = "turns-after-redirect.example.test";
    let path = hop(307, &world.url(name, "/x"));
    let result = call(&world.client(), &world.url(name, &path)).await;
    assert!(is_stopped(&result, Stop::Address), "{result:?}");
    assert_eq!((world.outside.connections(), world.inside.connections()), (1, 0));
}

#[tokio::test]
async fn of_an_answer_with_both_only_the_public_address_is_called_and_a_proxy_gets_neither() {
    let world = World::new().await;
    let (http, proxied) = (world.client(), world.proxied(OUTSIDE));
    for name in ["both.example.test", "both-turned.example.test", "both-by-alias.example.test"] {
        assert!(call(&http, &world.url(name, "/")).await.is_ok(), "{name}");
        let handed = call(&proxied, &world.url(name, "/")).await;
        assert!(is_stopped(&handed, Stop::Address), "{name}: {handed:?}");
    }
    assert_eq!((world.outside.reached(), world.inside.connections(), world.proxy.connections()), (3, 0, 0));
}
