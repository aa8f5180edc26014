//! Pages and fonts as the objects of a file.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Date, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::Sheet;
use super::fonts::{Font, Fonts};
use super::layout::{Pages, name_of};
use crate::error::BoardError;

const SYSTEM: SystemInfo = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
/// Says that a font is a part of itself.
const PART: &str = "FOOTFA";

fn packed(bytes: &[u8]) -> Result<Vec<u8>, BoardError> {
    let failed = |_| BoardError::Damaged("a file that was made");
    let mut writer = ZlibEncoder::new(Vec::new(), Compression::default());
    writer.write_all(bytes).map_err(failed)?;
    writer.finish().map_err(failed)
}

struct Numbers(i32);

impl Numbers {
    fn next(&mut self) -> Ref {
        self.0 += 1;
        Ref::new(self.0)
    }
}

pub(super) fn file(sheet: &Sheet, pages: Pages, fonts: Fonts) -> Result<Vec<u8>, BoardError> {
    let mut numbers = Numbers(0);
    let mut pdf = Pdf::new();
    let (catalog, tree, info) = (numbers.next(), numbers.next(), numbers.next());
    let used: Vec<(usize, Ref)> =
        (0..fonts.all.len()).filter(|at| !fonts.all[*at].told.is_empty()).map(|at| (at, numbers.next())).collect();
    let kids: Vec<Ref> = pages.contents.iter().map(|_| numbers.next()).collect();
    {
        let mut root = pdf.catalog(catalog);
        root.pages(tree);
        root.viewer_preferences().display_doc_title(true);
    }
    pdf.pages(tree).kids(kids.iter().copied()).count(i32::try_from(kids.len()).unwrap_or(i32::MAX));
    {
        let mut about = pdf.document_info(info);
        about.title(TextStr(&sheet.title)).producer(TextStr("Footfall"));
        if let Some(date) = date_of(sheet.made.millis()) {
            about.creation_date(date);
        }
    }
    for (content, id) in pages.contents.into_iter().zip(kids) {
        let body = numbers.next();
        let mut page = pdf.page(id);
        page.media_box(Rect::new(0.0, 0.0, pages.width, pages.height)).parent(tree).contents(body);
        let mut resources = page.resources();
        let mut named = resources.fonts();
        for (at, font) in &used {
            named.pair(Name(name_of(*at)), *font);
        }
        named.finish();
        resources.finish();
        page.finish();
        let bytes = packed(content.finish().as_slice())?;
        pdf.stream(body, &bytes).filter(Filter::FlateDecode);
    }
    for (at, id) in used {
        write_font(&mut pdf, &fonts.all[at], id, &mut numbers)?;
    }
    Ok(pdf.finish())
}

fn date_of(millis: i64) -> Option<Date> {
    let made = jiff::Timestamp::from_millisecond(millis).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
    let part = |number: i8| u8::try_from(number).unwrap_or_default();
    let date = Date::new(u16::try_from(made.year()).ok()?).month(part(made.month())).day(part(made.day()));
    let date = date.hour(part(made.hour())).minute(part(made.minute())).second(part(made.second()));
    Some(date.utc_offset_hour(0).utc_offset_minute(0))
}

fn write_font(pdf: &mut Pdf, font: &Font, id: Ref, numbers: &mut Numbers) -> Result<(), BoardError> {
    let (cid, descriptor, program, map) = (numbers.next(), numbers.next(), numbers.next(), numbers.next());
    let name = format!("{PART}+{}", font.name);
    let name = Name(name.as_bytes());
    pdf.type0_font(id).base_font(name).encoding_predefined(Name(b"Identity-H")).descendant_font(cid).to_unicode(map);
    {
        let mut written = pdf.cid_font(cid);
        written.subtype(CidFontType::Type2).base_font(name).system_info(SYSTEM).font_descriptor(descriptor);
        written.default_width(600.0).cid_to_gid_map_predefined(Name(b"Identity"));
        let mut widths = written.widths();
        for (number, (_, width)) in &font.told {
            widths.consecutive(*number, [width * 1000.0]);
        }
    }
    let face = &font.face;
    let part = |units: i16| f32::from(units) * 1000.0 / f32::from(face.units_per_em());
    let bounds = face.global_bounding_box();
    let bounds = Rect::new(part(bounds.x_min), part(bounds.y_min), part(bounds.x_max), part(bounds.y_max));
    pdf.font_descriptor(descriptor)
        .name(name)
        .flags(FontFlags::SYMBOLIC)
        .bbox(bounds)
        .italic_angle(0.0)
        .ascent(part(face.ascender()))
        .descent(part(face.descender()))
        .cap_height(part(face.capital_height().unwrap_or(face.ascender())))
        .stem_v(80.0)
        .font_file2(program);
    let subset = subsetter::subset(font.bytes, 0, &font.used).map_err(|_| BoardError::Damaged("a font"))?;
    let bytes = packed(&subset)?;
    let mut stream = pdf.stream(program, &bytes);
    stream.filter(Filter::FlateDecode);
    stream.pair(Name(b"Length1"), i32::try_from(subset.len()).unwrap_or(i32::MAX));
    stream.finish();
    let mut told = UnicodeCmap::new(Name(b"Footfall-UTF16"), SYSTEM);
    for (number, (character, _)) in &font.told {
        told.pair(*number, *character);
    }
    let bytes = packed(told.finish().as_slice())?;
    pdf.cmap(map, &bytes).filter(Filter::FlateDecode);
    Ok(())
}
