//! How one authenticates: `securitySchemes`, and which of them operations ask for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::LeftOut;
use super::document::{Document, Node};
use super::fields::{field, made};
use super::names::{escaped, label, line, new_key, new_slug};
use super::servers::Servers;
use crate::limits::{AUTH_TYPES, LABEL_CHARS, MEMBERS, SCOPES, TOLD_NAME_BYTES};
use crate::model::{AuthKind, AuthType, Field, OAuth, Place, Placement};
use crate::validate::is_header_name;
use crate::{Template, UrlTemplate};

/// The schemes of a document, and the ways in which they are asked for.
pub(super) struct Security<'a> {
    document: &'a Document<'a>,
    schemes: Option<Node<'a>>,
    /// What counts for operations that say nothing.
    usual: Vec<Way<'a>>,
    /// All ways that are asked for, each once, in the order in which they were met.
    ways: Vec<BTreeSet<&'a str>>,
    /// The scopes that are asked for of each scheme: by default, and by single operations.
    usual_scopes: BTreeMap<&'a str, BTreeSet<&'a str>>,
    own_scopes: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

/// Most schemes that are asked for together; each is a field.
const TOGETHER: usize = 8;

/// Schemes that are needed together, with their scopes. None: no credential is needed.
type Way<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// What an operation needs.
pub(super) struct Needed<'a> {
    /// Whether it needs a credential at all.
    pub secured: bool,
    /// The first scheme with scopes, and these.
    scopes: Option<(&'a str, Vec<&'a str>)>,
}

impl<'a> Security<'a> {
    pub(super) fn new(document: &'a Document<'a>) -> Self {
        let root = document.root();
        let usual = ways(&root).unwrap_or_default();
        let mut made = Self {
            document,
            schemes: root.get("components").and_then(|components| components.get("securitySchemes")),
            ways: Vec::new(),
            usual_scopes: BTreeMap::new(),
            own_scopes: BTreeMap::new(),
            usual: Vec::new(),
        };
        for way in &usual {
            made.know(way);
            for (name, scopes) in way {
                made.usual_scopes.entry(*name).or_default().extend(scopes);
            }
        }
        made.usual = usual;
        made
    }

    fn know(&mut self, way: &Way<'a>) {
        let names: BTreeSet<&str> = way.keys().copied().collect();
        if !names.is_empty() && self.ways.len() < MEMBERS && !self.ways.contains(&names) {
            self.ways.push(names);
        }
    }

