//! What commands write to standard output: sentences, tables and JSON, with colour only on a terminal.

use std::io::{self, Write as _};

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use crate::{clock::Timestamp, log};

/// Headers and labels.
pub(super) const STRONG: Style = Style::new().bold();
/// Success, warning and failure.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const ODD: Style = AnsiColor::Yellow.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Printed in place of a missing value.
const NOTHING: &str = "-";

/// Writes a line to standard output, without colour if that is not a terminal or `NO_COLOR` is set. A closed pipe, as
/// in `user list | head -1`, is not an error: the program exits silently, as SIGPIPE makes others do.
pub(super) fn say(line: &str) -> Result<(), String> {
    written(writeln!(anstream::stdout(), "{line}"))
}

/// Writes a whole file to standard output.
pub(super) fn write(bytes: &[u8]) -> Result<(), String> {
    written(anstream::stdout().write_all(bytes))
}

fn written(outcome: io::Result<()>) -> Result<(), String> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        outcome => outcome.map_err(|error| format!("cannot write to standard output: {error}")),
    }
}

/// Writes the error that ends the program to standard error, in the style of clap's own errors.
pub fn complain(reason: &str) {
    // There is nowhere left to report that standard error cannot be written.
    let _ = writeln!(anstream::stderr(), "{} {reason}", styled(BAD, "error:"));
}

/// The text in a style.
pub(super) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A time, for example `2026-11-30 09:53:01 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    at.to_rfc3339().replace('T', " ").replace('Z', " UTC")
}

/// The text, or a dash.
pub(super) fn or_nothing(text: Option<impl Into<String>>) -> String {
    text.map_or_else(|| NOTHING.to_owned(), Into::into)
}

/// Writes one JSON value.
pub(super) fn say_json(value: &impl Serialize) -> Result<(), String> {
    say(&json(value, serde_json::to_string_pretty)?)
}

fn json<T: Serialize>(value: &T, write: fn(&T) -> serde_json::Result<String>) -> Result<String, String> {
    write(value).map_err(|error| format!("cannot write the output as JSON: {error}"))
}

/// Rows that are written page by page, as a table with a header, or as one JSON array with an object per line.
pub(super) struct Listing<const N: usize> {
    header: [&'static str; N],
    is_json: bool,
    /// The widths of the columns, taken from the first page.
    widths: Option<[usize; N]>,
    count: usize,
}

impl<const N: usize> Listing<N> {
    pub(super) const fn new(header: [&'static str; N], is_json: bool) -> Self {
        Self { header, is_json, widths: None, count: 0 }
    }

    /// Writes rows, each given as an object and as the cells of a table.
    pub(super) fn page<T: Serialize>(
        &mut self,
        rows: impl IntoIterator<Item = (T, [String; N])>,
    ) -> Result<(), String> {
        let mut table = Vec::new();
        for (object, cells) in rows {
            if self.is_json {
                let begin = if self.count == 0 { "[" } else { "," };
                say(&format!("{begin}{}", json(&object, serde_json::to_string)?))?;
            } else {
                table.push(cells.map(|cell| log::escaped(&cell)));
            }
            self.count += 1;
        }
        if table.is_empty() {
            return Ok(());
        }
        let widths = self.widths.unwrap_or_else(|| widths(self.header, &table));
        if self.widths.replace(widths).is_none() {
            say(&styled(STRONG, &line(&self.header, &widths)))?;
        }
        table.iter().try_for_each(|row| say(&line(row, &widths)))
    }

    /// Ends the list. An empty table prints this sentence.
    pub(super) fn end(self, empty: &str) -> Result<(), String> {
        match (self.is_json, self.count) {
            (true, 0) => say("[]"),
            (true, _) => say("]"),
            (false, 0) => say(empty),
            (false, _) => Ok(()),
        }
    }
}

fn widths<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> [usize; N] {
    let mut widths = header.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    widths
}

fn line(cells: &[impl AsRef<str>], widths: &[usize]) -> String {
    let padded =
        cells.iter().zip(widths).map(|(cell, width)| format!("{:width$}", cell.as_ref(), width = *width));
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

/// A line of CSV (RFC 4180 §2). A field that a spreadsheet would run as a formula gets a `'` in front
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
pub(super) fn csv<'a>(fields: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = fields.into_iter().map(|field| {
        let harmless = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        if field.contains([',', '"', '\n', '\r']) {
            format!("\"{harmless}{}\"", field.replace('"', "\"\""))
        } else {
            format!("{harmless}{field}")
        }
    });
    quoted.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let rows = [["1".to_owned(), "ada@example.com".to_owned()], ["20".to_owned(), "élo@x".to_owned()]];
        let widths = widths(["ID", "EMAIL"], &rows);
        assert_eq!(widths, [2, 15]);
        assert_eq!(line(&["ID", "EMAIL"], &widths), "ID  EMAIL");
        assert_eq!(line(&rows[0], &widths), "1   ada@example.com");
    }

    #[test]
    fn a_line_of_csv_cannot_be_split_or_run() {
        assert_eq!(csv(["a", "b,c", "d\"e", "f\ng", ""]), "a,\"b,c\",\"d\"\"e\",\"f\ng\",");
        assert_eq!(csv(["=1+1", "@x", "-2", "+3,4"]), "'=1+1,'@x,'-2,\"'+3,4\"");
    }
}
