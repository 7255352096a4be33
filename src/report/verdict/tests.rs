//! Verdicts on numbers, on the study's attempts, and on made-up records.

use super::*;
use crate::plan::ResolvedTrial;
use crate::published::Published;
use crate::record::{Record, made_up};
use crate::report::{Report, markdown};
use crate::scenario::{Architecture, Dataset, Norm};
use crate::stats::LEVEL;

fn evidence(original: f64, test: &[f64], epochs: u32) -> Evidence {
    Evidence { original: Some(original), test: test.into(), train: Vec::new(), planned: test.len(), epochs }
}

fn word(original: f64, test: &[f64], epochs: u32) -> &'static str {
    judge(evidence(original, test, epochs)).verdict.word()
}

#[test]
fn equivalence_can_fail_on_both_sides_and_says_when_it_cannot_tell() {
    assert_eq!(word(93.0, &[93.1, 92.9, 93.2], 100), "REPRODUCED");
    assert_eq!(word(93.0, &[95.1, 94.9, 95.2], 100), "REPRODUCED_BETTER");
    assert_eq!(word(93.0, &[90.1, 89.9, 90.2], 100), "NOT_REPRODUCED");
    assert_eq!(word(93.0, &[93.1, 91.0, 94.2], 100), "AMBIGUOUS");
    // The margin is twice as wide at 20 epochs, and there is none at others.
    let below = [91.6, 91.5, 91.7];
    assert_eq!((word(93.0, &below, 100), word(93.0, &below, 20)), ("NOT_REPRODUCED", "REPRODUCED"));
    assert_eq!((word(93.0, &below, 1), word(93.0, &below, 50)), ("NOT_COMPARABLE", "NOT_COMPARABLE"));
    assert_eq!(judge(evidence(93.0, &below, 1)).equivalence, None);
}

#[test]
fn identical_attempts_are_judged_by_their_value() {
    for (value, expected) in [(93.5, "REPRODUCED"), (94.0, "REPRODUCED_BETTER"), (92.0, "NOT_REPRODUCED")] {
        assert_eq!(word(93.0, &[value; 3], 100), expected, "{value}");
    }
}

#[test]
fn so_many_attempts_settle_an_ambiguous_verdict() {
    let attempts = [93.9, 93.0, 94.2];
    let Verdict::Ambiguous { attempts_needed: Some(n) } = judge(evidence(93.2, &attempts, 100)).verdict else {
        panic!("ambiguous, with a number");
    };
    // The same mean and standard deviation over n attempts: half of them at each of two places.
    let (mean, sd) = (93.7, 0.624_499_799_8);
    let of = |n: u32| {
        let away = sd * (f64::from(n - 1) / f64::from(n)).sqrt();
        let pairs = (0..n / 2).flat_map(|_| [mean - away, mean + away]);
        pairs.collect::<Vec<f64>>()
    };
    let even = n.next_multiple_of(2);
    assert_eq!(word(93.2, &of(even), 100), "REPRODUCED");
    assert_eq!(word(93.2, &of(even - 2), 100), "AMBIGUOUS", "{n}");
    // One attempt has no spread: more are needed, but not known how many.
    assert_eq!(judge(evidence(93.0, &[93.0], 100)).verdict, Verdict::Ambiguous { attempts_needed: None });
}

#[test]
fn implausible_is_never_reproduced() {
    let with_train = |test: f64, train: f64, epochs: u32| {
        let train = vec![train; 3];
        judge(Evidence { train, ..evidence(93.0, &[test, test + 0.1, test - 0.1], epochs) })
    };
    assert_eq!(with_train(93.0, 90.1, 100).verdict.word(), "REPRODUCED");
    let lags = with_train(93.0, 89.9, 100);
    assert_eq!(lags.verdict.word(), "IMPLAUSIBLE");
    assert!(lags.plausibility.why().unwrap().contains("3.10 points above training accuracy, more than 3"));
    assert_eq!(with_train(97.9, 99.0, 100).verdict.word(), "REPRODUCED_BETTER");
    assert_eq!(with_train(98.1, 99.0, 100).verdict.word(), "IMPLAUSIBLE");
    // Without an original too, and with attempts missing.
    let without = Evidence { original: None, train: vec![80.0], planned: 3, ..evidence(0.0, &[93.0], 100) };
    assert_eq!(judge(without).verdict.word(), "IMPLAUSIBLE");
    // In one epoch the test is above the running average of the training.
    assert_eq!(with_train(93.0, 60.0, 1).verdict.word(), "NOT_COMPARABLE");
    assert!(with_train(93.0, 60.0, 1).plausibility.plausible);
}