    /// What an operation needs.
    pub(super) fn of_operation(&mut self, operation: &Node<'a>) -> Needed<'a> {
        let own = ways(operation);
        let counts = own.as_ref().unwrap_or(&self.usual);
        let secured = !counts.is_empty() && counts.iter().all(|way| !way.is_empty());
        let with_scopes = counts.iter().flatten().find(|(_, scopes)| !scopes.is_empty());
        let scopes = with_scopes.map(|(name, scopes)| (*name, scopes.clone()));
        for way in own.iter().flatten() {
            self.know(way);
            for (name, scopes) in way {
                self.own_scopes.entry(*name).or_default().extend(scopes);
            }
        }
        Needed { secured, scopes }
    }

    /// The scopes that an operation needs beyond those that are asked for by default.
    pub(super) fn beyond_default(&self, needed: &Needed<'a>) -> Vec<String> {
        let Some((name, scopes)) = &needed.scopes else { return Vec::new() };
        let Some(usual) = self.usual_scopes.get(name).filter(|usual| !usual.is_empty()) else {
            return Vec::new();
        };
        let beyond = scopes.iter().filter(|scope| !usual.contains(*scope));
        beyond.take(SCOPES).map(|scope| (*scope).to_owned()).collect()
    }

    /// The authentication types, in the order in which the document asks for them.
    pub(super) fn types(&self, servers: &Servers<'a>) -> Result<Vec<AuthType>, LeftOut> {
        let root = self.document.root();
        let mut ways = self.ways.clone();
        if ways.is_empty() {
            let names = self.schemes.iter().flat_map(Node::members).take(MEMBERS);
            ways.extend(names.map(|(name, _)| BTreeSet::from([name])));
        }
        let mut types: Vec<AuthType> = Vec::new();
        let mut first_refused = None;
        for way in &ways {
            let mut maker = Maker { document: self.document, servers, types: &mut types };
            if let Err(why) = self.add(way, &mut maker) {
                self.document.note(why.clone());
                first_refused.get_or_insert(why);
            }
        }
        let open = self.usual.iter().any(BTreeMap::is_empty) || ways.is_empty();
        if types.len() > AUTH_TYPES {
            types.truncate(AUTH_TYPES);
            let at = root.absent("security");
            self.document.leave_out(&at, format!("more than {AUTH_TYPES} ways to authenticate"));
        }
        if open && types.len() < AUTH_TYPES {
            let id = new_slug("none", "none", |id| types.iter().any(|auth| auth.id.as_str() == id));
            let parts = json!({ "id": id, "label": "Without authentication", "kind": "none" });
            types.push(made(&root, parts)?);
        }
        match first_refused {
            Some(why) if types.is_empty() => Err(LeftOut {
                what: format!("there is no other way to authenticate, and this one {}", why.what),
                ..why
            }),
            _ => Ok(types),
        }
    }

    /// Adds the types of one way.
    fn add(&self, way: &BTreeSet<&'a str>, maker: &mut Maker<'_, 'a>) -> Result<(), LeftOut> {
        let mut schemes = Vec::new();
        for name in way {
            let declared = self.schemes.as_ref().and_then(|schemes| schemes.get(name));
            let node = declared.ok_or_else(|| {
                let schemes = self.document.root().absent("components").absent("securitySchemes");
                schemes.absent(name).refused("is asked for and not declared")
            })?;
            schemes.push((*name, self.document.resolve(node)?));
        }
        match schemes.as_slice() {
            [(name, node)] if node.text("type") == Some("oauth2") => {
                let usual = self.usual_scopes.get(name).filter(|scopes| !scopes.is_empty());
                let wanted = usual.or_else(|| self.own_scopes.get(name)).filter(|scopes| !scopes.is_empty());
                maker.oauth(name, node, wanted)
            }
            [(name, node)] => maker.single(name, node),
            several => maker.together(several),
        }
    }
}

/// The ways that an object asks for; `None` if it says nothing.
fn ways<'a>(node: &Node<'a>) -> Option<Vec<Way<'a>>> {
    node.get("security")?;
    let ways = node.list("security").into_iter();
    Some(
        ways.map(|way| {
            way.members().take(TOGETHER + 1).map(|(name, scopes)| (name, texts(&scopes))).collect()
        })
        .collect(),
    )
}

fn texts<'a>(list: &Node<'a>) -> Vec<&'a str> {
    let items = list.value.as_array().into_iter().flatten().take(MEMBERS);
    items.filter_map(Value::as_str).filter(|scope| is_scope(scope)).collect()
}

