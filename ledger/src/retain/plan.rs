//! What a purge would remove: the rules asked for every frame, in parallel, and cut into intents that a record can say.
//!
//! ```text
//! view -> segments -> frames (threads) -> FramePlan each -> batches: Plan, and what it removes in figures
//! ```
//!
//! Invariants: pure but for reading; a dry run and a purge ask the same questions. Frames beyond what every open hold is resolved to
//! are left for the next purge. Not here: the rules (`indelible_evidence::retention`), carrying plans out ([`super::purge`]).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use indelible_engine::query::{SegmentFacts, SurveyedFrame, View};
use indelible_evidence::descriptor::Descriptor;
use indelible_evidence::record::{GROUPS, Record};
use indelible_evidence::retention::{FramePlan, Plan, PlanSource, PlannedSegment, Rules, SeqSet};

use crate::error::{Error, Result};

/// Frames that a thread takes at once.
const CHUNK: usize = 256;
/// Bytes of text that the sets of one plan may take, by default: a record has room for a mebibyte.
pub(crate) const SETS_BYTES_MAX: usize = 600 << 10;

/// What goes of a frame, and what of it was gone before.
struct Decided {
    descriptor: Descriptor,
    plan: FramePlan,
    gone: [u128; GROUPS],
}

/// Parts that a plan removes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that go.
    pub records: u64,
    /// Records that stay and lose their identity group.
    pub identity: u64,
    /// Records that stay and lose their payload group.
    pub payload: u64,
    /// Records that go, by retention class.
    pub by_class: BTreeMap<u16, u64>,
    /// Records that go on their own and leave a stub, because others of their class and frame stay.
    pub stubs: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Counts) {
        self.records += other.records;
        self.identity += other.identity;
        self.payload += other.payload;
        self.stubs += other.stubs;
        for (class, count) in &other.by_class {
            *self.by_class.entry(*class).or_default() += count;
        }
    }

    /// Adds what goes of one frame.
    fn add_frame(&mut self, decided: &Decided) {
        let Decided { descriptor, plan, gone } = decided;
        let whole = |group: u8| {
            let named = plan.classes.iter().filter(move |(_, of)| *of == group);
            named.filter_map(|(class, _)| descriptor.classes.iter().find(|entry| entry.class == *class))
        };
        let hidden = gone[0] | gone[1] & gone[2] & gone[3];
        let singles = plan.records | plan.envelopes;
        let records = (whole(0).fold(0, |bits, entry| bits | entry.positions) | singles) & !hidden;
        self.records += u64::from(records.count_ones());
        self.stubs += u64::from((singles & !hidden).count_ones());
        for entry in &descriptor.classes {
            let own = u64::from((records & entry.positions).count_ones());
            if own > 0 {
                *self.by_class.entry(entry.class).or_default() += own;
            }
        }
        let lost = |group: u8, single: u128, before: u128| {
            let all = whole(group).fold(single, |bits, entry| bits | entry.positions);
            u64::from((all & !before & !records & !hidden).count_ones())
        };
        self.identity += lost(1, plan.identity, gone[1]);
        self.payload += lost(3, plan.payload, gone[3]);
    }
}

/// One intent's worth.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) plan: Plan,
    pub(crate) counts: Counts,
}

/// Everything that a purge would remove from a view.
#[derive(Debug, Clone, Default)]
pub(crate) struct Survey {
    pub(crate) batches: Vec<Batch>,
    pub(crate) counts: Counts,
    /// Segments of which something goes: id, and whether it is sealed.
    pub(crate) segments: Vec<(u64, bool)>,
    /// Frames left for later, because a hold is not resolved up to their end.
    pub(crate) frames_waiting: u64,
}