#[test]
fn missing_attempts_and_strange_values() {
    let incomplete = |test: &[f64], planned| judge(Evidence { planned, ..evidence(93.0, test, 100) }).verdict;
    assert_eq!(incomplete(&[93.0, 93.1], 3), Verdict::Incomplete { have: 2, want: 3 });
    assert_eq!(incomplete(&[], 3), Verdict::Incomplete { have: 0, want: 3 });
    assert_eq!(incomplete(&[], 0), Verdict::Incomplete { have: 0, want: 1 });
    assert_eq!(incomplete(&[93.0, f64::NAN, f64::INFINITY], 3), Verdict::Incomplete { have: 1, want: 3 });
    let nothing = judge(Evidence { original: Some(f64::NAN), ..evidence(0.0, &[93.0, 93.1], 100) });
    assert_eq!((nothing.verdict.word(), nothing.study_rules), ("NOT_COMPARABLE", None));
    assert_eq!(judge(evidence(93.0, &[], 100)).study_rules, None);
}

#[test]
fn the_study_s_rules_are_as_it_states_them() {
    let rules = |original: f64, test: &[f64]| judge(evidence(original, test, 100)).study_rules.unwrap();
    let position = |original: f64, test: f64| {
        let t = rules(original, &[test]).threshold;
        (t.relative, t.points)
    };
    assert_eq!(position(50.0, 50.1), (Position::Better, Position::Better));
    assert_eq!(position(50.0, 50.0), (Position::Within, Position::Within));
    assert_eq!(position(50.0, 45.0), (Position::Within, Position::Within), "lower by exactly 10 %");
    assert_eq!(position(50.0, 44.9), (Position::Below, Position::Within));
    assert_eq!(position(50.0, 39.9), (Position::Below, Position::Below));
    // 70 points apart are still consistent, 71 are not.
    assert!(rules(10.0, &[80.0]).consistency.consistent);
    assert!(!rules(10.0, &[81.0, 81.0]).consistency.consistent);
    assert!((rules(90.0, &[80.0, 100.0]).consistency.mean_squared_deviation - 0.01).abs() < 1e-12);
}

/// Every published training as evidence: the CIFAR cells, then ImageNet.
fn published() -> (Vec<Judgement>, Vec<Judgement>) {
    let published = Published::embedded().unwrap();
    let cell = |(cell, f): (&crate::published::Cell, &crate::published::Figures)| {
        judge(evidence(f.original_percent.unwrap(), &f.each(|a| a.accuracy_percent), cell.epochs))
    };
    let scores = published.imagenet().iter().flat_map(|f| [f.top1, f.top5]);
    let imagenet = scores.map(|s| judge(evidence(s.original_percent, &[s.reproduced_percent], 90))).collect();
    (published.cells().iter().map(cell).collect(), imagenet)
}

#[test]
fn the_study_s_own_attempts_by_its_rules_and_by_ours() {
    let (cifar, imagenet) = published();
    let all: Vec<&Judgement> = cifar.iter().chain(&imagenet).collect();
    let rules = |j: &&Judgement| j.study_rules.unwrap();
    assert_eq!(all.len(), 134);
    assert_eq!(all.iter().filter(|j| rules(j).threshold.relative != Position::Below).count(), 105);
    assert_eq!(all.iter().filter(|j| rules(j).threshold.points != Position::Below).count(), 118);
    assert_eq!(cifar.iter().filter(|j| rules(j).threshold.points == Position::Better).count(), 72);
    assert!(all.iter().all(|j| rules(j).consistency.consistent), "rule 2 never fails");
    // 14 at 20 epochs and 25 at 100 are too good to be test accuracy.
    let of = |epochs: u32, word: &str| {
        cifar.iter().filter(|j| j.evidence.epochs == epochs && j.verdict.word() == word).count()
    };
    assert_eq!((of(1, "IMPLAUSIBLE"), of(20, "IMPLAUSIBLE"), of(100, "IMPLAUSIBLE")), (0, 14, 25));
    assert_eq!(of(1, "NOT_COMPARABLE"), 40);
    assert!(of(20, "REPRODUCED") > 0 && of(20, "NOT_REPRODUCED") > 0 && of(20, "AMBIGUOUS") > 0);
}

