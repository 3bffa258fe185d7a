//! `portcullis breaches …`: the list of breached passwords.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use super::BreachesCommand;
use crate::{clock::Clock, config::Config, passwords::breaches};

const READ_BUFFER: usize = 1024 * 1024;
/// The time between two updates of the progress on a terminal.
const PROGRESS: Duration = Duration::from_millis(500);

/// Runs the command and prints the result, or returns one sentence for the operator.
pub(super) fn run(config: &Config, command: BreachesCommand) -> Result<(), String> {
    let BreachesCommand::Import { list, min_count } = command;
    if list.as_os_str() == OsStr::new("-") {
        return import(config, io::stdin().lock(), min_count);
    }
    let file = open(&list).map_err(|cause| {
        format!(
            "cannot read the list {}: {cause}. Name the file that `haveibeenpwned-downloader` wrote",
            list.display()
        )
    })?;
    import(config, BufReader::with_capacity(READ_BUFFER, file), min_count)
}

fn open(list: &Path) -> io::Result<File> {
    let file = File::open(list)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    Ok(file)
}

fn import(config: &Config, list: impl BufRead, min_count: u64) -> Result<(), String> {
    let path = config.breaches_file();
    if config.breaches_file.is_none() && !config.data_dir.is_dir() {
        return Err(format!(
            "no Portcullis data in {}: the folder does not exist. Name the server's data directory (--data-dir, \
             PORTCULLIS_DATA_DIR) and run this as its user, or name a file with --breaches-file",
            config.data_dir.display()
        ));
    }
    let mut progress = Progress::new();
    let imported =
        breaches::import(list, &path, min_count, Clock::system().now(), |lines| progress.tell(lines));
    progress.clear();
    let done = imported.map_err(|error| error.to_string())?;
    super::out::say(&format!(
        "{path}: {hashes} hashes of {lines} lines, {bytes} bytes. A server reads it from its next start.",
        path = path.display(),
        hashes = grouped(done.hashes),
        lines = grouped(done.lines),
        bytes = grouped(done.bytes),
    ))
}

/// One line on the terminal that is overwritten. Silent if standard error is not a terminal.
struct Progress {
    began: Instant,
    told: Option<Instant>,
    seen: bool,
}

impl Progress {
    fn new() -> Self {
        Self { began: Instant::now(), told: None, seen: io::stderr().is_terminal() }
    }

    fn tell(&mut self, lines: u64) {
        if !self.seen || self.told.is_some_and(|told| told.elapsed() < PROGRESS) {
            return;
        }
        self.told = Some(Instant::now());
        let millis = self.began.elapsed().as_millis().max(1);
        let rate = u64::try_from(u128::from(lines) * 1000 / millis).unwrap_or_default();
        // A closed terminal does not stop the import.
        let _ = write!(io::stderr(), "\r\x1b[K{} lines, {} a second", grouped(lines), grouped(rate));
    }

    fn clear(&self) {
        if self.told.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// With a comma between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (931_856_448, "931,856,448")] {
            assert_eq!(grouped(number), text);
        }
    }
}
