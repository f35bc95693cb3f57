//! Filters and orders as SQL: columns where there are some, else the search form. Values are bound, never written into it.

use gatehouse_store::Condition;

use crate::protocol::filter::Op;
use crate::protocol::schema::{Kind, Place, Target};
use crate::protocol::search;
use crate::protocol::test::{Operand, Test};
use crate::protocol::{GROUP, ResourceType, ScimError, ScimType, USER};

/// Whether a person of the directory has access, in SQL.
pub(crate) const IS_ACTIVE: &str = "(e.active AND (e.user_id IS NULL OR EXISTS (SELECT 1 FROM memberships m \
     WHERE m.workspace_id = e.workspace_id AND m.user_id = e.user_id)))";
/// The name of a member of a group, in its compared form.
const MEMBER_NAME: &str = "COALESCE((SELECT u.display_key FROM scim_users u WHERE u.id = l.member_id), \
     (SELECT s.display_key FROM scim_groups s WHERE s.id = l.member_id))";

fn unsupported(place: &Place) -> ScimError {
    let detail = format!("{} cannot be used in filters and orders.", place.leaf().name);
    ScimError::bad(ScimType::InvalidFilter, detail)
}

/// The condition on `scim_users e` or `scim_groups e` of a filter.
///
/// # Errors
/// `invalidFilter` for the few attributes that are not searched.
pub(crate) fn condition(of: &'static ResourceType, test: &Test) -> Result<Condition, ScimError> {
    let parts = |all: &[Test]| all.iter().map(|t| condition(of, t)).collect::<Result<Vec<_>, _>>();
    match test {
        Test::Never => Ok(Condition::fixed("FALSE")),
        Test::All(all) => Ok(Condition::all(parts(all)?)),
        Test::Any(all) => Ok(Condition::any(parts(all)?)),
        Test::Not(inner) => Ok(condition(of, inner)?.negated()),
        Test::Elements(place, inner) => {
            let passes = elements(of, place, &|leaf| element(inner, leaf))?;
            Ok(match value_of(inner).filter(|_| place.is("emails", None)) {
                Some(address) => Condition::all(vec![has_address(address), passes]),
                None => passes,
            })
        }
        Test::Compare(place, op, operand) => compare(of, place, *op, operand),
        Test::Present(place) => present(of, place),
    }
}

/// The people with an address, by index.
fn has_address(address: &str) -> Condition {
    let by_index = "e.id IN (SELECT x.entry_id FROM scim_emails x WHERE x.value_key = ";
    Condition::fixed(by_index).bind(address).sql(")")
}

/// The `value` that an element must have to pass.
fn value_of(test: &Test) -> Option<&str> {
    match test {
        Test::Compare(place, Op::Eq, Operand::Text(wanted))
            if place.sub.is_some_and(|s| s.name == "value") =>
        {
            Some(wanted)
        }
        Test::All(all) => all.iter().find_map(value_of),
        _ => None,
    }
}

/// What an attribute of an element is in SQL.
type Leaf<'a> = &'a dyn Fn(&Place) -> Result<Condition, ScimError>;

/// The condition on one element.
fn element(test: &Test, leaf: Leaf<'_>) -> Result<Condition, ScimError> {
    let parts = |all: &[Test]| all.iter().map(|t| element(t, leaf)).collect::<Result<Vec<_>, _>>();
    match test {
        Test::Never | Test::Elements(..) => Ok(Condition::fixed("FALSE")),
        Test::All(all) => Ok(Condition::all(parts(all)?)),
        Test::Any(all) => Ok(Condition::any(parts(all)?)),
        Test::Not(inner) => Ok(element(inner, leaf)?.negated()),
        Test::Compare(place, op, operand) => text(leaf(place)?, *op, operand),
        Test::Present(place) => Ok(leaf(place)?.sql(" IS NOT NULL")),
    }
}

/// What an attribute of a member of a group is in SQL, of `scim_members l`.
fn of_member(place: &Place) -> Result<Condition, ScimError> {
    match place.sub.map(|s| s.name) {
        None | Some("value") => Ok(Condition::fixed("l.member_id")),
        Some("display") => Ok(Condition::fixed(MEMBER_NAME)),
        Some("type") => Ok(Condition::fixed("lower(l.kind)")),
        _ => Err(unsupported(place)),
    }
}

/// The condition on `scim_members l` of a filter between brackets.
///
/// # Errors
/// `invalidFilter` for what is not searched.
pub(crate) fn member(test: &Test) -> Result<Condition, ScimError> {
    element(test, &of_member)
}

