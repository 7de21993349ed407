"""Layers, activations, losses and initialisers, as mlx.nn computes them."""

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_flatten, tree_map, tree_unflatten

from common import differentiated, golden, normal


def points():
    """Where activations bend, far away, and in between."""
    bends = [0.0, 1e-3, 0.5, 1.0, 1.5, 3.0, 6.0, 20.0, 90.0, 1e4, np.inf]
    return mx.concatenate([mx.array(bends), -mx.array(bends), 2 * normal(10)])


def rows():
    """For functions along an axis; the last row overflows where nothing is subtracted."""
    large = mx.array([[1000.0, 999.0, -1000.0, 0.0, 998.5, 1000.5]])
    return mx.concatenate([normal(3, 6), large])


def layer_case(layer, *inputs):
    """A layer's parameters, output, gradients in its parameters and then in the inputs, and its
    statistics afterwards. What it trains is drawn anew, for ones and zeros hide mistakes."""
    drawn = tree_map(lambda p: 0.5 * normal(*p.shape, dtype=p.dtype), layer.trainable_parameters())
    layer.update(drawn)
    before = tree_flatten(layer.parameters(), destination={})
    names = [name for name, _ in tree_flatten(drawn)]
    differentiable = [x for x in inputs if x.dtype != mx.int32]

    def function(*arrays):
        layer.update(tree_unflatten(list(zip(names, arrays))))
        given = iter(arrays[len(names) :])
        return layer(*(x if x.dtype == mx.int32 else next(given) for x in inputs))

    case = differentiated(function, *(before[name] for name in names), *differentiable)
    layer.update(drawn)
    after = {name: value for name, value in layer.items() if name.startswith("running")}
    return {"parameters": before, "after": after} | case


