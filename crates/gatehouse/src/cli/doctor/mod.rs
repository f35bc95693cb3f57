mod machine;

use std::process::ExitCode;

use gatehouse_identity::SignUp;
use gatehouse_outbound::Dns;
use gatehouse_store::audit::heads;
use gatehouse_store::server::{self, OLDEST_POSTGRES, Postgres};
use gatehouse_store::{Store, keyring};

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
    // before the database is opened, which changes its files
    let by_files = machine::clock_by_files(settings, Parts::default().clock.now());
    let store = open_store(settings, &Parts::default()).await;
    let mut found = vec![("database", database(&store)), ("master key", machine::master_key(settings))];
    let mut clock = by_files;
    if let Ok(store) = &store {
        // a database that does not open is told once
        found.push(("secrets", secrets(store).await));
        found.push(("audit", audit(store).await));
        if let Ok(Some(server)) = server::postgres(store).await {
            clock = machine::clock_by_server(server.ours, server.clock);
            found.push(("postgresql", postgresql(server)));
        }
    }
    found.extend([
        ("disk", machine::space(settings)),
        ("clock", clock),
        ("public url", public_url(settings)),
        ("smtp", smtp(settings).await),
        ("scripts", scripts(settings).await),
        ("sign-up", sign_up(settings)),
        ("dns", dns(settings).await),
    ]);
    found
}

fn database(store: &anyhow::Result<Store>) -> Finding {
    match store {
        Ok(store) => {
            Finding::Ok(format!("{} opens, is migrated, and its keys fit the master key.", store.kind()))
        }
        Err(e) => Finding::Bad(format!("{e:#}")),
    }
}

fn postgresql(server: Postgres) -> Finding {
    let Postgres { major, flushes, .. } = server;
    if !flushes {
        return Finding::Warn(format!(
            "version {major}, with fsync or synchronous_commit off: what was answered can be lost when the power goes."
        ));
    }
    if major < OLDEST_POSTGRES {
        return Finding::Warn(format!(
            "version {major}; {OLDEST_POSTGRES} is the oldest that Gatehouse is tested with."
        ));
    }
    Finding::Ok(format!("version {major}; commits wait for the disk."))
}

/// Opens every sealed value: what was changed or lost its key is found here before it is needed.
async fn secrets(store: &Store) -> Finding {
    match keyring::scan(store).await {
        Ok(found) if found.refused() == 0 => {
            Finding::Ok(format!("all {} sealed values open.", found.values()))
        }
        Ok(found) => Finding::Bad(format!(
            "{} of {} sealed values do not open (changed bytes, or a lost key): {}",
            found.refused(),
            found.values(),
            found.refused_places().join("; ")
        )),
        Err(e) => Finding::Bad(e.to_string()),
    }
}

/// Reads every audit chain: a rewritten one is found here.
async fn audit(store: &Store) -> Finding {
    match heads::check(store).await {
        Ok(broken) if broken.is_empty() => {
            Finding::Ok("every chain is whole and fits its signed heads.".into())
        }
        Ok(broken) => Finding::Bad(broken.join("; ")),
        Err(e) => Finding::Bad(e.to_string()),
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

async fn machine_options(settings: &Settings) -> anyhow::Result<gatehouse_scripts::Options> {
    let policy = gatehouse_outbound::egress::Policy::new(settings.egress_allow.clone());
    crate::scripts::options(settings, policy, Dns::from_setting(settings.dns_server.as_deref()).await?)
}

/// Whether customers' scripts can run here, and what with.
async fn scripts(settings: &Settings) -> Finding {
    let options = match machine_options(settings).await {
        Ok(options) => options,
        Err(e) => return Finding::Warn(format!("{e:#}")),
    };
    let seen = gatehouse_scripts::on_this_machine(options).await;
    let found = seen.found.join("; ");
    match seen.missing.is_empty() {
        true => Finding::Ok(found),
        // everything else goes on without scripts
        false => {
            Finding::Warn(format!("{found}; no script that needs it is deployed. {}", seen.missing.join(" ")))
        }
    }
}

fn sign_up(settings: &Settings) -> Finding {
    match (settings.sign_up, &settings.smtp_url) {
        (SignUp::Closed, _) => Finding::Ok("closed: people are invited.".into()),
        (SignUp::Open, Some(_)) => Finding::Ok("open: strangers make themselves workspaces.".into()),
        (SignUp::Open, None) => Finding::Warn(
            "open, but without a mail server nobody gets the link (GATEHOUSE_SIGN_UP, GATEHOUSE_SMTP_URL)."
                .into(),
        ),
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

#[cfg(test)]
mod tests {
    use gatehouse_types::Timestamp;

    use super::*;

    #[test]
    fn a_server_that_is_too_old_or_does_not_flush_is_noted() {
        let looked = |major, flushes| {
            let at = Timestamp::from_seconds(0);
            postgresql(Postgres { major, flushes, clock: at, ours: at })
        };
        assert!(matches!(looked(OLDEST_POSTGRES, true), Finding::Ok(_)));
        assert!(matches!(looked(9, true), Finding::Warn(t) if t.contains("version 9; 15 is the oldest")));
        assert!(matches!(looked(OLDEST_POSTGRES, false), Finding::Warn(t) if t.contains("power")));
    }
}
