"""Layers that resize, normalize and embed, and losses: mlx.nn's, and where it has none, torch's."""

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from common import differentiated, golden, normal
from nn_goldens import layer_case


@golden("nn/resizing")
def resizing():
    """Transposed convolutions, norms and Upsample."""
    signal, image, volume = normal(2, 5, 4), normal(2, 4, 3, 4), normal(1, 2, 3, 2, 4)
    inputs = {"signal": signal, "image": image, "volume": volume}
    up = nn.Upsample
    cases = {
        "transpose1d": (nn.ConvTranspose1d(4, 3, 3), signal),
        "transpose1d_options": (nn.ConvTranspose1d(4, 3, 3, 2, 1, 2, 1, bias=False), signal),
        "transpose2d": (nn.ConvTranspose2d(4, 3, 3), image),
        "transpose2d_stride": (nn.ConvTranspose2d(4, 3, 3, stride=2), image),
        "transpose2d_padding": (nn.ConvTranspose2d(4, 3, 3, padding=1), image),
        "transpose2d_dilation": (nn.ConvTranspose2d(4, 3, 2, dilation=2), image),
        "transpose2d_no_bias": (nn.ConvTranspose2d(4, 3, 3, bias=False), image),
        "transpose2d_pairs": (
            nn.ConvTranspose2d(4, 3, (3, 2), (2, 1), (1, 0), (1, 2), (1, 0)), image),
        "transpose3d": (nn.ConvTranspose3d(4, 2, 2), volume),
        "transpose3d_options": (
            nn.ConvTranspose3d(4, 2, (2, 1, 2), (2, 1, 2), (1, 0, 0)), volume),
        "group_norm": (nn.GroupNorm(2, 4), image),
        "group_norm_flat": (nn.GroupNorm(2, 4), image[:, 0, 0]),
        "group_norm_eps": (nn.GroupNorm(2, 4, eps=0.1), image),
        "group_norm_no_affine": (nn.GroupNorm(2, 4, affine=False), image),
        "group_norm_torch": (nn.GroupNorm(2, 4, pytorch_compatible=True), image),
        "group_norm_torch_signal": (nn.GroupNorm(4, 4, pytorch_compatible=True), signal),
        "instance_norm": (nn.InstanceNorm(4), image),
        "instance_norm_affine": (nn.InstanceNorm(4, affine=True), signal),
        "instance_norm_eps": (nn.InstanceNorm(4, eps=0.1), volume),
        "nearest": (up(2), image),
        "nearest_fraction": (up(1.7), image),
        "nearest_down": (up(0.6), signal),
        "nearest_each": (up((2, 1.5)), image),
        "nearest_volume": (up((2, 1, 3)), volume),
        "linear": (up(2, "linear"), image),
        "linear_corners": (up(2, "linear", align_corners=True), image),
        "linear_down": (up(0.6, "linear"), signal),
        "linear_antialias": (up(0.6, "linear", antialias=True), signal),
        "linear_antialias_up": (up((1.5, 0.7), "linear", antialias=True), image),
        "linear_each": (up((2.5, 1.5), "linear"), image),
        "linear_volume": (up(2, "linear"), volume),
        "cubic": (up(2, "cubic"), image),
        "cubic_corners": (up((2, 1.5), "cubic", align_corners=True), image),
        "cubic_down": (up(0.6, "cubic"), signal),
        "cubic_antialias": (up(0.6, "cubic", antialias=True), signal),
        "cubic_antialias_up": (up((1.5, 0.7), "cubic", antialias=True), image),
    }  # fmt: skip
    results = {name: layer_case(*case) for name, case in cases.items()}
    # mlx's gradients in their inputs have the wrong shape.
    outputs = {
        "transpose2d_output": (nn.ConvTranspose2d(4, 3, 3, 2, output_padding=1), image),
        "transpose3d_output": (
            nn.ConvTranspose3d(4, 2, (2, 1, 2), 2, output_padding=(1, 0, 1)), volume),
    }  # fmt: skip
    for name, (layer, x) in outputs.items():
        results[name] = {"parameters": layer.parameters(), "output": layer(x)}
    for dtype in (mx.bfloat16, mx.float16):
        half = {
            "transpose2d": (nn.ConvTranspose2d(4, 3, 3), image),
            "group_norm": (nn.GroupNorm(2, 4), image),
            "instance_norm": (nn.InstanceNorm(4), image),
        }
        for name, (layer, x) in half.items():
            layer.set_dtype(dtype)
            name += "_" + str(dtype).removeprefix("mlx.core.")
            results[name] = layer_case(layer, x.astype(dtype))
    mx.random.seed(7)
    made = [nn.ConvTranspose1d(2, 3, 3), nn.ConvTranspose2d(2, 3, (3, 2)), nn.ConvTranspose3d(1, 2, 2)]
    made += [nn.GroupNorm(2, 4), nn.InstanceNorm(4, affine=True)]
    return inputs | results | {"made": [layer.parameters() for layer in made]}


