//! What each kind of authentication needs.

use super::{Check, Name, Names};
use crate::limits;
use crate::model::{
    AuthKind, AuthType, ClientAuth, ConnectorType, FieldType, Jwt, Lookup, OAuth, Place, Session, TokenValue,
};

impl Check {
    pub(super) fn auth(&mut self, connector: &ConnectorType, auth: &AuthType) {
        let at = format!("auth {}", auth.id);
        self.line(&at, &auth.label, limits::LABEL_CHARS);
        self.fields(&format!("{at} fields"), &auth.fields);
        if let Some(both) =
            auth.fields.iter().find(|field| connector.fields.iter().any(|other| other.key == field.key))
        {
            self.add(&at, format!("the field {} is there twice, here and for all", both.key));
        }
        self.suggestions(&at, connector, auth);
        self.tables(&at, auth);
        self.needs(&at, connector, auth);

        let fields = Names::of_fields(connector, auth);
        if let Some(oauth) = &auth.oauth {
            self.oauth(&at, auth.kind, oauth, &fields);
        }
        if let Some(basic) = &auth.basic {
            self.template(&at, &basic.username, &fields);
            self.template(&at, &basic.password, &fields);
        }
        if let Some(jwt) = &auth.jwt {
            self.jwt(&at, jwt, &fields);
        }
        if let Some(session) = &auth.session {
            self.session(&at, session, &fields);
        }
        if let Some(aws) = &auth.aws {
            self.template(&at, &aws.service, &fields);
            self.template(&at, &aws.region, &fields);
        }
        if let Some(realm) = auth.oauth1.as_ref().and_then(|oauth1| oauth1.realm.as_ref()) {
            self.template(&at, realm, &fields);
        }
        self.connected(&at, connector, auth);
    }

    /// What is known once connected, and what uses it.
    fn connected(&mut self, at: &str, connector: &ConnectorType, auth: &AuthType) {
        let fields = Names::of_fields(connector, auth);
        for lookup in &auth.lookup {
            self.lookup(&format!("{at} lookup"), lookup, &fields);
        }
        let names = Names::of_connection(connector, auth);
        let with_credential = names.clone().with_credential(auth);
        for placement in auth.placements() {
            let at = format!("{at} apply {}", placement.name);
            self.template(&at, &placement.value, &with_credential);
            if placement.place == Place::Header {
                self.header_name(&at, &placement.name);
            }
        }
        self.url(&format!("{at} base_url"), auth.base_url.as_ref().unwrap_or(&connector.base_url), &names);
        for (key, base) in &connector.bases {
            self.url(&format!("{at} bases.{key}"), base, &names);
        }
        self.headers("headers", &connector.headers, &names);
        self.test(
            &format!("{at} test"),
            auth.test.as_ref().unwrap_or(&connector.test),
            connector,
            auth,
            &names,
        );
    }

    fn suggestions(&mut self, at: &str, connector: &ConnectorType, auth: &AuthType) {
        let names = Names::of_fields(connector, auth);
        let mut readable = names.clone();
        readable.add("redirect_uri", FieldType::Url, false);
        for field in connector.fields.iter().chain(&auth.fields) {
            let at = format!("{at} fields.{}", field.key);
            if let Some(help) = &field.help {
                self.template(&at, help, &readable);
            }
            let Some(suggestion) = &field.suggestion else { continue };
            self.template(&at, suggestion, &names);
            if field.secret
                || suggestion.variables().any(|name| names.get(name).is_some_and(|known| known.secret))
            {
                self.add(&at, "a suggestion neither fills a secret nor shows one");
            }
        }
    }

