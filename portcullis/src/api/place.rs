//! Paths of routes: those that axum and OpenAPI both understand.

use std::collections::{HashMap, HashSet};

/// Why `path` cannot be the path of a route. A parameter must be a whole segment: as a part of one (`/v{n}`) it would
/// be missing in the document.
pub(super) fn fault(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        return Some("a path must begin with `/`");
    }
    let segments = || path.split('/').skip(1);
    let mut names = HashSet::new();
    if let Some(fault) = segments().find_map(segment_fault) {
        Some(fault)
    } else if path.split_once("{*").is_some_and(|(_, rest)| rest.contains('/')) {
        Some("nothing follows `{*rest}`")
    } else if segments().filter_map(parameter).any(|name| !names.insert(name)) {
        Some("two parameters have the same name")
    } else {
        None
    }
}

fn segment_fault(segment: &str) -> Option<&'static str> {
    match parameter(segment) {
        None if segment.contains(['{', '}']) => Some("a parameter `{…}` must be a whole segment"),
        None if segment.starts_with([':', '*']) => Some("a parameter must be written `{name}` or `{*rest}`"),
        Some("") => Some("a parameter must have a name"),
        Some(name) if name.contains(['{', '}', '*']) => Some("a parameter's name must be a plain word"),
        None | Some(_) => None,
    }
}

/// The places that routes have taken. One lookup tells whether another place is free.
#[derive(Default)]
pub(super) struct Places<'p> {
    taken: HashSet<(&'p str, &'p str)>,
    root: Node<'p>,
}

/// What follows a common beginning of paths.
#[derive(Default)]
struct Node<'p> {
    next: HashMap<Shape<'p>, Node<'p>>,
    /// The first path that ends here.
    path: Option<&'p str>,
    /// Another path ends here too, so whatever follows clashes with one of them.
    is_disputed: bool,
}

impl<'p> Places<'p> {
    /// Takes a place. Returns whether it was free: no route had it, and none had a [`clash`]ing one.
    pub(super) fn take(&mut self, method: &'p str, path: &'p str) -> bool {
        let mut is_free = self.taken.insert((method, path));
        let mut node = &mut self.root;
        for shape in path.split('/').map(Shape::of) {
            is_free &= shape.rival().is_none_or(|rival| !node.next.contains_key(&rival));
            node = node.next.entry(shape).or_default();
        }
        node.is_disputed |= *node.path.get_or_insert(path) != path;
        is_free && !node.is_disputed
    }
}

/// Whether two different paths would match the same requests, which axum rejects. The names of parameters do not tell
/// paths apart, and a parameter cannot be where another path has `{*rest}`.
pub(super) fn clash(a: &str, b: &str) -> bool {
    if a == b {
        return false;
    }
    let differing = a.split('/').map(Shape::of).zip(b.split('/').map(Shape::of)).find(|(a, b)| a != b);
    match differing {
        None => a.split('/').count() == b.split('/').count(),
        Some((a, b)) => a.rival() == Some(b),
    }
}

#[derive(PartialEq, Eq, Hash)]
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

    /// The shape that cannot be in the same position.
    const fn rival(&self) -> Option<Self> {
        match self {
            Self::Text(_) => None,
            Self::Parameter => Some(Self::Rest),
            Self::Rest => Some(Self::Parameter),
        }
    }
}

/// The name of the parameter in `segment`: `id` for `{id}`, `rest` for `{*rest}`.
fn parameter(segment: &str) -> Option<&str> {
    let inside = segment.strip_prefix('{')?.strip_suffix('}')?;
    Some(inside.strip_prefix('*').unwrap_or(inside))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_clashes_with_a_route_that_was_refused_is_refused_too() {
        let mut places = Places::default();
        let taken = [("post", "/{y}"), ("get", "/{x}"), ("get", "/{y}")]
            .map(|(method, path)| places.take(method, path));
        assert_eq!(taken, [true, false, false]);
    }

    proptest! {
        /// One lookup finds the same as comparing every pair.
        #[test]
        fn a_place_is_free_when_nothing_clashes(
            routes in prop::collection::vec(("get|post", "(/(a|b|\\{x\\}|\\{y\\}|\\{\\*z\\})){0,3}"), 0..8),
        ) {
            let mut places = Places::default();
            for (index, (method, path)) in routes.iter().enumerate() {
                let is_taken = |(other, known): &(String, String)| {
                    (known == path && other == method) || clash(known, path)
                };
                let expected = !routes[..index].iter().any(is_taken);
                prop_assert_eq!(places.take(method, path), expected, "{} {}", method, path);
            }
        }
    }
}
