//! The table of forms: every way in that we know, by name.

use crate::names::Rounds;
use crate::web::hop;

/// The name of the attacker's own web server.
pub(crate) const PUBLIC: &str = "public.example.test";

/// What stops a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The range of the address; an operator who allows it lets the form through.
    Address,
    /// A rule that nothing lifts, by the code of its error.
    Always(&'static str),
}

/// One way in.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) name: String,
    /// The address as it is written; `{port}` is the port of the server inside.
    pub(crate) url: String,
    /// The status of the redirect of the attacker's server by which it is reached; `None` when it is called itself.
    pub(crate) by: Option<u16>,
    pub(crate) stop: Stop,
}

/// Spellings of an address that this machine gives to its own loopback.
const SPELLINGS: &[(&str, &str)] = &[
    ("dotted decimal", "http://127.0.0.1:{port}/"),
    ("another address of loopback", "http://127.8.9.10:{port}/"),
    ("two parts", "http://127.1:{port}/"),
    ("three parts", "http://127.0.1:{port}/"),
    ("one decimal number", "http://2130706433:{port}/"),
    ("one hexadecimal number", "http://0x7f000001:{port}/"),
    ("one hexadecimal number in capitals", "http://0X7F000001:{port}/"),
    ("one octal number", "http://017700000001:{port}/"),
    ("dotted hexadecimal", "http://0x7f.0x0.0x0.0x1:{port}/"),
    ("dotted octal", "http://0177.0.0.01:{port}/"),
    ("dotted octal with many zeros", "http://0000000177.0.0.1:{port}/"),
    ("hexadecimal, decimal and octal mixed", "http://0x7f.0.0.01:{port}/"),
    ("hexadecimal in two parts", "http://0x7f.1:{port}/"),
    ("octal in two parts", "http://0177.1:{port}/"),
    ("a trailing dot", "http://127.0.0.1.:{port}/"),
    ("two parts and a trailing dot", "http://127.1.:{port}/"),
    ("unspecified", "http://0.0.0.0:{port}/"),
    ("unspecified in one digit", "http://0:{port}/"),
    ("unspecified in hexadecimal", "http://0x0:{port}/"),
    ("full-width digits", "http://１２７.０.０.１:{port}/"),
    ("digits in circles", "http://①②⑦.⓪.⓪.①:{port}/"),
    ("superscript digits", "http://¹²⁷.⁰.⁰.¹:{port}/"),
    ("mathematical bold digits", "http://𝟏𝟐𝟕.𝟎.𝟎.𝟏:{port}/"),
    ("ideographic full stops", "http://127。0。0。1:{port}/"),
    ("half-width full stops", "http://127｡0｡0｡1:{port}/"),
    ("a soft hyphen inside", "http://127.0.0\u{ad}.1:{port}/"),
    ("percent-encoded digits", "http://%31%32%37.0.0.1:{port}/"),
    ("percent-encoded dots", "http://127%2E0%2E0%2E1:{port}/"),
    ("percent-encoded full-width digits", "http://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1:{port}/"),
    ("a tab inside", "http://127.0.\t0.1:{port}/"),
    ("a line feed inside", "http://127.\n0.0.1:{port}/"),
    ("white space around", "  http://127.0.0.1:{port}/  "),
    ("backslashes", "http:\\\\127.0.0.1:{port}\\"),
    ("no slashes", "http:127.0.0.1:{port}/"),
    ("four slashes", "http:////127.0.0.1:{port}/"),
    ("the scheme in capitals", "HTTP://127.0.0.1:{port}/"),
    ("a public name behind a backslash", "http://127.0.0.1:{port}\\@public.example.test/"),
    ("a public name in the fragment", "http://127.0.0.1:{port}#@public.example.test/"),
    ("a public name in the query", "http://127.0.0.1:{port}?@public.example.test/"),
    ("over https", "https://127.0.0.1:{port}/"),
    ("metadata as a decimal number", "http://2852039166/latest/meta-data/"),
    ("metadata as a hexadecimal number", "http://0xa9fea9fe/latest/meta-data/"),
    ("metadata in dotted octal", "http://0251.0376.0251.0376/latest/meta-data/"),
    ("metadata in dotted hexadecimal", "http://0xa9.0xfe.0xa9.0xfe/latest/meta-data/"),
    ("metadata in two parts", "http://169.16689662/latest/meta-data/"),
    ("a private network in two parts", "http://10.1:{port}/"),
];

