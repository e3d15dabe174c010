//! What was deleted, from the log itself, and whether it might be.
//!
//! ```text
//! records of class 0 -> History (what is declared) + every frame -> DeletionAudit -> deletions, findings
//! ```
//!
//! Invariant: the same pure check as an outsider's, fed from the log directory instead of a bundle. Frames' hashes are `verify`'s business:
//! it runs before. Not here: the check (`indelible_evidence::retention`).

use std::collections::BTreeMap;

use indelible_engine::Corruption;
use indelible_engine::query::{Expr, Query, SurveyedFrame, Test, View};
use indelible_evidence::commit::FrameView;
use indelible_evidence::merkle::LogTree;
use indelible_evidence::retention::{
    Deletion, DeletionAudit, Ending, Finding, FindingKind, FrameEvidence, History, SeqSet,
};
use indelible_evidence::rotation::KeyTrail;
use indelible_evidence::schema::{Field, Kind};
use indelible_format::manifest::Manifest;
use indelible_format::names::segment_file_name;

use super::plan::removed_seqs;
use crate::error::{Error, Result};
use crate::reader::LedgerReader;

/// A deletion that the log declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionEntry {
    /// Seq of the intent.
    pub intent: u64,
    /// When the log took it, ns since 1970.
    pub recorded_at: i64,
    /// The time it counts back from, seconds since 1970.
    pub at: u64,
    /// Who authorised it: a verifier key.
    pub key: String,
    /// Policies in force: name and version.
    pub policies: Vec<(String, u32)>,
    /// Holds that were open.
    pub holds: Vec<String>,
    /// Seq of the DONE; `None`: announced, not known to be carried out.
    pub done: Option<u64>,
    /// Frames of the checkpoint that published it before.
    pub published: Option<u64>,
    /// Seq of the record that gave it up: it removed nothing.
    pub abandoned: Option<u64>,
    /// Seqs of the records that it removed.
    pub seqs: SeqSet,
    /// Records that it removed, by retention class.
    pub by_class: BTreeMap<u16, u64>,
    /// Records that stay and lost their identity group.
    pub identity: u64,
    /// Records that stay and lost their payload group.
    pub payload: u64,
    /// Bytes of the segments before.
    pub bytes_before: u64,
    /// Bytes of them after; `None` where it is not known to be carried out.
    pub bytes_after: Option<u64>,
}

impl DeletionEntry {
    /// Records that it removed.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.by_class.values().sum()
    }
}

/// Deletions and what is wrong with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Deletions in the order they were declared.
    pub deletions: Vec<DeletionEntry>,
    /// What is wrong; empty: everything that is gone went legitimately, as far as can be known.
    pub findings: Vec<Finding>,
    /// Findings beyond those that are kept.
    pub more: u64,
}

/// Retention in figures, from the log itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetentionStats {
    /// Deletions that were carried out.
    pub deletions: u64,
    /// Records that they removed.
    pub records: u64,
    /// Records removed, by retention class.
    pub by_class: BTreeMap<u16, u64>,
    /// Records that stay without their identity group.
    pub identity: u64,
    /// Records that stay without their payload group.
    pub payload: u64,
    /// Bytes that were given back.
    pub bytes_freed: i64,
}

impl Audit {
    /// Totals over the deletions that were carried out.
    #[must_use]
    pub fn stats(&self) -> RetentionStats {
        let mut stats = RetentionStats::default();
        for entry in self.deletions.iter().filter(|entry| entry.done.is_some()) {
            stats.deletions += 1;
            stats.records += entry.records();
            stats.identity += entry.identity;
            stats.payload += entry.payload;
            for (class, count) in &entry.by_class {
                *stats.by_class.entry(*class).or_default() += count;
            }
            if let Some(after) = entry.bytes_after {
                stats.bytes_freed +=
                    i64::try_from(entry.bytes_before).unwrap_or(i64::MAX) - i64::try_from(after).unwrap_or(0);
            }
        }
        stats
    }
}

/// Asked before an opening writes anything: every rewritten segment must be explained by a deletion that is done, or by the open
/// one and the head in its files ([RET-20]).
pub(crate) fn check_generations(view: &View, manifest: &Manifest, trail: &KeyTrail) -> indelible_engine::Result<()> {
    if manifest.segments.iter().all(|entry| entry.generation == 0) && !announces(view)? {
        return Ok(());
    }
    let (mut history, _) = history(view, manifest, trail).map_err(|error| match error {
        Error::Log(error) => error,
        other => Corruption::at("deletions", 0, other).into(),
    })?;
    settle(&mut history, view, manifest).map(drop)
}

/// The intent that has no end yet, as the records say; cheap where there is none.
pub(crate) fn open_intent(view: &View, manifest: &Manifest, trail: &KeyTrail) -> Result<Option<u64>> {
    if !announces(view)? {
        return Ok(None);
    }
    let (history, _) = history(view, manifest, trail)?;
    Ok(history.open().map(|deletion| deletion.intent))
}

fn announces(view: &View) -> indelible_engine::Result<bool> {
    let intents = Expr::Field(Field::KIND, Test::Codes(vec![Kind::Intent as u8]));
    Ok(view.first_match(&intents)?.is_some())
}

/// What became of the open deletion, by the log's files; an error where a generation is explained by no record.
pub(crate) fn settle(
    history: &mut History,
    view: &View,
    manifest: &Manifest,
) -> indelible_engine::Result<Option<Ending>> {
    let settled = settle_or_finding(history, view, manifest)?;
    settled.map_err(|(segment, finding)| {
        let entry = manifest.segments.iter().find(|entry| entry.id == segment);
        let name = entry.map_or_else(|| "segments".to_owned(), |entry| segment_file_name(entry.id, entry.generation));
        Corruption::at(&name, 0, finding).in_segment(segment).into()
    })
}

