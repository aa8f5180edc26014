//! Brokers that lose what they had acknowledged, or would.

use std::io::Write;

use tempfile::TempDir;

use super::*;

/// A small file system in memory; unmounted when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None`, and a line that says so, where none can be mounted; in CI that fails.
    fn mounted() -> Option<SmallDisk> {
        let folder = TempDir::with_prefix("footfall-small-").unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=160m", "tmpfs"]).arg(folder.path()).output();
        if mount.as_ref().is_ok_and(|done| done.status.success()) {
            return Some(SmallDisk(folder));
        }
        assert!(std::env::var_os("CI").is_none(), "with CI set nothing may be skipped: {mount:?}");
        let _ = writeln!(std::io::stderr().lock(), "skipped: a disk that is full: a tmpfs cannot be mounted here");
        None
    }

    /// Takes what is free, and whatever becomes free, until it is told to end.
    fn fill(&self, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
        let path = self.0.path().join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        let (full, is_full) = std::sync::mpsc::channel();
        let filling = std::thread::spawn(move || {
            for size in [1 << 20, 1 << 12] {
                while file.write_all(&vec![0; size]).is_ok() {}
            }
            while !stop.load(Ordering::Relaxed) {
                while file.write_all(&[0]).is_ok() {}
                let _ = full.send(());
                std::thread::sleep(Duration::from_millis(1));
            }
            std::fs::remove_file(&path).unwrap();
        });
        is_full.recv().unwrap();
        filling
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0.path()).status());
    }
}

/// The newest file of partition 0.
fn file_of(broker: &Broker, topic: &str) -> PathBuf {
    broker.folder.join(format!("data/{topic}-0/00000000000000000000.log"))
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

/// A broker that finds no room for the first page of its index has the records on disk and says that it has not; what others append then gets
/// the same offsets, and with both it throws the whole file away when it starts again. A topic of ours has no entry in its index that early.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_where_the_index_would_begin_loses_nothing() {
    let Some(disk) = SmallDisk::mounted() else { return };
    let Some(broker) = Broker::start_in("up", Some(disk.0.path())) else { return };
    let (one, other) = (broker.open("full", 1).await.unwrap(), broker.open("full", 1).await.unwrap());
    let file = file_of(&broker, "full");
    let (mut acknowledged, mut next) = (Vec::new(), 0..);
    other.append(vec![numbered(next.next().unwrap())]).await.unwrap();
    acknowledged.push(0);
    // By default the next batch after 4,096 bytes has an entry, the first one.
    while length(&file) <= 4096 {
        let number = next.next().unwrap();
        one.append(vec![numbered(number)]).await.unwrap();
        acknowledged.push(number);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let filling = disk.fill(stop.clone());
    let before = length(&file);
    for (log, count) in [(&one, 8), (&other, 2)] {
        let numbers: Vec<usize> = next.by_ref().take(count).collect();
        if log.append(numbers.iter().copied().map(numbered).collect()).await.is_ok() {
            acknowledged.extend(numbers);
        }
    }
    assert!(length(&file) > before, "there was room for what was appended, if not for more");
    stop.store(true, Ordering::Relaxed);
    filling.join().unwrap();
    tokio::task::block_in_place(|| {
        broker.does("kill");
        broker.does("start");
    });
    drop((one, other));
    let asked = Instant::now();
    let log = loop {
        match broker.open("full", 1).await {
            Ok(log) => break log,
            // It is let in again when its session from before has run out.
            Err(error) => assert!(error.is_retryable() && asked.elapsed() < SOON, "{error}"),
        }
    };
    let all = read_all(&log).await;
    let read: Vec<usize> = all.records.iter().map(|record| number_of(&record.payload)).collect();
    let missing: Vec<&usize> = acknowledged.iter().filter(|number| !read.contains(number)).collect();
    assert!(missing.is_empty(), "of {} acknowledged are gone: {missing:?}", acknowledged.len());
}

/// The broker comes back without records that it had acknowledged: that is said, no offset is given out twice, and it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_broker_has_lost_is_said_and_skipped() {
    let Some(broker) = Broker::start() else { return };
    let log = broker.open("lost", 1).await.unwrap();
    let (file, mut kept) = (file_of(&broker, "lost"), 0);
    for number in 0..20 {
        log.append(vec![numbered(number)]).await.unwrap();
        if number == 4 {
            kept = length(&file);
        }
    }
    let read = log.read(&Checkpoint::default(), 1, SOON).await.unwrap().next;
    tokio::task::block_in_place(|| {
        broker.does("kill");
        let file = std::fs::File::options().write(true).open(&file).unwrap();
        file.set_len(kept).unwrap();
        broker.does("start");
    });
    let asked = Instant::now();
    while log.status().damages.is_empty() {
        assert!(asked.elapsed() < SOON, "it is said");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let covering = loop {
        match log.append(vec![numbered(20)]).await {
            Ok(covering) => break covering,
            Err(error) => assert!(asked.elapsed() < SOON, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(covering.next_offset(0) > 20, "no offset is given out twice: {covering:?}");
    let damages = log.status().damages;
    let spans: Vec<(u32, u64, u64)> =
        damages.iter().map(|damage| (damage.partition, damage.from_offset, damage.to_offset)).collect();
    assert_eq!(spans, [(0, 5, 20)], "{damages:?}");
    // Whoever has read a part goes on.
    let mut at = read;
    let mut numbers = Vec::new();
    while !at.covers(&covering) {
        // A reader that has seen the broker go is told so first; it is read again then, as by the jobs.
        let batch = match log.read(&at, 1 << 20, SOON).await {
            Ok(batch) => batch,
            Err(error) => {
                assert!(error.is_retryable() && asked.elapsed() < SOON, "{error}");
                continue;
            }
        };
        numbers.extend(batch.records.iter().map(|record| number_of(&record.payload)));
        at = batch.next;
    }
    assert_eq!(numbers.last(), Some(&20), "{numbers:?}");
}
