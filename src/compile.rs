//! The way from a model file to a design, in one call.

use std::path::Path;

use crate::import::{self, Import, ImportErrors, RawModel};
use crate::ir::kernel::{Design, Port};
use crate::ir::math::{Network, Op};
use crate::layers::{self, LayerError};
use crate::num::FixedType;
use crate::passes;
use crate::passes::resolve::{self, ResolveError, VirtualTap};

/// What the user decides before a model becomes a design.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Meanings that model files do not hold.
    pub layers: layers::Options,
    /// Types and stages.
    pub resolve: resolve::Options,
    /// Types of the model's inputs.
    pub input_types: InputTypes,
    /// Names of passes that are not run.
    pub skip_passes: Vec<String>,
}

/// Types of the model's inputs as a user gives them.
#[derive(Debug, Clone, Default)]
pub struct InputTypes {
    /// In the order of the model's inputs; a single one serves all inputs.
    pub by_order: Vec<FixedType>,
    /// By the input's name.
    pub by_name: Vec<(String, FixedType)>,
}

/// A compiled model.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The model as the file tells it.
    pub raw: RawModel,
    /// Its mathematics.
    pub network: Network,
    /// Its hardware.
    pub design: Design,
    /// For the user: choices made, surprising meanings, error bounds.
    pub remarks: Vec<String>,
    /// For each input whether its type is that of the network's own quantizer, so that converting
    /// into it is part of the network.
    pub derived_inputs: Vec<bool>,
    /// Layer outputs that exist only inside fused chains.
    pub virtual_taps: Vec<VirtualTap>,
    /// What every call of a layer is made of.
    pub notes: Vec<layers::Note>,
    /// What the passes did.
    pub passes: Vec<passes::Report>,
}

/// Why a model could not be compiled: every reason that could be found at once.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The file.
    #[error(transparent)]
    Import(#[from] ImportErrors),
    /// Layers.
    #[error("{}", lines(.file, .errors))]
    Layers {
        /// The model file.
        file: String,
        /// What is wrong, layer by layer.
        errors: Vec<LayerError>,
    },
    /// Number types.
    #[error("{}", lines(.file, .errors))]
    Resolve {
        /// The model file.
        file: String,
        /// What is wrong, layer by layer.
        errors: Vec<ResolveError>,
    },
    /// Types for inputs or recurrent layers that do not exist.
    #[error("{file}: {problem}")]
    Types {
        /// The model file.
        file: String,
        /// In words.
        problem: String,
    },
}

fn lines<E: std::fmt::Display>(file: &str, errors: &[E]) -> String {
    let each: Vec<String> = errors.iter().map(|e| format!("{file}: {e}")).collect();
    each.join("\n")
}

/// Reads a model and lowers it: what there is to know about its layers without number types.
///
/// # Errors
/// All problems of the first stage that has any.
pub fn lower(
    model: &Path,
    weights: Option<&Path>,
    options: &layers::Options,
) -> Result<(RawModel, layers::Lowered), CompileError> {
    let imported = import::load(model, weights)?;
    let mut lowered =
        layers::lower(&imported.model, options).map_err(|errors| CompileError::Layers {
            file: model.display().to_string(),
            errors,
        })?;
    lowered.remarks.splice(0..0, imported.log);
    Ok((imported.model, lowered))
}

/// Reads, lowers and resolves a model.
///
/// # Errors
/// All problems of the first stage that has any.
pub fn compile(
    model: &Path,
    weights: Option<&Path>,
    options: &Options,
) -> Result<Compiled, CompileError> {
    let imported = import::load(model, weights)?;
    compile_import(&model.display().to_string(), imported, options)
}

/// Lowers and resolves a model that was read already; `file` is its name in messages.
///
/// # Errors
/// All problems of the first stage that has any.
pub fn compile_import(
    file: &str,
    imported: Import,
    options: &Options,
) -> Result<Compiled, CompileError> {
    let file = file.to_owned();
    let lowered =
        layers::lower(&imported.model, &options.layers).map_err(|errors| CompileError::Layers {
            file: file.clone(),
            errors,
        })?;
    let mut resolve_options = options.resolve.clone();
    let inputs = &lowered.network.inputs;
    resolve_options.input_types =
        types_of(inputs, &options.input_types).map_err(|problem| CompileError::Types {
            file: file.clone(),
            problem,
        })?;
    check_states(&lowered.network, &options.resolve).map_err(|problem| CompileError::Types {
        file: file.clone(),
        problem,
    })?;
    let (network, mut passes) = passes::run(&lowered.network, &options.skip_passes);
    let resolved = resolve::resolve(&network, &resolve_options)
        .map_err(|errors| CompileError::Resolve { file, errors })?;
    passes.extend(resolved.passes);
    let remarks = imported
        .log
        .into_iter()
        .chain(lowered.remarks)
        .chain(resolved.remarks)
        .collect();
    Ok(Compiled {
        raw: imported.model,
        network,
        design: resolved.design,
        remarks,
        derived_inputs: resolved.derived_inputs,
        virtual_taps: resolved.virtual_taps,
        notes: lowered.notes,
        passes,
    })
}

/// Every type of a state must be of some recurrent layer.
fn check_states(network: &Network, options: &resolve::Options) -> Result<(), String> {
    let loops = network.nodes.iter().filter(|n| matches!(n.op, Op::Loop(_)));
    let loops: Vec<&str> = loops.map(|n| n.origin.layer.as_str()).collect();
    if loops.is_empty() && (options.default_state_type.is_some() || !options.state_types.is_empty())
    {
        return Err("there is no recurrent layer whose states could have a type".into());
    }
    let is_of = |name: &str, layer: &str| {
        let rest = layer.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let unknown = options.state_types.keys();
    let mut unknown = unknown.filter(|name| !loops.iter().any(|layer| is_of(name, layer)));
    match unknown.next() {
        None => Ok(()),
        Some(name) => Err(format!(
            "there is no recurrent layer named {name}; the recurrent layers are {}",
            loops.join(", ")
        )),
    }
}

/// One entry for each input; names and counts must fit.
fn types_of(inputs: &[Port], given: &InputTypes) -> Result<Vec<Option<FixedType>>, String> {
    let names = || {
        inputs
            .iter()
            .map(|p| p.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut types = match given.by_order.as_slice() {
        [] => vec![None; inputs.len()],
        [one] => vec![Some(*one); inputs.len()],
        many if many.len() == inputs.len() => many.iter().copied().map(Some).collect(),
        many => {
            return Err(format!(
                "{} input types for {} inputs ({})",
                many.len(),
                inputs.len(),
                names()
            ));
        }
    };
    for (name, ty) in &given.by_name {
        let Some(position) = inputs.iter().position(|p| p.name == *name) else {
            return Err(format!(
                "there is no input named {name}; the inputs are {}",
                names()
            ));
        };
        types[position] = Some(*ty);
    }
    Ok(types)
}
