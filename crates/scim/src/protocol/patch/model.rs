//! PATCH against a plain model: a person is a few fields and a list of addresses, a group is a set of names, and an operation
//! does to them what its name says.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::super::evaluate::element_passes;
use super::super::{GROUP, USER};
use super::*;

const DEPARTMENT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

#[derive(Clone, Debug, Default, PartialEq)]
struct Email {
    value: String,
    kind: Option<String>,
    primary: Option<bool>,
}

impl Email {
    fn json(&self) -> Value {
        let mut out = json!({"value": self.value});
        if let Some(kind) = &self.kind {
            out["type"] = json!(kind);
        }
        if let Some(primary) = self.primary {
            out["primary"] = json!(primary);
        }
        out
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Person {
    title: Option<String>,
    given: Option<String>,
    family: Option<String>,
    department: Option<String>,
    emails: Vec<Email>,
}

/// A text, or nothing: the latter is said by null, by an empty text, or by a removal.
type Part = Option<String>;

#[derive(Clone, Debug)]
enum Change {
    Title(Part),
    Given(Part),
    Family(Part),
    /// The parts that are named; an empty text clears.
    Name(Option<String>, Option<String>),
    NoName,
    Department(Part),
    AddEmails(Vec<Email>),
    SetEmails(Vec<Email>),
    NoEmails,
    /// Those of a value, for a purpose or for any.
    RemoveEmails(Vec<(String, Option<String>)>),
    /// All of a purpose.
    RemoveKind(String),
    /// The value of those of a purpose, or of a new one.
    ValueOfKind(String, String),
    /// The value of all, or of a new one.
    AllValues(String),
    /// Whether those of a value are primary, or a new one is.
    PrimaryOf(String, bool),
    /// The rest of those of a purpose, or of a new one.
    ElementOfKind {
        replaces: bool,
        kind: String,
        value: String,
        primary: Option<bool>,
    },
    NoPrimaryOfKind(String),
}

/// Whether an address is for a purpose.
fn of<'a>(kind: &'a str) -> impl Fn(&Email) -> bool + use<'a> {
    move |e| e.kind.as_deref() == Some(kind)
}

impl Person {
    fn json(&self) -> Value {
        let mut out = json!({"userName": "ada"});
        if let Some(text) = &self.title {
            out["title"] = json!(text);
        }
        if let Some(text) = &self.department {
            out[ENTERPRISE] = json!({"department": text});
        }
        for (name, part) in [("givenName", &self.given), ("familyName", &self.family)] {
            if let Some(text) = part {
                out["name"][name] = json!(text);
            }
        }
        if !self.emails.is_empty() {
            out["emails"] = self.emails.iter().map(Email::json).collect();
        }
        out
    }

    /// At most one address is primary: the one that was made so last.
    fn make_primary(&mut self, at: usize) {
        for (n, email) in self.emails.iter_mut().enumerate() {
            email.primary = match email.primary {
                _ if n == at => Some(true),
                Some(_) => Some(false),
                None => None,
            };
        }
    }

    /// An address with the same value for the same purpose gives its place to the new one.
    fn put(&mut self, new: Email) {
        let same = self.emails.iter().position(|e| e.value == new.value && e.kind == new.kind);
        let (at, is_primary) = (same.unwrap_or(self.emails.len()), new.primary == Some(true));
        match same {
            Some(at) => self.emails[at] = new,
            None => self.emails.push(new),
        }
        if is_primary {
            self.make_primary(at);
        }
    }