/// Six networks at 20 epochs, three attempts; ND better by `better` points each, BN near the original.
fn records(better: f64) -> (Vec<ResolvedTrial>, Vec<Record>) {
    let networks = [
        Architecture::Vgg16,
        Architecture::Preact18,
        Architecture::Densenet121,
        Architecture::Resnext29,
        Architecture::Dpn92,
        Architecture::Senet18,
    ];
    let trials: Vec<ResolvedTrial> = networks.iter().flat_map(|&a| made_up::cell(a, Dataset::Cifar10, 20, 3)).collect();
    let record = |t: &ResolvedTrial| {
        let wobble = 0.001 * f64::from(t.trial.attempt);
        let top1 = 0.905 + if t.trial.norm == Norm::Nd { better / 100.0 + 1.5 * wobble } else { wobble };
        let mut record = made_up::record(t, top1, 10.0 * (1.0 + wobble));
        record.epochs.iter_mut().for_each(|e| e.train_top1 = e.test_top1 + 0.01);
        record
    };
    let records = trials.iter().map(record).collect();
    (trials, records)
}

fn report(trials: &[ResolvedTrial], records: &[Record]) -> Report {
    Report::build(trials, records, &Published::embedded().unwrap())
}

#[test]
fn a_direction_needs_six_networks_that_agree() {
    let (trials, records) = records(2.0);
    let report = report(&trials, &records);
    let [d] = &report.directions[..] else { panic!("one data set, length and environment") };
    assert_eq!((d.outcome, d.networks.len()), (DirectionOutcome::NdBetter, 6));
    assert!((d.sign.unwrap().p - 0.03125).abs() < 1e-12);
    let network = &d.networks[0];
    assert_eq!((network.nd_better, network.bn_better, network.outcome), (3, 0, DirectionOutcome::NdBetter));
    assert!((network.points.difference - 2.1).abs() < 1e-9);
    let fewer = self::report(&trials[..30], &records[..30]);
    assert_eq!(fewer.directions[0].outcome, DirectionOutcome::TooFew { have: 5, want: FEWEST_NETWORKS });
    let (trials, records) = self::records(-2.5);
    assert_eq!(self::report(&trials, &records).directions[0].outcome, DirectionOutcome::BnBetter);
}

#[test]
fn a_direction_takes_no_implausible_network_and_no_unpaired_attempt() {
    let (trials, mut records) = records(2.0);
    // The first network's ND accuracy is beyond belief; the second's BN attempts lack the first.
    for record in records.iter_mut().filter(|r| r.trial.architecture == Architecture::Vgg16) {
        record.epochs.iter_mut().for_each(|e| e.test_top1 = e.train_top1 + 0.05);
    }
    let gone = |r: &Record| {
        let t = &r.trial;
        t.architecture == Architecture::Preact18 && t.norm == Norm::Bn && t.attempt == 1
    };
    records.retain(|r| !gone(r));
    let d = &report(&trials, &records).directions[0];
    assert_eq!((&d.implausible[..], d.networks.len()), (&[Architecture::Vgg16][..], 5));
    assert_eq!((d.networks[0].architecture, d.networks[0].points.n), (Architecture::Preact18, 2));
}

#[test]
fn the_study_s_direction_is_shown_beside_an_empty_store() {
    let (trials, _) = records(0.0);
    let [d] = &report(&trials, &[]).directions[..] else { panic!("one") };
    assert!(d.networks.is_empty() && d.sign.is_none() && d.study.sign.is_some());
}

#[test]
fn a_ratio_over_networks_has_an_interval() {
    let (trials, records) = records(1.0);
    let report = report(&trials, &records);
    let [overall] = &report.overall[..] else { panic!("one") };
    let interval = overall.interval.unwrap();
    assert_eq!((overall.rows, interval.level), (6, LEVEL));
    assert!(interval.low <= overall.ratio && overall.ratio <= interval.high);
    assert!(report.time[0].ratio.unwrap().bootstrap.is_some());
}

