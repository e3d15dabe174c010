//! The fixed vocabulary of the reference workload.

/// Target types, each with the four actions that are done to it: 30 and 120.
pub(super) const TARGETS: [(&str, [&str; 4]); 30] = [
    ("document", ["publish", "update", "share", "archive"]),
    ("project", ["create", "update", "transfer", "archive"]),
    ("user", ["invite", "update", "suspend", "login"]),
    ("team", ["create", "join", "leave", "rename"]),
    ("role", ["grant", "revoke", "create", "review"]),
    ("token", ["issue", "rotate", "revoke", "use"]),
    ("api_key", ["create", "rotate", "disable", "use"]),
    ("invoice", ["issue", "pay", "void", "download"]),
    ("payment", ["authorize", "capture", "refund", "dispute"]),
    ("subscription", ["start", "upgrade", "cancel", "renew"]),
    ("deployment", ["start", "finish", "rollback", "approve"]),
    ("pipeline", ["run", "cancel", "retry", "configure"]),
    ("secret", ["read", "write", "rotate", "delete"]),
    ("dataset", ["import", "export", "query", "delete"]),
    ("model", ["train", "deploy", "invoke", "retire"]),
    ("bucket", ["create", "list", "configure", "delete"]),
    ("object", ["upload", "download", "copy", "delete"]),
    ("database", ["connect", "migrate", "backup", "restore"]),
    ("cluster", ["create", "scale", "upgrade", "drain"]),
    ("node", ["register", "cordon", "reboot", "deregister"]),
    ("network", ["create", "peer", "configure", "delete"]),
    ("firewall", ["allow", "deny", "configure", "disable"]),
    ("ticket", ["open", "assign", "comment", "close"]),
    ("message", ["send", "edit", "delete", "report"]),
    ("channel", ["create", "join", "configure", "archive"]),
    ("webhook", ["create", "deliver", "retry", "disable"]),
    ("report", ["generate", "schedule", "download", "share"]),
    ("policy", ["create", "evaluate", "update", "violate"]),
    ("session", ["start", "extend", "elevate", "end"]),
    ("consent", ["give", "withdraw", "renew", "export"]),
];

/// Names that lanes begin with.
pub(super) const LANES: [&str; 4] = ["api", "browser", "worker", "console"];

const SYSTEMS: [&str; 6] = [
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
    "X11; Ubuntu; Linux x86_64; rv:141.0",
    "iPhone; CPU iPhone OS 18_5 like Mac OS X",
    "Linux; Android 15; Pixel 9",
];

/// User agents: 60, six systems times ten versions.
pub(super) fn user_agents() -> Vec<String> {
    let browser = |version: usize, system: &str| {
        format!("Mozilla/5.0 ({system}) AppleWebKit/537.36 Chrome/{}.0.0.0", 130 + version)
    };
    (0..60).map(|agent| browser(agent / SYSTEMS.len(), SYSTEMS[agent % SYSTEMS.len()])).collect()
}
