use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How long a mail may take to arrive on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

#[derive(Default)]
struct Heard {
    /// Every line that clients sent.
    lines: Vec<String>,
    /// The recipients of the mails that were begun.
    begun: Vec<String>,
    /// The recipients of the mails that were taken, once for each.
    taken: Vec<String>,
}

/// A mail server (RFC 5321) that takes everything; told to hold, it leaves a mail without an answer.
pub(crate) struct SmtpSink {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    holds: watch::Sender<bool>,
    refuses: Arc<AtomicBool>,
}

impl SmtpSink {
    #[expect(clippy::disallowed_methods, reason = "the test is the outside")]
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<Heard>>::default();
        let (holds, held) = watch::channel(false);
        let refuses = Arc::<AtomicBool>::default();
        let (lines, refused) = (Arc::clone(&heard), Arc::clone(&refuses));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (lines, held, refused) = (Arc::clone(&lines), held.clone(), Arc::clone(&refused));
                tokio::spawn(async move { converse(stream, &lines, held, &refused).await.ok() });
            }
        });
        Self { address, heard, holds, refuses }
    }

    /// Whether the next mails are left without an answer; mails that wait already go on waiting.
    pub(crate) fn hold(&self, hold: bool) {
        self.holds.send_replace(hold);
    }

    /// From now on nobody may sign in.
    pub(crate) fn refuse_sign_in(&self) {
        self.refuses.store(true, Ordering::SeqCst);
    }

    /// The recipients of the mails that were taken.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.heard.lock().unwrap().taken.clone()
    }

    /// The recipients of the mails that were begun, taken or not.
    pub(crate) fn begun(&self) -> Vec<String> {
        self.heard.lock().unwrap().begun.clone()
    }

    /// Every line that was heard.
    pub(crate) fn lines(&self) -> String {
        self.heard.lock().unwrap().lines.join("\n")
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !so(self) {
            assert!(began.elapsed() < PATIENCE, "not so: {what}; taken: {:?}", self.taken());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn converse(
    stream: TcpStream,
    heard: &Mutex<Heard>,
    held: watch::Receiver<bool>,
    refused: &AtomicBool,
) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 sink\r\n").await?;
    let (mut in_data, mut recipient) = (false, String::new());
    while let Some(line) = lines.next_line().await? {
        heard.lock().unwrap().lines.push(line.clone());
        let reply = match line.as_str() {
            "." if in_data => {
                heard.lock().unwrap().begun.push(recipient.clone());
                if *held.borrow() {
                    // nothing is answered until the client is gone
                    while lines.next_line().await?.is_some() {}
                    return Ok(());
                }
                heard.lock().unwrap().taken.push(recipient.clone());
                "250 taken"
            }
            _ if in_data => continue,
            l if l.starts_with("EHLO") => "250-sink\r\n250 AUTH PLAIN",
            l if l.starts_with("AUTH") && refused.load(Ordering::SeqCst) => "535 wrong password",
            l if l.starts_with("AUTH") => "235 welcome",
            "DATA" => "354 go on",
            l => {
                if let Some(to) = l.strip_prefix("RCPT TO:<") {
                    recipient = to.split('>').next().unwrap_or_default().to_owned();
                }
                "250 fine"
            }
        };
        in_data = reply.starts_with("354");
        write.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
    Ok(())
}
