//! Parts of the `indelible` command.
pub mod output;
pub mod workload;
