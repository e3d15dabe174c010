//! `anchor`: keeps the newest signed head outside the log directory, so that a log that lost something is not opened unnoticed.

use std::io::Write as _;
use std::path::Path;

use indelible::anchor::{Anchor, remembered};
use indelible::{HeadOptions, Ledger, LedgerReader, LogId, OpenOptions, ReadOptions};
use indelible_evidence::checkpoint::Checkpoint;

use crate::cli::{AnchorArgs, Cli};
use crate::failure::{Failure, InFile, Outcome};
use crate::output::table::thousands;
use crate::output::{self, line, say};
use crate::verbs::say_recovery;

/// Sets, shows or moves the anchor, or accepts a loss.
///
/// # Errors
/// A log behind its anchor, no anchor where one is needed, files that cannot be written.
pub fn run(cli: &Cli, args: &AnchorArgs) -> Outcome {
    let manifest = indelible_engine::read_manifest(&args.log)?;
    if let Some(heads) = cli.heads() {
        return remember_heads(&heads, args, manifest.log_id);
    }
    let file = match &args.file {
        Some(file) => Some(std::path::absolute(file).doing("find", file)?),
        None => remembered(manifest.log_id)?,
    };
    let Some(file) = file else {
        return Err(Failure::usage("the log has no anchor yet: name a file outside the log directory")
            .help("indelible anchor LOG FILE; best on another host, another account or write-once storage"));
    };
    let anchor = Anchor::new(&file, &args.log, &manifest.key)?;
    let mut out = output::stdout();
    if args.accept_loss {
        match accept(cli, &args.log, &file)? {
            Some(seq) => line(&mut out, &format!("accepted  the loss is recorded at seq {seq}"))?,
            None => line(&mut out, "accepted  nothing: the log has everything that its anchor signs")?,
        }
    } else {
        advance(cli, &args.log, &anchor)?;
    }
    anchor.remember(manifest.log_id)?;
    let head = anchor.head()?;
    line(&mut out, &format!("anchor    {}", file.display()))?;
    line(&mut out, &format!("holds     {}", head.as_ref().map_or("nothing yet".to_owned(), text)))?;
    out.flush()?;
    Ok(())
}

/// Remembers where heads go, and hands the newest one on, so that a destination that cannot work is noticed now.
fn remember_heads(heads: &HeadOptions, args: &AnchorArgs, log_id: LogId) -> Outcome {
    if args.file.is_some() || args.accept_loss {
        return Err(Failure::usage("--head-file and --head-command stand alone here"));
    }
    let heads = HeadOptions {
        file: heads.file.as_ref().map(|file| std::path::absolute(file).doing("find", file)).transpose()?,
        ..heads.clone()
    };
    heads.check(&indelible::World::machine(&args.log, indelible::world::Access::ReadOnly)?)?;
    if let Some(note) = LedgerReader::open(&args.log, &ReadOptions::default())?.checkpoint()? {
        heads.deliver(&indelible::world::Machine, &note).map_err(|failures| {
            let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
            Failure::operational(failures.join("\n")).help("nothing was remembered")
        })?;
    }
    heads.remember(log_id)?;
    let mut out = output::stdout();
    for place in heads.file.iter().map(|file| file.display().to_string()).chain(heads.command) {
        line(&mut out, &format!("heads go to  {place}"))?;
    }
    out.flush()?;
    Ok(())
}

fn text(head: &Checkpoint) -> String {
    let root: String = head.root.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{} frames, root {root}", thousands(head.size))
}

/// Moves the anchor on to a new head where the log may be written, else to the newest there is.
fn advance(cli: &Cli, log: &Path, anchor: &Anchor) -> Outcome {
    let reader = LedgerReader::open(log, &ReadOptions::default())?;
    if anchor.head()?.is_some() {
        anchor.check(&reader.view()?)?;
    }
    let options = OpenOptions { ignore_anchor: true, ..cli.open_options() };
    let made = Ledger::open(log, &options).and_then(|ledger| {
        say_recovery(&ledger);
        let note = ledger.checkpoint();
        ledger.close().and(note)
    });
    if let Err(error) = made {
        say(&format!("no new checkpoint was made: {error}"));
    }
    match reader.checkpoint()? {
        Some(_) => Ok(anchor.catch_up().map(|_| ())?),
        None => Err(Failure::operational("the log has no checkpoint that could be anchored")
            .help("open it with its signing key: --sign-key FILE")),
    }
}

fn accept(cli: &Cli, log: &Path, file: &Path) -> Outcome<Option<u64>> {
    let options = OpenOptions {
        anchor_file: Some(file.to_owned()),
        ignore_anchor: true,
        ignore_kept: true,
        ..cli.open_options()
    };
    let ledger = Ledger::open(log, &options)?;
    say_recovery(&ledger);
    let seq = ledger.accept_loss()?;
    ledger.close()?;
    Ok(seq)
}
