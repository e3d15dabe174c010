//! The hot paths one by one: what a frame costs to commit, encode, open and read.

use indelible::{LedgerReader, Options, ReadOptions};
use indelible_engine::query::FrameMaterial;
use indelible_evidence::commit::{FrameFacts, RecordRef, Salts, commit_frame};
use indelible_format::frame::{FrameEncoder, FrameOptions, FrameReader};
use indelible_format::segment::TermTable;
use indelible_tools::workload::Workload;

fn main() {
    divan::main();
}

/// A frame of the reference workload.
fn material() -> FrameMaterial {
    let dir = tempfile::tempdir().expect("a directory for the bench");
    let log = dir.path().join("log");
    indelible_benches::load::load(&log, Options::default(), Workload::new(42, 1_000)).expect("the workload is valid");
    let reader = LedgerReader::open(&log, &ReadOptions::default()).expect("the log was closed cleanly");
    let view = reader.view().expect("the log can be read");
    view.frame_material(300).expect("the log can be read").expect("there are more records than that")
}

fn refs(material: &FrameMaterial) -> Vec<RecordRef<'_>> {
    material.records.iter().flatten().map(RecordRef::from).collect()
}

fn encoded(material: &FrameMaterial) -> (Vec<u8>, TermTable) {
    let mut terms = TermTable::new();
    let slots: Vec<_> = refs(material).into_iter().map(Some).collect();
    let payload = FrameEncoder::new(FrameOptions::default())
        .encode(&material.descriptor, &material.salts, &slots, &mut terms)
        .expect("the frame was encoded before");
    (payload, terms)
}

#[divan::bench]
fn commit_128(bencher: divan::Bencher<'_, '_>) {
    let material = material();
    let (records, d) = (refs(&material), &material.descriptor);
    let facts = FrameFacts {
        log_id: d.log_id,
        frame_no: d.frame_no,
        schedule_version: d.schedule_version,
        key_epoch: d.key_epoch,
        lost_events: d.lost_events,
    };
    let Salts::Whole(key) = material.salts else { panic!("nothing was removed from it") };
    bencher.bench(|| commit_frame(&facts, &records, &key).expect("the frame was committed before"));
}

#[divan::bench]
fn encode_128(bencher: divan::Bencher<'_, '_>) {
    let material = material();
    let slots: Vec<_> = refs(&material).into_iter().map(Some).collect();
    let mut encoder = FrameEncoder::new(FrameOptions::default());
    let mut terms = TermTable::new();
    bencher.bench_local(|| {
        encoder.encode(&material.descriptor, &material.salts, &slots, &mut terms).expect("the frame was encoded before")
    });
}

#[divan::bench]
fn open_frame(bencher: divan::Bencher<'_, '_>) {
    let (payload, _) = encoded(&material());
    bencher.bench(|| FrameReader::open(&payload).expect("just encoded").rows());
}

#[divan::bench]
fn read_128_rows(bencher: divan::Bencher<'_, '_>) {
    let (payload, terms) = encoded(&material());
    let frame = FrameReader::open(&payload).expect("just encoded");
    bencher.bench(|| {
        let mut cursor = frame.cursor();
        (0..frame.rows()).map(|row| cursor.record(row, &terms).expect("just encoded").groups.len()).sum::<usize>()
    });
}

#[divan::bench]
fn check_and_read_128_rows(bencher: divan::Bencher<'_, '_>) {
    let (payload, terms) = encoded(&material());
    let frame = FrameReader::open(&payload).expect("just encoded");
    bencher.bench(|| frame.all_records(&terms).expect("just encoded").len());
}
