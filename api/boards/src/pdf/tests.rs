//! Files as a reader finds them: poppler reads their text, which is that of the rows; qpdf finds nothing wrong with their structure.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::*;

fn sheet(columns: &[(&str, bool)], rows: Vec<Vec<String>>) -> Sheet {
    let columns = columns.iter().map(|(name, is_number)| Column { name: (*name).to_owned(), is_number: *is_number });
    Sheet {
        title: "Orders of the week".to_owned(),
        about: vec!["asked 2026-11-28T22:00:00.000Z".to_owned()],
        table: Table { columns: columns.collect(), rows },
        made: Timestamp::from_millis(1_795_900_000_000),
    }
}

fn texts(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// What poppler reads, or nothing where it is not installed; CI has it.
fn read(bytes: &[u8]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sheet.pdf");
    std::fs::write(&path, bytes).unwrap();
    let run = |program: &str, arguments: &[&str], path: &Path| {
        let output = Command::new(program).args(arguments).arg(path).output();
        if std::env::var_os("CI").is_some() {
            assert!(output.is_ok(), "{program} is missing; run tests/install.sh");
        }
        output.ok()
    };
    if let Some(checked) = run("qpdf", &["--check"], &path) {
        let told = String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success() && !told.contains("WARNING"), "{told}");
    }
    let target = folder.path().join("text");
    let mut reader = Command::new("pdftotext");
    let output = reader.args(["-layout", "-enc", "UTF-8"]).arg(&path).arg(&target).output();
    if std::env::var_os("CI").is_some() {
        assert!(output.is_ok(), "pdftotext is missing; run tests/install.sh");
    }
    let output = output.ok()?;
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(std::fs::read_to_string(target).unwrap())
}

/// Lines of all pages without the title, the names of columns and the numbers of pages: the rows.
fn rows_of(text: &str, head: &str) -> Vec<Vec<String>> {
    let is_row = |line: &&str| {
        let words = line.trim();
        !words.is_empty() && !words.starts_with("Page ") && !words.starts_with(head)
    };
    // The title and the line under it.
    let lines = text.lines().filter(is_row).skip(2);
    lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn a_reader_finds_the_rows() {
    let rows: Vec<Vec<String>> =
        (0..700).map(|at| vec![format!("order-{at}"), format!("{}.5", at * 3), format!("tag{}", at % 7)]).collect();
    let bytes = of(&sheet(&[("order", false), ("amount", true), ("tag", false)], rows.clone())).unwrap();
    assert!(bytes.starts_with(b"%PDF-1.") && bytes.len() < 120_000, "{}", bytes.len());
    let Some(text) = read(&bytes) else { return };
    let pages: Vec<&str> = text.split('\u{c}').filter(|page| !page.trim().is_empty()).collect();
    assert!(pages.len() > 8, "{}", pages.len());
    for (at, page) in pages.iter().enumerate() {
        let head = page.lines().find(|line| line.trim_start().starts_with("order ")).unwrap();
        assert_eq!(
            head.split_whitespace().collect::<Vec<_>>(),
            ["order", "amount", "tag"],
            "each page names the columns"
        );
        assert!(page.contains(&format!("Page {} of {}", at + 1, pages.len())), "{page}");
    }
    assert!(pages[0].contains("Orders of the week") && pages[0].contains("asked 2026-11-28T22:00:00.000Z"));
    assert_eq!(rows_of(&text, "order "), rows);
}

#[test]
fn other_writing_is_what_it_was() {
    let words =
        ["Grüße", "Ελλάδα", "Привет", "日本語", "한국어", "中文", "Հայերեն", "ქართული", "žluťoučký", "½€→✓", "1−2"];
    let rows: Vec<Vec<String>> = words.iter().enumerate().map(|(at, word)| texts(&[&at.to_string(), word])).collect();
    let Some(text) = read(&of(&sheet(&[("n", true), ("word", false)], rows.clone())).unwrap()) else { return };
    assert_eq!(rows_of(&text, "n "), rows);
    assert!(!text.contains(fonts::UNKNOWN), "{text}");
}

#[test]
fn writing_from_right_to_left_can_be_read_and_copied() {
    let rows = vec![texts(&["a", "שלום"]), texts(&["b", "مرحبا"])];
    let Some(text) = read(&of(&sheet(&[("n", false), ("word", false)], rows)).unwrap()) else { return };
    for word in ["שלום", "مرحبا"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(text::from_left("שלום"), "םולש", "drawn from its end");
}

#[test]
fn what_no_font_has_is_shown_as_missing_and_said() {
    let rows = vec![texts(&["a", "हिन्दी"]), texts(&["b", "ไทย"])];
    let Some(text) = read(&of(&sheet(&[("n", false), ("word", false)], rows)).unwrap()) else { return };
    assert!(text.contains("▯▯") && text.contains("no font for"), "{text}");
}

#[test]
fn long_cells_are_broken_and_wide_tables_lie_on_their_side() {
    let long = "lorem ipsum dolor sit amet ".repeat(12);
    let columns: Vec<(String, bool)> = (0..30).map(|at| (format!("c{at}"), false)).collect();
    let columns: Vec<(&str, bool)> = columns.iter().map(|(name, is_number)| (name.as_str(), *is_number)).collect();
    let rows = vec![(0..30).map(|at| format!("v{at}")).collect(), vec![long.clone(), "x".repeat(300)]];
    let Some(text) = read(&of(&sheet(&columns, rows)).unwrap()) else { return };
    assert!(text.contains("6 further columns have no room here"), "{text}");
    assert!(text.contains("v23") && !text.contains("v24"), "{text}");
    let rows = vec![texts(&[&long, "end"])];
    let Some(text) = read(&of(&sheet(&[("long", false), ("short", false)], rows)).unwrap()) else { return };
    let words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(words.iter().filter(|word| **word == "lorem").count(), 12, "{text}");
}

#[test]
fn there_may_be_nothing_to_print() {
    let Some(text) = read(&of(&sheet(&[("n", false)], Vec::new())).unwrap()) else { return };
    assert!(text.contains("Page 1 of 1"), "{text}");
    assert!(of(&sheet(&[], Vec::new())).unwrap().starts_with(b"%PDF-"));
}

proptest! {
    #[test]
    fn whatever_is_in_a_cell_makes_a_file(cells in prop::collection::vec(".{0,80}", 1..6), width in 1usize..40) {
        let columns: Vec<(&str, bool)> = cells.iter().map(|_| ("a", false)).collect();
        let bytes = of(&sheet(&columns, vec![cells.clone(), cells.clone()])).unwrap();
        prop_assert!(bytes.ends_with(b"%%EOF") || bytes.ends_with(b"%%EOF\n"));
        let mut fonts = fonts::Fonts::open().unwrap();
        for cell in &cells {
            let lines = text::lines(cell, width as f32, usize::MAX, &mut fonts);
            let kept = |text: &str| text.chars().filter(|character| *character != ' ').collect::<String>();
            prop_assert_eq!(kept(&lines.concat()), kept(&text::ready(cell)), "no character is lost by breaking");
        }
    }
}
