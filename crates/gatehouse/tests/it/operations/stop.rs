//! How the server ends: what is in flight finishes, nothing new is taken, a second signal does not wait.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use gatehouse_testkit::Database;

use super::on_both_databases;
use crate::support::{PASSWORD, Program, Serving};

const OWNER: &str = "owner@acme.test";

/// A sign-in whose body is not yet sent; the server waits for it.
#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
fn begin_login(serving: &Serving) -> (TcpStream, String) {
    let body = format!(r#"{{"email":"{OWNER}","password":"{PASSWORD}"}}"#);
    let address = serving.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let head = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // the head is with the handler before the signal is sent
    std::thread::sleep(Duration::from_millis(300));
    (stream, body)
}

fn wait_for(serving: &Serving, words: &str) {
    for _ in 0..500 {
        if serving.log().contains(words) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("not in the log: {words}: {}", serving.log());
}

#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn what_is_in_flight_finishes_and_nothing_new_is_taken(database: Database) {
    let program = Program::on(&database);
    program.create_owner("Acme", OWNER);
    let mut serving = program.serve();
    let (mut stream, body) = begin_login(&serving);
    serving.signal("-TERM");
    wait_for(&serving, "stopping: finishing what is in flight");
    std::thread::sleep(Duration::from_millis(100));
    assert!(TcpStream::connect(serving.base.trim_start_matches("http://")).is_err());
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(serving.ended(Duration::from_secs(35)).code(), Some(0));
    assert!(serving.log().contains("\"message\":\"stopped\""));
}

async fn a_second_signal_stops_at_once(database: Database) {
    let program = Program::on(&database);
    program.create_owner("Acme", OWNER);
    for (first, second) in [("-TERM", "-TERM"), ("-INT", "-TERM")] {
        let mut serving = program.serve();
        let _unfinished = begin_login(&serving);
        serving.signal(first);
        wait_for(&serving, "stopping: finishing what is in flight");
        assert!(serving.child.try_wait().unwrap().is_none(), "it waits for what is in flight");
        serving.signal(second);
        assert_eq!(serving.ended(Duration::from_secs(5)).code(), Some(1));
    }
}

on_both_databases!(what_is_in_flight_finishes_and_nothing_new_is_taken, a_second_signal_stops_at_once);
