//! `portcullis config …`: the settings in effect, and a file to start with.

use super::out::{self, Listing, or_nothing};
use crate::config::{self, Loaded};

/// Prints the value of each setting and where it comes from.
pub(super) fn show(loaded: &Loaded, json: bool) -> Result<(), String> {
    let mut listing = Listing::new(["SETTING", "VALUE", "SOURCE"], json);
    listing.page(config::show(loaded).into_iter().map(|shown| {
        let cells = [shown.setting.clone(), or_nothing(shown.value.clone()), shown.source.clone()];
        (shown, cells)
    }))?;
    listing.end("")
}

/// Prints a configuration file with every setting, commented out.
pub(super) fn print_default() -> Result<(), String> {
    out::write(config::default_file().as_bytes())
}

/// Prints what each setting means.
pub(super) fn describe() -> Result<(), String> {
    out::write(config::describe().as_bytes())
}