    /// Changes the addresses that are meant, or makes one.
    fn each(&mut self, meant: impl Fn(&Email) -> bool, change: impl Fn(&mut Email), otherwise: Email) {
        let all: Vec<usize> = (0..self.emails.len()).filter(|n| meant(&self.emails[*n])).collect();
        if all.is_empty() {
            return self.put(otherwise);
        }
        for at in all {
            change(&mut self.emails[at]);
            if self.emails[at].primary == Some(true) {
                self.make_primary(at);
            }
        }
        // whoever became the same as an earlier one takes its place
        for email in std::mem::take(&mut self.emails) {
            self.put(email);
        }
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Title(part) => self.title = part.clone(),
            Change::Given(part) => self.given = part.clone(),
            Change::Family(part) => self.family = part.clone(),
            Change::Name(given, family) => {
                let said = |part: &Option<String>, now: &mut Option<String>| {
                    if let Some(text) = part {
                        *now = Some(text.clone()).filter(|t| !t.is_empty());
                    }
                };
                said(given, &mut self.given);
                said(family, &mut self.family);
            }
            Change::NoName => (self.given, self.family) = (None, None),
            Change::Department(part) => self.department = part.clone(),
            Change::AddEmails(new) => new.iter().for_each(|e| self.put(e.clone())),
            Change::SetEmails(new) => {
                self.emails.clear();
                new.iter().for_each(|e| self.put(e.clone()));
            }
            Change::NoEmails => self.emails.clear(),
            Change::RemoveEmails(named) => self.emails.retain(|e| {
                !named.iter().any(|(value, kind)| e.value == *value && (kind.is_none() || e.kind == *kind))
            }),
            Change::RemoveKind(kind) => self.emails.retain(|e| !of(kind)(e)),
            Change::ValueOfKind(kind, value) => {
                let new = Email { value: value.clone(), kind: Some(kind.clone()), primary: None };
                self.each(of(kind), |e| e.value.clone_from(value), new);
            }
            Change::AllValues(value) => {
                let new = Email { value: value.clone(), ..Email::default() };
                self.each(|_| true, |e| e.value.clone_from(value), new);
            }
            Change::PrimaryOf(value, primary) => {
                let new = Email { value: value.clone(), kind: None, primary: Some(*primary) };
                self.each(|e| e.value == *value, |e| e.primary = Some(*primary), new);
            }
            Change::ElementOfKind { replaces, kind, value, primary } => {
                let new = Email { value: value.clone(), kind: Some(kind.clone()), primary: *primary };
                let change = |e: &mut Email| {
                    let before = e.primary.filter(|_| !*replaces);
                    *e = Email { primary: primary.or(before), ..new.clone() };
                };
                self.each(of(kind), change, new.clone());
            }
            Change::NoPrimaryOfKind(kind) => {
                self.emails.iter_mut().filter(|e| of(kind)(e)).for_each(|e| e.primary = None);
            }
        }
    }
}

/// How an operation is written: its verb in some case, and whether the path is a name in the value.
#[derive(Clone, Debug)]
struct Style {
    adds: bool,
    capital: bool,
    inside: bool,
    /// Which of the ways to say nothing.
    nothing: usize,
}

fn said(path: &str, value: Option<Value>, style: &Style) -> Value {
    let verb =
        |word: &str| if style.capital { word[..1].to_uppercase() + &word[1..] } else { word.to_owned() };
    let Some(value) = value else { return json!({"op": verb("remove"), "path": path}) };
    let op = verb(if style.adds { "add" } else { "replace" });
    match style.inside {
        true => json!({"op": op, "value": {path: value}}),
        false => json!({"op": op, "path": path, "value": value}),
    }
}

fn part(path: &str, part: &Part, style: &Style) -> Value {
    let value = match (part, style.nothing) {
        (Some(text), _) => Some(json!(text)),
        (None, 0) => Some(json!("")),
        (None, 1) => Some(Value::Null),
        (None, _) => None,
    };
    said(path, value, style)
}

