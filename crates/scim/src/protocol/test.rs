//! Filters with their meaning: names looked up, values in the type of their attribute.

use gatehouse_types::Timestamp;

use super::error::{ScimError, ScimType};
use super::filter::{Filter, Literal, Op};
use super::folded;
use super::schema::{Attribute, Kind, Place, ResourceType, Target};

/// A filter of one kind of resource.
#[derive(Clone, Debug)]
pub enum Test {
    /// A value is compared; of several values one is enough.
    Compare(Place, Op, Operand),
    /// There is a value.
    Present(Place),
    /// One element of the attribute passes; the places inside are its sub-attributes.
    Elements(Place, Box<Self>),
    /// All pass.
    All(Vec<Self>),
    /// One passes.
    Any(Vec<Self>),
    /// It does not pass.
    Not(Box<Self>),
    /// Nothing passes: an attribute that this kind of resource does not have.
    Never,
}

/// What is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// Text in its compared form.
    Text(String),
    /// A boolean.
    Bool(bool),
    /// A moment.
    Time(Timestamp),
}

fn invalid(detail: String) -> ScimError {
    ScimError::bad(ScimType::InvalidFilter, detail)
}

/// The meaning of a filter for a kind of resource.
///
/// # Errors
/// `invalidFilter` for attributes that are not there and comparisons that their types do not have.
pub fn typed(filter: &Filter, of: &'static ResourceType) -> Result<Test, ScimError> {
    Typing { resource: Some(of), element: None, is_lenient: false }.test(filter)
}

/// The same for a search over all kinds of resources, where an attribute may be one of another kind's (RFC 7644 §3.4.2.1).
///
/// # Errors
/// As [`typed`], except for unknown attributes.
pub fn typed_of_some(filter: &Filter, of: &'static ResourceType) -> Result<Test, ScimError> {
    Typing { resource: Some(of), element: None, is_lenient: true }.test(filter)
}

/// The meaning of a filter on the elements of an attribute.
pub(super) fn typed_in(filter: &Filter, attribute: Place) -> Result<Test, ScimError> {
    Typing { resource: None, element: Some(attribute), is_lenient: false }.test(filter)
}

struct Typing {
    resource: Option<&'static ResourceType>,
    /// Inside brackets: the attribute before them.
    element: Option<Place>,
    is_lenient: bool,
}

impl Typing {
    fn test(&self, filter: &Filter) -> Result<Test, ScimError> {
        Ok(match filter {
            Filter::Compare(name, op, value) => match self.place(name)? {
                None => Test::Never,
                Some(place) => compare(place, *op, value)?,
            },
            Filter::Present(name) => self.place(name)?.map_or(Test::Never, Test::Present),
            Filter::Elements(name, inner) => match self.place(name)? {
                None => Test::Never,
                Some(place)
                    if place.sub.is_none()
                        && place.attribute.kind == Kind::Complex
                        && self.element.is_none() =>
                {
                    Test::Elements(place, Box::new(typed_in(inner, place)?))
                }
                Some(_) => return Err(invalid(format!("{name} has no elements to choose from."))),
            },
            Filter::All(parts) => Test::All(self.tests(parts)?),
            Filter::Any(parts) => Test::Any(self.tests(parts)?),
            Filter::Not(inner) => Test::Not(Box::new(self.test(inner)?)),
        })
    }

    fn tests(&self, parts: &[Filter]) -> Result<Vec<Test>, ScimError> {
        parts.iter().map(|p| self.test(p)).collect()
    }

    fn place(&self, name: &str) -> Result<Option<Place>, ScimError> {
        let found = match (self.element, self.resource) {
            (Some(of), _) => of.attribute.sub(name).map(|sub| Place { sub: Some(sub), ..of }),
            (None, Some(resource)) => match resource.resolve(name) {
                Some(Target::Attribute(place)) => Some(place),
                _ => None,
            },
            (None, None) => None,
        };
        match found {
            None if self.is_lenient => Ok(None),
            None => Err(invalid(format!("There is no attribute {name} here."))),
            found => Ok(found),
        }
    }
}

