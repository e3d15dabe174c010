//! Writes the corpus from the seeds: `cargo run --bin seeds` in this folder. Files that no seed makes stay: a fuzzer's finds may
//! be kept beside them.

use std::fs;
use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    for (target, _) in indelible_fuzz::TARGETS {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        fs::create_dir_all(&dir)?;
        for (name, bytes) in indelible_fuzz::seeds::of(target) {
            fs::write(dir.join(name), &bytes)?;
            println!("{target}/{name}: {} bytes", bytes.len());
        }
    }
    Ok(())
}