fn written(change: &Change, style: &Style) -> Value {
    let list = |all: &[Email]| all.iter().map(Email::json).collect::<Value>();
    let of_kind = |kind: &str, rest: &str| format!("emails[type eq \"{kind}\"]{rest}");
    let (add, replace) = (Style { adds: true, ..style.clone() }, Style { adds: false, ..style.clone() });
    match change {
        Change::Title(p) => part("title", p, style),
        Change::Given(p) => part("name.givenName", p, style),
        Change::Family(p) => part("NAME.FamilyName", p, style),
        Change::Department(p) => part(DEPARTMENT, p, style),
        Change::Name(given, family) => {
            let mut value = json!({});
            for (name, part) in [("givenName", given), ("familyName", family)] {
                if let Some(text) = part {
                    value[name] = json!(text);
                }
            }
            said("name", Some(value), style)
        }
        Change::NoName => said("name", None, style),
        Change::AddEmails(new) => said("emails", Some(list(new)), &add),
        Change::SetEmails(new) => said("emails", Some(list(new)), &replace),
        Change::NoEmails => said("emails", None, style),
        Change::RemoveEmails(named) => {
            let value: Value = named
                .iter()
                .map(|(value, kind)| Email { value: value.clone(), kind: kind.clone(), primary: None }.json())
                .collect();
            json!({"op": "remove", "path": "emails", "value": value})
        }
        Change::RemoveKind(kind) => said(&of_kind(kind, ""), None, style),
        Change::ValueOfKind(kind, value) => said(&of_kind(kind, ".value"), Some(json!(value)), style),
        Change::AllValues(value) => said("emails.value", Some(json!(value)), style),
        Change::PrimaryOf(value, primary) => {
            let path = format!("emails[value eq \"{value}\"].primary");
            said(&path, Some(json!(primary)), style)
        }
        Change::ElementOfKind { replaces, kind, value, primary } => {
            let mut element = json!({"value": value});
            if let Some(primary) = primary {
                element["primary"] = json!(primary);
            }
            said(&of_kind(kind, ""), Some(element), if *replaces { &replace } else { &add })
        }
        Change::NoPrimaryOfKind(kind) => said(&of_kind(kind, ".primary"), None, style),
    }
}

fn word() -> impl Strategy<Value = String> {
    select(vec!["x", "y", "z"]).prop_map(str::to_owned)
}

fn address() -> impl Strategy<Value = String> {
    select(vec!["a@x", "b@x", "c@x"]).prop_map(str::to_owned)
}

fn kind() -> impl Strategy<Value = String> {
    select(vec!["work", "home"]).prop_map(str::to_owned)
}

fn email() -> impl Strategy<Value = Email> {
    (address(), prop::option::of(kind()), prop::option::of(any::<bool>()))
        .prop_map(|(value, kind, primary)| Email { value, kind, primary })
}

fn change() -> impl Strategy<Value = Change> {
    let emails = || prop::collection::vec(email(), 0..3);
    let name = || prop::option::of(select(vec!["", "x", "y"]).prop_map(str::to_owned));
    prop_oneof![
        prop::option::of(word()).prop_map(Change::Title),
        prop::option::of(word()).prop_map(Change::Given),
        prop::option::of(word()).prop_map(Change::Family),
        (name(), name()).prop_map(|(given, family)| Change::Name(given, family)),
        Just(Change::NoName),
        prop::option::of(word()).prop_map(Change::Department),
        emails().prop_map(Change::AddEmails),
        emails().prop_map(Change::SetEmails),
        Just(Change::NoEmails),
        prop::collection::vec((address(), prop::option::of(kind())), 1..3).prop_map(Change::RemoveEmails),
        kind().prop_map(Change::RemoveKind),
        (kind(), address()).prop_map(|(kind, value)| Change::ValueOfKind(kind, value)),
        address().prop_map(Change::AllValues),
        (address(), any::<bool>()).prop_map(|(value, primary)| Change::PrimaryOf(value, primary)),
        (any::<bool>(), kind(), address(), prop::option::of(any::<bool>())).prop_map(
            |(replaces, kind, value, primary)| Change::ElementOfKind { replaces, kind, value, primary }
        ),
        kind().prop_map(Change::NoPrimaryOfKind),
    ]
}

fn style() -> impl Strategy<Value = Style> {
    (any::<bool>(), any::<bool>(), any::<bool>(), 0_usize..3)
        .prop_map(|(adds, capital, inside, nothing)| Style { adds, capital, inside, nothing })
}

/// What an operation does to the members of a group.
#[derive(Clone, Debug)]
enum Move {
    Add(Vec<String>),
    Remove(Vec<String>),
    RemoveByFilter(Vec<String>),
    RemoveAllBut(String),
    Set(Vec<String>),
    Clear,
}

fn moved() -> impl Strategy<Value = Move> {
    let names = |least: usize| prop::collection::vec(select(vec!["a", "b", "c", "d"]), least..4);
    let owned = |all: Vec<&str>| all.into_iter().map(str::to_owned).collect::<Vec<_>>();
    prop_oneof![
        names(0).prop_map(move |n| Move::Add(owned(n))),
        names(0).prop_map(move |n| Move::Remove(owned(n))),
        names(1).prop_map(move |n| Move::RemoveByFilter(owned(n))),
        select(vec!["a", "b"]).prop_map(|n| Move::RemoveAllBut(n.to_owned())),
        names(0).prop_map(move |n| Move::Set(owned(n))),
        Just(Move::Clear),
    ]
}

