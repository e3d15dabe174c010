//! placeholder
use crate::cli::DemoArgs;
use crate::failure::Outcome;
/// x
pub fn run(_args: &DemoArgs) -> Outcome {
    Ok(())
}
