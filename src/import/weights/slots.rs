//! Which variables each layer class stores, in which order and where: a fact of the file formats.

use serde_json::{Map, Value};

use super::super::json::flag;

/// One variable of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Key in [`RawLayer::weights`](super::super::RawLayer::weights).
    pub name: &'static str,
    /// Sub-object that owns the variable in the new layout (`batchnorm`, `cell`); empty: the layer itself.
    pub(crate) group: &'static str,
    /// Whether Keras lists it with the trainable weights.
    pub(crate) trainable: bool,
    /// Ranks it may have.
    pub(crate) ranks: &'static [usize],
    /// What it is for the importer.
    pub(crate) kind: Kind,
}

/// What a variable is for the importer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A weight that inference uses.
    Weight,
    /// A number that may be an integer.
    Any,
    /// The step counter of folded layers: an integer scalar, skipped. Writers disagree on its place.
    Counter,
}

impl Slot {
    const fn new(name: &'static str, ranks: &'static [usize]) -> Self {
        Slot {
            name,
            group: "",
            trainable: true,
            ranks,
            kind: Kind::Weight,
        }
    }

    const fn frozen(self) -> Self {
        Slot {
            trainable: false,
            ..self
        }
    }

    const fn of(self, group: &'static str) -> Self {
        Slot { group, ..self }
    }

    /// Sub-object that owns the variable in the new layout (`batchnorm`, `cell`); empty: the layer itself.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.group
    }

    /// Whether Keras lists it with the trainable weights.
    #[must_use]
    pub fn is_trainable(&self) -> bool {
        self.trainable
    }

    /// Whether it is the step counter of a folded layer.
    #[must_use]
    pub fn is_counter(&self) -> bool {
        self.kind == Kind::Counter
    }

    /// Names under which Keras stores this variable in legacy files.
    pub(crate) fn stored_names(&self) -> &'static [&'static str] {
        match self.name {
            "kernel" => &["kernel"],
            "depthwise_kernel" => &["depthwise_kernel", "kernel"],
            "pointwise_kernel" => &["pointwise_kernel"],
            "recurrent_kernel" => &["recurrent_kernel"],
            "bias" => &["bias"],
            "gamma" => &["gamma"],
            "beta" => &["beta"],
            "moving_mean" => &["moving_mean"],
            "moving_variance" => &["moving_variance"],
            "iteration" => &["iteration"],
            "alpha" => &["alpha"],
            "ema_min" => &["ema_min"],
            "ema_max" => &["ema_max"],
            // QScaleShift's weight and QAdaptiveActivation's step go by several names, or none.
            _ => &[],
        }
    }
}

