//! What can be asked of the command: verbs, options, help.
//!
//! The page `cli.md` of the project is the contract; names and meanings here follow it. Every verb's help has an example.

pub mod filters;
pub mod keys;
mod retention;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use indelible::{HeadOptions, OpenOptions};

pub use filters::{EnvelopeArgs, FilterArgs};
pub use keys::{KeyArgs, KeyVerb, RoleArg};
pub use retention::{BasisArg, HoldArgs, HoldVerb, ProfileArg, PurgeArgs, RetainArgs, RetainVerb, SetArgs};

use crate::failure::Outcome;
use crate::output::Format;
use crate::verbs;

/// An audit log that can prove itself.
#[derive(Debug, Parser)]
#[command(name = "indelible", version, about, propagate_version = true, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 done, 1 operational error or some input not stored, 2 usage, 3 verification failed, 4 interrupted before the end.\n\
    Example: indelible demo"
)]
pub struct Cli {
    /// Key of an encrypted log
    #[arg(long, global = true, env = "INDELIBLE_KEY_FILE", value_name = "FILE", help_heading = "Keys")]
    pub key_file: Option<PathBuf>,
    /// Signing key of the log's checkpoints [default: in the user's data directory, by log id]
    #[arg(long, global = true, env = "INDELIBLE_SIGN_KEY", value_name = "FILE", help_heading = "Keys")]
    pub sign_key: Option<PathBuf>,
    /// Take the log's head for the signer's own, where none is kept beside the signing key (a new machine without an anchor)
    #[arg(long, global = true, help_heading = "Keys")]
    pub adopt_head: bool,
    /// Append every head that is signed to this file, outside the log directory
    #[arg(long, global = true, value_name = "FILE", help_heading = "Heads")]
    pub head_file: Option<PathBuf>,
    /// Run this with `sh -c` for every head that is signed; it gets the head on standard input and has 10 seconds
    #[arg(long, global = true, value_name = "COMMAND", help_heading = "Heads")]
    pub head_command: Option<String>,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

impl Cli {
    /// How logs are opened for writing; heads go where the options say, or where the log remembers.
    pub fn open_options(&self) -> OpenOptions {
        OpenOptions {
            sign_key_file: self.sign_key.clone(),
            adopt_head: self.adopt_head,
            heads: self.heads(),
            ..OpenOptions::default()
        }
    }

