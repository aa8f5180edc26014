//! What a statement may say: one SELECT, over our views, with functions that only work on values.

use std::collections::HashSet;

use arrow::array::AsArray;
use arrow::datatypes::DataType;

use super::super::chain::schema;
use super::super::database::Database;
use super::words::{Word, read, write};
use crate::StoreError;
use crate::query::QueryError;

const BYTES_MAX: usize = 256 << 10;
const WORDS_MAX: usize = 20_000;

/// Words that begin what is no question, or change how it is answered.
const REFUSED: &[&str] = &[
    "insert", "alter", "create", "drop", "truncate", "rename", "attach", "detach", "optimize", "grant", "revoke",
    "kill", "set", "use", "describe", "show", "explain", "exists", "check", "watch", "exchange", "undrop", "backup",
    "restore", "settings", "format", "into", "outfile", "infile", "sample", "delete", "update", "call", "execute",
];
/// Of these, what may stand as a function or an operator when a bracket follows.
const ALSO_FUNCTIONS: &[&str] = &["format", "exists"];

/// Functions that look beyond the values they are given, by the beginning of their names in small letters.
const FUNCTIONS: &[&str] = &[
    "file",
    "dict",
    "joinget",
    "catboost",
    "evalmlmethod",
    "modelevaluate",
    "getsetting",
    "getserversetting",
    "getmacro",
    "getserverport",
    "getoskernel",
    "getclienthttp",
    "currentuser",
    "user",
    "currentroles",
    "enabledroles",
    "defaultroles",
    "currentprofiles",
    "enabledprofiles",
    "defaultprofiles",
    "currentquer",
    "initialquery",
    "queryid",
    "hostname",
    "fqdn",
    "tcpport",
    "serveruuid",
    "uptime",
    "version",
    "buildid",
    "revision",
    "shardnum",
    "shardcount",
    "sleep",
    "addressto",
    "demangle",
    "filesystem",
    "transaction",
    "hascolumnintable",
    "hasdictionary",
    "currentdatabase",
    "database",
    "currentschema",
    "schema",
    "connectionid",
    "displayname",
    "zookeeper",
    "ignore",
    "blocknumber",
    "rownumberinallblocks",
    "rownumberinblock",
    "nothing",
    "logtrace",
    "throwif",
    "executable",
    "python",
    "remote",
    "url",
    "s3",
    "gcs",
    "hdfs",
    "azure",
    "mysql",
    "postgresql",
    "mongodb",
    "redis",
    "sqlite",
    "jdbc",
    "odbc",
    "cluster",
    "merge",
    "view",
    "input",
    "iceberg",
    "delta",
    "hudi",
    "paimon",
    "loop",
    "repeat",
    "rightpad",
    "leftpad",
    "space",
    "generaterandom",
    "fuzz",
    "aes",
    "encrypt",
    "decrypt",
    "trydecrypt",
    "ai",
    "authenticateduser",
    "authuser",
    "connection_id",
    "current_database",
    "current_query",
    "current_schemas",
    "current_user",
    "currenthandler",
    "currentrequesturl",
    "fullhostname",
    "generateserialid",
    "getmaxtablename",
    "getmergetreesetting",
    "globalvariable",
    "initial_query",
    "lemmatize",
    "naivebayes",
    "pg_get_user",
    "pggetuser",
    "query_id",
    "regionhierarchy",
    "regionin",
    "regionto",
    "session_user",
    "showcertificate",
    "synonyms",
    "__",
];
/// Names that begin so and are harmless.
const HARMLESS: &[&str] = &["urlhash", "urlhierarchy", "urlpathhierarchy", "deltasum", "deltasumtimestamp"];

/// Whether a function of this name looks beyond the values that it is given.
fn looks_beyond(name: &str) -> bool {
    !HARMLESS.contains(&name) && FUNCTIONS.iter().any(|known| name.starts_with(known))
}

/// What this server calls its databases and table functions, and those of its functions that look beyond values.
pub(super) struct Names {
    databases: HashSet<String>,
    table_functions: HashSet<String>,
    functions: HashSet<String>,
}

impl Names {
    pub async fn read(database: &Database) -> Result<Names, StoreError> {
        let column = schema(&[("name", DataType::Utf8)]);
        let names = async |from: &str| -> Result<HashSet<String>, StoreError> {
            let batches = database.batches(&format!("SELECT lower(name) FROM system.{from}"), &column).await?;
            Ok(batches
                .iter()
                .flat_map(|batch| {
                    batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>()
                })
                .collect())
        };
        let beyond = format!("functions WHERE match(lower(name), '^({})')", FUNCTIONS.join("|"));
        let mut functions = names(&beyond).await?;
        functions.retain(|name| looks_beyond(name));
        Ok(Names { databases: names("databases").await?, table_functions: names("table_functions").await?, functions })
    }
}