/// Addresses in their usual spelling.
const ADDRESSES: &[(&str, &str)] = &[
    ("private 10/8", "10.0.0.1"),
    ("private 172.16/12, its beginning", "172.16.0.1"),
    ("private 172.16/12, its end", "172.31.255.254"),
    ("private 192.168/16", "192.168.0.1"),
    ("link-local", "169.254.1.1"),
    ("metadata", "169.254.169.254"),
    ("metadata of a task", "169.254.170.2"),
    ("metadata at Alibaba", "100.100.100.200"),
    ("metadata at Oracle", "192.0.0.192"),
    ("metadata at Azure", "168.63.129.16"),
    ("carrier-grade NAT", "100.64.0.1"),
    ("this network", "0.1.2.3"),
    ("for protocols", "192.0.0.8"),
    ("documentation 1", "192.0.2.1"),
    ("documentation 2", "198.51.100.1"),
    ("documentation 3", "203.0.113.1"),
    ("6to4 relay", "192.88.99.1"),
    ("benchmarking", "198.18.0.1"),
    ("multicast", "224.0.0.1"),
    ("multicast of a site", "239.255.255.250"),
    ("reserved", "240.0.0.1"),
    ("broadcast", "255.255.255.255"),
    ("IPv6 loopback", "[::1]"),
    ("IPv6 loopback in full", "[0:0:0:0:0:0:0:1]"),
    ("IPv6 loopback with zeros", "[0000::0001]"),
    ("IPv6 unspecified", "[::]"),
    ("mapped loopback, dotted", "[::ffff:127.0.0.1]"),
    ("mapped loopback, hexadecimal", "[::ffff:7f00:1]"),
    ("mapped loopback, in full", "[0:0:0:0:0:FFFF:127.0.0.1]"),
    ("mapped private", "[::ffff:10.0.0.1]"),
    ("mapped metadata", "[::ffff:169.254.169.254]"),
    ("mapped public", "[::ffff:1.1.1.1]"),
    ("IPv4-compatible, dotted", "[::127.0.0.1]"),
    ("IPv4-compatible, hexadecimal", "[::a9fe:a9fe]"),
    ("IPv4-translated", "[::ffff:0:127.0.0.1]"),
    ("NAT64 of loopback", "[64:ff9b::127.0.0.1]"),
    ("NAT64 of metadata", "[64:ff9b::a9fe:a9fe]"),
    ("NAT64 of a private network", "[64:ff9b::10.0.0.1]"),
    ("NAT64 for local use", "[64:ff9b:1::127.0.0.1]"),
    ("6to4 of loopback", "[2002:7f00:1::]"),
    ("6to4 of metadata", "[2002:a9fe:a9fe::1]"),
    ("6to4 of a private network", "[2002:a00:1::1]"),
    ("Teredo", "[2001:0:c000:201::80ff:fffe]"),
    ("ISATAP of loopback", "[2606:4700::5efe:127.0.0.1]"),
    ("ISATAP of a private network", "[2606:4700::200:5efe:10.0.0.1]"),
    ("ISATAP without a prefix", "[::5efe:127.0.0.1]"),
    ("ISATAP on the link", "[fe80::5efe:10.0.0.1]"),
    ("IPv6 link-local", "[fe80::1]"),
    ("IPv6 link-local, its end", "[febf::1]"),
    ("IPv6 site-local", "[fec0::1]"),
    ("unique local fc", "[fc00::1]"),
    ("unique local fd", "[fd12:3456::1]"),
    ("IPv6 metadata at AWS", "[fd00:ec2::254]"),
    ("IPv6 metadata at Google", "[fd20:ce::254]"),
    ("IPv6 multicast", "[ff02::1]"),
    ("IPv6 discard", "[100::1]"),
    ("IPv6 benchmarking", "[2001:2::1]"),
    ("IPv6 for protocols", "[2001:20::1]"),
    ("IPv6 documentation", "[2001:db8::1]"),
    ("IPv6 documentation, large", "[3fff::1]"),
    ("IPv6 segments", "[5f00::1]"),
    ("IPv6 of nobody", "[4000::1]"),
];

