//! Whole sign-ins that begin at the service provider: ours are two requests, those of SAML Jackson four.

use crate::http::{Answer, Client, forwarded};
use crate::make::{Provider, response};
use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use gatehouse_saml::AuthnRequest;
use serde_json::{Value, json};
use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;
use tokio::task::LocalSet;
use url::form_urlencoded::{Serializer, byte_serialize};

/// Whose sign-in.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Whose {
    Gatehouse,
    Jackson,
}

/// `bench-load flow`.
#[derive(Args)]
pub(crate) struct Flow {
    #[arg(value_enum)]
    whose: Whose,
    /// Host and port.
    address: String,
    /// The path that begins the sign-in.
    start: String,
    /// The folder of the provider.
    provider: PathBuf,
    /// The issuer.
    issuer: String,
    /// The audience.
    audience: String,
    #[arg(long, default_value_t = 500)]
    count: usize,
    #[arg(long, default_value_t = 16)]
    connections: usize,
}

impl Flow {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let this = Rc::new((Provider::read(&self.provider)?, self));
        let (next, good) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0_usize)));
        let began = Instant::now();
        let local = LocalSet::new();
        let mut tasks = Vec::new();
        for _ in 0..this.1.connections {
            let (this, next, good) = (Rc::clone(&this), Rc::clone(&next), Rc::clone(&good));
            tasks.push(local.spawn_local(async move {
                let mut client = Client::new(&this.1.address);
                loop {
                    let at = next.replace(next.get() + 1);
                    if at >= this.1.count {
                        return anyhow::Ok(());
                    }
                    this.1.one(&mut client, &this.0, at).await?;
                    good.set(good.get() + 1);
                }
            }));
        }
        local.await;
        for task in tasks {
            task.await??;
        }
        let seconds = began.elapsed().as_secs_f64();
        println!("{}", json!({"seconds": seconds, "count": this.1.count, "good": good.get()}));
        Ok(())
    }

    async fn one(&self, client: &mut Client, provider: &Provider, at: usize) -> anyhow::Result<()> {
        let network = forwarded(at);
        let started = client.get(&self.start, &network).await?;
        let location = started.header("location").context("the start led nowhere")?.to_owned();
        let query = location.split_once('?').context("no request")?.1;
        let request = AuthnRequest::from_redirect_query(query, None)?;
        let acs = request.acs_url.context("no address for the answer")?;
        let mut builder = response(at, &self.issuer, &acs, &self.audience);
        builder.in_response_to = Some(request.id);
        let xml = builder.issue(&provider.key, &provider.certificate)?;
        let mut body = Serializer::new(String::new());
        body.append_pair("SAMLResponse", &STANDARD.encode(xml));
        if let Some(state) = &request.relay_state {
            body.append_pair("RelayState", state);
        }
        let path = url::Url::parse(&acs)?.path().to_owned();
        let cookie = started.header("set-cookie").and_then(|c| c.split(';').next()).unwrap_or_default();
        let answer = client.post(&path, &format!("{network}Cookie: {cookie}\r\n"), &body.finish()).await?;
        match self.whose {
            Whose::Gatehouse => {
                ensure!(
                    answer.status == 303,
                    "refused: {} {}",
                    answer.status,
                    String::from_utf8_lossy(&answer.body)
                );
                ensure!(answer.head.contains("gatehouse_session="), "no session");
                Ok(())
            }
            Whose::Jackson => self.redeem(client, &answer).await,
        }
    }

    /// The code for a token, the token for the person.
    async fn redeem(&self, client: &mut Client, answer: &Answer) -> anyhow::Result<()> {
        let location = answer.header("location").context("no code came")?;
        let url = url::Url::parse(location)?;
        let (_, code) =
            url.query_pairs().find(|(n, _)| n == "code").with_context(|| format!("no code in {location}"))?;
        let redirect: String = byte_serialize(b"http://app.bench.example/callback").collect();
        let body = format!(
            "grant_type=authorization_code&client_id=dummy&client_secret=dummy&redirect_uri={redirect}&code={code}"
        );
        let token = client.post("/token", "", &body).await?;
        let token: Value = serde_json::from_slice(&token.body)?;
        let token = token["access_token"].as_str().with_context(|| format!("no token came: {token}"))?;
        let person = client.get("/userinfo", &format!("Authorization: Bearer {token}\r\n")).await?;
        let person: Value = serde_json::from_slice(&person.body)?;
        ensure!(person["email"].as_str().is_some_and(|e| e.ends_with("@bench.example")), "nobody: {person}");
        Ok(())
    }
}
