//! Signing in with accounts at Google and Microsoft: rows R036, R038 and R043.

mod attacks;
mod links;
mod microsoft;
mod rules;
mod sign_up;

use gatehouse_identity::SignUp;
use gatehouse_store::Queries;
use gatehouse_types::{Clock, Role};
use serde_json::{Value, json};

use crate::support::{Answer, Asked, Client, Form, Kind, Op, Signer, TestApp};

/// The tenant of most accounts at Microsoft here.
const TENANT: &str = "11111111-2222-4333-8444-555555555555";
/// The person of most tests.
const ADA: &str = "ada@lab.test";

/// What is turned of the claims of an honest token.
type Turn = fn(&mut Value);

/// A server whose operator has a client at both providers, and the two.
struct World {
    t: TestApp,
    google: Op,
    microsoft: Op,
    key: Signer,
}

/// Which provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Google,
    Microsoft,
}
use At::{Google, Microsoft};

impl At {
    const fn code(self) -> &'static str {
        match self {
            Google => "google",
            Microsoft => "microsoft",
        }
    }
}

impl World {
    async fn start(kind: Kind) -> Self {
        Self::start_where(kind, SignUp::Closed).await
    }

    async fn start_open(kind: Kind) -> Self {
        Self::start_where(kind, SignUp::Open).await
    }

    async fn start_where(kind: Kind, sign_up: SignUp) -> Self {
        let (google, microsoft, key) = (Op::start().await, Op::start().await, Signer::new("ES256", "one"));
        google.publish(&[&key.jwk]);
        microsoft.publish(&[&key.jwk]);
        let t = TestApp::start_with_social(kind, &google.issuer, &microsoft.issuer, sign_up).await;
        Self { t, google, microsoft, key }
    }

    /// The same with a member `ada@lab.test` of the first workspace.
    async fn with_ada(kind: Kind) -> Self {
        let world = Self::start(kind).await;
        world.t.person(ADA, Role::Member).await;
        world
    }

    fn op(&self, at: At) -> &Op {
        if at == Google { &self.google } else { &self.microsoft }
    }

    /// The claims of an honest token that proves its address, `ada@lab.test`.
    fn claims(&self, at: At, asked: &Asked) -> Value {
        let mut claims = self.op(at).claims(asked, self.t.clock.now().seconds());
        match at {
            Google => claims["hd"] = json!("lab.test"),
            Microsoft => {
                claims["iss"] = json!(self.issuer_of(TENANT));
                claims["tid"] = json!(TENANT);
                claims["xms_edov"] = json!(true);
                claims.as_object_mut().unwrap().remove("email_verified");
            }
        }
        claims
    }

    fn issuer_of(&self, tenant: &str) -> String {
        format!("{}/{tenant}/v2.0", self.microsoft.issuer)
    }

    /// The provider's answer with a token of these claims.
    async fn back(&self, at: At, browser: &Client, asked: &Asked, claims: &Value) -> Answer {
        self.op(at).give(&self.key.token(claims));
        asked.back(browser, "code=c").await
    }

    async fn asked(&self, at: At, browser: &Client) -> Asked {
        Asked::at(browser, &format!("/login/with/{}?returnTo=%2Faccount", at.code())).await
    }

    /// A whole sign-in, with what is turned of the token.
    async fn enter(&self, at: At, browser: &Client, turn: impl FnOnce(&mut Value)) -> Answer {
        let asked = self.asked(at, browser).await;
        let mut claims = self.claims(at, &asked);
        turn(&mut claims);
        self.back(at, browser, &asked, &claims).await
    }

    /// Sends one of our forms that leads to a provider: what it is asked.
    async fn led(&self, browser: &Client, page: &str, action: &str, more: &[(&str, &str)]) -> Asked {
        let shown = browser.get(page).await.body;
        let mut form = Form::to(&shown, action);
        for (name, value) in more {
            form.fields.retain(|(known, _)| known != name);
            form.fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let away = form.send(browser).await;
        assert_eq!(away.status, 200, "{:?} {}", away.location(), away.body);
        let way = away.body.rsplit("href=\"").find(|part| part.contains("/auth?"));
        let way = way.unwrap_or_else(|| panic!("{}", away.body)).split('"').next().unwrap();
        Asked::to(&way.replace("&#38;", "&").replace("&amp;", "&"))
    }

    /// Links the account of whoever is signed in here.
    async fn link(&self, at: At, browser: &Client, turn: impl FnOnce(&mut Value)) -> Answer {
        let action = format!("/account/sign-in-providers/{}/link", at.code());
        let asked = self.led(browser, "/account", &action, &[]).await;
        let mut claims = self.claims(at, &asked);
        turn(&mut claims);
        self.back(at, browser, &asked, &claims).await
    }

    /// Why something was refused, the last check first; also of what belongs to no workspace.
    async fn why(&self, answer: &Answer) -> String {
        let select =
            gatehouse_store::sql("SELECT reasons FROM decisions WHERE id = $1").bind(answer.decision());
        let row = self.t.app.store().reader().fetch_optional(select).await.unwrap().unwrap();
        let reasons: Vec<gatehouse_store::decisions::Reason> = row.json("reasons").unwrap();
        let last = reasons.last().unwrap();
        assert!(!last.ok && reasons.iter().rev().skip(1).all(|r| r.ok), "{reasons:?}");
        format!("{}: {}", last.check, last.detail)
    }
}

/// Whoever is signed in here.
async fn me(browser: &Client) -> String {
    browser.get("/api/v1/me").await.ok()["user"]["email"].as_str().unwrap().to_owned()
}

/// Nobody came in; the words are the same whatever the reason.
fn refused(browser: &Client, at: At, answer: &Answer) {
    assert_eq!(answer.status, 401, "{:?} {}", answer.location(), answer.body);
    let name = if at == Google { "Google" } else { "Microsoft" };
    assert!(answer.body.contains(&format!("This {name} account does not sign you in.")), "{}", answer.body);
    assert!(browser.cookie("gatehouse_session").is_none());
}

/// Runs each named test, an `async fn(World)`, once on SQLite and once on PostgreSQL.
macro_rules! with_providers {
    ($start:ident: $($name:ident),* $(,)?) => { $(
        mod $name {
            use crate::social::World;
            use crate::support::Kind;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(World::$start(Kind::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(World::$start(Kind::Postgres).await).await;
            }
        }
    )* };
}
use with_providers;
