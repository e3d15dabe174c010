//! Arguments of `retain`, `hold` and `purge`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{EnvelopeArgs, FilterArgs};

/// Arguments of `retain`.
#[derive(Debug, Args)]
#[command(
    after_help = "What no policy matches is kept for ever; where several match, the longest wins; a hold beats them all. Nothing is deleted but by `purge`.\n\n\
    Examples:\n  indelible retain LOG set --profile severity\n  indelible retain LOG set web --keep 90d --service web\n  \
    indelible retain LOG explain --seq 4711"
)]
pub struct RetainArgs {
    /// Directory of the log
    pub log: PathBuf,
    /// What to do
    #[command(subcommand)]
    pub verb: RetainVerb,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// What `retain` does.
#[derive(Debug, Subcommand)]
pub enum RetainVerb {
    /// Set a policy, or those of a ready profile
    #[command(
        after_help = "Filters test the envelope alone: workspace, lane, service, action, severity, outcome, actor type, target type; \
        times belong to --keep.\n\n\
        Examples:\n  indelible retain LOG set login --keep 180d --action 'user.*'\n  \
        indelible retain LOG set people --keep 7y --identity-keep 90d\n  indelible retain LOG set --profile thirty-days"
    )]
    Set(Box<SetArgs>),
    /// Retire a policy
    #[command(after_help = "Example: indelible retain LOG retire web")]
    Retire {
        /// Its name
        name: String,
    },
    /// Show the policies in force and the classes of the schedule
    #[command(after_help = "Example: indelible retain LOG list --json")]
    List,
    /// Say why an event is kept and until when, or why it is gone
    #[command(after_help = "Example: indelible retain LOG explain --seq 4711")]
    Explain {
        /// Its seq
        #[arg(long, value_name = "N")]
        seq: u64,
    },
    /// Put a class schedule in force, or print the one that is
    #[command(
        after_help = "The file is JSON: {\"rules\":[{\"class\":1,\"label\":\"info\",\"severity\":1}],\"default\":1}. The first rule whose severity \
        code (info 1, warning 2, critical 3) is the event's gives its class; the label can be a framework's.\n\n\
        Example: indelible retain LOG schedule classes.json"
    )]
    Schedule {
        /// File with the schedule [default: print the one in force]
        file: Option<PathBuf>,
    },
    /// Show what was deleted, when and under which policies
    #[command(after_help = "Example: indelible retain LOG history --json")]
    History,
}

/// Arguments of `retain set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// Name of the policy; an existing one gets a new version
    #[arg(required_unless_present = "profile")]
    pub name: Option<String>,
    /// A ready profile instead: sets its policies
    #[arg(long, value_enum, conflicts_with_all = ["name", "keep"])]
    pub profile: Option<ProfileArg>,
    /// How long records are kept: 90s, 30d, 12w, 7y (a year is 365 days)
    #[arg(long, value_name = "SPAN", default_value = "2555d")]
    pub keep: String,
    /// How long who did it and on what is kept, where shorter
    #[arg(long, value_name = "SPAN")]
    pub identity_keep: Option<String>,
    /// How long reason, error, metadata and proof are kept, where shorter
    #[arg(long, value_name = "SPAN")]
    pub payload_keep: Option<String>,
    /// The time that it counts from
    #[arg(long, value_enum, default_value = "recorded")]
    pub basis: BasisArg,
    /// Retention class (repeatable)
    #[arg(long, value_name = "N")]
    pub class: Vec<u16>,
    /// Label of a class in the schedule, for instance a framework's (repeatable)
    #[arg(long, value_name = "LABEL")]
    pub label: Vec<String>,
    /// Which events
    #[command(flatten)]
    pub filters: EnvelopeArgs,
}

/// Ready profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ProfileArg {
    /// critical 2555 days, warning 1095, info 365
    Severity,
    /// everything 2555 days
    SevenYears,
    /// everything 30 days
    ThirtyDays,
}

/// Times that policies count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum BasisArg {
    /// When the log took the event
    Recorded,
    /// The event's own time
    Event,
}

/// Arguments of `hold`.
#[derive(Debug, Args)]
#[command(
    after_help = "What matches now and what matches later is held until the hold is released; placing and releasing are records of the log.\n\n\
    Examples:\n  indelible hold LOG place case-17 --actor u-7 --from 2026-01-01\n  indelible hold LOG release case-17"
)]
pub struct HoldArgs {
    /// Directory of the log
    pub log: PathBuf,
    /// What to do
    #[command(subcommand)]
    pub verb: HoldVerb,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// What `hold` does.
#[derive(Debug, Subcommand)]
pub enum HoldVerb {
    /// Place a hold on everything that matches
    #[command(after_help = "Example: indelible hold LOG place case-17 --workspace acme --action 'document.*'")]
    Place {
        /// Its name, unique among open holds
        name: String,
        /// Which events
        #[command(flatten)]
        filters: Box<FilterArgs>,
    },
    /// Release a hold
    #[command(after_help = "Example: indelible hold LOG release case-17")]
    Release {
        /// Its name
        name: String,
    },
    /// Show open holds
    #[command(after_help = "Example: indelible hold LOG list --json")]
    List,
}

/// Arguments of `purge`.
#[derive(Debug, Args)]
#[command(
    after_help = "What goes is announced by a signed record, published in a checkpoint, then deleted, then reported by another record; \
    `indelible prove LOG --deletions` shows it to an outsider.\n\n\
    Examples:\n  indelible purge LOG --dry-run\n  indelible purge LOG --json"
)]
pub struct PurgeArgs {
    /// Directory of the log
    pub log: PathBuf,
    /// Say what would go and delete nothing; works beside a writer
    #[arg(long)]
    pub dry_run: bool,
    /// Signing key that authorises, with the purge role [default: the log's signing key]
    #[arg(long, value_name = "FILE")]
    pub purge_key: Option<PathBuf>,
    /// The clock is right though the log was idle for more than a day
    #[arg(long)]
    pub confirm_clock: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