/// `scope-token` of RFC 6749 §3.3, and not too long.
fn is_scope(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

/// Makes authentication types of schemes.
struct Maker<'m, 'a> {
    document: &'a Document<'a>,
    servers: &'m Servers<'a>,
    types: &'m mut Vec<AuthType>,
}

impl<'a> Maker<'_, 'a> {
    fn push(
        &mut self,
        node: &Node<'a>,
        name: &str,
        text: &str,
        kind: AuthKind,
    ) -> Result<&mut AuthType, LeftOut> {
        let taken = |id: &str| self.types.iter().any(|auth| auth.id.as_str() == id);
        let id = new_slug(name, "auth", taken);
        let label = line(text, LABEL_CHARS).unwrap_or_else(|| label(name));
        let auth: AuthType = made(node, json!({ "id": id, "label": label, "kind": kind }))?;
        self.types.push(auth);
        self.types.last_mut().ok_or_else(|| node.refused("cannot be kept"))
    }

    /// One scheme alone.
    fn single(&mut self, name: &str, node: &Node<'a>) -> Result<(), LeftOut> {
        let (place, value) = placed(node)?;
        match place {
            Placed::Basic => {
                let fields = vec![
                    field(node, "username", "User name", false)?,
                    field(node, "password", "Password", true)?,
                ];
                self.push(node, name, "User name and password", AuthKind::Basic)?.fields = fields;
            }
            Placed::Bearer => {
                let fields = vec![field(node, "token", "Token", true)?];
                self.push(node, name, "Bearer token", AuthKind::Bearer)?.fields = fields;
            }
            Placed::Key(place) => {
                let fields = vec![field(node, "api_key", "API key", true)?];
                let apply = vec![placement(node, place, value, "{api_key}")?];
                let auth = self.push(node, name, &format!("API key ({value})"), AuthKind::ApiKey)?;
                auth.fields = fields;
                auth.apply = apply;
            }
        }
        Ok(())
    }

    /// Several keys with each call.
    fn together(&mut self, schemes: &[(&'a str, Node<'a>)]) -> Result<(), LeftOut> {
        let mut fields: Vec<Field> = Vec::new();
        let mut apply = Vec::new();
        if schemes.len() > TOGETHER {
            let at = self.document.root().absent("security");
            return Err(at.refused(format!("asks for more than {TOGETHER} schemes together")));
        }
        for (name, node) in schemes {
            let taken = |key: &str| {
                let known = self.servers.fields.iter().chain(&fields);
                known.map(|field| field.key.as_str()).any(|known| known == key)
            };
            let key = new_key(name, "key", taken);
            apply.push(match placed(node)? {
                (Placed::Key(place), value) => placement(node, place, value, &format!("{{{key}}}"))?,
                (Placed::Bearer, _) => {
                    placement(node, Place::Header, "Authorization", &format!("Bearer {{{key}}}"))?
                }
                (Placed::Basic, _) => {
                    return Err(
                        node.refused("is asked for together with others; keys and tokens alone can be")
                    );
                }
            });
            fields.push(field(node, key.as_str(), &label(name), true)?);
        }
        let Some((_, node)) = schemes.first() else { return Ok(()) };
        let names: Vec<&str> = schemes.iter().map(|(name, _)| *name).collect();
        let text = names.iter().map(|name| label(name)).collect::<Vec<_>>().join(" and ");
        let auth = self.push(node, &names.join("-"), &text, AuthKind::Custom)?;
        auth.fields = fields;
        auth.apply = apply;
        Ok(())
    }

    /// The flows of OAuth 2.0 that a server can go through; the others are named.
    fn oauth(
        &mut self,
        name: &str,
        node: &Node<'a>,
        wanted: Option<&BTreeSet<&'a str>>,
    ) -> Result<(), LeftOut> {
        let flows = node.get("flows").ok_or_else(|| node.refused("has no flows"))?;
        let mut refused = None;
        let mut any = false;
        for (flow, at) in flows.members().take(MEMBERS).filter(|(flow, _)| !flow.starts_with("x-")) {
            let done = match flow {
                "authorizationCode" => self.flow(&format!("{name} code"), &at, AuthKind::Oauth2Code, wanted),
                "clientCredentials" => {
                    self.flow(&format!("{name} client"), &at, AuthKind::Oauth2ClientCredentials, wanted)
                }
                _ => {
                    Err(at.refused("is a flow that is not used: authorizationCode and clientCredentials are"))
                }
            };
            match done {
                Ok(()) => any = true,
                Err(why) => {
                    if let Some(before) = refused.replace(why) {
                        self.document.note(before);
                    }
                }
            }
        }
        match refused {
            Some(why) if any => {
                self.document.note(why);
                Ok(())
            }
            Some(why) => Err(why),
            None if any => Ok(()),
            None => Err(flows.refused("has no flow")),
        }
    }

    fn flow(
        &mut self,
        name: &str,
        node: &Node<'a>,
        kind: AuthKind,
        wanted: Option<&BTreeSet<&'a str>>,
    ) -> Result<(), LeftOut> {
        let token_url = self.url(node, "tokenUrl")?;
        let mut oauth: OAuth = made(node, json!({ "token_url": token_url }))?;
        let mut text = "OAuth 2.0 client credentials";
        if kind == AuthKind::Oauth2Code {
            oauth.authorization_url = Some(self.url(node, "authorizationUrl")?);
            text = "OAuth 2.0 authorization code";
        }
        if node.get("refreshUrl").is_some() {
            match self.url(node, "refreshUrl") {
                Ok(url) => oauth.refresh_url = Some(url).filter(|url| *url != oauth.token_url),
                Err(why) => self.document.note(why),
            }
        }
        let declared = node.get("scopes");
        let all = declared.iter().flat_map(Node::members).map(|(scope, _)| scope);
        let all = all.filter(|scope| is_scope(scope)).take(SCOPES).collect::<Vec<_>>();
        let chosen: Vec<&str> = wanted.map_or(all, |wanted| wanted.iter().copied().take(SCOPES).collect());
        oauth.scopes = chosen.iter().filter_map(|scope| Template::parse(&escaped(scope)).ok()).collect();
        let mut fields = vec![
            field(node, "client_id", "Client ID", false)?,
            field(node, "client_secret", "Client secret", true)?,
        ];
        if !chosen.is_empty() {
            let mut scope = field(node, "scope", "Scope", false)?;
            scope.required = false;
            scope.default = Some(chosen.join(" ")).filter(|default| scope.check(default).is_ok());
            fields.push(scope);
        }
        let auth = self.push(node, name, text, kind)?;
        auth.fields = fields;
        auth.oauth = Some(oauth);
        Ok(())
    }

    /// An endpoint: whole, or from the host of the first server on.
    fn url(&self, node: &Node<'a>, member: &str) -> Result<UrlTemplate, LeftOut> {
        let at = node.absent(member);
        let text = node.text(member).ok_or_else(|| at.refused("is missing"))?.trim();
        let source = if text.starts_with('/') && !text.starts_with("//") {
            format!("{}{}", self.servers.origin(), escaped(text))
        } else if text.starts_with("https://") {
            escaped(text)
        } else {
            return Err(at.refused("is not an address that begins with https://"));
        };
        UrlTemplate::parse(&source).map_err(|error| at.refused(error.to_string()))
    }
}

