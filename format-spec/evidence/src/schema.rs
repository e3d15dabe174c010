//! Record schema 1: which fields exist, in which group, of which type, and how the index knows them.
//!
//! The one declaration that record codec, frame columns, index and query agree on; `format-spec/01-record.md` shows the
//! same table and a test compares the two. The engine knows these columns and nothing else of the audit domain.

/// How a field's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// One byte, not zero.
    Code,
    /// UTF-8 text, or a UUID in 16 bytes.
    Text,
    /// Bytes of any kind.
    Bytes,
    /// A proof of a side effect.
    Proof,
}

/// How the index knows a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Not indexed.
    None,
    /// By ordinal of its value in the segment's term pages.
    Terms,
    /// By its code.
    Codes,
    /// By a fingerprint of its value, the match checked on the record.
    Fingerprints,
}

/// A field of the record schema, by id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Field(u8);

/// What the schema says of a field.
#[derive(Debug)]
pub struct FieldSpec {
    /// Name in the specification, in filters and in output.
    pub name: &'static str,
    /// Group 0 to 3; `None` for the record kind, which stands in the envelope's head.
    pub group: Option<u8>,
    /// Presence bit in its group.
    pub bit: u8,
    /// How the value is written.
    pub field_type: FieldType,
    /// How the index knows it.
    pub column: Column,
}

macro_rules! fields {
    ($($id:literal $const_name:ident $name:literal $group:expr, $bit:literal, $ty:ident, $column:ident;)*) => {
        impl Field {
            $(#[doc = concat!("Field `", $name, "`.")] pub const $const_name: Field = Field($id);)*
        }
        /// Every field's specification; the index is the field id.
        pub const FIELDS: &[FieldSpec] = &[$(FieldSpec {
            name: $name, group: $group, bit: $bit, field_type: FieldType::$ty, column: Column::$column,
        }),*];
    };
}

fields! {
    0 WORKSPACE "workspace" Some(0), 0, Text, Terms;
    1 LANE "lane" Some(0), 1, Text, Terms;
    2 SERVICE "service" Some(0), 2, Text, Terms;
    3 ACTION "action" Some(0), 3, Text, Terms;
    4 SEVERITY "severity" Some(0), 4, Code, Codes;
    5 OUTCOME "outcome" Some(0), 5, Code, Codes;
    6 ACTOR_TYPE "actor_type" Some(0), 6, Code, Codes;
    7 TARGET_TYPE "target_type" Some(0), 7, Text, Terms;
    8 ACTOR_ID "actor_id" Some(1), 0, Text, Terms;
    9 ACTOR_NAME "actor_name" Some(1), 1, Text, None;
    10 ACTOR_ROLE "actor_role" Some(1), 2, Text, None;
    11 ACTOR_IP "actor_ip" Some(1), 3, Text, None;
    12 AUTH_METHOD "auth_method" Some(1), 4, Text, None;
    13 TARGET_ID "target_id" Some(1), 5, Text, Terms;
    14 SESSION "session" Some(1), 6, Text, Terms;
    15 EVENT_ID "event_id" Some(2), 0, Text, Fingerprints;
    16 CORRELATION_ID "correlation_id" Some(2), 1, Text, Fingerprints;
    17 PARENT_ID "parent_id" Some(2), 2, Text, None;
    18 REQUEST_ID "request_id" Some(2), 3, Text, None;
    19 PROOF "proof" Some(3), 0, Proof, None;
    20 REASON "reason" Some(3), 1, Text, None;
    21 ERROR_CODE "error_code" Some(3), 2, Text, None;
    22 ERROR_MESSAGE "error_message" Some(3), 3, Text, None;
    23 METADATA "metadata" Some(3), 4, Text, None;
    24 ORIGINAL_FORMAT "original_format" Some(3), 5, Text, None;
    25 ORIGINAL "original" Some(3), 6, Bytes, None;
    26 KIND "kind" None, 0, Code, Codes;
}

/// Number of fields.
pub const FIELD_COUNT: usize = FIELDS.len();

impl Field {
    /// The field with this id, if there is one.
    pub const fn from_id(id: u8) -> Option<Field> {
        if (id as usize) < FIELDS.len() { Some(Field(id)) } else { None }
    }

    /// The field with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Field> {
        FIELDS.iter().position(|spec| spec.name == name).map(|id| Field(id as u8))
    }

    /// Id in the specification.
    pub const fn id(self) -> u8 {
        self.0
    }

    /// What the schema says of it.
    pub const fn spec(self) -> &'static FieldSpec {
        &FIELDS[self.0 as usize]
    }

    /// Name in the specification.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }

    /// All fields, ascending by id.
    pub fn all() -> impl Iterator<Item = Field> {
        (0..FIELD_COUNT as u8).map(Field)
    }

    /// The fields the index knows, ascending by id.
    pub fn indexed() -> impl Iterator<Item = Field> {
        Self::all().filter(|field| field.spec().column != Column::None)
    }

    /// The fields of a group, ascending by presence bit.
    pub fn of_group(group: u8) -> impl Iterator<Item = Field> {
        Self::all().filter(move |field| field.spec().group == Some(group))
    }

    /// The field of a group with this presence bit, if there is one.
    pub const fn at_bit(group: u8, bit: u8) -> Option<Field> {
        if group as usize >= AT_BIT.len() || bit >= 8 {
            return None;
        }
        AT_BIT[group as usize][bit as usize]
    }

    /// Whether term pages may have a section of the field: one with terms, or metadata, whose texts are cut into terms.
    pub fn has_pages(self) -> bool {
        self.has_terms() || self == Field::METADATA
    }

    /// Whether the field's values live in term pages.
    pub fn has_terms(self) -> bool {
        self.spec().field_type == FieldType::Text && matches!(self.spec().group, Some(0 | 1))
    }
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Fields by group and presence bit, for readers that meet them by the million.
const AT_BIT: [[Option<Field>; 8]; 4] = {
    let mut table = [[None; 8]; 4];
    let mut id = 0;
    while id < FIELD_COUNT {
        if let Some(group) = FIELDS[id].group {
            table[group as usize][FIELDS[id].bit as usize] = Some(Field(id as u8));
        }
        id += 1;
    }
    table
};

