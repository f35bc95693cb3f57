//! Messages signed, encrypted, verified and decrypted by `xmlsec1`, so that it is not only our own signer
//! judging itself.

use crate::support::*;
use gatehouse_saml::idp::{Encryption, KeyTransport, Sign};
use gatehouse_saml::{Reason, verify_bytes};
use std::process::Command;
use tempfile::TempDir;

/// Runs `xmlsec1` and returns what it prints.
pub(crate) fn xmlsec1(arguments: &[&str]) -> String {
    let (mode, rest) = arguments.split_first().unwrap();
    let output = Command::new("xmlsec1").arg(mode).args(rest).output().unwrap_or_else(|e| {
        panic!("xmlsec1 cannot be run ({e}); install it: apt-get install xmlsec1");
    });
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "xmlsec1 {arguments:?} failed: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// As [`xmlsec1`], `None` when it refuses its input.
pub(crate) fn try_xmlsec1(arguments: &[&str]) -> Option<String> {
    let output = Command::new("xmlsec1").args(arguments).output().expect("xmlsec1 is installed");
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// A directory with the keys of both parties.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        let scratch = Self(tempfile::tempdir().unwrap());
        scratch.write("idp.key", IDP_KEY.key.to_pkcs8_pem().unwrap().as_bytes());
        scratch.write("idp.crt", IDP_KEY.certificate.to_pem().as_bytes());
        scratch.write("sp.key", SP_KEY.key.to_pkcs8_pem().unwrap().as_bytes());
        scratch.write("sp.crt", SP_KEY.certificate.to_pem().as_bytes());
        scratch
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
        self.path(name)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Key and certificate, as `--privkey-pem` wants them.
    pub(crate) fn idp_key(&self) -> String {
        format!("{},{}", self.path("idp.key"), self.path("idp.crt"))
    }
}

const IDS: [&str; 4] = [
    "--id-attr:ID",
    "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
    "--id-attr:ID",
    "urn:oasis:names:tc:SAML:2.0:protocol:Response",
];
const IDS_11: [&str; 2] = ["--id-attr:AssertionID", "urn:oasis:names:tc:SAML:1.0:assertion:Assertion"];

/// An empty signature for `xmlsec1` to fill in.
fn template(id: &str, signature: &str, digest: &str, prefixes: &str) -> String {
    let c14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
    format!(
        "<dsig:Signature xmlns:dsig=\"{DS}\">\n  <dsig:SignedInfo>\n    <dsig:CanonicalizationMethod Algorithm=\"{c14n}\"/>\n\
         <dsig:SignatureMethod Algorithm=\"{signature}\"/><dsig:Reference URI=\"#{id}\"><dsig:Transforms>\
         <dsig:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
         <dsig:Transform Algorithm=\"{c14n}\">{prefixes}</dsig:Transform></dsig:Transforms>\
         <dsig:DigestMethod Algorithm=\"{digest}\"/><dsig:DigestValue/></dsig:Reference></dsig:SignedInfo>\
         <dsig:SignatureValue/><dsig:KeyInfo><dsig:X509Data><dsig:X509Certificate/></dsig:X509Data></dsig:KeyInfo>\
         </dsig:Signature>"
    )
}

pub(crate) fn sha256_template(id: &str, prefixes: &str) -> String {
    template(
        id,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2001/04/xmlenc#sha256",
        prefixes,
    )
}

fn sign_by_xmlsec1(scratch: &Scratch, xml: &str, ids: &[&str]) -> String {
    let input = scratch.write("unsigned.xml", xml.as_bytes());
    let key = scratch.idp_key();
    let arguments: Vec<&str> = ["--sign", "--privkey-pem", &key]
        .into_iter()
        .chain(ids.iter().copied())
        .chain([input.as_str()])
        .collect();
    xmlsec1(&arguments)
}

/// A response as Shibboleth or AD FS lay it out: indented, typed values, namespaces wherever.
fn realistic() -> String {
    let xml = response().unsigned().replace(
        "<saml:AttributeValue>",
        "<saml:AttributeValue xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"xs:string\">",
    );
    let xml =
        xml.replacen("<samlp:Response", "<samlp:Response xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"", 1);
    let xml = xml.replace("<saml:AttributeStatement>", "<!-- attributes --><saml:AttributeStatement>");
    xml.replace("><", ">\n  <").replace("staff", "Ünïcode &amp; &lt;staff&gt;")
}

#[test]
fn messages_signed_by_xmlsec1_are_accepted() {
    let scratch = Scratch::new();
    let list = "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"xs #default\"/>";
    let sha512 = template(
        "_r1-a",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
        "http://www.w3.org/2001/04/xmlenc#sha512",
        "",
    );
    let messages = [
        insert_signature(&realistic(), "_r1-a", &sha256_template("_r1-a", "")),
        insert_signature(&realistic(), "_r1-a", &sha256_template("_r1-a", list)),
        insert_signature(&realistic(), "_r1", &sha256_template("_r1", "")),
        insert_signature(&realistic(), "_r1-a", &sha512),
    ];
    for message in messages {
        let signed = sign_by_xmlsec1(&scratch, &message, &IDS);
        let verified = accepted(verify_bytes(signed.as_bytes(), &policy()));
        assert_eq!(verified.attributes()["groups"], ["Ünïcode & <staff>", "admins"]);
        let changed = swap(&signed, "ada@example.org", "bob@example.org");
        let refused = verify_bytes(changed.as_bytes(), &policy()).outcome.unwrap_err();
        assert_eq!(refused.reason, Reason::DigestMismatch);
    }
}

#[test]
fn rsa_sha1_by_xmlsec1_is_accepted_only_when_allowed() {
    let scratch = Scratch::new();
    let sha1 = template(
        "_r1-a",
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#sha1",
        "",
    );
    let signed = sign_by_xmlsec1(&scratch, &insert_signature(&realistic(), "_r1-a", &sha1), &IDS);
    let refused = verify_bytes(signed.as_bytes(), &policy()).outcome.unwrap_err();
    assert_eq!(refused.reason, Reason::Sha1Forbidden);
    let mut relaxed = policy();
    relaxed.allow_sha1 = true;
    let judgement = verify_bytes(signed.as_bytes(), &relaxed);
    assert!(judgement.checks.iter().any(|c| c.detail.contains("SHA-1, which can be forged")));
    accepted(judgement);
}

#[test]
fn a_saml_1_1_token_signed_by_xmlsec1_is_accepted() {
    let scratch = Scratch::new();
    let xml = swap(
        &rstr().unsigned(),
        "</saml:Assertion>",
        &format!("{}</saml:Assertion>", sha256_template("_t1-a", "")),
    );
    let signed = sign_by_xmlsec1(&scratch, &xml, &IDS_11);
    accepted(verify_bytes(signed.as_bytes(), &wsfed_policy()));
}

#[test]
fn our_signatures_are_verified_by_xmlsec1() {
    let scratch = Scratch::new();
    let mut both = response();
    both.sign = Sign::Both;
    for (message, ids) in
        [(honest(), &IDS[..]), (honest_response_signed(), &IDS), (issue_rstr(&rstr()), &IDS_11)]
    {
        let input = scratch.write("signed.xml", message.as_bytes());
        let certificate = scratch.path("idp.crt");
        let arguments: Vec<&str> = ["--verify", "--pubkey-cert-pem", &certificate]
            .into_iter()
            .chain(ids.iter().copied())
            .chain([input.as_str()])
            .collect();
        xmlsec1(&arguments);
    }
}

/// Encrypts the signed assertion with `xmlsec1`, in a template as identity providers lay it out.
fn encrypt_by_xmlsec1(scratch: &Scratch, cipher: &str, session_key: &str, message: &str) -> String {
    let template = format!(
        "<xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" \
         Type=\"http://www.w3.org/2001/04/xmlenc#Element\"><xenc:EncryptionMethod Algorithm=\"{cipher}\"/>\
         <dsig:KeyInfo xmlns:dsig=\"{DS}\"><xenc:EncryptedKey><xenc:EncryptionMethod \
         Algorithm=\"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p\"/><dsig:KeyInfo><dsig:KeyName/></dsig:KeyInfo>\
         <xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></dsig:KeyInfo>\
         <xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>"
    );
    let template = scratch.write("template.xml", template.as_bytes());
    let data = scratch.write("plain.xml", message.as_bytes());
    let sealed = xmlsec1(&[
        "--encrypt",
        "--pubkey-cert-pem",
        &scratch.path("sp.crt"),
        "--session-key",
        session_key,
        "--xml-data",
        &data,
        "--node-name",
        "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
        &template,
    ]);
    let data = cut(&sealed, "<xenc:EncryptedData", "</xenc:EncryptedData>").to_owned();
    swap(&sealed, &data, &format!("<saml:EncryptedAssertion>{data}</saml:EncryptedAssertion>"))
}

#[test]
fn assertions_encrypted_by_xmlsec1_are_accepted() {
    let scratch = Scratch::new();
    for (cipher, session_key) in [
        ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "aes-128"),
        ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", "aes-256"),
        ("http://www.w3.org/2009/xmlenc11#aes128-gcm", "aes-128"),
        ("http://www.w3.org/2009/xmlenc11#aes256-gcm", "aes-256"),
    ] {
        let sealed = encrypt_by_xmlsec1(&scratch, cipher, session_key, &honest());
        accepted(verify_bytes(sealed.as_bytes(), &policy()));
    }
}

#[test]
fn our_encryption_is_decrypted_by_xmlsec1() {
    let scratch = Scratch::new();
    let mut builder = response();
    for encryption in
        [Encryption::Aes128Cbc, Encryption::Aes256Cbc, Encryption::Aes128Gcm, Encryption::Aes256Gcm]
    {
        builder.encrypt = Some((SP_KEY.certificate.clone(), encryption, KeyTransport::OaepSha1));
        let input = scratch.write("sealed.xml", issue(&builder).as_bytes());
        let plain = xmlsec1(&["--decrypt", "--privkey-pem", &scratch.path("sp.key"), &input]);
        assert!(plain.contains("<saml:Assertion") && plain.contains("ada@example.org"));
    }
}
