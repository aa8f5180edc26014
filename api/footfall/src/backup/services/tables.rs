//! The tables of a backup of services: rows up to one publication, in Parquet files by table and by stretch of publications.
//!
//! What was published does not change any more. So what an earlier backup has of a table stays as it is, if the database says that these
//! are still the rows ([`Seal`]), and only what was published since is read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringViewArray};
use footfall_pipelines_jobs::CopySource;
use footfall_pipelines_store::lake::Overrides;
use footfall_pipelines_store::remote::{Rows, Seal};
use footfall_pipelines_store::rows_file::{self, RowsWriter};
use footfall_pipelines_store::tables::Table;
use footfall_pipelines_store::{Backend, ErasureRecord, StoreError};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Taken;
use crate::backup::manifest::{Backup, Item, Services, TableCopy};
use crate::backup::place::{Incoming, Place};
use crate::backup::{BackupError, later};
use crate::console::{grouped, note};
use crate::error::AppError;

/// A file that has reached this size is ended, and the next one begun.
const FILE_BYTES: usize = 256 << 20;
/// Between two notes of what is done.
const NOTE_AGAIN: Duration = Duration::from_millis(200);

/// A table that is copied, and its files.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    copy: TableCopy,
    items: Vec<Item>,
}

/// Copies every table of every project as far as `tables` sees them; what that is.
pub async fn take(tables: &Backend, place: &Place, taken: &mut Taken) -> Result<Services, AppError> {
    let publication = tables.head().ok_or_else(|| AppError::Internal("the tables have no publications".to_owned()))?;
    let before = earlier(place);
    let (mut done, mut noted): (Vec<Kept>, Option<Instant>) = (Vec::new(), None);
    for project in tables.store().projects() {
        for &table in Table::ALL {
            let kept = match table {
                Table::PersonOverrides => overrides(tables, &project, publication, place, taken)?,
                _ => {
                    let mut known: Vec<&Kept> = before.iter().filter(|kept| kept.is_of(&project, table)).collect();
                    known.sort_by_key(|kept| std::cmp::Reverse(kept.copy.publication));
                    one(tables, &project, table, publication, &known, place, taken).await?
                }
            };
            done.push(kept);
            if noted.is_none_or(|noted| noted.elapsed() >= NOTE_AGAIN) {
                note_down(place, &done, &before)?;
                noted = Some(Instant::now());
            }
        }
    }
    taken.items.extend(done.iter().flat_map(|kept| kept.items.iter().cloned()));
    // As of the same publication as the tables.
    let erasures = ErasureRecord::to_lines(&tables.store().erasure_records());
    let erasures = erasures.map_err(|error| AppError::Internal(error.to_string()))?;
    let mut file = place.incoming()?;
    file.write_all(erasures.as_bytes()).map_err(AppError::file(place.root()))?;
    taken.keep(file, later::OF_SERVICES.to_owned())?;
    let tables = done.into_iter().map(|kept| kept.copy).collect();
    Ok(Services { publication, log_end: Default::default(), records: 0, tables })
}

impl Kept {
    fn is_of(&self, project: &str, table: Table) -> bool {
        self.copy.project == project && self.copy.table == table
    }

    fn seal(&self) -> Seal {
        Seal { rows: self.copy.rows, sum: self.copy.sum }
    }

    fn is_whole(&self, place: &Place) -> bool {
        self.items.iter().all(|item| place.has(&item.sha256, item.bytes))
    }
}

