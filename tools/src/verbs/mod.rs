//! The verbs, one file each. A verb reads its arguments, calls the `indelible` crate and writes results; nothing else.

pub mod anchor;
pub mod check;
pub mod checkpoint;
pub mod completions;
pub mod cosign;
pub mod demo;
pub mod hold;
pub mod ingest;
pub mod init;
pub mod inspect;
pub mod key;
pub mod prove;
pub mod purge;
pub mod query;
pub mod retain;
pub mod room;
pub mod stats;
pub mod tail;
pub mod verify;

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::say;

/// A progress bar on stderr, invisible where that is no terminal; `total` is in bytes, `None` where it is not known.
pub(crate) fn bytes_bar(verb: &'static str, total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{prefix:>9} {wide_bar:.cyan/blue} {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}",
        None => "{prefix:>9} {spinner} {bytes} {bytes_per_sec} {msg}",
    };
    bar(verb, template, total)
}

/// As [`bytes_bar`], counting events.
pub(crate) fn events_bar(verb: &'static str, total: u64) -> ProgressBar {
    bar(verb, "{prefix:>9} {wide_bar:.cyan/blue} {human_pos}/{human_len} events {per_sec} {eta}", Some(total))
}

fn bar(verb: &'static str, template: &str, total: Option<u64>) -> ProgressBar {
    let bar = match total {
        Some(total) => ProgressBar::new(total),
        None => ProgressBar::new_spinner(),
    };
    // The templates are constants above; a test reads them.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.set_prefix(verb);
    if !bar.is_hidden() {
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    bar
}

/// Says on stderr that a table shows escaped text.
pub(crate) fn explain_mark(flagged: bool) {
    if flagged {
        say("! marks rows with control, invisible or misleading characters, shown as \\u{...}, or with path traversal");
    }
}

/// Says on stderr that there is little room for the log, where that is so; gives whether it was said. A device that cannot be
/// measured is no reason to stop.
pub(crate) fn say_pressure(ledger: &indelible::Ledger) -> bool {
    let low = ledger.health().ok().filter(|health| health.pressure != indelible::Pressure::Ok);
    if let Some(health) = &low {
        let (free, taken) = (health.free_bytes >> 20, health.bytes.total() >> 20);
        say(&format!(
            "warning: only {free} MiB are free where the log lies (it takes {taken} MiB): make room before it is full; \
             then it waits, and loses nothing"
        ));
    }
    low.is_some()
}

/// Says on stderr what opening the log had to cut, where it did.
pub(crate) fn say_recovery(ledger: &indelible::Ledger) {
    let recovery = ledger.recovery();
    if recovery.cut_anything() {
        say(&format!("recovered: {recovery}"));
    }
}

/// The log opened for writing, as the options say; what was cut is told.
pub(crate) fn opened(cli: &crate::cli::Cli, log: &std::path::Path) -> crate::failure::Outcome<indelible::Ledger> {
    let ledger = room::opened(log, &cli.open_options())?;
    say_recovery(&ledger);
    Ok(ledger)
}

/// Says on stderr which destinations did not take a signed head.
pub(crate) fn say_heads(ledger: &indelible::Ledger) {
    for failure in ledger.head_failures() {
        say(&failure.to_string());
    }
}
