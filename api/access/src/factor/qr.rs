//! A QR code as SVG: one path, black on white with the quiet zone that readers need.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

use crate::error::AccessError;

/// Modules of white around it (ISO/IEC 18004, 6.3.8).
const QUIET: i32 = 4;

/// `text` as a QR code.
pub(super) fn svg(text: &str) -> Result<String, AccessError> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).map_err(|_| AccessError::Damaged("an otpauth address"))?;
    let size = code.size();
    let side = size + 2 * QUIET;
    let mut path = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            // Writing into a text cannot fail.
            let _ = write!(path, "M{},{}h1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
    ))
}