async fn one(
    tables: &Backend,
    project: &Arc<str>,
    table: Table,
    publication: u64,
    known: &[&Kept],
    place: &Place,
    taken: &mut Taken,
) -> Result<Kept, AppError> {
    let seal = async |publication: u64| -> Result<Seal, AppError> {
        let seal = tables.seal(project, table, publication).await?;
        seal.ok_or_else(|| AppError::Internal("the tables have no seal".to_owned()))
    };
    let now = seal(publication).await?;
    let (mut items, mut after, mut rows) = (Vec::new(), 0, 0);
    for kept in known.iter().filter(|kept| kept.copy.publication <= publication && kept.is_whole(place)) {
        if seal(kept.copy.publication).await? == kept.seal() {
            (items, after, rows) = (kept.items.clone(), kept.copy.publication, kept.copy.rows);
            break;
        }
    }
    if rows < now.rows {
        let path = |number| format!("{}/{after}-{publication}.{number}.parquet", folder(project, table));
        let mut there = tables.rows_after(project, table, after);
        let mut file: Option<RowsWriter<_>> = None;
        while let Some(batch) = there.next().await {
            let batch = batch?;
            if file.as_ref().is_some_and(|file| file.bytes_written() >= FILE_BYTES) {
                rows += end(file.take(), path(items.len()), &mut items, taken)?;
            }
            let into = match &mut file {
                Some(file) => file,
                None => file.insert(RowsWriter::new(place.incoming()?, table)?),
            };
            into.write(&batch)?;
        }
        rows += end(file, path(items.len()), &mut items, taken)?;
    }
    if rows != now.rows {
        let what = format!("{project}/{}", table.name());
        let shown = |rows| format!("{} rows", grouped(rows));
        return Err(BackupError::Differs { what, wanted: shown(now.rows), found: shown(rows) }.into());
    }
    note(format!("{project}/{}: {} rows", table.name(), grouped(rows)));
    Ok(kept(project, table, publication, now, items))
}

fn end(
    file: Option<RowsWriter<Incoming<'_>>>,
    path: String,
    items: &mut Vec<Item>,
    taken: &mut Taken,
) -> Result<u64, AppError> {
    let Some(file) = file else { return Ok(0) };
    let (incoming, rows) = file.finish()?;
    items.push(taken.count(incoming, path)?);
    Ok(rows)
}

fn kept(project: &str, table: Table, publication: u64, seal: Seal, items: Vec<Item>) -> Kept {
    let files = items.iter().map(|item| item.path.clone()).collect();
    let project = project.to_owned();
    Kept { copy: TableCopy { project, table, publication, rows: seal.rows, sum: seal.sum, files }, items }
}

/// Names of projects are letters, digits and few signs; a folder of dots alone would be another one.
fn folder(project: &str, table: Table) -> String {
    format!("tables/project={project}/{}", table.name())
}

/// Who is whom is written as a whole.
fn overrides(
    tables: &Backend,
    project: &Arc<str>,
    publication: u64,
    place: &Place,
    taken: &mut Taken,
) -> Result<Kept, AppError> {
    let table = Table::PersonOverrides;
    let now = tables.overrides(project);
    let mut pairs: Vec<(Uuid, Uuid)> = now.iter().map(|(own, canonical)| (*own, *canonical)).collect();
    pairs.sort_unstable();
    let column = |of: fn(&(Uuid, Uuid)) -> Uuid| -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values(pairs.iter().map(|pair| of(pair).hyphenated().to_string())))
    };
    let columns = vec![column(|pair| pair.0), column(|pair| pair.1)];
    let batch = RecordBatch::try_new(table.schema(), columns).map_err(StoreError::from)?;
    let mut file = RowsWriter::new(place.incoming()?, table)?;
    file.write(&batch)?;
    let mut items = Vec::new();
    let rows = end(Some(file), format!("{}/{publication}.parquet", folder(project, table)), &mut items, taken)?;
    Ok(kept(project, table, publication, Seal { rows, sum: 0 }, items))
}

/// What the newest backup has of tables, and one that was killed since. None of it is needed: what cannot be read is copied anew.
fn earlier(place: &Place) -> Vec<Kept> {
    let unfinished = fs::read(place.unfinished()).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let mut all: Vec<Kept> = unfinished.unwrap_or_default();
    let Ok(Backup { items, services: Some(services), .. }) = place.backup(None) else { return all };
    let items: BTreeMap<&str, &Item> = items.iter().map(|item| (item.path.as_str(), item)).collect();
    all.extend(services.tables.into_iter().filter_map(|copy| {
        let files = copy.files.iter().map(|path| items.get(path.as_str()).map(|item| (*item).clone()));
        Some(Kept { items: files.collect::<Option<_>>()?, copy })
    }));
    all
}

