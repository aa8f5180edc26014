//! A physical table at one moment, as DataFusion scans it: Parquet files and fresh rows, side by side.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PrunableStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, DFSchema, ScalarValue, Statistics};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::parquet::{CachedParquetFileReaderFactory, ParquetRowSelection};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, cast};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use object_store::ObjectMeta;
use object_store::path::Path;

use super::promoted::PromotedColumns;
use crate::lake::{DataFile, ProjectSnapshot};
use crate::tables::Table;

/// How much of a file's end is read at once for its metadata.
const METADATA_BYTES: usize = 256 * 1024;

/// One table of one snapshot.
#[derive(Debug)]
pub(super) struct LakeTable {
    table: Table,
    snapshot: Arc<ProjectSnapshot>,
    store: ObjectStoreUrl,
}

impl LakeTable {
    /// `store` is the object store rooted at the snapshot's root.
    pub fn new(table: Table, snapshot: Arc<ProjectSnapshot>, store: ObjectStoreUrl) -> Self {
        LakeTable { table, snapshot, store }
    }

    /// The files that may hold rows of interest, by the statistics that the manifest keeps.
    fn files(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<(Arc<DataFile>, Arc<Statistics>)>> {
        let all = self.snapshot.table(self.table).files.iter();
        let all: Vec<_> = all.map(|file| (file.clone(), Arc::new(statistics_of(self.table, file)))).collect();
        let Some(filter) = conjunction(filters.iter().cloned()) else { return Ok(all) };
        if all.is_empty() {
            return Ok(all);
        }
        let schema = self.table.schema();
        let filter = state.create_physical_expr(filter, &DFSchema::try_from(schema.clone())?)?;
        // A filter that pruning cannot judge keeps every file.
        let Ok(predicate) = PruningPredicateBuilder::new().with_file_schema(schema.clone()).try_build(filter) else {
            return Ok(all);
        };
        let statistics = all.iter().map(|(_, statistics)| statistics.clone()).collect();
        let keep = predicate.prune(&PrunableStatistics::new(statistics, schema))?;
        Ok(all.into_iter().zip(keep).filter_map(|(file, keep)| keep.then_some(file)).collect())
    }

    fn scan_files(
        &self,
        state: &dyn Session,
        files: Vec<(Arc<DataFile>, Arc<Statistics>)>,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let runtime = state.runtime_env();
        let readers = CachedParquetFileReaderFactory::new(
            runtime.object_store(&self.store)?,
            runtime.cache_manager.get_file_metadata_cache(),
        );
        let options =
            TableParquetOptions { global: state.config_options().execution.parquet.clone(), ..Default::default() };
        let source = ParquetSource::new(self.table.schema())
            .with_table_parquet_options(options)
            .with_metadata_size_hint(METADATA_BYTES)
            .with_parquet_file_reader_factory(Arc::new(readers));
        let statistics = sum(self.table, files.iter().map(|(_, statistics)| &**statistics));
        let files = files.into_iter().map(partitioned).collect::<Result<Vec<_>>>()?;
        let groups = FileGroup::new(files).split_files(state.config().target_partitions().max(1));
        let scan = FileScanConfigBuilder::new(self.store.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_expr_adapter((self.table == Table::Activity).then(|| Arc::new(PromotedColumns) as _))
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }

    /// Fresh rows, their dictionaries as plain text.
    fn scan_fresh(
        &self,
        fresh: &[RecordBatch],
        partitions: usize,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let partitions: Vec<Vec<RecordBatch>> =
            fresh.chunks(fresh.len().div_ceil(partitions.max(1))).map(<[RecordBatch]>::to_vec).collect();
        let source = MemorySourceConfig::try_new(&partitions, self.table.fresh_schema(), projection.cloned())?;
        let rows = DataSourceExec::from_data_source(source.with_limit(limit));
        let schema = rows.schema();
        if !schema.fields().iter().any(|field| matches!(field.data_type(), DataType::Dictionary(..))) {
            return Ok(rows);
        }
        let columns = schema.fields().iter().enumerate().map(|(index, field)| {
            let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), index));
            let plain = match field.data_type() {
                DataType::Dictionary(..) => cast(column, &schema, DataType::Utf8View)?,
                _ => column,
            };
            Ok((plain, field.name().clone()))
        });
        Ok(Arc::new(ProjectionExec::try_new(columns.collect::<Result<Vec<_>>>()?, rows)?))
    }
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Filters prune here; the filter operator, or the Parquet reader, decides on the rows.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.files(state, filters)?;
        let fresh = &self.snapshot.table(self.table).fresh;
        let partitions = state.config().target_partitions();
        match (files.is_empty(), fresh.is_empty()) {
            (true, true) => {
                let schema = datafusion::common::project_schema(&self.table.schema(), projection)?;
                Ok(Arc::new(EmptyExec::new(schema)))
            }
            (false, true) => self.scan_files(state, files, projection, limit),
            (true, false) => self.scan_fresh(fresh, partitions, projection, limit),
            (false, false) => UnionExec::try_new(vec![
                self.scan_files(state, files, projection, limit)?,
                self.scan_fresh(fresh, partitions, projection, limit)?,
            ]),
        }
    }
}