@golden("nn/layers")
def layers():
    x, x2, image, grouped = normal(2, 3, 4), normal(2, 3, 5), normal(2, 6, 5, 2), normal(1, 4, 4, 4)
    signal, volume, indices = normal(2, 6, 2), normal(1, 3, 3, 3, 2), mx.array([[3, 0], [-1, 2]])
    inputs = {"x": x, "x2": x2, "image": image, "grouped": grouped, "indices": indices}
    inputs |= {"signal": signal, "volume": volume}
    cases = {
        "linear": (nn.Linear(4, 3), x),
        "linear_vector": (nn.Linear(4, 3), x[0, 0]),
        "linear_no_bias": (nn.Linear(4, 3, bias=False), x),
        "bilinear": (nn.Bilinear(4, 5, 3), x, x2),
        "bilinear_no_bias": (nn.Bilinear(4, 5, 3, bias=False), x, x2),
        "identity": (nn.Identity(), x),
        "conv2d": (nn.Conv2d(2, 2, 3), image),
        "conv2d_stride": (nn.Conv2d(2, 2, 3, stride=2), image),
        "conv2d_padding": (nn.Conv2d(2, 2, 3, padding=1), image),
        "conv2d_dilation": (nn.Conv2d(2, 2, 3, dilation=2), image),
        "conv2d_groups": (nn.Conv2d(4, 4, 3, groups=2), grouped),
        "conv2d_depthwise": (nn.Conv2d(4, 4, 3, groups=4), grouped),
        "conv2d_no_bias": (nn.Conv2d(2, 2, 3, bias=False), image),
        "conv2d_pairs": (nn.Conv2d(2, 2, (3, 2), (2, 1), (0, 1), (1, 2)), image),
        "conv1d": (nn.Conv1d(2, 4, 3, 2, 1, 1, 2), signal),
        "conv1d_dilation": (nn.Conv1d(2, 1, 2, dilation=3, bias=False), signal),
        "conv3d": (nn.Conv3d(2, 1, 2, (2, 1, 1), (0, 1, 0)), volume),
        "conv3d_dilation": (nn.Conv3d(2, 1, 2, dilation=2, bias=False), volume),
        "max_pool1d": (nn.MaxPool1d(3, 2, 1), signal),
        "avg_pool1d": (nn.AvgPool1d(3, 2, 1), signal),
        "max_pool3d": (nn.MaxPool3d(2, (1, 2, 1), (0, 1, 0)), volume),
        "avg_pool3d": (nn.AvgPool3d(2, (1, 2, 1), (0, 1, 0)), volume),
        "max_pool": (nn.MaxPool2d(2), image),
        "max_pool_stride": (nn.MaxPool2d(3, stride=1), image),
        "max_pool_padding": (nn.MaxPool2d(3, stride=2, padding=1), image),
        "max_pool_pairs": (nn.MaxPool2d((3, 2), (2, 3), (1, 0)), image),
        "avg_pool": (nn.AvgPool2d(2), image),
        "avg_pool_stride": (nn.AvgPool2d(3, stride=1), image),
        "avg_pool_padding": (nn.AvgPool2d(3, stride=2, padding=1), image),
        "avg_pool_pairs": (nn.AvgPool2d((3, 2), (2, 3), (1, 0)), image),
        "batch_norm_rank_2": (nn.BatchNorm(4), x[0]),
        "batch_norm_rank_3": (nn.BatchNorm(4), x),
        "batch_norm_rank_4": (nn.BatchNorm(2), image),
        "batch_norm_eps": (nn.BatchNorm(4, eps=0.1), x),
        "batch_norm_momentum": (nn.BatchNorm(4, momentum=0.4), x),
        "batch_norm_no_affine": (nn.BatchNorm(4, affine=False), x),
        "batch_norm_no_tracking": (nn.BatchNorm(4, track_running_stats=False), x),
        "layer_norm": (nn.LayerNorm(4), x),
        "layer_norm_eps": (nn.LayerNorm(4, eps=0.1), x),
        "layer_norm_no_affine": (nn.LayerNorm(4, affine=False), x),
        "layer_norm_no_bias": (nn.LayerNorm(4, bias=False), x),
        "rms_norm": (nn.RMSNorm(4), x),
        "rms_norm_eps": (nn.RMSNorm(4, eps=0.1), x),
        "embedding": (nn.Embedding(6, 4), indices),
        "sequential": (nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)), x),
    }
    results = {name: layer_case(*case) for name, case in cases.items()}

    embedding = nn.Embedding(6, 4)
    embedding.update(results["embedding"]["parameters"])
    as_linear = lambda weight, x: embedding.update({"weight": weight}).as_linear(x)
    weight = embedding.weight
    results["embedding_as_linear"] = differentiated(as_linear, weight, x)

    # A second batch moves the statistics again; evaluation uses and keeps them.
    norm, second = nn.BatchNorm(4, momentum=0.4), 3 * normal(2, 3, 4) + 1
    norm.update(results["batch_norm_momentum"]["parameters"])
    outputs = [norm(x), norm(second), norm.eval()(x)]
    results["batch_norm_sequence"] = {"second": second, "outputs": outputs}
    results["batch_norm_sequence"] |= {"after": norm.parameters()}
    results["batch_norm_eval"] = layer_case(norm, x)
    results["batch_norm_eval_no_tracking"] = layer_case(
        nn.BatchNorm(4, track_running_stats=False).eval(), x
    )

    for dtype in (mx.bfloat16, mx.float16):
        half = {
            "linear": (nn.Linear(4, 3), x),
            "conv2d": (nn.Conv2d(4, 2, 3), grouped),
            "batch_norm": (nn.BatchNorm(4), x),
            "layer_norm": (nn.LayerNorm(4), x),
            "rms_norm": (nn.RMSNorm(4), x),
            "max_pool": (nn.MaxPool2d(2), grouped),
            "avg_pool": (nn.AvgPool2d(2), grouped),
        }
        for name, (layer, input) in half.items():
            layer.set_dtype(dtype)
            name += "_" + str(dtype).removeprefix("mlx.core.")
            results[name] = layer_case(layer, input.astype(dtype))
    return inputs | results


@golden("nn/dropout")
def dropout():
    """Each mask follows seed(5)."""

    def dropped(layer, x):
        mx.random.seed(5)
        return {"x": x} | differentiated(layer, x)

    x = normal(3, 8)
    return {
        "default": dropped(nn.Dropout(), x),
        "p": dropped(nn.Dropout(0.2), x),
        "half": dropped(nn.Dropout(0.2), x.astype(mx.float16)),
        "2d": dropped(nn.Dropout2d(0.4), normal(2, 2, 1, 6)),
        "2d_one": dropped(nn.Dropout2d(), normal(1, 2, 6)),
        "3d": dropped(nn.Dropout3d(0.4), normal(2, 1, 2, 1, 4)),
        "3d_one": dropped(nn.Dropout3d(), normal(1, 2, 1, 6)),
    }


