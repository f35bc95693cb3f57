//! The look at the proof of a domain.

use gatehouse_outbound::{Error, Limits};

use crate::Sso;
use crate::model::{DomainClaim, Look, VerificationMethod};

/// The largest verification file that is read, bytes.
const MAX_FILE: usize = 4096;

impl Sso {
    /// Looks for the proof of a claim. What cannot be seen is no missing proof.
    pub(crate) async fn look_for_proof(&self, claim: &DomainClaim) -> Look {
        match claim.method {
            VerificationMethod::DnsTxt => self.look_at_dns(claim).await,
            VerificationMethod::HttpsFile => self.look_at_file(claim).await,
        }
    }

    async fn look_at_dns(&self, claim: &DomainClaim) -> Look {
        let name = claim.record_name();
        match self.0.dns.txt(&name).await {
            Ok(records) if records.iter().any(|r| r.trim() == claim.token) => Look::Found,
            Ok(records) if records.is_empty() => Look::Missing(format!(
                "There is no TXT record {name}. Add it with the value shown; new records can take some minutes to appear."
            )),
            Ok(_) => {
                Look::Missing(format!("The TXT record {name} has another value. Set it to the value shown."))
            }
            Err(e) => Look::Unknown(format!("The TXT record {name} could not be looked up: {e}")),
        }
    }

    async fn look_at_file(&self, claim: &DomainClaim) -> Look {
        let url = claim.file_url();
        let limits = Limits { max_bytes: MAX_FILE, same_host_only: true, ..Limits::default() };
        let another =
            || format!("The file {url} has another content. It must hold the value shown and nothing else.");
        match self.0.http.get(&url, limits).await {
            Ok(answer) if answer.status.is_success() => match answer.text() {
                Ok(text) if text.trim() == claim.token => Look::Found,
                _ => Look::Missing(another()),
            },
            Ok(answer) if matches!(answer.status.as_u16(), 404 | 410) => Look::Missing(format!(
                "There is no file {url} (status {}). Put it there with the value shown.",
                answer.status.as_u16()
            )),
            Ok(answer) => Look::Unknown(format!(
                "The file {url} could not be read: its server answered with status {}.",
                answer.status.as_u16()
            )),
            Err(Error::TooLarge { .. }) => Look::Missing(another()),
            Err(e @ Error::NoSuchHost { .. }) => {
                Look::Missing(format!("The file {url} could not be read: {e}"))
            }
            Err(e) => Look::Unknown(format!("The file {url} could not be read: {e}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gatehouse_identity::Identity;
    use gatehouse_outbound::lab_dns::DnsStub;
    use gatehouse_outbound::{Dns, Http, HttpConfig, egress};
    use gatehouse_testkit::{Kind, TestStore};
    use gatehouse_types::{Domain, Id};
    use gatehouse_web::PublicUrl;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::{ServerConfig, pki_types::PrivateKeyDer};

    use super::*;
    use crate::model::DomainStatus;
    use crate::{Options, Rules};

    const HOST: &str = "files.test";
    const TOKEN: &str = "gatehouse-verify=what-must-be-found";

    async fn head(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<String> {
        let (mut head, mut buffer) = (String::new(), [0u8; 1024]);
        while !head.contains("\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(length) if length > 0 => head.push_str(&String::from_utf8_lossy(&buffer[..length])),
                _ => return None,
            }
        }
        Some(head)
    }

    /// The web behind a proxy: whoever asks for the right path of the host gets `answer`.
    async fn serve(mut stream: TcpStream, tls: TlsAcceptor, answer: &str) -> Option<()> {
        let asked = head(&mut stream).await?;
        assert!(asked.starts_with("CONNECT files.test:443 "), "{asked}");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
        let mut inside = tls.accept(stream).await.ok()?;
        let asked = head(&mut inside).await?;
        let found = asked.starts_with("GET /.well-known/gatehouse-verify.txt HTTP/1.1\r\n");
        let answer = if found { answer } else { "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n" };
        inside.write_all(answer.as_bytes()).await.ok()?;
        inside.shutdown().await.ok()
    }

    /// A look at the file of a claim, where the host's web server gives this answer.
    #[expect(clippy::disallowed_methods, reason = "the test is the outside")]
    async fn look(answer: String) -> Look {
        let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let tls = ServerConfig::builder().with_no_client_auth();
        let tls = tls.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let tls = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, tls.clone(), &answer).await;
            }
        });
        let stub = DnsStub::start().await.unwrap();
        let dns = Dns::server(stub.address());
        let mut config = HttpConfig::new(egress::Policy::new(Vec::new()), dns.clone());
        config.extra_roots = Some(made.cert.pem());
        config.proxy = Some(proxy.parse().unwrap());
        let t = TestStore::new(Kind::Sqlite).await;
        let url: PublicUrl = "https://gatehouse.test".parse().unwrap();
        let rules = Arc::new(Rules::new(t.store.clone()));
        let plain = gatehouse_identity::Options::default();
        let identity = Identity::open(t.store.clone(), url.as_str(), rules, plain).await.unwrap();
        let sso = Sso::new(identity, Http::new(config).unwrap(), dns, url, Options::default());
        let claim = DomainClaim {
            id: t.store.ids().make(),
            workspace_id: t.store.ids().make(),
            connection_id: t.store.ids().make(),
            domain: Domain::from_stored(HOST.into()),
            status: DomainStatus::Pending,
            method: VerificationMethod::HttpsFile,
            token: TOKEN.into(),
            is_primary: false,
            created_at: t.store.now(),
            verified_at: None,
            checked_at: None,
            federated: true,
            failing_since: None,
            last_error: None,
        };
        assert!(!claim.id.as_str().is_empty());
        sso.look_for_proof(&claim).await
    }

    fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn a_file_with_the_value_over_https_is_the_proof() {
        assert_eq!(look(ok(TOKEN)).await, Look::Found);
        assert_eq!(look(ok(&format!("{TOKEN}\n"))).await, Look::Found, "editors end files with a line feed");
    }

    #[tokio::test]
    async fn a_file_with_anything_else_or_none_is_no_proof() {
        for body in ["", "gatehouse-verify=other", &format!("{TOKEN}\nmore"), &"x".repeat(MAX_FILE + 1)] {
            assert!(matches!(look(ok(body)).await, Look::Missing(_)), "{body}");
        }
        let gone = look("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".into()).await;
        assert!(matches!(&gone, Look::Missing(why) if why.contains("404")), "{gone:?}");
    }

    #[tokio::test]
    async fn a_server_out_of_order_or_a_way_to_another_host_says_nothing() {
        let broken = look("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".into()).await;
        assert!(matches!(broken, Look::Unknown(_)), "{broken:?}");
        let away = "HTTP/1.1 302 Found\r\nlocation: https://elsewhere.test/x\r\ncontent-length: 0\r\n\r\n";
        let away = look(away.into()).await;
        assert!(matches!(away, Look::Unknown(_)), "{away:?}");
    }
}
