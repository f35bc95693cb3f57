//! The options of curl that are known here, and what is made of each.

/// What an option means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The URL.
    Url,
    /// The method.
    Method,
    /// A header.
    Header,
    /// Data; `@` would read a file.
    Data,
    /// Data as it stands.
    RawData,
    /// Data to be encoded.
    EncodedData,
    /// Data that is JSON.
    Json,
    /// Name and password.
    User,
    /// A bearer token.
    Bearer,
    /// Cookies.
    Cookie,
    /// The header User-Agent.
    Agent,
    /// The header Referer.
    Referer,
    /// Data goes into the query.
    Get,
    /// The method HEAD.
    Head,
    /// Without checking the certificate.
    Insecure,
    /// Changes nothing here.
    Ignored,
    /// Changes nothing here, and has a value.
    IgnoredValue,
    /// Cannot be done here, and has a value.
    Refused(&'static str),
    /// Cannot be done here.
    RefusedFlag(&'static str),
}

impl Meaning {
    /// Does a value follow?
    pub(super) fn has_value(self) -> bool {
        !matches!(self, Self::Get | Self::Head | Self::Insecure | Self::Ignored | Self::RefusedFlag(_))
    }
}

const MULTIPART: &str = "forms with files (multipart) cannot be sent by a flow";
const FILE: &str = "files of your machine cannot be read by a flow";
const CERTIFICATE: &str = "certificates are set up in an authorization profile or by the administrator";
const NETWORK: &str = "which way requests go is for the administrator of this server";
const SCHEME: &str = "this way to authenticate is not offered";

/// Name, letter (a space for none), meaning.
const OPTIONS: [(&str, char, Meaning); 79] = [
    ("url", ' ', Meaning::Url),
    ("request", 'X', Meaning::Method),
    ("header", 'H', Meaning::Header),
    ("data", 'd', Meaning::Data),
    ("data-ascii", ' ', Meaning::Data),
    ("data-binary", ' ', Meaning::Data),
    ("data-raw", ' ', Meaning::RawData),
    ("data-urlencode", ' ', Meaning::EncodedData),
    ("json", ' ', Meaning::Json),
    ("user", 'u', Meaning::User),
    ("oauth2-bearer", ' ', Meaning::Bearer),
    ("cookie", 'b', Meaning::Cookie),
    ("user-agent", 'A', Meaning::Agent),
    ("referer", 'e', Meaning::Referer),
    ("get", 'G', Meaning::Get),
    ("head", 'I', Meaning::Head),
    ("insecure", 'k', Meaning::Insecure),
    ("basic", ' ', Meaning::Ignored),
    ("compressed", ' ', Meaning::Ignored),
    ("silent", 's', Meaning::Ignored),
    ("show-error", 'S', Meaning::Ignored),
    ("verbose", 'v', Meaning::Ignored),
    ("include", 'i', Meaning::Ignored),
    ("show-headers", ' ', Meaning::Ignored),
    ("location", 'L', Meaning::Ignored),
    ("fail", 'f', Meaning::Ignored),
    ("fail-with-body", ' ', Meaning::Ignored),
    ("fail-early", ' ', Meaning::Ignored),
    ("no-buffer", 'N', Meaning::Ignored),
    ("progress-bar", '#', Meaning::Ignored),
    ("no-progress-meter", ' ', Meaning::Ignored),
    ("globoff", 'g', Meaning::Ignored),
    ("path-as-is", ' ', Meaning::Ignored),
    ("http1.0", '0', Meaning::Ignored),
    ("http1.1", ' ', Meaning::Ignored),
    ("http2", ' ', Meaning::Ignored),
    ("http3", ' ', Meaning::Ignored),
    ("ipv4", '4', Meaning::Ignored),
    ("ipv6", '6', Meaning::Ignored),
    ("tlsv1", '1', Meaning::Ignored),
    ("tlsv1.2", ' ', Meaning::Ignored),
    ("tlsv1.3", ' ', Meaning::Ignored),
    ("no-keepalive", ' ', Meaning::Ignored),
    ("tcp-nodelay", ' ', Meaning::Ignored),
    ("disable", 'q', Meaning::Ignored),
    ("remote-name", 'O', Meaning::Ignored),
    ("create-dirs", ' ', Meaning::Ignored),
    ("output", 'o', Meaning::IgnoredValue),
    ("write-out", 'w', Meaning::IgnoredValue),
    ("dump-header", 'D', Meaning::IgnoredValue),
    ("cookie-jar", 'c', Meaning::IgnoredValue),
    ("max-time", 'm', Meaning::IgnoredValue),
    ("connect-timeout", ' ', Meaning::IgnoredValue),
    ("retry", ' ', Meaning::IgnoredValue),
    ("retry-delay", ' ', Meaning::IgnoredValue),
    ("retry-max-time", ' ', Meaning::IgnoredValue),
    ("max-redirs", ' ', Meaning::IgnoredValue),
    ("stderr", ' ', Meaning::IgnoredValue),
    ("form", 'F', Meaning::Refused(MULTIPART)),
    ("form-string", ' ', Meaning::Refused(MULTIPART)),
    ("upload-file", 'T', Meaning::Refused(FILE)),
    ("config", 'K', Meaning::Refused(FILE)),
    ("netrc", 'n', Meaning::RefusedFlag(FILE)),
    ("cert", 'E', Meaning::Refused(CERTIFICATE)),
    ("key", ' ', Meaning::Refused(CERTIFICATE)),
    ("cacert", ' ', Meaning::Refused(CERTIFICATE)),
    ("capath", ' ', Meaning::Refused(CERTIFICATE)),
    ("proxy", 'x', Meaning::Refused(NETWORK)),
    ("proxy-user", 'U', Meaning::Refused(NETWORK)),
    ("noproxy", ' ', Meaning::Refused(NETWORK)),
    ("resolve", ' ', Meaning::Refused(NETWORK)),
    ("connect-to", ' ', Meaning::Refused(NETWORK)),
    ("interface", ' ', Meaning::Refused(NETWORK)),
    ("unix-socket", ' ', Meaning::Refused(NETWORK)),
    ("digest", ' ', Meaning::RefusedFlag(SCHEME)),
    ("ntlm", ' ', Meaning::RefusedFlag(SCHEME)),
    ("negotiate", ' ', Meaning::RefusedFlag(SCHEME)),
    ("aws-sigv4", ' ', Meaning::Refused(SCHEME)),
    ("next", ':', Meaning::RefusedFlag("one command makes one request")),
];

/// The option of a long name.
pub(super) fn long(name: &str) -> Option<Meaning> {
    OPTIONS.iter().find(|(known, _, _)| *known == name).map(|(_, _, meaning)| *meaning)
}

/// The option of a letter, with its name.
pub(super) fn short(letter: char) -> Option<Meaning> {
    OPTIONS.iter().find(|(_, known, _)| *known == letter && letter != ' ').map(|(_, _, meaning)| *meaning)
}
