//! Our canonical form against another implementation's: the digests that `xmlsec1` computes for hundreds of
//! elements of made-up documents must be ours, byte for byte.

use crate::support::{DS, base64};
use crate::xmlsec::{Scratch, try_xmlsec1, xmlsec1};
use aws_lc_rs::digest::{SHA256, digest};
use gatehouse_saml::idp::canonical_form;

const NAMESPACE: &str = "urn:t";

/// A generator of numbers that gives the same documents on every run (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (limit as u64)).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// Prefixes that are bound everywhere, so that any of them may be used.
const PREFIXES: [&str; 4] = ["", "a", "b", "c"];
// No ampersand: libxml2 writes it as &#38; in namespace names, against Canonical XML.
const URIS: [&str; 4] = ["urn:one", "urn:two", "http://x.example/?a=b", "urn:%C3%BC"];
const TEXTS: [&str; 10] = [
    "text",
    " \n\t ",
    "a\r\nb\rc",
    "&#13;&#10;&#9;",
    "&lt;&gt;&amp;&quot;&apos;",
    "\"'>",
    "<!-- c -->",
    "<![CDATA[<&>\r\n]]>",
    "äöü愛𝄞",
    "&#x1D11E;",
];
const VALUES: [&str; 8] =
    ["", "v", "a  b", "&#9;&#10;&#13;", "a\tb\nc\r\nd", "&lt;>&amp;&quot;'", "愛", " x "];

fn element(numbers: &mut Numbers, depth: usize, out: &mut String) {
    let prefix = numbers.pick(&PREFIXES);
    let name = if prefix.is_empty() { "e".to_owned() } else { format!("{prefix}:e") };
    out.push_str(&format!("<{name}"));
    for declared in PREFIXES {
        if numbers.below(4) == 0 {
            let uri = numbers.pick(&URIS);
            match declared {
                "" if numbers.below(3) == 0 => out.push_str(" xmlns=\"\""),
                "" => out.push_str(&format!(" xmlns=\"{uri}\"")),
                // Distinct per prefix, so that no two attributes become the same name.
                other => out.push_str(&format!("\n xmlns:{other}='{uri}/{other}'")),
            }
        }
    }
    for (n, attribute) in ["z", "a:z", "b:y", "c:z", "y", "xml:lang", "a:a"].into_iter().enumerate() {
        if numbers.below(5) == 0 {
            let value = numbers.pick(&VALUES);
            let quote = if value.contains('\'') || n % 2 == 0 { '"' } else { '\'' };
            let value = if quote == '"' { value.replace('"', "") } else { value.to_owned() };
            out.push_str(&format!(" {attribute} = {quote}{value}{quote}"));
        }
    }
    if depth == 0 || numbers.below(5) == 0 {
        out.push_str("/>");
        return;
    }
    out.push('>');
    for _ in 0..numbers.below(5) {
        if numbers.below(2) == 0 {
            out.push_str(numbers.pick(&TEXTS))
        } else {
            element(numbers, depth - 1, out)
        }
    }
    out.push_str(&format!("</{name} >"));
}

struct Reference {
    id: String,
    prefixes: Vec<&'static str>,
}

fn document(numbers: &mut Numbers, count: usize) -> (String, Vec<Reference>) {
    let mut body = String::new();
    let mut references = Vec::new();
    for n in 0..count {
        let default = numbers.pick(&["", " xmlns=\"urn:d\"", " xmlns=\"\""]);
        body.push_str(&format!("<w:wrap xmlns:w=\"urn:w\" xmlns:c=\"urn:c{n}\"{default}>"));
        body.push_str(&format!("<t:x xmlns:t=\"{NAMESPACE}\" ID=\"i{n}\" a:q=\"1\">"));
        element(numbers, 4, &mut body);
        body.push_str("</t:x></w:wrap>");
        let prefixes: Vec<_> = ["#default", "a", "b", "c", "w", "t", "nowhere"]
            .into_iter()
            .filter(|_| numbers.below(4) == 0)
            .collect();
        references.push(Reference { id: format!("i{n}"), prefixes });
    }
    (body, references)
}

fn reference(reference: &Reference) -> String {
    let c14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let list = match reference.prefixes.as_slice() {
        [] => String::new(),
        prefixes => {
            format!("<ec:InclusiveNamespaces xmlns:ec=\"{c14n}\" PrefixList=\"{}\"/>", prefixes.join(" "))
        }
    };
    format!(
        "<ds:Reference URI=\"#{}\"><ds:Transforms><ds:Transform Algorithm=\"{c14n}\">{list}</ds:Transform>\
         </ds:Transforms><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>\
         <ds:DigestValue/></ds:Reference>",
        reference.id
    )
}