    /// Tables stand where their kind uses them, and nowhere else.
    fn tables(&mut self, at: &str, auth: &AuthType) {
        let kind = auth.kind;
        let jwt = matches!(kind, AuthKind::Jwt | AuthKind::Oauth2JwtBearer);
        let session = matches!(kind, AuthKind::Session | AuthKind::Basic);
        for (name, there, needed, allowed) in [
            ("oauth", auth.oauth.is_some(), kind.is_oauth2(), kind.is_oauth2()),
            ("jwt", auth.jwt.is_some(), jwt, jwt),
            ("session", auth.session.is_some(), kind == AuthKind::Session, session),
            ("aws", auth.aws.is_some(), kind == AuthKind::AwsSigv4, kind == AuthKind::AwsSigv4),
            ("oauth1", auth.oauth1.is_some(), kind == AuthKind::Oauth1, kind == AuthKind::Oauth1),
            ("basic", auth.basic.is_some(), false, kind == AuthKind::Basic),
        ] {
            if needed && !there {
                self.add(at, format!("this kind needs the table `{name}`"));
            }
            if there && !allowed {
                self.add(at, format!("the table `{name}` does not belong to this kind"));
            }
        }
        let alone = matches!(kind, AuthKind::None | AuthKind::AwsSigv4 | AuthKind::Oauth1);
        if !auth.apply.is_empty() && (alone || kind == AuthKind::Basic && auth.session.is_none()) {
            self.add(at, "`apply` does not belong to this kind");
        }
        if kind == AuthKind::Basic && auth.session.is_some() && auth.apply.is_empty() {
            self.add(at, "`session` beside `basic` needs `apply`: where its token is put");
        }
        if auth.apply.is_empty() && matches!(kind, AuthKind::ApiKey | AuthKind::Custom) {
            self.add(at, "this kind needs `apply`: where the key is put");
        }
    }

    /// The fields without which a kind cannot work; those that are secrets must say so.
    fn needs(&mut self, at: &str, connector: &ConnectorType, auth: &AuthType) {
        let names = Names::of_fields(connector, auth);
        let client = auth.oauth.as_ref().is_some_and(|oauth| oauth.client_auth != ClientAuth::None);
        let needed: &[(&str, bool)] = match auth.kind {
            AuthKind::Oauth2Code | AuthKind::Oauth2ClientCredentials if client => {
                &[("client_id", false), ("client_secret", true)]
            }
            AuthKind::Oauth2Code => &[("client_id", false)],
            AuthKind::Oauth2ClientCredentials => {
                self.add(at, "client credentials without a secret prove nothing");
                &[]
            }
            AuthKind::Oauth2Password => &[("username", false), ("password", true)],
            AuthKind::Bearer if auth.apply.is_empty() => &[("token", true)],
            AuthKind::Basic if auth.basic.is_none() => &[("username", false), ("password", true)],
            AuthKind::AwsSigv4 => &[("access_key_id", false), ("secret_access_key", true)],
            AuthKind::Oauth1 => &[
                ("consumer_key", false),
                ("consumer_secret", true),
                ("token", false),
                ("token_secret", true),
            ],
            _ => &[],
        };
        for (key, secret) in needed {
            match names.get(key) {
                None => self.add(at, format!("this kind needs a field {key}")),
                Some(Name { secret: false, .. }) if *secret => {
                    self.add(at, format!("the field {key} is a secret"))
                }
                Some(_) => {}
            }
        }
        let all = connector.fields.iter().chain(&auth.fields);
        if auth.kind != AuthKind::None && !all.clone().any(|field| field.secret) && needs_secret(auth) {
            self.add(at, "no field is a secret, so there is no credential");
        }
    }

    fn oauth(&mut self, at: &str, kind: AuthKind, oauth: &OAuth, names: &Names<'_>) {
        if (kind == AuthKind::Oauth2Code) != oauth.authorization_url.is_some() {
            self.add(at, "`authorization_url` belongs to oauth2_code, and it needs one");
        }
        let urls = [
            ("authorization_url", oauth.authorization_url.as_ref()),
            ("token_url", Some(&oauth.token_url)),
            ("refresh_url", oauth.refresh_url.as_ref()),
            ("revoke_url", oauth.revoke_url.as_ref()),
        ];
        // The callback may say where to ask, when the vendor has several places.
        let mut with_callback = names.clone();
        for value in &oauth.callback_values {
            with_callback.add(value.key.as_str(), value.kind, false);
        }
        for (name, url) in urls.into_iter().filter_map(|(name, url)| Some((name, url?))) {
            let known = if name == "authorization_url" { names } else { &with_callback };
            self.url(&format!("{at} oauth.{name}"), url, known);
        }
        for (name, params) in [
            ("authorization_params", &oauth.authorization_params),
            ("token_params", &oauth.token_params),
            ("refresh_params", &oauth.refresh_params),
        ] {
            for (key, value) in params {
                self.template(&format!("{at} oauth.{name}.{key}"), value, names);
            }
        }
        if oauth
            .authorization_params
            .values()
            .flat_map(crate::Template::variables)
            .any(|name| is_secret(names, name))
        {
            self.add(format!("{at} oauth.authorization_params"), "the browser carries them: no secrets");
        }
        self.headers(&format!("{at} oauth.headers"), &oauth.headers, names);
        for scope in &oauth.scopes {
            self.template(&format!("{at} oauth.scopes"), scope, names);
        }
        if !matches!(oauth.scope_separator.as_str(), " " | "," | "+" | ";") {
            self.add(format!("{at} oauth.scope_separator"), "a space, a comma, a plus or a semicolon");
        }
        for value in oauth.token_values.iter().chain(&oauth.callback_values) {
            self.token_value(&format!("{at} oauth values.{}", value.key), value, names);
        }
        for claim in &oauth.expected_claims {
            for value in &claim.equals {
                self.template(&format!("{at} oauth.expected_claims.{}", claim.claim), value, names);
            }
        }
    }

