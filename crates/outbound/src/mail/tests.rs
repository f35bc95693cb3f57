//! Mails to a made-up server on loopback.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use gatehouse_types::{Id, MailId, TestClock, Timestamp};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Takes mails and keeps every line it hears; answers a command that starts with `refused.0` with `refused.1`.
struct Sink {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    #[expect(clippy::disallowed_methods, reason = "the test is the outside")]
    async fn start(refused: Option<(&'static str, &'static str)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, heard) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let lines = heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                converse(stream, &lines, refused).await.ok();
            }
        });
        Self { address, heard }
    }

    fn mailer(&self, sign_in: &str) -> Mailer {
        let url = Secret::new(format!("smtp://{sign_in}{}", self.address));
        let config = SmtpConfig { url, from: "gatehouse@example.com".parse().unwrap(), extra_roots: None };
        Mailer::smtp(&config, Arc::new(TestClock::new(Timestamp::from_seconds(1_700_000_000)))).unwrap()
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().join("\n")
    }
}

async fn converse(
    stream: TcpStream,
    heard: &Mutex<Vec<String>>,
    refused: Option<(&str, &str)>,
) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 sink\r\n").await?;
    let mut in_data = false;
    while let Some(line) = lines.next_line().await? {
        heard.lock().unwrap().push(line.clone());
        let reply = match refused {
            _ if in_data && line != "." => continue,
            Some((command, reply)) if line.starts_with(command) => reply,
            _ if line.starts_with("EHLO") => "250-sink\r\n250 AUTH PLAIN",
            _ if line.starts_with("AUTH") => "235 welcome",
            _ if line == "DATA" => "354 go on",
            _ => "250 fine",
        };
        in_data = reply.starts_with("354");
        write.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn mail(subject: &str) -> Mail {
    Mail::new("alice@example.com".parse().unwrap(), subject, "Hello Alice,\n.\nBcc: nobody@example.com\n")
}

#[tokio::test]
async fn a_mail_arrives_as_plain_text_with_date_and_id() {
    let sink = Sink::start(None).await;
    let id = MailId::from_stored("mail_1".to_owned());
    sink.mailer("").send(&mail("Grüße").identified(&id)).await.unwrap();
    let heard = sink.heard();
    for expected in [
        "EHLO example.com",
        "MAIL FROM:<gatehouse@example.com>",
        "RCPT TO:<alice@example.com>",
        "To: alice@example.com",
        "From: Gatehouse <gatehouse@example.com>",
        "Message-ID: <mail_1@example.com>",
        "Auto-Submitted: auto-generated",
        "Date: Tue, 14 Nov 2023 22:13:20 +0000",
        "Content-Type: text/plain; charset=utf-8",
        "\nHello Alice,\n..\nBcc: nobody",
    ] {
        assert!(heard.contains(expected), "{expected} is missing in:\n{heard}");
    }
}

#[tokio::test]
async fn a_subject_cannot_add_headers_or_addressees() {
    let sink = Sink::start(None).await;
    let mailer = sink.mailer("");
    for subject in
        ["Hi\r\nBcc: eve@example.com", "Hi\nBcc: eve@example.com\n\nbody", "Hi\u{2028}Bcc: x", "Hi\0\r"]
    {
        mailer.send(&mail(subject)).await.unwrap();
    }
    let heard = sink.heard();
    let headers = heard.lines().filter(|line| line.starts_with("Bcc:")).count();
    assert_eq!(headers, 4, "only the one in each text:\n{heard}");
    assert_eq!(heard.matches("RCPT TO").count(), 4);
}

#[tokio::test]
async fn a_stored_address_that_is_none_sends_nothing() {
    let sink = Sink::start(None).await;
    let to = Email::from_stored("alice@example.com>\r\nRCPT TO:<eve@example.com".to_owned());
    let error = sink.mailer("").send(&Mail::new(to, "Hi", "text")).await.unwrap_err();
    assert!(matches!(error, MailError::Permanent(_)), "{error:?}");
    assert_eq!(sink.heard(), "");
}

#[tokio::test]
async fn refusals_for_now_and_for_ever_are_told_apart() {
    for (command, reply, transient) in [
        ("RCPT", "450 4.2.1 mailbox busy", true),
        ("RCPT", "550 5.1.1 no such user", false),
        ("DATA", "554 5.7.1 no", false),
        ("MAIL", "421 4.3.2 going down", true),
        ("AUTH", "535 5.7.8 wrong password", true),
    ] {
        let sink = Sink::start(Some((command, reply))).await;
        let error = sink.mailer("user:hunter2@").send(&mail("Hi")).await.unwrap_err();
        assert_eq!(error.is_transient(), transient, "{command} {reply}: {error:?}");
        assert!(error.to_string().contains(&reply[..3]) && !error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn a_server_that_is_away_is_a_reason_to_try_again() {
    let sink = Sink {
        address: TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap(),
        heard: Arc::default(),
    };
    assert!(sink.mailer("").send(&mail("Hi")).await.unwrap_err().is_transient());
    assert!(sink.mailer("").probe().await.is_err());
}

#[tokio::test]
async fn without_a_server_nothing_is_sent() {
    let mailer = Mailer::outbox_only();
    assert!(!mailer.is_configured());
    assert_eq!(mailer.send(&mail("Hi")).await, Err(MailError::NotConfigured));
    assert!(Sink::start(None).await.mailer("").is_configured());
}

#[tokio::test]
async fn a_probe_signs_in_and_sends_nothing() {
    let sink = Sink::start(None).await;
    sink.mailer("user:pw@").probe().await.unwrap();
    assert!(sink.heard().contains("AUTH") && !sink.heard().contains("MAIL FROM"));
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn a_server_that_falls_silent_does_not_hold_us() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sink = Sink { address: silent.local_addr().unwrap(), heard: Arc::default() };
    let Some(smtp) = sink.mailer("").smtp else { panic!("it is configured") };
    let error = in_time(Duration::from_millis(200), smtp.transport.test_connection()).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}
