//! What ran it: machine, kernel, compiler, versions of the stores.

use std::process::Command;

/// Lines of a list.
pub fn lines() -> Vec<String> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("unknown")
        .trim_start_matches(['\t', ' ', ':']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = read("/proc/meminfo");
    let memory = memory.lines().next().unwrap_or("").trim_start_matches("MemTotal:").trim();
    vec![
        format!("{cores} cores of {model}, {memory} of memory"),
        format!("Linux {}, temporary files on {}", read("/proc/sys/kernel/osrelease").trim(), file_system()),
        format!("{}, release profile of the workspace", said("rustc", &["--version"])),
        versions(),
    ]
}

fn said(command: &str, args: &[&str]) -> String {
    let output = Command::new(command).args(args).output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_else(|_| "unknown".to_owned())
}

fn file_system() -> String {
    let dir = std::env::temp_dir();
    let found = said("stat", &["-f", "-c", "%T", &dir.display().to_string()]);
    if found.is_empty() { "unknown".to_owned() } else { found }
}

/// Versions of the stores from the lock file that the build was made with.
fn versions() -> String {
    let lock = include_str!("../../../../Cargo.lock");
    let wanted =
        ["rusqlite", "libsqlite3-sys", "redb", "fjall", "tantivy", "quipu-core", "quipu-middleware", "blake3", "zstd"];
    let mut found = Vec::new();
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("name = ").map(|name| name.trim_matches('"')) else { continue };
        let version = lines.next().and_then(|line| line.strip_prefix("version = ")).map(|text| text.trim_matches('"'));
        if wanted.contains(&name) {
            found.push(format!("{name} {}", version.unwrap_or("?")));
        }
    }
    format!("Indelible {}, {}; SQLite itself {}", env!("CARGO_PKG_VERSION"), found.join(", "), rusqlite::version())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_store_has_a_version() {
        let said = super::versions();
        for name in ["redb ", "fjall ", "tantivy ", "quipu-core ", "SQLite itself 3."] {
            assert!(said.contains(name), "{name} in {said}");
        }
    }
}
