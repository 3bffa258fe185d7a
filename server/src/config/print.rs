//! The settings for people to read: the current values and their sources, a file to start with, and the reference on
//! the terminal and as `docs/settings.md`.

use std::fmt::{self, Write as _};

use toml::Value as Toml;

use super::attributes;
use super::load::{Loaded, Source};
use super::login_with::{self, KEYS, Key, LOGIN_WITH, NAME, Place};
use super::table::Setting;
use super::value::Shape;
use super::{Attribute, Config, DATA_DIR};

/// The width of the reference on a terminal.
const WIDTH: usize = 96;

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option => f.write_str("option"),
            Self::Variable => f.write_str("variable"),
            Self::File { file, line } => write!(f, "{}, line {line}", file.display()),
            Self::Credential => f.write_str("systemd credential"),
        }
    }
}

/// A setting, its current value, and where that comes from. Passwords are left out.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Shown {
    pub(crate) setting: String,
    pub(crate) value: Option<String>,
    pub(crate) source: String,
}

/// Every setting of a configuration.
pub(crate) fn show(loaded: &Loaded) -> Vec<Shown> {
    let shown = |setting: &'static Setting| Shown {
        setting: setting.name.to_owned(),
        value: setting.value(&loaded.config),
        source: loaded.sources.get(setting.name).map_or_else(|| "default".to_owned(), ToString::to_string),
    };
    let of_provider = |(place, source): (&Place, &Source)| Shown {
        setting: place.setting(),
        value: login_with::value(&loaded.config, place),
        source: source.to_string(),
    };
    let of_attribute = |(attribute, source): (&Attribute, &Source)| Shown {
        setting: attribute.setting(),
        value: Some(attribute.summary()),
        source: source.to_string(),
    };
    let attributes = loaded.config.attributes.iter().zip(&loaded.attributes).map(of_attribute);
    Setting::all().map(shown).chain(loaded.providers.iter().map(of_provider)).chain(attributes).collect()
}

/// A configuration file with every setting, commented out.
pub(crate) fn default_file() -> String {
    let mut file =
        "# Settings of Portcullis. Remove the `#` in front of a setting to change it, and restart the \
        server.\n\
                    # An option or a variable on the command line overrides this file.\n"
            .to_owned();
    let defaults = Config::new(DATA_DIR);
    for_each_group(|group, settings| {
        let _ = write!(file, "\n# {group}\n");
        for setting in settings {
            let value = setting.example.map(ToOwned::to_owned).or_else(|| (setting.get)(&defaults));
            let value = in_toml(setting.shape, &value.unwrap_or_default());
            let help = wrapped(&format!("{} Default: {}.", setting.help(), setting.default()), "# ");
            let _ = write!(file, "\n{help}#{} = {value}\n", setting.name);
        }
    });
    // Tables must come last: every key after a table's header belongs to the table.
    let _ = write!(file, "\n# {PROVIDERS}\n\n{}#[{LOGIN_WITH}.acme]\n", wrapped(ABOUT, "# "));
    for key in KEYS {
        let help = wrapped(&key.help(), "# ");
        let _ = write!(file, "\n{help}#{} = {}\n", key.name, in_toml(Key::shape(), key.example));
    }
    let _ = write!(file, "\n# {ATTRIBUTES}\n\n{}", wrapped(ABOUT_ATTRIBUTES, "# "));
    for (key, value, help) in attributes::KEYS {
        file.push_str(&wrapped(&format!("{key} = {value}: {help}"), "# "));
    }
    for (name, keys) in EXAMPLES {
        let _ = write!(file, "\n#[{}.{name}]\n", attributes::ATTRIBUTES);
        for key in keys {
            let _ = writeln!(file, "#{key}");
        }
    }
    file
}

/// The heading of the attributes.
const ATTRIBUTES: &str = "Attributes of accounts and organisations";
const ABOUT_ATTRIBUTES: &str = "One table for each attribute. The name is 1 to 30 lower-case letters, digits and `_`, a \
                                letter first. Attributes are declared in the file only. docs/attributes.md says what \
                                follows from each key.";
const EXAMPLES: [(&str, &[&str]); 2] = [
    (
        "company",
        &[
            "of = \"account\"",
            "type = \"string\"",
            "max_length = 100",
            "label_de = \"Firma\"",
            "change = \"owner\"",
            "sign_up = \"optional\"",
        ],
    ),
    (
        "plan",
        &["of = \"organisation\"", "type = \"string\"", "values = [\"free\", \"pro\"]", "read = \"members\""],
    ),
];

/// The heading of the providers' settings.
const PROVIDERS: &str = "Providers to log in with";
const ABOUT: &str = "One table for each provider. The name is `google`, `microsoft`, `apple`, `github`, `facebook`, \
                     `discord`, `gitlab`, or a name of your choice for an OpenID issuer. docs/social-login.md has the \
                     steps for each provider.";

fn in_toml(shape: Shape, text: &str) -> String {
    match shape {
        Shape::Text => Toml::String(text.to_owned()).to_string(),
        Shape::Number => text.to_owned(),
        Shape::List => {
            Toml::Array(text.split(',').map(|entry| Toml::String(entry.to_owned())).collect()).to_string()
        }
    }
}

