//! Formats are told apart, and each gives the same activities.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Decimal128Array, DictionaryArray, FixedSizeBinaryArray, FixedSizeListArray, Int32Array,
    Int64Array, StringArray, TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::{Float64Type, Int32Type};
use arrow::record_batch::RecordBatch;
use footfall_ingest_activity::{Activity, Entry, Limits};
use parquet::arrow::ArrowWriter;

use super::format::detect;
use super::source::{Chunk, read_file};
use super::*;

fn read(name: &str, content: &[u8]) -> Vec<Chunk> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    let mut chunks = Vec::new();
    let mut give = |chunk| {
        chunks.push(chunk);
        true
    };
    read_file(&path, FileFormat::Auto, &Arc::new(Progress::default()), &mut give).unwrap();
    chunks
}

/// The activities of a file, and how many items were quarantined and rejected.
fn taken(name: &str, content: &[u8]) -> (Vec<serde_json::Value>, usize, usize) {
    let (mut activities, mut quarantined, mut rejected) = (Vec::new(), 0, 0);
    for chunk in read(name, content) {
        let parsed = local::read_for_test(&chunk, &Limits::default());
        quarantined += parsed.quarantined;
        rejected += parsed.rejected;
        for record in &parsed.records {
            if let Entry::Activity(activity) = Entry::decode(record.kind, &record.payload).unwrap() {
                activities.push(shown(&activity));
            }
        }
    }
    (activities, quarantined, rejected)
}

fn shown(activity: &Activity<'_>) -> serde_json::Value {
    let properties: serde_json::Value =
        activity.properties.map_or(serde_json::json!({}), |raw| serde_json::from_str(raw.get()).unwrap());
    serde_json::json!([
        activity.event,
        activity.distinct_id,
        activity.message_id,
        activity.timestamp.to_rfc3339(),
        properties
    ])
}

fn wanted() -> serde_json::Value {
    serde_json::json!(["buy", "u1", "m1", "2024-05-01T10:00:00.000Z", {"n": 3, "city": "Bonn"}])
}

const LINE: &str = r#"{"type":"track","event":"buy","userId":"u1","messageId":"m1","timestamp":"2024-05-01T10:00:00Z","properties":{"n":3,"city":"Bonn"}}"#;

#[test]
fn lines_plain_and_packed() {
    let text = format!("{LINE}\n\n{LINE}\nnot json\n{{\"type\":\"track\",\"userId\":\"u\"}}\n");
    let (activities, quarantined, rejected) = taken("a.ndjson", text.as_bytes());
    assert_eq!((activities, quarantined, rejected), (vec![wanted(), wanted()], 1, 1));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    assert_eq!(taken("a", &gzip.finish().unwrap()).0.len(), 2);
    assert_eq!(taken("a", &zstd::encode_all(text.as_bytes(), 1).unwrap()).0.len(), 2);
    assert!(taken("empty", b"").0.is_empty());
}

#[test]
fn batches_and_arrays() {
    let batch =
        format!("{{\"batch\":[{LINE},{LINE}],\"context\":{{\"locale\":\"de\"}},\"sentAt\":\"2024-05-02T00:00:00Z\"}}");
    assert_eq!(taken("b.json", batch.as_bytes()).0, [wanted(), wanted()]);
    assert_eq!(taken("lines.json", format!("{batch}\n{batch}\n").as_bytes()).0.len(), 4);
    let array = format!("[\n  {LINE},\n  {LINE}\n]");
    assert_eq!(taken("c.json", array.as_bytes()).0.len(), 2);
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(LINE).unwrap()).unwrap();
    assert_eq!(taken("d.json", pretty.as_bytes()).0, [wanted()]);
}