/// The statement as it may be sent.
pub(super) fn judged(sql: &str, names: &Names) -> Result<Vec<Word>, QueryError> {
    if sql.len() > BYTES_MAX {
        return Err(QueryError::SqlTooLong { size: sql.len(), unit: "bytes", most: BYTES_MAX });
    }
    let mut words = read(sql).map_err(|message| QueryError::SqlSyntax { message, position: None })?;
    while words.last() == Some(&Word::Sign(";")) {
        words.pop();
    }
    if words.len() > WORDS_MAX {
        return Err(QueryError::SqlTooLong { size: words.len(), unit: "words and signs", most: WORDS_MAX });
    }
    let statements = words.iter().filter(|word| **word == Word::Sign(";")).count();
    if statements > 0 {
        return Err(QueryError::TooManyStatements { count: statements + 1 });
    }
    match words.first() {
        Some(Word::Bare(first)) if ["select", "with"].contains(&first.to_lowercase().as_str()) => {}
        Some(Word::Bare(first)) => return Err(QueryError::NotReadOnly { statement: first.to_uppercase() }),
        _ => return Err(QueryError::SqlSyntax { message: "there is no SELECT".to_owned(), position: None }),
    }
    balanced(&words)?;
    let small = |word: Option<&Word>| match word {
        Some(Word::Bare(name) | Word::Quoted(name)) => Some(name.to_lowercase()),
        _ => None,
    };
    for (at, word) in words.iter().enumerate() {
        let Some(name) = small(Some(word)) else { continue };
        let (before, next) = (at.checked_sub(1).and_then(|at| words.get(at)), words.get(at + 1));
        let calls = next == Some(&Word::Sign("("));
        if matches!(word, Word::Bare(_)) && REFUSED.contains(&&*name) && !(calls && ALSO_FUNCTIONS.contains(&&*name)) {
            return Err(refused(&name));
        }
        let is_harmless = HARMLESS.contains(&&*name) || ["format", "null", "values"].contains(&&*name);
        let of_tables = || names.table_functions.contains(&name) && !is_harmless;
        if calls && (of_tables() || looks_beyond(&name)) {
            return Err(QueryError::UnknownFunction {
                message: format!("the function {name} cannot be used here"),
                position: None,
            });
        }
        // `APPLY(f)` and `arrayMap(f, …)` call a function that is only named.
        if !calls && before != Some(&Word::Sign(".")) && names.functions.contains(&name) {
            return Err(QueryError::UnknownFunction {
                message: format!("{name} is a function that cannot be used here: nothing else can have its name"),
                position: None,
            });
        }
        let follows_table_word = small(before).is_some_and(|word| ["from", "join", "in"].contains(&&*word));
        let dotted = next == Some(&Word::Sign("."));
        if dotted && (follows_table_word || names.databases.contains(&name)) {
            return Err(QueryError::UnknownTable {
                table: name,
                known: "activity, persons, person_ids, person_merges, sessions, quarantine".to_owned(),
                position: None,
            });
        }
    }
    Ok(words)
}

fn refused(word: &str) -> QueryError {
    QueryError::NotReadOnly { statement: word.to_uppercase() }
}

/// Brackets end where they should, so that the text cannot leave the place it is put in.
fn balanced(words: &[Word]) -> Result<(), QueryError> {
    let mut open = Vec::new();
    for word in words {
        match word {
            Word::Sign(sign @ ("(" | "[" | "{")) => open.push(*sign),
            Word::Sign(sign @ (")" | "]" | "}")) => {
                let fits = matches!((open.pop(), *sign), (Some("("), ")") | (Some("["), "]") | (Some("{"), "}"));
                if !fits {
                    return Err(QueryError::SqlSyntax { message: format!("{sign} closes nothing"), position: None });
                }
            }
            _ => {}
        }
    }
    match open.pop() {
        Some(sign) => Err(QueryError::SqlSyntax { message: format!("{sign} does not end"), position: None }),
        None => Ok(()),
    }
}

