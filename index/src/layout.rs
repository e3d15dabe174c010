//! Fixed layouts of a run payload, and the limits that keep every leaf within 16 KiB.
//!
//! ```text
//! RunHead 64 | LeafEntry 20 x leaves | leaves, one after the other without gaps
//! ```
//!
//! A test compares [`LAYOUTS`] with the tables of `format-spec/06-index-run.md`.

/// A fixed layout: its name in the specification and its fields' names and sizes in order.
#[derive(Debug)]
pub struct Layout {
    /// As in the `layout` comment above the table.
    pub name: &'static str,
    /// Field name and size in bytes, in order, without gaps.
    pub fields: &'static [(&'static str, usize)],
    /// Total bytes.
    pub size: usize,
}

/// Every layout of this chapter.
pub const LAYOUTS: [&Layout; 3] = [&RUN_HEAD, &LEAF_ENTRY, &ZONES_HEAD];

/// The head of a run's payload.
pub const RUN_HEAD: Layout = Layout {
    name: "RunHead",
    fields: &[
        ("version", 2),
        ("reserved", 2),
        ("first_ordinal", 4),
        ("positions", 4),
        ("rows", 4),
        ("leaves", 4),
        ("reserved2", 4),
        ("occurred_min", 8),
        ("occurred_max", 8),
        ("recorded_min", 8),
        ("recorded_max", 8),
        ("table_crc", 4),
        ("crc", 4),
    ],
    size: HEAD_BYTES,
};

/// One leaf in the leaf table.
pub const LEAF_ENTRY: Layout = Layout {
    name: "LeafEntry",
    fields: &[
        ("column", 1),
        ("kind", 1),
        ("keys", 2),
        ("first_key", 4),
        ("offset", 4),
        ("length", 2),
        ("count", 2),
        ("crc", 4),
    ],
    size: ENTRY_BYTES,
};

/// The head of a leaf of zones.
pub const ZONES_HEAD: Layout = Layout {
    name: "ZonesHead",
    fields: &[("occurred_base", 8), ("recorded_base", 8), ("widths", 6), ("reserved", 2)],
    size: ZONES_HEAD_BYTES,
};

const fn adds_up(layout: &Layout) -> bool {
    let mut sum = 0;
    let mut i = 0;
    while i < layout.fields.len() {
        sum += layout.fields[i].1;
        i += 1;
    }
    sum == layout.size
}
const _: () = assert!(adds_up(&RUN_HEAD) && adds_up(&LEAF_ENTRY) && adds_up(&ZONES_HEAD));

/// Version of the run's payload.
pub const RUN_VERSION: u16 = 1;
/// Most positions in a run.
pub const RUN_POSITIONS_MAX: usize = 1 << 16;
pub(crate) const HEAD_BYTES: usize = 64;
pub(crate) const ENTRY_BYTES: usize = 20;
pub(crate) const ZONES_HEAD_BYTES: usize = 24;
/// Most bytes in a leaf.
pub(crate) const LEAF_BYTES_MAX: usize = 16 << 10;
/// Most positions of a leaf that holds several keys.
pub(crate) const LEAF_ROWS_MAX: usize = 2048;
/// Most positions of a key that is written as a list; above it is a bitmap.
pub(crate) const LIST_ROWS_MAX: usize = 4096;
/// Most zones in a leaf.
pub(crate) const LEAF_ZONES_MAX: usize = 256;
/// Column of the leaf that says which positions have rows.
pub(crate) const ROWS_COLUMN: u8 = 0xFE;
/// Column of the leaves of zones.
pub(crate) const ZONES_COLUMN: u8 = 0xFF;

/// How a leaf is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeafKind {
    /// Many keys, positions by key as one monotone sequence.
    Lists,
    /// Many keys, nearly all with one position.
    Pairs,
    /// One key: a portable Roaring bitmap.
    Bitmap,
    /// Zones.
    Zones,
}

impl LeafKind {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Lists => 1,
            Self::Pairs => 2,
            Self::Bitmap => 3,
            Self::Zones => 4,
        }
    }

    pub(crate) fn of(code: u8) -> Option<Self> {
        [Self::Lists, Self::Pairs, Self::Bitmap, Self::Zones].into_iter().find(|kind| kind.code() == code)
    }
}

/// Which of the two forms a leaf of `count` positions under `keys` distinct keys takes: pairs where fewer than one key
/// in eight repeats, because a plain position is then shorter than its place in a sequence.
pub(crate) fn form_of(keys: usize, count: usize) -> LeafKind {
    if 8 * count < 9 * keys { LeafKind::Pairs } else { LeafKind::Lists }
}

/// An entry of the leaf table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeafEntry {
    pub column: u8,
    pub kind: LeafKind,
    /// Distinct keys, or zones.
    pub keys: u16,
    /// Smallest key, or position of the first zone.
    pub first_key: u32,
    /// From the start of the payload.
    pub offset: u32,
    pub length: u16,
    /// Rows, or positions of the zones: 1 to 65,536.
    pub count: u32,
    pub crc: u32,
}

impl LeafEntry {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend([self.column, self.kind.code()]);
        out.extend(self.keys.to_le_bytes());
        out.extend(self.first_key.to_le_bytes());
        out.extend(self.offset.to_le_bytes());
        out.extend(self.length.to_le_bytes());
        out.extend((self.count.saturating_sub(1) as u16).to_le_bytes());
        out.extend(self.crc.to_le_bytes());
    }

    /// The entry, or nothing where its kind does not exist.
    pub(crate) fn read(bytes: &[u8; ENTRY_BYTES]) -> Option<Self> {
        let [column, kind, k0, k1, f0, f1, f2, f3, o0, o1, o2, o3, l0, l1, c0, c1, r0, r1, r2, r3] = *bytes;
        Some(Self {
            column,
            kind: LeafKind::of(kind)?,
            keys: u16::from_le_bytes([k0, k1]),
            first_key: u32::from_le_bytes([f0, f1, f2, f3]),
            offset: u32::from_le_bytes([o0, o1, o2, o3]),
            length: u16::from_le_bytes([l0, l1]),
            count: u32::from(u16::from_le_bytes([c0, c1])) + 1,
            crc: u32::from_le_bytes([r0, r1, r2, r3]),
        })
    }
}