/// Asks the rules for every frame of a view; with `growing`, of the segments alone that are not sealed.
pub(crate) fn survey(view: &View, rules: &Rules, growing: bool, sets_bytes_max: usize) -> Result<Survey> {
    let mut survey = Survey::default();
    if rules.policies().is_empty() {
        return Ok(survey);
    }
    let mut segments = view.segment_facts()?;
    segments.retain(|segment| !growing || !segment.sealed);
    let mut of_segment = decide(view, &segments, rules)?;
    let mut open: Option<Open> = None;
    let mut generations: BTreeMap<u64, u32> = BTreeMap::new();
    for (segment, decided) in segments.iter().zip(&mut of_segment) {
        survey.frames_waiting += decided.waiting;
        if decided.frames.is_empty() {
            continue;
        }
        survey.segments.push((segment.id, segment.sealed));
        for frame in &decided.frames {
            let bytes = bytes_of(&frame.plan);
            if let Some(full) = open.take_if(|open| open.bytes + bytes > sets_bytes_max) {
                full.close(&mut survey);
            }
            let batch = open.get_or_insert_with(|| Open::new(rules));
            batch.bytes += bytes;
            batch.add(segment, generations.entry(segment.id).or_insert(segment.generation), frame);
        }
    }
    if let Some(last) = open {
        last.close(&mut survey);
    }
    Ok(survey)
}

/// A batch that frames are added to.
struct Open {
    batch: Batch,
    bytes: usize,
}

impl Open {
    fn new(rules: &Rules) -> Self {
        let plan = Plan {
            at: rules.at(),
            policies: rules.policies().iter().map(|policy| (policy.name.clone(), policy.version)).collect(),
            holds: rules.holds().to_vec(),
            ..Plan::default()
        };
        Self { batch: Batch { plan, counts: Counts::default() }, bytes: 0 }
    }

    fn add(&mut self, segment: &SegmentFacts, generation: &mut u32, frame: &Decided) {
        let plan = &mut self.batch.plan;
        if plan.segments.last().is_none_or(|last| last.id != segment.id) {
            // A segment that two batches touch is written twice, each time as another generation.
            *generation += 1;
            plan.segments.push(PlannedSegment {
                id: segment.id,
                generation: *generation,
                first_frame: segment.first_frame,
                frames: segment.frames,
                bytes: segment.bytes,
            });
        }
        plan.add(&frame.descriptor, &frame.plan);
        self.batch.counts.add_frame(frame);
    }

    fn close(self, survey: &mut Survey) {
        survey.counts.add(&self.batch.counts);
        survey.batches.push(self.batch);
    }
}

/// An upper bound of what the single records of a frame add to the text of a plan.
fn bytes_of(plan: &FramePlan) -> usize {
    let runs = |bits: u128| (bits & !(bits << 1)).count_ones() as usize;
    let singles = [plan.records, plan.envelopes, plan.identity, plan.payload].map(runs).iter().sum::<usize>();
    // A gap of up to three bytes and a length of one, in base64; whole classes are runs of frames and hardly count.
    singles * 6 + plan.classes.len() * 4
}

/// What goes of one segment.
#[derive(Default)]
struct OfSegment {
    frames: Vec<Decided>,
    waiting: u64,
}

/// Decides for all frames, in as many threads as there are cores.
fn decide(view: &View, segments: &[SegmentFacts], rules: &Rules) -> Result<Vec<OfSegment>> {
    let jobs: Vec<(usize, Range<usize>)> = (0..).zip(segments).flat_map(|(at, segment)| chunks(at, segment)).collect();
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, OfSegment)>> {
        let mut done = Vec::new();
        while let Some((at, frames)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let job = next_id(segments, *at);
            done.push((*at, decide_frames(view, job, frames.clone(), rules)?));
        }
        Ok(done)
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len().max(1));
    let results: Vec<Result<Vec<(usize, OfSegment)>>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let joined = workers.into_iter().map(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err(Error::Option { option: "purge", problem: "a thread died".to_owned() }))
        });
        joined.chain(std::iter::once(own)).collect()
    });
    let mut list: Vec<OfSegment> = segments.iter().map(|_| OfSegment::default()).collect();
    for result in results {
        for (at, part) in result? {
            if let Some(whole) = list.get_mut(at) {
                whole.frames.extend(part.frames);
                whole.waiting += part.waiting;
            }
        }
    }
    for segment in &mut list {
        segment.frames.sort_unstable_by_key(|frame| frame.descriptor.frame_no);
    }
    Ok(list)
}