@golden("nn/more_losses")
def more_losses():
    x, y, z = normal(4, 5), normal(4, 5), normal(4, 5)
    signs = mx.where(normal(4, 5) > 0, 1.0, -1.0)
    labels, columns = mx.array([0, 4, 2, 2]), mx.array([3, 0, 1, 2, 0])
    log_x, log_y = nn.log_softmax(x), nn.log_softmax(y)
    variances = mx.abs(normal(4, 5)) - 0.2
    row = y[0]
    inputs = {"x": x, "y": y, "z": z, "signs": signs, "labels": labels, "columns": columns}
    inputs |= {"log_x": log_x, "log_y": log_y, "variances": variances, "row": row}
    loss = nn.losses
    # Of each case the loss, its arguments, which are differentiated by, and its options.
    cases = {
        "smooth_l1": (loss.smooth_l1_loss, (2 * x, y), {}),
        "smooth_l1_beta": (loss.smooth_l1_loss, (2 * x, y), {"beta": 0.3}),
        "huber": (loss.huber_loss, (2 * x, y), {}),
        "huber_delta": (loss.huber_loss, (2 * x, y), {"delta": 0.3}),
        "huber_row": (loss.huber_loss, (2 * x, row), {}),
        "log_cosh": (loss.log_cosh_loss, (2 * x, y), {}),
        "hinge": (loss.hinge_loss, (x, signs), {}),
        "gaussian_nll": (loss.gaussian_nll_loss, (x, y, variances), {}),
        "gaussian_nll_full": (loss.gaussian_nll_loss, (x, y, variances), {"full": True}),
        "gaussian_nll_eps": (loss.gaussian_nll_loss, (x, y, variances), {"eps": 0.3}),
        "kl_div": (loss.kl_div_loss, (log_x, log_y), {}),
        "kl_div_axis": (loss.kl_div_loss, (log_x, log_y), {"axis": 0}),
        "cosine": (loss.cosine_similarity_loss, (x, y), {}),
        "cosine_axis": (loss.cosine_similarity_loss, (x, y), {"axis": 0}),
        "cosine_eps": (loss.cosine_similarity_loss, (x, y), {"eps": 5.0}),
        "ranking": (loss.margin_ranking_loss, (x, y, signs), {}),
        "ranking_margin": (loss.margin_ranking_loss, (x, y, signs), {"margin": 0.7}),
        "triplet": (loss.triplet_loss, (x, y, z), {}),
        "triplet_axis": (loss.triplet_loss, (x, y, z), {"axis": 0}),
        "triplet_p": (loss.triplet_loss, (x, y, z), {"p": 3}),
        "triplet_margin": (loss.triplet_loss, (x, y, z), {"margin": 3.0}),
        "triplet_eps": (loss.triplet_loss, (x, y, z), {"eps": 0.5}),
    }
    results = {}
    for name, (function, arguments, options) in cases.items():
        given = {"x": list(arguments)}
        results[name] = given | differentiated(
            lambda *a: function(*a, **options, reduction="none"), *arguments
        )
    for name, (function, arguments, options) in cases.items():
        if options or name.endswith("row"):
            continue
        results[name + "_default"] = function(*arguments)
        for reduction in ("mean", "sum"):
            results[f"{name}_{reduction}"] = function(*arguments, reduction=reduction)
    results["nll"] = differentiated(lambda a: loss.nll_loss(a, labels), log_x)
    results["nll_axis"] = differentiated(lambda a: loss.nll_loss(a, columns, axis=0), log_x)
    results["nll_mean"] = loss.nll_loss(log_x, labels, reduction="mean")
    results["nll_sum"] = loss.nll_loss(log_x, labels, reduction="sum")
    return inputs | results


# What mlx.nn has not: torch, whose channels are second.


def last(a):
    """Channels from the second axis to the last."""
    return np.ascontiguousarray(np.moveaxis(a.detach().numpy(), 1, -1))


