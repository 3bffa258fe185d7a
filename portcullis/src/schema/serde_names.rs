//! Names that serde accepts but the schema does not have: `#[serde(alias)]` and `#[serde(other)]`.
//!
//! schemars describes a field by a single name and an enum by its variants. Input is validated by that schema, so an
//! alias would be rejected although the type accepts it. The type itself knows all names: a derived `Deserialize`
//! passes them to its deserializer. A deserializer without any data collects them, one step deeper with each attempt.
//!
//! It cannot see what serde buffers: flattened fields, untagged enums and the content of tagged ones.

use std::{any::type_name, collections::HashSet, fmt};

use serde::{
    Deserializer,
    de::{
        self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
        VariantAccess, Visitor, value::StrDeserializer,
    },
};
use serde_json::Value;

use super::members::{MAX_HOPS, Members, parts};

/// More attempts than a reasonable type needs.
const MOST_ATTEMPTS: usize = 2000;
/// A name that no type uses.
const NOBODY: &str = "\u{1}portcullis";

/// One sentence for each name that `T` accepts but its schema `root` does not.
pub(crate) fn faults<T: DeserializeOwned>(root: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut next = vec![(Vec::new(), vec![root])];
    for _ in 0..MOST_ATTEMPTS {
        let Some((path, schemas)) = next.pop() else { break };
        let Some(asked) = attempt::<T>(&path) else { continue };
        if let Asked::Fields { of, .. } | Asked::Variants { of, .. } = &asked
            && !seen.insert(*of)
        {
            continue;
        }
        let mut node = Node { root, schemas, found: &mut found };
        let children = node.visit::<T>(&asked, &path);
        next.extend(
            children.into_iter().map(|(step, schemas)| ([path.as_slice(), &[step]].concat(), schemas)),
        );
    }
    found.sort();
    found.dedup();
    found
}

fn attempt<T: DeserializeOwned>(path: &[Step]) -> Option<Asked> {
    let mut asked = None;
    drop(T::deserialize(Probe { path, asked: &mut asked }));
    asked
}

/// The part of the schema that belongs to the end of a path.
struct Node<'r, 'f> {
    root: &'r Value,
    schemas: Vec<&'r Value>,
    found: &'f mut Vec<String>,
}

type Children<'r> = Vec<(Step, Vec<&'r Value>)>;