/// Where a scheme puts its credential.
enum Placed {
    Basic,
    Bearer,
    Key(Place),
}

fn placed<'a>(node: &Node<'a>) -> Result<(Placed, &'a str), LeftOut> {
    match (node.text("type").unwrap_or_default(), node.text("in"), node.text("scheme")) {
        ("apiKey", place, _) => {
            let name = node.text("name").unwrap_or_default();
            match place {
                Some("header") if is_header_name(name) && name.len() <= TOLD_NAME_BYTES => {
                    Ok((Placed::Key(Place::Header), name))
                }
                Some("query")
                    if (1..=TOLD_NAME_BYTES).contains(&name.len()) && !name.contains(char::is_control) =>
                {
                    Ok((Placed::Key(Place::Query), name))
                }
                Some("cookie") => Err(node.refused(
                    "puts its key into a cookie: those belong to browsers, and connectors send none",
                )),
                _ => Err(node.refused("puts its key where none can be put")),
            }
        }
        ("http", _, Some(scheme)) if scheme.eq_ignore_ascii_case("basic") => Ok((Placed::Basic, "")),
        ("http", _, Some(scheme)) if scheme.eq_ignore_ascii_case("bearer") => Ok((Placed::Bearer, "")),
        ("http", ..) => Err(node.refused("is an HTTP scheme that is not used: basic and bearer are")),
        ("openIdConnect", ..) => {
            Err(node
                .refused("is OpenID Connect, whose addresses are in another document: declare it as oauth2"))
        }
        ("mutualTLS", ..) => Err(node.refused("needs a client certificate, and connectors send none")),
        ("oauth2", ..) => {
            Err(node.refused("is asked for together with others; keys and tokens alone can be"))
        }
        _ => Err(node.refused("is of no known type")),
    }
}

fn placement(node: &Node<'_>, place: Place, name: &str, value: &str) -> Result<Placement, LeftOut> {
    let value = Template::parse(value).map_err(|error| node.refused(error.to_string()))?;
    Ok(Placement { place, name: name.to_owned(), value })
}