def torch_case(function, *inputs):
    """As differentiated(), of torch tensors whose channels are second."""
    import torch

    inputs = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    output = function(*inputs)
    cotangent = torch.randn(output.shape, generator=torch.Generator().manual_seed(1))
    (output * cotangent).sum().backward()
    move = last if output.ndim > 2 else lambda a: a.detach().numpy()
    gradients = [move(x.grad) if x.ndim > 2 else x.grad.numpy() for x in inputs if x.grad is not None]
    return {"output": move(output), "cotangent": move(cotangent), "gradients": gradients}


@golden("nn/torch_layers")
def torch_layers():
    import torch
    import torch.nn as tnn
    import torch.nn.functional as f

    torch.manual_seed(0)
    signal, image = torch.randn(2, 4, 7), torch.randn(2, 4, 7, 5)
    volume = torch.randn(1, 2, 3, 4, 5)
    results = {"signal": last(signal), "image": last(image), "volume": last(volume)}
    for kind in ("avg", "max"):
        for n, x, sizes in ((1, signal, (7, 1, 3, 9)), (2, image, (1, (3, 2), (7, 5), (4, 10))),
                            (3, volume, (2, (1, 4, 3)))):  # fmt: skip
            pool = getattr(f, f"adaptive_{kind}_pool{n}d")
            for i, size in enumerate(sizes):
                results[f"{kind}{n}d_{i}"] = torch_case(lambda x: pool(x, size), x)
    for mode in ("zeros", "reflect", "replicate", "circular"):
        # torch pads the end of an odd "same" as conv_general is asked to here.
        for name, layer, x in (
            ("1d", tnn.Conv1d(4, 3, 3, padding=2, padding_mode=mode), signal),
            ("1d_same", tnn.Conv1d(4, 3, 4, padding="same", padding_mode=mode), signal),
            ("2d", tnn.Conv2d(4, 6, (3, 2), (2, 1), (1, 2), groups=2, padding_mode=mode), image),
            ("2d_same", tnn.Conv2d(4, 2, (4, 3), padding="same", dilation=(1, 2), padding_mode=mode), image),
            ("3d", tnn.Conv3d(2, 2, 2, padding=1, padding_mode=mode), volume),
        ):  # fmt: skip
            case = torch_case(lambda x: layer(x), x)
            case["weight"], case["bias"] = last(layer.weight), layer.bias.detach().numpy()
            results[f"conv_{name}_{mode}"] = case
    for name, layer, x in (
        ("1d", tnn.ConvTranspose1d(4, 6, 3, 2, 1, 1, groups=2), signal),
        ("2d", tnn.ConvTranspose2d(4, 4, (3, 2), (2, 1), (1, 0), groups=4), image),
    ):
        case = torch_case(lambda x: layer(x), x)
        # (in, out / groups, k...) to (out, k..., in / groups).
        w = layer.weight.detach().numpy()
        groups = layer.groups
        parts = [np.moveaxis(part, (0, 1), (-1, 0)) for part in np.split(w, groups)]
        case["weight"], case["bias"] = np.concatenate(parts), layer.bias.detach().numpy()
        results[f"transpose_{name}"] = case
    for name, shape in (("layer_norm_2", (7, 5)), ("layer_norm_3", (4, 7, 5))):
        layer = tnn.LayerNorm(shape)
        tnn.init.normal_(layer.weight), tnn.init.normal_(layer.bias)
        x = image.clone().requires_grad_()
        output = layer(x)
        cotangent = torch.randn(output.shape)
        (output * cotangent).sum().backward()
        tensors = {"x": x, "output": output, "cotangent": cotangent, "gradient": x.grad}
        tensors |= {"weight": layer.weight, "bias": layer.bias}
        tensors |= {"weight_gradient": layer.weight.grad, "bias_gradient": layer.bias.grad}
        results[name] = {key: value.detach().numpy() for key, value in tensors.items()}
    results["shuffle"] = torch_case(lambda x: f.pixel_shuffle(x, 2), torch.cat([image, image], 1))
    results["shuffle_input"] = last(torch.cat([image, image], 1))
    indices, offsets = torch.tensor([1, 0, 2, 2, 5, 1]), torch.tensor([0, 2, 2, 5])
    table, scales = torch.randn(6, 3), torch.randn(6)
    results |= {"indices": indices.int().numpy(), "offsets": offsets.int().numpy()}
    results |= {"table": table.numpy(), "scales": scales.numpy()}
    square = indices.reshape(2, 3)
    for mode in ("sum", "mean", "max"):
        results["bag_" + mode] = torch_case(
            lambda w: f.embedding_bag(indices, w, offsets, mode=mode), table)  # fmt: skip
        results["bag_square_" + mode] = torch_case(
            lambda w: f.embedding_bag(square, w, mode=mode, padding_idx=2), table)  # fmt: skip
    results["bag_weights"] = torch_case(
        lambda w: f.embedding_bag(indices, w, offsets, mode="sum", per_sample_weights=scales), table
    )
    return results


