//! SIGINT and SIGTERM as a flag: the first one asks to finish cleanly, a second one ends the process at once. SIGXFSZ as an error
//! of the write that was too much, instead of the process's silent end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};

/// From now on a write beyond the process's file size limit (`ulimit -f`) fails with an error, which says so.
///
/// # Errors
/// What the system says; it never does for this signal.
pub fn file_size_limit_is_an_error() -> io::Result<()> {
    // Whoever handles the signal survives it; nobody looks at the flag, the write's own error says everything.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))).map(drop)
}

/// Whether somebody asked the command to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens from now on.
    ///
    /// # Errors
    /// What the system says; it never does for these two signals.
    pub fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        for signal in [SIGINT, SIGTERM] {
            // Order matters: on the first signal the flag is still off when this one looks at it.
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop.0))?;
            signal_hook::flag::register(signal, Arc::clone(&stop.0))?;
        }
        Ok(stop)
    }

    /// Whether it is time to finish.
    pub fn asked(&self) -> bool {
        // Nothing else is read on the strength of this flag, so no ordering is needed.
        self.0.load(Ordering::Relaxed)
    }

    /// As if a signal had come.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