#[test]
fn the_pooled_ratios_of_the_study_s_times() {
    // Means of three attempts at 100 epochs; Student's t over the log-ratios, wider than the bootstrap's.
    let published = Published::embedded().unwrap();
    for (dataset, value, low, high) in
        [(Dataset::Cifar10, 3.2121, 2.3238, 4.4400), (Dataset::Cifar100, 3.1013, 2.2560, 4.2634)]
    {
        let networks: Vec<Vec<f64>> = Architecture::ALL
            .iter()
            .filter_map(|&architecture| {
                let mean = |norm| {
                    let cell = crate::published::Cell { dataset: dataset.clone(), architecture, norm, epochs: 100 };
                    Some(published.figures(&cell)?.seconds()?.mean)
                };
                Some(vec![mean(Norm::Nd)? / mean(Norm::Bn)?])
            })
            .collect();
        let pooled = crate::stats::pooled_ratio(&networks, LEVEL).unwrap();
        let interval = pooled.interval.unwrap();
        assert!((pooled.value - value).abs() < 1e-4, "{pooled:?}");
        assert!((interval.low - low).abs() < 1e-4 && (interval.high - high).abs() < 1e-4, "{pooled:?}");
    }
}

#[test]
fn each_rule_can_be_asked_why() {
    let (trials, mut records) = records(2.0);
    records[3].epochs[19].test_top1 = 0.84;
    let report = report(&trials, &records);
    insta::assert_snapshot!("explain", explain(&report, "vgg16/cifar10/nd/20").unwrap());
    let empty = self::report(&made_up::cell(Architecture::Vgg16, Dataset::Cifar100, 1, 1), &[]);
    insta::assert_snapshot!("explain_empty", explain(&empty, "vgg16/cifar100/bn/1").unwrap());
    let text = markdown(&report, false);
    let start = text.find("## Verdicts").unwrap();
    insta::assert_snapshot!("section", &text[start..text.find("## Environments").unwrap()]);
}

#[test]
fn an_unknown_cell_names_the_nearest_ones() {
    let (trials, records) = records(2.0);
    let report = report(&trials, &records);
    let error = explain(&report, "vgg16/cifar10/nd/2").unwrap_err();
    assert_eq!(error.near, "; the nearest: `vgg16/cifar10/nd/20`, `vgg16/cifar10/bn/20`, `dpn92/cifar10/nd/20`");
    assert!(explain(&report, "a\u{1b}[31m").unwrap_err().to_string().contains("`a [31m`"));
    assert!(explain(&self::report(&[], &[]), "").is_err());
}

#[test]
fn cells_are_found_by_the_names_of_the_tables() {
    let (trials, records) = records(2.0);
    let report = report(&trials, &records);
    let wanted = explain(&report, "vgg16/cifar10/nd/20").unwrap();
    for name in [
        "VGG-16/CIFAR-10/ND/20",
        "VGG-16 ND, CIFAR-10, 20 epochs",
        "vgg16/nd/20",
        " ND / 20 epochs / VGG 16 /",
        "vgg-16, nd",
    ] {
        assert_eq!(explain(&report, name).as_ref(), Ok(&wanted), "{name}");
    }
    let both = explain(&report, "VGG-16").unwrap();
    assert!(both.contains(&wanted) && both.contains("VGG-16 BN, CIFAR-10, 20 epochs"));
    assert_eq!(explain(&report, "ResNext-29 BN"), explain(&report, "ResNeXt-29 BN"));
    for unknown in ["VGG-16/CIFAR-100", "vgg16/nd/bn", "vgg", "/", ",", "nd/200"] {
        assert!(explain(&report, unknown).is_err(), "{unknown}");
    }
}

#[test]
fn the_json_names_outcomes() {
    let (trials, records) = records(2.0);
    let value: serde_json::Value = serde_json::from_str(&report(&trials, &records).to_json()).unwrap();
    assert_eq!(value["verdicts"].as_array().unwrap().len(), 12);
    let first = &value["verdicts"][0]["judgement"];
    assert_eq!(first["verdict"]["outcome"], "REPRODUCED");
    assert_eq!(first["equivalence"]["outcome"], "EQUIVALENT");
    assert_eq!(first["study_rules"]["threshold"]["relative"], "BETTER");
    assert_eq!(value["directions"][0]["outcome"], "ND_BETTER");
    let ambiguous = serde_json::to_value(Verdict::Ambiguous { attempts_needed: None }).unwrap();
    assert_eq!(ambiguous, serde_json::json!({ "outcome": "AMBIGUOUS", "attempts_needed": null }));
}
