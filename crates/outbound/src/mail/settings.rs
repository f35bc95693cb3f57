use std::net::IpAddr;
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use url::{Host, Url};

use super::{MailError, SmtpConfig, Transport};

/// The longest the server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const RELAY_PORT: u16 = 25;
const SUBMISSION_PORT: u16 = 587;
const SUBMISSIONS_PORT: u16 = 465;

/// What the URL says, with nothing left to guess.
#[derive(Debug, PartialEq, Eq)]
struct Server {
    host: String,
    port: u16,
    mode: Mode,
    sign_in: Option<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// TLS from the first byte (RFC 8314 §3.3).
    Wrapped,
    /// STARTTLS or nothing (RFC 3207).
    Required,
    /// STARTTLS where the server offers it.
    Opportunistic,
    Plain,
}

pub(super) fn transport(config: &SmtpConfig) -> Result<Transport, MailError> {
    let server = server(config.url.expose())?;
    let mut builder = Transport::builder_dangerous(&*server.host)
        .port(server.port)
        .timeout(Some(CONNECT_TIMEOUT))
        .hello_name(ClientId::Domain(config.from.domain().as_str().to_owned()))
        .tls(tls(&server, config.extra_roots.as_deref())?);
    if let Some((user, password)) = server.sign_in {
        builder = builder.credentials(Credentials::new(user, password));
    }
    Ok(builder.build())
}

fn tls(server: &Server, extra_roots: Option<&str>) -> Result<Tls, MailError> {
    if server.mode == Mode::Plain {
        return Ok(Tls::None);
    }
    let unusable = |error: lettre::transport::smtp::Error| MailError::Setting(error.to_string());
    let mut parameters = TlsParameters::builder(server.host.clone());
    if let Some(pem) = extra_roots {
        parameters =
            parameters.add_root_certificate(Certificate::from_pem(pem.as_bytes()).map_err(unusable)?);
    }
    let parameters = parameters.build().map_err(unusable)?;
    Ok(match server.mode {
        Mode::Wrapped => Tls::Wrapper(parameters),
        Mode::Opportunistic => Tls::Opportunistic(parameters),
        Mode::Required | Mode::Plain => Tls::Required(parameters),
    })
}

fn server(text: &str) -> Result<Server, MailError> {
    let wrong = |what: &str| {
        MailError::Setting(format!(
            "{what} Write it like smtp://user:password@mail.example.com:587?tls=required."
        ))
    };
    let url = Url::parse(text).map_err(|_| wrong("This is not a URL."))?;
    let host = match Host::parse(url.host_str().unwrap_or_default()) {
        Ok(Host::Domain(name)) => name,
        Ok(Host::Ipv4(ip)) => ip.to_string(),
        Ok(Host::Ipv6(ip)) => ip.to_string(),
        Err(_) => return Err(wrong("The host is missing.")),
    };
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(wrong(
            "Nothing may stand between the host and the question mark; percent-encode / ? # in passwords.",
        ));
    }
    let sign_in =
        sign_in(&url).ok_or_else(|| wrong("User and password must both be given, percent-encoded."))?;
    let word = word(&url).ok_or_else(|| wrong("The only parameter is tls, once."))?;
    let mode = match (url.scheme(), word.as_deref()) {
        ("smtps", None) => Mode::Wrapped,
        ("smtp", Some("required")) => Mode::Required,
        ("smtp", Some("opportunistic")) => Mode::Opportunistic,
        ("smtp", Some("none")) => Mode::Plain,
        ("smtp", None) if is_loopback(&host) => Mode::Plain,
        ("smtp", None) if sign_in.is_some() => Mode::Required,
        ("smtp", None) => Mode::Opportunistic,
        ("smtp", Some(_)) => return Err(wrong("tls must be required, opportunistic or none.")),
        ("smtps", Some(_)) => return Err(wrong("smtps always uses TLS and takes no tls parameter.")),
        _ => return Err(wrong("The scheme must be smtp or smtps.")),
    };
    let port = url.port().unwrap_or(match mode {
        Mode::Wrapped => SUBMISSIONS_PORT,
        _ if sign_in.is_some() || word.is_some() => SUBMISSION_PORT,
        _ => RELAY_PORT,
    });
    Ok(Server { host, port, mode, sign_in })
}

/// User and password; `Some(None)` when the URL has neither, `None` when it has half.
fn sign_in(url: &Url) -> Option<Option<(String, String)>> {
    match (url.username(), url.password()) {
        ("", None) => Some(None),
        ("", _) | (_, None) => None,
        (user, Some(password)) => Some(Some((decoded(user)?, decoded(password)?))),
    }
}

/// Percent-decoding (RFC 3986 §2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |b: Option<u8>| char::from(b?).to_digit(16);
        bytes.push(match byte {
            b'%' => u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?,
            _ => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn word(url: &Url) -> Option<Option<String>> {
    let mut pairs = url.query_pairs();
    match (pairs.next(), pairs.next()) {
        (None, _) => Some(None),
        (Some((key, value)), None) if key == "tls" => Some(Some(value.into_owned())),
        _ => None,
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_the_safe_usual() {
        for (text, port, mode) in [
            ("smtp://127.0.0.1:2525", 2525, Mode::Plain),
            ("smtp://u:p@localhost:2525", 2525, Mode::Plain),
            ("smtp://[::1]:2525/", 2525, Mode::Plain),
            ("smtp://mailhog", 25, Mode::Opportunistic),
            ("smtp://u:p@mail.example.com", 587, Mode::Required),
            ("smtp://u:p@mail.example.com:2587?tls=none", 2587, Mode::Plain),
            ("smtp://mail.example.com?tls=opportunistic", 587, Mode::Opportunistic),
            ("smtps://u:p@mail.example.com", 465, Mode::Wrapped),
        ] {
            let server = server(text).unwrap();
            assert_eq!((server.port, server.mode), (port, mode), "{text}");
        }
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        let server = server("smtp://a%40b.example:p%2Fw%3f%C3%A9@mail.example.com").unwrap();
        assert_eq!(server.sign_in, Some(("a@b.example".to_owned(), "p/w?é".to_owned())));
    }

    #[test]
    fn a_wrong_url_is_told_without_its_password() {
        for text in [
            "mail.example.com:25",
            "http://u:hunter2@mail.example.com",
            "smtp://",
            "smtp://u@mail.example.com",
            "smtp://u:hunter2@h/x",
            "smtp://u:hunter2@h?tls=maybe",
            "smtp://h?ssl=1",
            "smtps://u:hunter2@h?tls=none",
            "smtp://u:hunter2%ZZ@h",
            "smtp://u:hunter2/@h",
        ] {
            let error = server(text).unwrap_err().to_string();
            assert!(
                error.starts_with("GATEHOUSE_SMTP_URL: ") && !error.contains("hunter2"),
                "{text}: {error}"
            );
        }
    }
}
