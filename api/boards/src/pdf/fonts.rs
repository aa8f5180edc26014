//! The two fonts that every file may use, as far as it uses them. Their licences lie beside them in `fonts/`.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use subsetter::GlyphRemapper;
use ttf_parser::{Face, GlyphId};

use super::arabic::letter_of;
use crate::error::BoardError;

/// Stands where no font has the character.
pub(super) const UNKNOWN: char = '▯';

const FILES: [(&str, &[u8]); 2] = [
    // Latin, Greek, Cyrillic, Hebrew, Arabic, Armenian, Georgian, signs.
    ("DejaVuSans", include_bytes!("../../fonts/DejaVuSans.ttf.gz")),
    // Chinese, Japanese, Korean.
    ("DroidSansFallback", include_bytes!("../../fonts/DroidSansFallback.ttf.gz")),
];

static OPENED: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(|| {
    FILES
        .iter()
        .map(|(name, packed)| {
            let mut bytes = Vec::new();
            let read = GzDecoder::new(*packed).read_to_end(&mut bytes);
            (*name, if read.is_ok() { bytes } else { Vec::new() })
        })
        .collect()
});

/// A character as a font draws it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Glyph {
    pub font: usize,
    /// Its number among those that are used.
    pub number: u16,
    /// In parts of the font's size.
    pub width: f32,
}

/// A font and what is used of it.
pub(super) struct Font {
    pub name: &'static str,
    pub bytes: &'static [u8],
    pub face: Face<'static>,
    pub used: GlyphRemapper,
    /// What a reader copies, and how wide it is, by number.
    pub told: BTreeMap<u16, (char, f32)>,
}

impl Font {
    fn glyph(&mut self, font: usize, character: char) -> Option<Glyph> {
        let id = self.face.glyph_index(character).filter(|id| *id != GlyphId(0))?;
        let width =
            f32::from(self.face.glyph_hor_advance(id).unwrap_or_default()) / f32::from(self.face.units_per_em());
        let number = self.used.remap(id.0);
        self.told.entry(number).or_insert((letter_of(character).unwrap_or(character), width));
        Some(Glyph { font, number, width })
    }
}

/// All of them.
pub(super) struct Fonts {
    pub all: Vec<Font>,
    known: HashMap<char, Glyph>,
    /// Some character is in none of them.
    pub has_unknown: bool,
}

impl Fonts {
    pub fn open() -> Result<Fonts, BoardError> {
        let damaged = |_| BoardError::Damaged("a font");
        let open = |(name, bytes): &'static (&'static str, Vec<u8>)| {
            let face = Face::parse(bytes, 0).map_err(damaged)?;
            Ok(Font { name, bytes, face, used: GlyphRemapper::new(), told: BTreeMap::new() })
        };
        let all = OPENED.iter().map(open).collect::<Result<_, BoardError>>()?;
        Ok(Fonts { all, known: HashMap::new(), has_unknown: false })
    }

    pub fn glyph(&mut self, character: char) -> Glyph {
        if let Some(known) = self.known.get(&character) {
            return *known;
        }
        let found = self.all.iter_mut().enumerate().find_map(|(at, font)| font.glyph(at, character));
        let glyph = match found {
            Some(glyph) => glyph,
            None if character == UNKNOWN => Glyph { font: 0, number: 0, width: 0.6 },
            None => {
                self.has_unknown = true;
                self.glyph(UNKNOWN)
            }
        };
        self.known.insert(character, glyph);
        glyph
    }

    pub fn width(&mut self, text: &str) -> f32 {
        text.chars().map(|character| self.glyph(character).width).sum()
    }
}
