//! The statements for a correlation: who entered and converted, and how many factors there are; the factors with both tests.

use super::funnel::Said;
use super::rows::{MS, list, member, quoted, selected, text, within};
use crate::definition::Correlation;

pub(super) fn correlation(asked: &Correlation) -> Vec<String> {
    let stretches = Said::of(&asked.funnel).stretches();
    let counts = factors(asked, &stretches);
    let all = format!(
        "SELECT count() AS entered, countIf(converted) AS converted, (SELECT count() FROM ({counts})) AS tested\nFROM ({stretches})"
    );
    let weighed = format!(
        "SELECT *, if(expected < 5, least(1, {}), {}) AS p, if(expected < 5, 'fisher_exact', 'chi_square') AS test,\n  \
         ((a + 0.5) * (d + 0.5)) / ((b + 0.5) * (c + 0.5)) AS odds_ratio\n  FROM (SELECT *, {} AS expected FROM ({counts}))",
        FISHER_EXACT.replace("LOG_K", &log("k")).replace("LOG_OWN", &log("a")),
        CHI_SQUARE,
        LEAST_EXPECTED
    );
    let found = format!(
        "SELECT kind, name, value, a AS converted_with, b AS dropped_with, c AS converted_without, d AS dropped_without, odds_ratio, p,\n  \
         least(1, min(p * tests / place) OVER (ORDER BY place DESC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)) AS q, test\n\
         FROM (SELECT *, row_number() OVER (ORDER BY p, kind, name, value) AS place, count() OVER () AS tests FROM ({weighed}))\n\
         ORDER BY q, -abs(log(odds_ratio)), kind, name, value LIMIT {}",
        asked.top
    );
    vec![all, found]
}

/// The smallest number that is expected if there is nothing to it.
const LEAST_EXPECTED: &str = "least(a + b, c + d) * least(a + c, b + d) / (a + b + c + d)";
/// The chance of all tables with these margins that are not more likely than this one; equal ones differ by rounding.
const FISHER_EXACT: &str = "arraySum(k -> if(LOG_K <= LOG_OWN + 1e-7, exp(LOG_K), 0), \
range(toUInt64(greatest(0, toInt64(a) - toInt64(d))), toUInt64(least(a + b, a + c) + 1)))";
const CHI_SQUARE: &str = "erfc(sqrt((a + b + c + d) * pow(toFloat64(a) * d - toFloat64(b) * c, 2) / (toFloat64(a + b) * (c + d) * (a + c) * (b + d)) / 2))";

/// The logarithm of the chance of a table with `count` in the place of `a`.
fn log(count: &str) -> String {
    let choose = |n: &str, k: &str| format!("(lgamma({n} + 1.) - lgamma(({k}) + 1.) - lgamma({n} - ({k}) + 1.))");
    format!(
        "({} + {} - {})",
        choose("(a + b)", &format!("toInt64({count})")),
        choose("(c + d)", &format!("toInt64(a + c) - toInt64({count})")),
        choose("(a + b + c + d)", "toInt64(a + c)")
    )
}

/// Who entered, with whether they converted; and who has which factor.
pub(super) fn people(asked: &Correlation) -> (String, String) {
    let stretches = Said::of(&asked.funnel).stretches();
    let having = having(asked, &stretches);
    (stretches, having)
}

/// Persons with the factors they have.
fn having(asked: &Correlation, stretches: &str) -> String {
    let funnel = &asked.funnel;
    let inside = within(funnel.scope.from_ms, funnel.scope.until_ms);
    let mut parts: Vec<String> = Vec::new();
    for name in &asked.properties {
        let value = text(name);
        parts.push(format!(
            "SELECT person_id, any(converted) AS is_converted, 'property' AS kind, {} AS name, \
             argMin(tuple({value}), ({value} IS NOT NULL, ifNull({value}, ''))).1 AS value\n    \
             FROM activity INNER JOIN ({stretches}) AS s USING (person_id) WHERE {inside} AND {MS} = began AND {}\n    \
             GROUP BY person_id HAVING value IS NOT NULL",
            quoted(name),
            funnel.steps.first().map(selected).unwrap_or_else(|| "0".to_owned())
        ));
    }
    for name in &asked.person_properties {
        parts.push(format!(
            "SELECT person_id, converted AS is_converted, 'person_property' AS kind, {} AS name, {} AS value\n    \
             FROM persons INNER JOIN ({stretches}) AS s USING (person_id) WHERE value IS NOT NULL",
            quoted(name),
            member("properties", name)
        ));
    }
    // Where a step may be any activity, none is left.
    if asked.activities && funnel.steps.iter().all(|step| !step.activities.is_empty()) {
        let steps: Vec<String> = funnel.steps.iter().flat_map(|step| step.activities.iter().cloned()).collect();
        parts.push(format!(
            "SELECT DISTINCT person_id, converted AS is_converted, 'activity' AS kind, '' AS name, toNullable(event) AS value\n    \
             FROM activity INNER JOIN ({stretches}) AS s USING (person_id)\n    \
             WHERE {MS} > began AND {MS} < ended AND event NOT IN {}",
            list(&steps)
        ));
    }
    if parts.is_empty() {
        parts.push(
            "SELECT person_id, toUInt8(0) AS is_converted, '' AS kind, '' AS name, toNullable('') AS value FROM persons WHERE 0"
                .to_owned(),
        );
    }
    parts.join("\n    UNION ALL ")
}

/// The four numbers of people of each factor that enough people have, and have not.
fn factors(asked: &Correlation, stretches: &str) -> String {
    let least = asked.people_least.max(1);
    format!(
        "SELECT kind, name, value, a, b, all_converted - a AS c, all_entered - all_converted - b AS d FROM (\n  \
         SELECT kind, name, value, toInt64(countIf(is_converted)) AS a, toInt64(countIf(NOT is_converted)) AS b,\n  \
         assumeNotNull(toInt64((SELECT count() FROM ({stretches})))) AS all_entered, assumeNotNull(toInt64((SELECT countIf(converted) FROM ({stretches})))) AS all_converted\n  \
         FROM ({})\n  GROUP BY kind, name, value)\n  WHERE a + b >= {least} AND all_entered - (a + b) >= {least}",
        having(asked, stretches)
    )
}
