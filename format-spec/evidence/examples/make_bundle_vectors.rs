//! Writes `format-spec/bundle-vectors`: run `cargo run -p indelible-format --example make_bundle_vectors`.

#[path = "../tests/bundle/vectors.rs"]
mod vectors;

fn main() -> std::io::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../bundle-vectors");
    std::fs::create_dir_all(&folder)?;
    for (name, bytes) in vectors::files() {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
