//! A key in the query, and what guards leave of the query to the handler.

use std::{borrow::Cow, collections::BTreeSet};

use http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::credential::Presented;

/// The parameters that this request's guards asked for.
#[derive(Clone, Default)]
struct Asked(BTreeSet<&'static str>);

/// Notes that a guard asks for the parameter `name`, also where it was not sent: it is no input.
pub(crate) fn note(parts: &mut Parts, name: &'static str) {
    parts.extensions.get_or_insert_default::<Asked>().0.insert(name);
}

/// The query without the parameters that guards asked for. A handler's input is closed, so a key would be an unknown
/// field of it; and no input is to hold a credential.
pub(crate) fn input_of(parts: &Parts) -> Cow<'_, str> {
    let query = parts.uri.query().unwrap_or_default();
    let Some(Asked(names)) = parts.extensions.get() else { return query.into() };
    let is_input = |pair: &&str| !names.iter().any(|name| is_named(pair, name));
    query.split('&').filter(is_input).collect::<Vec<_>>().join("&").into()
}

/// Pairs of `application/x-www-form-urlencoded`. A `+` would be a space, which no key has: it is not decoded, for
/// a key may well hold a plus.
pub(super) fn read<'r>(query: &'r str, name: &str) -> Presented<Cow<'r, [u8]>> {
    let mut values = query
        .split('&')
        .filter(|pair| is_named(pair, name))
        .map(|pair| Cow::from(percent_decode_str(pair.split_once('=').unwrap_or_default().1)));
    match (values.next(), values.next()) {
        (None, _) => Presented::Absent,
        (Some(value), None) => Presented::Present(value),
        (Some(_), Some(_)) => Presented::Ambiguous,
    }
}

/// Whether `pair` is the parameter `name`. What reads a key and what leaves it out ask this one question, so that no
/// way to write the name is a key to one of them and input to the other.
fn is_named(pair: &str, name: &str) -> bool {
    let written = pair.split_once('=').map_or(pair, |(written, _)| written);
    percent_decode_str(written).eq(name.bytes())
}
