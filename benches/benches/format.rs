//! The codec on one full frame of the reference workload. `cargo bench -p indelible-benches --bench format`
//!
//! `cargo test` runs each benchmark once, so that none of them rots.

use divan::Bencher;
use divan::counter::ItemsCount;
use indelible_benches::sample::Frame;
use indelible_evidence::commit::{Committer, FrameView, RecordRef, Removal, commit_frame};
use indelible_evidence::record::{Record, put_transit};
use indelible_format::frame::{FrameEncoder, FrameOptions, FramePruner, FrameReader};
use indelible_format::segment::{TermTable, TermUse};

fn main() {
    divan::main();
}

/// The payload of the frame's block, and the terms it names.
fn encoded(frame: &Frame) -> (Vec<u8>, TermTable) {
    let mut terms = TermTable::new();
    let rows: Vec<Option<RecordRef<'_>>> = frame.refs().into_iter().map(Some).collect();
    let mut encoder = FrameEncoder::new(FrameOptions::default());
    let payload = encoder.encode(&frame.descriptor, &frame.salts, &rows, &mut terms).expect("records fit their salts");
    (payload, terms)
}

#[divan::bench]
fn commit(bencher: Bencher) {
    let frame = Frame::of_workload();
    let refs = frame.refs();
    let mut committer = Committer::new();
    bencher.counter(ItemsCount::new(refs.len())).bench_local(|| committer.commit(&frame.facts, &refs, &[3; 32]));
}

#[divan::bench]
fn verify(bencher: Bencher) {
    let frame = Frame::of_workload();
    let records: Vec<Option<Record>> = frame.records.iter().cloned().map(Some).collect();
    let view = FrameView { descriptor: &frame.descriptor, salts: &frame.salts, records: &records };
    let mut committer = Committer::new();
    bencher
        .counter(ItemsCount::new(records.len()))
        .bench_local(|| committer.verify(&view).expect("the frame verifies"));
}

#[divan::bench]
fn encode(bencher: Bencher) {
    let frame = Frame::of_workload();
    let rows: Vec<Option<RecordRef<'_>>> = frame.refs().into_iter().map(Some).collect();
    let mut encoder = FrameEncoder::new(FrameOptions::default());
    let mut terms = TermTable::new();
    bencher
        .counter(ItemsCount::new(rows.len()))
        .bench_local(|| encoder.encode(&frame.descriptor, &frame.salts, &rows, &mut terms).expect("records fit"));
}

#[divan::bench]
fn decode_all(bencher: Bencher) {
    let (payload, terms) = encoded(&Frame::of_workload());
    bencher.counter(ItemsCount::new(128usize)).bench_local(|| {
        FrameReader::open(&payload).and_then(|reader| reader.all_records(&terms)).expect("the frame decodes")
    });
}

#[divan::bench]
fn decode_one(bencher: Bencher) {
    let (payload, terms) = encoded(&Frame::of_workload());
    bencher.bench_local(|| {
        FrameReader::open(&payload).and_then(|reader| reader.record(64, &terms)).expect("the row decodes")
    });
}

/// A class goes that has nine of ten records: what a purge does with a frame.
#[divan::bench]
fn prune(bencher: Bencher) {
    let mut frame = Frame::of_workload();
    for record in frame.records.iter_mut().step_by(10) {
        record.class = 2;
    }
    let refs: Vec<RecordRef<'_>> = frame.records.iter().map(RecordRef::from).collect();
    frame.descriptor = commit_frame(&frame.facts, &refs, &[3; 32]).expect("128 small records are a frame");
    let (payload, terms) = encoded(&frame);
    let removal = Removal::new().class(&frame.descriptor, 1);
    let mut pruner = FramePruner::new(FrameOptions::default());
    bencher.counter(ItemsCount::new(128usize)).bench_local(|| {
        FrameReader::open(&payload).and_then(|reader| pruner.prune(&reader, &removal, &terms)).expect("a class goes")
    });
}

#[divan::bench]
fn mark_terms(bencher: Bencher) {
    let (payload, terms) = encoded(&Frame::of_workload());
    let mut used = TermUse::none_of(&terms.mark());
    bencher.counter(ItemsCount::new(128usize)).bench_local(|| {
        FrameReader::open(&payload).and_then(|reader| reader.mark_terms(&mut used)).expect("terms that are there")
    });
}

#[divan::bench]
fn transit(bencher: Bencher) {
    let frame = Frame::of_workload();
    let mut out = Vec::new();
    bencher.counter(ItemsCount::new(frame.records.len())).bench_local(|| {
        out.clear();
        for record in &frame.records {
            put_transit(&mut out, record.recorded_at, record.class, record.groups.slices());
        }
        out.len()
    });
}
