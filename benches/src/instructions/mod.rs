//! Instructions of the hot paths, counted by callgrind: the same on a busy machine as on a quiet one.
//!
//! ```text
//! count: valgrind --toggle-collect=measured -> this program again, as a child -> run(path): prepare, measured(work) -> count / units
//! ```
//!
//! Only what runs inside [`measured`] in the thread that called it is counted. callgrind offers no AVX-512, so hashes take narrower
//! lanes than the machine has: counts compare versions of this code, not machines.

mod paths;

use std::error::Error;
use std::ffi::OsStr;
use std::process::Command;

pub use paths::{PATHS, run};

/// Runs `work`. What callgrind is told to count, by name; never inlined, so that there is such a name.
#[inline(never)]
pub fn measured<T>(work: impl FnOnce() -> T) -> T {
    // Without this the call would be the last one, and the frame that is looked for gone before the work begins.
    std::hint::black_box(work())
}

/// Whether valgrind is there.
#[must_use]
pub fn available() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Instructions that `program` executes inside [`measured`]; `args` tell it to [`run`] a path. It prints the number of units.
///
/// # Errors
/// Where it fails, or nothing was counted.
pub fn count(program: &OsStr, args: &[String]) -> Result<Counted, Box<dyn Error + Send + Sync>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*instructions::measured*"])
        .arg(program)
        .args(args)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let end: Vec<&str> = said.lines().rev().take(3).collect();
        return Err(format!("under valgrind {args:?} ended with {}: {end:?}", output.status).into());
    }
    let instructions = said.lines().find_map(|line| line.split("Collected : ").nth(1)?.trim().parse::<u64>().ok());
    let units = String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().ok();
    match (instructions, units) {
        (Some(instructions), Some(units)) if instructions > 0 && units > 0 => Ok(Counted { instructions, units }),
        _ => Err(format!("nothing was counted: {instructions:?} instructions over {units:?} units").into()),
    }
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Instructions.
    pub instructions: u64,
    /// Events, rows or questions that they were for.
    pub units: u64,
}

impl Counted {
    /// Instructions for one.
    #[must_use]
    pub fn each(self) -> f64 {
        self.instructions as f64 / self.units as f64
    }
}
