//! Undoes the compression of a body, never beyond a cap: a bomb is refused after the cap's worth of work.

use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};

use crate::envelope::BodyFault;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// Why a body was not decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the body grows beyond {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    #[error(transparent)]
    Broken(#[from] BodyFault),
}

impl Encoding {
    /// The encoding that `Content-Encoding` names; `None` for one that we do not have.
    pub fn named(header: &str) -> Option<Encoding> {
        let name = header.trim();
        let is = |known: &[&str]| known.iter().any(|known| name.eq_ignore_ascii_case(known));
        match () {
            () if is(&["", "identity"]) => Some(Encoding::Identity),
            () if is(&["gzip", "x-gzip", "gzip-js"]) => Some(Encoding::Gzip),
            () if is(&["deflate"]) => Some(Encoding::Deflate),
            () if is(&["br"]) => Some(Encoding::Brotli),
            () if is(&["zstd"]) => Some(Encoding::Zstd),
            () => None,
        }
    }

    /// What the body is, by its first bytes where they tell, else by what the client said. Clients send gzip without
    /// saying so, and proxies unpack it without saying so; JSON never begins like a compressed body.
    pub fn of(body: &[u8], said: Encoding) -> Encoding {
        match body {
            [0x1f, 0x8b, 0x08, ..] => Encoding::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Encoding::Zstd,
            _ if matches!(said, Encoding::Gzip | Encoding::Zstd) => Encoding::Identity,
            _ => said,
        }
    }
}

/// The decoded body, of at most `bytes_max` bytes. `reserve` is asked before every growth.
pub fn decode(
    body: &[u8],
    encoding: Encoding,
    bytes_max: usize,
    reserve: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<Vec<u8>>, DecodeError> {
    match encoding {
        Encoding::Identity if body.len() > bytes_max => Err(DecodeError::TooLarge { bytes_max }),
        Encoding::Identity => Ok(Some(body.to_vec())),
        Encoding::Gzip => drain(flate2::bufread::MultiGzDecoder::new(body), body.len(), bytes_max, reserve),
        Encoding::Brotli => drain(brotli::Decompressor::new(body, 4096), body.len(), bytes_max, reserve),
        Encoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(broken)?;
            decoder.window_log_max(23).map_err(broken)?;
            drain(decoder, body.len(), bytes_max, reserve)
        }
        // "deflate" is zlib by the standard and raw by the habit of some clients.
        Encoding::Deflate => drain(Inflate::new(body, is_zlib(body)), body.len(), bytes_max, reserve),
    }
}

fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0)
}

/// A stream of deflate. One that ends early is an error, which the readers of the crate take for its end.
struct Inflate<'a> {
    rest: &'a [u8],
    state: Decompress,
    is_over: bool,
}

impl<'a> Inflate<'a> {
    fn new(body: &'a [u8], zlib: bool) -> Self {
        Inflate { rest: body, state: Decompress::new(zlib), is_over: false }
    }
}

impl Read for Inflate<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.is_over {
            let (taken, given) = (self.state.total_in(), self.state.total_out());
            self.is_over = self.state.decompress(self.rest, out, FlushDecompress::None)? == Status::StreamEnd;
            let taken = (self.state.total_in() - taken) as usize;
            let given = (self.state.total_out() - given) as usize;
            self.rest = self.rest.get(taken..).unwrap_or_default();
            if given > 0 {
                return Ok(given);
            }
            if taken == 0 && !self.is_over {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the stream ends early"));
            }
        }
        Ok(0)
    }
}

fn broken(error: io::Error) -> DecodeError {
    DecodeError::Broken(BodyFault::Undecodable(error.to_string()))
}

fn drain(
    mut reader: impl Read,
    packed: usize,
    bytes_max: usize,
    reserve: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<Vec<u8>>, DecodeError> {
    const STEP: usize = 64 * 1024;
    let mut out = Vec::with_capacity((packed.saturating_mul(4)).min(bytes_max).min(1 << 20));
    let mut step = vec![0u8; STEP];
    loop {
        let count = reader.read(&mut step).map_err(broken)?;
        if count == 0 {
            return Ok(Some(out));
        }
        if out.len() + count > bytes_max {
            return Err(DecodeError::TooLarge { bytes_max });
        }
        if !reserve(count) {
            return Ok(None);
        }
        out.extend_from_slice(step.get(..count).unwrap_or_default());
    }
}
