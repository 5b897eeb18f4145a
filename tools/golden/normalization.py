"""Batch normalization: plain, quantized and folded, for qkeras-v3."""

import exact
from golden.registry import model
from qkeras import (
    QActivation,
    QBatchNormalization,
    QConv2D,
    QConv2DBatchnorm,
    QDense,
    QDenseBatchnorm,
    QDepthwiseConv2DBatchnorm,
)

keras = exact.keras
L = keras.layers

K = "quantized_bits(4,0,alpha=1)"
B = "quantized_bits(5,1,alpha=1)"
RELU = "quantized_relu(4,2)"
EPSILON = 2.0**-10


def sequential(shape, *layers):
    return keras.Sequential([L.Input(shape, name="in0"), *layers])


@model("fixed<6,2>", samples=16, exact_variance=True)
def batchnorm_exact():
    return sequential(
        (6,),
        QDense(5, kernel_quantizer=K, bias_quantizer=B, name="fc"),
        L.BatchNormalization(epsilon=EPSILON, name="bn"),
        QActivation(RELU, name="relu"),
        L.BatchNormalization(epsilon=EPSILON, scale=False, name="bn_no_scale"),
        L.BatchNormalization(epsilon=EPSILON, center=False, name="bn_no_center"),
        L.BatchNormalization(epsilon=EPSILON, center=False, scale=False, name="bn_bare"),
    )


@model("fixed<5,2>", container="h5")
def batchnorm_real():
    return sequential(
        (6, 5, 2),
        L.BatchNormalization(name="bn0"),
        QActivation("quantized_bits(6,2,alpha=1)", name="q0"),
        QConv2D(3, 3, kernel_quantizer=K, bias_quantizer=B, name="c1"),
        L.BatchNormalization(epsilon=0.01, name="bn1"),
        QActivation(RELU, name="relu1"),
        L.BatchNormalization(axis=1, name="bn_rows"),
        QActivation("quantized_tanh(6)", name="tanh"),
    )


@model("fixed<5,2>", container="json")
def qbatchnorm_default():
    return sequential(
        (5, 5, 2),
        QConv2D(4, 3, kernel_quantizer="quantized_bits(4,0)", bias_quantizer=B, name="c1"),
        QBatchNormalization(name="bn1"),
        QActivation(RELU, name="relu1"),
        L.Flatten(name="flat"),
        QDense(4, kernel_quantizer=K, use_bias=False, name="fc"),
        QBatchNormalization(center=False, name="bn2"),
        QActivation("quantized_bits(6,3,alpha=1)", name="q2"),
    )


@model("fixed<6,2>", samples=16, exact_variance=True)
def qbatchnorm_exact():
    fixed = dict(
        epsilon=EPSILON,
        gamma_quantizer="quantized_bits(6,1,alpha=1)",
        beta_quantizer="quantized_bits(6,1,alpha=1)",
        mean_quantizer="quantized_bits(6,1,alpha=1)",
        variance_quantizer=None,
    )
    return sequential(
        (6,),
        QDense(5, kernel_quantizer=K, bias_quantizer=B, name="fc"),
        QBatchNormalization(name="bn", **fixed),
        QActivation(RELU, name="relu"),
        QBatchNormalization(name="bn_no_scale", scale=False, **fixed),
        QBatchNormalization(name="bn_no_center", center=False, **fixed),
    )


@model("fixed<6,2>", samples=16)
def qbatchnorm_inverse():
    return sequential(
        (6,),
        QDense(5, kernel_quantizer=K, bias_quantizer=B, name="fc"),
        QBatchNormalization(
            gamma_quantizer=None,
            variance_quantizer=None,
            beta_quantizer="quantized_bits(6,1,alpha=1)",
            mean_quantizer="quantized_bits(6,1,alpha=1)",
            inverse_quantizer="quantized_bits(8,2,alpha=1)",
            name="bn",
        ),
        QActivation("quantized_bits(7,2,alpha=1)", name="q"),
    )


