//! Two types with one name. schemars numbers the second, `Page2`. Its name then depends on what else is described and
//! in which order, and a client generated yesterday would not find it today.

use std::{borrow::Cow, cell::RefCell, collections::BTreeSet};

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::Components;

impl Components {
    /// Finds types that share a name with another. `again` describes everything once more.
    ///
    /// A name such as `Address2` may be a type's own. To find out, everything is described again with that name
    /// reserved: a type's own name is then numbered itself (`Address22`), and a number that schemars gave changes.
    pub(crate) fn check_names(&mut self, again: impl FnOnce(&mut Self)) {
        let suspects = self.generators().map(|generator| suspects(generator));
        if suspects.iter().all(BTreeSet::is_empty) {
            return;
        }
        let mut probe = Self::new();
        for (generator, names) in probe.generators().into_iter().zip(&suspects) {
            for (name, _) in names {
                reserve(generator, name);
            }
        }
        again(&mut probe);
        let mut shared = BTreeSet::new();
        for (generator, names) in probe.generators().into_iter().zip(suspects) {
            let numbered = names
                .into_iter()
                .filter(|(name, _)| !generator.definitions().contains_key(&format!("{name}2")));
            shared.extend(numbered.map(|(_, base)| base));
        }
        self.defects.extend(shared.into_iter().map(|name| {
            format!(
                "two types are called `{name}` in the document; name a generic type by its arguments, \
                 `#[schemars(rename = \"{name}Of{{T}}\")]`, and give one of two types another name, \
                 `#[schemars(rename = \"…\")]`"
            )
        }));
    }

    fn generators(&mut self) -> [&mut SchemaGenerator; 3] {
        [&mut self.inputs, &mut self.open_inputs, &mut self.outputs]
    }
}

/// Names that may be numbered, each with the name without the number.
fn suspects(generator: &SchemaGenerator) -> BTreeSet<(String, String)> {
    let known = generator.definitions();
    let split = |name: &str| {
        let letters = name.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
        let mut ends = letters..name.len();
        ends.find_map(|end| {
            let (base, number) = name.split_at_checked(end)?;
            let is_number = !number.starts_with('0') && number != "1";
            (is_number && known.contains_key(base)).then(|| base.to_owned())
        })
    };
    known.keys().filter_map(|name| Some((name.clone(), split(name)?))).collect()
}

thread_local! {
    static RESERVED: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A type that reserves a name.
struct Reserved;

impl JsonSchema for Reserved {
    fn schema_name() -> Cow<'static, str> {
        RESERVED.with_borrow(|name| name.clone().into())
    }

    fn schema_id() -> Cow<'static, str> {
        RESERVED.with_borrow(|name| format!("reserved {name}").into())
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        true.into()
    }
}

fn reserve(generator: &mut SchemaGenerator, name: &str) {
    RESERVED.with_borrow_mut(|reserved| name.clone_into(reserved));
    generator.subschema_for::<Reserved>();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_that_begins_with_no_zero_and_is_not_one() {
        let mut generator = SchemaGenerator::default();
        for name in ["Page", "Page1", "Page02", "Page2", "Page12", "Other2", "Page2b", "Seite3", "Seite"] {
            reserve(&mut generator, name);
        }
        let found = suspects(&generator);
        let found: Vec<_> = found.iter().map(|(name, base)| (name.as_str(), base.as_str())).collect();
        assert_eq!(found, [("Page12", "Page"), ("Page2", "Page"), ("Seite3", "Seite")]);
    }
}
