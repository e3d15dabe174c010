//! A query's predicate as a bundle states it.
//!
//! Invariant: both pass the same records. Seqs have no place in a bundle's filter: its claim names the range.

use indelible_engine::query::{Expr, Test};
use indelible_evidence::bundle::{Filter, Open};

use super::ProveError;

/// The filter of a bundle that passes what `expr` matches.
pub(crate) fn to_bundle(expr: &Expr) -> Result<Filter, ProveError> {
    let filter = convert(expr)?;
    filter.check().map_err(|error| ProveError::Filter { problem: error.to_string() })?;
    Ok(filter)
}

/// What completeness over the filter discloses of every record.
pub(super) fn provable(filter: &Filter) -> Result<Open, ProveError> {
    let needs = filter.needs();
    if needs.has_group(1) || needs.has_group(3) {
        let problem = "completeness is proven over columns of the envelope (workspace, lane, service, action, severity, outcome, \
            actor type, target type, times) and of correlation (id, correlation): who acted and on what stays closed";
        return Err(ProveError::Filter { problem: problem.to_owned() });
    }
    Ok(needs)
}

fn convert(expr: &Expr) -> Result<Filter, ProveError> {
    let list = |list: &[Expr]| list.iter().map(convert).collect::<Result<Vec<_>, _>>();
    Ok(match expr {
        Expr::True => Filter::everything(),
        Expr::False => Filter::Any(Vec::new()),
        Expr::Field(field, Test::AnyOf(texts)) => Filter::any_of(*field, texts.clone()),
        Expr::Field(field, Test::Prefix(prefix)) => Filter::Prefix(*field, prefix.clone()),
        Expr::Field(field, Test::Like(parts)) => {
            let problem = format!(
                "{} is asked for by the pattern \"{}\", and a `*` inside or in front is for questions alone: what is signed or proven \
                 names values, or the text that they begin with (`VALUE*`)",
                field.name(),
                parts.join("*")
            );
            return Err(ProveError::Filter { problem });
        }
        Expr::Field(field, Test::Codes(codes)) => Filter::codes(*field, codes.clone()),
        Expr::Field(field, Test::Present) => Filter::Present(*field),
        Expr::Occurred { from, to } => Filter::Occurred { from: *from, to: *to },
        Expr::Recorded { from, to } => Filter::Recorded { from: *from, to: *to },
        Expr::And(parts) => Filter::All(list(parts)?),
        Expr::Or(parts) => Filter::Any(list(parts)?),
        Expr::Not(part) => Filter::Not(Box::new(convert(part)?)),
        Expr::Seq { .. } => {
            let problem = "it names seqs: give the range of the proof instead".to_owned();
            return Err(ProveError::Filter { problem });
        }
    })
}

/// The query that matches what a bundle's filter passes.
pub(crate) fn to_expr(filter: &Filter) -> Expr {
    let list = |list: &[Filter]| list.iter().map(to_expr).collect::<Vec<_>>();
    match filter {
        Filter::AnyOf(field, texts) => Expr::Field(*field, Test::AnyOf(texts.clone())),
        Filter::Prefix(field, prefix) => Expr::Field(*field, Test::Prefix(prefix.clone())),
        Filter::Codes(field, codes) => Expr::Field(*field, Test::Codes(codes.clone())),
        Filter::Present(field) => Expr::Field(*field, Test::Present),
        Filter::Occurred { from, to } => Expr::Occurred { from: *from, to: *to },
        Filter::Recorded { from, to } => Expr::Recorded { from: *from, to: *to },
        Filter::All(parts) if parts.is_empty() => Expr::True,
        Filter::Any(parts) if parts.is_empty() => Expr::False,
        Filter::All(parts) => Expr::And(list(parts)),
        Filter::Any(parts) => Expr::Or(list(parts)),
        Filter::Not(part) => Expr::Not(Box::new(to_expr(part))),
    }
}
