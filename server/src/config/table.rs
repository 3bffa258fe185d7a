//! The macros behind the declaration of the settings. They generate the struct [`Config`] and a table with one row per
//! setting. Options, variables, keys of the file, messages and documentation come from the table.

use std::ffi::OsStr;

use super::Config;
use super::value::Shape;

/// A row of the table.
#[derive(Debug)]
pub(super) struct Setting {
    /// The key in the file. `--name-with-dashes` and `PORTCULLIS_NAME` follow from it.
    pub(super) name: &'static str,
    /// The heading under which it is documented.
    pub(super) group: &'static str,
    pub(super) value_name: &'static str,
    pub(super) shape: Shape,
    /// What it does, in Markdown.
    pub(super) help: &'static [&'static str],
    /// A description of the default, if the value alone says too little.
    pub(super) unset: Option<&'static str>,
    /// A value to show, if the default is not a useful example.
    pub(super) example: Option<&'static str>,
    /// Its value as text; `None` if nothing is set.
    pub(super) get: fn(&Config) -> Option<String>,
    /// The effective value, if it depends on other settings.
    pub(super) effective: fn(&Config) -> Option<String>,
    pub(super) set: fn(&mut Config, &OsStr) -> Result<(), String>,
    /// Rejects a value that is out of bounds.
    pub(super) check: fn(&Config) -> Result<(), String>,
}

impl Setting {
    /// Every setting, in the order of its declaration.
    pub(super) fn all() -> impl Iterator<Item = &'static Self> {
        super::settings::TABLE.iter().copied().flatten()
    }

    pub(super) fn option(&self) -> String {
        self.name.replace('_', "-")
    }

    pub(super) fn variable(&self) -> String {
        format!("{}{}", super::names::PREFIX, self.name.to_uppercase())
    }

    /// The effective value; `None` if there is none.
    pub(super) fn value(&self, config: &Config) -> Option<String> {
        (self.effective)(config).or_else(|| (self.get)(config))
    }

    /// What it does, as one paragraph.
    pub(super) fn help(&self) -> String {
        let lines: Vec<_> = self.help.iter().map(|line| line.trim()).collect();
        lines.join(" ")
    }

    /// The default, in Markdown.
    pub(super) fn default(&self) -> String {
        let value = || (self.get)(&Config::new(super::DATA_DIR)).map(|value| format!("`{value}`"));
        self.unset.map(ToOwned::to_owned).or_else(value).unwrap_or_else(|| "none".to_owned())
    }
}

/// Declares every setting, once:
///
/// ```text
/// pub struct Config of data_dir;
/// "Headline" {
///     /// What it does.
///     name: Type = default, ("VALUE", between "least" and "most");
///     /// What the settings of this field have in common.
///     field: Type = default, {
///         /// What it does.
///         name = part_of_the_field: Type, ("VALUE");
///     };
///     /// A field that only an application sets.
///     field: Type = default;
/// }
/// ```
///
/// After `"VALUE"`, these are optional, in this order: `between` two bounds, `check` a function that returns what is
/// wrong with a value, `unset` a description of the default, `example` a value to show, `effective` the value if it
/// depends on other settings.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        pub struct $Config:ident of $dir:ident;
        $($group:literal {$(
            $(#[doc = $doc:literal])+
            $field:ident: $Type:ty = $default:expr $(, $setting:tt)?;
        )+})+
    ) => {
        $(#[$meta])*
        pub struct $Config {$($(
            $(#[doc = $doc])+
            #[doc = concat!("\n\nDefault: `", stringify!($default), "`.")]
            pub $field: $Type,
        )+)+}

        impl $Config {
            /// The defaults, with everything kept in `data_dir`.
            #[must_use]
            pub fn new($dir: impl Into<std::path::PathBuf>) -> Self {
                let $dir = $dir.into();
                Self {$($($field: $default,)+)+}
            }
        }

        pub(super) static TABLE: &[&[crate::config::table::Setting]] = &[$($(
            crate::config::table::rows!($group, [$($doc),+], $field: $Type $(, $setting)?),
        )+)+];
    };
}

/// The rows of one field.
macro_rules! rows {
    ($group:literal, [$($doc:literal),+], $field:ident: $Type:ty) => { &[] };
    ($group:literal, [$($doc:literal),+], $field:ident: $Type:ty, ($($row:tt)+)) => {
        &[crate::config::table::row!($group, [$($doc),+], $field, [$field]: $Type, $($row)+)]
    };
    ($group:literal, [$($about:literal),+], $field:ident: $Whole:ty, {$(
        $(#[doc = $doc:literal])+
        $name:ident = $part:ident: $Type:ty, ($($row:tt)+);
    )+}) => {
        &[$(crate::config::table::row!($group, [$($doc),+], $name, [$field.$part]: $Type, $($row)+)),+]
    };
}

macro_rules! row {
    (
        $group:literal, [$($doc:literal),+], $name:ident, [$($path:tt)+]: $Type:ty, $value_name:literal
        $(, between $least:literal and $most:literal)?
        $(, check $check:expr)?
        $(, unset $unset:literal)?
        $(, example $example:literal)?
        $(, effective $effective:expr)?
    ) => {
        crate::config::table::Setting {
            name: stringify!($name),
            group: $group,
            value_name: $value_name,
            shape: <$Type as crate::config::value::Value>::SHAPE,
            help: &[$($doc),+],
            unset: crate::config::table::optional!($($unset)?),
            example: crate::config::table::optional!($($example)?),
            get: |config| crate::config::value::Value::write(&config.$($path)+),
            effective: |_config| crate::config::table::optional!($($effective(_config))?),
            set: |config, text| {
                config.$($path)+ = <$Type as crate::config::value::Value>::read_os(text)?;
                Ok(())
            },
            check: |config| {
                let _value = &config.$($path)+;
                $(crate::config::value::between::<$Type>(_value, $least, $most)?;)?
                $($check(_value)?;)?
                Ok(())
            },
        }
    };
}

macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

pub(super) use {optional, row, rows, settings};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_within_its_bounds_and_every_example_is_a_value() {
        for setting in Setting::all() {
            let mut config = Config::new("/data");
            (setting.check)(&config).unwrap();
            if let Some(default) = (setting.get)(&config) {
                (setting.set)(&mut config, default.as_ref()).unwrap();
                assert_eq!((setting.get)(&config), Some(default));
            } else {
                assert!(setting.example.is_some(), "{}", setting.name);
            }
            if let Some(example) = setting.example {
                (setting.set)(&mut config, example.as_ref()).unwrap();
                (setting.check)(&config).unwrap();
            }
            assert!(setting.help().ends_with('.'), "{}", setting.help());
        }
    }
}