@model("fixed<6,2>", samples=16, container="h5")
def qbatchnorm_auto_po2():
    return sequential(
        (6,),
        QDense(5, kernel_quantizer=K, bias_quantizer=B, name="fc"),
        QBatchNormalization(
            gamma_quantizer="quantized_bits(6,1)",
            variance_quantizer="quantized_bits(6,2)",
            beta_quantizer=None,
            mean_quantizer="quantized_bits(6,1)",
            name="bn",
        ),
        QActivation("quantized_relu(6,2)", name="relu"),
    )


def folded_conv(mode, use_bias):
    return sequential(
        (6, 6, 2),
        QConv2DBatchnorm(
            4, 3, kernel_quantizer="quantized_bits(5,1,alpha=1)", bias_quantizer="quantized_bits(7,3,alpha=1)", use_bias=use_bias, folding_mode=mode, ema_freeze_delay=10, name="f1"
        ),
        QActivation(RELU, name="relu1"),
        QConv2DBatchnorm(3, 2, strides=2, padding="same", kernel_quantizer="quantized_bits(4,0)", bias_quantizer="quantized_bits(7,3)", folding_mode=mode, activation=RELU, name="f2"),
    )


@model("fixed<5,2>", margin=1e-5)
def folded_conv_ema():
    return folded_conv("ema_stats_folding", True)


@model("fixed<5,2>", container="json", margin=1e-5)
def folded_conv_batch():
    return folded_conv("batch_stats_folding", False)


@model("fixed<5,2>", container="h5", margin=1e-5)
def folded_depthwise():
    q = dict(bias_quantizer="quantized_bits(7,3,alpha=1)")
    return sequential(
        (6, 6, 2),
        QDepthwiseConv2DBatchnorm(3, depthwise_quantizer="quantized_bits(5,1,alpha=1)", folding_mode="ema_stats_folding", depth_multiplier=2, name="f1", **q),
        QActivation(RELU, name="relu1"),
        QDepthwiseConv2DBatchnorm(2, strides=2, depthwise_quantizer="quantized_bits(4,0)", folding_mode="batch_stats_folding", use_bias=False, activation=RELU, name="f2", **q),
    )


@model("fixed<5,2>", margin=1e-5, reload="QKeras cannot load it: iteration is stored twice")
def folded_depthwise_keras():
    return sequential(
        (5, 5, 3),
        QDepthwiseConv2DBatchnorm(3, depthwise_quantizer="quantized_bits(5,1,alpha=1)", bias_quantizer="quantized_bits(7,3,alpha=1)", activation=RELU, name="f1"),
        QDepthwiseConv2DBatchnorm(2, depthwise_quantizer="quantized_bits(5,1,alpha=1)", bias_quantizer="quantized_bits(7,3,alpha=1)", use_bias=False, name="f2"),
    )


def folded_dense_layers():
    return sequential(
        (6,),
        QDenseBatchnorm(5, kernel_quantizer="quantized_bits(5,1,alpha=1)", bias_quantizer="quantized_bits(7,3,alpha=1)", name="f1"),
        QActivation(RELU, name="relu1"),
        QDenseBatchnorm(4, kernel_quantizer="quantized_bits(4,0)", bias_quantizer="quantized_bits(7,3)", use_bias=False, folding_mode="batch_stats_folding", activation=RELU, name="f2"),
        QDenseBatchnorm(3, kernel_quantizer="quantized_bits(5,1,alpha=1)", bias_quantizer=None, name="f3"),
    )


@model("fixed<5,2>", samples=16, container="h5", margin=1e-5, reload="QKeras cannot load its own QDenseBatchnorm")
def folded_dense():
    return folded_dense_layers()


@model("fixed<5,2>", samples=16, margin=1e-5, reload="QKeras cannot load its own QDenseBatchnorm")
def folded_dense_keras():
    return folded_dense_layers()