/// Whether one of the elements of an attribute passes; how, says `passes` when it is told what attributes are.
fn elements(
    of: &'static ResourceType,
    place: &Place,
    passes: &dyn Fn(Leaf<'_>) -> Result<Condition, ScimError>,
) -> Result<Condition, ScimError> {
    if place.is("groups", None) && std::ptr::eq(of, &USER) {
        let leaf = |p: &Place| match p.sub.map(|s| s.name) {
            None | Some("value") => Ok(Condition::fixed("l.group_id")),
            Some("display") => Ok(Condition::fixed("g.display_key")),
            Some("type") => Ok(Condition::fixed("'direct'")),
            _ => Err(unsupported(p)),
        };
        let from = "EXISTS (SELECT 1 FROM scim_members l JOIN scim_groups g ON g.id = l.group_id \
             WHERE l.member_id = e.id AND ";
        return Ok(Condition::fixed(from).then(passes(&leaf)?).sql(")"));
    }
    if place.is("members", None) && std::ptr::eq(of, &GROUP) {
        let from = "EXISTS (SELECT 1 FROM scim_members l WHERE l.group_id = e.id AND ";
        return Ok(Condition::fixed(from).then(passes(&of_member)?).sql(")"));
    }
    let leaf = |p: &Place| {
        Ok(Condition::element_text(p.sub.map_or_else(|| "value".to_owned(), search::element_key)))
    };
    Ok(Condition::any_element("e.search", search::key(place), passes(&leaf)?))
}

fn compare(
    of: &'static ResourceType,
    place: &Place,
    op: Op,
    operand: &Operand,
) -> Result<Condition, ScimError> {
    if place.attribute.is_multi {
        let is_address = place.is("emails", Some("value")) || place.is("emails", None);
        if let (true, Op::Eq, Operand::Text(wanted)) = (is_address, op, operand) {
            return Ok(has_address(wanted));
        }
        let all = Place { sub: None, ..*place };
        return elements(of, &all, &|leaf| text(leaf(place)?, op, operand));
    }
    match (operand, single(of, place)?) {
        (Operand::Time(at), column) => Ok(column.sql(sign(op)).bind(*at)),
        (Operand::Bool(wanted), column) if place.is("active", None) => {
            Ok(if *wanted { column } else { column.negated() })
        }
        (operand, column) => text(column, op, operand),
    }
}

fn present(of: &'static ResourceType, place: &Place) -> Result<Condition, ScimError> {
    if place.attribute.is_multi {
        let all = Place { sub: None, ..*place };
        return match place.sub {
            None => elements(of, &all, &|_| Ok(Condition::fixed("TRUE"))),
            Some(_) => elements(of, &all, &|leaf| Ok(leaf(place)?.sql(" IS NOT NULL"))),
        };
    }
    if place.is("meta", None) || place.is("active", None) {
        return Ok(Condition::fixed("TRUE"));
    }
    if place.sub.is_none() && !place.attribute.sub.is_empty() {
        let parts = place.attribute.sub.iter().filter(|s| !s.is_read_only());
        let parts = parts.map(|s| Ok(single(of, &Place { sub: Some(s), ..*place })?.sql(" IS NOT NULL")));
        return Ok(Condition::any(parts.collect::<Result<Vec<_>, ScimError>>()?));
    }
    Ok(single(of, place)?.sql(" IS NOT NULL"))
}

/// What an attribute with one value is in SQL.
fn single(of: &'static ResourceType, place: &Place) -> Result<Condition, ScimError> {
    let name = (place.attribute.name, place.sub.map(|s| s.name));
    if place.extension.is_some() {
        return match place.leaf().is_read_only() {
            true => Err(unsupported(place)),
            false => Ok(Condition::json_text("e.search", search::key(place))),
        };
    }
    Ok(match name {
        ("id", _) => Condition::fixed("e.id"),
        ("externalId", _) => Condition::fixed("e.external_id"),
        ("userName", _) => Condition::fixed("e.user_name_key"),
        ("displayName", _) if std::ptr::eq(of, &GROUP) => Condition::fixed("e.display_key"),
        ("active", _) => Condition::fixed(IS_ACTIVE),
        ("meta", Some("created")) => Condition::fixed("e.created_at"),
        ("meta", Some("lastModified")) => Condition::fixed("e.updated_at"),
        ("meta", Some("resourceType")) if std::ptr::eq(of, &GROUP) => Condition::fixed("'Group'"),
        ("meta", Some("resourceType")) => Condition::fixed("'User'"),
        ("meta", _) => return Err(unsupported(place)),
        _ => Condition::json_text("e.search", search::key(place)),
    })
}

fn sign(op: Op) -> &'static str {
    match op {
        Op::Eq => " = ",
        Op::Gt => " > ",
        Op::Ge => " >= ",
        Op::Lt => " < ",
        Op::Le => " <= ",
        Op::Ne | Op::Co | Op::Sw | Op::Ew => " <> ",
    }
}

