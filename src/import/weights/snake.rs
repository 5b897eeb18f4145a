//! Keras' spelling of class names as group names.

/// `QConv2DBatchnorm` -> `q_conv2d_batchnorm`. The rule of Keras' `to_snake_case`: drop what is no word character,
/// then `(.)([A-Z][a-z]+)` -> `\1_\2`, then `([a-z])([A-Z])` -> `\1_\2`, then lower case.
pub(super) fn snake_case(class_name: &str) -> String {
    let word: Vec<char> = class_name
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    // First rule: the match needs one character before, which an earlier match may not have consumed.
    let mut first = Vec::with_capacity(word.len() + 8);
    let mut at = 0;
    while at < word.len() {
        let capitalised = word.get(at + 1).is_some_and(char::is_ascii_uppercase)
            && word.get(at + 2).is_some_and(char::is_ascii_lowercase);
        first.push(word[at]);
        at += 1;
        if capitalised {
            first.push('_');
            first.push(word[at]);
            at += 1;
            while let Some(lower) = word.get(at).filter(|c| c.is_ascii_lowercase()) {
                first.push(*lower);
                at += 1;
            }
        }
    }
    let mut second = String::with_capacity(first.len() + 8);
    for (at, c) in first.iter().enumerate() {
        if at > 0 && first[at - 1].is_ascii_lowercase() && c.is_ascii_uppercase() {
            second.push('_');
        }
        second.extend(c.to_lowercase());
    }
    second
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn names_observed_in_files() {
        let observed = "QDense→q_dense, QConv1D→q_conv1d, QConv2D→q_conv2d, QDepthwiseConv2D→q_depthwise_conv2d, \
             QSeparableConv1D→q_separable_conv1d, QConv2DTranspose→q_conv2d_transpose, \
             QDepthwiseConv2DTranspose→q_depthwise_conv2d_transpose, QAveragePooling2D→q_average_pooling2d, \
             QGlobalAveragePooling2D→q_global_average_pooling2d, QBatchNormalization→q_batch_normalization, \
             QConv2DBatchnorm→q_conv2d_batchnorm, QDenseBatchnorm→q_dense_batchnorm, QScaleShift→q_scale_shift, \
             QSimpleRNN→q_simple_rnn, QLSTM→qlstm, QGRU→qgru, QSimpleRNNCell→q_simple_rnn_cell, \
             QLSTMCell→qlstm_cell, QGRUCell→qgru_cell, QBidirectional→q_bidirectional, InputLayer→input_layer, \
             Conv2D→conv2d, Conv2DTranspose→conv2d_transpose, MaxPooling2D→max_pooling2d, ReLU→re_lu, \
             LeakyReLU→leaky_re_lu, PReLU→p_re_lu, ELU→elu, LSTM→lstm, GRUCell→gru_cell, \
             StackedRNNCells→stacked_rnn_cells, UpSampling2D→up_sampling2d, Functional→functional, \
             TimeDistributed→time_distributed, PruneLowMagnitude→prune_low_magnitude, RNN→rnn";
        for pair in observed.split(", ") {
            let (class, key) = pair.trim().split_once('→').unwrap();
            assert_eq!(snake_case(class), key, "{class}");
        }
    }
}
