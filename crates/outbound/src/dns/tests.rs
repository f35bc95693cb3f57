use std::net::Ipv4Addr;

use super::*;
use crate::lab_dns::DnsStub;

const NAME: &str = "_gatehouse-verify.example.com";

async fn stub() -> (DnsStub, Dns) {
    let stub = DnsStub::start().await.unwrap();
    let dns = Dns::server(stub.address());
    (stub, dns)
}

#[tokio::test]
async fn a_record_published_after_a_failed_look_up_is_seen_at_once() {
    let (stub, dns) = stub().await;
    assert_eq!(dns.txt(NAME).await.unwrap(), Vec::<String>::new());
    stub.set_txt(NAME, ["gatehouse-verify=abc"]);
    assert_eq!(dns.txt(NAME).await.unwrap(), ["gatehouse-verify=abc"]);
    stub.set_txt(NAME, ["other", "gatehouse-verify=new"]);
    assert_eq!(dns.txt("_Gatehouse-Verify.EXAMPLE.com.").await.unwrap(), ["other", "gatehouse-verify=new"]);
    stub.remove(NAME);
    assert!(dns.txt(NAME).await.unwrap().is_empty());
    assert!(stub.asked() >= 4);
}

#[tokio::test]
async fn the_strings_of_one_record_are_joined() {
    let (stub, dns) = stub().await;
    let long = "x".repeat(700);
    stub.set_txt(NAME, [&*long]);
    assert_eq!(dns.txt(NAME).await.unwrap(), [long]);
}

#[tokio::test]
async fn an_answer_too_long_for_udp_comes_over_tcp() {
    let (stub, dns) = stub().await;
    let many: Vec<String> = (0..40).map(|n| format!("{n:0>200}")).collect();
    stub.set_txt(NAME, many.iter().map(String::as_str));
    assert_eq!(dns.txt(NAME).await.unwrap(), many);
}

#[tokio::test]
async fn a_name_that_exists_without_txt_has_none() {
    let (stub, dns) = stub().await;
    stub.set_addresses("example.com", [Ipv4Addr::new(192, 0, 2, 7).into()]);
    assert!(dns.txt("example.com").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_failing_server_is_not_a_missing_record() {
    let (stub, dns) = stub().await;
    stub.fail(NAME);
    assert!(matches!(dns.txt(NAME).await, Err(DnsError::Failure { .. })));
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn no_answer_is_a_timeout() {
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let dns = Dns::server(silent.local_addr().unwrap());
    let error = dns.txt(NAME).await.unwrap_err();
    assert!(matches!(error, DnsError::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn addresses_of_both_families_are_found() {
    let (stub, dns) = stub().await;
    let both: [IpAddr; 2] = ["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    stub.set_addresses("idp.example.com", both);
    assert_eq!(dns.addresses("idp.example.com").await.unwrap(), both);
}

#[tokio::test]
async fn the_setting_takes_a_host_and_a_port() {
    for good in [
        None,
        Some(""),
        Some("127.0.0.1:5353"),
        Some("127.0.0.1"),
        Some("[::1]:53"),
        Some("::1"),
        Some("localhost:53"),
    ] {
        assert!(Dns::from_setting(good).await.is_ok(), "{good:?}");
    }
    let error = Dns::from_setting(Some("127.0.0.1:dns")).await.unwrap_err();
    assert!(error.to_string().starts_with("GATEHOUSE_DNS_SERVER"));
    assert!(matches!(Dns::system().txt("a..b").await, Err(DnsError::BadName(_))));
}
