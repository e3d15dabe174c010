//! Writes the test vectors: `cargo run -p indelible-format --example make_vectors [FOLDER]`, by default into
//! `format-spec/vectors`, over what is there. It prints why the codec refuses what must be refused.
//!
//! This is the one way in which the vectors change; a change of theirs is a change of the format, or of what is covered.

#[path = "../tests/vectors/mod.rs"]
mod set;

use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors");
    let folder = std::env::args_os().nth(1).map_or_else(default, PathBuf::from);
    let vectors = set::all();
    for vector in &vectors {
        let path = folder.join(&vector.name);
        std::fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        let hex = vector.hex();
        assert_eq!(set::parse_dump(&hex), vector.bytes, "{}: a dump gives its bytes", vector.name);
        std::fs::write(path.with_extension("hex"), hex)?;
        std::fs::write(path.with_extension("json"), vector.json())?;
        let accepted = set::describe(vector.structure, &vector.context, &vector.bytes);
        match (accepted, vector.refuse) {
            (Ok(found), Some(rule)) => println!("{}: {rule} must refuse it, read as {}", vector.name, found.value),
            (Ok(set::Described { again, .. }), None) if again != vector.bytes => {
                println!("{}: written again it has other bytes", vector.name);
            }
            (Err(error), Some(rule)) => println!("{}: {rule}: {error}", vector.name),
            _ => {}
        }
    }
    println!("{} vectors in {}", vectors.len(), folder.display());
    Ok(())
}