/// The variables of a layer of this class and configuration, in the order of Keras' `vars/0`, `vars/1`, ...
/// `None`: the class is unknown here, and its variables are kept under their stored names.
///
/// Nested models, `TimeDistributed`, `Bidirectional` and `RNN` own none themselves.
pub fn slots(class_name: &str, config: &Map<String, Value>) -> Option<Vec<Slot>> {
    let bias = |ranks| flag(config, "use_bias", true).then_some(Slot::new("bias", ranks));
    let with_bias = |kernels: &[Slot]| Some(kernels.iter().copied().chain(bias(&[1])).collect());
    match class_name {
        "Dense" | "QDense" => with_bias(&[Slot::new("kernel", &[2])]),
        "Conv1D" | "QConv1D" | "Conv1DTranspose" => with_bias(&[Slot::new("kernel", &[3])]),
        "Conv2D" | "QConv2D" | "Conv2DTranspose" | "QConv2DTranspose" => {
            with_bias(&[Slot::new("kernel", &[4])])
        }
        "Conv3D" => with_bias(&[Slot::new("kernel", &[5])]),
        "DepthwiseConv1D" => with_bias(&[Slot::new("depthwise_kernel", &[3])]),
        "DepthwiseConv2D" | "QDepthwiseConv2D" | "QDepthwiseConv2DTranspose" => {
            with_bias(&[Slot::new("depthwise_kernel", &[4])])
        }
        "SeparableConv1D" | "QSeparableConv1D" => with_bias(&[
            Slot::new("depthwise_kernel", &[3]),
            Slot::new("pointwise_kernel", &[3]),
        ]),
        "SeparableConv2D" | "QSeparableConv2D" | "QSeparableConv2DTranspose" => with_bias(&[
            Slot::new("depthwise_kernel", &[4]),
            Slot::new("pointwise_kernel", &[4]),
        ]),
        "BatchNormalization" | "QBatchNormalization" => {
            Some(batch_normalization(config, "").collect())
        }
        "QDenseBatchnorm" => Some(folded(Slot::new("kernel", &[2]), bias(&[1]), config)),
        "QConv2DBatchnorm" => Some(folded(Slot::new("kernel", &[4]), bias(&[1]), config)),
        "QDepthwiseConv2DBatchnorm" => Some(folded(
            Slot::new("depthwise_kernel", &[4]),
            bias(&[1]),
            config,
        )),
        "SimpleRNN" | "LSTM" | "GRU" | "QSimpleRNN" | "QLSTM" | "QGRU" => {
            let cell = recurrent().into_iter().chain(bias(&[1, 2]));
            Some(cell.map(|slot| slot.of("cell")).collect())
        }
        "SimpleRNNCell" | "LSTMCell" | "GRUCell" | "QSimpleRNNCell" | "QLSTMCell" | "QGRUCell" => {
            Some(recurrent().into_iter().chain(bias(&[1, 2])).collect())
        }
        "QScaleShift" => Some(
            [Slot::new("weight", &[2])]
                .into_iter()
                .chain(bias(&[2]))
                .collect(),
        ),
        "QAdaptiveActivation" => {
            let ema = |name| Slot::new(name, &[0, 1, 2, 3, 4]).frozen();
            Some(vec![
                Slot {
                    kind: Kind::Any,
                    ..Slot::new("step", &[0]).frozen()
                },
                ema("ema_min"),
                ema("ema_max"),
            ])
        }
        "PReLU" => Some(vec![Slot::new("alpha", &[1, 2, 3, 4])]),
        _ if WITHOUT_WEIGHTS.contains(&class_name) => Some(Vec::new()),
        _ => None,
    }
}

/// Whether a class is a recurrent layer. Keras 3 stores unreliable names for those.
pub(crate) fn is_recurrent(class_name: &str) -> bool {
    matches!(
        class_name,
        "SimpleRNN"
            | "LSTM"
            | "GRU"
            | "RNN"
            | "QSimpleRNN"
            | "QLSTM"
            | "QGRU"
            | "Bidirectional"
            | "QBidirectional"
    )
}

/// Classes that store nothing.
const WITHOUT_WEIGHTS: [&str; 53] = [
    "Activation",
    "ActivityRegularization",
    "Add",
    "AlphaDropout",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "Concatenate",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Dot",
    "Dropout",
    "ELU",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "InputLayer",
    "LeakyReLU",
    "Masking",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "Minimum",
    "Multiply",
    "Permute",
    "QActivation",
    "QAveragePooling2D",
    "QGlobalAveragePooling2D",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "Subtract",
    "ThresholdedReLU",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
];

fn recurrent() -> [Slot; 2] {
    [
        Slot::new("kernel", &[2]),
        Slot::new("recurrent_kernel", &[2]),
    ]
}

fn batch_normalization(
    config: &Map<String, Value>,
    group: &'static str,
) -> impl Iterator<Item = Slot> + use<> {
    let gamma = flag(config, "scale", true).then_some(Slot::new("gamma", &[1]));
    let beta = flag(config, "center", true).then_some(Slot::new("beta", &[1]));
    let statistics = [
        Slot::new("moving_mean", &[1]).frozen(),
        Slot::new("moving_variance", &[1]).frozen(),
    ];
    gamma
        .into_iter()
        .chain(beta)
        .chain(statistics)
        .map(move |slot| slot.of(group))
}

fn folded(kernel: Slot, bias: Option<Slot>, config: &Map<String, Value>) -> Vec<Slot> {
    let iteration = Slot {
        kind: Kind::Counter,
        ..Slot::new("iteration", &[0]).frozen()
    };
    [kernel]
        .into_iter()
        .chain(bias)
        .chain([iteration])
        .chain(batch_normalization(config, "batchnorm"))
        .collect()
}
