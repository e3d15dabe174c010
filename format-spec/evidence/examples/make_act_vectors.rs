//! Writes `format-spec/vectors/act`: run `cargo run -p indelible-evidence --example make_act_vectors`.

#[path = "../tests/act/vectors.rs"]
mod vectors;

fn main() -> std::io::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/act");
    std::fs::create_dir_all(&folder)?;
    for (name, bytes) in vectors::files() {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
