//! Bundles that lie, each in one way, their checksums made right again: what every checker must refuse.

use indelible_evidence::bundle::{Bundle, Claim, Filter, Open, tree_proof};
use indelible_evidence::checkpoint::{Checkpoint, sign_checkpoint};
use indelible_evidence::key::SigningKey;
use indelible_evidence::record::{Groups, Record};
use indelible_evidence::schema::Field;

use super::sample::{ORIGIN, Sample};

/// A lie: a name, what is told, the bytes, the verifier key that the checker has.
pub struct Lie {
    pub name: &'static str,
    pub about: &'static str,
    pub bytes: Vec<u8>,
    pub key: String,
}

/// Seals changed bytes with a fresh CRC, as somebody who lies would.
pub fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len() - 4;
    let crc = crc32fast::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Fills in what follows from which frames are there: chain values and the log-tree proof.
pub fn refit(sample: &Sample, bundle: &mut Bundle) {
    let numbers: Vec<u64> = bundle.frames.iter().map(|frame| frame.descriptor.frame_no).collect();
    for (at, frame) in bundle.frames.iter_mut().enumerate() {
        let number = numbers[at];
        let follows = number == 0 || (at > 0 && numbers[at - 1] == number - 1);
        frame.chain_before = (!follows).then(|| sample.frames[number as usize].chain_before);
    }
    bundle.tree = tree_proof(&sample.leaves, sample.size(), &numbers).unwrap();
}

fn within(first: u64, last: u64, missing: u64) -> impl Fn(&Record) -> bool {
    move |record| (first..=last).contains(&record.seq) && record.seq != missing
}

/// Every lie.
pub fn lies(sample: &Sample) -> Vec<Lie> {
    let mut lies = Vec::new();
    let mut tell = |name, about, bytes: Vec<u8>| {
        let key = sample.verifier().to_string();
        lies.push(Lie { name, about, bytes: resealed(bytes), key });
    };
    let record = sample.one(77, Open::EVERYTHING);
    edits(&record, &mut tell);
    omissions(sample, &mut tell);
    checkpoints(sample, &record, &mut tell);
    claims(sample, &mut tell);
    let bytes = record.encode();
    let mut damaged = bytes.clone();
    damaged[100] ^= 1;
    let key = sample.verifier().to_string();
    lies.push(Lie { name: "refused-checksum", about: "a byte changed, the checksum not", bytes: damaged, key });
    let other = SigningKey::generate([9; 32], ORIGIN).unwrap().verifier().to_string();
    lies.push(Lie { name: "refused-other-key", about: "signed by another key of the same name", bytes, key: other });
    lies
}

type Tell<'a> = dyn FnMut(&'static str, &'static str, Vec<u8>) + 'a;

fn edits(record: &Bundle, tell: &mut Tell<'_>) {
    let bytes = record.encode();
    let mut version = bytes.clone();
    version[8] = 2;
    tell("refused-version", "another format version", version);
    let mut reserved = bytes.clone();
    reserved[12] = 1;
    tell("refused-reserved", "a reserved byte is set", reserved);
    tell("refused-trailing", "four bytes more", [bytes.clone(), vec![0; 4]].concat());
    tell("refused-cut", "the last hash of the log-tree proof is missing", bytes[..bytes.len() - 32].to_vec());
    let mut edited = record.clone();
    let row = &mut edited.frames[0].rows[0];
    let mut slices = row.groups.slices().map(<[u8]>::to_vec);
    let last = slices[3].len() - 3;
    slices[3][last] ^= 1;
    row.groups = Groups::from_slices([&slices[0], &slices[1], &slices[2], &slices[3]]);
    tell("refused-edited-payload", "a character of the metadata changed", edited.encode());
    let mut time = record.clone();
    time.frames[0].rows[0].recorded_at += 1;
    tell("refused-edited-time", "recorded-at is a nanosecond later", time.encode());
    let mut class = record.clone();
    class.frames[0].descriptor.classes[0].class = 0;
    tell("refused-edited-class", "a class of the class table renamed", class.encode());
    let mut table = record.clone();
    table.frames[0].descriptor.classes[0].occurred_max += 1;
    tell("refused-edited-table", "a time of the class table changed", table.encode());
    let mut lost = record.clone();
    lost.frames[0].descriptor.lost_events = 1;
    tell("refused-edited-descriptor", "the count of lost events changed", lost.encode());
    let mut foreign = record.clone();
    foreign.log_id.0[0] ^= 1;
    foreign.frames[0].descriptor.log_id = foreign.log_id;
    tell("refused-other-log", "the frame of another log", foreign.encode());
    let mut moved = record.clone();
    moved.frames[0].rows[0].position += 1;
    moved.claim = Claim::Record { seq: 78 };
    tell("refused-moved", "the record at the next position", moved.encode());
}

