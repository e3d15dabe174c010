//! `hold`: places, releases and lists legal holds.

use std::io::Write as _;

use indelible::retain::HoldInfo;
use indelible::{LedgerReader, ReadOptions};
use serde_json::{Value, json};

use crate::cli::filters::now;
use crate::cli::{Cli, HoldArgs, HoldVerb};
use crate::failure::Outcome;
use crate::output::table::thousands;
use crate::output::{self, line, object, printable};
use crate::verbs::opened;
use crate::verbs::retain::filter_text;

/// Does it and says what is held.
///
/// # Errors
/// A name that is taken or not there, a filter that makes no sense, a log that cannot be opened.
pub fn run(cli: &Cli, args: &HoldArgs) -> Outcome {
    let (summary, lines) = match &args.verb {
        HoldVerb::Place { name, filters } => {
            let now = now();
            let filter = filters.expr(now)?;
            let ledger = opened(cli, &args.log)?;
            let placed = ledger.place_hold(name, &filter, &filter_text(filters, now));
            ledger.close()?;
            let placed = placed?;
            let text = format!(
                "placed  {} at seq {}: {} records held now, and what matches later",
                printable(name),
                placed.seq,
                thousands(placed.held)
            );
            (json!({"name": name, "seq": placed.seq, "held": placed.held, "through": placed.through}), vec![text])
        }
        HoldVerb::Release { name } => {
            let ledger = opened(cli, &args.log)?;
            let seq = ledger.release_hold(name);
            ledger.close()?;
            let seq = seq?;
            (json!({"name": name, "seq": seq}), vec![format!("released  {} at seq {seq}", printable(name))])
        }
        HoldVerb::List => {
            let holds = LedgerReader::open(&args.log, &ReadOptions::default())?.holds()?;
            let list: Vec<Value> = holds.iter().map(info_json).collect();
            let mut lines: Vec<String> = holds.iter().map(info_text).collect();
            if lines.is_empty() {
                lines.push("no hold is open".to_owned());
            }
            (json!({"holds": list}), lines)
        }
    };
    let mut out = output::stdout();
    match args.json {
        true => object(&mut out, &summary)?,
        false => lines.iter().try_for_each(|text| line(&mut out, text))?,
    }
    out.flush()?;
    Ok(())
}

fn info_json(hold: &HoldInfo) -> Value {
    json!({"name": hold.name, "seq": hold.placed, "held": hold.held, "through": hold.through, "filter": hold.text})
}

fn info_text(hold: &HoldInfo) -> String {
    let filter = if hold.text.is_empty() { "everything".to_owned() } else { printable(&hold.text) };
    format!("{:<20} seq {:<8} {} held  {filter}", printable(&hold.name), hold.placed, thousands(hold.held))
}
