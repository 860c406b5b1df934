//! An invite link as a picture, and a hash as one for a terminal.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode, render::unicode::Dense1x2};

use crate::http::wire::Qr;

/// The QR code of a link, as one SVG path over its dark modules. A text longer than any QR code
/// holds (2,953 bytes), which no invite is, gives an empty picture.
#[must_use]
pub fn draw(link: &str) -> Qr {
    let Ok(code) = QrCode::with_error_correction_level(link, EcLevel::L) else {
        return Qr::default();
    };
    let width = code.width();
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        while x < width {
            let run = row.iter().skip(x).take_while(|module| **module == Color::Dark).count();
            if run > 0 {
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
            }
            x += run.max(1);
        }
    }
    Qr { size: u32::try_from(width + 2 * QUIET).unwrap_or(u32::MAX), path }
}

/// The QR code of a short text for a terminal, two modules a character, light on dark as most
/// terminals are; nothing if the text is longer than any QR code holds.
#[must_use]
pub fn print(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let mut picture = code.render::<Dense1x2>();
    Some(picture.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build())
}

/// Light modules that a reader needs around the code (ISO/IEC 18004).
const QUIET: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_covers_exactly_the_dark_modules() {
        let link = format!("conclave:j/1#{}", "A1b2".repeat(110));
        let Qr { size, path } = draw(&link);
        let code = QrCode::with_error_correction_level(&link, EcLevel::L).unwrap();
        assert_eq!(size as usize, code.width() + 8);
        let dark = code.to_colors().iter().filter(|module| **module == Color::Dark).count();
        let covered: usize = path
            .split('z')
            .filter(|part| !part.is_empty())
            .map(|part| part.split_once('h').unwrap().1.split_once('v').unwrap().0)
            .map(|run| run.parse::<usize>().unwrap())
            .sum();
        assert_eq!(covered, dark);
        assert!(path.starts_with("M4 4h7v1h-7z"), "the finder pattern begins after the quiet zone");
    }

    #[test]
    fn a_terminal_shows_every_module() {
        let text = "5c".repeat(32);
        let code = QrCode::with_error_correction_level(&text, EcLevel::L).unwrap();
        let dark = code.to_colors().iter().filter(|module| **module == Color::Dark).count();
        let printed = print(&text).unwrap();
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines.len(), (code.width() + 8).div_ceil(2));
        let light: usize = printed
            .chars()
            .map(|c| match c {
                '\u{2588}' => 2,
                '\u{2580}' | '\u{2584}' => 1,
                _ => 0,
            })
            .sum();
        assert_eq!(light, (code.width() + 8).pow(2) - dark);
    }

    #[test]
    fn what_no_code_holds_has_no_picture() {
        assert_eq!(draw(&"x".repeat(3_000)), Qr::default());
    }
}
