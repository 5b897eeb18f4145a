//! Throughput: how much hardware each layer may use, and how often it takes new data.

use std::collections::BTreeMap;

use super::CodegenError;
use crate::ir::Origin;
use crate::ir::kernel::{Design, Kernel};

/// How a layer's multiplications become hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Unrolled and pipelined; a reuse factor lets the tool share multipliers.
    #[default]
    Latency,
    /// Weights in memory, multiplied in as many rounds as the reuse factor says.
    Resource,
    /// Unrolled, every constant its own logic; no multiplier is shared and none needs a DSP.
    Unrolled,
}

/// The names of the strategies.
pub const STRATEGIES: [(&str, Strategy); 3] = [
    ("latency", Strategy::Latency),
    ("resource", Strategy::Resource),
    ("unrolled", Strategy::Unrolled),
];

/// What multiplies, where weights need multiplications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Multiplier {
    /// The tool decides.
    #[default]
    Auto,
    /// DSP blocks.
    Dsp,
    /// LUTs.
    Fabric,
}

/// Memories for the weights of strategy resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightStorage {
    /// Block RAM.
    Bram,
    /// LUTs.
    Lutram,
    /// UltraRAM.
    Uram,
}

impl WeightStorage {
    /// Implementation for `BIND_STORAGE`, core for the `RESOURCE` of Vivado HLS.
    pub(crate) fn macro_arguments(self) -> &'static str {
        match self {
            Self::Bram => "bram, ROM_nP_BRAM",
            Self::Lutram => "lutram, ROM_nP_LUTRAM",
            Self::Uram => "uram, XPM_MEMORY",
        }
    }
}

/// What a user says of some layers; what is not said comes from the next wider scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Knobs {
    /// How multiplications become hardware.
    pub strategy: Option<Strategy>,
    /// How many times a multiplier is used for one result.
    pub reuse_factor: Option<u32>,
    /// Output pixels that a convolution or pool computes at the same time, in io parallel.
    pub parallelization_factor: Option<u32>,
    /// Cycles from one input to the next.
    pub target_ii: Option<u32>,
    /// What multiplies.
    pub multiplier: Option<Multiplier>,
    /// The memory of weights.
    pub weight_storage: Option<WeightStorage>,
}

/// What a user says of a model: of all layers, of a class, of one layer. The narrowest wins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directives {
    /// All layers.
    pub model: Knobs,
    /// By class, `QDense` for instance.
    pub layer_type: BTreeMap<String, Knobs>,
    /// By the layer's name.
    pub layer: BTreeMap<String, Knobs>,
}

/// What is decided for one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) strategy: Strategy,
    pub(crate) reuse_factor: u32,
    pub(crate) parallelization_factor: u32,
    target_ii: u32,
    pub(crate) multiplier: Multiplier,
    /// `None`: the tool decides.
    pub(crate) weight_storage: Option<WeightStorage>,
}

impl Choice {
    /// Cycles from one input of a pipeline to the next.
    pub(crate) fn ii(&self) -> u32 {
        self.target_ii.max(self.reuse_factor)
    }
}

impl Directives {
    pub(crate) fn of(&self, origin: &Origin) -> Choice {
        let scopes = [
            self.layer.get(&origin.layer),
            self.layer_type.get(&origin.class),
            Some(&self.model),
        ];
        fn first<T>(scopes: &[Option<&Knobs>], get: impl Fn(&Knobs) -> Option<T>) -> Option<T> {
            scopes.iter().flatten().find_map(|k| get(k))
        }
        Choice {
            strategy: first(&scopes, |k| k.strategy).unwrap_or_default(),
            reuse_factor: first(&scopes, |k| k.reuse_factor).unwrap_or(1),
            parallelization_factor: first(&scopes, |k| k.parallelization_factor).unwrap_or(1),
            target_ii: first(&scopes, |k| k.target_ii).unwrap_or(1),
            multiplier: first(&scopes, |k| k.multiplier).unwrap_or_default(),
            weight_storage: first(&scopes, |k| k.weight_storage),
        }
    }

