use std::process::{Command, ExitCode, Stdio};

use gatehouse_outbound::Dns;
use gatehouse_store::audit::heads;
use gatehouse_store::keyring;

use super::admin::println;
use crate::Settings;
use crate::app::{Parts, mailer, open_store};

/// How a look at one thing ended.
enum Finding {
    Ok(String),
    Warn(String),
    Bad(String),
}

/// Prints one line a thing; exits 1 when something that is set up does not work.
pub(crate) fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let findings = super::runtime()?.block_on(look(&settings));
    let mut bad = false;
    for (what, finding) in findings {
        let (mark, text) = match finding {
            Finding::Ok(text) => ("ok  ", text),
            Finding::Warn(text) => ("note", text),
            Finding::Bad(text) => {
                bad = true;
                ("BAD ", text)
            }
        };
        println(&format!("{mark} {what:<12} {text}"));
    }
    Ok(ExitCode::from(u8::from(bad)))
}

async fn look(settings: &Settings) -> Vec<(&'static str, Finding)> {
    vec![
        ("database", database(settings).await),
        ("secrets", secrets(settings).await),
        ("audit", audit(settings).await),
        ("public url", public_url(settings)),
        ("smtp", smtp(settings).await),
        ("dns", dns(settings).await),
        ("python3", interpreter("python3")),
        ("node", interpreter("node")),
        ("namespaces", namespaces()),
    ]
}

async fn database(settings: &Settings) -> Finding {
    match open_store(settings, &Parts::default()).await {
        Ok(store) => {
            Finding::Ok(format!("{} opens, is migrated, and its keys fit the master key.", store.kind()))
        }
        Err(e) => Finding::Bad(format!("{e:#}")),
    }
}

/// Opens every sealed value: what was changed or lost its key is found here before it is needed.
async fn secrets(settings: &Settings) -> Finding {
    let looked = async {
        let store = open_store(settings, &Parts::default()).await?;
        anyhow::Ok(keyring::scan(&store).await?)
    };
    match looked.await {
        Ok(found) if found.refused() == 0 => {
            Finding::Ok(format!("all {} sealed values open.", found.values()))
        }
        Ok(found) => Finding::Bad(format!(
            "{} of {} sealed values do not open (changed bytes, or a lost key): {}",
            found.refused(),
            found.values(),
            found.refused_places().join("; ")
        )),
        Err(e) => Finding::Bad(format!("{e:#}")),
    }
}

/// Reads every audit chain: a rewritten one is found here.
async fn audit(settings: &Settings) -> Finding {
    let looked = async {
        let store = open_store(settings, &Parts::default()).await?;
        anyhow::Ok(heads::check(&store).await?)
    };
    match looked.await {
        Ok(broken) if broken.is_empty() => {
            Finding::Ok("every chain is whole and fits its signed heads.".into())
        }
        Ok(broken) => Finding::Bad(broken.join("; ")),
        Err(e) => Finding::Bad(format!("{e:#}")),
    }
}

fn public_url(settings: &Settings) -> Finding {
    match &settings.public_url {
        Some(url) if url.is_https() => Finding::Ok(format!("{} (https).", url.as_str())),
        Some(url) => Finding::Warn(format!(
            "{} is not https: cookies are not Secure, providers may refuse it.",
            url.as_str()
        )),
        None => Finding::Warn("not set: only this machine can use the server (GATEHOUSE_PUBLIC_URL).".into()),
    }
}

async fn smtp(settings: &Settings) -> Finding {
    let mailer = match mailer(settings, &Parts::default().clock) {
        Ok(mailer) => mailer,
        Err(e) => return Finding::Bad(format!("{e:#}")),
    };
    if !mailer.is_configured() {
        return Finding::Warn("not set: mails stay in the console's outbox (GATEHOUSE_SMTP_URL).".into());
    }
    match mailer.probe().await {
        Ok(()) => Finding::Ok("the mail server greets us.".into()),
        Err(e) => Finding::Bad(e.to_string()),
    }
}

async fn dns(settings: &Settings) -> Finding {
    let server = settings.dns_server.as_deref();
    let dns = match Dns::from_setting(server).await {
        Ok(dns) => dns,
        Err(e) => return Finding::Bad(e.to_string()),
    };
    match dns.txt("_gatehouse-verify.example.com").await {
        Ok(_) => Finding::Ok(format!("{} answers.", server.unwrap_or("the system's resolver"))),
        Err(e) if server.is_some() => Finding::Bad(e.to_string()),
        Err(e) => Finding::Warn(format!("domains cannot be proved by TXT records: {e}")),
    }
}

/// Custom scripts will need it; this version does not run them yet.
fn interpreter(name: &str) -> Finding {
    let output = Command::new(name).arg("--version").stdin(Stdio::null()).output();
    match output {
        Ok(o) if o.status.success() => Finding::Ok(String::from_utf8_lossy(&o.stdout).trim().to_owned()),
        _ => Finding::Warn("not found: custom scripts in this language would not run.".into()),
    }
}

fn namespaces() -> Finding {
    let max = std::fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
    match max.trim().parse::<u64>() {
        Ok(n) if n > 0 => Finding::Ok("user namespaces are there, for isolating custom scripts.".into()),
        _ => {
            Finding::Warn("no user namespaces: custom scripts could not be isolated on this machine.".into())
        }
    }
}
