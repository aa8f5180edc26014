//! The statements for funnels: levels, times to convert, levels by bucket, times from step to step.
//!
//! `windowFunnel` says what most funnels mean. Where rows are of several steps, for exclusions, other orders, and times, a
//! person's rows are gone through in an `arrayFold`: for each level the latest start from which it is reached just now.

use super::questions::percentile;
use super::rows::{MS, bucket, ms_of, people_of, selected, source, value, within};
use crate::definition::{
    Attribution, Bucket, By, ByOf, Exclusion, Funnel, FunnelBreakdown, FunnelOrder, FunnelTimes, Selector,
};

/// No start.
const NONE: &str = "-4611686018427387904";

/// The ranks that answers have.
const RANKS: [f64; 7] = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0];

/// How steps are taken.
pub(super) struct Walk<'f> {
    pub steps: &'f [Selector],
    pub exclusions: &'f [Exclusion],
    pub order: FunnelOrder,
    pub window_ms: i64,
}

impl<'f> Walk<'f> {
    pub fn of(funnel: &'f Funnel) -> Walk<'f> {
        let Funnel { steps, exclusions, order, window_ms, .. } = funnel;
        Walk { steps, exclusions, order: *order, window_ms: *window_ms }
    }

    pub fn ordered(steps: &'f [Selector], window_ms: i64) -> Walk<'f> {
        Walk { steps, exclusions: &[], order: FunnelOrder::Ordered, window_ms }
    }

    /// Whether `windowFunnel` says the same.
    fn is_plain(&self) -> bool {
        self.order == FunnelOrder::Ordered && self.exclusions.is_empty() && !self.steps_overlap()
    }

    /// Whether a row could be of two steps.
    fn steps_overlap(&self) -> bool {
        let any = self.steps.iter().any(|step| step.activities.is_empty());
        let mut names: Vec<&String> = self.steps.iter().flat_map(|step| &step.activities).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        (any && self.steps.len() > 1) || names.len() < count
    }

    /// Person and level of everybody who has such rows.
    pub fn levels(&self, rows: &str) -> String {
        match self.is_plain() {
            true => {
                format!("SELECT person_id, {} AS level FROM activity WHERE {rows} GROUP BY person_id", self.plain())
            }
            false => format!(
                "SELECT person_id, {}.2 AS level FROM {} GROUP BY person_id",
                self.fold(&self.entries(false), false),
                self.told_rows("activity", rows, "")
            ),
        }
    }

    fn plain(&self) -> String {
        let steps: Vec<String> = self.steps.iter().map(selected).collect();
        format!("windowFunnel({})(toUInt64({MS}), {})", self.window_ms, steps.join(", "))
    }

    /// Rows with the steps, and the exclusions, that they are of, as bits.
    fn told_rows(&self, from: &str, rows: &str, more: &str) -> String {
        let bits = |all: Vec<String>| {
            let bits = all.iter().enumerate().map(|(place, one)| format!("toInt64({one}) * {}", 1u64 << place));
            if all.is_empty() { "toInt64(0)".to_owned() } else { bits.collect::<Vec<_>>().join(" + ") }
        };
        let steps = bits(self.steps.iter().map(selected).collect());
        let exclusions = bits(self.exclusions.iter().map(|exclusion| selected(&exclusion.select)).collect());
        format!("(SELECT person_id, {MS} AS ms, {steps} AS bits, {exclusions} AS xbits{more} FROM {from} WHERE {rows})")
    }

    /// A person's rows in the order in which they count: time, whether it excludes (strict: is of no step), lowest step,
    /// steps or exclusions, strict the exclusions too, and the bucket.
    fn entries(&self, by_bucket: bool) -> String {
        let at = if by_bucket { ", at" } else { "" };
        match self.order {
            FunnelOrder::Strict => {
                format!("arraySort(groupArray((ms, toInt64(bits = 0), bitAnd(bits, -bits), bits, xbits{at})))")
            }
            _ => {
                let step = format!("(ms, toInt64(0), bitAnd(bits, -bits), bits{at})");
                let exclusion = format!(", (ms, toInt64(1), toInt64(0), xbits{at})");
                let exclusion = if self.exclusions.is_empty() { "" } else { &exclusion };
                format!("arraySort(groupArrayArray(arrayFilter(e -> e.4 > 0, [{step}{exclusion}])))")
            }
        }
    }

    /// The exclusions that end an attempt which has taken so many steps.
    fn ends(&self, taken: usize) -> u64 {
        let active = |exclusion: &Exclusion| exclusion.after <= taken && taken < exclusion.before;
        let bits = self.exclusions.iter().enumerate().filter(|(_, one)| active(one)).map(|(place, _)| 1u64 << place);
        bits.sum()
    }

    /// Starts, level, end and start of the conversion; strict also the time and the exclusions of the row before.
    fn fold(&self, entries: &str, by_bucket: bool) -> String {
        let n = self.steps.len();
        let is_strict = self.order == FunnelOrder::Strict;
        let starts = vec![NONE; n].join(", ");
        let next: Vec<String> = (1..=n).map(|level| self.next(level, by_bucket)).collect();
        let reached = match self.order {
            FunnelOrder::Unordered => {
                format!("toInt64(arrayCount(x -> x > {NONE} AND r.1 - x <= {}, s))", self.window_ms)
            }
            _ => {
                let levels: Vec<String> =
                    (1..=n).rev().map(|level| format!("s[{level}] > {NONE}, {level}, ")).collect();
                format!("toInt64(multiIf({}0))", levels.concat())
            }
        };
        let start = if self.order == FunnelOrder::Unordered { "arrayMin(s)".to_owned() } else { format!("s[{n}]") };
        let first = format!("a.3 = {NONE} AND {reached} = {n}");
        let (before, init) = match is_strict {
            true => (", r.1, if(r.1 > a.5, r.5, bitOr(a.6, r.5))", format!(", {NONE}, toInt64(0)")),
            false => ("", String::new()),
        };
        format!(
            "arrayFold((a, r) -> arrayMap(s -> (s, greatest(a.2, {reached}), if({first}, r.1, a.3), if({first}, {start}, a.4){before}), \
             [[{}]])[1],\n  {entries}, ([{starts}], toInt64(0), {NONE}, {NONE}{init}))",
            next.join(", ")
        )
    }

    /// The latest start of a level after a row.
    fn next(&self, level: usize, by_bucket: bool) -> String {
        let is_strict = self.order == FunnelOrder::Strict;
        let bit = format!("bitAnd(r.4, {}) != 0", 1u64 << (level - 1));
        let within = if by_bucket { format!(" AND r.{} = at", if is_strict { 6 } else { 5 }) } else { String::new() };
        let own = format!("a.1[{level}]");
        if self.order == FunnelOrder::Unordered {
            return format!("if({bit}, r.1, {own})");
        }
        let otherwise = if is_strict { NONE.to_owned() } else { own.clone() };
        let taken = match level {
            1 => format!("if({bit}{within}, r.1, {otherwise})"),
            _ => {
                let before = format!("a.1[{}]", level - 1);
                let barred = if is_strict { self.barred(level - 1, "a.5", "a.6") } else { String::new() };
                let start = if is_strict { before.clone() } else { format!("greatest({own}, {before})") };
                let window = self.window_ms;
                format!("if({bit} AND {before} > {NONE} AND r.1 - {before} <= {window}{barred}, {start}, {otherwise})")
            }
        };
        match (is_strict || self.exclusions.is_empty(), self.ends(level)) {
            (true, _) => taken,
            (false, 0) => format!("if(r.2 = 1, {own}, {taken})"),
            (false, ends) => format!("if(r.2 = 1, if(bitAnd(r.4, {ends}) != 0, {NONE}, {own}), {taken})"),
        }
    }

    /// That no exclusion lies between the step before, at that time and with these exclusions, and a strictly later row.
    fn barred(&self, taken: usize, time: &str, exclusions: &str) -> String {
        match self.ends(taken) {
            0 => String::new(),
            ends => format!(" AND (r.1 = {time} OR bitAnd({exclusions}, {ends}) = 0)"),
        }
    }

    /// The times of the steps of the conversion that counts, of rows that have `entries` and `walk`.
    fn taken(&self) -> String {
        let n = self.steps.len();
        let nothing = "emptyArrayInt64()";
        let others = vec![nothing; n - 1].join(", ");
        let bit = |level: usize| format!("bitAnd(r.4, {}) != 0", 1u64 << (level - 1));
        if self.order == FunnelOrder::Strict {
            let next = (1..=n).map(|level| match level {
                1 => format!("if({}, [r.1], {nothing})", bit(1)),
                _ => {
                    let before = format!("a.1[{}]", level - 1);
                    let (window, barred) = (self.window_ms, self.barred(level - 1, "a.3", "a.4"));
                    format!(
                        "if({} AND notEmpty({before}) AND r.1 - {before}[1] <= {window}{barred}, arrayPushBack({before}, r.1), {nothing})",
                        bit(level)
                    )
                }
            });
            let next = next.collect::<Vec<_>>().join(", ");
            let separator = if n > 1 { ", " } else { "" };
            return format!(
                "arrayFold((a, r) -> arrayMap(s -> (s, if(empty(a.2), s[{n}], a.2), r.1, if(r.1 > a.3, r.5, bitOr(a.4, r.5))), [[{next}]])[1],\n  \
                 entries, ([{nothing}{separator}{others}], {nothing}, {NONE}, toInt64(0))).2"
            );
        }
        let next = (1..=n).map(|level| {
            let own = format!("w[{level}]");
            let taken = match level {
                1 => own.clone(),
                _ => {
                    let before = format!("w[{}]", level - 1);
                    format!(
                        "if(empty({own}) AND {} AND notEmpty({before}), arrayPushBack({before}, r.1), {own})",
                        bit(level)
                    )
                }
            };
            match self.ends(level) {
                0 => format!("if(r.2 = 1, {own}, {taken})"),
                ends => format!("if(r.2 = 1, if(bitAnd(r.4, {ends}) != 0, {nothing}, {own}), {taken})"),
            }
        });
        let next = next.collect::<Vec<_>>().join(", ");
        let separator = if n > 1 { ", " } else { "" };
        let first = "arrayFirstIndex(e -> e.2 = 0 AND e.1 = walk.4 AND bitAnd(e.4, 1) != 0, entries)";
        format!(
            "arrayFold((w, r) -> if(notEmpty(w[{n}]), w, [{next}]), arraySlice(entries, {first} + 1), [[walk.4]{separator}{others}])[{n}]"
        )
    }
}

/// The statements, and how groups are named in them.
pub(super) struct Said<'f> {
    funnel: &'f Funnel,
    walk: Walk<'f>,
    rows: String,
    from: String,
}

/// Who is at a level, of attempts that begin in a bucket and under a label.
pub(super) fn people(asked: &Funnel, at_level: &str, start_ms: Option<i64>, label: Option<&str>) -> String {
    let said = Said::of(asked);
    let people = match (start_ms, asked.trend) {
        (Some(start_ms), Some(unit)) => {
            format!("SELECT * FROM ({}) WHERE {} = {start_ms}", said.attempts(unit), ms_of("at"))
        }
        _ => said.people(),
    };
    // Without a breakdown nobody is under a value.
    let own = || said.label().unwrap_or_else(|| "NULL".to_owned());
    let label = label.map(|label| format!(" AND {} = {label}", own()));
    format!("SELECT person_id FROM ({people}) WHERE {at_level}{}", label.unwrap_or_default())
}

pub(super) fn funnel(asked: &Funnel) -> Vec<String> {
    let said = Said::of(asked);
    let steps = asked.times.is_some() && asked.order != FunnelOrder::Unordered && asked.steps.len() > 1;
    let more = [
        Some(said.times(asked.times.as_ref())),
        asked.trend.map(|unit| said.trend(unit)),
        steps.then(|| said.step_times()),
    ];
    [said.reached()].into_iter().chain(more.into_iter().flatten()).collect()
}

impl<'f> Said<'f> {
    pub fn of(funnel: &'f Funnel) -> Said<'f> {
        let scope = &funnel.scope;
        let rows = format!("{} AND {}", within(scope.from_ms, scope.until_ms), people_of(scope));
        let from = source(funnel.breakdown.iter().map(|breakdown| &breakdown.property));
        Said { funnel, walk: Walk::of(funnel), rows, from: from.unwrap_or_else(|| "activity".to_owned()) }
    }
}

impl Said<'_> {
    fn counts(&self) -> String {
        let reached = (1..=self.walk.steps.len()).map(|level| format!("countIf(level >= {level})"));
        reached.collect::<Vec<_>>().join(", ")
    }