fn written_move(m: &Move) -> Value {
    let list = |all: &[String]| all.iter().map(|id| json!({"value": id})).collect::<Value>();
    match m {
        Move::Add(ids) => json!({"op": "Add", "path": "members", "value": list(ids)}),
        Move::Remove(ids) => json!({"op": "remove", "path": "members", "value": list(ids)}),
        Move::RemoveByFilter(ids) => {
            let all: Vec<_> = ids.iter().map(|id| format!("value eq \"{id}\"")).collect();
            json!({"op": "Remove", "path": format!("members[{}]", all.join(" or "))})
        }
        Move::RemoveAllBut(id) => {
            json!({"op": "remove", "path": format!("members[not (value eq \"{id}\")]")})
        }
        Move::Set(ids) => json!({"op": "replace", "value": {"members": list(ids)}}),
        Move::Clear => json!({"op": "remove", "path": "members"}),
    }
}

fn move_model(set: &mut BTreeSet<String>, m: &Move) {
    match m {
        Move::Add(ids) => set.extend(ids.iter().cloned()),
        Move::Remove(ids) | Move::RemoveByFilter(ids) => set.retain(|id| !ids.contains(id)),
        Move::RemoveAllBut(one) => set.retain(|id| id == one),
        Move::Set(ids) => *set = ids.iter().cloned().collect(),
        Move::Clear => set.clear(),
    }
}

/// What the store does with a change.
fn carry_out(set: &mut BTreeSet<String>, change: &MemberChange) {
    match change {
        MemberChange::Add(ids) => set.extend(ids.iter().cloned()),
        MemberChange::Remove(ids) => set.retain(|id| !ids.contains(id)),
        MemberChange::RemoveWhere(test) => set.retain(|id| !element_passes(test, &json!({"value": id}))),
        MemberChange::Clear => set.clear(),
        MemberChange::Set(ids) => *set = ids.iter().cloned().collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    #[test]
    fn a_person_becomes_what_the_model_says(changes in prop::collection::vec((change(), style()), 1..8)) {
        let mut model = Person {
            title: Some("x".to_owned()),
            emails: vec![Email { value: "a@x".to_owned(), kind: Some("work".to_owned()), primary: Some(true) }],
            ..Person::default()
        };
        let mut person = model.json().as_object().unwrap().clone();
        for (change, style) in &changes {
            let sent = written(change, style);
            let operations = parse(&json!({"Operations": [sent]})).unwrap();
            person = apply(&USER, person, &operations).unwrap().0;
            model.apply(change);
            prop_assert_eq!(&Value::Object(person.clone()), &model.json(), "after {}", sent);
        }
        // all at once is the same as one after the other
        let start = json!({"userName": "ada", "title": "x",
            "emails": [{"value": "a@x", "type": "work", "primary": true}]});
        let sent: Vec<_> = changes.iter().map(|(change, style)| written(change, style)).collect();
        let operations = parse(&json!({"Operations": sent})).unwrap();
        let at_once = apply(&USER, start.as_object().unwrap().clone(), &operations).unwrap().0;
        prop_assert_eq!(at_once, person);
    }

    #[test]
    fn a_group_has_the_members_that_the_model_says(moves in prop::collection::vec(moved(), 1..8)) {
        let start: BTreeSet<String> = ["a", "b"].map(str::to_owned).into();
        let (mut model, mut members) = (start.clone(), start);
        let sent: Vec<_> = moves.iter().map(written_move).collect();
        let operations = parse(&json!({"Operations": sent})).unwrap();
        let group = json!({"displayName": "G"}).as_object().unwrap().clone();
        let (after, changes) = apply(&GROUP, group.clone(), &operations).unwrap();
        changes.iter().for_each(|c| carry_out(&mut members, c));
        moves.iter().for_each(|m| move_model(&mut model, m));
        prop_assert_eq!(members, model, "after {:?}", sent);
        prop_assert_eq!(after, group);
    }
}
