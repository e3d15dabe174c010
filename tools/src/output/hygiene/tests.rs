//! Attacks on whoever reads the output, by name.

use super::*;

/// Name, what the log holds, how a terminal shows it, what is flagged.
const ATTACKS: &[(&str, &str, &str, &[Flags])] = &[
    ("ansi colour", "\u{1b}[31mroot\u{1b}[0m", r"\u{1b}[31mroot\u{1b}[0m", &[Flags::ESCAPE]),
    ("ansi erase line", "x\u{1b}[2K\rsuccess", r"x\u{1b}[2K\u{d}success", &[Flags::ESCAPE, Flags::LINE]),
    ("ansi cursor up over the last row", "\u{1b}[1A\u{1b}[2Kok", r"\u{1b}[1A\u{1b}[2Kok", &[Flags::ESCAPE]),
    ("ansi hidden text", "\u{1b}[8msecret", r"\u{1b}[8msecret", &[Flags::ESCAPE]),
    ("one-byte csi", "\u{9b}2J", r"\u{9b}2J", &[Flags::ESCAPE]),
    ("osc window title", "\u{1b}]0;pwned\u{7}", r"\u{1b}]0;pwned\u{7}", &[Flags::ESCAPE, Flags::CONTROL]),
    ("osc 8 link", "\u{1b}]8;;http://x\u{1b}\\a", r"\u{1b}]8;;http://x\u{1b}\\a", &[Flags::ESCAPE]),
    ("osc 52 clipboard", "\u{1b}]52;c;ZWNobw==\u{7}", r"\u{1b}]52;c;ZWNobw==\u{7}", &[Flags::ESCAPE, Flags::CONTROL]),
    ("dcs", "\u{90}q\u{9c}", r"\u{90}q\u{9c}", &[Flags::CONTROL]),
    ("forged second line", "login\n2026-11-20 admin ok", r"login\u{a}2026-11-20 admin ok", &[Flags::LINE]),
    ("carriage return overwrites", "failure\rsuccess", r"failure\u{d}success", &[Flags::LINE]),
    ("crlf injection", "a\r\nSet-Cookie: x", r"a\u{d}\u{a}Set-Cookie: x", &[Flags::LINE]),
    ("next line", "a\u{85}b", r"a\u{85}b", &[Flags::LINE]),
    ("line separator", "a\u{2028}b", r"a\u{2028}b", &[Flags::LINE]),
    ("paragraph separator", "a\u{2029}b", r"a\u{2029}b", &[Flags::LINE]),
    ("nul hides the rest", "admin\0.example", r"admin\u{0}.example", &[Flags::NUL]),
    ("backspace eats letters", "root\u{8}\u{8}\u{8}\u{8}user", r"root\u{8}\u{8}\u{8}\u{8}user", &[Flags::CONTROL]),
    ("tab shifts columns", "a\tb", r"a\u{9}b", &[Flags::CONTROL]),
    ("bell", "\u{7}", r"\u{7}", &[Flags::CONTROL]),
    ("delete", "a\u{7f}", r"a\u{7f}", &[Flags::CONTROL]),
    ("bidi override", "invoice\u{202e}fdp.exe", r"invoice\u{202e}fdp.exe", &[Flags::BIDI]),
    ("bidi embedding", "\u{202a}a\u{202c}", r"\u{202a}a\u{202c}", &[Flags::BIDI]),
    ("bidi isolate", "\u{2067}a\u{2069}", r"\u{2067}a\u{2069}", &[Flags::BIDI]),
    ("bidi mark", "a\u{200f}b\u{61c}", r"a\u{200f}b\u{61c}", &[Flags::BIDI]),
    ("zero width space twin", "ad\u{200b}min", r"ad\u{200b}min", &[Flags::INVISIBLE]),
    ("zero width joiner twin", "ad\u{200d}min", r"ad\u{200d}min", &[Flags::INVISIBLE]),
    ("word joiner twin", "ad\u{2060}min", r"ad\u{2060}min", &[Flags::INVISIBLE]),
    ("soft hyphen twin", "ad\u{ad}min", r"ad\u{ad}min", &[Flags::INVISIBLE]),
    ("byte order mark twin", "\u{feff}admin", r"\u{feff}admin", &[Flags::INVISIBLE]),
    ("hangul filler as a name", "\u{3164}", r"\u{3164}", &[Flags::INVISIBLE]),
    ("tag characters smuggle text", "a\u{e0041}\u{e0042}", r"a\u{e0041}\u{e0042}", &[Flags::INVISIBLE]),
    ("variation selector twin", "a\u{fe0f}", r"a\u{fe0f}", &[Flags::INVISIBLE]),
    ("noncharacter", "a\u{fffe}\u{1ffff}", r"a\u{fffe}\u{1ffff}", &[Flags::INVISIBLE]),
    ("blank twin", "a\u{2003}b", r"a\u{2003}b", &[Flags::SPACE]),
    ("blank braille", "a\u{2800}", r"a\u{2800}", &[Flags::SPACE]),
    ("trailing blank twin", "admin ", r"admin\u{20}", &[Flags::SPACE]),
    ("leading blank twin", " admin", r"\u{20}admin", &[Flags::SPACE]),
    ("blanks forge a column", "ok   admin", r"ok \u{20}\u{20}admin", &[Flags::SPACE]),
    (
        "stacked marks smear",
        "a\u{300}\u{301}\u{302}\u{303}\u{304}",
        "a\u{300}\u{301}\u{302}\u{303}\\u{304}",
        &[Flags::COMBINING],
    ),
    ("mark on the table's line", "\u{336}a", r"\u{336}a", &[Flags::COMBINING]),
    ("forged table column", "ok │ admin", r"ok \u{2502} admin", &[Flags::FRAME]),
    ("forged escape", r"a\u{202e}b", r"a\\u{202e}b", &[Flags::LITERAL]),
    ("path traversal", "../../etc/passwd", "../../etc/passwd", &[Flags::PATH]),
    ("path traversal, other slash", r"..\..\boot.ini", r"..\..\boot.ini", &[Flags::PATH]),
    ("path traversal, encoded", "a%2f%2e%2E%2fb", "a%2f%2e%2E%2fb", &[Flags::PATH]),
    ("path traversal, encoded twice", "%252e%252e%252fb", "%252e%252e%252fb", &[Flags::PATH]),
];

