//! Frames: up to 128 records as bit-packed columns and small compressed blocks, with what opens their commitments.
//!
//! ```text
//! D u32 | stored descriptor D | body (sealed in an encrypted log)
//! body = head 8 | salts part | column entry 8 x n | columns' data
//!
//! records -> FrameEncoder -> payload of a frame block -> FrameReader -> columns in place, one row, all records
//!                |                                            |
//!             TermSink (ordinals)                        TermSource (values)
//! ```
//!
//! Invariants: what decodes gives canonical group bytes; one row never inflates more than one small block a column; every
//! count is bounded by bytes at hand. [`FrameReader::open`] checks what random access needs; [`FrameReader::check`] the
//! rest of the strictness. Not here: whether the records hash to the frame root (`commit`), the block around the payload
//! and its checksum (`segment`). Specified in `format-spec/05-frame.md`.

mod arena;
mod blobs;
mod check;
mod columns;
mod cursor;
mod encode;
mod ids;
mod left;
mod read;
mod rows;
mod salts;
mod seal;
mod split;
mod template;
mod text_rows;
mod texts;
mod texts_builder;

pub use cursor::{FrameCursor, RowBuffers};
pub use encode::{BlockBytes, FrameEncoder, FrameOptions};
pub use ids::IdText;
pub use left::FramePruner;
pub use read::FrameReader;
pub use rows::FrameRows;
pub use seal::{encode_expired, read_descriptor, seal_frame};

/// Name of the structure in errors.
const NAME: &str = "frame body";
/// Version of the body.
const VERSION: u8 = 1;

/// Number of column slots: the schema's 27 fields and four of the frame's own.
const SLOTS: usize = 31;

/// A column by its slot: field ids as they are, then recorded-at, occurred-at, schema and payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Slot(u8);

impl Slot {
    const TEXTS: Slot = Slot(indelible_evidence::schema::Field::METADATA.id());
    const KIND: Slot = Slot(26);
    const RECORDED_AT: Slot = Slot(27);
    const OCCURRED_AT: Slot = Slot(28);
    const SCHEMA: Slot = Slot(29);
    const PAYLOAD: Slot = Slot(30);

    /// All slots in the directory's order.
    fn all() -> impl Iterator<Item = Slot> {
        (0..SLOTS as u8).map(Slot)
    }

    fn of(field: indelible_evidence::schema::Field) -> Slot {
        Slot(field.id())
    }

    /// Name for people.
    fn name(self) -> &'static str {
        match self {
            Slot::RECORDED_AT => "recorded_at",
            Slot::OCCURRED_AT => "occurred_at",
            Slot::SCHEMA => "schema",
            Slot::PAYLOAD => "payload",
            _ => indelible_evidence::schema::Field::from_id(self.0)
                .map_or("unknown", indelible_evidence::schema::Field::name),
        }
    }

    /// Code in the directory.
    fn code(self) -> u8 {
        if self.0 <= Slot::KIND.0 { self.0 } else { 0xf0 + (self.0 - Slot::RECORDED_AT.0) }
    }

    fn from_code(code: u8) -> Option<Slot> {
        match code {
            0..=26 => Some(Slot(code)),
            0xf0..=0xf3 => Some(Slot(Slot::RECORDED_AT.0 + (code - 0xf0))),
            _ => None,
        }
    }

    /// How its values are stored; `None` where a frame has no such column.
    fn shape(self) -> Option<Shape> {
        use indelible_evidence::schema::{Field, FieldType};
        match self {
            Slot::RECORDED_AT | Slot::OCCURRED_AT => return Some(Shape::Times),
            Slot::SCHEMA | Slot::KIND => return Some(Shape::Codes),
            Slot::PAYLOAD => return Some(Shape::Payload),
            Slot::TEXTS => return Some(Shape::Texts),
            _ => {}
        }
        let spec = Field::from_id(self.0)?.spec();
        match (spec.group, spec.field_type) {
            (Some(0), FieldType::Code) => Some(Shape::Codes),
            (Some(0 | 1), FieldType::Text) => Some(Shape::Terms),
            (Some(2), FieldType::Text) => Some(Shape::Ids),
            _ => None,
        }
    }

    /// The group whose fields the column holds; `None` for header values.
    fn group(self) -> Option<u8> {
        match self {
            Slot::RECORDED_AT => None,
            Slot::OCCURRED_AT | Slot::SCHEMA | Slot::KIND => Some(0),
            Slot::PAYLOAD => Some(3),
            _ => indelible_evidence::schema::Field::from_id(self.0)?.spec().group,
        }
    }

    /// Whether it has an entry wherever there are rows.
    fn is_mandatory(self) -> bool {
        matches!(self, Slot::KIND | Slot::RECORDED_AT | Slot::OCCURRED_AT | Slot::SCHEMA)
    }
}

/// Which encodings a column may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Encoding 1.
    Codes,
    /// Encoding 2.
    Times,
    /// Encoding 3.
    Terms,
    /// Encodings 4, 5, 6 and 8.
    Ids,
    /// Encoding 7.
    Payload,
    /// Encoding 9.
    Texts,
}

impl Shape {
    fn allows(self, encoding: u8) -> bool {
        match self {
            Shape::Codes => encoding == 1,
            Shape::Times => encoding == 2,
            Shape::Terms => encoding == 3,
            Shape::Ids => matches!(encoding, 4 | 5 | 6 | 8),
            Shape::Payload => encoding == 7,
            Shape::Texts => encoding == 9,
        }
    }
}

#[cfg(test)]
mod tests;
