//! Bytes that must be refused: each is a good vector with one thing made wrong, its checksums made right again.
//!
//! Frames are in `refused_frames`.

use indelible_evidence::checkpoint::{Checkpoint, sign_checkpoint};
use indelible_evidence::key::SigningKey;
use indelible_evidence::merkle::empty_root;
use indelible_evidence::schema::Field;
use indelible_format::segment::{SegmentTrailer, encode_lookup};
use serde_json::{Value as Json, json};

use super::Vector;
use super::describe_file::terms_json;
use super::dump::hex;
use super::samples::{LOG_ID, UUID, full, key, minimal, transit};
use super::samples_file as files;
use super::samples_frame::Frame;

/// A vector that must be refused.
pub fn refused(
    name: &str,
    structure: &'static str,
    rule: &'static str,
    context: Json,
    bytes: Vec<u8>,
    about: &str,
) -> Vector {
    Vector { name: format!("refused/{name}"), structure, context, bytes, about: about.to_owned(), refuse: Some(rule) }
}

/// Bytes with some replaced.
fn patched(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out[at..at + new.len()].copy_from_slice(new);
    out
}

/// The same, and the CRC that ends a head of `head` bytes made right.
fn resealed(bytes: &[u8], at: usize, new: &[u8], head: usize) -> Vec<u8> {
    let out = patched(bytes, at, new);
    let crc = crc32fast::hash(&out[..head - 4]);
    patched(&out, head - 4, &crc.to_le_bytes())
}

/// Vectors of everything but frames that must be refused.
pub fn vectors() -> Vec<Vector> {
    [groups(), records(), descriptors(), heads(), terms(), lookups(), footers(), journals(), manifests(), notes()]
        .into_iter()
        .flatten()
        .collect()
}

fn groups() -> Vec<Vector> {
    let full = full(6, 2);
    let [envelope, identity, correlation, payload] = full.groups.slices();
    let text = |prefix: &[u8], bytes: &[u8]| [&[1], prefix, bytes].concat();
    let uuid_as_text = text(&[72], UUID.as_bytes());
    let extra = [identity, &[0]].concat();
    let cases: [(&str, &'static str, u8, Vec<u8>, &str); 14] = [
        ("rec-2-identity", "REC-2", 1, vec![0x80], "Group 1 has no field of bit 7."),
        ("rec-2-correlation", "REC-2", 2, patched(correlation, 0, &[0x1f]), "Group 2 has no field of bit 4."),
        ("rec-3", "REC-3", 1, extra, "A byte after the last value."),
        ("rec-4", "REC-4", 1, text(&[3], &[b'a'; 16]), "A text prefix that is odd and not 1."),
        ("rec-5", "REC-5", 1, uuid_as_text, "A lower-case UUID written as text."),
        ("rec-6", "REC-6", 1, text(&[4], &[0xc3, 0x28]), "Text that is not UTF-8."),
        ("rec-7-kind-0", "REC-7", 0, patched(envelope, 0, &[0]), "Kind 0."),
        ("rec-7-kind-14", "REC-7", 0, patched(envelope, 0, &[14]), "Kind 14."),
        ("rec-7-schema", "REC-7", 0, patched(envelope, 1, &[2]), "Schema 2."),
        ("conv-1-zero", "CONV-1", 1, text(&[0x82, 0x00], b"a"), "A varint that ends with a needless zero."),
        (
            "conv-1-large",
            "CONV-1",
            1,
            text(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], b""),
            "A varint of 65 bits.",
        ),
        ("conv-6-code", "CONV-6", 0, [&minimal(5).groups.group(0)[..10], &[0x10, 0]].concat(), "Severity 0."),
        ("conv-3-proof", "CONV-3", 3, patched(payload, 2, &[0x1f]), "A presence bit of a proof without a field."),
        ("conv-5-length", "CONV-5", 1, text(&[0xfe, 0xff, 0xff, 0xff, 0x0f], b"a"), "A text longer than what is left."),
    ];
    let vector = |(name, rule, k, bytes, about): (&str, &'static str, u8, Vec<u8>, &str)| {
        refused(&format!("group/{name}"), "group", rule, json!({"group": k}), bytes, about)
    };
    cases.into_iter().map(vector).collect()
}