#[test]
fn canonical_forms_are_those_of_xmlsec1_to_the_byte() {
    let scratch = Scratch::new();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for round in 0..12 {
        let (body, references) = document(&mut numbers, 40);
        let list: String = references.iter().map(reference).collect();
        let template = format!(
            "<root xmlns:a=\"urn:a\" xmlns:b=\"urn:b\"><ds:Signature xmlns:ds=\"{DS}\"><ds:SignedInfo>\
             <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
             <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>{list}\
             </ds:SignedInfo><ds:SignatureValue/></ds:Signature>{body}</root>"
        );
        let input = scratch.write(&format!("c14n-{round}.xml"), template.as_bytes());
        let id = format!("--id-attr:ID {NAMESPACE}:x");
        let (option, value) = id.split_once(' ').unwrap();
        let signed = xmlsec1(&["--sign", "--privkey-pem", &scratch.idp_key(), option, value, &input]);
        let theirs: Vec<String> = signed
            .split("<ds:DigestValue>")
            .skip(1)
            .map(|rest| rest.split('<').next().unwrap().split_whitespace().collect())
            .collect();
        assert_eq!(theirs.len(), references.len());
        for (reference, theirs) in references.iter().zip(theirs) {
            let canonical = canonical_form(&template, &reference.id, &reference.prefixes).unwrap();
            let ours = base64(digest(&SHA256, &canonical));
            assert_eq!(ours, theirs, "round {round}: {}", String::from_utf8_lossy(&canonical));
        }
    }
}

/// The folders of fuzz seeds that hold signed XML.
const SEEDS: [&str; 4] = ["response", "encrypted_response", "idp_metadata", "logout"];

/// Every seed that is XML, and what fuzzing found beside them: the canonical form of its root is that of `xmlsec1`.
#[test]
fn the_canonical_form_of_every_seed_is_that_of_xmlsec1() {
    let scratch = Scratch::new();
    let mut compared = 0;
    for folder in SEEDS {
        for kind in ["seeds", "corpus"] {
            let dir = format!("{}/../../fuzz/{kind}/{folder}", env!("CARGO_MANIFEST_DIR"));
            let Ok(files) = std::fs::read_dir(&dir) else { continue };
            for file in files.take(MOST_FILES) {
                let path = file.unwrap().path();
                let Ok(xml) = std::fs::read_to_string(&path) else { continue };
                compared += usize::from(compare_whole(&scratch, &xml, &path.display().to_string()));
            }
        }
    }
    assert!(compared >= 8, "only {compared} seeds were compared");
}

/// Files of one folder that are compared at most.
const MOST_FILES: usize = 150;

/// The document inside a signed envelope of `xmlsec1`; `false` when it is not XML or cannot stand inside another.
fn compare_whole(scratch: &Scratch, xml: &str, name: &str) -> bool {
    let xml = xml.trim_start_matches('\u{feff}');
    let body = match xml.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>").map_or(xml, |(_, body)| body),
        None => xml,
    };
    // libxml2 checks that namespace names are URIs, writes & in them otherwise, and knows xml:id
    let odd = xml.contains("xml:id") || xml.contains("xmlns") && xml.contains("&#");
    let wrapped = format!("<t:x xmlns:t=\"{NAMESPACE}\" ID=\"the-whole\">{body}</t:x>");
    if odd || canonical_form(&wrapped, "the-whole", &[]).is_err() {
        return false;
    }
    let list = reference(&Reference { id: "the-whole".to_owned(), prefixes: Vec::new() });
    let template = format!(
        "<root><ds:Signature xmlns:ds=\"{DS}\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>{list}\
         </ds:SignedInfo><ds:SignatureValue/></ds:Signature>{wrapped}</root>"
    );
    let input = scratch.write("seed.xml", template.as_bytes());
    let id = format!("{NAMESPACE}:x");
    let key = scratch.idp_key();
    let Some(signed) = try_xmlsec1(&["--sign", "--privkey-pem", &key, "--id-attr:ID", &id, &input]) else {
        return false;
    };
    let theirs = signed.split("<ds:DigestValue>").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    let theirs: String = theirs.split_whitespace().collect();
    let canonical = canonical_form(&template, "the-whole", &[]).unwrap();
    assert_eq!(
        base64(digest(&SHA256, &canonical)),
        theirs,
        "{name}: {}",
        String::from_utf8_lossy(&canonical)
    );
    true
}