impl<'r> Node<'r, '_> {
    fn visit<T: DeserializeOwned>(&mut self, asked: &Asked, path: &[Step]) -> Children<'r> {
        match asked {
            Asked::Fields { name, fields, .. } => self.fields(name, fields),
            Asked::Variants { name, variants, .. } => {
                let mut nobody = path.to_vec();
                nobody.push(Step::Variant(NOBODY));
                let takes_any = matches!(attempt::<T>(&nobody), Some(Asked::TookAnything));
                self.variants(name, variants, takes_any)
            }
            Asked::Same => vec![(Step::Inside, self.schemas.clone())],
            Asked::Items => vec![(Step::Inside, self.all(items))],
            Asked::Values => vec![(Step::Inside, self.members().others)],
            Asked::Anything => {
                for (tag, schemas) in self.tags() {
                    let mut tagged = path.to_vec();
                    tagged.push(Step::Tag(tag.to_owned()));
                    let mut of_tag = Node { root: self.root, schemas, found: self.found };
                    match attempt::<T>(&tagged) {
                        Some(Asked::TookAnything) => drop(of_tag.variants(tag, &[], true)),
                        Some(Asked::Variants { variants, .. }) => drop(of_tag.variants(tag, variants, false)),
                        _ => {}
                    }
                }
                Vec::new()
            }
            Asked::TookAnything => Vec::new(),
        }
    }

    fn fields(&mut self, name: &str, fields: &[&'static str]) -> Children<'r> {
        let members = self.members();
        if members.named.is_empty() {
            // Described by other means than its fields.
            return Vec::new();
        }
        if members.others.is_empty() {
            for field in fields.iter().filter(|field| members.get(field).is_none()) {
                self.found.push(format!(
                    "`{name}` takes the field `{field}`, which is not in its schema (`#[serde(alias)]`?), so that it is \
                     rejected; remove the alias, or make the field one of its own"
                ));
            }
        }
        let known =
            fields.iter().filter_map(|field| Some((Step::Field(field), members.get(field)?.schemas.clone())));
        known.collect()
    }

    fn variants(&mut self, name: &str, variants: &[&'static str], takes_any: bool) -> Children<'r> {
        let members = self.members();
        let mut texts = HashSet::new();
        let is_open = self.schemas.iter().any(|schema| constants(schema, self.root, MAX_HOPS, &mut texts));
        if is_open || texts.is_empty() && members.named.is_empty() {
            return Vec::new();
        }
        if takes_any {
            self.found.push(format!(
                "`{name}` takes any value (`#[serde(other)]`), and its schema lists the values, so that others are rejected; \
                 remove `other`, or describe the type as a string, `#[schemars(with = \"String\")]`"
            ));
        }
        for variant in variants {
            if !texts.contains(variant) && members.get(variant).is_none() {
                self.found.push(format!(
                    "`{name}` takes the value `{variant}`, which is not in its schema (`#[serde(alias)]`?), so that it is \
                     rejected; remove the alias, or make the value a variant of its own"
                ));
            }
        }
        let known = variants.iter();
        known.filter_map(|one| Some((Step::Variant(one), members.get(one)?.schemas.clone()))).collect()
    }

    fn members(&self) -> Members<'r> {
        Members::of_any(&self.schemas, self.root)
    }

    /// Members that may be an enum's tag, because all their values are constants.
    fn tags(&self) -> Vec<(&'r str, Vec<&'r Value>)> {
        let is_tag = |schemas: &[&Value]| {
            schemas.iter().all(|schema| schema.get("const").or(schema.get("enum")).is_some())
        };
        let named = self.members().named.into_iter();
        named.filter(|member| is_tag(&member.schemas)).map(|member| (member.name, member.schemas)).collect()
    }

    /// Collects what `of` finds in the schemas and in their parts.
    fn all(&self, of: fn(&'r Value) -> Vec<&'r Value>) -> Vec<&'r Value> {
        let mut found = Vec::new();
        let mut next = self.schemas.clone();
        for _ in 0..MAX_HOPS * MAX_HOPS {
            let Some(schema) = next.pop() else { break };
            found.extend(of(schema));
            next.extend(parts(schema, self.root));
        }
        found
    }
}

fn items(schema: &Value) -> Vec<&Value> {
    let first = schema.get("prefixItems").and_then(Value::as_array).and_then(|items| items.first());
    first.or(schema.get("items")).into_iter().collect()
}

/// Collects the constants of a schema. Returns whether it also accepts any text.
fn constants<'r>(schema: &'r Value, root: &'r Value, hops: usize, texts: &mut HashSet<&'r str>) -> bool {
    let Some(hops) = hops.checked_sub(1) else { return false };
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    let before = texts.len();
    texts.extend(listed.chain(schema.get("const")).filter_map(Value::as_str));
    let is_text = schema.get("type").is_some_and(|kind| kind == "string");
    let mut is_open =
        is_text && texts.len() == before && schema.get("enum").or(schema.get("const")).is_none();
    for part in parts(schema, root) {
        is_open |= constants(part, root, hops, texts);
    }
    is_open
}

/// One step into a type.
#[derive(Debug, Clone)]
enum Step {
    Field(&'static str),
    Variant(&'static str),
    /// The tag of a tagged enum.
    Tag(String),
    /// Into an option, a list, a map or a newtype.
    Inside,
}

/// What a type requests from its deserializer.
#[derive(Debug)]
enum Asked {
    Fields {
        of: &'static str,
        name: &'static str,
        fields: &'static [&'static str],
    },
    Variants {
        of: &'static str,
        name: &'static str,
        variants: &'static [&'static str],
    },
    /// The same type inside a wrapper.
    Same,
    Items,
    Values,
    Anything,
    /// It was given a name that no type uses, and accepted it.
    TookAnything,
}

/// A deserializer that follows a path and has no data at its end.
struct Probe<'p> {
    path: &'p [Step],
    asked: &'p mut Option<Asked>,
}

/// The end of an attempt. Holds the known variants if the tag was unknown.
#[derive(Debug)]
struct Stop(Option<&'static [&'static str]>);

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing to give")
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(None)
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(Some(expected))
    }
}

impl<'p> Probe<'p> {
    fn end<V>(self, asked: Asked) -> Result<V, Stop> {
        *self.asked = Some(asked);
        Err(Stop(None))
    }