fn next_id(segments: &[SegmentFacts], at: usize) -> u64 {
    segments.get(at).map_or(u64::MAX, |segment| segment.id)
}

fn chunks(at: usize, segment: &SegmentFacts) -> impl Iterator<Item = (usize, Range<usize>)> + use<> {
    let frames = segment.frames as usize;
    (0..frames).step_by(CHUNK).map(move |start| (at, start..frames.min(start + CHUNK)))
}

fn decide_frames(view: &View, segment: u64, frames: Range<usize>, rules: &Rules) -> Result<OfSegment> {
    let mut done = OfSegment::default();
    view.survey(segment, frames, &mut |frame: &mut SurveyedFrame<'_>| -> Result<()> {
        if rules.unresolved_hold(frame.descriptor()).is_some() {
            // Frames of the log's own records alone have nothing that could go.
            done.waiting += u64::from(frame.descriptor().classes.iter().any(|entry| entry.class != 0));
            return Ok(());
        }
        let descriptor = frame.descriptor().clone();
        let plan = rules.plan_frame(&descriptor, &mut Source(frame))?;
        if !plan.is_empty() {
            let gone = frame.removed()?;
            done.frames.push(Decided { descriptor, plan, gone });
        }
        Ok(())
    })?;
    Ok(done)
}

/// A frame as the rules ask for it.
struct Source<'a, 'b>(&'a mut SurveyedFrame<'b>);

impl PlanSource for Source<'_, '_> {
    type Error = Error;

    fn gone(&mut self) -> Result<[u128; GROUPS]> {
        Ok(self.0.removed()?)
    }

    fn records(&mut self) -> Result<Vec<Option<Record>>> {
        Ok(self.0.records()?)
    }
}

/// What a plan removes in figures, given what earlier plans removed from the same frames: for a DONE that is written after a crash.
pub(crate) fn counts_of(view: &View, plan: &Plan, earlier: &[Plan]) -> Result<Counts> {
    let mut counts = Counts::default();
    for segment in &plan.segments {
        view.survey(segment.id, 0..usize::MAX, &mut |frame: &mut SurveyedFrame<'_>| -> Result<()> {
            let descriptor = frame.descriptor().clone();
            let of_frame = plan.of_frame(&descriptor);
            if of_frame.is_empty() {
                return Ok(());
            }
            let mut gone = [0u128; GROUPS];
            for earlier in earlier {
                let removal = earlier.of_frame(&descriptor).removal(&descriptor);
                gone.iter_mut().enumerate().for_each(|(k, bits)| *bits |= removal.positions(k));
            }
            counts.add_frame(&Decided { descriptor, plan: of_frame, gone });
            Ok(())
        })?;
    }
    Ok(counts)
}

/// Every seq of which a plan removes the record, whole or in part, in the frames of a view.
pub(crate) fn removed_seqs(view: &View, plan: &Plan) -> Result<SeqSet> {
    let mut seqs = plan.records.union(&plan.envelopes);
    for segment in &plan.segments {
        view.survey(segment.id, 0..usize::MAX, &mut |frame: &mut SurveyedFrame<'_>| -> Result<()> {
            let descriptor = frame.descriptor();
            let of_frame = plan.of_frame(descriptor);
            let removal = of_frame.removal(descriptor);
            seqs.insert_window(descriptor.first_seq, removal.positions(0));
            Ok(())
        })?;
    }
    Ok(seqs)
}