/// Names, and what they answer.
const NAMES: &[(&str, &str, Rounds)] = &[
    ("a name of loopback", "inside.example.test", &[&["127.0.0.1"]]),
    ("a name of a private network", "ten.example.test", &[&["10.0.0.1"]]),
    ("a name of metadata", "metadata.example.test", &[&["169.254.169.254"]]),
    ("a name of the unspecified address", "zero.example.test", &[&["0.0.0.0"]]),
    ("a name of IPv6 loopback", "six.example.test", &[&["::1"]]),
    ("a name of a mapped address", "mapped.example.test", &[&["::ffff:127.0.0.1"]]),
    ("a name of a NAT64 address", "nat64.example.test", &[&["64:ff9b::7f00:1"]]),
    ("a name of a 6to4 address", "sixtofour.example.test", &[&["2002:7f00:1::"]]),
    ("a name of several private addresses", "several.example.test", &[&["10.0.0.1", "192.168.0.1", "::1"]]),
    ("a name that begins like an address", "127.0.0.1.wild.example.test", &[&["127.0.0.1"]]),
    ("an alias of a private name", "alias.example.test", &[&["->inside.example.test"]]),
    ("an alias without the address beside it", "bare.example.test", &[&["=>inside.example.test"]]),
    ("an alias of an alias", "chain.example.test", &[&["->alias.example.test"]]),
    ("an alias of an IPv6 name", "alias6.example.test", &[&["->six.example.test"]]),
    ("a name in another script", "xn--bcher-kva.example.test", &[&["127.0.0.1"]]),
];

/// Names that need no entry in the zone.
const SPECIAL_NAMES: &[(&str, &str)] = &[
    ("localhost", "localhost"),
    ("localhost with a trailing dot", "localhost."),
    ("localhost in capitals", "LOCALHOST"),
    ("below localhost", "deep.below.localhost"),
    ("localhost in full-width letters", "ｌｏｃａｌｈｏｓｔ"),
    ("localhost, percent-encoded", "%6c%6f%63%61%6c%68%6f%73%74"),
    ("a private name with a trailing dot", "inside.example.test."),
    ("a private name in mixed case", "InSide.Example.TEST"),
    ("a private name in another script", "bücher.example.test"),
];

/// Where each of the five statuses sends us.
const TARGETS: &[(&str, &str)] = &[
    ("loopback", "http://127.0.0.1:{port}/x"),
    ("a decimal number", "http://2130706433:{port}/x"),
    ("IPv6 loopback", "http://[::1]:{port}/x"),
    ("a mapped address", "http://[::ffff:127.0.0.1]:{port}/x"),
    ("a NAT64 address", "http://[64:ff9b::7f00:1]:{port}/x"),
    ("a 6to4 address", "http://[2002:7f00:1::]:{port}/x"),
    ("a private network", "http://10.0.0.1:{port}/x"),
    ("link-local", "http://169.254.1.1:{port}/x"),
    ("metadata", "http://169.254.169.254/latest/meta-data/"),
    ("multicast", "http://224.0.0.1:{port}/x"),
    ("the unspecified address", "http://0.0.0.0:{port}/x"),
    ("a private name", "http://inside.example.test:{port}/x"),
    ("an alias of a private name", "http://alias.example.test:{port}/x"),
    ("localhost", "http://localhost:{port}/x"),
];

/// Further redirects, one status each.
const LOCATIONS: &[(&str, u16, &str, Stop)] = &[
    ("relative to the scheme", 302, "//127.0.0.1:{port}/x", Stop::Address),
    ("relative, with backslashes", 302, "\\\\127.0.0.1:{port}\\x", Stop::Address),
    ("relative, slash and backslash", 302, "/\\127.0.0.1:{port}/x", Stop::Address),
    ("without slashes after another scheme", 302, "https:127.0.0.1:{port}/x", Stop::Address),
    ("from http to https", 301, "https://127.0.0.1:{port}/x", Stop::Address),
    ("from http to https, by name", 308, "https://inside.example.test:{port}/x", Stop::Address),
    ("to ftp", 302, "ftp://127.0.0.1:{port}/x", Stop::Always("refused")),
    ("to gopher", 302, "gopher://127.0.0.1:{port}/_x", Stop::Always("refused")),
    ("to a file", 302, "file:///etc/passwd", Stop::Always("refused")),
    ("to a file of a host", 307, "file://127.0.0.1/etc/passwd", Stop::Always("refused")),
    ("to data", 302, "data:text/plain,x", Stop::Always("refused")),
    ("to a script", 302, "javascript:1", Stop::Always("refused")),
    ("to a web socket", 307, "ws://127.0.0.1:{port}/x", Stop::Always("refused")),
    ("with a user name", 302, "http://public.example.test@127.0.0.1:{port}/x", Stop::Always("refused")),
    ("to the port of a mail server", 307, "http://public.example.test:25/x", Stop::Always("refused")),
    ("to a zone of an address", 302, "http://[fe80::1%25lo]:{port}/x", Stop::Always("protocol")),
];

