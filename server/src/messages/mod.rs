//! The texts that people read, complete in each language: `mail.…` in emails, `page.…` on pages.
//!
//! A text is looked up by its key: `language.text("mail.greeting")`, or with values for its `{names}`:
//! `language.fill("mail.greeting_name", &[("name", name)])`. Tests check that every language has every key with the
//! same names, that every key used in the sources exists, and that no key is unused.

mod language;

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use toml::{Table, Value};

type Texts = BTreeMap<String, String>;

/// One line per language: its variant, its tag, its name in itself, and its file. To add one, see
/// `docs/translating.md`.
macro_rules! languages {
    ($($language:ident $tag:literal $own_name:literal $file:literal;)*) => {
        /// A language with a message file.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Language { $($language),* }

        impl Language {
            pub(crate) const ALL: &[Self] = &[$(Self::$language),*];

            /// Its tag (RFC 5646), as in the attribute `lang`.
            pub(crate) fn tag(self) -> &'static str {
                match self { $(Self::$language => $tag),* }
            }

            /// Its name in itself.
            pub(crate) fn own_name(self) -> &'static str {
                match self { $(Self::$language => $own_name),* }
            }

            fn texts(self) -> &'static Texts {
                match self {
                    $(Self::$language => {
                        static TEXTS: LazyLock<Texts> = LazyLock::new(|| texts(include_str!($file)));
                        &TEXTS
                    })*
                }
            }
        }
    };
}
languages! {
    En "en" "English" "en.toml";
    De "de" "Deutsch" "de.toml";
    Es "es" "Español" "es.toml";
}

impl Language {
    /// The language of a tag such as `de` or `de-AT`; English for an unsupported one.
    pub(crate) fn of_tag(tag: &str) -> Self {
        Self::of_known_tag(tag).unwrap_or(Self::En)
    }

    /// The text of a key.
    pub(crate) fn text(self, key: &'static str) -> &'static str {
        self.texts().get(key).map_or(key, String::as_str)
    }

    /// The text of a key, with a value for each `{name}` in it. Values are not searched for names.
    pub(crate) fn fill(self, key: &'static str, values: &[(&str, &str)]) -> String {
        pieces(self.text(key))
            .map(|piece| match piece {
                Piece::Plain(text) => Cow::Borrowed(text),
                Piece::Name(name) => match values.iter().find(|(known, _)| *known == name) {
                    Some((_, value)) => Cow::Borrowed(*value),
                    None => Cow::Owned(format!("{{{name}}}")),
                },
            })
            .collect()
    }
}

enum Piece<'t> {
    Plain(&'t str),
    Name(&'t str),
}

/// A text split at its `{names}`.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    text.split('{').enumerate().flat_map(|(at, part)| match part.split_once('}') {
        Some((name, rest)) if at > 0 => [Piece::Name(name), Piece::Plain(rest)],
        _ => [Piece::Plain(part), Piece::Plain("")],
    })
}

/// The keys of a message file, joined by dots, and their texts.
fn texts(file: &str) -> Texts {
    let mut texts = Texts::new();
    // A file that is not valid TOML has no texts: the tests would see nothing but keys.
    gather("", file.parse().unwrap_or_default(), &mut texts);
    texts
}

fn gather(prefix: &str, table: Table, texts: &mut Texts) {
    for (key, value) in table {
        let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(table) => gather(&key, table, texts),
            Value::String(text) => drop(texts.insert(key, text.trim_matches('\n').to_owned())),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        fs,
        path::{Path, PathBuf},
    };

    use super::*;
    use crate::clock::Timestamp;

    /// The names in a text.
    fn names(text: &str) -> BTreeSet<&str> {
        pieces(text)
            .filter_map(|piece| match piece {
                Piece::Name(name) => Some(name),
                Piece::Plain(_) => None,
            })
            .collect()
    }

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path, found) } else { found.push(path) }
        }
    }

    /// Every `"mail.…"` and `"page.…"` of the sources and templates.
    fn asked_for() -> BTreeSet<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        files(&root.join("src"), &mut found);
        files(&root.join("templates"), &mut found);
        let is_key = |text: &str| {
            ["mail.", "page."].iter().any(|group| text.starts_with(group))
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._".contains(&b))
        };
        let mut keys = BTreeSet::new();
        for file in found.iter().filter(|file| !file.ends_with("messages/mod.rs")) {
            let text = fs::read_to_string(file).unwrap_or_default();
            let text = text.split("#[cfg(test)]").next().unwrap();
            keys.extend(text.split('"').filter(|text| is_key(text)).map(str::to_owned));
        }
        keys
    }

    #[test]
    fn each_language_has_every_text_with_the_same_names() {
        let english = Language::En.texts();
        assert!(english.len() > 30, "{}", english.len());
        for language in Language::ALL {
            let texts = language.texts();
            assert_eq!(english.keys().collect::<Vec<_>>(), texts.keys().collect::<Vec<_>>(), "{language:?}");
            for (key, text) in texts {
                assert_eq!(names(text), names(&english[key]), "{key} in {language:?}");
                assert!(!text.is_empty(), "{key} in {language:?}");
                assert_eq!(text.matches('{').count(), text.matches('}').count(), "{key} in {language:?}");
            }
        }
    }

    #[test]
    fn a_day_is_written_as_its_readers_write_it() {
        let moment = Timestamp::from_secs(1_700_000_000);
        let days = Language::ALL.iter().map(|language| language.day(moment)).collect::<Vec<_>>();
        assert_eq!(days, ["14 November 2023", "14. November 2023", "14 de noviembre de 2023"]);
    }

    #[test]
    fn each_text_is_asked_for_and_each_that_is_asked_for_is_there() {
        let there: BTreeSet<String> = Language::En.texts().keys().cloned().collect();
        let asked = asked_for();
        assert_eq!(asked.difference(&there).collect::<Vec<_>>(), Vec::<&String>::new(), "missing");
        assert_eq!(there.difference(&asked).collect::<Vec<_>>(), Vec::<&String>::new(), "in vain");
    }

    #[test]
    fn a_day_is_that_of_utc_and_a_word_keeps_its_space() {
        assert_eq!(Language::En.day(Timestamp::from_secs(1_699_136_000)), "4 November 2023");
        assert_eq!(Language::De.day(Timestamp::from_secs(1_773_446_400)), "14. März 2026");
        assert_eq!(Language::En.text("page.form.fault"), "Error: ");
    }

    #[test]
    fn values_are_filled_in_once() {
        let filled = Language::En.fill("mail.greeting_name", &[("name", "{name} {{7*7}}")]);
        assert!(filled.contains("{name} {{7*7}}"), "{filled}");
        assert_eq!(pieces("a {b} c").count(), 4);
    }

    #[test]
    fn a_tag_chooses_its_language() {
        for (tag, language) in [
            ("de", "de"),
            ("de-AT", "de"),
            ("DE_ch", "de"),
            ("en-GB", "en"),
            ("es-MX", "es"),
            ("fr", "en"),
            ("", "en"),
        ] {
            assert_eq!(Language::of_tag(tag).tag(), language, "{tag}");
        }
    }
}
