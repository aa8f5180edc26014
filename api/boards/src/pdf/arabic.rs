//! Arabic letters take the form that their place in the word asks for. Unicode has these forms as characters of their own, in one row from U+FE80 on,
//! which the font has too.

const FIRST: u32 = 0xFE80;
/// How many forms a letter has, from U+0621 to U+063A and from U+0641 to U+064A: isolated, final, initial, medial.
const EARLY: [u8; 26] = [1, 2, 2, 2, 2, 4, 2, 4, 2, 4, 4, 4, 4, 4, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4];
const LATE: [u8; 10] = [4, 4, 4, 4, 4, 4, 4, 2, 2, 4];

fn letters() -> impl Iterator<Item = (u32, u32, u8)> {
    let early = EARLY.iter().enumerate().map(|(at, forms)| (0x0621 + at as u32, *forms));
    let late = LATE.iter().enumerate().map(|(at, forms)| (0x0641 + at as u32, *forms));
    early.chain(late).scan(FIRST, |next, (letter, forms)| {
        let own = *next;
        *next += u32::from(forms);
        Some((letter, own, forms))
    })
}

/// Where the letter's forms begin, and how many there are.
fn forms_of(character: char) -> Option<(u32, u8)> {
    let code = u32::from(character);
    letters().find(|(letter, ..)| *letter == code).map(|(_, first, forms)| (first, forms))
}

/// The letter of a form.
pub(super) fn letter_of(form: char) -> Option<char> {
    let code = u32::from(form);
    let found = letters().find(|(_, first, forms)| (*first..first + u32::from(*forms)).contains(&code))?;
    char::from_u32(found.0)
}

/// Signs of vowels stand above and below and join nothing.
fn is_mark(character: char) -> bool {
    matches!(u32::from(character), 0x064B..=0x065F | 0x0670)
}

/// The text with its Arabic letters in their forms.
pub(super) fn join(text: &str) -> String {
    if !text.chars().any(|character| forms_of(character).is_some()) {
        return text.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    let forms = |at: Option<&char>| at.and_then(|character| forms_of(*character)).map_or(0, |(_, forms)| forms);
    let shown = characters.iter().enumerate().map(|(at, character)| {
        let Some((first, count)) = forms_of(*character) else { return *character };
        let before = characters[..at].iter().rev().find(|other| !is_mark(**other));
        let after = characters[at + 1..].iter().find(|other| !is_mark(**other));
        // Four forms: it joins to both sides; two: to the letter before it alone.
        let (to_before, to_after) = (count > 1 && forms(before) == 4, count == 4 && forms(after) > 1);
        let form = match (to_before, to_after) {
            (false, false) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (true, true) => 3,
        };
        char::from_u32(first + form).unwrap_or(*character)
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_join_by_their_place() {
        // Marhaba: meem, reh, hah, beh, alef.
        assert_eq!(join("مرحبا"), "\u{FEE3}\u{FEAE}\u{FEA3}\u{FE92}\u{FE8E}");
        assert_eq!(join("a ب b"), "a \u{FE8F} b");
        let back: String = join("مرحبا").chars().filter_map(letter_of).collect();
        assert_eq!(back, "مرحبا");
        assert_eq!(letters().last(), Some((0x064A, 0xFEF1, 4)), "the row ends where Unicode's does");
    }
}