/// The reference for a terminal.
pub(crate) fn describe() -> String {
    let mut text = "Each setting can be an option, an environment variable, or a key of a TOML file (--config FILE).\n\
                    An option overrides a variable, and a variable overrides the file. The setting data_dir, for\n\
                    example, is --data-dir DIR, PORTCULLIS_DATA_DIR, or data_dir = \"DIR\".\n"
        .to_owned();
    for_each_group(|group, settings| {
        let _ = write!(text, "\n{group}:\n");
        for setting in settings {
            let help = wrapped(&format!("{} [default: {}]", setting.help(), setting.default()), "      ");
            let _ = write!(text, "  {} <{}>\n{}", setting.name, setting.value_name, help.replace('`', ""));
        }
    });
    let _ = write!(text, "\n{PROVIDERS}:\n{}", wrapped(&format!("{ABOUT} {WAYS}").replace('`', ""), "  "));
    for key in KEYS {
        let help = wrapped(&key.help(), "      ").replace('`', "");
        let _ = write!(text, "  {LOGIN_WITH}.{NAME}.{} <{}>\n{help}", key.name, key.value_name);
    }
    let _ = write!(text, "\n{ATTRIBUTES}:\n{}", wrapped(&ABOUT_ATTRIBUTES.replace('`', ""), "  "));
    for (key, value, help) in attributes::KEYS {
        let help = wrapped(help, "      ").replace('`', "");
        let _ = write!(text, "  {}.{NAME}.{key} <{value}>\n{help}", attributes::ATTRIBUTES);
    }
    text
}

const WAYS: &str = "The setting `client_id` of `google`, for example, is `--login-with google.client_id=ID`, \
                    `PORTCULLIS_LOGIN_WITH_GOOGLE_CLIENT_ID`, or `client_id = \"ID\"` under `[login_with.google]` in \
                    the \
                    file. In a variable, write `_` for a `-` in the name.";

/// The reference as a page in Markdown: `docs/settings.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = "# Settings\n\n\
        Written by a test from the declaration in `server/src/config/settings.rs`; change that, not this file.\n\n\
        Each setting can be an option, an environment variable, or a key of a TOML file that `--config FILE` or \
        `PORTCULLIS_CONFIG` names. An option overrides a variable, and a variable overrides the file. An unknown \
        name is an error. Restart the server to apply a change.\n\n\
        - `portcullis config show` prints the value of each setting and where it comes from.\n\
        - `portcullis config default` prints a file with every setting, commented out.\n\
        - `portcullis help settings` prints this reference.\n\n\
        Durations are written as `30s`, `5m`, `1h` or `14d`, sizes as `512MiB`, `10GiB` or `1TiB`. In a variable or \
        option, separate the entries of a list with commas; in the file, write an array of strings.\n"
        .to_owned();
    for_each_group(|group, settings| {
        let _ = write!(page, "\n## {group}\n");
        for setting in settings {
            let _ = write!(
                page,
                "\n### `{name}`\n{help}\n\n\
                 Option `--{option} {value}`, variable `{variable}`. Default: {default}.\n",
                name = setting.name,
                help = setting.help(),
                option = setting.option(),
                value = setting.value_name,
                variable = setting.variable(),
                default = setting.default(),
            );
        }
    });
    let about = ABOUT.replace("docs/social-login.md has", "[Social login](social-login.md) has");
    let _ = write!(page, "\n## {PROVIDERS}\n{about}\n\n{WAYS}\n");
    for key in KEYS {
        let _ = write!(
            page,
            "\n### `{LOGIN_WITH}.{NAME}.{name}`\n{help}\n\nOption `--login-with {NAME}.{name}={value}`, variable \
             `{variable}`.\n",
            name = key.name,
            help = key.help(),
            value = key.value_name,
            variable = Place::variable(NAME, key.name),
        );
    }
    let about = ABOUT_ATTRIBUTES.replace("docs/attributes.md says", "[Attributes](attributes.md) says");
    let _ = write!(page, "\n## {ATTRIBUTES}\n{about}\n");
    for (key, value, help) in attributes::KEYS {
        let _ =
            write!(page, "\n### `{}.{NAME}.{key}`\n{help}\n\nValue: `{value}`.\n", attributes::ATTRIBUTES);
    }
    page
}

fn for_each_group(mut write: impl FnMut(&str, &[&'static Setting])) {
    let settings: Vec<_> = Setting::all().collect();
    for group in settings.chunk_by(|one, next| one.group == next.group) {
        write(group.first().map_or("", |setting| setting.group), group);
    }
}

/// The text, wrapped into lines that begin with `margin`.
fn wrapped(text: &str, margin: &str) -> String {
    let mut lines = String::new();
    let mut length = WIDTH;
    for word in text.split(' ') {
        if length + 1 + word.chars().count() > WIDTH {
            let end = if lines.is_empty() { "" } else { "\n" };
            let _ = write!(lines, "{end}{margin}{word}");
            length = margin.len() + word.chars().count();
        } else {
            let _ = write!(lines, " {word}");
            length += 1 + word.chars().count();
        }
    }
    lines + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_is_toml_with_and_without_its_marks() {
        let file = default_file();
        assert!(file.parse::<toml::Table>().unwrap().is_empty());
        let is_setting = |line: &&str| line.starts_with('#') && !line.starts_with("# ");
        let settings: Vec<_> =
            file.lines().filter(is_setting).map(|line| line.replacen('#', "", 1)).collect();
        let table: toml::Table = settings.join("\n").parse().unwrap();
        assert!(Setting::all().all(|setting| table.contains_key(setting.name)), "{file}");
        assert!(file.lines().all(|line| line.chars().count() <= WIDTH + 4), "{file}");
    }

    #[test]
    fn lines_are_wrapped() {
        let text = wrapped(&"word ".repeat(40), "# ");
        assert!(
            text.lines().count() == 3
                && text.lines().all(|line| line.len() <= WIDTH && line.starts_with("# "))
        );
    }
}