fn records() -> Vec<Vector> {
    let good = transit(&minimal(5));
    // Lengths of groups 0 to 3 stand at 10 to 13: 11, 1, 1, 1.
    let with_lengths = |lengths: &[u8], groups: &[u8]| [&good[..10], lengths, groups].concat();
    let groups = &good[14..];
    let cases: [(&str, &'static str, Vec<u8>, &str); 4] = [
        ("rec-1", "REC-1", with_lengths(&[11, 1, 1, 0xf4, 0xff, 0x3f], groups), "Groups of 1,048,577 bytes together."),
        ("rec-9-empty", "REC-9", with_lengths(&[11, 0, 1, 1], &groups[1..]), "Group 1 has no bytes."),
        ("rec-9-short", "REC-9", with_lengths(&[10, 1, 1, 1], &groups[1..]), "Group 0 has ten bytes."),
        ("conv-5", "CONV-5", good[..good.len() - 1].to_vec(), "The last byte is missing."),
    ];
    let vector = |(name, rule, bytes, about): (&str, &'static str, Vec<u8>, &str)| {
        refused(&format!("record/{name}"), "record", rule, json!({"seq": 5}), bytes, about)
    };
    cases.into_iter().map(vector).collect()
}

fn descriptors() -> Vec<Vector> {
    let frame = Frame::whole(3, (1_000..1_003).map(super::samples::event).collect(), 0);
    let good = frame.descriptor.encode();
    let (first, second) = (120, 120 + 44);
    let swapped = [&good[..first], &good[second..], &good[first..second]].concat();
    let cases: [(&str, &'static str, Vec<u8>, &str); 8] = [
        ("conv-7", "CONV-7", patched(&good, 0, &[2]), "Format version 2."),
        ("com-1-suite", "COM-1", patched(&good, 2, &[2]), "Suite 2."),
        ("com-1-length", "COM-1", [&good[..], &[0]].concat(), "A byte after the class table."),
        ("com-2-order", "COM-2", swapped, "Classes do not ascend."),
        ("com-2-count", "COM-2", patched(&good, first + 2, &[1]), "A count that is not the bitmap's."),
        ("com-2-overlap", "COM-2", patched(&good, second + 2, &[2, 0, 0b011]), "A position with two classes."),
        ("com-2-cover", "COM-2", patched(&good, 6, &[4]), "A position without a class."),
        ("conv-6", "CONV-7", vec![0; good.len()], "Zeros."),
    ];
    let vector = |(name, rule, bytes, about): (&str, &'static str, Vec<u8>, &str)| {
        refused(&format!("descriptor/{name}"), "descriptor", rule, json!({}), bytes, about)
    };
    cases.into_iter().map(vector).collect()
}

/// Fixed heads: magic, version, checksum, reserved bytes.
fn heads() -> Vec<Vector> {
    let segment = files::segment();
    let (header, journal) = (files::segment_header().encode(), files::journal_header().encode());
    let block = &segment.bytes[128..segment.bytes.len() - SegmentTrailer::SIZE];
    let block = &block[..32 + u32::from_le_bytes(block[16..20].try_into().expect("four bytes")) as usize];
    let trailer = &segment.bytes[segment.bytes.len() - SegmentTrailer::SIZE..];
    let live = super::samples_file::vectors().into_iter().find(|vector| vector.name == "live/live");
    let live = live.expect("a live file").bytes;
    let mut out = Vec::new();
    for (structure, good, size) in [("segment_header", &header, 128), ("journal_header", &journal, 64)] {
        let mut add = |name: &str, rule, bytes, about: &str| {
            out.push(refused(
                &format!("{}/{name}", structure.replace('_', "-")),
                structure,
                rule,
                json!({}),
                bytes,
                about,
            ));
        };
        let flags = if size == 128 { 12 } else { 10 };
        add("conv-3-flags", "CONV-3", resealed(good, flags, &[2], size), "A flag that does not exist.");
        add("conv-3-reserved", "CONV-3", resealed(good, size - 5, &[1], size), "A reserved byte is not zero.");
        add("conv-5", "CONV-5", patched(good, 33, &[9]), "A byte changed, the CRC not.");
        add("conv-6", "CONV-6", vec![0; size], "Zeros.");
        add("conv-7", "CONV-7", resealed(good, 8, &[2], size), "Format version 2.");
    }
    let zero = resealed(&journal, 32, &[0; 8], 64);
    out.push(refused(
        "journal-header/conv-6-incarnation",
        "journal_header",
        "CONV-6",
        json!({}),
        zero,
        "Incarnation 0.",
    ));
    let mut add = |name: &str, structure: &'static str, rule, bytes, about: &str| {
        out.push(refused(name, structure, rule, json!({"encrypted": 0}), bytes, about));
    };
    add("block/conv-3", "block", "CONV-3", resealed(block, 6, &[1], 32), "A reserved byte is not zero.");
    add("block/conv-4", "block", "CONV-4", resealed(block, 4, &[7], 32), "A block of kind 7.");
    add("block/conv-5-head", "block", "CONV-5", patched(block, 8, &[1]), "A byte of the header changed.");
    add("block/conv-5-payload", "block", "CONV-5", patched(block, 40, &[0xee]), "A byte of the payload changed.");
    add(
        "block/seg-1",
        "block",
        "SEG-1",
        resealed(block, 16, &(16u32 << 20 | 1).to_le_bytes(), 32),
        "16 MiB and a byte.",
    );
    add("trailer/conv-5", "trailer", "CONV-5", patched(trailer, 0, &[trailer[0] ^ 1]), "A changed offset.");
    add("trailer/conv-6", "trailer", "CONV-6", vec![0; 16], "Zeros.");
    add("live/conv-5", "live", "CONV-5", patched(&live, 40, &[1]), "Half written.");
    add("live/conv-3", "live", "CONV-3", resealed(&live, 56, &[1], 64), "A reserved byte is not zero.");
    out
}

fn terms() -> Vec<Vector> {
    let page = |compression: u8, sections: &[(u8, u32, u32)], raw_length: usize, data: &[u8]| {
        let mut out = vec![1, compression];
        out.extend_from_slice(&(sections.len() as u16).to_le_bytes());
        out.extend_from_slice(&(raw_length as u32).to_le_bytes());
        for (field, first, count) in sections {
            out.extend_from_slice(&[*field, 0, 0, 0]);
            out.extend_from_slice(&first.to_le_bytes());
            out.extend_from_slice(&count.to_le_bytes());
        }
        out.extend_from_slice(data);
        out
    };
    let long = files::long_page().0;
    let packed = long.encode(1).expect("a page");
    let (workspace, action, reason) = (Field::WORKSPACE.id(), Field::ACTION.id(), Field::REASON.id());
    let two = b"\x02a\x02b";
    let cases: [(&str, &'static str, Vec<u8>, &str); 9] = [
        ("seg-4-order", "SEG-4", page(0, &[(action, 0, 1), (workspace, 0, 1)], 4, two), "Sections do not ascend."),
        ("seg-4-first", "SEG-4", page(0, &[(workspace, 1, 2)], 4, two), "A first ordinal that does not go on."),
        ("seg-4-twice", "SEG-4", page(0, &[(workspace, 0, 2)], 4, b"\x02a\x02a"), "A term that appears twice."),
        ("seg-4-empty", "SEG-4", page(0, &[(workspace, 0, 0)], 0, b""), "A section without terms."),
        ("seg-9-field", "SEG-9", page(0, &[(reason, 0, 2)], 4, two), "A field without terms."),
        ("seg-9-left", "SEG-9", page(0, &[(workspace, 0, 1)], 4, two), "Data left over."),
        ("seg-10-trailing", "SEG-10", [&packed[..], &[0]].concat(), "A byte after the zstd frame."),
        ("seg-10-length", "SEG-10", patched(&packed, 4, &[packed[4] ^ 1]), "Another raw length than the data has."),
        ("conv-5", "CONV-5", page(0, &[(workspace, 0, 1 << 20)], 4, two), "More terms than there are bytes."),
    ];
    let vector = |(name, rule, bytes, about): (&str, &'static str, Vec<u8>, &str)| {
        refused(&format!("term-page/{name}"), "term_page", rule, json!({"terms": {}}), bytes, about)
    };
    cases.into_iter().map(vector).collect()
}

fn lookups() -> Vec<Vector> {
    let segment = files::segment();
    let context = json!({"terms": terms_json(&segment.terms).expect("texts")});
    let sorted = segment.terms.sorted_ordinals(Field::ACTION);
    let good = encode_lookup(Field::ACTION, &sorted);
    let mut reversed = sorted.clone();
    reversed.reverse();
    let mut twice = sorted.clone();
    twice[0] = twice[1];
    let width = good[3];
    let last = good.len() - 1;
    assert!(!(sorted.len() * usize::from(width)).is_multiple_of(8), "the last byte has unused bits");
    let cases: [(&str, &'static str, Vec<u8>, &str); 5] = [
        ("seg-6-order", "SEG-6", encode_lookup(Field::ACTION, &reversed), "Not in the order of the texts."),
        ("seg-6-twice", "SEG-6", encode_lookup(Field::ACTION, &twice), "An ordinal twice."),
        ("seg-6-width", "SEG-6", patched(&good, 3, &[width + 1]), "A width that is not the smallest."),
        ("conv-2", "CONV-2", patched(&good, last, &[good[last] | 0x80]), "An unused bit is set."),
        ("conv-7", "CONV-7", patched(&good, 0, &[2]), "Version 2."),
    ];
    let vector = |(name, rule, bytes, about): (&str, &'static str, Vec<u8>, &str)| {
        refused(&format!("lookup/{name}"), "lookup", rule, context.clone(), bytes, about)
    };
    cases.into_iter().map(vector).collect()
}

fn footers() -> Vec<Vector> {
    let good = files::segment().footer.encode();
    let (one, two) = (96..96 + 72, 96 + 72..96 + 144);
    let swapped = [&good[..96], &good[two], &good[one], &good[96 + 144..]].concat();
    let cases: [(&str, &'static str, Vec<u8>, &str); 4] = [
        ("seg-5-order", "SEG-5", swapped, "Frame entries do not ascend."),
        ("conv-3", "CONV-3", patched(&good, 20, &[1]), "A reserved byte is not zero."),
        ("conv-5", "CONV-5", patched(&good, 12, &[0, 0, 0, 0x10]), "More entries than there are bytes."),
        ("conv-7", "CONV-7", patched(&good, 0, &[2]), "Version 2."),
    ];
    let vector = |(name, rule, bytes, about): (&str, &'static str, Vec<u8>, &str)| {
        refused(&format!("footer/{name}"), "footer", rule, json!({}), bytes, about)
    };
    cases.into_iter().map(vector).collect()
}

fn journals() -> Vec<Vector> {
    let (file, [first, second, mark]) = files::journal();
    let (one, two, close) = (&file[first..second], &file[second..mark], &file[mark..]);
    let base = json!({"log_id": hex(&LOG_ID.0), "incarnation": 1, "file_no": 1});
    let with = |name: &str, value: Json| {
        let mut context = base.clone();
        context[name] = value;
        context
    };
    let head = |bytes: &[u8], at: usize, new: &[u8]| resealed(bytes, at, new, 96);
    let crc_of_one = u32::from_le_bytes(one[92..96].try_into().expect("four bytes"));
    let cases: [(&str, &'static str, Json, Vec<u8>, &str); 15] = [
        ("jrn-1-length", "JRN-1", base.clone(), head(one, 44, &(16u32 << 20 | 1).to_le_bytes()), "16 MiB and a byte."),
        ("jrn-1-count", "JRN-1", base.clone(), head(one, 40, &65_537u32.to_le_bytes()), "65,537 records."),
        ("jrn-2", "JRN-2", with("first_seq", json!(3)), two.to_vec(), "Seq 2 where 3 is next."),
        ("jrn-3-incarnation", "JRN-3", with("incarnation", json!(2)), one.to_vec(), "A group of another incarnation."),
        ("jrn-3-log", "JRN-3", with("log_id", json!("00".repeat(16))), one.to_vec(), "A group of another log."),
        ("jrn-6-more", "JRN-6", base.clone(), head(one, 40, &[1]), "Records left over."),
        (
            "jrn-6-none",
            "JRN-6",
            base.clone(),
            head(&head(&head(one, 40, &[0]), 44, &[0; 4]), 52, &[0; 4])[..96].to_vec(),
            "A group without records.",
        ),
        ("jrn-7-durable", "JRN-7", base.clone(), head(one, 56, &[1]), "durable_to above first_seq."),
        (
            "jrn-7-mark",
            "JRN-7",
            base.clone(),
            head(close, 56, &[7]),
            "A close mark whose durable_to is not its first_seq.",
        ),
        ("jrn-7-mark-count", "JRN-7", base.clone(), head(close, 40, &[1]), "A close mark with a count."),
        ("jrn-8", "JRN-8", with("previous_crc", json!(crc_of_one ^ 1)), two.to_vec(), "It names another group before."),
        ("conv-3", "CONV-3", base.clone(), head(one, 72, &[1]), "A reserved byte is not zero."),
        ("conv-5-head", "CONV-5", base.clone(), patched(one, 64, &[1]), "A byte of the header changed."),
        ("conv-5-payload", "CONV-5", base.clone(), patched(one, 100, &[0xee]), "A byte of the payload changed."),
        ("conv-4", "CONV-4", base.clone(), head(one, 4, &[3]), "A group of kind 3."),
    ];
    let vector = |(name, rule, context, bytes, about): (&str, &'static str, Json, Vec<u8>, &str)| {
        refused(&format!("journal-group/{name}"), "journal_group", rule, context, bytes, about)
    };
    let mut out: Vec<Vector> = cases.into_iter().map(vector).collect();
    let after = [&file[..], close].concat();
    out.push(refused("journal/jrn-4", "journal", "JRN-4", json!({}), after, "A second close mark."));
    let lost = [&file[..first], two, close].concat();
    out.push(refused("journal/jrn-2", "journal", "JRN-2", json!({}), lost, "The first group is missing."));
    let (sealed, context) = files::sealed_group();
    let mut moved = context;
    moved["offset"] = json!(128);
    out.push(refused(
        "journal-group/enc-1",
        "journal_group",
        "ENC-1",
        moved,
        sealed,
        "A sealed group at another offset.",
    ));
    out
}

fn manifests() -> Vec<Vector> {
    let good = files::manifest(true).encode().expect("a manifest");
    let origin_at = 24 + 16 + 8;
    // Offsets from the end: the one segment entry has 165 bytes, its count stands before it.
    let entry = good.len() - (8 + 4 + 1 + 40 + 32 + 64);
    let body = |body: &[u8]| {
        let mut head = good[..24].to_vec();
        head[12..16].copy_from_slice(&(body.len() as u32).to_le_bytes());
        head[16..20].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
        [&resealed(&head, 0, &[], 24)[..], body].concat()
    };
    let change = |at: usize, new: &[u8]| body(&patched(&good, at, new)[24..]);
    let closed_at = entry - 8 - 16 - 32 - 1;
    let cases: [(&str, &'static str, Vec<u8>, &str); 13] = [
        ("man-1-seq", "MAN-1", change(entry + 13, &[1]), "The first segment begins at seq 1."),
        ("man-1-state", "CONV-4", change(entry + 12, &[3]), "A segment state that does not exist."),
        ("man-2-body", "MAN-2", body(&[&good[24..], &[0]].concat()), "A byte after the list, inside the body."),
        ("man-2-file", "MAN-2", [&good[..], &[0]].concat(), "A byte after the body."),
        ("man-4-next", "MAN-4", change(entry - 16, &[1]), "next_segment is taken."),
        ("man-4-revision", "MAN-4", change(closed_at - 16, &[0]), "Revision 0."),
        ("man-4-frames", "MAN-4", change(closed_at + 25, &[3]), "Other frames than the segments'."),
        ("man-4-journal", "MAN-4", change(closed_at + 1, &[0]), "journal_no below journal_first."),
        ("conv-4-option", "CONV-4", change(closed_at, &[2]), "An option byte that is neither 0 nor 1."),
        ("conv-4-origin", "CONV-4", change(origin_at, &[0xff]), "An origin that is not UTF-8."),
        ("conv-5-body", "CONV-5", patched(&good, 30, &[0]), "A byte of the body changed."),
        ("conv-3", "CONV-3", resealed(&good, 10, &[1], 24), "A reserved byte is not zero."),
        ("conv-7", "CONV-7", resealed(&good, 8, &[2], 24), "Format version 2."),
    ];
    let vector = |(name, rule, bytes, about): (&str, &'static str, Vec<u8>, &str)| {
        refused(&format!("manifest/{name}"), "manifest", rule, json!({}), bytes, about)
    };
    cases.into_iter().map(vector).collect()
}

fn notes() -> Vec<Vector> {
    let good = files::checkpoint();
    let verifier = key().verifier().to_string();
    let signature = good.lines().last().expect("a signature line");
    let other = SigningKey::generate([8; 32], "example.com/other").expect("an origin that is allowed");
    let head = Checkpoint { origin: "example.com/other".to_owned(), size: 0, root: empty_root() };
    let foreign = sign_checkpoint(&head, &other).expect("a head that may be signed");
    let cases: [(&str, &'static str, String, &str); 7] = [
        ("chk-1-origin", "CHK-1", foreign, "Another log's checkpoint."),
        ("chk-1-space", "CHK-1", good.replacen("example.com/log", "example.com log", 1), "An origin with a space."),
        ("chk-2-size", "CHK-2", good.replacen("\n2\n", "\n3\n", 1), "Another size than was signed."),
        ("chk-2-zero", "CHK-2", good.replacen("\n2\n", "\n02\n", 1), "A size with a leading zero."),
        ("chk-2-line", "CHK-2", good.replacen("\n\n", "\nextension\n\n", 1), "A fourth line."),
        (
            "chk-2-unsigned",
            "CHK-2",
            good.replacen(signature, "\u{2014} witness.example/w1 AAAAAAECAwQF", 1),
            "No line of the log's key.",
        ),
        ("chk-2-end", "CHK-2", good.trim_end().to_owned(), "The last line is not ended."),
    ];
    let vector = |(name, rule, note, about): (&str, &'static str, String, &str)| {
        let context = json!({"key": verifier});
        refused(&format!("checkpoint/{name}"), "checkpoint", rule, context, note.into_bytes(), about)
    };
    let mut out: Vec<Vector> = cases.into_iter().map(vector).collect();
    let mut add = |name: &str, text: String, about: &str| {
        out.push(refused(&format!("log-pub/{name}"), "verifier_key", "CHK-4", json!({}), text.into_bytes(), about));
    };
    let id = hex(&key().verifier().id());
    add("chk-4-id", format!("{}\n", verifier.replacen(&id, "00000000", 1)), "A key id that is not the key's.");
    add("chk-4-end", verifier.clone(), "No line feed.");
    out
}
