//! A key in the query, and what guards leave of the query to the handler.

use std::{borrow::Cow, collections::BTreeSet};

use http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::credential::Presented;

/// The parameters that this request's guards read.
#[derive(Clone, Default)]
struct Asked(BTreeSet<&'static str>);

/// Notes that a guard reads the parameter `name`. It is not input, even if it was not sent.
pub(crate) fn note(parts: &mut Parts, name: &'static str) {
    parts.extensions.get_or_insert_default::<Asked>().0.insert(name);
}

/// The query without the parameters that guards read. A handler's input rejects unknown fields, so it would reject the
/// key; and input should not hold a credential.
pub(crate) fn input_of(parts: &Parts) -> Cow<'_, str> {
    let query = parts.uri.query().unwrap_or_default();
    let Some(Asked(names)) = parts.extensions.get() else { return query.into() };
    let is_input = |pair: &&str| !names.iter().any(|name| is_named(pair, name));
    query.split('&').filter(is_input).collect::<Vec<_>>().join("&").into()
}

/// Reads pairs of `application/x-www-form-urlencoded`, except that `+` is not decoded to a space: no key has a space,
/// and a key may contain a plus.
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

/// Whether `pair` is the parameter `name`. Both the reader of keys and the filter of input use this, so that no
/// spelling of the name is a key to one and input to the other.
fn is_named(pair: &str, name: &str) -> bool {
    let written = pair.split_once('=').map_or(pair, |(written, _)| written);
    percent_decode_str(written).eq(name.bytes())
}