    fn reached(&self) -> String {
        let (by, grouped) = self.by("");
        let grouped = if grouped.is_empty() { "\nHAVING count() > 0" } else { &grouped };
        format!("SELECT {by}{}\nFROM ({})\nWHERE level >= 1{grouped}", self.counts(), self.people())
    }

    /// Times to convert: how many, the mean, percentiles, and the histogram if it is asked for.
    fn times(&self, asked: Option<&FunnelTimes>) -> String {
        let (by, grouped) = self.by("");
        let ranks = RANKS.map(|rank| percentile("took", rank));
        let bounds = asked.and_then(|times| times.bounds(self.walk.window_ms).ok());
        let bins = bounds.map(|bounds| {
            let bins = (0..=bounds.len()).map(|place| {
                let low = place.checked_sub(1).map(|place| format!("took >= {}", bounds[place]));
                let high = bounds.get(place).map(|bound| format!("took < {bound}"));
                let all: Vec<String> = low.into_iter().chain(high).collect();
                format!(", countIf({})", if all.is_empty() { "1".to_owned() } else { all.join(" AND ") })
            });
            bins.collect::<Vec<_>>().concat()
        });
        let grouped = if grouped.is_empty() { "\nHAVING converted > 0" } else { &grouped };
        format!(
            "SELECT {by}count() AS converted, avg(took) AS mean_ms, {}{}\nFROM (SELECT *, walk.3 - walk.4 AS took FROM ({}))\nWHERE level = {}{grouped}",
            ranks.join(", "),
            bins.unwrap_or_default(),
            self.walked(),
            self.walk.steps.len()
        )
    }

