//! A disk that fills: the doors answer 503 with Retry-After, nothing acknowledged is lost, and it recovers by itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gear::skip;
use crate::server::{DEADLINE, Server};

/// A small file system in memory; unmounted when dropped.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    pub fn mounted(megabytes: u64) -> Result<SmallDisk, String> {
        let folder = TempDir::with_prefix("footfall-small-").map_err(|error| error.to_string())?;
        let size = format!("size={megabytes}m");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        match mount {
            Ok(done) if done.status.success() => Ok(SmallDisk { folder }),
            Ok(done) => {
                Err(format!("a tmpfs cannot be mounted here: {}", String::from_utf8_lossy(&done.stderr).trim()))
            }
            Err(error) => Err(format!("mount cannot be run: {error}")),
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file until nothing fits any more.
    pub fn fill(&self) -> PathBuf {
        use std::io::Write;
        let path = self.path().join("filler");
        let mut file = std::fs::File::create(&path).expect("a file");
        for size in [1 << 20, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn batch(name: &str) -> Value {
    let ids = (0..50).map(|item| format!("{name}-{item}"));
    json!(ids.map(|id| json!({"event": "full", "distinctId": "ada", "messageId": id})).collect::<Vec<_>>())
}

/// Posts until the answer has this status; every answer on the way is 200 or 503. Returns acknowledged batches.
async fn post_until(server: &Server, status: u16, prefix: &str) -> usize {
    let (started, mut acknowledged) = (Instant::now(), 0);
    for number in 0.. {
        let answer = server.post(&batch(&format!("{prefix}-{number}"))).await;
        acknowledged += usize::from(answer.status == 200);
        if answer.status == 503 {
            assert!(answer.headers.contains_key("retry-after"), "{:?}", answer.headers);
        }
        if answer.status == status {
            return acknowledged;
        }
        assert!([200, 503].contains(&answer.status), "{}", answer.text());
        assert!(started.elapsed() < DEADLINE, "never {status}: {}\n{}", answer.text(), server.tracing());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    unreachable!("the loop has no end")
}

async fn fills_and_recovers(reserve: &str) {
    let disk = match SmallDisk::mounted(48) {
        Ok(disk) => disk,
        Err(why) => return skip("disk full", &why),
    };
    let settings = [
        ("FOOTFALL_LOG_DISK_RESERVE", reserve),
        ("FOOTFALL_STORE_FLUSH_AGE", "200ms"),
        ("FOOTFALL_STORE_FLUSH_ROWS", "500"),
    ];
    let mut server = Server::prepare(disk.path().join("data"), &settings);
    server.make_keys();
    server.restart().await;
    let mut acknowledged = post_until(&server, 200, "before").await;

    let filler = disk.fill();
    acknowledged += post_until(&server, 503, "full").await;
    let visible = server.until("SELECT count(*) FROM activity", 50 * acknowledged as i64).await;
    assert!(visible >= 50 * acknowledged as i64, "questions are answered while the disk is full");

    std::fs::remove_file(filler).expect("the filler goes");
    acknowledged += post_until(&server, 200, "after").await;
    server.until("SELECT count(*) FROM activity", 50 * acknowledged as i64).await;
    assert_eq!(server.number("SELECT count(*) - count(DISTINCT message_id) FROM activity").await, 0);

    server.kill();
    server.restart().await;
    let kept =
        "SELECT count(DISTINCT message_id) FROM activity WHERE message_id LIKE 'before-%' OR message_id LIKE 'after-%'";
    assert!(server.until(kept, 100).await >= 100);
    assert!(server.number("SELECT count(*) FROM activity").await >= 50 * acknowledged as i64);
    assert_eq!(server.number("SELECT count(*) - count(DISTINCT message_id) FROM activity").await, 0);
}

#[tokio::test]
async fn a_full_disk_is_refused_by_the_reserve_and_recovers() {
    fills_and_recovers("4MiB").await;
}

#[tokio::test]
async fn a_full_disk_is_refused_by_the_kernel_and_recovers() {
    fills_and_recovers("0").await;
}