/// For the next one, should this one be killed: what is done, and of other tables what there was before.
fn note_down(place: &Place, done: &[Kept], before: &[Kept]) -> Result<(), AppError> {
    let known: BTreeSet<(&str, Table)> =
        done.iter().map(|kept| (kept.copy.project.as_str(), kept.copy.table)).collect();
    let left = before.iter().filter(|kept| !known.contains(&(kept.copy.project.as_str(), kept.copy.table)));
    let all: Vec<&Kept> = done.iter().chain(left).collect();
    let (file, text) = (place.unfinished(), serde_json::to_vec(&all));
    let text = text.map_err(|error| AppError::Internal(error.to_string()))?;
    let draft = file.with_extension("next");
    fs::write(&draft, text).map_err(AppError::file(&draft))?;
    fs::rename(&draft, &file).map_err(AppError::file(file))
}

/// The tables of a backup, to be copied into a store.
pub struct Copied {
    files: BTreeMap<(Arc<str>, Table), Vec<PathBuf>>,
    overrides: BTreeMap<Arc<str>, Arc<Overrides>>,
    erasures: Vec<ErasureRecord>,
}

impl Copied {
    /// Those of this backup, whose files are whole.
    pub async fn of(place: &Place, backup: &Backup, services: &Services) -> Result<Copied, AppError> {
        let items: BTreeMap<&str, &Item> = backup.items.iter().map(|item| (item.path.as_str(), item)).collect();
        let erasures = later::of(place, backup)?;
        let mut copied = Copied { files: BTreeMap::new(), overrides: BTreeMap::new(), erasures };
        for copy in &services.tables {
            let object = |path: &String| items.get(path.as_str()).map(|item| place.object(&item.sha256));
            let files = copy.files.iter().map(object).collect::<Option<Vec<_>>>().ok_or_else(|| {
                let what = format!("a file of {}/{} is in no list", copy.project, copy.table.name());
                BackupError::Damaged { id: backup.id.clone(), what }
            })?;
            let project: Arc<str> = copy.project.as_str().into();
            if copy.table == Table::PersonOverrides {
                copied.overrides.insert(project.clone(), Arc::new(read_overrides(files.clone()).await?));
            }
            copied.files.insert((project, copy.table), files);
        }
        Ok(copied)
    }
}

async fn read_overrides(files: Vec<PathBuf>) -> Result<Overrides, AppError> {
    let mut rows = rows_file::read(Table::PersonOverrides, files);
    let mut overrides = Overrides::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let (own, canonical) = (batch.column(0).as_string_view(), batch.column(1).as_string_view());
        for (own, canonical) in own.iter().flatten().zip(canonical.iter().flatten()) {
            let id = |text| Uuid::parse_str(text).map_err(|error| AppError::Internal(format!("{text:?}: {error}")));
            overrides.insert(id(own)?, id(canonical)?);
        }
    }
    Ok(overrides)
}

impl CopySource for Copied {
    fn projects(&self) -> Vec<Arc<str>> {
        let mut projects: Vec<Arc<str>> = self.files.keys().map(|(project, _)| project.clone()).collect();
        projects.dedup();
        projects
    }

    fn rows(&self, project: &str, table: Table) -> Rows {
        rows_file::read(table, self.files.get(&(project.into(), table)).cloned().unwrap_or_default())
    }

    fn overrides(&self, project: &str) -> Arc<Overrides> {
        self.overrides.get(project).cloned().unwrap_or_default()
    }