    fn trend(&self, unit: Bucket) -> String {
        let (by, grouped) = self.by("at");
        format!("SELECT {by}at, {}\nFROM ({})\nWHERE level >= 1{grouped}", self.counts(), self.attempts(unit))
    }

    /// Person, value, bucket and level of attempts that begin in it.
    fn attempts(&self, unit: Bucket) -> String {
        let scope = &self.funnel.scope;
        let at = format!(", {} AS at", bucket(unit, &scope.zone, (scope.from_ms, scope.until_ms)));
        let (part, value) = self.part(true);
        let name = if part.is_empty() { "" } else { "part, " };
        let place = if self.walk.order == FunnelOrder::Strict { 6 } else { 5 };
        format!(
            "SELECT person_id, {name}at, {}.2 AS level\n  FROM (SELECT person_id, {part}{} AS entries FROM {} GROUP BY person_id)\n  \
             ARRAY JOIN arrayDistinct(arrayMap(e -> e.{place}, arrayFilter(e -> e.2 = 0 AND bitAnd(e.4, 1) != 0, entries))) AS at",
            self.walk.fold("entries", true),
            self.walk.entries(true),
            self.walk.told_rows(&self.from, &self.rows, &format!("{value}{at}"))
        )
    }

    /// Times from each step to the next.
    fn step_times(&self) -> String {
        let (by, grouped) = self.by("step");
        let ranks = RANKS.map(|rank| percentile("took", rank));
        format!(
            "SELECT {by}step, avg(took) AS mean_ms, {}\nFROM (SELECT *, {} AS taken FROM ({}) WHERE level = {n})\n\
             ARRAY JOIN arrayPopFront(arrayDifference(taken)) AS took, range(1, {n}) AS step\nWHERE 1{grouped}",
            ranks.join(", "),
            self.walk.taken(),
            self.walked(),
            n = self.walk.steps.len()
        )
    }

