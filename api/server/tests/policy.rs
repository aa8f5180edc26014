//! What a role shows is what SQL shows: the translation against the meaning that the access layer gives a row filter.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use footfall_api_access::{Masks, RowFilter, RowValue, View};
use footfall_api_sql::policy_of;
use footfall_pipelines_store::lake::{Overrides, ProjectSnapshot, TableView};
use footfall_pipelines_store::query::{Engine, EngineConfig, Question, Snapshots};
use footfall_pipelines_store::tables::Table;

struct Fixed(Arc<ProjectSnapshot>);

impl Snapshots for Fixed {
    fn snapshot(&self, _: &str) -> Option<Arc<ProjectSnapshot>> {
        Some(self.0.clone())
    }
}

/// Event, country and plan of the rows; what is not known is null.
const ROWS: &[(&str, Option<&str>, Option<&str>)] = &[
    ("view", Some("DE"), Some("pro")),
    ("view", None, Some("free")),
    ("buy", Some("FR"), None),
    ("buy", Some("DE"), Some("free")),
    ("leave", None, None),
];

fn rows() -> RecordBatch {
    let schema = Table::Activity.fresh_schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let texts: Vec<Option<String>> = ROWS
            .iter()
            .enumerate()
            .map(|(number, (event, country, plan))| match field.name().as_str() {
                "event" => Some((*event).to_owned()),
                "country" => country.map(str::to_owned),
                "properties" => Some(plan.map_or("{}".to_owned(), |plan| format!("{{\"plan\":\"{plan}\"}}"))),
                "message_id" => Some(format!("m{number}")),
                "context" => Some("{}".to_owned()),
                _ if field.is_nullable() => None,
                _ if field.data_type().is_numeric() || field.data_type().is_temporal() => Some("0".to_owned()),
                _ => Some(String::new()),
            })
            .collect();
        let texts: ArrayRef = Arc::new(arrow::array::StringArray::from(texts));
        match field.data_type() {
            arrow::datatypes::DataType::Timestamp(..) => {
                cast(&cast(&texts, &arrow::datatypes::DataType::Int64).unwrap(), field.data_type()).unwrap()
            }
            arrow::datatypes::DataType::FixedSizeBinary(width) => {
                let zeros = vec![0u8; *width as usize];
                let all = std::iter::repeat_n(zeros, ROWS.len());
                Arc::new(arrow::array::FixedSizeBinaryArray::try_from_iter(all).unwrap())
            }
            other => cast(&texts, other).unwrap(),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
}

fn column(name: &str, one_of: &[&str]) -> RowFilter {
    let one_of = one_of.iter().map(|text| (*text).to_owned()).collect();
    RowFilter::Is { value: RowValue::Column(name.into()), one_of }
}

fn not_plan(none_of: &[&str]) -> RowFilter {
    let none_of = none_of.iter().map(|text| (*text).to_owned()).collect();
    RowFilter::IsNot { value: RowValue::Property("plan".into()), none_of }
}

#[tokio::test]
async fn sql_shows_the_rows_that_the_filter_admits() {
    let folder = tempfile::tempdir().unwrap();
    let view = TableView { files: Vec::new(), fresh: vec![rows()] };
    let snapshot = ProjectSnapshot::new(folder.path().into(), 1, [(Table::Activity, view)], Overrides::new());
    let engine = Engine::new(Arc::new(Fixed(Arc::new(snapshot))), EngineConfig::new(folder.path())).unwrap();
    let filters = [
        RowFilter::Everything,
        RowFilter::Nothing,
        column("event", &["view", "buy"]),
        column("country", &["DE"]),
        column("country", &[]),
        not_plan(&["free"]),
        not_plan(&[]),
        RowFilter::All(vec![]),
        RowFilter::Any(vec![]),
        RowFilter::All(vec![column("country", &["DE"]), not_plan(&["free"])]),
        RowFilter::Any(vec![column("event", &["leave"]), not_plan(&["pro"]), RowFilter::Nothing]),
        RowFilter::Any(vec![column("event", &["leave"]), RowFilter::Everything]),
    ];
    for filter in filters {
        let admitted: Vec<String> = ROWS
            .iter()
            .enumerate()
            .filter(|(_, (event, country, plan))| {
                filter.admits(&|value: &RowValue| match value {
                    RowValue::Column(name) if name == "event" => Some(*event),
                    RowValue::Column(_) => *country,
                    RowValue::Property(_) => *plan,
                })
            })
            .map(|(number, _)| format!("m{number}"))
            .collect();
        let policy = policy_of(&View { rows: filter.clone(), masks: Masks::default() });
        let question = Question::new("SELECT message_id FROM activity ORDER BY message_id").under(Arc::new(policy));
        let batches = engine.query("p", question).await.unwrap().collect().await.unwrap();
        let shown: Vec<String> = batches
            .iter()
            .flat_map(|batch| batch.column(0).as_string_view().iter().flatten().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        assert_eq!(shown, admitted, "{filter:?}");
    }
}

#[test]
fn masks_are_carried_over() {
    let policy = policy_of(&View { rows: RowFilter::Everything, masks: Masks::from_iter(["Email", "$ip"]) });
    assert!(policy.rows.is_none());
    assert_eq!(policy.masked.into_iter().collect::<Vec<_>>(), ["$ip", "email"]);
}
