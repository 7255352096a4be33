//! Values of metrics at one moment, and their text.

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};

/// Labels of one series.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// Metrics with their values at one moment.
#[derive(Debug, Default)]
pub struct Families(Vec<MetricFamily>);

impl Families {
    /// A value that goes up and down. One that is absent, or no number, is no series.
    pub fn gauge(&mut self, name: &str, help: &str, labels: Labels, value: impl Into<Option<f64>>) {
        let Some(value) = value.into().filter(|v| !v.is_nan()) else { return };
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        let mut metric = metric(labels);
        metric.set_gauge(gauge);
        self.add(name, help, MetricType::GAUGE, metric);
    }

    /// A value that only grows while its program runs; its name ends in `_total`.
    pub fn counter(&mut self, name: &str, help: &str, labels: Labels, value: impl Into<Option<f64>>) {
        let Some(value) = value.into().filter(|v| !v.is_nan()) else { return };
        let mut counter = Counter::default();
        counter.set_value(value);
        let mut metric = metric(labels);
        metric.set_counter(counter);
        self.add(name, help, MetricType::COUNTER, metric);
    }

    /// A histogram: the bounds of the buckets, the counts of each and of what is beyond, and the sum of the values.
    pub(super) fn histogram(&mut self, name: &str, help: &str, labels: Labels, of: (&[f64], &[u64], f64)) {
        let (bounds, counts, sum) = of;
        let mut total = 0;
        let bucket = |(&bound, &count): (&f64, &u64)| {
            total += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound);
            bucket.set_cumulative_count(total);
            bucket
        };
        let buckets = bounds.iter().zip(counts).map(bucket).collect();
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets);
        histogram.set_sample_count(counts.iter().sum());
        histogram.set_sample_sum(sum);
        let mut metric = metric(labels);
        metric.set_histogram(histogram);
        self.add(name, help, MetricType::HISTOGRAM, metric);
    }

    fn add(&mut self, name: &str, help: &str, kind: MetricType, metric: Metric) {
        if let Some(family) = self.0.iter_mut().rfind(|f| f.name() == name) {
            family.mut_metric().push(metric);
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(name.into());
        family.set_help(format!("{help}."));
        family.set_field_type(kind);
        family.set_metric(vec![metric]);
        self.0.push(family);
    }

    /// Families of a registry.
    pub(super) fn extend(&mut self, families: Vec<MetricFamily>) {
        self.0.extend(families.into_iter().filter(|f| !f.get_metric().is_empty()));
    }

    /// How many series there are; a histogram counts as its buckets, sum and count.
    pub fn series(&self) -> usize {
        let buckets = |m: &Metric| m.get_histogram().get_bucket().len();
        let of = |f: &MetricFamily, m: &Metric| match f.get_field_type() {
            MetricType::HISTOGRAM => buckets(m) + 3,
            _ => 1,
        };
        self.0.iter().flat_map(|f| f.get_metric().iter().map(move |m| of(f, m))).sum()
    }

    /// Prometheus' text form 0.0.4, in the order of the names.
    pub fn text(mut self) -> String {
        self.0.sort_by(|a, b| a.name().cmp(b.name()));
        let mut bytes = Vec::new();
        TextEncoder::new()
            .encode(&self.0, &mut bytes)
            .expect("families have names and metrics, and memory takes bytes");
        String::from_utf8(bytes).expect("the encoder writes text")
    }
}

fn metric(labels: Labels) -> Metric {
    let pair = |&(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.into());
        pair.set_value(value.into());
        pair
    };
    Metric::from_label(labels.iter().map(pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_one_name_stand_together_and_what_is_absent_is_no_series() {
        let mut families = Families::default();
        families.gauge("b_bytes", "Of b", &[("gpu", "a\"\\\n")], 1.5);
        families.counter("a_total", "Of a", &[], 3.0);
        families.gauge("b_bytes", "Of b", &[("gpu", "c")], 0.0);
        families.gauge("c_ratio", "Of c", &[], None);
        families.gauge("c_ratio", "Of c", &[], f64::NAN);
        assert_eq!(families.series(), 3);
        let expected = "# HELP a_total Of a.\n# TYPE a_total counter\na_total 3\n# HELP b_bytes Of b.\n\
                        # TYPE b_bytes gauge\nb_bytes{gpu=\"a\\\"\\\\\\n\"} 1.5\nb_bytes{gpu=\"c\"} 0\n";
        assert_eq!(families.text(), expected);
        assert_eq!(Families::default().text(), "");
    }
}
