//! The printed table, and how a figure is computed from several rounds.

use std::{
    io::{self, Write as _},
    thread::available_parallelism,
};

/// Rows in the order of measurement.
pub(crate) struct Table(Vec<[String; 4]>);

impl Table {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a figure, its target (`""` for none) and a note.
    pub(crate) fn row(&mut self, what: &str, figure: String, aim: &str, beside: &str) {
        self.0.push([what.to_owned(), figure, aim.to_owned(), beside.to_owned()]);
    }

    /// Prints it as Markdown, so that it can be pasted into `docs/benchmarks.md`.
    pub(crate) fn print(&self, is_postgres: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let cores = available_parallelism()?;
        let database = if is_postgres { "PostgreSQL" } else { "SQLite" };
        writeln!(out, "portcullis {}, {cores} cores, {database}\n", env!("CARGO_PKG_VERSION"))?;
        let head = ["measured", "figure", "aim", "beside it"].map(str::to_owned);
        let rule = ["---", "---:", "---", "---"].map(str::to_owned);
        for [what, figure, aim, beside] in [head, rule].iter().chain(&self.0) {
            writeln!(out, "| {what} | {figure} | {aim} | {beside} |")?;
        }
        out.flush()
    }
}

/// The median; of an even number, the upper of the two.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// `12345.6` as `12 346`.
pub(crate) fn rate(per_second: f64) -> String {
    let digits = format!("{per_second:.0}");
    let (front, back) = digits.split_at_checked(digits.len().saturating_sub(3)).unwrap_or(("", &digits));
    let gap = if front.is_empty() { "" } else { " " };
    format!("{front}{gap}{back}/s")
}

/// `parts` as a share of `wholes`: the median of the shares per round, because the load of the machine changes from
/// round to round.
pub(crate) fn percent(parts: &[f64], wholes: &[f64]) -> String {
    format!("{:.0} %", 100.0 * median(parts.iter().zip(wholes).map(|(part, whole)| part / whole)))
}