    /// Adds everything that cannot be done, with what can.
    pub(crate) fn check(&self, design: &Design, backend: &str, errors: &mut Vec<CodegenError>) {
        let mut refuse = |what: &str, because: String| {
            errors.push(CodegenError::Directive {
                what: what.to_owned(),
                because,
            });
        };
        let names = |of: fn(&Origin) -> &String| -> Vec<&String> {
            let mut names: Vec<&String> = Vec::new();
            for node in design.all_nodes() {
                if !names.contains(&of(&node.origin)) {
                    names.push(of(&node.origin));
                }
            }
            names
        };
        let listed = |names: &[&String]| {
            let texts: Vec<&str> = names.iter().map(|n| n.as_str()).collect();
            texts.join(", ")
        };
        for (given, known, what) in [
            (&self.layer, names(|o| &o.layer), "layer"),
            (&self.layer_type, names(|o| &o.class), "layer type"),
        ] {
            for name in given.keys().filter(|name| !known.contains(name)) {
                let all = listed(&known);
                refuse(
                    &format!("{what} {name}"),
                    format!("is not in the design, whose {what}s are {all}"),
                );
            }
        }
        let scopes = std::iter::once(("model".to_owned(), &self.model))
            .chain(
                self.layer_type
                    .iter()
                    .map(|(n, k)| (format!("layer type {n}"), k)),
            )
            .chain(self.layer.iter().map(|(n, k)| (format!("layer {n}"), k)));
        for (scope, knobs) in scopes {
            for (name, value) in [
                ("reuse_factor", knobs.reuse_factor),
                ("parallelization_factor", knobs.parallelization_factor),
                ("target_ii", knobs.target_ii),
            ] {
                if value == Some(0) {
                    refuse(&scope, format!("{name} = 0: 1, 2, 3, ... are valid"));
                }
            }
        }
        let scopes = [&self.model];
        let scopes = scopes.into_iter().chain(self.layer_type.values());
        let storages = scopes.chain(self.layer.values()).map(|k| k.weight_storage);
        if backend == "catapult" && storages.flatten().next().is_some() {
            refuse(
                "weight_storage",
                "is for vitis and vivado; Catapult maps constant arrays by MEM_MAP_THRESHOLD and \
                 the libraries in build_prj.tcl"
                    .to_owned(),
            );
        }
        for (name, knobs) in &self.layer {
            let mut nodes = design.all_nodes().into_iter();
            let has_weights =
                nodes.any(|n| n.origin.layer == *name && matches!(n.kernel, Kernel::Dot(_)));
            for (key, given) in [
                ("multiplier", knobs.multiplier.is_some()),
                ("weight_storage", knobs.weight_storage.is_some()),
            ] {
                if given && !has_weights {
                    refuse(
                        &format!("layer {name}"),
                        format!("{key} is for layers with constant weights"),
                    );
                }
            }
            let choice = design
                .all_nodes()
                .into_iter()
                .find(|n| n.origin.layer == *name);
            let choice = choice.map(|n| self.of(&n.origin));
            if let Some(choice) = choice
                && knobs.weight_storage.is_some()
                && (choice.strategy != Strategy::Resource || choice.reuse_factor < 2)
            {
                refuse(
                    &format!("layer {name}"),
                    "weight_storage needs strategy resource and a reuse_factor of 2 or more; \
                     otherwise weights are constants and in no memory"
                        .to_owned(),
                );
            }
        }
        for node in design.all_nodes() {
            let Kernel::Dot(dot) = &node.kernel else {
                continue;
            };
            let choice = self.of(&node.origin);
            let layer = format!("layer {}", node.origin.layer);
            let reuse = choice.reuse_factor;
            let products = dot.weights.len();
            let divides =
                |r: u32| usize::try_from(r).is_ok_and(|r| r > 0 && products.is_multiple_of(r));
            match choice.strategy {
                Strategy::Unrolled if choice.multiplier == Multiplier::Dsp => refuse(
                    &layer,
                    "multiplier = dsp: strategy unrolled builds constants from LUTs; auto and fabric \
                     are valid"
                        .to_owned(),
                ),
                Strategy::Unrolled if reuse > 1 => refuse(
                    &layer,
                    format!(
                        "reuse_factor = {reuse}: strategy unrolled shares nothing, so 1 is valid"
                    ),
                ),
                Strategy::Resource if reuse > 0 && !divides(reuse) => {
                    let valid: Vec<String> = (1..=u32::try_from(products).unwrap_or(u32::MAX))
                        .filter(|r| divides(*r))
                        .map(|r| r.to_string())
                        .collect();
                    refuse(
                        &layer,
                        format!(
                            "reuse_factor = {reuse} does not divide its {products} products; \
                             valid are {}",
                            valid.join(", ")
                        ),
                    );
                }
                Strategy::Latency if usize::try_from(reuse).is_ok_and(|r| r > products) => refuse(
                    &layer,
                    format!(
                        "reuse_factor = {reuse} is more than its {products} products; 1 to \
                         {products} are valid"
                    ),
                ),
                Strategy::Latency | Strategy::Resource | Strategy::Unrolled => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_scope_wins() {
        let knobs = |reuse| Knobs {
            reuse_factor: Some(reuse),
            ..Knobs::default()
        };
        let directives = Directives {
            model: Knobs {
                target_ii: Some(2),
                ..knobs(4)
            },
            layer_type: [("QDense".to_owned(), knobs(8))].into(),
            layer: [("fc1".to_owned(), knobs(16))].into(),
        };
        let of = |layer: &str, class: &str| {
            let choice = directives.of(&Origin {
                layer: layer.into(),
                class: class.into(),
                call: 0,
            });
            (choice.reuse_factor, choice.ii())
        };
        assert_eq!(of("fc1", "QDense"), (16, 16));
        assert_eq!(of("fc2", "QDense"), (8, 8));
        assert_eq!(of("relu", "QActivation"), (4, 4));
    }
}
