//! Why a record is kept and until when, or why it is gone.
//!
//! Invariant: the answer is made of the same rules that a purge follows. Not here: the rules (`indelible_evidence::retention`).

use indelible_evidence::record::Record;
use indelible_evidence::retention::{Basis, Explanation};

use super::history::history;
use super::policies::schedule_of;
use crate::error::{Error, Result};
use crate::reader::LedgerReader;

/// What becomes of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Its seq.
    pub seq: u64,
    /// Retention class; `None` where that is not known any more without its frame.
    pub class: Option<u16>,
    /// What people call the class.
    pub label: Option<String>,
    /// What holds for it now.
    pub state: State,
}

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is of class 0: kept for ever, because proofs need it.
    Permanent,
    /// No policy matches it and no hold holds it: kept for ever.
    Unmatched,
    /// It is kept.
    Kept(KeptBy),
    /// It was removed.
    Removed {
        /// Seq of the intent that declares it; `None` where nothing does.
        intent: Option<u64>,
    },
}

/// What keeps a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBy {
    /// Open holds that hold it, by name.
    pub holds: Vec<String>,
    /// What each policy that matches it asks for.
    pub policies: Vec<Explanation>,
    /// The last second (since 1970) at which a policy keeps it; the longest duty wins. `None` where no policy matches: only the holds keep it.
    pub until: Option<i64>,
}

impl KeptBy {
    /// The policy whose duty lasts longest.
    #[must_use]
    pub fn longest(&self) -> Option<&Explanation> {
        self.policies.iter().max_by_key(|policy| policy.keeps_until)
    }

    /// Whether the longest duty counts from the event's own time.
    #[must_use]
    pub fn by_event_time(&self) -> bool {
        self.longest().is_some_and(|policy| policy.basis == Basis::Event)
    }
}

impl LedgerReader {
    /// Why the record with this seq is kept and until when, or why it is gone.
    ///
    /// # Errors
    /// A seq beyond the end; where the log is damaged.
    pub fn explain_retention(&self, seq: u64) -> Result<Explained> {
        let view = self.view()?;
        if seq >= view.next_seq() {
            let problem =
                format!("seq {seq} is not there yet: the log ends with seq {}", view.next_seq().saturating_sub(1));
            return Err(Error::Option { option: "seq", problem });
        }
        let Some(record) = view.record(seq)? else { return self.explain_removed(seq) };
        let label =
            schedule_of(&view)?.rules.iter().find(|rule| rule.class == record.class).map(|rule| rule.label.clone());
        let state = if record.class == 0 { State::Permanent } else { self.kept(&record)? };
        Ok(Explained { seq, class: Some(record.class), label, state })
    }

    fn kept(&self, record: &Record) -> Result<State> {
        let mut register = self.register()?;
        let holds =
            register.holds().filter(|(_, hold)| hold.seqs.contains(record.seq)).map(|(name, _)| name.to_owned());
        let holds: Vec<String> = holds.collect();
        let policies = register.rules(0).explain(record)?;
        if holds.is_empty() && policies.is_empty() {
            return Ok(State::Unmatched);
        }
        let until = policies.iter().map(|policy| policy.keeps_until).max();
        Ok(State::Kept(KeptBy { holds, policies, until }))
    }

    fn explain_removed(&self, seq: u64) -> Result<Explained> {
        let (manifest, trail) = self.manifest_and_trail()?;
        let view = self.view()?;
        let (history, _) = history(&view, &manifest, &trail)?;
        let mut found = None;
        if let Some(frame_no) = view.frame_no_of(seq)? {
            for segment in view.segment_facts()? {
                let Some(at) = frame_no.checked_sub(segment.first_frame).filter(|at| *at < segment.frames) else {
                    continue;
                };
                let at = usize::try_from(at).unwrap_or(usize::MAX);
                view.survey(
                    segment.id,
                    at..at.saturating_add(1),
                    &mut |frame: &mut indelible_engine::query::SurveyedFrame<'_>| -> Result<()> {
                        found = Some(frame.descriptor().clone());
                        Ok(())
                    },
                )?;
            }
        }
        let Some(descriptor) = found else {
            return Ok(Explained { seq, class: None, label: None, state: State::Removed { intent: None } });
        };
        let bit = 1u128.checked_shl(u32::try_from(seq - descriptor.first_seq).unwrap_or(128)).unwrap_or(0);
        let class = descriptor.classes.iter().find(|entry| entry.positions & bit != 0).map(|entry| entry.class);
        let declares = |plan: &indelible_evidence::retention::Plan| {
            let removal = plan.of_frame(&descriptor).removal(&descriptor);
            (removal.positions(0) | removal.positions(1) & removal.positions(2) & removal.positions(3)) & bit != 0
        };
        let intent =
            history.deletions().iter().find(|deletion| declares(&deletion.plan)).map(|deletion| deletion.intent);
        let label =
            schedule_of(&view)?.rules.iter().find(|rule| Some(rule.class) == class).map(|rule| rule.label.clone());
        Ok(Explained { seq, class, label, state: State::Removed { intent } })
    }
}
