//! One declaration per fixed layout: field offsets, the total size, and the table that the specification shows.
//!
//! ```text
//! layout! { LIVE_FILE: LiveFile { magic: 8, log_id: 16, ..., crc: 4 } }
//!   -> pub mod live_file-style constants are not generated; LIVE_FILE.size() and LIVE_FILE.offset("crc") are.
//! ```
//!
//! A test parses the tables of `format-spec/*.md` and compares them with [`ALL`]; so code and prose cannot drift apart.

/// A fixed layout: its name in the specification and its fields' names and sizes in order.
#[derive(Debug)]
pub struct Layout {
    /// As in the `layout` comment above the table.
    pub name: &'static str,
    /// Field name and size in bytes, in order, without gaps.
    pub fields: &'static [(&'static str, usize)],
}

impl Layout {
    /// Total bytes.
    pub const fn size(&self) -> usize {
        let mut sum = 0;
        let mut i = 0;
        while i < self.fields.len() {
            sum += self.fields[i].1;
            i += 1;
        }
        sum
    }

    /// Offset of the field at `index`: the running sum of the sizes before it.
    pub const fn offset_of(&self, index: usize) -> usize {
        let mut sum = 0;
        let mut i = 0;
        while i < index {
            sum += self.fields[i].1;
            i += 1;
        }
        sum
    }
}

/// Declares layouts as constants with their sizes checked while compiling, and `ALL`, the list of them.
#[macro_export]
macro_rules! layouts {
    ($($const_name:ident = $name:literal { $($field:ident : $size:literal),* $(,)? } = $total:literal;)*) => {
        $(
            #[doc = concat!("Layout `", $name, "`, ", stringify!($total), " bytes.")]
            pub const $const_name: $crate::layout::Layout = $crate::layout::Layout { name: $name, fields: &[$((stringify!($field), $size)),*] };
            const _: () = assert!($const_name.size() == $total, "layout sizes do not add up");
        )*
        /// Every layout declared here, for the test that compares them with the prose.
        pub const ALL: &[&$crate::layout::Layout] = &[$(&$const_name),*];
    };
}

layouts! {
    ENVELOPE_HEAD = "EnvelopeHead" { kind: 1, schema: 1, occurred_at: 8, presence: 1 } = 11;
    CLASS_ENTRY = "ClassEntry" { class: 2, count: 2, positions: 16, recorded_min: 8, recorded_max: 8, occurred_max: 8 } = 44;
    DESCRIPTOR_HEAD = "DescriptorHead" {
        version: 2, suite: 2, classes: 1, schema: 1, count: 2, log_id: 16, frame_no: 8, first_seq: 8,
        schedule_version: 4, key_epoch: 4, lost_events: 8, frame_root: 32, index_hash: 32,
    } = 120;
    BUNDLE_HEAD = "BundleHead" { magic: 8, version: 2, claim: 1, flags: 1, reserved: 4, log_id: 16 } = 32;
}
