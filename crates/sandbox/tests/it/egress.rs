//! Ways out: what is allowed works for ordinary clients, everything else is refused soon and told.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gatehouse_sandbox::{Dial, Dialing, Egress, LaunchError, Mode, Refusal, Replica, Sandbox, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::workshop::{ATTEMPT, Project, call, node, program, python, sandbox, short_job, value};

/// The outside of these tests: names of servers that run here; nothing else is reached.
#[derive(Default)]
struct Outside {
    servers: HashMap<String, SocketAddr>,
    asked: Mutex<Vec<String>>,
}

impl Dial for Outside {
    #[expect(clippy::disallowed_methods, reason = "the test is the outside")]
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> Dialing<'a> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(format!("{host}:{port}"));
            let Some(server) = self.servers.get(host) else {
                return Err(Refusal("this range is private".to_owned()));
            };
            match tokio::net::TcpStream::connect(server).await {
                Ok(stream) => Ok(Box::new(stream) as Box<_>),
                Err(error) => Err(Refusal(error.to_string())),
            }
        })
    }

    fn knows<'a>(&'a self, host: &'a str) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(std::future::ready(!host.ends_with(".invalid")))
    }
}

/// A server that answers each connection with what `serve` does.
#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn server<F>(serve: impl Fn(tokio::net::TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn web() -> SocketAddr {
    server(|mut stream| async move {
        let mut request = [0; 2048];
        let length = stream.read(&mut request).await.unwrap_or(0);
        let host = String::from_utf8_lossy(&request[..length])
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("host: ").map(str::to_owned));
        let body = format!("hello from {}", host.unwrap_or_default());
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        let _ = stream.write_all(answer.as_bytes()).await;
    })
    .await
}

async fn echo() -> SocketAddr {
    server(|mut stream| async move {
        let (mut reading, mut writing) = stream.split();
        let _ = tokio::io::copy(&mut reading, &mut writing).await;
        let _ = writing.shutdown().await;
    })
    .await
}

fn list(entries: &[&str]) -> Egress {
    Egress::AllowList(entries.iter().map(|entry| (*entry).to_owned()).collect())
}

fn opened(outside: &Arc<Outside>) -> Sandbox {
    let scratch = std::env::temp_dir().join(format!("gatehouse-sandbox-tests-{}", std::process::id()));
    Sandbox::with_dial(Settings { program: program(), scratch }, outside.clone())
}

/// Launches with a network; `None` where this user may not make one, after that was told as it should be.
async fn launch(project: &Project, outside: &Arc<Outside>) -> Option<Replica> {
    let sandbox = opened(outside);
    let launched = sandbox.launch(project.spec(&sandbox, &["main"]).await).await;
    let allowed = std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun").is_ok();
    if sandbox.mode() == Mode::Rootless && !allowed {
        let refused = launched.expect_err("a network cannot be made without the device");
        assert!(matches!(&refused, LaunchError::Isolation { step, .. } if step == "tun"), "{refused:?}");
        let told = sandbox.probe().await.egress.expect("the probe tells of it");
        assert!(told.remedy.contains("/dev/net/tun"), "{told:?}");
        return None;
    }
    Some(launched.unwrap_or_else(|error| panic!("{error:#?}")))
}

async fn answer(project: &Project, outside: &Arc<Outside>) -> Option<(Value, Vec<String>)> {
    let replica = launch(project, outside).await?;
    let outcome = call(&replica, "main", json!({})).await.unwrap_or_else(|failure| panic!("{failure:#?}"));
    let told =
        outcome.logs.iter().map(|line| line.text.clone()).filter(|text| text.starts_with("egress")).collect();
    Some((value(&outcome), told))
}

#[tokio::test]
async fn ordinary_clients_reach_an_allowed_host_by_its_name() {
    let outside = Arc::new(Outside {
        servers: [("api.example.com".to_owned(), web().await)].into(),
        ..Outside::default()
    });
    let mut project = python(
        "import urllib.request\ndef main(): return urllib.request.urlopen('http://api.example.com:8080/', timeout=5).read().decode()\n",
    );
    project.egress = list(&["*.example.com"]);
    if let Some((found, told)) = answer(&project, &outside).await {
        assert_eq!(found, json!("hello from api.example.com:8080"));
        assert_eq!(told, ["egress: api.example.com:8080 allowed"]);
    }
    let mut project = node("exports.main = async () => (await fetch('http://API.example.com/')).text();\n");
    project.egress = Egress::Public;
    if let Some((found, told)) = answer(&project, &outside).await {
        assert_eq!(found, json!("hello from api.example.com"));
        assert_eq!(told, ["egress: api.example.com:80 allowed"]);
    }
}