    /// A value that comes from outside and may end up in an address says whose hosts it may name.
    fn token_value(&mut self, at: &str, value: &TokenValue, names: &Names<'_>) {
        self.taken(at, value.key.as_str(), value.kind, &value.hosts, names);
    }

    fn taken(&mut self, at: &str, key: &str, kind: FieldType, hosts: &[String], names: &Names<'_>) {
        if super::names::RESERVED.contains(&key) || names.get(key).is_some() {
            self.add(at, "the name is taken");
        }
        if matches!(kind, FieldType::Url | FieldType::Host) && hosts.is_empty() {
            self.add(at, "an address told by the vendor needs `hosts`: below which hosts it must be");
        }
        self.hosts(at, hosts);
        if matches!(kind, FieldType::Choice | FieldType::Multiline) {
            self.add(at, "a value told by the vendor is text, host_label, host or url");
        }
    }

    fn jwt(&mut self, at: &str, jwt: &Jwt, names: &Names<'_>) {
        match names.get(jwt.key.as_str()) {
            Some(Name { secret: true, .. }) => {}
            _ => self.add(at, format!("`jwt.key` names {}, which is no secret field", jwt.key)),
        }
        let texts = [Some(&jwt.issuer), jwt.subject.as_ref(), jwt.audience.as_ref(), jwt.key_id.as_ref()];
        for text in texts.into_iter().flatten().chain(jwt.claims.values()) {
            self.template(&format!("{at} jwt"), text, names);
        }
        if !(30..=86_400).contains(&jwt.lifetime_seconds) {
            self.add(at, "`jwt.lifetime_seconds` is from 30 to 86400");
        }
    }

    fn session(&mut self, at: &str, session: &Session, names: &Names<'_>) {
        let at = format!("{at} session");
        self.url(&at, &session.url, names);
        if let Some(url) = &session.end_url {
            self.url(&at, url, names);
        }
        self.headers(&at, &session.headers, names);
        let basic = session.basic.iter().flat_map(|basic| [&basic.username, &basic.password]);
        for text in session.body.values().chain(basic) {
            self.template(&at, text, names);
        }
        let places =
            [session.token.is_some(), session.token_header.is_some(), session.token_cookie.is_some()];
        if places.iter().filter(|there| **there).count() != 1 {
            self.add(&at, "one of `token`, `token_header` and `token_cookie` says where the token is");
        }
        if session.body_format == crate::model::TokenBody::Query && !session.body.is_empty() {
            self.add(&at, "the body is a form or JSON: addresses hold no secrets");
        }
    }

    fn lookup(&mut self, at: &str, lookup: &Lookup, names: &Names<'_>) {
        self.url(at, &lookup.url, names);
        if lookup.values.is_empty() {
            self.add(at, "takes no values");
        }
        if lookup.list.is_none() && !lookup.prefer.is_empty() {
            self.add(at, "`prefer` chooses from a `list`");
        }
        for prefer in &lookup.prefer {
            if prefer.equals.is_some() == prefer.field.is_some() {
                self.add(at, "`prefer` has either `equals` or `field`");
            }
            if let Some(field) = prefer.field.as_ref().filter(|field| names.get(field.as_str()).is_none()) {
                self.add(at, names.unknown(field.as_str()));
            }
        }
        for value in &lookup.values {
            self.taken(&format!("{at}.{}", value.key), value.key.as_str(), value.kind, &value.hosts, names);
        }
    }
}

fn is_secret(names: &Names<'_>, name: &str) -> bool {
    names.get(name).is_some_and(|known| known.secret)
}

/// Public clients of OAuth have no secret of their own; everything else has.
fn needs_secret(auth: &AuthType) -> bool {
    auth.oauth.as_ref().is_none_or(|oauth| oauth.client_auth != ClientAuth::None)
}
