//! Arguments that every command on a model takes.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::choices::ChoiceArgs;
use crate::compile::{self, Compiled, InputTypes};
use crate::import::RawModel;
use crate::layers::{self, Lowered};
use crate::num::FixedType;
use crate::passes::{self, resolve};

/// A model and the decisions about it.
#[derive(Debug, Clone, Args)]
pub(super) struct ModelArgs {
    /// model.keras, model.h5 or model.json
    model: PathBuf,

    /// Weights of a model.json [default: <stem>.weights.h5, <stem>_weights.h5 or <stem>.h5 beside it]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// Type of an input, as T or NAME=T; once for all inputs or once for each, in order
    #[arg(long, value_name = "[NAME=]T", value_parser = named_type)]
    input_type: Vec<NamedType>,

    /// Type of results that no quantizer follows, as T or LAYER=T
    #[arg(long, value_name = "[LAYER=]T", value_parser = named_type)]
    output_type: Vec<NamedType>,

    /// Type of the states of recurrent layers, as T or LAYER=T: every new state is converted into it
    #[arg(long, value_name = "[LAYER=]T", value_parser = named_type)]
    state_type: Vec<NamedType>,

    /// Leave out an optimization; its name is in `inspect --passes`
    #[arg(long, value_name = "NAME", value_parser = pass_name)]
    skip_pass: Vec<String>,

    /// What becomes of a softmax that ends the model
    #[arg(long, value_enum, default_value_t = SoftmaxArg::Table)]
    softmax: SoftmaxArg,

    #[command(flatten)]
    choices: ChoiceArgs,
}

fn pass_name(text: &str) -> Result<String, String> {
    let names: Vec<&str> = passes::TABLE.iter().map(|p| p.name).collect();
    if names.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("the passes are {}", names.join(", ")))
    }
}

/// A type, possibly for something named.
#[derive(Debug, Clone)]
pub(super) struct NamedType {
    pub(super) name: Option<String>,
    pub(super) ty: FixedType,
}

/// Reads `T` or `NAME=T`.
pub(super) fn named_type(text: &str) -> Result<NamedType, String> {
    let (name, ty) = match text.split_once('=') {
        Some((name, ty)) => (Some(name.to_owned()), ty),
        None => (None, text),
    };
    let ty = ty.parse::<FixedType>().map_err(|e| e.to_string())?;
    Ok(NamedType { name, ty })
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SoftmaxArg {
    /// Integer arithmetic with tables; the largest logit has the largest result
    Table,
    /// The design ends before it; its output is the logits
    Logits,
    /// The index of the largest logit
    Argmax,
}

impl ModelArgs {
    /// The model's file, as given.
    pub(super) fn path(&self) -> &Path {
        &self.model
    }

    /// The file of its weights, where one is given.
    pub(super) fn weights(&self) -> Option<&Path> {
        self.weights.as_deref()
    }

    /// Compiles the model.
    ///
    /// # Errors
    /// Whatever stands in the way, as text for people.
    pub(super) fn compile(&self) -> Result<Compiled, String> {
        self.compile_with(&self.options())
            .map_err(|e| e.to_string())
    }

    /// Compiles the model with these options instead of those of the command line.
    pub(super) fn compile_with(
        &self,
        options: &compile::Options,
    ) -> Result<Compiled, compile::CompileError> {
        compile::compile(&self.model, self.weights.as_deref(), options)
    }

    /// The model and its layers, without number types.
    ///
    /// # Errors
    /// Whatever stands in the way, as text for people.
    pub(super) fn lower(&self) -> Result<(RawModel, Lowered), String> {
        let mut options = self.options().layers;
        // Types and counts do not depend on what a random quantizer draws.
        options.quantizers.deterministic_bernoulli = true;
        compile::lower(&self.model, self.weights.as_deref(), &options).map_err(|e| e.to_string())
    }

    /// Problems, each with the model's file in front.
    pub(super) fn naming(&self, problems: &[String]) -> String {
        let file = self.model.display();
        let lines: Vec<String> = problems.iter().map(|p| format!("{file}: {p}")).collect();
        lines.join("\n")
    }

    /// What the user decided.
    pub(super) fn options(&self) -> compile::Options {
        let mut input_types = InputTypes::default();
        for given in &self.input_type {
            match &given.name {
                Some(name) => input_types.by_name.push((name.clone(), given.ty)),
                None => input_types.by_order.push(given.ty),
            }
        }
        let mut resolve = resolve::Options {
            softmax: match self.softmax {
                SoftmaxArg::Table => resolve::Softmax::Table,
                SoftmaxArg::Logits => resolve::Softmax::Logits,
                SoftmaxArg::Argmax => resolve::Softmax::ArgMax,
            },
            ..resolve::Options::default()
        };
        for given in &self.output_type {
            match &given.name {
                Some(name) => {
                    resolve.output_types.insert(name.clone(), given.ty);
                }
                None => resolve.default_output_type = Some(given.ty),
            }
        }
        for given in &self.state_type {
            match &given.name {
                Some(name) => {
                    resolve.state_types.insert(name.clone(), given.ty);
                }
                None => resolve.default_state_type = Some(given.ty),
            }
        }
        compile::Options {
            layers: layers::Options {
                quantizers: self.choices.choices(),
            },
            resolve,
            input_types,
            skip_passes: self.skip_pass.clone(),
        }
    }
}