/// The column that [`DataFile::times`] is about.
fn time_column(table: Table) -> Option<&'static str> {
    match table {
        Table::Activity => Some("timestamp"),
        Table::SessionParts => Some("start"),
        Table::Quarantine => Some("received_at"),
        _ => None,
    }
}

fn statistics_of(table: Table, file: &DataFile) -> Statistics {
    let schema = table.schema();
    let mut statistics = Statistics::new_unknown(&schema);
    statistics.num_rows = Precision::Exact(usize::try_from(file.live_rows()).unwrap_or(usize::MAX));
    statistics.total_byte_size = Precision::Inexact(usize::try_from(file.bytes).unwrap_or(usize::MAX));
    let column = time_column(table).and_then(|name| schema.index_of(name).ok());
    if let (Some(index), Some((first, last))) = (column, file.times) {
        statistics.column_statistics[index] = times(first, last, file.erased.is_empty());
    }
    statistics
}

/// Rows that are not shown may be among the first or last.
fn times(first: i64, last: i64, is_exact: bool) -> ColumnStatistics {
    let value = |millis| {
        let value = Precision::Exact(ScalarValue::TimestampMillisecond(Some(millis), Some("UTC".into())));
        if is_exact { value } else { value.to_inexact() }
    };
    ColumnStatistics { min_value: value(first), max_value: value(last), ..ColumnStatistics::new_unknown() }
}

/// Of all files together.
fn sum<'a>(table: Table, files: impl Iterator<Item = &'a Statistics>) -> Statistics {
    let mut whole = Statistics::new_unknown(&table.schema());
    whole.num_rows = Precision::Exact(0);
    whole.total_byte_size = Precision::Inexact(0);
    for file in files {
        whole.num_rows = whole.num_rows.add(&file.num_rows);
        whole.total_byte_size = whole.total_byte_size.add(&file.total_byte_size);
    }
    whole
}

fn partitioned((file, statistics): (Arc<DataFile>, Arc<Statistics>)) -> Result<PartitionedFile> {
    let location = Path::parse(&file.path).map_err(|error| DataFusionError::ObjectStore(Box::new(error.into())))?;
    // Files never change under a name, so any constant time tells the metadata cache the truth.
    let last_modified = Default::default();
    let meta = ObjectMeta { location, last_modified, size: file.bytes, e_tag: None, version: None };
    let whole = PartitionedFile::new_from_meta(meta).with_statistics(statistics);
    Ok(match file.selection() {
        Some(live) => whole.with_extension(ParquetRowSelection::new(live)),
        None => whole,
    })
}

/// The type of every time column.
pub(super) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}