#[test]
fn a_batchs_context_changes_nothing_else_of_its_items() {
    let item = |context: &str| {
        format!(
            "{{\"type\":\"track\",\"event\":\"e\",\"userId\":12345678901234567890123{context},\"properties\":{{\"n\":1.10}}}}"
        )
    };
    let items = [item(""), item(",\"context\":null"), item(",\"context\":{\"locale\":\"fr\"}"), "{}".to_owned()];
    let batch = format!("{{\"batch\":[{}],\"context\":{{\"locale\":\"de\",\"n\":2.0}}}}", items.join(",\n"));
    let (rows, quarantined, rejected) = taken("b.json", batch.as_bytes());
    assert_eq!((rows.len(), quarantined, rejected), (3, 1, 0));
    assert!(rows.iter().all(|row| row[1] == "12345678901234567890123"), "{rows:?}");
    let lines: Vec<u8> = read("b.json", batch.as_bytes()).into_iter().flat_map(|chunk| chunk.text).collect();
    let lines = String::from_utf8(lines).unwrap();
    let ends = [r#"{"n":1.10},"context":{"locale":"de","n":2.0}}"#; 2];
    let wanted = [ends[0], ends[1], r#""context":{"locale":"fr","n":2.0}}"#, r#"{"context":{"locale":"de","n":2.0}}"#];
    assert_eq!(lines.lines().count(), wanted.len());
    assert!(lines.lines().zip(wanted).all(|(line, end)| line.ends_with(end)), "{lines}");
}

#[test]
fn posthog_lines_and_csv() {
    let line = r#"{"uuid":"0190a000-0000-7000-8000-000000000001","event":"buy","distinct_id":"u1","timestamp":"2024-05-01T10:00:00Z","properties":{"n":3}}"#;
    let (lines, ..) = taken("p.ndjson", line.as_bytes());
    let csv = "uuid,event,properties,distinct_id,timestamp\n0190a000-0000-7000-8000-000000000001,buy,\"{\"\"n\"\": 3}\",u1,2024-05-01T10:00:00Z\n";
    let (rows, ..) = taken("p.csv", csv.as_bytes());
    assert_eq!(lines, rows);
    assert_eq!(rows[0][1], "u1");
}

#[test]
fn csv_of_our_own() {
    let csv = "event,timestamp,user_id,message_id,n,city\nbuy,2024-05-01T10:00:00Z,u1,m1,3,Bonn\n\
               buy,2024-05-01 10:00:00,007,m2,007,\n";
    let (rows, quarantined, rejected) = taken("x.csv", csv.as_bytes());
    assert_eq!((quarantined, rejected), (0, 0));
    assert_eq!(rows[0], wanted());
    assert_eq!(rows[1], serde_json::json!(["buy", "007", "m2", "2024-05-01T10:00:00.000Z", {"n": "007"}]));
    let with_properties = "event,user_id,properties,n\nbuy,u1,\"{\"\"city\"\":\"\"Bonn\"\"}\",3\nbuy,u1,nonsense,\n";
    let (rows, quarantined, _) = taken("y.csv", with_properties.as_bytes());
    assert_eq!(rows[0][4], serde_json::json!({"n": 3, "city": "Bonn"}));
    assert_eq!(quarantined, 1, "properties that are no object");
}

#[test]
fn parquet_with_binary_ids() {
    let id = FixedSizeBinaryArray::try_from_iter([[0xabu8; 16]].iter()).unwrap();
    let columns: [(&str, ArrayRef); 5] = [
        ("event_id", Arc::new(id)),
        ("event", Arc::new(StringArray::from(vec!["buy"]))),
        ("user_id", Arc::new(StringArray::from(vec!["u1"]))),
        ("timestamp", Arc::new(TimestampMillisecondArray::from(vec![1_714_557_600_000]).with_timezone("UTC"))),
        ("n", Arc::new(Int64Array::from(vec![3]))),
    ];
    let (rows, ..) = taken("a.parquet", &parquet(RecordBatch::try_from_iter(columns).unwrap()));
    assert_eq!(rows[0], serde_json::json!(["buy", "u1", "ab".repeat(16), "2024-05-01T10:00:00.000Z", {"n": 3}]));
}

fn parquet(batch: RecordBatch) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}

#[test]
fn parquet_with_decimals_categories_and_texts_that_are_called_bytes() {
    let keys = Int32Array::from(vec![1]);
    let numbers = DictionaryArray::<Int32Type>::new(keys.clone(), Arc::new(Int64Array::from(vec![7, 3])));
    let words = DictionaryArray::<Int32Type>::new(keys, Arc::new(StringArray::from(vec!["Cologne", "Bonn"])));
    let price = Decimal128Array::from(vec![-1205]).with_precision_and_scale(10, 2).unwrap();
    let place = FixedSizeListArray::from_iter_primitive::<Float64Type, _, _>([Some([Some(50.7), Some(7.1)])], 2);
    let columns: [(&str, ArrayRef); 8] = [
        ("event_id", Arc::new(BinaryArray::from(vec![&[0x01u8; 16][..]]))),
        ("event", Arc::new(BinaryArray::from(vec![&b"checkout_started"[..]]))),
        ("user_id", Arc::new(StringArray::from(vec!["u1"]))),
        ("timestamp", Arc::new(TimestampNanosecondArray::from(vec![1_714_557_600_123_456_789]))),
        ("n", Arc::new(numbers)),
        ("city", Arc::new(words)),
        ("price", Arc::new(price)),
        ("place", Arc::new(place)),
    ];
    let (rows, ..) = taken("b.parquet", &parquet(RecordBatch::try_from_iter(columns).unwrap()));
    let properties = serde_json::json!({"n": 3, "city": "Bonn", "price": -12.05, "place": [50.7, 7.1]});
    let wanted = serde_json::json!(["checkout_started", "u1", "01".repeat(16), "2024-05-01T10:00:00.123Z", properties]);
    assert_eq!(rows, [wanted]);
}

#[test]
fn long_files_come_in_chunks_and_long_lines_are_rejected() {
    let text = format!("{LINE}\n").repeat(2500);
    let sizes: Vec<usize> = read("l.ndjson", text.as_bytes()).iter().map(|chunk| chunk.items).collect();
    assert_eq!(sizes, [1000, 1000, 500]);
    let long = format!("{{\"a\":\"{}\"}}\n{LINE}\n", "x".repeat(9 << 20));
    let (rows, _, rejected) = taken("long.ndjson", long.as_bytes());
    assert_eq!((rows.len(), rejected), (1, 1));
}

#[test]
fn formats_are_told_apart() {
    let format = |name: &str, text: &str| {
        detect(Path::new(name), FileFormat::Auto, &mut Cursor::new(text.as_bytes().to_vec())).unwrap()
    };
    assert_eq!(format("x", "PAR1...."), FileFormat::Parquet);
    assert_eq!(format("x", "event,user_id\n"), FileFormat::Csv);
    assert_eq!(format("x.ndjson.gz", "oops\n"), FileFormat::Ndjson);
    assert_eq!(format("x", "{\"event\":\"a\"}\n"), FileFormat::Ndjson);
    assert_eq!(format("x", "{\"event\":\"batch\",\"x\":\"batch\"}\n"), FileFormat::Ndjson);
    assert_eq!(format("x", "{\n \"batch\": []}"), FileFormat::Segment);
    assert_eq!(format("x.ndjson", "{\"event\":\n{\"event\":\"a\"}\n"), FileFormat::Ndjson);
    assert_eq!(format("x", "[]"), FileFormat::Segment);
}

#[test]
fn a_row_with_more_cells_than_columns_is_rejected() {
    let csv = "event,user_id,message_id,timestamp,city\nbuy,u1,m1,2024-05-01T10:00:00Z,Bonn\n\
               buy,u1,m2,2024-05-01T10:00:00Z,Bonn, am Rhein\nbuy,u1,m3,2024-05-01T10:00:00Z,Bonn,\n";
    let (rows, quarantined, rejected) = taken("x.csv", csv.as_bytes());
    assert_eq!((rows.len(), quarantined, rejected), (2, 0, 1), "{rows:?}");
}

#[test]
fn an_object_in_a_cell_may_have_several_lines() {
    let csv = "event,user_id,message_id,timestamp,context\n\
               buy,u1,m1,2024-05-01T10:00:00Z,\"{\"\"locale\"\":\n\"\"de\"\"}\"\n";
    let (rows, quarantined, rejected) = taken("x.csv", csv.as_bytes());
    assert_eq!((rows.len(), quarantined, rejected), (1, 0, 0), "{rows:?}");
}

#[test]
fn a_broken_line_is_rejected_alone_wherever_it_stands() {
    for broken in [&b"{\"event\":"[..], b"7", b"\xff\xfe"] {
        let mut text = [broken, b"\n"].concat();
        text.extend(format!("{LINE}\n").repeat(3).into_bytes());
        let (rows, quarantined, rejected) = taken("x.ndjson", &text);
        assert_eq!((rows.len(), quarantined + rejected), (3, 1), "{broken:?}");
    }
}

#[test]
fn a_cell_that_should_hold_an_object_and_does_not_is_kept() {
    let csv = "event,user_id,message_id,timestamp,context\nbuy,u1,m1,2024-05-01T10:00:00Z,n/a\n\
               buy,u1,m2,2024-05-01T10:00:00Z,\"{},\"\"userId\"\":\"\"somebody\"\"\"\nbuy,u1,m3,2024-05-01T10:00:00Z,\n";
    let (rows, quarantined, rejected) = taken("x.csv", csv.as_bytes());
    assert_eq!((rows.len(), quarantined, rejected), (1, 2, 0), "{rows:?}");
}

#[test]
fn columns_of_ids_are_texts_and_words_that_end_so_are_not() {
    let csv = "event,distinctId,paid,bid,order_id,productId,uuid_of_nobody,accountID\nbuy,007,true,2.5,12,13,14,15\n";
    let (rows, ..) = taken("x.csv", csv.as_bytes());
    assert_eq!(rows[0][1], "007");
    let wanted = serde_json::json!({"paid": true, "bid": 2.5, "order_id": "12", "productId": "13", "uuid_of_nobody": 14, "accountID": "15"});
    assert_eq!(rows[0][4], wanted);
}

#[test]
fn an_account_adds_up_with_persons_who_are_forgotten() {
    let told = r#"{"stored": 1, "duplicate": 0, "quarantined": 0, "erased": 2, "caught_up": false}"#;
    let account: Account = serde_json::from_str(told).unwrap();
    assert!(account.covers(Sent { kept: 3, rejected: 0 }));
    assert!(!account.covers(Sent { kept: 4, rejected: 0 }));
    assert_eq!(account.to_string(), "accepted 1, quarantined 0, rejected 0, duplicate 0, forgotten 2");
}