/// The statement with the views before it. Each is a table function over its own statement, which is read by itself: no lambda
/// that the text calls `equals`, and no name that it gives as one of our tables, is found from within.
pub(super) fn with_views(words: &[Word], views: &[(&str, String)]) -> String {
    let views: Vec<String> = views.iter().map(|(name, sql)| format!("{name} AS (SELECT * FROM view({sql}))")).collect();
    let views = views.join(",\n");
    match words.first() {
        Some(Word::Bare(first)) if first.eq_ignore_ascii_case("with") => {
            format!("WITH {views},\n{}", write(&words[1..]))
        }
        _ => format!("WITH {views}\n{}", write(words)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names() -> Names {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Names {
            databases: set(&["footfall", "system", "information_schema"]),
            table_functions: set(&["url", "numbers", "format", "view"]),
            functions: set(&["file", "sleep", "version"]),
        }
    }

    #[test]
    fn one_select_over_views_passes() {
        for sql in [
            "SELECT count() FROM activity",
            "WITH x AS (SELECT 1) SELECT * FROM x;",
            "SELECT windowFunnel(10)(toUInt64(1), event = 'a') FROM activity GROUP BY person_id",
            "SELECT a.event FROM activity AS a ARRAY JOIN [1, 2] AS n WHERE a.person_id IN (SELECT person_id FROM persons)",
            "SELECT format('{}', event), 'INTO OUTFILE; DROP' FROM activity",
            "SELECT 'file', a.version, user_id, arrayMap(upper, ['a']) FROM activity AS a",
            "SELECT * APPLY(toString) FROM activity",
        ] {
            judged(sql, &names()).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for sql in [
            "",
            "DROP TABLE activity",
            "INSERT INTO activity SELECT 1",
            "SELECT 1; SELECT 2",
            "SELECT 1 SETTINGS max_memory_usage = 0",
            "SELECT 1 FORMAT JSON",
            "SELECT 1 INTO OUTFILE 'x'",
            "SELECT * FROM system.tables",
            "SELECT * FROM footfall.activity",
            "SELECT * FROM `footfall`.activity",
            "SELECT * FROM activity, footfall.activity",
            "SELECT * FROM other.secret",
            "SELECT 1 WHERE 1 IN other.secret",
            "SELECT * FROM url('http://x')",
            "SELECT * FROM numbers(10)",
            "SELECT file('/etc/passwd')",
            "SELECT `file`('/etc/passwd')",
            "SELECT * APPLY(file) FROM (SELECT 'secret.csv' AS name)",
            "SELECT COLUMNS('name') APPLY `FILE` FROM (SELECT 'secret.csv' AS name)",
            "SELECT arrayMap(file, ['secret.csv'])",
            "SELECT arrayMap((sleep), [3, 3])",
            "SELECT dictGet('a', 'b', 1)",
            "SELECT joinGet('a', 'b', 1)",
            "SELECT getSetting('x')",
            "SELECT sleep(3)",
            "SELECT aiGenerate('x')",
            "SELECT generateSerialID('x')",
            "SELECT current_user()",
            "SELECT regionToName(toUInt32(1))",
            "SELECT * FROM view(SELECT 1)",
            "SELECT * FROM (EXPLAIN SELECT 1)",
            "SELECT * FROM Information_Schema.tables",
            "SELECT * FROM activity UNION ALL SELECT * FROM footfall.activity",
            "WITH x AS (SELECT * FROM footfall . activity) SELECT * FROM x",
            "SELECT throwIf(event = 'x') FROM activity",
            "SELECT 1) UNION ALL (SELECT 2",
            "SELECT {x:String}) ",
            "EXPLAIN SELECT 1",
        ] {
            assert!(judged(sql, &names()).is_err(), "{sql}");
        }
    }

    #[test]
    fn views_stand_before_the_text_and_out_of_its_reach() {
        let views = [("activity", "SELECT 1 AS one".to_owned()), ("persons", "SELECT 2 AS two".to_owned())];
        let sent = |sql: &str| with_views(&judged(sql, &names()).unwrap(), &views);
        let before =
            "WITH activity AS (SELECT * FROM view(SELECT 1 AS one)),\npersons AS (SELECT * FROM view(SELECT 2 AS two))";
        assert_eq!(sent("SELECT one FROM activity"), format!("{before}\nSELECT one FROM activity"));
        let own = "with (a, b) -> 1 AS equals, persons AS (SELECT 1) SELECT * FROM activity";
        let written = "( a , b ) -> 1 AS equals , persons AS ( SELECT 1 ) SELECT * FROM activity";
        assert_eq!(sent(own), format!("{before},\n{written}"));
    }
}
