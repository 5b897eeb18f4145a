//! The data-type map in the layout of `qtools_stats_to_json`.

use serde_json::{Map as Object, Value, json};

use super::map::{Kind, Layer, Linear, Map};
use super::operators::Operator;
use super::types::Type;

impl Map {
    /// QTools' JSON object: `source_quantizers`, then every layer by its name.
    #[must_use]
    pub fn to_json(&self) -> Object<String, Value> {
        let mut top = Object::new();
        top.insert("source_quantizers".into(), list(&self.sources));
        for (name, layer) in &self.layers {
            top.insert(name.clone(), Value::Object(layer.to_json()));
        }
        top
    }
}

fn list(types: &[Type]) -> Value {
    Value::Array(types.iter().map(|t| Value::Object(t.to_json())).collect())
}

fn typed(ty: &Type, shape: Option<Value>) -> Value {
    let mut object = ty.to_json();
    if let Some(shape) = shape {
        object.insert("shape".into(), shape);
    }
    Value::Object(object)
}

fn operator(operator: &Operator) -> Value {
    let mut object = operator.output.to_json();
    object.insert("op_type".into(), json!(operator.op));
    Value::Object(object)
}

impl Layer {
    fn to_json(&self) -> Object<String, Value> {
        let mut item = Object::new();
        item.insert("layer_type".into(), json!(self.class));
        item.insert("input_quantizer_list".into(), list(&self.inputs));
        let shape = self.output_shape.as_ref().map(|shape| {
            let batch = [json!(-1)];
            Value::Array(
                batch
                    .into_iter()
                    .chain(shape.iter().map(|n| json!(n)))
                    .collect(),
            )
        });
        item.insert("output_quantizer".into(), typed(&self.output, shape));
        let mut set = |key: &str, value: Value| item.insert(key.to_owned(), value);
        match &self.kind {
            Kind::Pass | Kind::Fused => {}
            Kind::Merge(merge) => {
                set(&format!("{}_quantizer", self.class), operator(merge));
            }
            Kind::Dot {
                multiplier,
                accumulator,
            } => {
                set(&format!("{}_quantizer", self.class), operator(multiplier));
                set("accumulator", operator(accumulator));
            }
            Kind::Pool {
                average,
                sum,
                multiplier,
            } => {
                if let Some(average) = average {
                    set("average_quantizer", typed(average, None));
                }
                set("pool_sum_accumulator", operator(sum));
                if let Some(multiplier) = multiplier {
                    set("pool_avg_multiplier", operator(multiplier));
                }
            }
            Kind::Norm(norm) => {
                set("gamma_quantizer", typed(&norm.gamma, None));
                set("beta_quantizer", typed(&norm.beta, None));
                set("mean_quantizer", typed(&norm.mean, None));
                set("variance_quantizer", typed(&norm.variance, None));
                set("internal_divide_quantizer", operator(&norm.divider));
                if let Some(multiplier) = &norm.multiplier {
                    set("internal_multiplier", operator(multiplier));
                }
                if let Some(accumulator) = &norm.accumulator {
                    set("internal_accumulator", operator(accumulator));
                }
            }
            Kind::Linear(linear) => linear.set(set),
        }
        item.insert("operation_count".into(), json!(self.operations));
        item
    }
}

impl Linear {
    fn set(&self, mut set: impl FnMut(&str, Value) -> Option<Value>) {
        set(
            "weight_quantizer",
            typed(&self.weight, Some(json!(self.weight_shape))),
        );
        if let Some(bias) = &self.bias {
            set("bias_quantizer", typed(bias, Some(json!(self.bias_shape))));
        }
        set("multiplier", operator(&self.multiplier));
        set("accumulator", operator(&self.accumulator));
        if let Some([beta, mean, inverse]) = &self.norm {
            set("bn_beta_quantizer", typed(beta, None));
            set("bn_mean_quantizer", typed(mean, None));
            set("bn_inverse_quantizer", typed(inverse, None));
        }
        if let Some(fused) = &self.fused {
            set("fused_accumulator", operator(fused));
        }
    }
}
