//! The text of a setting: how each type is parsed and written.

use std::ffi::OsStr;
use std::fmt::Display;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use ipnet::IpNet;
use secrecy::SecretString;

use super::{Color, EmailDomain, Listen, LogFormat, Origin, PublicUrl, RefreshTokens, SecondFactor, SignUp};
use crate::db::DatabaseUrl;
use crate::mail::{Mailbox, Transport};

/// How a value is written in the TOML file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A string.
    Text,
    /// An integer.
    Number,
    /// An array of strings. In options and variables, commas separate its entries.
    List,
}

/// A type that a setting can have. Errors follow the setting's name, and never repeat text that may hold a password.
pub(super) trait Value: Sized {
    const SHAPE: Shape = Shape::Text;

    fn read(text: &str) -> Result<Self, String>;

    /// Only paths may be other than UTF-8.
    fn read_os(text: &OsStr) -> Result<Self, String> {
        Self::read(text.to_str().ok_or("is not UTF-8")?)
    }

    /// `None` if nothing is set. A password is left out.
    fn write(&self) -> Option<String>;
}

/// `None` stands for a setting without a text.
impl<T: Value> Value for Option<T> {
    const SHAPE: Shape = T::SHAPE;

    fn read(text: &str) -> Result<Self, String> {
        T::read(text).map(Some)
    }

    fn read_os(text: &OsStr) -> Result<Self, String> {
        T::read_os(text).map(Some)
    }

    fn write(&self) -> Option<String> {
        self.as_ref().and_then(T::write)
    }
}

impl Value for String {
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn write(&self) -> Option<String> {
        Some(self.clone())
    }
}

/// Never written.
impl Value for SecretString {
    fn read(text: &str) -> Result<Self, String> {
        Ok(Self::from(text))
    }

    fn write(&self) -> Option<String> {
        None
    }
}

impl Value for PathBuf {
    fn read(text: &str) -> Result<Self, String> {
        Self::read_os(text.as_ref())
    }

    fn read_os(text: &OsStr) -> Result<Self, String> {
        if text.is_empty() { Err("is empty; write a path".to_owned()) } else { Ok(Self::from(text)) }
    }

    fn write(&self) -> Option<String> {
        Some(self.display().to_string())
    }
}

impl Value for bool {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(format!("is `{text}`; write `on` or `off`")),
        }
    }

    fn write(&self) -> Option<String> {
        Some(switch(*self))
    }
}

pub(super) fn switch(is_on: bool) -> String {
    if is_on { "on" } else { "off" }.to_owned()
}

impl Value for Duration {
    fn read(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text)
            .map_err(|_| format!("is `{text}`, which is not a duration; write `300s`, `5m` or `14d`"))
    }

    /// In the largest unit up to days that gives a whole number: `90d`, where humantime would write `2months 29days`.
    fn write(&self) -> Option<String> {
        let seconds = self.as_secs();
        let unit = [(86_400, "d"), (3600, "h"), (60, "m")]
            .into_iter()
            .find(|(length, _)| seconds > 0 && seconds.is_multiple_of(*length));
        Some(match unit {
            _ if self.subsec_nanos() > 0 => humantime::format_duration(*self).to_string(),
            Some((length, unit)) => format!("{}{unit}", seconds / length),
            None => format!("{seconds}s"),
        })
    }
}

/// The units of a size, largest first.
const UNITS: [(&str, u32); 3] = [("TiB", 40), ("GiB", 30), ("MiB", 20)];

/// A size in bytes, written as a whole number and a unit.
impl Value for u64 {
    fn read(text: &str) -> Result<Self, String> {
        let read = || {
            let (number, shift) =
                UNITS.into_iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)))?;
            number.trim().parse::<u64>().ok()?.checked_mul(1 << shift)
        };
        read().ok_or_else(|| format!("is `{text}`, which is not a size; write `512MiB` or `10GiB`"))
    }

    fn write(&self) -> Option<String> {
        let unit = UNITS.into_iter().find(|(_, shift)| *self > 0 && self.is_multiple_of(1 << shift));
        Some(unit.map_or_else(|| format!("{self} bytes"), |(unit, shift)| format!("{}{unit}", self >> shift)))
    }
}