    /// The next step, and the probe for the rest of the path.
    fn step(self) -> Result<(&'p Step, Self), Self> {
        match self.path.split_first() {
            Some((step, path)) => Ok((step, Self { path, asked: self.asked })),
            None => Err(self),
        }
    }
}

/// Records the request at the end of the path; before that, goes one step further.
macro_rules! asks {
    ($($method:ident($($argument:ident: $type:ty),*) $asked:expr, $inside:ident => $go:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Stop> {
            match self.step() {
                Err(end) => end.end($asked),
                Ok((Step::Inside, $inside)) => ($go)(visitor),
                Ok(_) => Err(Stop(None)),
            }
        }
    )*};
}

/// Types without names.
macro_rules! scalars {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
            Err(Stop(None))
        }
    )*};
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Stop;

    asks! {
        deserialize_option() Asked::Same, inside => |visitor: V| visitor.visit_some(inside);
        deserialize_newtype_struct(_name: &'static str) Asked::Same, inside => |visitor: V| {
            visitor.visit_newtype_struct(inside)
        };
        deserialize_seq() Asked::Items, inside => |visitor: V| visitor.visit_seq(One::of(inside));
        deserialize_tuple(_len: usize) Asked::Items, inside => |visitor: V| visitor.visit_seq(One::of(inside));
        deserialize_map() Asked::Values, inside => |visitor: V| visitor.visit_map(One::named("", inside));
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        match self.step() {
            Err(end) => end.end(Asked::Fields { of: type_name::<V>(), name, fields }),
            Ok((Step::Field(field), inside)) => visitor.visit_map(One::named(field, inside)),
            Ok(_) => Err(Stop(None)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        match self.step() {
            Err(end) => end.end(Asked::Variants { of: type_name::<V>(), name, variants }),
            Ok((Step::Variant(variant), inside)) => visitor.visit_enum(Chosen { name, variant, inside }),
            Ok(_) => Err(Stop(None)),
        }
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match self.step() {
            Err(end) => end.end(Asked::Anything),
            Ok((Step::Tag(tag), inside)) => visitor.visit_map(One::named(tag, inside)),
            Ok(_) => Err(Stop(None)),
        }
    }

    /// An enum's tag is read this way, and nothing else at the end of an attempt.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let taken = visitor.visit_str::<Stop>(NOBODY);
        *self.asked = match &taken {
            Ok(_) => Some(Asked::TookAnything),
            Err(Stop(Some(variants))) => Some(Asked::Variants { of: type_name::<V>(), name: "", variants }),
            Err(Stop(None)) => None,
        };
        taken
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, _: V) -> Result<V::Value, Stop> {
        Err(Stop(None))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop(None))
    }

    scalars! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_unit
    }
}

/// A list of one item, or a map of one member.
struct One<'n, 'p> {
    name: Option<&'n str>,
    inside: Option<Probe<'p>>,
}

impl<'n, 'p> One<'n, 'p> {
    fn of(inside: Probe<'p>) -> Self {
        Self { name: None, inside: Some(inside) }
    }

    fn named(name: &'n str, inside: Probe<'p>) -> Self {
        Self { name: Some(name), inside: Some(inside) }
    }
}

impl<'de> SeqAccess<'de> for One<'_, '_> {
    type Error = Stop;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Stop> {
        self.inside.take().map(|inside| seed.deserialize(inside)).transpose()
    }
}

impl<'de> MapAccess<'de> for One<'_, '_> {
    type Error = Stop;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Stop> {
        let name = self.name.take().map(StrDeserializer::<Stop>::new);
        name.map(|name| seed.deserialize(name)).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Stop> {
        seed.deserialize(self.inside.take().ok_or(Stop(None))?)
    }
}

/// A variant of an enum.
struct Chosen<'p> {
    name: &'static str,
    variant: &'static str,
    inside: Probe<'p>,
}

impl<'de> EnumAccess<'de> for Chosen<'_> {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Stop> {
        let variant: StrDeserializer<'_, Stop> = self.variant.into_deserializer();
        let value = seed.deserialize(variant)?;
        if self.variant == NOBODY {
            *self.inside.asked = Some(Asked::TookAnything);
            return Err(Stop(None));
        }
        Ok((value, self))
    }
}

impl<'de> VariantAccess<'de> for Chosen<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        Err(Stop(None))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Stop> {
        seed.deserialize(self.inside)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.inside.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.inside.deserialize_struct(self.name, fields, visitor)
    }
}