    /// Where heads go, if options say so.
    pub fn heads(&self) -> Option<HeadOptions> {
        let (file, command) = (self.head_file.clone(), self.head_command.clone());
        let heads = HeadOptions { file, command, ..HeadOptions::default() };
        (!heads.is_empty()).then_some(heads)
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create a log
    Init(InitArgs),
    /// Read events from files or stdin into a log
    Ingest(IngestArgs),
    /// Find events
    Query(QueryArgs),
    /// Count events
    Stats(StatsArgs),
    /// Show matching events, then new ones as they arrive
    Tail(TailArgs),
    /// Check that nothing was changed
    Verify(VerifyArgs),
    /// Show the structure of a log or of one of its files, down to the bytes
    Inspect(InspectArgs),
    /// Print the newest signed checkpoint, making one where the log may be written
    Checkpoint(CheckpointArgs),
    /// Write a bundle that proves records, a range or a complete answer to an outsider
    Prove(ProveArgs),
    /// Check a bundle: needs the file and the verifier key, not the log
    Check(CheckArgs),
    /// Keep the newest signed head outside the log, so that a cut or older log is noticed
    Anchor(AnchorArgs),
    /// Keep the cosignatures of witnesses with the newest checkpoint
    Cosign(CosignArgs),
    /// Say how long events are kept, and why one is kept
    Retain(RetainArgs),
    /// Keep what matches a query from being deleted, whatever policies say
    Hold(HoldArgs),
    /// Delete what policies let go, with proof
    Purge(PurgeArgs),
    /// Rotate the signing key, list keys, say which may authorise deletions
    Key(KeyArgs),
    /// The whole story on generated events: ingest, query, verify, tamper with a copy and catch it
    Demo(DemoArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// Arguments of `init`.
#[derive(Debug, Args)]
#[command(after_help = "Example: indelible init /var/log/audit --origin audit.example.com/api")]
pub struct InitArgs {
    /// Directory of the log; must be empty or not exist
    pub log: PathBuf,
    /// Name under which checkpoints are signed, without white space or '+' [default: from the log's id]
    #[arg(long, value_name = "NAME")]
    pub origin: Option<String>,
    /// Encrypt the log with the key in --key-file (not in this version yet: refused)
    #[arg(long)]
    pub encrypt: bool,
    /// Event types that the log knows (not in this version yet: refused)
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// When `ingest` is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum AckArg {
    /// Everything is synced to the device
    Durable,
    /// Everything is in the journal file; a clean end syncs it too
    Written,
}

/// Arguments of `ingest`.
#[derive(Debug, Args)]
#[command(
    after_help = "One bad input never stops the rest: it is reported on stderr as `file:line: reason` and counted, a file that cannot be \
    read as `file: reason`; the rest is stored, and the exit code is 1 unless --allow-rejects is given. 4: a signal ended it \
    before everything was read.\n\
    A folder stands for the files in it and in folders below, by name; logs in it and links to folders are left out.\n\
    --rejects FILE gets one JSON object a line: file, line, reason, and the whole bad input in `text`, or in \
    `bytes_base64` where it is not UTF-8.\n\n\
    Examples:\n  indelible ingest LOG trail.json.gz --rejects rejects.ndjson\n  journal-source | indelible ingest LOG -"
)]
pub struct IngestArgs {
    /// Directory of the log; created where it does not exist
    pub log: PathBuf,
    /// Files, plain, .gz or .zst, or folders of them; none or `-`: stdin
    pub files: Vec<PathBuf>,
    /// Format of the inputs: auto, native, cloudtrail, windows, kubernetes
    #[arg(long, default_value = "auto")]
    pub format: indelible_importers::Format,
    /// What to wait for before the end
    #[arg(long, value_enum, default_value = "durable")]
    pub ack: AckArg,
    /// Stop at the first bad or missing input
    #[arg(long, conflicts_with = "allow_rejects")]
    pub strict: bool,
    /// Exit code 0 though inputs were rejected or missing
    #[arg(long)]
    pub allow_rejects: bool,
    /// Keep bad inputs whole in this file
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Append a line `durable N` here as the highest synced seq grows, unbuffered
    #[arg(long, value_name = "FILE")]
    pub acks: Option<PathBuf>,
    /// Do not store an event that is in the log already, with the same id and content; another event under a used id is stored and
    /// reported as a conflict
    #[arg(long)]
    pub once: bool,
    /// Write to a log whose signing key is not here; nothing that is written will be signed
    #[arg(long)]
    pub unsigned: bool,
    /// Most bytes of a record, its original included
    #[arg(long, value_name = "BYTES", default_value_t = indelible::RECORD_BYTES_DEFAULT)]
    pub record_bytes_max: usize,
    /// Workspace of records that do not name one
    #[arg(long, value_name = "NAME")]
    pub workspace: Option<String>,
    /// Fail where there is no log instead of creating one
    #[arg(long)]
    pub no_create: bool,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// Order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum OrderArg {
    /// The log's own order, newest first
    Newest,
    /// The log's own order, oldest first
    Oldest,
    /// The events' own time, oldest first
    Time,
}

/// Arguments of `query`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  indelible query LOG --actor u-7 --action 'document.*' --from -7d\n  \
    indelible query LOG --where 'severity = critical and not (lane in (api, web))' --format ndjson")]
pub struct QueryArgs {
    /// Directory of the log
    pub log: PathBuf,
    /// Most rows; 0: all of them
    #[arg(long, default_value_t = 50)]
    pub limit: u64,
    /// Order of the rows
    #[arg(long, value_enum, default_value = "newest")]
    pub order: OrderArg,
    /// Go on where an earlier page of the same query ended
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
    /// Print the exact number of matching events instead of the rows
    #[arg(long)]
    pub count: bool,
    /// Say on stderr how the query is answered
    #[arg(long)]
    pub explain: bool,
    /// Form of the rows
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    /// Which events
    #[command(flatten)]
    pub filters: FilterArgs,
}

/// Arguments of `stats`.
#[derive(Debug, Args)]
#[command(after_help = "Example: indelible stats LOG --by severity outcome --bucket 1d --from -30d")]
pub struct StatsArgs {
    /// Directory of the log
    pub log: PathBuf,
    /// Columns to group by
    #[arg(long, value_name = "COLUMN", num_args = 1.., value_delimiter = ',')]
    pub by: Vec<String>,
    /// Also group by time, in steps of this length: 15m, 1h, 1d
    #[arg(long, value_name = "SPAN")]
    pub bucket: Option<String>,
    /// Form of the counts
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    /// Which events
    #[command(flatten)]
    pub filters: FilterArgs,
}

/// Arguments of `tail`.
#[derive(Debug, Args)]
#[command(after_help = "Example: indelible tail LOG --severity critical --format ndjson")]
pub struct TailArgs {
    /// Directory of the log
    pub log: PathBuf,
    /// First seq to show [default: the beginning of the log]
    #[arg(long, value_name = "N")]
    pub from_seq: Option<u64>,
    /// End after this many rows
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Form of the rows; a table is printed row by row without its frame
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    /// Which events
    #[command(flatten)]
    pub filters: FilterArgs,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(after_help = "Example: indelible verify LOG --key audit.pub\n\
    Without --key the log's own log.pub is trusted: that finds damage, not somebody who replaced the whole log.")]
pub struct VerifyArgs {
    /// Directory of the log
    pub log: PathBuf,
    /// Check checkpoints and structure only, not every record
    #[arg(long)]
    pub quick: bool,
    /// Verifier key of any epoch, the string itself or a file that holds it: heads of older epochs are refused
    #[arg(long, value_name = "PUB")]
    pub key: Option<String>,
    /// Head that the log must still have [default: the anchor remembered for the log]
    #[arg(long, value_name = "FILE")]
    pub anchor: Option<PathBuf>,
    /// First seq to check
    #[arg(long, value_name = "N", requires = "to_seq")]
    pub from_seq: Option<u64>,
    /// Last seq to check
    #[arg(long, value_name = "M", requires = "from_seq")]
    pub to_seq: Option<u64>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  indelible inspect LOG\n  \
    indelible inspect LOG/segments/0000000000000000-00000000.seg --frames --bytes")]
pub struct InspectArgs {
    /// Directory of a log, or one of its files
    pub path: PathBuf,
    /// Show frames
    #[arg(long)]
    pub frames: bool,
    /// Show records
    #[arg(long)]
    pub records: bool,
    /// Show index runs, lookups and the footer
    #[arg(long)]
    pub index: bool,
    /// Show the bytes of every structure, field by field
    #[arg(long)]
    pub bytes: bool,
    /// Print JSON, one object a line
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `checkpoint`.
#[derive(Debug, Args)]
#[command(after_help = "Example: indelible checkpoint LOG > checkpoint.txt")]
pub struct CheckpointArgs {
    /// Directory of the log
    pub log: PathBuf,
}

/// Groups of a record's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum GroupArg {
    /// Kind, time, workspace, lane, service, action, severity, outcome, actor type, target type
    Envelope,
    /// Actor, target, session
    Identity,
    /// Event, correlation, parent and request id
    Correlation,
    /// Proof, reason, error, metadata, original
    Payload,
}

/// Arguments of `prove`.
#[derive(Debug, Args)]
#[command(
    after_help = "With filters alone every row found is proven and nothing is said of others. With --complete the bundle also \
    proves that no row was left out, which opens what the filters test of every record in the range; filters then may use \
    workspace, lane, service, action, severity, outcome, actor type, target type, times, id and correlation. Where records of the \
    range were deleted, the bundle has the log's whole history of its own records, so that the deletions are checked too; \
    --deletions is that alone.\n\n\
    Examples:\n  indelible prove LOG --seq 4711 -o event.proof\n  \
    indelible prove LOG --correlation c-17 --complete --withhold payload -o chain.proof\n  \
    indelible prove LOG --from-seq 0 --to-seq 999 --old last-year.checkpoint -o range.proof"
)]
pub struct ProveArgs {
    /// Directory of the log
    pub log: PathBuf,
    /// Prove this one record
    #[arg(long, value_name = "N")]
    pub seq: Option<u64>,
    /// Which records
    #[command(flatten)]
    pub filters: FilterArgs,
    /// First seq of the range [default: the beginning of the log]
    #[arg(long, value_name = "N")]
    pub from_seq: Option<u64>,
    /// Last seq of the range [default: the end of the log as it is signed]
    #[arg(long, value_name = "M")]
    pub to_seq: Option<u64>,
    /// Prove that nothing was left out of the range
    #[arg(long)]
    pub complete: bool,
    /// Prove the deletions of the log: what went, when, by whose authority, under which policies, and that it might
    #[arg(long)]
    pub deletions: bool,
    /// Keep this group of the shown records closed; it stays committed
    #[arg(long, value_enum, value_name = "GROUP")]
    pub withhold: Vec<GroupArg>,
    /// File with an older checkpoint, to prove that the log only grew since
    #[arg(long, value_name = "CHECKPOINT")]
    pub old: Option<PathBuf>,
    /// Most records that filters may find; more are an error, never cut
    #[arg(long, default_value_t = 10_000)]
    pub limit: usize,
    /// File to write
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(after_help = "Example: indelible check event.proof --key audit.pub\n\
    Exit code 3: the bundle is refused. The key must come from somewhere else than the bundle.")]
pub struct CheckArgs {
    /// The bundle
    pub file: PathBuf,
    /// Verifier key of the log: the string itself or a file that holds it
    #[arg(long, value_name = "PUB")]
    pub key: String,
    /// Witness policy file: refuse unless that many witnesses have cosigned the checkpoint
    #[arg(long, value_name = "FILE")]
    pub witnesses: Option<PathBuf>,
    /// Also print the records that are shown, one JSON object a line
    #[arg(long)]
    pub rows: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `anchor`.
#[derive(Debug, Args)]
#[command(
    after_help = "The anchor is remembered beside the signing key: every later opening for writing compares the log with it and refuses \
    where something signed is missing, and every checkpoint moves it on. \
    With --head-file or --head-command these are remembered too: every later checkpoint is handed to them.\n\n\
    Examples:\n  indelible anchor LOG /mnt/worm/audit.anchor\n  indelible anchor LOG --accept-loss"
)]
pub struct AnchorArgs {
    /// Directory of the log
    pub log: PathBuf,
    /// File outside the log directory [default: the one that is remembered]
    pub file: Option<PathBuf>,
    /// Go on with a log that is behind its anchor: the loss is recorded in the log and the anchor set back
    #[arg(long)]
    pub accept_loss: bool,
}

