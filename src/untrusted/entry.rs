//! What a stranger's bytes run into: the entry functions of the fuzzers in `fuzz`, which property tests call as well.
//!
//! Each takes any bytes and must come back, without a panic, in time and memory in proportion to them. Results do not
//! matter.

use crate::import::{self, Import};
use crate::quantizers::{self, Choices, Context};
use crate::{codegen, data, layers, num, passes};

/// A model file of any container: HDF5, `.keras`, or JSON without its weights.
pub fn model(bytes: &[u8]) {
    if let Ok(import) = import::load_bytes("fuzz", bytes.to_vec(), None) {
        lowered(&import);
    }
}

/// The JSON of a model, beside the weights of another one.
pub fn json(bytes: &[u8], weights: &[u8]) {
    let weights = ("weights".to_owned(), weights.to_vec());
    if let Ok(import) = import::load_bytes("fuzz.json", bytes.to_vec(), Some(weights)) {
        lowered(&import);
    }
}

/// What the layers and the passes make of a model that could be read.
fn lowered(import: &Import) {
    if let Ok(lowered) = layers::lower(&import.model, &layers::Options::default()) {
        let _ = passes::run(&lowered.network, &[]);
    }
}

/// `.npy` or `.npz`.
pub fn arrays(bytes: &[u8]) {
    if let Ok(data::Arrays::One(array)) = data::read(bytes) {
        let _ = array.to_f64();
    }
}

/// Texts that users write: quantizers, types, numbers, configurations.
pub fn texts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let context = Context::alone(&Choices::default());
    let value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
    if let Ok(quantizer) = quantizers::parse(&value, &context) {
        let _ = quantizer.steps();
        let _ = quantizer.weights(&[0.3, -1.7, 0.0, 2.5], &[2, 2]);
    }
    let _ = text.parse::<num::NamedType>();
    let _ = text.parse::<num::Decimal>();
    let _ = text.parse::<num::Code>();
    let _ = crate::config::Config::parse(text);
    let _ = codegen::backend(text);
}
