//! Filters as options, shared by the verbs that select events.

use clap::Args;
use indelible::Timestamp;
use indelible::filter::{Column, Expr, Filters, TimeRange};

use crate::failure::Outcome;

/// The options; see their help.
#[derive(Debug, Clone, Default, Args)]
#[command(
    next_help_heading = "Filters (repeatable: any of; VALUE* prefix, *VALUE* inside, !VALUE excluded, =VALUE literal)"
)]
pub struct FilterArgs {
    /// Workspace
    #[arg(long, value_name = "VALUE")]
    pub workspace: Vec<String>,
    /// Lane
    #[arg(long, value_name = "VALUE")]
    pub lane: Vec<String>,
    /// Session
    #[arg(long, value_name = "VALUE")]
    pub session: Vec<String>,
    /// Actor id, also with its type: user:u-7
    #[arg(long, value_name = "VALUE")]
    pub actor: Vec<String>,
    /// user, agent, system, webhook, service
    #[arg(long, value_name = "NAME")]
    pub actor_type: Vec<String>,
    /// Action
    #[arg(long, value_name = "VALUE")]
    pub action: Vec<String>,
    /// Target type
    #[arg(long, value_name = "VALUE")]
    pub target_type: Vec<String>,
    /// Target id, also with its type: document:d-42
    #[arg(long, value_name = "VALUE")]
    pub target: Vec<String>,
    /// success, failure, partial, pending
    #[arg(long, value_name = "NAME")]
    pub outcome: Vec<String>,
    /// info, warning, critical
    #[arg(long, value_name = "NAME")]
    pub severity: Vec<String>,
    /// Service
    #[arg(long, value_name = "VALUE")]
    pub service: Vec<String>,
    /// Correlation id
    #[arg(long, value_name = "VALUE")]
    pub correlation: Vec<String>,
    /// Event id
    #[arg(long, value_name = "VALUE")]
    pub id: Vec<String>,
    /// First event time: RFC 3339, date, -7d, now
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// Event time before which to end
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub to: Option<String>,
    /// First recording time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub recorded_from: Option<String>,
    /// Recording time before which to end
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub recorded_to: Option<String>,
    /// and, or, not, parentheses over `column = "v"`, !=, in (..), like "pre*", exists
    #[arg(long = "where", value_name = "EXPR")]
    pub expression: Option<String>,
    /// Show the log's own records (genesis, keys, recoveries) as well
    #[arg(long)]
    pub system: bool,
}

/// The filters that can be tested on the envelope alone, for policies: who acted and on what may be gone before the rest is.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Filters (repeatable: any of; VALUE* prefix, !VALUE excluded, =VALUE literal)")]
pub struct EnvelopeArgs {
    /// Workspace
    #[arg(long, value_name = "VALUE")]
    pub workspace: Vec<String>,
    /// Lane
    #[arg(long, value_name = "VALUE")]
    pub lane: Vec<String>,
    /// user, agent, system, webhook, service
    #[arg(long, value_name = "NAME")]
    pub actor_type: Vec<String>,
    /// Action
    #[arg(long, value_name = "VALUE")]
    pub action: Vec<String>,
    /// Target type
    #[arg(long, value_name = "VALUE")]
    pub target_type: Vec<String>,
    /// success, failure, partial, pending
    #[arg(long, value_name = "NAME")]
    pub outcome: Vec<String>,
    /// info, warning, critical
    #[arg(long, value_name = "NAME")]
    pub severity: Vec<String>,
    /// Service
    #[arg(long, value_name = "VALUE")]
    pub service: Vec<String>,
    /// and, or, not, parentheses over the columns above: `column = "v"`, !=, in (..), like "pre*", exists
    #[arg(long = "where", value_name = "EXPR")]
    pub expression: Option<String>,
}

impl EnvelopeArgs {
    /// The same among all filters, the log's own records not left out: a policy never matches those.
    pub fn filters(&self) -> FilterArgs {
        FilterArgs {
            workspace: self.workspace.clone(),
            lane: self.lane.clone(),
            actor_type: self.actor_type.clone(),
            action: self.action.clone(),
            target_type: self.target_type.clone(),
            outcome: self.outcome.clone(),
            severity: self.severity.clone(),
            service: self.service.clone(),
            expression: self.expression.clone(),
            system: true,
            ..FilterArgs::default()
        }
    }
}

impl FilterArgs {
    /// What the options mean at the time `now`; without `--system`, events only.
    ///
    /// # Errors
    /// A usage failure that says which value is wrong and why.
    pub fn expr(&self, now: Timestamp) -> Outcome<Expr> {
        let occurred = TimeRange::parse("event time", self.from.as_deref(), self.to.as_deref(), now)?;
        let recorded = (self.recorded_from.as_deref(), self.recorded_to.as_deref());
        let recorded = TimeRange::parse("recording time", recorded.0, recorded.1, now)?;
        let mut filters = Filters::new()
            .column(Column::WORKSPACE, &self.workspace)?
            .column(Column::LANE, &self.lane)?
            .column(Column::SESSION, &self.session)?
            .column(Column::ACTOR, &self.actor)?
            .column(Column::ACTOR_TYPE, &self.actor_type)?
            .column(Column::ACTION, &self.action)?
            .column(Column::TARGET_TYPE, &self.target_type)?
            .column(Column::TARGET, &self.target)?
            .column(Column::OUTCOME, &self.outcome)?
            .column(Column::SEVERITY, &self.severity)?
            .column(Column::SERVICE, &self.service)?
            .column(Column::CORRELATION, &self.correlation)?
            .column(Column::ID, &self.id)?
            .occurred(occurred)
            .recorded(recorded);
        if let Some(text) = &self.expression {
            filters = filters.expression(text)?;
        }
        let expr = filters.into_expr();
        Ok(if self.system { expr } else { expr.and(Expr::events()) })
    }
}

/// The present time, the one place where the command reads the clock for filters.
pub fn now() -> Timestamp {
    let nanos = jiff::Timestamp::now().as_nanosecond();
    Timestamp(i64::try_from(nanos).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_one_predicate() {
        let now = Timestamp(1_795_168_800_000_000_000);
        assert_eq!(FilterArgs::default().expr(now).ok(), Some(Expr::events()));
        let system = FilterArgs { system: true, ..FilterArgs::default() };
        assert_eq!(system.expr(now).ok(), Some(Expr::True));
        let every = FilterArgs {
            workspace: vec!["a".into()],
            severity: vec!["critical".into()],
            id: vec!["x".into()],
            from: Some("-1d".into()),
            recorded_to: Some("now".into()),
            expression: Some("exists lane".into()),
            ..FilterArgs::default()
        };
        match every.expr(now) {
            Ok(Expr::And(parts)) => assert_eq!(parts.len(), 7, "{parts:?}"),
            other => panic!("{other:?}"),
        }
        for bad in [
            FilterArgs { outcome: vec!["ok".into()], ..FilterArgs::default() },
            FilterArgs { from: Some("soon".into()), ..FilterArgs::default() },
            FilterArgs { from: Some("now".into()), to: Some("-1d".into()), ..FilterArgs::default() },
            FilterArgs { expression: Some("(".into()), ..FilterArgs::default() },
        ] {
            assert_eq!(bad.expr(now).err().map(|failure| failure.exit().code()), Some(2), "{bad:?}");
        }
    }
}