/// What no allowed network lets through.
const NEVER: &[(&str, &str, &str)] = &[
    ("a public name as a user", "http://public.example.test@127.0.0.1:{port}/", "refused"),
    ("a public name as user and password", "http://public.example.test:80@127.0.0.1:{port}/", "refused"),
    ("a private address as a user", "http://127.0.0.1:{port}@public.example.test/", "refused"),
    ("a zone of an address", "http://[fe80::1%25lo]:{port}/", "refused"),
    ("a bare zone of an address", "http://[::1%lo]:{port}/", "refused"),
    ("an address of five parts", "http://127.0.0.0.1:{port}/", "refused"),
    ("a part that is too large", "http://256.0.0.1:{port}/", "refused"),
    ("a percent-encoded null", "http://127.0.0.1%00.public.example.test:{port}/", "refused"),
    ("an address before two dots", "http://127.0.0.1..:{port}/", "dns_failure"),
    ("a file", "file:///etc/passwd", "refused"),
    ("gopher", "gopher://127.0.0.1:{port}/_GET", "refused"),
    ("dict", "dict://127.0.0.1:{port}/stat", "refused"),
    ("ftp", "ftp://127.0.0.1:{port}/", "refused"),
    ("ldap", "ldap://127.0.0.1:{port}/", "refused"),
    ("a socket of the file system", "unix:/run/docker.sock", "refused"),
    ("the port of a mail server", "http://127.0.0.1:25/", "refused"),
    ("the port of a cache", "http://127.0.0.1:11211/", "refused"),
];

/// Where a private server would be reached over an encrypted hop; only this way is a downgrade.
pub(crate) const DOWNGRADE: &str = "http://127.0.0.1:{port}/x";

/// The zone of the attacker's name server, besides the names that turn.
pub(crate) fn zone() -> Vec<(&'static str, Rounds)> {
    let public: (&str, Rounds) = (PUBLIC, &[&["127.0.0.3"]]);
    NAMES.iter().map(|(_, host, rounds)| (*host, *rounds)).chain([public]).collect()
}

/// Every form.
pub(crate) fn all() -> Vec<Form> {
    let plain = |name: &str, url: String, stop| Form { name: name.to_owned(), url, by: None, stop };
    let host = |host: &str| format!("http://{host}:{{port}}/");
    let mut forms = Vec::new();
    forms.extend(SPELLINGS.iter().map(|(name, url)| plain(name, (*url).to_owned(), Stop::Address)));
    forms
        .extend(ADDRESSES.iter().map(|(name, at)| plain(name, format!("http://{at}/latest"), Stop::Address)));
    forms.extend(NAMES.iter().map(|(name, at, _)| plain(name, host(at), Stop::Address)));
    forms.extend(SPECIAL_NAMES.iter().map(|(name, at)| plain(name, host(at), Stop::Address)));
    forms.extend(NEVER.iter().map(|(name, url, code)| plain(name, (*url).to_owned(), Stop::Always(code))));
    for status in [301, 302, 303, 307, 308] {
        forms.extend(TARGETS.iter().map(|(name, url)| Form {
            name: format!("{status} to {name}"),
            url: (*url).to_owned(),
            by: Some(status),
            stop: Stop::Address,
        }));
    }
    forms.extend(LOCATIONS.iter().map(|(name, status, url, stop)| Form {
        name: format!("{status} {name}"),
        url: (*url).to_owned(),
        by: Some(*status),
        stop: *stop,
    }));
    forms.push(Form {
        name: "two redirects, the second one inside".to_owned(),
        url: hop(307, "http://127.0.0.1:80/x"),
        by: Some(302),
        stop: Stop::Address,
    });
    forms
}