fn omissions(sample: &Sample, tell: &mut Tell<'_>) {
    let filter = Filter::any_of(Field::CORRELATION_ID, vec!["c-5".into(), "c-8".into()]);
    let range = Claim::Range { first: 100, last: 170 };
    let complete = Claim::Complete { first: 100, last: 170, disclosed: filter.needs(), filter: filter.clone() };
    for (missing, names) in [
        (100, ["refused-range-first", "refused-complete-first"]),
        (163, ["refused-range-middle", "refused-complete-middle"]),
        (170, ["refused-range-last", "refused-complete-last"]),
    ] {
        let kept = within(100, 170, missing);
        let rows = sample.bundle(range.clone(), |record| kept(record).then_some(Open::HEADER));
        tell(names[0], "a record of the range is left out", rows.encode());
        let rows = sample.bundle(complete.clone(), |record| {
            let open = if filter.passes(record).unwrap() { Open::EVERYTHING } else { filter.needs() };
            kept(record).then_some(open)
        });
        tell(names[1], "a record of the range that the filter runs over is left out", rows.encode());
    }
    let whole = sample.range(0, 386, Open::HEADER);
    let mut frame = whole.clone();
    frame.frames.remove(2);
    refit(sample, &mut frame);
    tell("refused-frame-left-out", "a whole frame of the range is left out", frame.encode());
    let mut end = whole.clone();
    end.frames.pop();
    refit(sample, &mut end);
    tell("refused-end-left-out", "the last frame of the range is left out", end.encode());
    let mut swapped = whole;
    swapped.frames.swap(2, 3);
    tell("refused-frames-swapped", "two frames are swapped", swapped.encode());
    let beyond = sample.bundle(Claim::Range { first: 100, last: 169 }, |record| {
        within(100, 170, u64::MAX)(record).then_some(Open::HEADER)
    });
    tell("refused-beyond", "a record beyond the range is shown", beyond.encode());
}

fn checkpoints(sample: &Sample, record: &Bundle, tell: &mut Tell<'_>) {
    let signed = |size, root| sign_checkpoint(&Checkpoint { origin: ORIGIN.into(), size, root }, &sample.key).unwrap();
    let with = |note: String| {
        let mut bundle = sample.with_old(record.clone(), 3);
        if let Some(old) = &mut bundle.old {
            old.note = note;
        }
        bundle.encode()
    };
    tell("refused-rewritten", "the older checkpoint has another root: the log was rewritten", with(signed(3, [7; 32])));
    tell("refused-cut-log", "the older checkpoint is larger: the log was cut", with(signed(9, [7; 32])));
    let mut other = record.clone();
    other.checkpoint = signed(7, [7; 32]);
    tell("refused-other-root", "a signed root that is not the frames'", other.encode());
    let mut unsigned = record.clone();
    unsigned.checkpoint = unsigned.checkpoint.replace("\n7\n", "\n8\n");
    tell("refused-unsigned", "the size of the checkpoint changed after it was signed", unsigned.encode());
}

fn claims(sample: &Sample, tell: &mut Tell<'_>) {
    let one = |claim, seq, open| sample.bundle(claim, |record| (record.seq == seq).then_some(open)).encode();
    tell("refused-other-seq", "another record than the claim's", one(Claim::Record { seq: 78 }, 77, Open::EVERYTHING));
    tell("refused-no-header", "a record whose header is closed", one(Claim::Record { seq: 77 }, 77, Open::group(2)));
    let actor = || Filter::any_of(Field::ACTOR_ID, vec!["u-0".into()]);
    tell("refused-fails", "a row that fails the filter", one(Claim::Rows { filter: actor() }, 78, Open::EVERYTHING));
    tell(
        "refused-closed",
        "a row whose tested group is closed",
        one(Claim::Rows { filter: actor() }, 77, Open::HEADER),
    );
    let all = |claim, open| sample.bundle(claim, |record| (60..=70).contains(&record.seq).then_some(open)).encode();
    let complete = |disclosed, filter| Claim::Complete { first: 60, last: 70, disclosed, filter };
    let chain = || Filter::any_of(Field::CORRELATION_ID, vec!["c-9".into()]);
    let more = Open::group(2).and(Open::HEADER);
    tell(
        "refused-more-open",
        "more is open of rows that fail than the claim says",
        all(complete(Open::group(2), chain()), more),
    );
    tell("refused-unsaid", "the claim says to disclose something else", all(complete(more, chain()), more));
    tell(
        "refused-identity",
        "completeness over an identity column",
        all(complete(Open::group(1), actor()), Open::group(1)),
    );
}
