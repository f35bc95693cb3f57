//! Names that say that something is secret.

/// Names of members, in small letters without `-` and `_`, that hold secrets.
const NAMES: [&str; 14] = [
    "authorization",
    "proxyauthorization",
    "cookie",
    "cookies",
    "setcookie",
    "apikey",
    "xapikey",
    "privatekey",
    "signingkey",
    "credentials",
    "passphrase",
    "passwd",
    "pwd",
    "sessionid",
];

/// Parts of such names.
const PARTS: [&str; 4] = ["password", "token", "secret", "apikey"];

/// Names that hold such a part and no secret.
const HARMLESS: [&str; 13] = [
    "cachedtokens",
    "completiontokens",
    "inputtokens",
    "maxtokens",
    "nextpagetoken",
    "outputtokens",
    "pagetoken",
    "prompttokens",
    "tokencount",
    "tokentype",
    "tokenurl",
    "tokens",
    "totaltokens",
];

/// Does the name of a member say that it is secret?
pub fn is_secret_name(name: &str) -> bool {
    let plain: String =
        name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    !HARMLESS.contains(&plain.as_str())
        && (NAMES.contains(&plain.as_str()) || PARTS.iter().any(|part| plain.contains(part)))
}