#[tokio::test]
async fn a_host_that_is_not_on_the_list_has_no_address_and_that_is_told() {
    let outside = Arc::new(Outside {
        servers: [("evil.example.org".to_owned(), web().await)].into(),
        ..Outside::default()
    });
    let mut project = node(
        "exports.main = () => fetch('http://evil.example.org/').then(() => 'yes', (error) => error.cause.code);\n",
    );
    project.egress = list(&["*.example.com"]);
    let Some((found, told)) = answer(&project, &outside).await else { return };
    assert_eq!(found, json!("ENOTFOUND"));
    assert_eq!(told[0], "egress: evil.example.org refused: it is not on the list of allowed hosts");
    assert!(outside.asked.lock().unwrap().is_empty(), "nobody outside was asked");
}

#[tokio::test]
async fn addresses_are_judged_like_names() {
    let outside =
        Arc::new(Outside { servers: [("192.0.2.7".to_owned(), web().await)].into(), ..Outside::default() });
    let source = format!(
        "{ATTEMPT}\nimport socket\ndef reach(host, port):\n    socket.create_connection((host, port), 5).close()\n\
         def main(): return [attempt(lambda: reach('192.0.2.7', 80)), attempt(lambda: reach('169.254.169.254', 80)), attempt(lambda: reach('10.0.0.1', 22)), attempt(lambda: reach('198.19.255.1', 53)), attempt(lambda: reach('198.18.0.77', 80))]\n"
    );
    for (egress, asked) in [
        (Egress::Public, vec!["192.0.2.7:80", "169.254.169.254:80", "10.0.0.1:22"]),
        (list(&["192.0.2.7"]), vec!["192.0.2.7:80"]),
    ] {
        let mut project = python(&source);
        project.egress = egress;
        let began = Instant::now();
        let Some((found, told)) = answer(&project, &outside).await else { return };
        assert_eq!(found, json!(["done", "ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED"]));
        assert!(began.elapsed() < Duration::from_secs(5), "refusals come at once: {:?}", began.elapsed());
        assert_eq!(std::mem::take(&mut *outside.asked.lock().unwrap()), asked);
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(told[0], "egress: 192.0.2.7:80 allowed");
        assert!(told[1].starts_with("egress: 169.254.169.254:80 refused: "), "{told:?}");
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told_as_such() {
    let outside = Arc::new(Outside::default());
    let mut project = node(
        "exports.main = () => fetch('http://nowhere.invalid/').then(() => 'yes', (error) => error.cause.code);\n",
    );
    project.egress = Egress::Public;
    let Some((found, told)) = answer(&project, &outside).await else { return };
    assert_eq!(found, json!("ENOTFOUND"));
    assert_eq!(told[0], "egress: nowhere.invalid refused: there is no such name");
}

#[tokio::test]
async fn much_goes_both_ways_unharmed_and_ends_are_told() {
    let outside = Arc::new(Outside {
        servers: [("echo.example.com".to_owned(), echo().await)].into(),
        ..Outside::default()
    });
    let mut project = python(
        "import hashlib, os, socket, threading\ndef main():\n    data = os.urandom(8 << 20)\n    s = socket.create_connection(('echo.example.com', 7), 10)\n\
         \x20   def send():\n        s.sendall(data)\n        s.shutdown(socket.SHUT_WR)\n    threading.Thread(target=send).start()\n    got = bytearray()\n\
         \x20   while True:\n        part = s.recv(65536)\n        if not part: break\n        got += part\n    return [len(got), hashlib.sha256(got).digest() == hashlib.sha256(data).digest()]\n",
    );
    project.egress = Egress::Public;
    let Some((found, _)) = answer(&project, &outside).await else { return };
    assert_eq!(found, json!([8 << 20, true]));
}

#[tokio::test]
async fn a_server_that_breaks_off_is_a_broken_connection_inside() {
    let breaking = server(|mut stream| async move {
        let _ = stream.write_all(b"begun").await;
        let _ = stream.set_zero_linger();
    })
    .await;
    let outside = Arc::new(Outside {
        servers: [("broken.example.com".to_owned(), breaking)].into(),
        ..Outside::default()
    });
    let mut project = python(&format!(
        "{ATTEMPT}\nimport socket\ndef read():\n    s = socket.create_connection((\'broken.example.com\', 7), 10)\n    while s.recv(100): pass\ndef main(): return attempt(read)\n"
    ));
    project.egress = Egress::Public;
    let Some((found, _)) = answer(&project, &outside).await else { return };
    assert_eq!(found, json!("ECONNRESET"));
}

#[tokio::test]
async fn connections_beside_each_other_are_bounded() {
    let holding = server(|mut stream| async move {
        let _ = stream.read(&mut [0; 1]).await;
    })
    .await;
    let outside = Arc::new(Outside {
        servers: [("hold.example.com".to_owned(), holding)].into(),
        ..Outside::default()
    });
    let mut project = python(&format!(
        "{ATTEMPT}\nimport socket\ndef main():\n    kept = []\n    def more():\n        for _ in range(200): kept.append(socket.create_connection(('hold.example.com', 7), 10))\n    return [attempt(more), len(kept)]\n"
    ));
    project.egress = Egress::Public;
    project.limits.open_files = 512;
    let Some((found, told)) = answer(&project, &outside).await else { return };
    assert_eq!(found, json!(["ECONNREFUSED", 128]));
    assert!(told.last().unwrap().contains("128 connections"), "{told:?}");
}

#[tokio::test]
async fn datagrams_lead_nowhere_but_to_the_name_server() {
    let outside = Arc::new(Outside::default());
    let mut project = python(&format!(
        "{ATTEMPT}\nimport socket\ndef main():\n    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n    s.settimeout(2)\n    s.connect(('8.8.8.8', 53))\n    def ask():\n        s.send(b'x' * 30)\n        s.recv(100)\n    try: return attempt(ask)\n    except TimeoutError: return 'nothing'\n"
    ));
    project.egress = Egress::Public;
    let Some((found, _)) = answer(&project, &outside).await else { return };
    assert!(found == json!("ECONNREFUSED") || found == json!("nothing"), "{found}");
    assert!(outside.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_command_tells_what_was_decided_about_it() {
    let outside = Arc::new(Outside {
        servers: [("api.example.com".to_owned(), web().await)].into(),
        ..Outside::default()
    });
    let sandbox = opened(&outside);
    if sandbox.mode() == Mode::Rootless {
        // The device is judged by the other tests.
        return assert!(outside.asked.lock().unwrap().is_empty());
    }
    let code =
        "import urllib.request; print(urllib.request.urlopen('http://api.example.com/').read().decode())";
    let command = gatehouse_sandbox::Command {
        egress: list(&["api.example.com"]),
        ..short_job("/usr/bin/python3", &["-c", code])
    };
    let finished = sandbox.run(command).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&finished.stdout), "hello from api.example.com\n", "{finished:?}");
    let told: Vec<_> = finished.decisions.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["egress: api.example.com:80 allowed"]);
}

#[tokio::test]
async fn without_anybody_who_dials_there_is_no_network() {
    let mut project = python("def main(): pass\n");
    project.egress = Egress::Public;
    let refused = project.try_launch(&["main"]).await.unwrap_err();
    assert!(matches!(refused, LaunchError::BadRequest(_)), "{refused:?}");
    assert!(!sandbox().has_dial());
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn the_loopback_of_the_host_stays_out_of_reach() {
    let service = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = service.local_addr().unwrap().port();
    let outside = Arc::new(Outside::default());
    let mut project = python(&format!(
        "{ATTEMPT}\nimport socket\ndef main(): return attempt(lambda: socket.create_connection(('127.0.0.1', {port}), 5))\n"
    ));
    project.egress = Egress::Public;
    let Some((found, _)) = answer(&project, &outside).await else { return };
    assert_eq!(found, json!("ECONNREFUSED"));
    assert!(outside.asked.lock().unwrap().is_empty());
}