macro_rules! number {
    ($($Number:ty)+) => {$(
        impl Value for $Number {
            const SHAPE: Shape = Shape::Number;

            fn read(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| format!("is `{text}`, which is not a whole number"))
            }

            fn write(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )+};
}
number!(u32 usize);

/// Types whose parse errors say what is wrong.
macro_rules! parsed {
    ($($Type:ty)+) => {$(
        impl Value for $Type {
            fn read(text: &str) -> Result<Self, String> {
                text.parse().map_err(|problem: <$Type as FromStr>::Err| problem.to_string())
            }

            fn write(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )+};
}
parsed!(Listen DatabaseUrl PublicUrl Transport Mailbox Color);

/// Types whose value is one of a few words.
macro_rules! word {
    ($($Type:ty)+) => {$(
        impl Value for $Type {
            fn read(text: &str) -> Result<Self, String> {
                <Self as ValueEnum>::from_str(text, false).map_err(|_| {
                    let words: Vec<_> = Self::value_variants().iter().filter_map(Value::write).collect();
                    format!("is `{text}`; write one of `{}`", words.join("`, `"))
                })
            }

            fn write(&self) -> Option<String> {
                self.to_possible_value().map(|word| word.get_name().to_owned())
            }
        }
    )+};
}
word!(LogFormat RefreshTokens SecondFactor SignUp);

impl Value for Vec<IpNet> {
    const SHAPE: Shape = Shape::List;

    fn read(text: &str) -> Result<Self, String> {
        let network = |text: &str| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let named = |text| {
            network(text).map_err(|_| {
                format!("holds `{text}`, which is not an address or a network; write 10.0.0.7 or 10.0.0.0/8")
            })
        };
        entries(text).map(named).collect()
    }

    fn write(&self) -> Option<String> {
        joined(self)
    }
}

impl Value for Vec<Origin> {
    const SHAPE: Shape = Shape::List;

    /// The message names the entry by its position, because a URL may hold a password.
    fn read(text: &str) -> Result<Self, String> {
        let named = |(at, text): (usize, &str)| {
            text.parse().map_err(|problem| format!("has an entry (number {}) that {problem}", at + 1))
        };
        entries(text).enumerate().map(named).collect()
    }

    fn write(&self) -> Option<String> {
        joined(self)
    }
}

impl Value for Vec<EmailDomain> {
    const SHAPE: Shape = Shape::List;

    fn read(text: &str) -> Result<Self, String> {
        let named =
            |text: &str| text.parse().map_err(|problem| format!("has the entry `{text}`, which {problem}"));
        entries(text).map(named).collect()
    }

    fn write(&self) -> Option<String> {
        joined(self)
    }
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    let is_none = text.trim().is_empty();
    text.split(',').map(str::trim).skip(usize::from(is_none))
}

fn joined(entries: &[impl Display]) -> Option<String> {
    let entries: Vec<_> = entries.iter().map(ToString::to_string).collect();
    Some(entries.join(",")).filter(|text| !text.is_empty())
}

/// Rejects a value out of bounds. The bounds are written like the setting itself.
pub(super) fn between<T: Value + PartialOrd>(value: &T, least: &str, most: &str) -> Result<(), String> {
    let within = T::read(least)? <= *value && *value <= T::read(most)?;
    if within { Ok(()) } else { Err(format!("must be between {least} and {most}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_written_as_they_are_read() {
        for text in ["0s", "90s", "5m", "1h", "36h", "90d", "3650d"] {
            assert_eq!(Duration::read(text).unwrap().write().as_deref(), Some(text));
        }
        assert_eq!(Duration::from_millis(30_500).write().as_deref(), Some("30s 500ms"));
        for text in ["16MiB", "10GiB", "1024TiB", "1025MiB"] {
            assert_eq!(u64::read(text).unwrap().write().as_deref(), Some(text));
        }
        assert_eq!(1_u64.write().as_deref(), Some("1 bytes"));
    }

    #[test]
    fn a_list_may_be_empty_and_have_spaces() {
        assert_eq!(Vec::<IpNet>::read(" ").unwrap(), []);
        assert_eq!(
            Vec::<IpNet>::read("10.0.0.7, fd00::/8").unwrap().write().unwrap(),
            "10.0.0.7/32,fd00::/8"
        );
        for text in ["10.0.0.7,", ",", "proxy.example"] {
            Vec::<IpNet>::read(text).unwrap_err();
        }
    }
}
