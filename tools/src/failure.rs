//! How a verb fails: the message, what to do about it, and the exit code.
//!
//! ```text
//! error of a library --> Failure { exit, message, help } --> stderr, exit code
//! broken pipe        --> quiet, 0
//! ```

use std::fmt;
use std::io;
use std::process::ExitCode;

use indelible::filter::FilterError;
use indelible_engine::Error as Log;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use crate::output::hygiene::{Place, harmless, show};

/// Exit codes of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nobody listens any more.
    Done,
    /// Something in the way: disk, rights, a lock, a damaged log.
    Operational,
    /// What was asked for makes no sense.
    Usage,
    /// Verification found a break.
    Verification,
    /// A signal ended the verb before it was done.
    Interrupted,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Operational => 1,
            Exit::Usage => 2,
            Exit::Verification => 3,
            Exit::Interrupted => 4,
        }
    }
}

/// Why a verb did not do what it was asked to.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    help: Option<String>,
}

/// Result of a verb.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// Something in the way.
    pub fn operational(message: impl Into<String>) -> Self {
        Self { exit: Exit::Operational, message: message.into(), help: None }
    }

    /// A request that makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), help: None }
    }

    /// A break in the log; the verb has said which.
    pub fn verification(message: impl Into<String>) -> Self {
        Self { exit: Exit::Verification, message: message.into(), help: None }
    }

    /// A verb that a signal ended before it was done; what was done is said before.
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self { exit: Exit::Interrupted, message: message.into(), help: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The reader of stdout went away: not an error of ours.
    fn quiet() -> Self {
        Self { exit: Exit::Done, message: String::new(), help: None }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Puts the failure on stderr and gives the exit code.
    pub fn report(&self) -> ExitCode {
        if self.exit != Exit::Done {
            let colour = io::IsTerminal::is_terminal(&io::stderr()) && crate::output::colour_allowed();
            let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
            let mut text = String::new();
            let handler = GraphicalReportHandler::new_themed(theme).with_links(false);
            if handler.render_report(&mut text, self).is_err() {
                text.clone_from(&self.message);
            }
            // Drawn with colours and lines of its own; message and help are escaped where they are read.
            let _ = crate::output::drawn(&mut io::stderr(), text.trim_end());
        }
        ExitCode::from(self.exit.code())
    }
}

impl fmt::Display for Failure {
    /// Messages name files and values, so they are escaped line by line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, line) in self.message.split('\n').enumerate() {
            let indent: String = line.chars().take_while(|&character| character == ' ').collect();
            let text = line.trim_start_matches(' ');
            let separator = if at == 0 { "" } else { "\n" };
            write!(f, "{separator}{indent}{}", show(text, Place::Terminal).0)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

impl Diagnostic for Failure {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.help.clone().or_else(|| file_size_limit(&self.message))?;
        Some(Box::new(harmless(&help).into_owned()))
    }
}

/// What to do where the system refused to make a file larger for this process.
fn file_size_limit(message: &str) -> Option<String> {
    let refused = io::Error::from_raw_os_error(EFBIG).to_string();
    message.contains(&refused).then(|| {
        "the shell or the service manager limits how large a file this process may write: see `ulimit -f`, LimitFSIZE= \
         in a unit; what is durable in the log stays"
            .to_owned()
    })
}

/// The system's number for a file that may not grow, on every Linux.
const EFBIG: i32 = 27;

impl From<FilterError> for Failure {
    fn from(error: FilterError) -> Self {
        Failure::usage(error.to_string()).help("filters are described in `indelible query --help`")
    }
}

impl From<io::Error> for Failure {
    /// Of writing results: files are wrapped where they are used, with their names.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::quiet(),
            _ => Failure::operational(format!("writing the results: {error}")),
        }
    }
}

impl From<indelible::Error> for Failure {
    fn from(error: indelible::Error) -> Self {
        let message = error.to_string();
        let error = match error {
            indelible::Error::Log(error) => error,
            indelible::Error::Inside { .. } => return Failure::usage(message),
            _ => return Failure::operational(message),
        };
        match error {
            Log::Cursor(_) => Failure::usage(message).help("take the cursor that the same query printed last"),
            Log::Query(_) => Failure::usage(message),
            Log::Corrupt(_) => Failure::operational(message)
                .help("`indelible verify LOG` names every break; `indelible inspect` shows the bytes"),
            _ => Failure::operational(message),
        }
    }
}

impl From<Log> for Failure {
    fn from(error: Log) -> Self {
        Failure::from(indelible::Error::from(error))
    }
}

/// Adds what was being done with which file.
pub trait InFile<T> {
    /// Names the deed and the file.
    ///
    /// # Errors
    /// The same, as a failure.
    fn doing(self, what: &str, file: &std::path::Path) -> Outcome<T>;
}

impl<T> InFile<T> for io::Result<T> {
    fn doing(self, what: &str, file: &std::path::Path) -> Outcome<T> {
        self.map_err(|error| Failure::operational(format!("cannot {what} {}: {error}", file.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_contract() {
        let codes = [Exit::Done, Exit::Operational, Exit::Usage, Exit::Verification, Exit::Interrupted];
        assert_eq!(codes.map(Exit::code), [0, 1, 2, 3, 4]);
        assert_eq!(Failure::interrupted("x").exit(), Exit::Interrupted);
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).exit(), Exit::Done);
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::StorageFull)).exit(), Exit::Operational);
        let filter = indelible::filter::parse_expression("lane ~ x").map_err(Failure::from);
        assert!(matches!(filter, Err(failure) if failure.exit() == Exit::Usage));
        assert_eq!(Failure::from(Log::Cursor("x")).exit(), Exit::Usage);
        assert_eq!(Failure::from(Log::Locked).exit(), Exit::Operational);
    }

    #[test]
    fn a_file_size_limit_is_named() {
        let failure = Failure::from(io::Error::from_raw_os_error(EFBIG));
        assert!(Diagnostic::help(&failure).is_some_and(|help| help.to_string().contains("ulimit -f")));
        assert!(Diagnostic::help(&Failure::operational("no room")).is_none());
    }

    #[test]
    fn messages_cannot_drive_the_terminal() {
        let failure = Failure::usage("no file \u{1b}[2K\n  second line");
        assert_eq!(failure.to_string(), "no file \\u{1b}[2K\n  second line");
    }
}
