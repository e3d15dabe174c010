//! SIGINT and SIGTERM as a flag: the first one asks to finish cleanly, a second one ends the process at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

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
