//! Figures of made-up records.

use super::*;
use crate::plan::ResolvedTrial;
use crate::record::{Record, made_up};
use crate::scenario::{Architecture, Norm};

fn published() -> Published {
    Published::embedded().unwrap()
}

/// The study's matrix; the first `done` trials have records near the original.
fn report(dataset: &Dataset, done: usize) -> Report {
    let published = published();
    let networks = Architecture::for_side(32).filter(|a| *a != Architecture::Resnet18Cifar);
    let trials: Vec<ResolvedTrial> =
        networks.flat_map(|a| [1, 20, 100].map(|e| made_up::cell(a, dataset.clone(), e, 3))).flatten().collect();
    let record = |resolved: &ResolvedTrial| {
        let t = &resolved.trial;
        let cell = crate::published::Cell {
            dataset: t.dataset.clone(),
            architecture: t.architecture,
            norm: t.norm,
            epochs: t.epochs,
        };
        let figures = published.figures(&cell).unwrap();
        let top1 = figures.original_percent.unwrap() / 100.0 - 0.006 * f64::from(t.attempt);
        let factor = if t.norm == Norm::Nd { 0.2 } else { 0.3 };
        made_up::record(resolved, top1, factor * figures.seconds().unwrap().mean / f64::from(t.epochs))
    };
    let records: Vec<Record> = trials.iter().take(done).map(record).collect();
    Report::build(&trials, &records, &published)
}

#[test]
fn every_state_of_a_store_can_be_drawn_in_both_forms() {
    for done in [0, 7, 100, 180] {
        for form in [Form::Dots, Form::Study] {
            for (all, names) in
                [(false, vec!["figure2", "figure4"]), (true, vec!["figure2", "figure3", "figure4", "figure5"])]
            {
                let figures = study_figures(&report(&Dataset::Cifar10, done), &published(), form, all);
                assert_eq!(figures.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), names);
                for f in figures {
                    assert!(f.svg.starts_with("<svg role=\"img\"") && f.svg.trim_end().ends_with("</svg>"));
                    assert!(f.svg.contains(&format!("<title id=\"{}-title\">{}</title>", f.name, f.title)));
                    assert!(!f.svg.contains("href") && !f.svg.contains("NaN") && !f.svg.contains("inf"));
                }
            }
        }
    }
}

#[test]
fn the_figures_are_drawn_as_before() {
    let figures = study_figures(&report(&Dataset::Cifar10, 64), &published(), Form::Dots, false);
    insta::assert_snapshot!("figure2", figures[0].svg);
    insta::assert_snapshot!("alt", figures.iter().map(|f| f.alt.as_str()).collect::<Vec<_>>().join("\n"));
}

#[test]
fn more_records_draw_more_marks() {
    let marks = |done: usize| {
        let figures = study_figures(&report(&Dataset::Cifar10, done), &published(), Form::Dots, false);
        figures[0].svg.matches("<circle").count()
    };
    assert!(marks(0) > 30, "the study's means are there without records");
    assert!(marks(60) > marks(0) && marks(180) > marks(60));
}

#[test]
fn what_nothing_is_published_about_is_drawn_too() {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::FashionMini, 3, 1);
    let records: Vec<Record> = trials.iter().map(|t| made_up::record(t, 0.8, 5.0)).collect();
    let figures = study_figures(&Report::build(&trials, &records, &published()), &published(), Form::Dots, false);
    assert_eq!(figures[0].name, "accuracy-fashion-mini");
    assert!(figures[0].alt.contains("ours, ND above BN in 0 of 1"), "{}", figures[0].alt);
    let nothing = Report::build::<Record>(&[], &[], &published());
    assert!(study_figures(&nothing, &published(), Form::Dots, false).is_empty());
}

#[test]
fn the_pictures_have_the_size_of_the_drawings() {
    for f in study_figures(&report(&Dataset::Cifar10, 64), &published(), Form::Dots, false) {
        let bytes = crate::report::png(&f.svg).unwrap();
        let number = |name: &str| -> u32 {
            let rest = f.svg.split_once(&format!("{name}=\"")).unwrap().1;
            rest.split('"').next().unwrap().parse().unwrap()
        };
        // The header of a PNG: width and height from its byte 16, big end first.
        let be = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!((be(16), be(20)), (2 * number(" width"), 2 * number(" height")));
        assert!(bytes.len() > 20_000, "{} holds almost nothing", f.name);
    }
}

#[test]
fn curves_and_steps_are_drawn_where_the_records_have_them() {
    let (report, empty) = (report(&Dataset::Cifar10, 18), report(&Dataset::Cifar10, 0));
    let names: Vec<String> = figures(&report, &published(), Form::Dots, false).into_iter().map(|f| f.name).collect();
    assert_eq!(names, ["overview", "figure2", "figure4", "curves-cifar10-20", "curves-cifar10-100", "steps-cifar10"]);
    let drawn = figures(&report, &published(), Form::Dots, false);
    assert!(
        drawn[3].alt.contains("VGG-16: BN ends at 88.87 % on the test images, 83.87 % in training"),
        "{}",
        drawn[3].alt
    );
    assert!(drawn[5].alt.contains("VGG-16: BN data 0.00, forward 100.00"), "{}", drawn[5].alt);
    assert!(drawn.iter().all(|f| f.svg.starts_with("<svg role=\"img\"") && !f.svg.contains("NaN")));
    let names: Vec<String> = figures(&empty, &published(), Form::Dots, false).into_iter().map(|f| f.name).collect();
    assert_eq!(names, ["overview", "figure2", "figure4"]);
}
