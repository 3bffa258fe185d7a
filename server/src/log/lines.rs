//! Buffers log lines on their way out. Writing each line by itself, and waiting for the lock around the output,
//! would cost a busy server more than the request that is logged. Lines are collected for a moment and written
//! together.
//!
//! Nothing is dropped: a thread that logs faster than the output can be written waits. Warnings and errors, and
//! everything before them, are written immediately, because the program may be about to crash.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long the first of a batch of lines waits.
const GATHERING: Duration = Duration::from_millis(2);
/// Bytes that may be buffered.
const MOST: usize = 256 * 1024;

/// Where lines go. Clones write to the same output.
pub(super) struct Lines<O>(Arc<Shared<O>>);

struct Shared<O> {
    waiting: Mutex<Vec<u8>>,
    arrived: Condvar,
    out: Mutex<O>,
}

impl<O> Clone for Lines<O> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<O: Write + Send + 'static> Lines<O> {
    /// Starts the writer thread, which ends with the process. Fails if the system cannot start a thread.
    pub(super) fn start(out: O) -> io::Result<Self> {
        let shared = Shared { waiting: Mutex::default(), arrived: Condvar::new(), out: Mutex::new(out) };
        let lines = Self(Arc::new(shared));
        let writing = lines.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || writing.write_for_ever())?;
        Ok(lines)
    }

    fn write_for_ever(&self) {
        loop {
            let waiting = self.0.arrived.wait_while(lock(&self.0.waiting), |waiting| waiting.is_empty());
            drop(waiting);
            thread::sleep(GATHERING);
            // There is nowhere to report that the log cannot be written.
            let _ = self.write_out();
        }
    }
}

impl<O: Write> Lines<O> {
    /// Writes what is buffered. Returns once everything before it is written.
    pub(super) fn write_out(&self) -> io::Result<()> {
        // Take the lock first, or two writers could swap the order of their lines.
        let mut out = lock(&self.0.out);
        let lines = std::mem::take(&mut *lock(&self.0.waiting));
        out.write_all(&lines)?;
        out.flush()
    }

    fn add(&self, line: &[u8], is_urgent: bool) -> io::Result<()> {
        let mut waiting = lock(&self.0.waiting);
        waiting.extend_from_slice(line);
        let is_full = waiting.len() > MOST;
        drop(waiting);
        if is_urgent || is_full {
            return self.write_out();
        }
        self.0.arrived.notify_one();
        Ok(())
    }
}

/// The only foreign code that runs under these locks is the output's, and the most it can leave behind is half a
/// line.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a, O: Write + 'a> MakeWriter<'a> for Lines<O> {
    type Writer = Line<'a, O>;

    fn make_writer(&'a self) -> Line<'a, O> {
        Line { lines: self, is_urgent: true }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<'a, O> {
        Line { lines: self, is_urgent: *metadata.level() <= Level::WARN }
    }
}

/// Takes one complete line.
pub(super) struct Line<'a, O> {
    lines: &'a Lines<O>,
    is_urgent: bool,
}

impl<O: Write> Write for Line<'_, O> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lines.add(line, self.is_urgent)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.write_out()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Reports each write.
    struct Out(Sender<Vec<u8>>);

    impl Write for Out {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn start() -> (Lines<Out>, Receiver<Vec<u8>>) {
        let (out, written) = channel();
        (Lines::start(Out(out)).unwrap(), written)
    }

    fn add(lines: &Lines<Out>, line: &str, is_urgent: bool) {
        Line { lines, is_urgent }.write_all(line.as_bytes()).unwrap();
    }

    #[test]
    fn a_line_is_written_soon_and_those_that_come_together_at_once() {
        let (lines, written) = start();
        let patience = Duration::from_mins(1);
        add(&lines, "alone\n", false);
        assert_eq!(written.recv_timeout(patience).unwrap(), b"alone\n");

        let mut expected = String::new();
        for number in 0..1000 {
            let line = format!("{number}\n");
            add(&lines, &line, false);
            expected += &line;
        }
        let (mut text, mut writes) = (Vec::new(), 0);
        while text.len() < expected.len() {
            text.extend(written.recv_timeout(patience).unwrap());
            writes += 1;
        }
        assert_eq!(text, expected.as_bytes());
        assert!(writes < 1000);
    }

    #[test]
    fn last_words_are_written_with_all_before_them_when_the_program_goes_on() {
        let (lines, written) = start();
        for round in 0..100 {
            add(&lines, "before\n", false);
            add(&lines, "last\n", true);
            let text: Vec<u8> = written.try_iter().flatten().collect();
            assert_eq!(text, b"before\nlast\n", "round {round}");
        }
        add(&lines, "at the end\n", false);
        lines.write_out().unwrap();
        assert_eq!(written.try_iter().flatten().collect::<Vec<u8>>(), b"at the end\n");
    }

    #[test]
    fn what_waits_is_bounded() {
        let (lines, written) = start();
        let line = format!("{}\n", "x".repeat(9999));
        for _ in 0..100 {
            add(&lines, &line, false);
            assert!(lock(&lines.0.waiting).len() <= MOST);
        }
        lines.write_out().unwrap();
        assert_eq!(written.try_iter().map(|text| text.len()).sum::<usize>(), 100 * line.len());
    }
}