    /// Person, value and level.
    fn people(&self) -> String {
        if !self.walk.is_plain() {
            return self.walked();
        }
        let (part, _) = self.part(false);
        format!(
            "SELECT person_id, {part}{} AS level FROM {} WHERE {} GROUP BY person_id",
            self.walk.plain(),
            self.from,
            self.rows
        )
    }

    /// Those who took step 1, each with the stretch from there to where they converted, or to the end of the window.
    pub fn stretches(&self) -> String {
        let Funnel { scope, steps, window_ms, .. } = self.funnel;
        let last = scope.until_ms;
        // A window may be so long that its end cannot be said.
        let latest = last.saturating_sub(*window_ms);
        format!(
            "SELECT person_id, level = {n} AS converted, \
             if(level = {n}, walk.4, arrayFirst(e -> e.2 = 0 AND bitAnd(e.4, 1) != 0, entries).1) AS began, \
             if(level = {n}, walk.3, if(began >= {latest}, toInt64({last}), began + {window_ms} + 1)) AS ended\n  FROM ({})\n  WHERE level >= 1",
            self.walked(),
            n = steps.len()
        )
    }

    /// The same with rows and way.
    fn walked(&self) -> String {
        let (part, value) = self.part(true);
        format!(
            "SELECT *, {} AS walk, walk.2 AS level FROM (SELECT person_id, {part}{} AS entries\n  FROM {} GROUP BY person_id)",
            self.walk.fold("entries", false),
            self.walk.entries(false),
            self.walk.told_rows(&self.from, &self.rows, &value)
        )
    }

