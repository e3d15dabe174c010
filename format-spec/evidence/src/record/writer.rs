//! Writes the four groups of a record into a buffer, field by field in the schema's order.
//!
//! One pass, no allocation beyond the buffer's: presence bytes are patched in place. The caller must give fields ascending
//! by id; that is checked, because a wrong order would make bytes that no reader accepts.

use super::{GROUPS, SCHEMA, put_text};
use crate::bytes::put_varint;
use crate::schema::{Field, Kind};

/// Writes one record's groups behind what the buffer already holds.
#[derive(Debug)]
pub struct GroupsWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    ends: [u32; GROUPS],
    group: usize,
    presence_at: usize,
    next_field: u8,
}

impl<'a> GroupsWriter<'a> {
    /// Begins a record of `kind` whose caller claims it happened at `occurred_at` (ns since 1970).
    pub fn new(out: &'a mut Vec<u8>, kind: Kind, occurred_at: i64) -> Self {
        let start = out.len();
        out.push(kind as u8);
        out.push(SCHEMA);
        out.extend_from_slice(&occurred_at.to_le_bytes());
        let presence_at = out.len();
        out.push(0);
        Self { out, start, ends: [0; GROUPS], group: 0, presence_at, next_field: 0 }
    }

    /// Appends a code; the caller guarantees that it is not zero.
    pub fn code(&mut self, field: Field, code: u8) {
        debug_assert_ne!(code, 0, "code 0 is never valid");
        self.begin(field);
        self.out.push(code);
    }

    /// Appends a text.
    pub fn text(&mut self, field: Field, text: &str) {
        self.begin(field);
        put_text(self.out, text);
    }

    /// Appends a text where there is one.
    pub fn optional(&mut self, field: Field, text: Option<&str>) {
        if let Some(text) = text {
            self.text(field, text);
        }
    }

    /// Appends bytes.
    pub fn bytes(&mut self, field: Field, bytes: &[u8]) {
        self.begin(field);
        put_varint(self.out, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    /// Appends a proof: kind code (not zero), data, url, hash, captured-at.
    pub fn proof(&mut self, kind: u8, texts: [Option<&str>; 3], captured_at: Option<i64>) {
        debug_assert_ne!(kind, 0, "code 0 is never valid");
        self.begin(Field::PROOF);
        let mut presence = u8::from(captured_at.is_some()) << 3;
        for (bit, text) in texts.iter().enumerate() {
            presence |= u8::from(text.is_some()) << bit;
        }
        self.out.push(kind);
        self.out.push(presence);
        for text in texts.into_iter().flatten() {
            put_text(self.out, text);
        }
        if let Some(at) = captured_at {
            self.out.extend_from_slice(&at.to_le_bytes());
        }
    }

    /// Ends the record; returns where each group ends, counted from the record's first byte.
    pub fn finish(mut self) -> [u32; GROUPS] {
        while self.group < GROUPS - 1 {
            self.next_group();
        }
        self.ends[GROUPS - 1] = (self.out.len() - self.start) as u32;
        self.ends
    }

    fn next_group(&mut self) {
        self.ends[self.group] = (self.out.len() - self.start) as u32;
        self.group += 1;
        self.presence_at = self.out.len();
        self.out.push(0);
    }

    fn begin(&mut self, field: Field) {
        assert!(field.id() >= self.next_field, "fields must ascend: {field:?}");
        self.next_field = field.id() + 1;
        let spec = field.spec();
        while self.group < usize::from(spec.group.unwrap_or(0)) {
            self.next_group();
        }
        if let Some(presence) = self.out.get_mut(self.presence_at) {
            *presence |= 1 << spec.bit;
        }
    }
}