#[test]
fn attacks_are_shown_for_what_they_are() {
    for (name, data, shown, flags) in ATTACKS {
        let mut expected = Flags::NONE;
        flags.iter().for_each(|&flag| expected.add(flag));
        assert_eq!(show_identifier(data, Place::Terminal), (Cow::Borrowed(*shown), expected), "{name}");
        assert!(shown.chars().all(|character| deceptive(character).is_none()), "{name}");
    }
}

#[test]
fn attacks_survive_json_as_the_same_value() {
    for (name, data, _, _) in ATTACKS {
        let json = serde_json::to_vec(data).expect("a string");
        let mut out = Vec::new();
        escape_json(&json, &mut out);
        let text = std::str::from_utf8(&out).expect("UTF-8");
        assert!(text.chars().all(|character| deceptive(character).is_none()), "{name}: {text}");
        assert_eq!(serde_json::from_str::<String>(text).expect("still JSON"), *data, "{name}");
    }
}

#[test]
fn ordinary_text_of_any_language_is_left_alone() {
    for text in [
        "",
        "user-7",
        "Ann Example",
        r"C:\Users\ann",
        "Ünïcödé",
        "e\u{301}",
        "日本語\u{3000}名",
        "Привет",
        "עברית",
        "العربية",
        "👍",
        "a..b",
        "..",
        "v1..v2",
        "…",
        "a\u{a0}b",
        "{\"a\": \"\\u00e9\"}",
    ] {
        let (shown, flags) = show_identifier(text, Place::Terminal);
        assert_eq!(shown, text);
        assert_eq!(flags.is_empty(), text != "..", "{text}: {flags}");
    }
    assert_eq!(show("│", Place::File), (Cow::Borrowed("│"), Flags::NONE), "a file has no frame to forge");
}

#[test]
fn no_two_texts_are_shown_alike() {
    let pieces = ["\u{202e}", r"\", r"\u{202e}", "a", r"\\", "u{202e}", " "];
    let mut seen = std::collections::HashMap::new();
    for first in pieces {
        for second in pieces {
            for third in pieces {
                let text = [first, second, third].concat();
                let shown = show(&text, Place::Terminal).0.into_owned();
                if let Some(other) = seen.insert(shown.clone(), text.clone()) {
                    assert_eq!(other, text, "both are shown as {shown}");
                }
            }
        }
    }
}

#[test]
fn flags_have_names() {
    let mut flags = Flags::BIDI;
    flags.add(Flags::NUL);
    assert_eq!(flags.to_string(), "nul bidi");
    assert!(flags.contains(Flags::NUL) && !flags.contains(Flags::PATH));
}
