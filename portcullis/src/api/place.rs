//! Where routes can be: the paths that axum and OpenAPI understand alike.

use std::collections::HashSet;

/// Why `path` cannot be the path of a route. A parameter is a whole segment here, for one that is a part of
/// it (`/v{n}`) would be missing in the document.
pub(super) fn fault(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        return Some("a path begins with `/`");
    }
    let segments = || path.split('/').skip(1);
    let mut names = HashSet::new();
    if let Some(fault) = segments().find_map(segment_fault) {
        Some(fault)
    } else if path.split_once("{*").is_some_and(|(_, rest)| rest.contains('/')) {
        Some("nothing follows `{*rest}`")
    } else if segments().filter_map(parameter).any(|name| !names.insert(name)) {
        Some("two parameters have one name")
    } else {
        None
    }
}

fn segment_fault(segment: &str) -> Option<&'static str> {
    match parameter(segment) {
        None if segment.contains(['{', '}']) => Some("a parameter `{…}` is a whole segment"),
        None if segment.starts_with([':', '*']) => Some("a parameter is written `{name}` or `{*rest}`"),
        Some("") => Some("a parameter has a name"),
        Some(name) if name.contains(['{', '}', '*']) => Some("a parameter's name is a plain word"),
        None | Some(_) => None,
    }
}

/// Whether two different paths would meet the same requests, which axum refuses: parameters' names do not
/// tell paths apart, and a parameter cannot stand where another path has `{*rest}`.
pub(super) fn clash(a: &str, b: &str) -> bool {
    if a == b {
        return false;
    }
    let differing = a.split('/').map(Shape::of).zip(b.split('/').map(Shape::of)).find(|(a, b)| a != b);
    match differing {
        None => a.split('/').count() == b.split('/').count(),
        Some(pair) => matches!(pair, (Shape::Parameter, Shape::Rest) | (Shape::Rest, Shape::Parameter)),
    }
}

#[derive(PartialEq)]
enum Shape<'p> {
    Text(&'p str),
    Parameter,
    Rest,
}

impl<'p> Shape<'p> {
    fn of(segment: &'p str) -> Self {
        match parameter(segment) {
            None => Self::Text(segment),
            Some(_) if segment.starts_with("{*") => Self::Rest,
            Some(_) => Self::Parameter,
        }
    }
}

/// The name of the parameter that `segment` is: `id` for `{id}`, `rest` for `{*rest}`.
fn parameter(segment: &str) -> Option<&str> {
    let inside = segment.strip_prefix('{')?.strip_suffix('}')?;
    Some(inside.strip_prefix('*').unwrap_or(inside))
}
