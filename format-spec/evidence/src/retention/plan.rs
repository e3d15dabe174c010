//! The plan of a deletion: what it removes, under which policies and holds, from which segments.
//!
//! ```text
//! {"at","policies":[{"name","version"}],"holds":[{"name","through"}],
//!  "segments":[{"id","generation","first_frame","frames","bytes"}],
//!  "classes":[{"class","group","frames"}],"records","envelopes","groups":[{"group","seqs"}]}
//! ```
//!
//! Invariants of a parsed plan ([RET-6]): every list ascends without repeats, no set in a list is empty, class 0 is not named,
//! groups of single records are 1 or 3, segments do not overlap. What it removes is what this deletion removes and nothing
//! that was gone before. Not here: whether it may (`rules`), who signed it (`intent`).

use super::json::{Object, ObjectWriter};
use super::policy::take_name;
use super::rules::FramePlan;
use super::seqset::SeqSet;
use crate::descriptor::Descriptor;
use crate::error::FormatError;
use crate::record::GROUPS;

const NAME: &str = "deletion plan";

/// What a deletion removes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The time that durations count back from: whole seconds since 1970.
    pub at: u64,
    /// Policies in force: name and version, ascending by name.
    pub policies: Vec<(String, u32)>,
    /// Open holds: name and through, ascending by name.
    pub holds: Vec<(String, u64)>,
    /// Segments that are written again, ascending.
    pub segments: Vec<PlannedSegment>,
    /// Whole classes of frames, ascending by class and group.
    pub classes: Vec<ClassFrames>,
    /// Seqs of records that go on their own and leave a closed stub.
    pub records: SeqSet,
    /// Seqs of records that go on their own but for group 0, because a policy's filter decided.
    pub envelopes: SeqSet,
    /// Seqs of records that stay and lose group 1.
    pub identity: SeqSet,
    /// Seqs of records that stay and lose group 3.
    pub payload: SeqSet,
}

/// A segment that a deletion writes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedSegment {
    /// Id of the segment.
    pub id: u64,
    /// Generation of the new file.
    pub generation: u32,
    /// Its first frame.
    pub first_frame: u64,
    /// Its frames.
    pub frames: u64,
    /// Bytes of the old file.
    pub bytes: u64,
}

/// Frames in which a whole class loses a group, or everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassFrames {
    /// Retention class, never 0.
    pub class: u16,
    /// 1 to 3: this group; 0: the records with all groups.
    pub group: u8,
    /// Frame numbers.
    pub frames: SeqSet,
}

