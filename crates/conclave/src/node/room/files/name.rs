//! Names of files that others chose, made harmless.

/// Longest name that is shown and written.
const MOST: usize = 120;

/// What is left of a name: its last part, without anything that a file system, a terminal or a
/// reader could be misled by. Never empty.
pub(super) fn harmless(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| is_harmless(*c)).collect();
    let kept = kept.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let mut name = shorten(kept);
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    if RESERVED.contains(&stem.as_str()) || is_port(&stem) {
        name.insert(0, '_');
    }
    if name.is_empty() { "file".to_owned() } else { name }
}

/// No control characters, no marks that turn the direction of text or are not seen (UAX 9, Cf), and
/// nothing that a common file system forbids.
const fn is_harmless(c: char) -> bool {
    !matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        | '<' | '>' | ':' | '"' | '|' | '?' | '*')
}

/// The beginning and the ending of a long name.
fn shorten(name: &str) -> String {
    if name.len() <= MOST {
        return name.to_owned();
    }
    let ending = name.rfind('.').map(|at| name.split_at(at).1).filter(|ending| ending.len() <= 16);
    let ending = ending.unwrap_or_default();
    let mut end = MOST.saturating_sub(ending.len());
    while !name.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    format!("{}{ending}", name.split_at(end).0)
}

/// Names that are devices where some people run their programs.
const RESERVED: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];

fn is_port(stem: &str) -> bool {
    let number = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    number.is_some_and(|number| number.len() == 1 && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_hostile_name_is_one_plain_file() {
        for (name, left) in [
            ("report.pdf", "report.pdf"),
            ("../../.ssh/authorized_keys", "authorized_keys"),
            ("C:\\Windows\\win.ini", "win.ini"),
            ("..", "file"),
            ("", "file"),
            ("/", "file"),
            (".bashrc", "bashrc"),
            ("a\u{202e}fdp.exe", "afdp.exe"),
            ("zero\u{200b}width.txt", "zerowidth.txt"),
            ("<img src=x onerror=alert(1)>", "img src=x onerror=alert(1)"),
            ("nul.txt", "_nul.txt"),
            ("COM1", "_COM1"),
            ("tr\u{fc}be \u{5d0}.odt", "tr\u{fc}be \u{5d0}.odt"),
            ("a\nb\u{1b}[31m", "ab[31m"),
            ("trailing. . ", "trailing"),
        ] {
            assert_eq!(harmless(name), left, "{name:?}");
        }
        let long = harmless(&format!("{}.tar.gz", "\u{1f389}".repeat(3_000)));
        assert!(long.len() <= MOST && long.ends_with(".gz"), "{long}");
    }
}
