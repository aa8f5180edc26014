//! Every encoding, announced or not; and bombs.

use std::io::Write;

use axum::body::Body;
use footfall_ingest_server::DoorsConfig;
use serde_json::json;

use crate::house::{House, KEY, gzip};

const ITEM: &[u8] = br#"{"event":"e","userId":"u"}"#;

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn brotli(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::CompressorWriter::new(&mut out, 4096, 5, 20).write_all(data).unwrap();
    out
}

async fn send(house: &House, encoding: &str, body: Vec<u8>) -> (u16, serde_json::Value) {
    let headers = [("x-write-key", KEY), ("content-encoding", encoding)];
    let answer = house.post("/v1/activity", &headers, Body::from(body)).await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test]
async fn all_encodings_are_undone() {
    let house = House::new();
    let bodies = [
        ("gzip", gzip(ITEM)),
        ("", gzip(ITEM)),
        ("gzip", ITEM.to_vec()),
        ("gzip", [gzip(&ITEM[..9]), gzip(&ITEM[9..])].concat()),
        ("deflate", zlib(ITEM)),
        ("deflate", raw_deflate(ITEM)),
        ("br", brotli(ITEM)),
        ("zstd", zstd::encode_all(ITEM, 3).unwrap()),
        ("", zstd::encode_all(ITEM, 3).unwrap()),
        ("identity", ITEM.to_vec()),
    ];
    for (encoding, body) in bodies {
        let (status, answer) = send(&house, encoding, body).await;
        assert_eq!((status, &answer["accepted"]), (200, &json!(1)), "{encoding}: {answer}");
    }
    assert_eq!(send(&house, "lzma", ITEM.to_vec()).await.0, 415);
}

#[tokio::test]
async fn bombs_are_refused() {
    let house = House::new();
    let zeros = vec![b' '; 64 << 20];
    let bombs = [
        ("gzip", gzip(&zeros)),
        ("deflate", zlib(&zeros)),
        ("deflate", raw_deflate(&zeros)),
        ("br", brotli(&zeros)),
        ("zstd", zstd::encode_all(&zeros[..], 3).unwrap()),
    ];
    for (encoding, bomb) in bombs {
        assert!(bomb.len() < 1 << 20);
        let (status, answer) = send(&house, encoding, bomb).await;
        assert_eq!((status, &answer["code"]), (413, &json!("body_too_large")), "{encoding}");
    }
}

#[tokio::test]
async fn broken_streams_are_400() {
    let house = House::new();
    let mut torn = gzip(&[ITEM, &[b' '; 3000]].concat());
    torn.truncate(torn.len() - 9);
    // Lines, so that what came of them before the end could be taken for all of them.
    let lines = [ITEM, b"\n"].concat().repeat(50);
    let shortened = |mut packed: Vec<u8>| {
        packed.truncate(packed.len() - 1);
        packed
    };
    let bodies = [
        ("gzip", torn),
        ("br", ITEM.to_vec()),
        ("deflate", b"\x78\x9c\xff\xff".to_vec()),
        ("deflate", shortened(zlib(&lines))),
        ("deflate", shortened(raw_deflate(&lines))),
        ("br", shortened(brotli(&lines))),
        ("zstd", shortened(zstd::encode_all(&lines[..], 3).unwrap())),
    ];
    for (encoding, body) in bodies {
        let (status, answer) = send(&house, encoding, body).await;
        assert_eq!((status, &answer["code"]), (400, &json!("undecodable")), "{encoding}");
    }
}

#[tokio::test]
async fn bytes_in_flight_are_bounded() {
    let house = House::with(DoorsConfig { in_flight_bytes_max: 10_000, ..DoorsConfig::default() });
    for body in [vec![b' '; 20_000], gzip(&vec![b' '; 2 << 20])] {
        let answer = house.native("", body).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"));
    }
    // What a refused request held is given back.
    for _ in 0..5 {
        let filler = format!("{}{}", String::from_utf8_lossy(ITEM), " ".repeat(9_000));
        assert_eq!(house.native("", filler).await.status, 200);
    }
}

/// A batch's context is kept with each of its items, so that a small body could ask for gigabytes.
#[tokio::test]
async fn a_context_is_not_copied_without_bound() {
    let house = House::new();
    let batch = |items: usize| {
        let items = vec![json!({"type": "track", "event": "e", "userId": "u"}); items];
        json!({"batch": items, "context": {"x": "x".repeat(200_000)}}).to_string()
    };
    let answer = house.segment("/v1/batch", batch(5)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(house.activities().len(), 5);
    let answer = house.segment("/v1/batch", gzip(batch(2_000).as_bytes())).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (400, &json!("body_too_large")));
    assert_eq!(house.activities().len(), 5, "nothing of it is kept");
    // What each copy takes is held for as long as the request lasts.
    let small = House::with(DoorsConfig { in_flight_bytes_max: 2 << 20, ..DoorsConfig::default() });
    assert_eq!(small.segment("/v1/batch", batch(5)).await.status, 200);
    assert_eq!(small.segment("/v1/batch", batch(50)).await.status, 503);
    assert_eq!(small.segment("/v1/batch", batch(5)).await.status, 200);
}
