//! Tables 6, 7 and 10 of the study: three networks on ImageNet.

use super::{Attempt, Cell, Figures};
use crate::scenario::{Architecture, Dataset, Norm};
use serde::{Deserialize, Serialize};

/// Length of the trainings on ImageNet.
pub const IMAGENET_EPOCHS: u32 = 90;

/// A network of the ImageNet tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImagenetNetwork {
    /// VGG-11.
    Vgg11,
    /// ResNet-18.
    Resnet18,
    /// DenseNet-121.
    Densenet121,
}

impl ImagenetNetwork {
    /// All, in the order of the study's tables.
    pub const ALL: [Self; 3] = [Self::Vgg11, Self::Resnet18, Self::Densenet121];

    /// The network that has the form for ImageNet; `None` for other networks.
    pub fn of(architecture: Architecture) -> Option<Self> {
        Self::ALL.into_iter().find(|network| network.architecture() == architecture)
    }

    /// The network, as scenarios name it.
    pub fn architecture(self) -> Architecture {
        match self {
            Self::Vgg11 => Architecture::Vgg11,
            Self::Resnet18 => Architecture::Resnet18Imagenet,
            Self::Densenet121 => Architecture::Densenet121Imagenet,
        }
    }

    /// The key of the published files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Vgg11 => "vgg11",
            Self::Resnet18 => "resnet18",
            Self::Densenet121 => "densenet121",
        }
    }

    /// The name as the study's tables print it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Vgg11 => "VGG-11",
            Self::Resnet18 => "ResNet-18",
            Self::Densenet121 => "DenseNet-121",
        }
    }
}

/// One training on ImageNet: [`IMAGENET_EPOCHS`] epochs, one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagenetFigures {
    /// The network.
    pub network: ImagenetNetwork,
    /// BN or ND; absent for the plain VGG-11.
    pub norm: Option<Norm>,
    /// Top-1 accuracy.
    pub top1: Scores,
    /// Top-5 accuracy.
    pub top5: Scores,
    /// Time of the run as the study writes it.
    pub train_time: String,
    /// The same in seconds.
    pub train_seconds: f64,
}

impl ImagenetFigures {
    /// The norm, the plain network's too.
    pub fn trained(&self) -> Norm {
        self.norm.unwrap_or(Norm::Plain)
    }

    /// The cell of its training.
    pub(super) fn cell(&self) -> Cell {
        let (architecture, norm) = (self.network.architecture(), self.trained());
        Cell { dataset: Dataset::Imagenet, architecture, norm, epochs: IMAGENET_EPOCHS }
    }

    /// Its top-1 accuracy and its time, as those of cells on CIFAR are kept.
    pub(super) fn figures(&self) -> Figures {
        let Scores { original_percent, reproduced_percent } = self.top1;
        // The time is that of the run: testing has none of its own.
        let attempt = Attempt {
            number: 1,
            accuracy_percent: reproduced_percent,
            train_seconds: self.train_seconds,
            test_seconds: 0.0,
        };
        Figures { original_percent: Some(original_percent), attempts: vec![attempt], ..Figures::default() }
    }
}

/// The seconds that a text such as `2 days 21:27:18` stands for; `None` for a text of another form.
pub fn seconds_of(text: &str) -> Option<f64> {
    let (days, rest) = match text.split_once(" day") {
        Some((days, rest)) => (days.parse::<u32>().ok()?, rest.strip_prefix('s').unwrap_or(rest).trim_start()),
        None => (0, text),
    };
    let parts: Vec<u32> = rest.split(':').map(|p| p.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = parts[..] else { return None };
    let clock = hours < 24 && minutes < 60 && seconds < 60;
    clock.then(|| f64::from(days) * 86_400.0 + f64::from(hours * 3600 + minutes * 60 + seconds))
}

/// An accuracy of the original and of the study, percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scores {
    /// Ye et al., Table 2.
    pub original_percent: f64,
    /// The study's single attempt.
    pub reproduced_percent: f64,
}

#[cfg(test)]
mod tests {
    use super::seconds_of;

    #[test]
    fn a_written_time_is_read_or_refused() {
        assert_eq!(seconds_of("1 day 7:23:11"), Some(112_991.0));
        assert_eq!(seconds_of("0 days 13:08:54"), Some(47_334.0));
        assert_eq!(seconds_of("0:00:01"), Some(1.0));
        for bad in ["", "1 day", "7:23", "1 day 25:00:00", "1 day 7:61:00", "one day 7:23:11", "1 day 7:23:11 h"] {
            assert_eq!(seconds_of(bad), None, "{bad}");
        }
    }
}