/// A place with values to compare: of a complex attribute its `value` is meant.
fn comparable(place: Place) -> Result<Place, ScimError> {
    if place.leaf().kind != Kind::Complex {
        return Ok(place);
    }
    let value = place.attribute.sub("value");
    let missing = || invalid(format!("{} has parts; name the one to compare.", place.attribute.name));
    value.map(|sub| Place { sub: Some(sub), ..place }).ok_or_else(missing)
}

fn compare(place: Place, op: Op, value: &Literal) -> Result<Test, ScimError> {
    if *value == Literal::Null {
        return match op {
            Op::Eq => Ok(Test::Not(Box::new(Test::Present(place)))),
            Op::Ne => Ok(Test::Present(place)),
            _ => Err(invalid("null can only be compared with eq and ne.".to_owned())),
        };
    }
    let place = comparable(place)?;
    let leaf = place.leaf();
    let operand = operand(leaf, value)?;
    let orders = matches!(op, Op::Gt | Op::Ge | Op::Lt | Op::Le);
    let searches = matches!(op, Op::Co | Op::Sw | Op::Ew);
    // RFC 7644 §3.4.2.2: booleans and binaries have no order, and only text has parts
    let fits = match (&operand, leaf.kind) {
        (Operand::Bool(_), _) => !orders && !searches,
        (Operand::Time(_), _) => !searches,
        (Operand::Text(_), Kind::Binary) => !orders,
        (Operand::Text(_), _) => true,
    };
    if !fits {
        return Err(invalid(format!("{} cannot be compared in this way.", leaf.name)));
    }
    if op == Op::Ne {
        return Ok(Test::Not(Box::new(Test::Compare(place, Op::Eq, operand))));
    }
    Ok(Test::Compare(place, op, operand))
}

fn operand(leaf: &Attribute, value: &Literal) -> Result<Operand, ScimError> {
    let text = match value {
        Literal::Text(text) | Literal::Number(text) => text.clone(),
        Literal::Bool(value) => value.to_string(),
        Literal::Null => String::new(),
    };
    let odd = || invalid(format!("{} is compared with a value of another type.", leaf.name));
    match leaf.kind {
        Kind::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Operand::Bool(true)),
            "false" => Ok(Operand::Bool(false)),
            _ => Err(odd()),
        },
        Kind::DateTime => Timestamp::parse(&text).map(Operand::Time).ok_or_else(odd),
        Kind::Binary => Ok(Operand::Text(text)),
        _ if leaf.is_exact => Ok(Operand::Text(text)),
        _ => Ok(Operand::Text(folded(&text))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{USER, filter};
    use super::*;

    fn read(text: &str) -> Result<Test, ScimError> {
        typed(&filter::parse(text).unwrap(), &USER)
    }

    #[test]
    fn comparisons_fit_the_type_of_their_attribute() {
        for fine in [
            r#"active eq "True""#,
            "active ne false",
            r#"meta.created ge "2026-01-01T00:00:00Z""#,
            r#"emails co "x""#,
            "userName eq 5",
            "name pr",
            r#"emails[primary eq true and type eq "work"]"#,
        ] {
            assert!(read(fine).is_ok(), "{fine}: {:?}", read(fine));
        }
        for odd in [
            "active gt true",
            r#"active co "t""#,
            r#"active eq "yes""#,
            r#"meta.created co "2026""#,
            r#"meta.created gt "yesterday""#,
            r#"x509Certificates.value lt "a""#,
            r#"name eq "Ada""#,
            "nothing pr",
            "userName gt null",
            "userName[value pr]",
            r#"emails[type[value pr]]"#,
        ] {
            assert_eq!(read(odd).unwrap_err().scim_type, Some(ScimType::InvalidFilter), "{odd}");
        }
    }
}
