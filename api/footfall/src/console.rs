//! What commands say: results on stdout, everything else on stderr. Diagnostics of the server go to tracing instead.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// A line of the result.
pub fn say(line: impl AsRef<str>) {
    // Nobody can be told when stdout is gone.
    drop(writeln!(io::stdout().lock(), "{}", line.as_ref()));
}

/// A line for the person at the keyboard.
pub fn note(line: impl AsRef<str>) {
    drop(writeln!(io::stderr().lock(), "{}", line.as_ref()));
}

/// Replaces the last line on a terminal.
pub fn renew(line: &str) {
    let mut stderr = io::stderr().lock();
    drop(write!(stderr, "\r\x1b[2K{line}").and_then(|()| stderr.flush()));
}

/// How far some long work is, on stderr: a line that renews itself for a person, else one every ten seconds.
pub struct Progress {
    what: &'static str,
    done: u64,
    all: u64,
    shown: Instant,
    pause: Duration,
}

impl Progress {
    /// Of `all` bytes nothing is done yet.
    pub fn new(what: &'static str, all: u64) -> Progress {
        let pause = if is_watched() { Duration::from_millis(200) } else { Duration::from_secs(10) };
        Progress { what, done: 0, all, shown: Instant::now(), pause }
    }

    /// So many bytes more are done.
    pub fn add(&mut self, bytes: u64) {
        self.done += bytes;
        if self.shown.elapsed() >= self.pause {
            self.shown = Instant::now();
            if is_watched() { renew(&self.line()) } else { note(self.line()) }
        }
    }

    /// The last line.
    pub fn end(&self) {
        if is_watched() {
            renew(&self.line());
            note("");
        } else {
            note(self.line());
        }
    }

    fn line(&self) -> String {
        let percent = (self.done * 100).checked_div(self.all).unwrap_or(100);
        format!("{} {} of {} bytes, {percent} %", self.what, grouped(self.done), grouped(self.all))
    }
}

/// True when a person watches stderr.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// True when stdout is a person's terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
