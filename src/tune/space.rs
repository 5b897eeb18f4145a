//! What is searched: a width for the weights and one for the activation of every layer.

use serde_json::{Map, Value, json};

use super::Genome;
use crate::import::RawModel;
use crate::quantize::Request;

/// One width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gene {
    /// The layer.
    pub layer: String,
    /// `weights`, `activation`.
    pub what: What,
}

/// What a gene is the width of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Every kernel of the layer; its bias has [`BIAS_BITS`] more.
    Weights,
    /// What comes out of the layer.
    Activation,
}

/// Bits that a bias has more than the weights.
const BIAS_BITS: u32 = 4;

impl std::fmt::Display for Gene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.what {
            What::Weights => "weights",
            What::Activation => "activation",
        };
        write!(f, "{} {what}", self.layer)
    }
}

/// The genes of a model and the widths that each may have.
#[derive(Debug, Clone)]
pub struct Space {
    /// The genes, in the order of the layers.
    pub genes: Vec<Gene>,
    /// Smallest width.
    pub least: u32,
    /// Largest width.
    pub most: u32,
    layers: Vec<Layer>,
}

/// A layer that gets an entry of its own.
#[derive(Debug, Clone)]
struct Layer {
    name: String,
    class: String,
    /// Gene of its weights.
    weights: Option<usize>,
    /// Gene and quantizer of its activation.
    activation: Option<(usize, &'static str)>,
}

fn activation(name: Option<&Value>) -> Option<&'static str> {
    match name.and_then(Value::as_str)? {
        "relu" => Some("quantized_relu"),
        "tanh" => Some("quantized_tanh"),
        "sigmoid" => Some("quantized_sigmoid"),
        _ => None,
    }
}

impl Space {
    /// Every weight and activation of a float model that can have a width.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(model: &RawModel, least: u32, most: u32) -> Result<Self, String> {
        let mut space = Self {
            genes: Vec::new(),
            least,
            most,
            layers: Vec::new(),
        };
        for layer in &model.layers {
            let class = layer.class_name.as_str();
            let weights = matches!(
                class,
                "Dense"
                    | "Conv1D"
                    | "Conv2D"
                    | "Conv2DTranspose"
                    | "DepthwiseConv2D"
                    | "SeparableConv1D"
                    | "SeparableConv2D"
            );
            let quantizer = match class {
                "ReLU" => Some("quantized_relu"),
                "Activation" => activation(layer.config.get("activation")),
                _ if weights => activation(layer.config.get("activation")),
                _ => None,
            };
            let mut gene = |what| {
                space.genes.push(Gene {
                    layer: layer.name.clone(),
                    what,
                });
                space.genes.len() - 1
            };
            let weights = weights.then(|| gene(What::Weights));
            let activation = quantizer.map(|quantizer| (gene(What::Activation), quantizer));
            let averages = matches!(class, "AveragePooling2D" | "GlobalAveragePooling2D");
            if weights.is_some() || activation.is_some() || averages {
                space.layers.push(Layer {
                    name: layer.name.clone(),
                    class: class.to_owned(),
                    weights,
                    activation,
                });
            }
        }
        if space.genes.is_empty() {
            return Err("no layer has weights or activations that could be quantized".to_owned());
        }
        Ok(space)
    }

    /// The same width everywhere.
    #[must_use]
    pub fn uniform(&self, bits: u32) -> Genome {
        vec![bits; self.genes.len()]
    }

    /// The request for these widths.
    #[must_use]
    pub fn request(&self, genome: &Genome) -> Request {
        let mut quantizers = Map::new();
        for layer in &self.layers {
            let mut entry = Map::new();
            if let Some(gene) = layer.weights {
                let bits = genome[gene];
                let kernel = json!(format!("quantized_bits({bits},0,alpha=1)"));
                let keys: &[&str] = match layer.class.as_str() {
                    "DepthwiseConv2D" => &["depthwise_quantizer"],
                    "SeparableConv1D" | "SeparableConv2D" => {
                        &["depthwise_quantizer", "pointwise_quantizer"]
                    }
                    _ => &["kernel_quantizer"],
                };
                for key in keys {
                    entry.insert((*key).to_owned(), kernel.clone());
                }
                let bias = json!(format!("quantized_bits({},0,alpha=1)", bits + BIAS_BITS));
                entry.insert("bias_quantizer".to_owned(), bias);
            }
            let activation = layer.activation.map(|(gene, quantizer)| {
                let bits = genome[gene];
                json!(match quantizer {
                    "quantized_relu" => format!("quantized_relu({bits},0)"),
                    other => format!("{other}({bits})"),
                })
            });
            let entry = match (layer.class.as_str(), activation) {
                ("Activation" | "ReLU", Some(quantizer)) => quantizer,
                ("AveragePooling2D" | "GlobalAveragePooling2D", _) => {
                    json!({ "average_quantizer": "quantized_bits(8,0,alpha=1)" })
                }
                (_, activation) => {
                    if let Some(quantizer) = activation {
                        entry.insert("activation_quantizer".to_owned(), quantizer);
                    }
                    Value::Object(entry)
                }
            };
            quantizers.insert(layer.name.clone(), entry);
        }
        Request {
            quantizers,
            enable_bn_folding: true,
            ..Request::default()
        }
    }
}
