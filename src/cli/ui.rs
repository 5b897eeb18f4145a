//! What commands say, and how: results to stdout, everything else to stderr.

use std::io::{self, IsTerminal, Write};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::Failure;

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(super) struct UiArgs {
    /// No remarks and no progress
    #[arg(long, global = true)]
    quiet: bool,

    /// More remarks
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,

    /// Colours in messages
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// The user's terminal, or what stands for it.
#[derive(Debug)]
pub(crate) struct Ui {
    quiet: bool,
    verbose: u8,
    color: bool,
}

impl Ui {
    pub(super) fn new(args: &UiArgs) -> Self {
        let color = match args.color {
            Color::Always => true,
            Color::Never => false,
            // https://no-color.org: any value but the empty one.
            Color::Auto => {
                io::stderr().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
            }
        };
        Self {
            quiet: args.quiet,
            verbose: args.verbose,
            color,
        }
    }

    /// A remark on a choice or a surprise.
    pub(crate) fn remark(&self, text: &str) {
        if !self.quiet {
            self.say("note", "36", text);
        }
    }

    /// A remark for those who ask for more.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbose > 0 {
            self.remark(text);
        }
    }

    /// Problems, one a line; a line that begins with `help:` belongs to the problem before it.
    pub(super) fn errors(&self, text: &str) {
        for line in text.lines() {
            match line.trim_start().strip_prefix("help: ") {
                Some(help) => self.say("help", "32", help),
                None => self.say("error", "31", line),
            }
        }
    }

    /// A bar with throughput and time left, on a terminal; nothing elsewhere.
    pub(super) fn progress(&self, samples: usize) -> ProgressBar {
        if self.quiet || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template(
            "{bar:30} {human_pos} of {human_len} samples, {per_sec}, {eta} left",
        );
        let bar = ProgressBar::new(samples as u64);
        match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    /// Results.
    ///
    /// # Errors
    /// When stdout cannot be written, unless its reader has gone, which is its own choice.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(format!("stdout: {error}").into())
            }
            _ => Ok(()),
        }
    }

    fn say(&self, kind: &str, code: &str, text: &str) {
        let (on, off) = if self.color {
            (format!("\x1b[1;{code}m"), "\x1b[0m")
        } else {
            (String::new(), "")
        };
        // Nothing can be done where stderr is closed.
        let _ = writeln!(io::stderr().lock(), "{on}{kind}{off}: {text}");
    }
}