    /// The value of a person, and the column of rows that it is made of if rows are told by bits.
    fn part(&self, by_bits: bool) -> (String, String) {
        let Some(FunnelBreakdown { property, step, attribution, .. }) = &self.funnel.breakdown else {
            return (String::new(), String::new());
        };
        let column = format!(", {} AS value", value(property));
        let of_row = if by_bits { "value".to_owned() } else { value(property) };
        if let By::Of(ByOf::Person(_)) = property {
            return (format!("any({of_row}) AS part, "), column);
        }
        let place = step.saturating_sub(1).min(self.walk.steps.len() - 1);
        let (time, is_step) = match by_bits {
            true => ("ms", format!("bitAnd(bits, {}) != 0", 1u64 << place)),
            false => (MS, selected(&self.walk.steps[place])),
        };
        let sign = if *attribution == Attribution::FirstTouch { "" } else { "-" };
        let order = format!("({sign}{time}, {of_row} IS NOT NULL, ifNull({of_row}, ''))");
        (format!("argMinIf(tuple({of_row}), {order}, {is_step}).1 AS part, "), column)
    }

    /// The column of a group, and how it is grouped, by another column too.
    fn by(&self, also: &str) -> (String, String) {
        let also_by = |first: &str| match (first, also) {
            ("", "") => String::new(),
            ("", also) => format!("\nGROUP BY {also} ORDER BY {also}"),
            (first, "") => format!("\nGROUP BY {first} ORDER BY {first} NULLS FIRST"),
            (first, also) => format!("\nGROUP BY {first}, {also} ORDER BY {first} NULLS FIRST, {also}"),
        };
        match self.funnel.breakdown.as_ref().map(|breakdown| breakdown.top) {
            None => (String::new(), also_by("")),
            Some(None) => ("part, ".to_owned(), also_by("part")),
            Some(Some(_)) => (format!("{} AS label, ", self.label().unwrap_or_default()), also_by("label")),
        }
    }

    /// The label of a person, who has `part`.
    fn label(&self) -> Option<String> {
        let label = "toJSONString([part])";
        let Some(top) = self.funnel.breakdown.as_ref()?.top else { return Some(label.to_owned()) };
        let of_top = format!(
            "SELECT {label} FROM ({}) WHERE level >= 1 GROUP BY part ORDER BY count() DESC, part NULLS FIRST LIMIT {top}",
            self.people()
        );
        Some(format!("if({label} IN ({of_top}), {label}, '$other')"))
    }
}