/// A comparison of texts. What is not there passes no comparison, and is then false and not unknown: so it can be negated.
fn text(value: Condition, op: Op, operand: &Operand) -> Result<Condition, ScimError> {
    let wanted = match operand {
        Operand::Text(text) => text.clone(),
        Operand::Bool(value) => value.to_string(),
        Operand::Time(at) => at.to_string(),
    };
    let there = Condition::fixed("(").then(value.clone()).sql(" IS NOT NULL");
    if wanted.is_empty() && matches!(op, Op::Co | Op::Sw | Op::Ew) {
        return Ok(there.sql(")"));
    }
    let prefix = wanted.clone();
    let wanted = |c: Condition| c.bind(wanted.clone());
    let compared = match op {
        Op::Co => {
            wanted(Condition::fixed("replace(").then(value.clone()).sql(", ")).sql(", '') <> ").then(value)
        }
        // a range of an index, where there is one
        Op::Sw => {
            let at_least = wanted(value.clone().by_bytes().sql(" >= "));
            match behind(&prefix) {
                Some(end) => at_least.sql(" AND ").then(value).by_bytes().sql(" < ").bind(end),
                None => at_least,
            }
        }
        Op::Ew => {
            let long =
                wanted(Condition::fixed("length(").then(value.clone()).sql(") >= length(")).sql(") AND ");
            let end = long.sql("substr(").then(value.clone()).sql(", length(").then(value).sql(") - length(");
            wanted(wanted(end).sql(") + 1) = "))
        }
        Op::Eq => wanted(value.sql(" = ")),
        op => wanted(value.by_bytes().sql(sign(op))),
    };
    Ok(there.sql(" AND ").then(compared).sql(")"))
}

/// The least text behind all that begin with this one, in the order of bytes; `None` when there is none.
fn behind(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = match last {
            // the code points between are no characters
            '\u{D7FF}' => Some('\u{E000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

/// Whether every resource has it, in a column.
fn is_always(place: &Place) -> bool {
    let name = (place.attribute.name, place.sub.map(|s| s.name));
    place.extension.is_none()
        && matches!(name, ("id" | "userName", None) | ("meta", Some("created" | "lastModified")))
}

/// `ORDER BY` for an attribute. Those without it come last, or first when it descends (RFC 7644 §3.4.2.3).
///
/// # Errors
/// `invalidValue` for what has no order.
pub(crate) fn order(
    of: &'static ResourceType,
    by: Option<&str>,
    descends: bool,
) -> Result<Condition, ScimError> {
    let end = |c: Condition| if descends { c.sql(" DESC") } else { c };
    let Some(by) = by else { return Ok(end(Condition::fixed(" ORDER BY e.id"))) };
    let unknown = || ScimError::invalid_value("sortBy names no attribute that has an order.");
    let Some(Target::Attribute(place)) = of.resolve(by) else { return Err(unknown()) };
    let value =
        match place.attribute.sub("value").filter(|_| place.sub.is_none() && !place.attribute.is_read_only())
        {
            _ if place.is("active", None) => {
                Condition::fixed("CASE WHEN ").sql(IS_ACTIVE).sql(" THEN 1 ELSE 0 END")
            }
            _ if place.is("members", None) => return Err(unknown()),
            Some(sub) if !place.attribute.is_multi => single(of, &Place { sub: Some(sub), ..place })?,
            _ if place.attribute.is_multi && place.sub.is_none_or(|s| s.name == "value") => {
                Condition::json_text("e.search", search::sort_key(&place))
            }
            _ if place.attribute.is_multi || (place.sub.is_none() && !place.attribute.sub.is_empty()) => {
                return Err(unknown());
            }
            _ => single(of, &place).map_err(|_| unknown())?,
        };
    // of the places that are left, only texts have an order of bytes
    let is_text = !place.is("active", None) && place.leaf().kind != Kind::DateTime;
    let value = if is_text { value.by_bytes() } else { value };
    // an index gives the order of what nobody is without
    let by = match is_always(&place) {
        true => Condition::fixed(" ORDER BY ").then(value),
        false => {
            end(Condition::fixed(" ORDER BY (").then(value.clone()).sql(" IS NULL)")).sql(", ").then(value)
        }
    };
    Ok(end(end(by).sql(", e.id")))
}

#[cfg(test)]
mod tests;
