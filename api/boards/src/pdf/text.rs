//! Text as it is drawn: without what cannot be seen, broken into lines, from left to right.

use unicode_bidi::BidiInfo;

use super::arabic::join;
use super::fonts::Fonts;

/// Says that there is more.
const MORE: char = '…';

/// Signs that steer how text is shown, and selectors that only colour fonts know.
fn is_unseen(character: char) -> bool {
    matches!(u32::from(character),
        0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x2069 | 0xFEFF | 0xFE00..=0xFE0F | 0xAD | 0xE0000..=0xE0FFF)
}

/// The text without what cannot be seen, its letters in their forms.
pub(super) fn ready(text: &str) -> String {
    let seen = text.chars().filter(|character| !is_unseen(*character));
    let plain: String = seen.map(|character| if character.is_control() { ' ' } else { character }).collect();
    join(&plain)
}

/// Lines of at most this width, in the order of reading; at most so many, the last of which says that there is more.
pub(super) fn lines(text: &str, width: f32, most: usize, fonts: &mut Fonts) -> Vec<String> {
    let text = ready(text);
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0.0);
    for character in text.chars() {
        let own = fonts.glyph(character).width;
        if used + own > width && !line.is_empty() {
            // At the last space, if there is one that leaves something before it.
            let rest = match line.rfind(' ').filter(|at| *at > 0 && character != ' ') {
                Some(at) => {
                    let rest = line[at + 1..].to_owned();
                    line.truncate(at);
                    rest
                }
                None => String::new(),
            };
            lines.push(std::mem::replace(&mut line, rest));
            used = fonts.width(&line);
            if character == ' ' {
                continue;
            }
        }
        line.push(character);
        used += own;
    }
    lines.push(line);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            while !last.is_empty() && fonts.width(last) + fonts.glyph(MORE).width > width {
                last.pop();
            }
            last.push(MORE);
        }
    }
    lines
}

/// The characters of a line from left to right.
pub(super) fn from_left(line: &str) -> String {
    let info = BidiInfo::new(line, None);
    if !info.has_rtl() {
        return line.to_owned();
    }
    info.paragraphs.iter().map(|paragraph| info.reorder_line(paragraph, paragraph.range.clone())).collect()
}