@golden("nn/activations")
def activations():
    flat, matrix, alpha = points(), rows(), mx.array([0.5, -0.25, 0.0, 1.0, 2.0, 0.125])
    pointwise = {
        **{name: getattr(nn, name) for name in "sigmoid relu relu2 relu6 leaky_relu elu".split()},
        **{name: getattr(nn, name) for name in "softplus softsign softshrink celu silu".split()},
        **{name: getattr(nn, name) for name in "log_sigmoid gelu gelu_approx".split()},
        **{name: getattr(nn, name) for name in "gelu_fast_approx selu mish hardswish".split()},
        **{name: getattr(nn, name) for name in "hard_tanh hard_shrink tanh".split()},
        "leaky_relu_slope": lambda x: nn.leaky_relu(x, 0.25),
        "elu_alpha": lambda x: nn.elu(x, 0.5),
        "softshrink_lambd": lambda x: nn.softshrink(x, 1.5),
        "celu_alpha": lambda x: nn.celu(x, 0.5),
        "hard_tanh_limits": lambda x: nn.hard_tanh(x, -0.5, 3.0),
        "hard_shrink_lambd": lambda x: nn.hard_shrink(x, 1.5),
        "prelu_one": nn.PReLU(),
        "prelu_one_init": nn.PReLU(init=0.75),
    }
    along_axis = {
        "softmax": nn.softmax,
        "softmax_axis": lambda x: nn.softmax(x, axis=0),
        "softmin": nn.softmin,
        "softmin_axis": lambda x: nn.softmin(x, axis=0),
        "log_softmax": nn.log_softmax,
        "log_softmax_axis": lambda x: nn.log_softmax(x, axis=0),
        "glu": nn.glu,
        "glu_axis": lambda x: nn.glu(x, axis=0),
    }
    cases = {name: differentiated(function, flat) for name, function in pointwise.items()}
    cotangent = cases["relu"]["cotangent"]
    for case in cases.values():
        del case["cotangent"]
    results = {"flat": flat, "cotangent": cotangent, "matrix": matrix, "alpha": alpha} | cases
    results |= {name: differentiated(function, matrix) for name, function in along_axis.items()}
    results["prelu"] = differentiated(nn.prelu, matrix, alpha)
    results["step"] = {"output": nn.step(flat)}
    results["step_threshold"] = {"output": nn.step(flat, 1.5)}
    for dtype in ("bfloat16", "float16"):
        halves = (2 * normal(8)).astype(getattr(mx, dtype))
        names = "sigmoid relu leaky_relu elu celu silu gelu gelu_approx mish hardswish softmax"
        outputs = {name: getattr(nn, name)(halves) for name in names.split()}
        results[dtype] = {"x": halves} | outputs
    return results