/// Record kinds of schema 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// What a caller emitted.
    Event = 1,
    /// First record of a log.
    Genesis = 2,
    /// A key added or retired.
    Key = 3,
    /// Class schedule.
    Schedule = 4,
    /// Retention policy.
    Policy = 5,
    /// Legal hold placed or released.
    Hold = 6,
    /// Later matches of an open hold.
    HoldExtend = 7,
    /// Events lost by explicit choice.
    Gap = 8,
    /// What a recovery found and cut.
    Recovery = 9,
    /// A deletion about to happen.
    Intent = 10,
    /// A deletion that happened.
    Done = 11,
    /// Who read the log.
    Access = 12,
    /// Something signed was lost, and the log went on all the same.
    Loss = 13,
    /// A deletion that was announced and will not be carried out.
    Abandon = 15,
}

impl Kind {
    /// Every kind with its name in the specification.
    pub const ALL: &[(Kind, &str)] = &[
        (Kind::Event, "event"),
        (Kind::Genesis, "genesis"),
        (Kind::Key, "key"),
        (Kind::Schedule, "schedule"),
        (Kind::Policy, "policy"),
        (Kind::Hold, "hold"),
        (Kind::HoldExtend, "hold_extend"),
        (Kind::Gap, "gap"),
        (Kind::Recovery, "recovery"),
        (Kind::Intent, "intent"),
        (Kind::Done, "done"),
        (Kind::Access, "access"),
        (Kind::Loss, "loss"),
        (Kind::Abandon, "abandon"),
    ];

    /// The kind with this code, if schema 1 has it.
    pub fn from_code(code: u8) -> Option<Kind> {
        // Every envelope that is read comes through here; nearly all are events, which the list begins with.
        Self::ALL.iter().map(|&(kind, _)| kind).find(|&kind| kind as u8 == code)
    }

    /// Name in the specification.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|&&(kind, _)| kind == self).map_or("", |&(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_at_its_group_and_bit() {
        for group in 0..6 {
            for bit in 0..10 {
                let found = Field::of_group(group).find(|field| field.spec().bit == bit);
                assert_eq!(Field::at_bit(group, bit), found, "group {group}, bit {bit}");
            }
        }
    }

    #[test]
    fn kinds_are_listed_in_order_of_their_codes() {
        assert!(Kind::ALL.is_sorted_by(|(a, _), (b, _)| (*a as u8) < *b as u8));
        for code in 0..=u8::MAX {
            let listed = Kind::ALL.iter().find(|&&(kind, _)| kind as u8 == code).map(|&(kind, _)| kind);
            assert_eq!(Kind::from_code(code), listed, "kind {code}");
        }
        assert_eq!((Kind::from_code(0), Kind::from_code(14), Kind::from_code(15)), (None, None, Some(Kind::Abandon)));
    }
}
