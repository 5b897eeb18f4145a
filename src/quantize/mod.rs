//! A float network to a quantized one: QKeras' `model_quantize`, on [`RawModel`].
//!
//! A [`Request`] says what is wanted in QKeras' own terms; [`quantize`] changes classes and
//! configurations of layers, keeps their weights, and folds batch normalizations where asked for.
//! Where the original loses something silently or writes a model that does not load, this does what
//! was meant; `docs/quantize.md` lists every such place.

pub mod calibrate;
mod fold;
mod request;
mod rules;

use crate::export;
use crate::import::{Format, RawModel};
use crate::ir::math::Network;
use crate::layers;
pub use request::Request;

/// A quantized model.
#[derive(Debug, Clone)]
pub struct Quantized {
    /// The model, in the form of Keras 3.
    pub model: RawModel,
    /// Its mathematics.
    pub network: Network,
    /// For the user: what was left as it was and why.
    pub remarks: Vec<String>,
    /// The slots that were filled.
    pub placed: Vec<Placed>,
    /// Convolutions that were folded, and the batch normalizations that they took in.
    pub folded: Vec<(String, String)>,
}

impl Quantized {
    /// The layer of the float network that gives what a layer of the quantized one should give.
    #[must_use]
    pub fn reference<'a>(&'a self, layer: &'a str) -> &'a str {
        let folded = self.folded.iter().find(|(kernel, _)| kernel == layer);
        folded.map_or(layer, |(_, norm)| norm.as_str())
    }
}

/// A quantizer that was put into a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The layer.
    pub layer: String,
    /// The key of its configuration.
    pub key: String,
}

/// Quantizes a model. `format` is the one that the result will be read with.
///
/// # Errors
/// Everything in the request that does not fit the model, and everything that could not be imported
/// afterwards, at once.
pub fn quantize(
    float: &RawModel,
    request: &Request,
    format: Format,
) -> Result<Quantized, Vec<String>> {
    let mut model = float.clone();
    export::upgrade(&mut model)?;
    set_format(&mut model, format);
    let mut problems = Vec::new();
    rules::check(request, &model, &mut problems);
    let mut remarks = Vec::new();
    let folded = if request.enable_bn_folding {
        fold::fold(&mut model, request, &mut remarks)
    } else {
        Vec::new()
    };
    let placed = rules::apply(&mut model, request, &folded, &mut problems, &mut remarks);
    if !problems.is_empty() {
        return Err(problems);
    }
    let lowered = layers::lower(&model, &layers::Options::default())
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    remarks.extend(lowered.remarks);
    Ok(Quantized {
        model,
        network: lowered.network,
        remarks,
        placed,
        folded,
    })
}

/// Says at every level what kind of file the model is for.
pub(crate) fn set_format(model: &mut RawModel, format: Format) {
    model.format = format;
    for layer in &mut model.layers {
        if let crate::import::Inner::Model(inner) = &mut layer.inner {
            set_format(inner, format);
        }
    }
}
