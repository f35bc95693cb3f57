use super::*;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};

const KEY: &str = "gh_secret";

/// A server for one call: tells what it was asked, and answers it.
#[expect(clippy::disallowed_methods, reason = "the test is the server that is called")]
fn serve(
    status: &'static str,
    answer: &'static str,
) -> (Url, std::thread::JoinHandle<(String, String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/gate/", listener.local_addr().unwrap())).unwrap();
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        handle(stream, status, answer)
    });
    (url, thread)
}

fn handle(mut stream: TcpStream, status: &str, answer: &str) -> (String, String, Value) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.to_owned())
            .next()
            .unwrap_or_default()
    };
    assert_eq!(header("content-type"), "application/json");
    let mut body = vec![0; header("content-length").parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let length = answer.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
    )
    .unwrap();
    let line = head.lines().next().unwrap().to_owned();
    (line, header("x-api-key"), serde_json::from_slice(&body).unwrap())
}

fn call<'a>(public_url: &'a Url, function: &'a str, parameters: &'a [Parameter<'a>]) -> Call<'a> {
    Call { public_url, script: "scr_1", function, parameters, timeout_seconds: 60 }
}

/// Runs each piece of code, with the key in its place, against a server of its own.
fn run(
    function: &str,
    parameters: &[Parameter<'_>],
    status: &'static str,
    answer: &'static str,
) -> Vec<(Output, (String, String, Value))> {
    let programs: [(&str, &str); 3] = [("sh", "-c"), ("node", "-e"), ("python3", "-c")];
    let results = programs.into_iter().enumerate().map(|(index, (program, flag))| {
        let (url, server) = serve(status, answer);
        let Snippets { curl, javascript, python } = call(&url, function, parameters).snippets();
        let code = [curl, javascript, python][index].replace(KEY_PLACEHOLDER, KEY);
        let output =
            Command::new(program).args([flag, &code]).env_remove("http_proxy").env("NO_PROXY", "*").output();
        let output = output.unwrap();
        let asked = server.join().unwrap();
        (output, asked)
    });
    results.collect()
}

#[test]
fn the_code_runs_as_it_was_copied() {
    let parameters = [
        Parameter { name: "name", required: true },
        Parameter { name: "größe", required: true },
        Parameter { name: "greeting", required: false },
    ];
    let answer = r#"{"result":{"text":"grüße","n":1},"runId":"run_1","durationMs":3}"#;
    for (output, (line, key, body)) in run("greet", &parameters, "200 OK", answer) {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert_eq!(line, "POST /gate/api/public/scripts/scr_1/functions/greet HTTP/1.1");
        assert_eq!(key, KEY);
        assert_eq!(body, serde_json::json!({"name": "<name>", "größe": "<größe>"}));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let whole: Value = serde_json::from_str(answer).unwrap();
        assert!(told == whole || told == whole["result"], "{told}");
    }
}

#[test]
fn odd_names_do_not_leave_their_quotes() {
    for function in ["$", "größe"] {
        for (output, (line, _, body)) in run(function, &[], "200 OK", r#"{"result":null}"#) {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let encoded = function.replace("größe", "gr%C3%B6%C3%9Fe");
            assert_eq!(line, format!("POST /gate/api/public/scripts/scr_1/functions/{encoded} HTTP/1.1"));
            assert_eq!(body, serde_json::json!({}));
        }
    }
    let evil = [Parameter { name: "a'b\"c\\d\n$(false)`{}${x}", required: true }];
    for (output, (_, _, body)) in run("f", &evil, "200 OK", r#"{"result":1}"#) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(body[evil[0].name], format!("<{}>", evil[0].name));
    }
}

#[test]
fn a_refusal_is_told_by_the_code() {
    let answer = r#"{"error":{"type":"script_error","message":"division by zero"}}"#;
    for (index, (output, _)) in run("f", &[], "422 Unprocessable Entity", answer).into_iter().enumerate() {
        let all = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&all);
        assert!(told.contains("division by zero"), "{told}");
        // curl without further options ends well whatever the status.
        assert_eq!(output.status.success(), index == 0);
        assert!(index == 0 || told.contains("422: division by zero"), "{told}");
    }
}

#[test]
fn a_caller_waits_longer_than_the_function_may_take() {
    let url = Url::parse("https://gate.example").unwrap();
    let Snippets { curl, javascript, python } = call(&url, "greet", &[]).snippets();
    assert!(javascript.contains("AbortSignal.timeout(90000)"));
    assert!(python.contains("timeout=90"));
    assert_eq!(
        curl,
        "curl -X POST 'https://gate.example/api/public/scripts/scr_1/functions/greet' \\\n  \
         -H 'Content-Type: application/json' \\\n  -H 'X-api-key: YOUR_API_KEY' \\\n  -d '{}'"
    );
}

#[test]
fn what_has_no_name_of_its_own_is_left_out() {
    let listed = ["a", "*rest", "**more", "...others", "{}", "[]", "b"];
    let told: Vec<_> = Parameter::listed(&listed).into_iter().map(|p| (p.name, p.required)).collect();
    assert_eq!(told, [("a", true), ("b", true)]);
}
