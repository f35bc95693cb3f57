//! Without egress nothing is reached but the sandbox's own loopback.

use serde_json::json;

use crate::workshop::{ATTEMPT, node, python};

const CONNECT: &str = "
import socket
def reach(host, port, family=socket.AF_INET):
    with socket.socket(family) as s:
        s.settimeout(3)
        s.connect((host, port))
";

async fn answer(expressions: &[String]) -> serde_json::Value {
    let list: String = expressions.iter().map(|code| format!("    attempt(lambda: {code}),\n")).collect();
    python(&format!("{ATTEMPT}{CONNECT}\ndef main():\n  return [\n{list}  ]\n")).answer().await
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn services_on_the_loopback_of_the_host_are_not_reached() {
    let service = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = service.local_addr().unwrap().port();
    let found = answer(&[format!("reach('127.0.0.1', {port})"), format!("reach('127.0.0.2', {port})")]).await;
    assert_eq!(found, json!(["ECONNREFUSED", "ECONNREFUSED"]));
}

#[tokio::test]
async fn metadata_services_private_and_public_addresses_are_not_reached() {
    let addresses =
        ["169.254.169.254", "10.0.0.1", "192.168.0.1", "172.17.0.1", "100.100.100.200", "1.1.1.1"];
    let calls: Vec<_> = addresses.iter().map(|address| format!("reach('{address}', 80)")).collect();
    assert_eq!(answer(&calls).await, json!(vec!["ENETUNREACH"; addresses.len()]));
    let six = ["fd00:ec2::254", "2606:4700:4700::1111", "fe80::1"];
    let calls: Vec<_> =
        six.iter().map(|address| format!("reach('{address}', 80, socket.AF_INET6)")).collect();
    let found: Vec<String> = serde_json::from_value(answer(&calls).await).unwrap();
    // A link-local address without an interface is wrong in itself.
    assert!(
        found.iter().all(|error| ["ENETUNREACH", "EADDRNOTAVAIL", "EINVAL"].contains(&error.as_str())),
        "{found:?}"
    );
}

#[tokio::test]
async fn abstract_sockets_of_the_host_are_not_reached() {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("gatehouse-test-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let _service = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    let code = format!("socket.socket(socket.AF_UNIX).connect('\\0{name}')");
    assert_eq!(answer(&[code]).await, json!(["ECONNREFUSED"]));
}

#[tokio::test]
async fn there_is_one_interface_and_no_route_out() {
    let found = python("import socket\ndef main(): return [[name for _, name in socket.if_nameindex()], open('/proc/net/route').read().count('\\n')]\n").answer().await;
    assert_eq!(found[0], json!(["lo"]));
    assert!(found[1].as_u64().unwrap() <= 1, "a heading at most: {found}");
}

#[tokio::test]
async fn names_are_not_resolved_and_that_is_told_soon() {
    let began = std::time::Instant::now();
    let found = python("import socket\ndef main():\n    try: return socket.getaddrinfo('example.com', 80)[0][4][0]\n    except socket.gaierror as error: return 'no'\n").answer().await;
    assert_eq!(found, json!("no"));
    let found = node(
        "exports.main = () => fetch('http://example.com/').then(() => 'yes', (error) => error.cause.code);\n",
    )
    .answer()
    .await;
    assert!(found.as_str().unwrap().starts_with("EAI_") || found == json!("ENOTFOUND"), "{found}");
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
}
