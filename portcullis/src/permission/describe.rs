//! What permissions add to the OpenAPI document.

use http::StatusCode;
use serde_json::{Map, Value};

use super::{IdOf, Object, Permission, PermissionProblem, may::ById};
use crate::{
    describe::{Describe, Operation},
    input::Path,
};

/// The permissions that an operation asks for, and the object of each.
pub(crate) const KEY: &str = "x-portcullis-permission";

/// The path parameter that names the object.
pub(crate) const ID: &str = "id";

/// A permission on the object that `{id}` names.
pub(super) fn one<P: Permission>(operation: &mut Operation<'_>) {
    let name = P::Object::NAME;
    let others = operation.extension(KEY).iter().filter(|other| other.get(ID).is_some());
    let other = others.filter_map(|other| other.get("on")?.as_str()).find(|other| *other != name);
    if let Some(other) = other.map(str::to_owned) {
        operation.defect(&format!("`{{{ID}}}` cannot be the id of a {other} and of a {name}: ask for one"));
    }
    if operation.path_parameters().contains(&ID) {
        Path::<ById<IdOf<P>>>::describe(operation);
    } else {
        operation.defect(&format!(
            "the path has no `{{{ID}}}`, by which `{}` finds the {name}: give the parameter this name, or use `Seen` \
                for a list",
            P::NAME
        ));
    }
    refusals::<P>(operation);
    operation.add_extension(KEY, asked::<P>(Some(ID)));
}

/// A permission on each object of a list.
pub(super) fn several<P: Permission>(operation: &mut Operation<'_>) {
    operation.add_extension(KEY, asked::<P>(None));
}

fn refusals<P: Permission>(operation: &mut Operation<'_>) {
    let name = P::Object::NAME;
    operation.problem(
        StatusCode::NOT_FOUND,
        &format!("No such {name}, or the caller may not see it: the same response"),
    );
    operation.json_response::<PermissionProblem>(
        StatusCode::FORBIDDEN,
        &format!("The caller may see the {name} but lacks the permission `{}` on it", P::NAME),
    );
}

fn asked<P: Permission>(id: Option<&str>) -> Value {
    let members = [("permission", Some(P::NAME)), ("on", Some(P::Object::NAME)), ("id", id)];
    let members = members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into())));
    members.collect::<Map<_, _>>().into()
}
