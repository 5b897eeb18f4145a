//! The reference pages under `docs`, from the tables of layers and quantizers.
//!
//! `cargo run --example docs` writes them; a test compares them with what is committed.

use std::fmt::Write;

use crate::ir::math::{Network, Node, NodeId, Op, Port, Step};
use crate::ir::{Origin, Real, eval};
use crate::layers;
use crate::num::FixedType;
use crate::passes::resolve::{self, Options};
use crate::quantizers::{self, Choices, Context, Definition, Namespace};

/// A file below `docs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Path below `docs`.
    pub path: String,
    /// Markdown.
    pub text: String,
}

const MADE: &str = "<!-- Made by `cargo run --example docs` from the source. -->\n\n";

/// All pages.
#[must_use]
pub fn pages() -> Vec<Page> {
    let mut pages: Vec<Page> = quantizers::TABLE.iter().map(|q| quantizer(*q)).collect();
    pages.push(Page {
        path: "support.md".into(),
        text: support(),
    });
    pages
}

/// A definition's file: its first name, and Keras' version where QKeras has the name too.
fn file(of: &dyn Definition) -> String {
    let name = of.names()[0];
    let shared = quantizers::TABLE
        .iter()
        .filter(|q| q.names()[0] == name)
        .count();
    match of.namespaces()[0] {
        Namespace::Keras2 if shared > 1 => format!("{name}_keras2.md"),
        Namespace::Keras3 if shared > 1 => format!("{name}_keras3.md"),
        _ => format!("{name}.md"),
    }
}

fn code(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    names.join(", ")
}

fn namespaces(of: &dyn Definition) -> String {
    let name = |n: &Namespace| match n {
        Namespace::QKeras => "QKeras",
        Namespace::Keras2 => "Keras 2",
        Namespace::Keras3 => "Keras 3",
    };
    let names: Vec<&str> = of.namespaces().iter().map(name).collect();
    names.join(", ")
}

/// The support table.
fn support() -> String {
    let mut text = String::from("# Supported layers and quantizers\n\n");
    text += MADE;
    text +=
        "What is not in these tables, or not understood in a model file, is refused by name.\n\n";
    text += "## Layers\n\n| classes | supported |\n| --- | --- |\n";
    for layer in layers::TABLE {
        let _ = writeln!(text, "| {} | {} |", code(layer.classes()), layer.doc());
    }
    text += "\n## Quantizers and activation functions\n\n| names | of | |\n| --- | --- | --- |\n";
    for q in quantizers::TABLE {
        let first = q.doc().lines().next().unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | {} | [{first}](quantizers/{}) |",
            code(q.names()),
            namespaces(*q),
            file(*q)
        );
    }
    text
}

/// The page of a quantizer.
fn quantizer(of: &dyn Definition) -> Page {
    let mut text = format!("# {}\n\n{MADE}", code(of.names()));
    text += of.doc().trim_end();
    let _ = write!(text, "\n\nDefined in {}.", namespaces(of));
    if !of.arguments().is_empty() {
        let _ = write!(
            text,
            " Arguments in the order of the string form: {}.",
            code(of.arguments())
        );
    }
    text += "\n";
    let chains: Vec<(&str, Vec<Step>)> = of
        .names()
        .iter()
        .filter_map(|name| Some((*name, steps(of, name)?)))
        .collect();
    if !chains.is_empty() {
        text += &examples(&chains);
    }
    Page {
        path: format!("quantizers/{}", file(of)),
        text,
    }
}

/// A quantizer with its default arguments as a chain; `None` where it has none.
fn steps(of: &dyn Definition, name: &str) -> Option<Vec<Step>> {
    let context = Context::alone(&Choices::default());
    let args = quantizers::Args::from_call(indexmap::IndexMap::new());
    let built = of.build(name, &args, &context);
    args.finish(of.arguments()).is_empty().then_some(())?;
    built.steps().ok()
}

/// Values, and what becomes of two types of input.
fn examples(chains: &[(&str, Vec<Step>)]) -> String {
    let mut text = String::from("\n## Example\n\nWith default arguments:\n\n| x |");
    for (name, _) in chains {
        let _ = write!(text, " {name} |");
    }
    text += "\n| --- |";
    text += &" --- |".repeat(chains.len());
    text += "\n";
    for quarters in [-16_i64, -5, -2, -1, 0, 1, 2, 5, 16] {
        let x = Real::new(quarters.into(), 4.into());
        let _ = write!(text, "| {} |", quarters as f64 / 4.0);
        for (_, steps) in chains {
            match eval::approximate(steps, 0, &x) {
                // Adding zero turns a rounded -0 into 0.
                Some(y) => {
                    let _ = write!(text, " {} |", (y * 1e6).round() / 1e6 + 0.0);
                }
                None => text += " |",
            }
        }
        text += "\n";
    }
    text += "\nKernels for an input of type\n\n| | `ap_fixed<8,4>` | `ap_fixed<16,6>` |\n| --- | --- | --- |\n";
    for (name, steps) in chains {
        let _ = writeln!(
            text,
            "| {name} | {} | {} |",
            kernels(steps, "ap_fixed<8,4>"),
            kernels(steps, "ap_fixed<16,6>")
        );
    }
    text
}

/// The kernels that a chain becomes, by their notes.
fn kernels(steps: &[Step], input: &str) -> String {
    let origin = Origin {
        layer: "example".into(),
        class: "Activation".into(),
        call: 0,
    };
    let mut network = Network::default();
    let node = |op, inputs| Node {
        op,
        inputs,
        shape: vec![1],
        origin: origin.clone(),
    };
    let x = network.push(node(Op::Input(0), vec![]));
    let y = network.push(node(Op::Pointwise(steps.to_vec()), vec![x]));
    let port = |node: NodeId| Port {
        name: "example".into(),
        node,
    };
    network.inputs.push(port(x));
    network.outputs.push(port(y));
    let ty: Option<FixedType> = input.parse().ok();
    let options = Options {
        input_types: vec![ty],
        ..Options::default()
    };
    match resolve::resolve(&network, &options) {
        Ok(resolved) => {
            let design = resolved.design.hardware();
            let output = &design.node(design.outputs[0].node).ty;
            let notes: Vec<&str> = design.nodes[1..].iter().map(|n| n.note.as_str()).collect();
            let notes = if notes.is_empty() {
                "nothing".to_owned()
            } else {
                notes.join(", then ")
            };
            match output.covering() {
                Some(ty) => format!("{notes}: `{ty}`"),
                None => notes,
            }
        }
        Err(errors) => {
            let errors: Vec<String> = errors.iter().map(|e| e.kind.to_string()).collect();
            errors.join("; ")
        }
    }
}
