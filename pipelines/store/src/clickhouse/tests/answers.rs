//! Answers that end in the middle, as through a proxy that does not know how long they are.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::datatypes::DataType;
use arrow::ipc::writer::StreamWriter;
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::StoreError;
use crate::clickhouse::address::Address;
use crate::clickhouse::chain::schema;
use crate::clickhouse::database::Database;
use crate::clickhouse::options::ClickHouseOptions;

/// What ends an Arrow stream.
const END_BYTES: usize = 8;

/// Answers every request with these bytes, and hangs up.
async fn answering(bytes: Vec<u8>) -> Database {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("clickhouse://{}/any", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let (mut request, mut part) = (Vec::new(), [0; 8_192]);
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    match client.read(&mut part).await {
                        Ok(0) | Err(_) => return,
                        Ok(read) => request.extend_from_slice(&part[..read]),
                    }
                }
                client.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await.unwrap();
                client.write_all(&bytes).await.unwrap();
                client.shutdown().await.unwrap();
                // Until the other side has read it.
                while client.read(&mut part).await.is_ok_and(|read| read > 0) {}
            });
        }
    });
    let options = ClickHouseOptions { tries: 1, ..ClickHouseOptions::default() };
    Database::new(Address::parse(&url).unwrap(), options).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_ends_in_the_middle_is_not_taken_for_the_whole() {
    let schema = schema(&[("n", DataType::UInt64)]);
    let numbers: ArrayRef = Arc::new(UInt64Array::from_iter_values(0..1_000));
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
    writer.write(&RecordBatch::try_new(schema.clone(), vec![numbers]).unwrap()).unwrap();
    let whole = writer.into_inner().unwrap();
    let cut = whole[..whole.len() / 2].to_vec();
    // The first piece of what the database says when it fails after it has begun to answer.
    let failed = [&whole[..whole.len() - END_BYTES], &b"Code: 241. DB::Exc"[..]].concat();

    for (bytes, is_whole) in [(whole, true), (cut, false), (failed, false)] {
        let database = answering(bytes).await;
        let at_once = database.batches("SELECT n FROM numbers", &schema).await;
        let mut rows = database.rows("SELECT n FROM numbers".to_owned(), schema.clone());
        let mut one_by_one: Result<usize, StoreError> = Ok(0);
        while let Some(batch) = rows.next().await {
            one_by_one = batch.and_then(|batch| one_by_one.map(|count| count + batch.num_rows()));
        }
        let at_once = at_once.map(|batches| batches.iter().map(RecordBatch::num_rows).sum::<usize>());
        for read in [at_once, one_by_one] {
            match read {
                Ok(count) => assert!(is_whole && count == 1_000, "{count}"),
                Err(error) => assert!(!is_whole && matches!(error, StoreError::Away { .. }), "{error}"),
            }
        }
    }
}