/// Arguments of `cosign`.
#[derive(Debug, Args)]
#[command(
    after_help = "The policy file has a line `quorum N` and, for each witness, a line `witness NAME+ID+KEY`.\n\n\
    Example: indelible checkpoint LOG > note; (witnesses add their lines); indelible cosign LOG note --witnesses policy"
)]
pub struct CosignArgs {
    /// Directory of the log
    pub log: PathBuf,
    /// The newest checkpoint as the witnesses gave it back
    pub note: PathBuf,
    /// Who the witnesses are, and how many must have cosigned
    #[arg(long, value_name = "FILE")]
    pub witnesses: PathBuf,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
#[command(after_help = "Example: indelible demo --events 200000 --dir demo")]
pub struct DemoArgs {
    /// Events to generate
    #[arg(long, default_value_t = 1_000_000)]
    pub events: u64,
    /// Directory to work in, kept afterwards [default: a temporary one, removed]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Seed of the generator
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "Example: indelible completions bash > /etc/bash_completion.d/indelible")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Reads the command line, does what it asks, and gives the exit code.
pub fn main() -> ExitCode {
    // Where this fails, a file that grows too large ends the process as it always did.
    let _ = crate::signals::file_size_limit_is_an_error();
    match Cli::try_parse() {
        Ok(cli) => match run(&cli) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        },
        Err(error) => {
            // Help and version go to stdout and are no error; a reader that goes away is none either.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
    }
}

/// Does what was asked.
///
/// # Errors
/// What the verb says.
pub fn run(cli: &Cli) -> Outcome {
    match &cli.verb {
        Verb::Init(args) => verbs::init::run(cli, args),
        Verb::Ingest(args) => verbs::ingest::run(cli, args),
        Verb::Query(args) => verbs::query::run(args),
        Verb::Stats(args) => verbs::stats::run(args),
        Verb::Tail(args) => verbs::tail::run(args),
        Verb::Verify(args) => verbs::verify::run(cli, args),
        Verb::Inspect(args) => verbs::inspect::run(args),
        Verb::Checkpoint(args) => verbs::checkpoint::run(cli, args),
        Verb::Prove(args) => verbs::prove::run(cli, args),
        Verb::Check(args) => verbs::check::run(args),
        Verb::Anchor(args) => verbs::anchor::run(cli, args),
        Verb::Cosign(args) => verbs::cosign::run(args),
        Verb::Retain(args) => verbs::retain::run(cli, args),
        Verb::Hold(args) => verbs::hold::run(cli, args),
        Verb::Purge(args) => verbs::purge::run(cli, args),
        Verb::Key(args) => verbs::key::run(cli, args),
        Verb::Demo(args) => verbs::demo::run(args),
        Verb::Completions(args) => verbs::completions::run(args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_tree_is_sound_and_every_verb_has_an_example() {
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{} has no example", verb.get_name());
        }
    }

    #[test]
    fn the_lines_of_the_contract_are_read() {
        for line in [
            "init LOG --origin NAME --encrypt --key-file F --schema FILE",
            "init LOG --sign-key F",
            "ingest LOG a.json b.gz --format cloudtrail --ack written --strict --rejects R --json --acks A --no-create",
            "ingest LOG",
            "ingest LOG - --format auto",
            "ingest LOG a b --once --unsigned --allow-rejects --record-bytes-max 65536",
            "query LOG --limit 50 --order time --cursor C --count --format csv",
            "query LOG --workspace a --workspace b* --lane !c --session =d --actor e --actor-type user --action f",
            "query LOG --target-type g --target h --outcome failure --severity critical --service i --correlation j --id k",
            "query LOG --from -7d --to now --recorded-from 2026-11-20 --recorded-to 2026-11-20T10:00:00Z --where lane=a",
            "stats LOG --by severity outcome --bucket 1h --from -7d --format json",
            "stats LOG --by severity --by action",
            "tail LOG --severity critical --from-seq 7 --format ndjson",
            "verify LOG --quick --adopt-head --anchor F --key PUB --from-seq 1 --to-seq 2 --json",
            "inspect LOG --frames --records --index --bytes --json",
            "checkpoint LOG",
            "anchor LOG FILE",
            "cosign LOG NOTE --witnesses P",
            "anchor LOG --accept-loss",
            "retain LOG set NAME --keep 365d --identity-keep 30d --payload-keep 90d --basis event --workspace acme",
            "retain LOG set --profile severity",
            "retain LOG list --json",
            "retain LOG explain --seq 7",
            "retain LOG retire NAME",
            "retain LOG schedule FILE",
            "retain LOG history --json",
            "hold LOG place NAME --actor u-7 --from -7d",
            "hold LOG release NAME",
            "hold LOG list --json",
            "purge LOG --dry-run --json",
            "prove LOG --deletions -o F",
            "key LOG list --json",
            "key LOG rotate --new-key F",
            "key LOG grant --role purge --key F",
            "key LOG revoke --role purge --key F",
            "checkpoint LOG --head-file F --head-command C",
            "prove LOG --seq 7 -o F",
            "prove LOG --correlation c --complete --old C --withhold payload -o F",
            "prove LOG --from-seq 1 --to-seq 2 -o F",
            "check F --key PUB",
            "demo --events 1000 --dir D",
            "completions bash",
        ] {
            let read = Cli::try_parse_from(std::iter::once("indelible").chain(line.split(' ')));
            assert!(read.is_ok(), "{line}: {}", read.err().map(|error| error.to_string()).unwrap_or_default());
        }
        for line in ["", "purge", "query", "query LOG --limit x", "verify LOG --from-seq 1", "ingest LOG --format xml"]
        {
            let read = Cli::try_parse_from(
                std::iter::once("indelible").chain(line.split(' ').filter(|word| !word.is_empty())),
            );
            assert!(read.is_err_and(|error| error.exit_code() == 2), "{line}");
        }
    }
}
