//! The log: lines on standard error, as text or JSON, that no input can forge or split.

mod lines;

use std::fmt::{self, Write as _};
use std::io::{self, Stderr, Write};
use std::panic::PanicHookInfo;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, ParseError, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use self::lines::Lines;
use crate::config::LogFormat;

/// The targets of this project's own lines. Those of other crates are written only up to `info`, whatever the
/// filter says: their debug output shows headers, bodies and statements, and secrets with them.
const OURS: &str = "portcullis";

/// The log of this process. Drop it last, so that the remaining lines are written.
#[must_use]
pub struct Log(Lines<Stderr>);

impl Drop for Log {
    fn drop(&mut self) {
        // There is nowhere to report that the log cannot be written.
        let _ = self.0.write_out();
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}

/// Starts the log of this process permanently; call it once. `filter` uses `tracing`'s syntax, as in
/// `info,portcullis::request=warn`. From then on panics are logged too.
///
/// # Errors
/// If the filter is invalid, if the process already has a log, and if the system cannot start a thread.
pub fn init(format: LogFormat, filter: &str) -> Result<Log, LogError> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|cause| LogError::Filter { filter: filter.to_owned(), cause })?;
    let lines = Lines::start(io::stderr()).map_err(LogError::Thread)?;
    registry().with(layer(format, lines.clone())).with(ours_or_brief()).with(filter).try_init()?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(Log(lines))
}

/// Why the log could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter is invalid.
    #[error(
        "the log filter `{filter}` is invalid: {cause}. Write levels, alone or for a part, as in \
            `info,portcullis::request=warn` (setting `log`)"
    )]
    Filter {
        /// The given filter.
        filter: String,
        /// What is wrong with it.
        cause: ParseError,
    },
    /// The process already has a log, for example that of the application that mounts the server.
    #[error("this process has a log already: {0}. Leave `log::init` to the program `portcullis`")]
    Taken(#[from] TryInitError),
    /// The thread that writes it could not be started.
    #[error("cannot start the thread for the log: {0}. Raise the limit on processes (`ulimit -u`)")]
    Thread(io::Error),
}

fn layer<S>(
    format: LogFormat,
    out: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> registry::LookupSpan<'a>,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(OneLine(out)).with_ansi(false);
    match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    }
}

fn ours_or_brief<S: tracing::Subscriber>() -> impl Layer<S> {
    filter_fn(|line| *line.level() <= Level::INFO || line.target().starts_with(OURS))
}

/// Logs where the panic was, and its message only if it is a literal of the program: a formatted message may
/// contain the data in use, including secrets.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(not shown)");
    tracing::error!(location = panic.location().map(tracing::field::display), message, "panic");
}

/// Writers that turn every record into one line of visible characters.
struct OneLine<M>(M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for OneLine<M> {
    type Writer = Escaping<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Escaping(self.0.make_writer())
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        Escaping(self.0.make_writer_for(metadata))
    }
}

/// Writes a complete record as one line. Anything that could end the line, move the cursor or change the text
/// direction (CVE-2023-6484) is escaped as in JSON: `\u001b`, which is valid in a JSON string.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(record);
        let (text, end) = text.strip_suffix('\n').map_or((&*text, ""), |text| (text, "\n"));
        if text.contains(is_unsafe) {
            self.0.write_all((escaped(text) + end).as_bytes())?;
        } else {
            self.0.write_all(record)?;
        }
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The text on one line, with anything that could move the cursor or change the text direction escaped as in
/// JSON.
pub(crate) fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len() + 32);
    for char in text.chars() {
        if is_unsafe(char) {
            // Writing to a string cannot fail.
            let _ = write!(line, "\\u{:04x}", u32::from(char));
        } else {
            line.push(char);
        }
    }
    line
}

fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str, work: impl FnOnce()) -> String {
        let memory = Memory::default();
        let out = memory.clone();
        let subscriber = registry()
            .with(layer(format, move || out.clone()))
            .with(ours_or_brief())
            .with(EnvFilter::builder().parse(filter).unwrap());
        tracing::subscriber::with_default(subscriber, work);
        String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
    }

    const HOSTILE: &str = "a\r\n2026-11-24T00:00:00Z ERROR forged\u{1b}[2K\u{9b}31m\u{7f}\0\u{2028}\u{202e}é";

    fn write_hostile() {
        let id = HOSTILE;
        let _span = tracing::error_span!("request", %id, again = ?HOSTILE).entered();
        tracing::info!(shown = %HOSTILE, debug = ?HOSTILE, plain = HOSTILE, "{HOSTILE}");
    }

    #[test]
    fn g03_hostile_input_is_one_escaped_line() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let log = logged(format, "info", write_hostile);
            let line = log.strip_suffix('\n').expect("a record ends its line");
            assert!(!line.contains(is_unsafe), "{format:?}: {line:?}");
            assert!(line.contains("forged") && line.contains('é'), "{format:?}: {line}");
        }
    }

    #[test]
    fn json_stays_json_and_means_the_same() {
        let log = logged(LogFormat::Json, "info", write_hostile);
        let record: serde_json::Value = serde_json::from_str(&log).unwrap();
        assert_eq!(record["shown"], HOSTILE);
        assert_eq!(record["message"], HOSTILE);
        assert_eq!(record["span"]["id"], HOSTILE);
        assert_eq!(record["level"], "INFO");
    }

    #[test]
    fn g03_other_crates_are_never_logged_in_detail() {
        let log = logged(LogFormat::Text, "trace", || {
            tracing::trace!(target: "portcullis_server::login", "ours");
            tracing::debug!(target: "h2::codec", "authorization: Bearer canary");
            tracing::trace!(target: "axum::rejection", "canary");
            tracing::info!(target: "sqlx", "theirs");
        });
        assert!(log.contains("ours") && log.contains("theirs") && !log.contains("canary"), "{log}");
    }

    #[test]
    fn g03_a_panic_is_logged_without_what_was_worked_on() {
        let secret = String::from("canary");
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(log_panic));
        let log = logged(LogFormat::Text, "error", || {
            let literal = std::panic::catch_unwind(|| panic!("a literal"));
            let composed = std::panic::catch_unwind(|| panic!("with {secret}"));
            assert!(literal.is_err() && composed.is_err());
        });
        std::panic::set_hook(before);
        assert!(log.contains("a literal") && log.contains("(not shown)") && !log.contains("canary"), "{log}");
        assert_eq!(log.matches("log.rs:").count(), 2, "each says where: {log}");
    }

    #[test]
    fn a_bad_filter_is_told() {
        let error = init(LogFormat::Text, "portcullis=loud").unwrap_err().to_string();
        assert!(error.contains("portcullis=loud") && error.contains("setting `log`"), "{error}");
    }
}