@golden("nn/torch_losses")
def torch_losses():
    import torch
    import torch.nn.functional as f

    torch.manual_seed(0)

    def case(function, x):
        x = x.clone().requires_grad_()
        output = function(x)
        output.sum().backward()
        return {"output": output.detach().numpy(), "gradient": x.grad.numpy()}

    logits, labels = torch.randn(4, 5), torch.tensor([0, -100, 2, 4])
    weights = torch.rand(5) + 0.5
    results = {"logits": logits.numpy(), "labels": labels.int().numpy(), "weights": weights.numpy()}
    for reduction in ("none", "mean", "sum"):
        results["ignore_" + reduction] = case(
            lambda x: f.cross_entropy(x, labels, reduction=reduction), logits)  # fmt: skip
        smooth = {"ignore_index": 2, "label_smoothing": 0.2, "reduction": reduction}
        results["ignore_smooth_" + reduction] = case(
            lambda x: f.cross_entropy(x, torch.tensor([0, 3, 2, 4]), **smooth), logits)  # fmt: skip
        results["ignore_nll_" + reduction] = case(
            lambda x: f.nll_loss(f.log_softmax(x, -1), labels, reduction=reduction), logits)  # fmt: skip
    truths = (torch.randn(4, 5) > 0).float()

    def focal(x, alpha, gamma):
        p = torch.sigmoid(x)
        loss = f.binary_cross_entropy_with_logits(x, truths, reduction="none")
        loss = loss * (1 - (p * truths + (1 - p) * (1 - truths))) ** gamma
        return loss * (alpha * truths + (1 - alpha) * (1 - truths)) if alpha >= 0 else loss

    def dice(x, smooth):
        p, t = torch.sigmoid(x).flatten(1), truths.flatten(1)
        return 1 - (2 * (p * t).sum(1) + smooth) / (p.sum(1) + t.sum(1) + smooth)

    results["truths"] = truths.numpy()
    results["focal"] = case(lambda x: focal(x, 0.25, 2), logits)
    results["focal_alpha"] = case(lambda x: focal(x, 0.7, 2), logits)
    results["focal_no_alpha"] = case(lambda x: focal(x, -1, 2), logits)
    results["focal_gamma"] = case(lambda x: focal(x, 0.25, 0.5), logits)
    results["dice"] = case(lambda x: dice(x, 1).mean(), logits)
    results["dice_smooth"] = case(lambda x: dice(x, 0.1), logits)

    scores = torch.randn(6, 4, 5)  # (T, N, C)
    targets = torch.tensor([[1, 2, 2], [3, 1, 0], [4, 4, 4], [2, 0, 0]])
    input_lengths, target_lengths = torch.tensor([6, 4, 4, 5]), torch.tensor([3, 2, 3, 0])
    results |= {"scores": scores.numpy().transpose(1, 0, 2).copy(), "targets": targets.int().numpy()}
    results |= {"input_lengths": input_lengths.int().numpy()}
    results |= {"target_lengths": target_lengths.int().numpy()}

    def ctc(x, targets, **options):
        return f.ctc_loss(
            f.log_softmax(x, -1), targets, input_lengths, target_lengths, zero_infinity=True, **options)

    def ctc_case(targets, **options):
        result = case(lambda x: ctc(x, targets, **options), scores)
        result["gradient"] = result["gradient"].transpose(1, 0, 2).copy()
        return result

    for reduction in ("none", "mean", "sum"):
        results["ctc_" + reduction] = ctc_case(targets, reduction=reduction)
    blank_last = torch.tensor([[0, 2, 2], [3, 1, 0], [1, 1, 1], [2, 0, 0]])
    results["blank_targets"] = blank_last.int().numpy()
    results["ctc_blank"] = ctc_case(blank_last, blank=4, reduction="none")
    return results
