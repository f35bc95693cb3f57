//! Where a credential goes: what is sealed is sent to these addresses and to no other.

use std::collections::BTreeSet;

use crate::{AuthType, ConnectorType, FieldType, UrlTemplate};

impl ConnectorType {
    /// Every address that a credential of this way to authenticate may be sent to: those of calls, of the authorization
    /// server, of the sign-in, and of what is asked once connected. With the fields filled in they say which hosts see it.
    pub fn addresses<'a>(&'a self, auth: &'a AuthType) -> Vec<&'a UrlTemplate> {
        let mut all = vec![auth.base_url.as_ref().unwrap_or(&self.base_url)];
        all.extend(self.bases.values());
        if let Some(oauth) = &auth.oauth {
            all.push(&oauth.token_url);
            all.extend(
                [&oauth.authorization_url, &oauth.refresh_url, &oauth.revoke_url].into_iter().flatten(),
            );
        }
        if let Some(session) = &auth.session {
            all.push(&session.url);
            all.extend(&session.end_url);
        }
        all.extend(auth.lookup.iter().map(|lookup| &lookup.url));
        all
    }

    /// The hosts of these addresses as people read them, each once: `{instance}.example.com` with the name of a field where
    /// its value stands, and the domains that a whole address is bounded to.
    pub fn hosts(&self, auth: &AuthType) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for address in self.addresses(auth) {
            let host = address.host();
            match bounds(self, auth, host) {
                Some(domains) => all.extend(domains.iter().cloned()),
                None => drop(all.insert(host.to_owned())),
            }
        }
        all
    }
}

/// The domains that the value of a host's only gap is below, when the file names some.
fn bounds<'a>(of: &'a ConnectorType, auth: &'a AuthType, host: &str) -> Option<&'a [String]> {
    let name = host.strip_prefix('{')?.strip_suffix('}')?;
    let asked = of.fields.iter().chain(&auth.fields);
    let asked = asked.filter(|f| matches!(f.kind, FieldType::Url | FieldType::Host));
    let asked = asked.map(|f| (&f.key, &f.hosts));
    let brought = auth.oauth.iter().flat_map(|o| o.token_values.iter().chain(&o.callback_values));
    let brought = brought.map(|v| (&v.key, &v.hosts));
    let told = auth.lookup.iter().flat_map(|l| &l.values).map(|v| (&v.key, &v.hosts));
    let (_, hosts) = asked.chain(brought).chain(told).find(|(key, _)| key.as_str() == name)?;
    (!hosts.is_empty()).then_some(hosts.as_slice())
}

#[cfg(test)]
mod tests {
    use crate::Catalogue;

    fn hosts(id: &str, auth: &str) -> Vec<String> {
        let of = Catalogue::built_in().unwrap().get(id).unwrap();
        let auth = of.auth.iter().find(|a| a.id.as_str() == auth).unwrap();
        of.hosts(auth).into_iter().collect()
    }

    #[test]
    fn a_way_to_authenticate_names_every_host_that_sees_its_credential() {
        let icertis = hosts("icertis-preview", "oauth");
        assert!(icertis.contains(&"login.microsoftonline.com".to_owned()), "{icertis:?}");
        assert!(icertis.contains(&"{instance}-api.icertis.com".to_owned()), "{icertis:?}");
        let by_key = hosts("icertis-preview", "api-key");
        assert!(!by_key.contains(&"login.microsoftonline.com".to_owned()), "{by_key:?}");
        let salesforce = hosts("salesforce", "client-credentials");
        assert!(salesforce.contains(&"salesforce.com".to_owned()), "{salesforce:?}");
        assert!(!salesforce.iter().any(|host| host == "{instance_url}"), "{salesforce:?}");
    }

    #[test]
    fn every_type_names_a_host_for_every_way() {
        for of in Catalogue::built_in().unwrap().types() {
            for auth in &of.auth {
                let all = of.hosts(auth);
                assert!(!all.is_empty() && all.iter().all(|host| !host.contains('/')), "{}: {all:?}", of.id);
            }
        }
    }
}