    fn erasures(&self) -> Vec<ErasureRecord> {
        self.erasures.clone()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use footfall_ingest_activity::Timestamp;

    use super::*;
    use crate::backup::manifest::{FORMAT, Places};

    fn known(place: &Place, table: Table, publication: u64, path: &str) -> Kept {
        kept("p", table, publication, Seal { rows: publication, sum: 7 }, vec![file(place, path, 1)])
    }

    fn backup(services: Services, items: Vec<Item>) -> Backup {
        let places = Places { log: "".into(), store: "".into(), database: "".into(), usual: false };
        let (id, held_at, program) = ("a".into(), Timestamp::from_millis(5), "1".into());
        let (checkpoint, rows, services) = (Default::default(), Default::default(), Some(services));
        Backup { format: FORMAT, id, held_at, program, places, checkpoint, rows, items, services }
    }

    fn services(tables: Vec<TableCopy>) -> Services {
        Services { publication: 9, log_end: Default::default(), records: 0, tables }
    }

    fn ids(count: usize) -> RecordBatch {
        let ids = |of: fn(usize) -> u128| -> ArrayRef {
            Arc::new(StringViewArray::from_iter_values((0..count).map(|id| Uuid::from_u128(of(id)).to_string())))
        };
        RecordBatch::try_new(Table::PersonOverrides.schema(), vec![ids(|id| id as u128), ids(|_| 99)]).unwrap()
    }

    fn file(place: &Place, path: &str, count: usize) -> Item {
        let mut writer = RowsWriter::new(place.incoming().unwrap(), Table::PersonOverrides).unwrap();
        writer.write(&ids(count)).unwrap();
        writer.finish().unwrap().0.keep(path.into()).unwrap().0
    }

    #[test]
    fn what_a_killed_one_has_done_is_known_beside_what_the_last_one_has() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::open(&folder.path().join("place")).unwrap();
        assert!(earlier(&place).is_empty());
        let before = [known(&place, Table::Activity, 5, "a"), known(&place, Table::Identities, 5, "b")];
        note_down(&place, &[known(&place, Table::Activity, 9, "c")], &before).unwrap();
        let of = |known: &[Kept]| -> Vec<(Table, u64, String)> {
            known.iter().map(|kept| (kept.copy.table, kept.copy.publication, kept.items[0].path.clone())).collect()
        };
        let noted = [(Table::Activity, 9, "c".to_owned()), (Table::Identities, 5, "b".to_owned())];
        assert_eq!(of(&earlier(&place)), noted);
        let [activity, identities] = before;
        let items = [activity.items.clone(), identities.items].concat();
        // A table whose file is in no list is as good as none.
        let lost = TableCopy { files: vec!["gone".into()], ..identities.copy };
        place.finish(&backup(services(vec![activity.copy, lost]), items)).unwrap();
        let [one, other] = noted;
        assert_eq!(of(&earlier(&place)), [one, other, (Table::Activity, 5, "a".to_owned())]);
        std::fs::write(place.unfinished(), "{").unwrap();
        assert_eq!(of(&earlier(&place)), [(Table::Activity, 5, "a".to_owned())]);
    }

    #[tokio::test]
    async fn tables_of_a_backup_are_read_file_after_file() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::open(&folder.path().join("place")).unwrap();
        let table = Table::PersonOverrides;
        let items = vec![file(&place, "one", 3), file(&place, "two", 5)];
        let copy = kept("p", table, 9, Seal { rows: 8, sum: 0 }, items.clone()).copy;
        let empty = kept("p", Table::Activity, 9, Seal { rows: 0, sum: 0 }, Vec::new()).copy;
        let of = services(vec![copy, empty]);
        let copied = Copied::of(&place, &backup(of.clone(), items), &of).await.unwrap();
        assert_eq!(copied.projects(), [Arc::<str>::from("p")]);
        assert_eq!(
            (copied.overrides("p").len(), copied.overrides("q").len()),
            (5, 0),
            "ids that are there twice are one"
        );
        let mut rows = copied.rows("p", table);
        let mut count = 0;
        while let Some(batch) = rows.next().await {
            count += batch.unwrap().num_rows();
        }
        assert_eq!(count, 8);
        assert!(copied.rows("p", Table::Activity).next().await.is_none());
        let damaged = Copied::of(&place, &backup(of.clone(), Vec::new()), &of).await;
        assert!(matches!(damaged, Err(AppError::Backup(BackupError::Damaged { .. }))));
    }
}