impl Plan {
    /// Whether it removes nothing.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.singles().iter().all(|set| set.is_empty())
    }

    /// How many classes of frames and parts of records it names.
    pub fn named(&self) -> u64 {
        let classes = self.classes.iter().map(|entry| entry.frames.len());
        classes.chain(self.singles().map(SeqSet::len)).fold(0, u64::saturating_add)
    }

    /// Sets of seqs: records, envelopes, identity, payload.
    fn singles(&self) -> [&SeqSet; 4] {
        [&self.records, &self.envelopes, &self.identity, &self.payload]
    }

    /// Adds what goes of one frame. Frames come ascending.
    pub fn add(&mut self, descriptor: &Descriptor, frame: &FramePlan) {
        for &(class, group) in &frame.classes {
            let at = match self.classes.binary_search_by_key(&(class, group), |entry| (entry.class, entry.group)) {
                Ok(at) => at,
                Err(at) => {
                    self.classes.insert(at, ClassFrames { class, group, frames: SeqSet::new() });
                    at
                }
            };
            if let Some(entry) = self.classes.get_mut(at) {
                entry.frames.insert(descriptor.frame_no);
            }
        }
        self.records.insert_window(descriptor.first_seq, frame.records);
        self.envelopes.insert_window(descriptor.first_seq, frame.envelopes);
        self.identity.insert_window(descriptor.first_seq, frame.identity);
        self.payload.insert_window(descriptor.first_seq, frame.payload);
    }

    /// What goes of one frame.
    pub fn of_frame(&self, descriptor: &Descriptor) -> FramePlan {
        let all = descriptor.all_positions();
        let of = |set: &SeqSet| set.window(descriptor.first_seq) & all;
        let named = self.classes.iter().filter(|entry| entry.frames.contains(descriptor.frame_no));
        FramePlan {
            classes: named.map(|entry| (entry.class, entry.group)).collect(),
            records: of(&self.records),
            envelopes: of(&self.envelopes),
            identity: of(&self.identity),
            payload: of(&self.payload),
        }
    }

    /// The segment of the plan in which a frame lies.
    pub fn segment_of(&self, frame_no: u64) -> Option<&PlannedSegment> {
        self.segments
            .iter()
            .find(|segment| frame_no.checked_sub(segment.first_frame).is_some_and(|offset| offset < segment.frames))
    }

    /// Reads a plan's text ([RET-1], [RET-6]).
    ///
    /// # Errors
    /// [`FormatError`] with the member that is wrong.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let mut object = Object::parse(NAME, text)?;
        let at = object.number("at")?;
        let policies = object.objects("policies", |policy| Ok((take_name(policy)?, policy.number("version")?)))?;
        let holds = object.objects("holds", |hold| Ok((take_name(hold)?, hold.number("through")?)))?;
        let plan = Self { at, policies, holds, ..Self::take_parts(&mut object)? };
        plan.check(&object)?;
        object.end()?;
        Ok(plan)
    }

    /// Reads what the plan removes: the members that an intent act has too.
    pub(crate) fn take_parts(object: &mut Object) -> Result<Self, FormatError> {
        let mut plan = Self {
            segments: object.objects("segments", take_segment)?,
            classes: object.objects("classes", |entry| {
                let (class, group) = (entry.number("class")?, entry.number("group")?);
                Ok(ClassFrames { class, group, frames: SeqSet::parse(&entry.text("frames")?)? })
            })?,
            records: SeqSet::parse(&object.text("records")?)?,
            envelopes: SeqSet::parse(&object.text("envelopes")?)?,
            ..Self::default()
        };
        let groups = object
            .objects("groups", |entry| Ok((entry.number::<u8>("group")?, SeqSet::parse(&entry.text("seqs")?)?)))?;
        if !groups.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(object.invalid("groups", "groups do not ascend"));
        }
        for (group, seqs) in groups {
            match group {
                _ if seqs.is_empty() => return Err(object.invalid("groups", "a set is empty")),
                1 => plan.identity = seqs,
                3 => plan.payload = seqs,
                _ => return Err(object.invalid("groups", "single records lose groups 1 or 3")),
            }
        }
        Ok(plan)
    }

    pub(crate) fn check(&self, object: &Object) -> Result<(), FormatError> {
        if i64::try_from(self.at).is_err() {
            return Err(object.invalid("at", "not a time"));
        }
        if !self.policies.is_sorted_by(|a, b| a.0 < b.0) || !self.holds.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(object.invalid("policies", "policies and holds ascend by name"));
        }
        let apart = |a: &PlannedSegment, b: &PlannedSegment| {
            a.id < b.id && a.first_frame.checked_add(a.frames).is_some_and(|end| end <= b.first_frame)
        };
        if !self.segments.is_sorted_by(apart) {
            return Err(object.invalid("segments", "segments ascend and do not overlap"));
        }
        if !self.classes.is_sorted_by(|a, b| (a.class, a.group) < (b.class, b.group)) {
            return Err(object.invalid("classes", "entries ascend by class and group"));
        }
        let wrong =
            |entry: &ClassFrames| entry.class == 0 || usize::from(entry.group) >= GROUPS || entry.frames.is_empty();
        if self.classes.iter().any(wrong) {
            return Err(object.invalid("classes", "class 0 is permanent, groups are 0 to 3, no set is empty"));
        }
        Ok(())
    }

    /// The plan's text.
    ///
    /// # Errors
    /// Where it is not a plan that [`Plan::parse`] gives back.
    pub fn encode(&self) -> Result<String, FormatError> {
        let named = |(name, number): (&String, String), member: &str| {
            ObjectWriter::new().text("name", name).raw(member, &number).end()
        };
        let policies = self.policies.iter().map(|(name, version)| named((name, version.to_string()), "version"));
        let holds = self.holds.iter().map(|(name, through)| named((name, through.to_string()), "through"));
        let writer = ObjectWriter::new().number("at", self.at).list("policies", policies).list("holds", holds);
        let text = self.put_parts(writer).end();
        super::hold::same(NAME, Self::parse(&text)? == *self, text)
    }

    /// Writes what [`Plan::take_parts`] reads.
    pub(crate) fn put_parts(&self, writer: ObjectWriter) -> ObjectWriter {
        let classes = self.classes.iter().map(|entry| {
            let writer = ObjectWriter::new().number("class", entry.class).number("group", entry.group);
            writer.text("frames", &entry.frames.to_text()).end()
        });
        let groups = [(1, &self.identity), (3, &self.payload)].into_iter().filter(|(_, seqs)| !seqs.is_empty());
        let groups =
            groups.map(|(group, seqs)| ObjectWriter::new().number("group", group).text("seqs", &seqs.to_text()).end());
        writer
            .list("segments", self.segments.iter().map(segment_text))
            .list("classes", classes)
            .text("records", &self.records.to_text())
            .text("envelopes", &self.envelopes.to_text())
            .list("groups", groups)
    }
}

fn take_segment(segment: &mut Object) -> Result<PlannedSegment, FormatError> {
    Ok(PlannedSegment {
        id: segment.number("id")?,
        generation: segment.number("generation")?,
        first_frame: segment.number("first_frame")?,
        frames: segment.number("frames")?,
        bytes: segment.number("bytes")?,
    })
}

fn segment_text(segment: &PlannedSegment) -> String {
    ObjectWriter::new()
        .number("id", segment.id)
        .number("generation", segment.generation)
        .number("first_frame", segment.first_frame)
        .number("frames", segment.frames)
        .number("bytes", segment.bytes)
        .end()
}
