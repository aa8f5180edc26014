//! What is kept on disk: not read again after a start, and made again where it is damaged, old, or cut off anywhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::given::{House, Step};
use super::{NOW, asked, check};

fn publish(seed: u64) -> Step {
    Step::Publish { seed, rows: 40 }
}

/// A house whose projection is on disk.
async fn kept() -> House {
    let mut house = House::open(600_000);
    let insights = house.insights();
    for step in [publish(1), Step::Flush, Step::Merge(0, 1), publish(2), Step::Flush] {
        house.take(&step).await;
        check(&house, &insights, &asked::all()).await.unwrap();
    }
    house
}

fn shelf(house: &House) -> PathBuf {
    house.folder.path().join("insights/project=p")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in files(from) {
        fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}

#[tokio::test]
async fn a_start_reads_no_file_of_the_lake_again() {
    let mut house = kept().await;
    // Of before the merge and the rows after it: what is worked out from what is kept has to be the same.
    house.take(&Step::Undo(0)).await;
    house.take(&Step::Merge(0, 1)).await;
    let world = house.world().await;
    let activity = house.folder.path().join("lake/project=p/activity");
    let away = house.folder.path().join("away");
    fs::rename(&activity, &away).unwrap();
    let insights = house.insights();
    // What is known of groups is not kept: it is read again when somebody asks about it.
    for question in asked::all().into_iter().filter(|question| question.needs().groups.is_empty()) {
        let got = insights.ask("p", &question, NOW).await.unwrap();
        assert_eq!(got.answer, world.answer(&house.as_now(&question)), "{question:?}");
    }
    fs::rename(&away, &activity).unwrap();
    // And it goes on from there.
    house.take(&publish(3)).await;
    house.take(&Step::Flush).await;
    check(&house, &insights, &asked::all()).await.unwrap();
}

#[tokio::test]
async fn whatever_file_is_damaged_cut_or_gone_the_answers_are_right() {
    let house = kept().await;
    let saved = house.folder.path().join("saved");
    copy(&shelf(&house), &saved);
    assert!(files(&saved).iter().any(|file| file.ends_with("manifest.json")));
    for file in files(&saved) {
        for damage in 0..3 {
            fs::remove_dir_all(shelf(&house)).unwrap();
            copy(&saved, &shelf(&house));
            let hurt = shelf(&house).join(file.file_name().unwrap());
            let mut bytes = fs::read(&hurt).unwrap();
            let middle = bytes.len() / 2;
            match damage {
                0 => bytes[middle] ^= 1,
                1 => bytes.truncate(middle),
                _ => fs::remove_file(&hurt).unwrap(),
            }
            if damage < 2 {
                fs::write(&hurt, bytes).unwrap();
            }
            let insights = house.insights();
            check(&house, &insights, &asked::all()[..3]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_crash_at_any_moment_of_a_save_leaves_what_can_be_read_or_left() {
    let mut house = kept().await;
    let before = house.folder.path().join("before");
    copy(&shelf(&house), &before);
    let insights = house.insights();
    for step in [publish(3), Step::Flush, Step::Merge(2, 3), publish(4), Step::Flush, Step::Join] {
        house.take(&step).await;
        check(&house, &insights, &asked::all()[..1]).await.unwrap();
    }
    drop(insights);
    let after = house.folder.path().join("after");
    copy(&shelf(&house), &after);
    // Texts are appended, runs appear, the manifest is replaced, old runs go: cut after each of these, and in the middle
    // of a file.
    let is_manifest = |file: &&PathBuf| file.ends_with("manifest.json");
    let news: Vec<PathBuf> = files(&after).into_iter().filter(|file| !is_manifest(&file)).collect();
    for done in 0..=news.len() {
        for has_manifest in [false, true].into_iter().take(if done == news.len() { 2 } else { 1 }) {
            fs::remove_dir_all(shelf(&house)).unwrap();
            copy(&before, &shelf(&house));
            for file in &news[..done] {
                fs::copy(file, shelf(&house).join(file.file_name().unwrap())).unwrap();
            }
            if let Some(torn) = news.get(done) {
                let mut bytes = fs::read(torn).unwrap();
                bytes.truncate(bytes.len() * 2 / 3);
                // A file that grows has its old bytes in any case; one that is new has another name until it is whole.
                let name = torn.file_name().unwrap().to_string_lossy().into_owned();
                let old = fs::read(before.join(&name)).unwrap_or_default();
                let name = if name.ends_with(".run") { name.replace(".run", ".next") } else { name };
                fs::write(shelf(&house).join(name), if bytes.len() > old.len() { bytes } else { old }).unwrap();
            }
            if has_manifest {
                fs::copy(after.join("manifest.json"), shelf(&house).join("manifest.json")).unwrap();
            }
            let insights = house.insights();
            check(&house, &insights, &asked::all()[..3]).await.unwrap();
            drop(insights);
        }
    }
}

#[tokio::test]
async fn files_of_another_lake_are_not_taken_for_ours() {
    let house = kept().await;
    let mut other = House::open(0);
    for seed in 50..53 {
        other.take(&publish(seed)).await;
        other.take(&Step::Flush).await;
    }
    copy(&shelf(&house), &shelf(&other));
    check(&other, &other.insights(), &asked::all()).await.unwrap();
}

#[tokio::test]
async fn who_is_not_asked_about_leaves_memory_and_the_disk_if_that_is_short() {
    let house = kept().await;
    let insights = house.insights_with(|options| options.idle_max = Duration::ZERO);
    check(&house, &insights, &asked::all()[..3]).await.unwrap();
    let away = async {
        while insights.is_in_memory("p") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(240), away).await.unwrap();
    assert!(shelf(&house).join("manifest.json").exists());
    check(&house, &insights, &asked::all()[..3]).await.unwrap();
    drop(insights);
    let insights = house.insights_with(|options| options.disk_bytes_max = 0);
    let gone = async {
        while shelf(&house).exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(240), gone).await.unwrap();
    check(&house, &insights, &asked::all()[..3]).await.unwrap();
}

/// Where little comes in, and often: what was sealed lately is joined before there is much of it.
#[tokio::test]
async fn a_trickle_into_many_rows_leaves_few_runs() {
    let mut house = House::open(0);
    let insights = house.insights();
    let question = &asked::all()[0];
    for (seed, rows) in [(1, 2_000)].into_iter().chain((2..62).map(|seed| (seed, 1))) {
        house.take(&Step::Publish { seed, rows }).await;
        house.take(&Step::Flush).await;
        insights.ask("p", question, NOW).await.unwrap();
    }
    let got = insights.ask("p", question, NOW).await.unwrap();
    assert_eq!(got.answer, house.world().await.answer(question));
    drop(insights);
    let runs = files(&shelf(&house)).iter().filter(|path| path.extension().is_some_and(|end| end == "run")).count();
    assert!((1..40).contains(&runs), "{runs}");
}