fn settle_or_finding(
    history: &mut History,
    view: &View,
    manifest: &Manifest,
) -> indelible_engine::Result<std::result::Result<Option<Ending>, (u64, Finding)>> {
    let segments: Vec<_> = manifest.segments.iter().map(|entry| (entry.id, entry.generation)).collect();
    let mut authority = |segment| -> indelible_engine::Result<_> {
        Ok(view.authority(segment)?.map(|authority| (authority.intent, authority.note)))
    };
    let mut root_of = |size: u64| -> indelible_engine::Result<_> {
        let leaves = view.leaf_hashes(size)?;
        let mut tree = LogTree::new();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        Ok((tree.size() == size).then(|| tree.root()))
    };
    history.settle(&segments, &mut authority, &mut root_of)
}

/// What the records of class 0 declare, and what is wrong with them.
pub(crate) fn history(view: &View, manifest: &Manifest, trail: &KeyTrail) -> Result<(History, Vec<Finding>)> {
    let codes = (Kind::Genesis as u8..=Kind::Done as u8).chain([Kind::Abandon as u8]).collect();
    let query = Query::oldest(Expr::Field(Field::KIND, Test::Codes(codes)), usize::MAX >> 1);
    let mut history = History::new(manifest.log_id, trail.clone());
    let mut findings = Vec::new();
    for record in view.query(&query)?.rows.iter().filter(|record| record.class == 0) {
        // What is not framed yet lies in a frame that no checkpoint covers.
        let frame_no = view.frame_no_of(record.seq)?.unwrap_or(u64::MAX);
        if let Err(finding) = history.take(record, frame_no) {
            findings.push(finding);
        }
    }
    Ok((history, findings))
}

/// Files of deletions that are done name that deletion ([SEG-20]); whether their head is the log's the engine has checked.
fn foreign_heads(history: &History, view: &View, manifest: &Manifest) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for entry in manifest.segments.iter().filter(|entry| entry.generation > 0) {
        let made = |deletion: &&Deletion| {
            let plan = &deletion.plan;
            plan.segments.iter().any(|segment| (segment.id, segment.generation) == (entry.id, entry.generation))
        };
        let done = history.deletions().iter().filter(|deletion| deletion.done.is_some()).find(made);
        let Some(done) = done else { continue };
        let named = view.authority(entry.id)?.map(|authority| authority.intent);
        if named != Some(done.intent) {
            let problem = format!("the file of segment {} does not name this intent and its head", entry.id);
            let (kind, intent, place) = (FindingKind::Published, Some(done.intent), None);
            findings.push(Finding { kind, intent, place, problem: problem.into() });
        }
    }
    Ok(findings)
}

impl LedgerReader {
    /// The deletions of the log, each judged as an outsider would: what is gone must be declared by an intent that was authorised and published
    /// before, and might go.
    ///
    /// # Errors
    /// Where the log is damaged.
    pub fn audit_deletions(&self) -> Result<Audit> {
        let (manifest, trail) = self.manifest_and_trail()?;
        let view = self.view()?;
        let (mut history, mut findings) = history(&view, &manifest, &trail)?;
        match settle_or_finding(&mut history, &view, &manifest)? {
            Ok(_) => findings.extend(foreign_heads(&history, &view, &manifest)?),
            Err((_, finding)) => findings.push(finding),
        }
        let leaves = view.leaf_hashes(u64::MAX)?;
        let mut audit = DeletionAudit::new(&history);
        for segment in view.segment_facts()? {
            view.survey(segment.id, 0..usize::MAX, &mut |frame: &mut SurveyedFrame<'_>| -> Result<()> {
                let descriptor = frame.descriptor().clone();
                let leaf = usize::try_from(descriptor.frame_no).ok().and_then(|at| leaves.get(at).copied());
                let gone = frame.removed()?;
                let leaf = leaf
                    .ok_or_else(|| Error::Option { option: "audit", problem: "a frame without a leaf".to_owned() })?;
                if gone == [0; 4] && !audit.names(&descriptor) {
                    let there = [descriptor.all_positions(); 4];
                    audit.frame(&descriptor, leaf, &FrameEvidence { there, ..FrameEvidence::default() });
                    return Ok(());
                }
                let wanted = audit.wanted(&descriptor);
                let (salts, records) = (frame.salts()?, frame.records()?);
                let whole = FrameView { descriptor: &descriptor, salts: &salts, records: &records };
                audit.frame(&descriptor, leaf, &FrameEvidence::of_view(&whole, wanted));
                Ok(())
            })?;
        }
        let (reports, more_findings, more) = audit.finish();
        findings.extend(more_findings);
        let mut deletions = Vec::with_capacity(reports.len());
        for (report, deletion) in reports.into_iter().zip(history.deletions()) {
            let plan = &deletion.plan;
            let after = deletion.done.as_ref().map(|done| done.done.segments.iter().map(|segment| segment.bytes).sum());
            deletions.push(DeletionEntry {
                intent: report.intent,
                recorded_at: report.recorded_at,
                at: report.at,
                key: report.key,
                policies: report.policies,
                holds: report.holds,
                done: report.done,
                published: report.published,
                abandoned: report.abandoned,
                seqs: if deletion.may_have_removed() { removed_seqs(&view, plan)? } else { SeqSet::new() },
                by_class: report.effect.classes,
                identity: report.effect.identity,
                payload: report.effect.payload,
                bytes_before: plan.segments.iter().map(|segment| segment.bytes).sum(),
                bytes_after: after,
            });
        }
        Ok(Audit { deletions, findings, more })
    }
}
