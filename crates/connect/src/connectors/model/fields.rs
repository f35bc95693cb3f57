//! The values of a connector: judged by the rules of their fields, kept apart by whether they are secret.

use std::collections::BTreeMap;

use gatehouse_catalogue::{AuthType, ConnectorType, Field, FieldType};
use gatehouse_types::{Error, Result, Secret, Timestamp};

use super::known::fields;

/// The most characters of an end date that are looked at.
const MAX_DATE: usize = 40;

/// The values of a connector by the key of their field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    /// Those that may be shown.
    pub(crate) plain: BTreeMap<String, String>,
    /// Those that are sealed.
    pub(crate) secret: BTreeMap<String, Secret>,
    /// When a value ends.
    pub(crate) expiry: BTreeMap<String, Timestamp>,
}

/// What is to be changed: by the field's name, `None` or nothing takes a value away.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// Values.
    pub(crate) values: Vec<(String, Option<Secret>)>,
    /// End dates, as they were written.
    pub(crate) expiry: Vec<(String, Option<String>)>,
}

/// A key as JSON has it: `client_id` is `clientId`.
pub(crate) fn spoken(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    let mut parts = key.split('_');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let mut letters = part.chars();
        out.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

fn field<'a>(of: &'a ConnectorType, auth: &'a AuthType, name: &str) -> Result<&'a Field> {
    let mut all = fields(of, auth);
    let found = all.clone().find(|f| f.key.as_str() == name);
    found.or_else(|| all.find(|f| spoken(f.key.as_str()) == name)).ok_or_else(|| {
        let known: Vec<_> = fields(of, auth).map(|f| spoken(f.key.as_str())).collect();
        let message = format!("There is no field {} here. Fields are: {}.", short(name), known.join(", "));
        Error::validation(place(name), message)
    })
}

fn short(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

fn place(name: &str) -> String {
    format!("fields.{}", short(name))
}

/// A field's place in the input.
pub(crate) fn place_of(field: &Field) -> String {
    format!("fields.{}", spoken(field.key.as_str()))
}

impl Values {
    /// The value of a field or nothing.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.plain.get(key).map(String::as_str).or_else(|| self.secret.get(key).map(Secret::expose))
    }

    /// These values with what was given put in; of a way to authenticate that was chosen anew only what it also asks stays.
    ///
    /// # Errors
    /// `Validation` names the field that is missing, unknown or does not fit.
    pub(crate) fn with(&self, of: &ConnectorType, auth: &AuthType, given: &Given) -> Result<Self> {
        let mut next = Self::default();
        for field in fields(of, auth) {
            let key = field.key.as_str();
            // what was a secret becomes readable in no other way to authenticate
            if self.secret.contains_key(key) && !field.secret {
                continue;
            }
            if let Some(text) = self.get(key) {
                next.put(field, text.to_owned());
            }
            if let Some(at) = self.expiry.get(key) {
                next.expiry.insert(key.to_owned(), *at);
            }
        }
        for (name, value) in &given.values {
            let field = field(of, auth, name)?;
            let text = value.as_ref().map(|v| v.expose().trim()).filter(|t| !t.is_empty());
            next.take(field);
            if let Some(text) = text {
                next.put(field, normalized(field, text));
            }
        }
        for (name, date) in &given.expiry {
            let field = field(of, auth, name)?;
            next.end(field, date.as_deref())?;
        }
        next.judge(of, auth)?;
        Ok(next)
    }

    fn put(&mut self, field: &Field, text: String) {
        let key = field.key.to_string();
        if field.secret {
            self.secret.insert(key, Secret::new(text));
        } else {
            self.plain.insert(key, text);
        }
    }

    /// A value that goes takes its end date along.
    fn take(&mut self, field: &Field) {
        let key = field.key.as_str();
        self.plain.remove(key);
        self.secret.remove(key);
        self.expiry.remove(key);
    }

    fn end(&mut self, field: &Field, date: Option<&str>) -> Result<()> {
        let place = format!("expiry.{}", spoken(field.key.as_str()));
        if !field.expires {
            let message = format!("No end date is kept for {}.", field.label);
            return Err(Error::validation(place, message));
        }
        let date = date.map(str::trim).filter(|d| !d.is_empty());
        let Some(date) = date else {
            self.expiry.remove(field.key.as_str());
            return Ok(());
        };
        let wrong = || {
            let message = format!("The end date of {} must be a day like 2027-06-30.", field.label);
            Error::validation(place.clone(), message)
        };
        if date.len() > MAX_DATE {
            return Err(wrong());
        }
        let at = Timestamp::parse(date).or_else(|| Timestamp::parse(&format!("{date}T00:00:00Z")));
        self.expiry.insert(field.key.to_string(), at.ok_or_else(wrong)?);
        Ok(())
    }

    /// Judges every field, and tells all that is wrong at once; a blank one takes its default.
    fn judge(&mut self, of: &ConnectorType, auth: &AuthType) -> Result<()> {
        let (mut blank, mut problems) = (Vec::new(), Vec::new());
        for field in fields(of, auth) {
            let value = self.get(field.key.as_str()).unwrap_or_default().to_owned();
            if value.is_empty()
                && field.required
                && let Some(default) = &field.default
            {
                blank.push((field, default.clone()));
                continue;
            }
            if let Err(e) = field.check(&value) {
                problems.push((place_of(field), format!("{e}.")));
            }
        }
        for (field, default) in blank {
            self.put(field, default);
        }
        Error::validations(problems).map_or(Ok(()), Err)
    }

    /// Whether an outside program would take the two for different clients: what was authorized for one is not the other's.
    pub(crate) fn is_other_client(&self, other: &Self) -> bool {
        let but_scope = |values: &Self| {
            let plain = values.plain.iter().filter(|(key, _)| key.as_str() != "scope");
            plain.map(|(k, v)| (k.clone(), v.clone())).collect::<Vec<_>>()
        };
        but_scope(self) != but_scope(other)
    }
}

/// A key in PEM form keeps its lines, as LF.
fn normalized(field: &Field, text: &str) -> String {
    if field.kind == FieldType::Multiline { text.replace("\r\n", "\n") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::known::built_in;
    use super::*;

    fn given(values: &[(&str, &str)]) -> Given {
        let values = values.iter().map(|(k, v)| ((*k).to_owned(), Some(Secret::new(*v)))).collect();
        Given { values, expiry: Vec::new() }
    }

    const ID: &str = "01234567-89ab-cdef-0123-456789abcdef";

    fn oauth() -> Given {
        given(&[
            ("instance", "acme"),
            ("clientId", ID),
            ("client_secret", " hush "),
            ("tenantId", "t-1"),
            ("scope", "api://x/.default"),
        ])
    }

    #[test]
    fn a_missing_mandatory_field_is_named() {
        let icertis = built_in("icertis").unwrap().unwrap();
        for (missing, place) in
            [("instance", "fields.instance"), ("clientId", "fields.clientId"), ("scope", "fields.scope")]
        {
            let mut some = oauth();
            some.values.retain(|(key, _)| key != missing);
            let told = Values::default().with(icertis, &icertis.auth[0], &some).unwrap_err();
            assert_eq!(told.field(), Some(place));
            assert!(told.message().ends_with("must be filled in."), "{told}");
        }
        let values = Values::default().with(icertis, &icertis.auth[0], &oauth()).unwrap();
        assert_eq!(values.get("client_secret"), Some("hush"));
        assert!(!values.plain.contains_key("client_secret"));
    }

    #[test]
    fn only_what_is_given_changes_and_an_unknown_field_is_told() {
        let icertis = built_in("icertis").unwrap().unwrap();
        let auth = &icertis.auth[0];
        let before = Values::default().with(icertis, auth, &oauth()).unwrap();
        let after = before.with(icertis, auth, &given(&[("tenantId", "t-2")])).unwrap();
        assert_eq!((after.get("tenant_id"), after.get("client_secret")), (Some("t-2"), Some("hush")));
        assert!(before.is_other_client(&after));
        let scoped = before.with(icertis, auth, &given(&[("scope", "x")])).unwrap();
        assert!(!before.is_other_client(&scoped));
        let told = before.with(icertis, auth, &given(&[("apiKey", "x")])).unwrap_err();
        assert_eq!(told.field(), Some("fields.apiKey"));
        let blank = before.with(icertis, auth, &given(&[("clientSecret", "")])).unwrap_err();
        assert_eq!(blank.field(), Some("fields.clientSecret"));
    }

    #[test]
    fn an_end_date_belongs_to_its_value() {
        let icertis = built_in("icertis").unwrap().unwrap();
        let key = &icertis.auth[1];
        let mut first = given(&[("instance", "acme"), ("apiKey", "k")]);
        first.expiry = vec![("apiKey".into(), Some("2027-06-30".into()))];
        let values = Values::default().with(icertis, key, &first).unwrap();
        assert_eq!(values.expiry["api_key"], Timestamp::parse("2027-06-30T00:00:00Z").unwrap());
        let next = values.with(icertis, key, &given(&[("apiKey", "k2")])).unwrap();
        assert!(next.expiry.is_empty(), "the next key has an end of its own");
        for (field, date) in [("instance", "2027-06-30"), ("apiKey", "soon")] {
            let odd = Given { values: Vec::new(), expiry: vec![(field.into(), Some(date.into()))] };
            assert!(values.with(icertis, key, &odd).unwrap_err().field().unwrap().starts_with("expiry."));
        }
    }

    #[test]
    fn keys_are_spoken_in_one_way() {
        assert_eq!(spoken("client_id"), "clientId");
        assert_eq!(spoken("scope"), "scope");
        for connector in super::super::known::catalogue().unwrap().types() {
            for auth in &connector.auth {
                let mut all: Vec<_> = fields(connector, auth).map(|f| spoken(f.key.as_str())).collect();
                let count = all.len();
                all.sort();
                all.dedup();
                assert_eq!(all.len(), count, "{} {}", connector.id, auth.id);
            }
        }
    }
}
