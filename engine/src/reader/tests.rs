//! A reader beside a writer, look by look.

use indelible_evidence::schema::{Field, Kind};

use super::*;
use crate::draft::Draft;
use crate::log::Log;
use crate::options::Options;
use crate::query::Expr;
use crate::sample;
use crate::world::storage::sim::{SimOptions, SimStorage};

fn config(disk: &SimStorage) -> LogConfig {
    sample::config(disk, Options { segment_bytes_max: 32 << 10, journal_bytes_max: 8 << 10, ..Options::default() })
}

/// Each look once failed where a journal file had been read before, and was answered only after everything was read anew.
#[test]
fn every_look_beside_a_writer_succeeds_at_once() {
    let disk = SimStorage::new(3, SimOptions::default());
    let log = Log::create(config(&disk), &sample::spec()).expect("create");
    let reader = LogReader::open(&config(&disk)).expect("reader");
    let mut failed = 0;
    for n in 0..700u64 {
        let draft = Draft::write(Kind::Event, Some(n as i64), 1, |groups| {
            groups.text(Field::ACTION, "a.b");
            groups.text(Field::TARGET_ID, &format!("t-{n}"));
        });
        log.emit(draft).expect("emit");
        log.flush(None).expect("flush");
        let looked = reader.refresh(&mut reader.state.lock());
        match looked {
            Ok(snapshot) => {
                let seen = crate::query::View::new(snapshot).count(&Expr::events()).expect("count");
                assert_eq!(seen, n + 1, "what is durable is seen by the next look");
            }
            // A file that the writer seals or removes between two steps of one look may cost a second look.
            Err(_) => failed += 1,
        }
    }
    assert!(failed <= 20, "{failed} of 700 looks failed");
}
