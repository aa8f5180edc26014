//! What differs between two texts, line by line.

/// Longest texts that are compared line by line; of longer ones all lines are shown.
const LINES_MAX: usize = 2_000;
/// Unchanged lines that are shown around a change.
const AROUND: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    Come(&'a str),
}

/// Lines with `-`, `+` or a space before them; `…` where unchanged ones are left out. Nothing where the texts are equal.
pub fn difference(before: &str, after: &str) -> Vec<String> {
    if before == after {
        return Vec::new();
    }
    let lines = compared(&before.lines().collect::<Vec<_>>(), &after.lines().collect::<Vec<_>>());
    let changes: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| !matches!(line, Line::Same(_))).map(|(at, _)| at).collect();
    if changes.is_empty() {
        return vec!["  (the ends of the lines differ)".to_owned()];
    }
    let (mut shown, mut last) = (Vec::new(), None);
    for (at, line) in lines.iter().enumerate() {
        if !changes.iter().any(|change| change.abs_diff(at) <= AROUND) {
            continue;
        }
        if last.map_or(at, |last: usize| at - last - 1) > 0 {
            shown.push("  …".to_owned());
        }
        last = Some(at);
        shown.push(match line {
            Line::Same(text) => format!("  {text}"),
            Line::Gone(text) => format!("- {text}"),
            Line::Come(text) => format!("+ {text}"),
        });
    }
    shown
}

/// By the longest common run of lines.
fn compared<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<Line<'a>> {
    let gone = before.iter().map(|line| Line::Gone(line));
    let come = after.iter().map(|line| Line::Come(line));
    if before.len() > LINES_MAX || after.len() > LINES_MAX {
        return gone.chain(come).collect();
    }
    let width = after.len() + 1;
    let mut common = vec![0_u32; (before.len() + 1) * width];
    for (row, old) in before.iter().enumerate().rev() {
        for (column, new) in after.iter().enumerate().rev() {
            let at = row * width + column;
            common[at] = if old == new { common[at + width + 1] + 1 } else { common[at + width].max(common[at + 1]) };
        }
    }
    let (mut row, mut column, mut lines) = (0, 0, Vec::new());
    loop {
        match (before.get(row), after.get(column)) {
            (None, None) => return lines,
            (Some(old), Some(new)) if old == new => {
                lines.push(Line::Same(old));
                (row, column) = (row + 1, column + 1);
            }
            (Some(old), new)
                if new.is_none() || common[(row + 1) * width + column] >= common[row * width + column + 1] =>
            {
                lines.push(Line::Gone(old));
                row += 1;
            }
            (_, Some(new)) => {
                lines.push(Line::Come(new));
                column += 1;
            }
            (Some(old), None) => {
                lines.push(Line::Gone(old));
                row += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_lines_are_shown_with_those_around_them() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let after = "a\nb\nc\nd\nE\nf\ng\nh\ni\n";
        let shown = difference(before, after);
        assert_eq!(shown, ["  …", "  c", "  d", "- e", "+ E", "  f", "  g", "  h", "+ i"]);
        assert_eq!(difference("", "a\n"), ["+ a"]);
        assert_eq!(difference("a\n", ""), ["- a"]);
        assert_eq!(difference("a\nb\nc", "c\na"), ["- a", "- b", "  c", "+ a"]);
        assert!(difference(before, before).is_empty());
        assert_eq!(difference("a\n", "a"), ["  (the ends of the lines differ)"]);
    }
}
