//! Arguments of `key`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Arguments of `key`.
#[derive(Debug, Args)]
#[command(
    after_help = "Rotation: the new key is announced by a record, then a checkpoint is signed by the old and the new key; from then on the new one \
    signs. Whoever checks the log needs the first verifier key alone and follows from there. The new key lies beside the old one, its epoch in \
    the name, unless --new-key says otherwise; a key file of an earlier epoch then leads there by itself.\n\n\
    Examples:\n  indelible key LOG list\n  indelible key LOG rotate\n  indelible key LOG grant --role purge --key officer.pub"
)]
pub struct KeyArgs {
    /// Directory of the log
    pub log: PathBuf,
    /// What to do
    #[command(subcommand)]
    pub verb: KeyVerb,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// What `key` does.
#[derive(Debug, Subcommand)]
pub enum KeyVerb {
    /// Show the keys that the log has and had
    #[command(after_help = "Example: indelible key LOG list --json")]
    List,
    /// Sign with a new key from now on
    #[command(after_help = "Example: indelible key LOG rotate --new-key /secure/audit-2027.key")]
    Rotate {
        /// File for the new signing key; used as it is where it has one [default: beside the current one]
        #[arg(long, value_name = "FILE")]
        new_key: Option<PathBuf>,
    },
    /// Give a key a role
    #[command(after_help = "Example: indelible key LOG grant --role purge --key officer.pub")]
    Grant(RoleArgs),
    /// Take a role from a key
    #[command(after_help = "Example: indelible key LOG revoke --role purge --key officer.pub")]
    Revoke(RoleArgs),
}

/// Which key gets or loses which role.
#[derive(Debug, Args)]
pub struct RoleArgs {
    /// The role: purge authorises deletions
    #[arg(long, value_enum)]
    pub role: RoleArg,
    /// Verifier key, the string itself or a file with it or with the signing key [default: the log's signing key]
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
}

/// Roles that can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RoleArg {
    /// Authorise deletions
    Purge,
}