@golden("nn/losses")
def losses():
    logits, labels = 3 * normal(4, 5), mx.array([0, 4, 2, 2])
    columns = mx.array([3, 0, 1, 2, 0])
    shares = mx.softmax(normal(4, 5))
    weights, grid, column_weights = normal(4), normal(4, 5), normal(5)
    truths = mx.array([[0.0, 1, 1, 0, 1], [1, 0, 0.25, 0, 1], [1, 1, 1, 0.5, 0], [0, 0, 1, 1, 0]])
    sure = mx.concatenate([mx.sigmoid(logits)[:3], mx.array([[0.0, 1.0, 0.0, 1.0, 0.5]])])
    ce, bce = nn.losses.cross_entropy, nn.losses.binary_cross_entropy
    cross = {
        "indices": (labels, {}),
        "indices_mean": (labels, {"reduction": "mean"}),
        "indices_sum": (labels, {"reduction": "sum"}),
        "indices_weights": (labels, {"weights": weights}),
        "indices_weights_mean": (labels, {"weights": weights, "reduction": "mean"}),
        "indices_axis": (columns, {"axis": 0, "weights": column_weights}),
        "indices_smoothing": (labels, {"label_smoothing": 0.2}),
        "probabilities": (shares, {}),
        "probabilities_axis": (shares, {"axis": 0, "reduction": "sum"}),
        "probabilities_smoothing": (shares, {"label_smoothing": 0.2, "weights": weights}),
    }
    results = {
        name: differentiated(lambda x: ce(x, targets, **options), logits)
        for name, (targets, options) in cross.items()
    }
    large = 1000 * logits
    results["large"] = differentiated(lambda x: ce(x, labels), large)
    for reduction in ("none", "mean", "sum"):
        options = {"reduction": reduction}
        of = lambda loss, *rest, **more: lambda x: loss(x, *rest, **options, **more)
        results |= {
            f"mse_{reduction}": differentiated(of(nn.losses.mse_loss, grid), logits),
            f"l1_{reduction}": differentiated(of(nn.losses.l1_loss, grid), logits),
            f"bce_{reduction}": differentiated(of(bce, truths), logits),
            f"bce_weights_{reduction}": differentiated(of(bce, truths, grid), logits),
            f"bce_probabilities_{reduction}": differentiated(
                of(bce, truths, with_logits=False), sure
            ),
        }
    results["bce_large"] = differentiated(lambda x: bce(x, truths, reduction="none"), large)
    inputs = {"logits": logits, "labels": labels, "columns": columns, "shares": shares}
    inputs |= {"weights": weights, "grid": grid, "column_weights": column_weights}
    return inputs | {"truths": truths, "sure": sure} | results


@golden("nn/init")
def init():
    """Each draw follows seed(7)."""

    def drawn(initializer, *shape, **options):
        mx.random.seed(7)
        return initializer(mx.zeros(shape), **options)

    make, out = nn.init, {"mode": "fan_out", "gain": 1.5}
    results = {
        "constant": drawn(make.constant(2.5), 2, 3),
        "constant_half": drawn(make.constant(2.5, mx.float16), 2, 3),
        "identity": drawn(make.identity(), 3, 3),
        "identity_half": drawn(make.identity(mx.bfloat16), 3, 3),
        "normal": drawn(make.normal(), 3, 4),
        "normal_moments": drawn(make.normal(1.5, 0.2), 3, 4),
        "normal_half": drawn(make.normal(dtype=mx.float16), 3, 4),
        "uniform": drawn(make.uniform(), 3, 4),
        "uniform_range": drawn(make.uniform(-0.5, 2.5), 3, 4),
        "uniform_half": drawn(make.uniform(dtype=mx.bfloat16), 3, 4),
        "sparse": drawn(make.sparse(0.6), 3, 4),
        "sparse_moments": drawn(make.sparse(0.2, 1.5, 0.2), 3, 4),
        "sparse_half": drawn(make.sparse(0.6, dtype=mx.float16), 3, 4),
    }
    for name in ("glorot_normal", "glorot_uniform", "he_normal", "he_uniform"):
        initializer, half = getattr(make, name)(), getattr(make, name)(mx.float16)
        results |= {
            name: drawn(initializer, 3, 4),
            name + "_window": drawn(initializer, 3, 2, 2, 2),
            name + "_gain": drawn(initializer, 3, 4, gain=0.5),
            name + "_half": drawn(half, 3, 4),
        }
        if name.startswith("he"):
            results[name + "_fan_out"] = drawn(initializer, 3, 4, mode="fan_out")
            results[name + "_window_fan_out"] = drawn(initializer, 3, 2, 2, 2, **out)
    mx.random.seed(7)
    made = [nn.Linear(4, 3), nn.Linear(4, 3, bias=False), nn.Conv2d(4, 2, (3, 2), groups=2)]
    made += [nn.Bilinear(2, 3, 4), nn.Embedding(3, 4), nn.PReLU(3, 0.5)]
    made += [nn.LayerNorm(3), nn.BatchNorm(3), nn.Conv1d(2, 2, 3), nn.Conv3d(1, 2, 2)]
    results["made"] = [layer.parameters() for layer in made]
    return results
