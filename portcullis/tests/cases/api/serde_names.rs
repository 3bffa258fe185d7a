//! Names that serde accepts but the schema does not have. Input is validated by the schema, so they would be rejected
//! although the type accepts them.

use std::collections::HashMap;

use super::*;

macro_rules! types {
    ($($(#[$attribute:meta])* $kind:ident $name:ident $rest:tt)*) => {$(
        #[derive(serde::Deserialize, schemars::JsonSchema)]
        #[allow(dead_code, reason = "only its names matter, and not every kind is dead")]
        $(#[$attribute])*
        $kind $name $rest
    )*};
}
types! {
    struct LogIn { #[serde(alias = "userName", alias = "login")] user_name: String, password: String }
    enum Colour { Red, #[serde(other)] Other }
    enum Size { #[serde(alias = "s")] Small, Large(LogIn), Own { #[serde(alias = "w")] width: u32 } }
    #[serde(tag = "kind")] enum Pet { #[serde(alias = "Hound")] Dog { name: String }, Cat }
    #[serde(tag = "kind")] enum Beast { Dog { name: String }, #[serde(other)] Other }
    #[serde(tag = "kind", content = "is")] enum Fruit { #[serde(alias = "Pomme")] Apple(u32), Pear }
    struct Tree { children: Vec<Tree>, #[serde(alias = "leaf")] leaves: Option<Box<Tree>> }
    #[serde(untagged)] enum Either { One(u32), Other(String) }
    struct Sound {
        id: uuid::Uuid, when: Option<String>, colour: Plain, pair: (u8, String), map: HashMap<String, Vec<Plain>>,
        either: Either, any: Value, pet: Kept, tree: Option<Box<Sound>>, unit: (), letter: char,
    }
    enum Plain { Red, #[serde(rename = "green")] Green, Blue { depth: u8 }, Pair(u8, u8) }
    #[serde(tag = "kind")] enum Kept { Dog { name: String }, Cat(Named) }
    struct Named { name: String }
    /// Open, so that the alias is not rejected.
    #[schemars(extend("additionalProperties" = true))]
    struct Open { #[serde(alias = "b")] a: Option<u8> }
    struct Described {
        #[schemars(with = "Value")] log_in: LogIn,
        #[schemars(with = "String")] colour: Colour,
    }
    struct InPath { #[serde(alias = "number")] id: u32 }
}

fn field(of: &str, name: &str) -> String {
    format!("`{of}` takes the field `{name}`, which is not in its schema")
}
fn value(of: &str, name: &str) -> String {
    format!("`{of}` takes the value `{name}`, which is not in its schema")
}
fn any(of: &str) -> String {
    format!("`{of}` takes any value")
}

#[track_caller]
fn told<T: serde::de::DeserializeOwned + schemars::JsonSchema + Send + 'static>(expected: &[String]) {
    async fn take<T: Send>(_: Public, _: Json<T>) -> NoContent {
        NoContent
    }
    let told = match Api::<()>::new("", "").post("/", take::<T>).finish() {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    let lines: Vec<_> = told.lines().skip(1).collect();
    assert_eq!(lines.len(), expected.len(), "{told}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(&format!("- post /: {expected}")), "{line}\n{expected}");
    }
}

#[test]
fn f4_aliases_and_catch_alls_are_defects() {
    let both = || [field("LogIn", "login"), field("LogIn", "userName")];
    told::<LogIn>(&both());
    told::<Vec<Option<LogIn>>>(&both());
    told::<HashMap<String, LogIn>>(&both());
    told::<(LogIn, u8)>(&both());
    told::<Colour>(&[any("Colour")]);
    told::<Option<HashMap<String, Vec<Colour>>>>(&[any("Colour")]);
    let [login, user_name] = both();
    told::<Size>(&[login, user_name, field("Size", "w"), value("Size", "s")]);
    told::<Pet>(&[value("kind", "Hound")]);
    told::<Beast>(&[any("kind")]);
    told::<Fruit>(&[value("Fruit", "Pomme")]);
    told::<Tree>(&[field("Tree", "leaf")]);
    told::<Sound>(&[]);
    told::<Open>(&[]);
    told::<Described>(&[]);
}

async fn form(_: Public, _: Form<LogIn>) -> NoContent {
    NoContent
}
async fn query(_: Public, _: Query<LogIn>) -> NoContent {
    NoContent
}
async fn path(_: Public, _: Path<InPath>) -> NoContent {
    NoContent
}

#[test]
fn f4_in_every_extractor() {
    let api = || Api::<()>::new("", "");
    for api in [api().post("/", form), api().get("/", query), api().get("/{id}", path)] {
        let told = api.finish().unwrap_err().to_string();
        assert!(told.contains("(`#[serde(alias)]`?)"), "{told}");
    }
}
