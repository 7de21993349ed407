"""Optimizers, schedules and clipped gradients, as mlx.optimizers computes them."""

import mlx.core as mx
import mlx.optimizers as optim
from mlx.utils import tree_map

from common import golden, normal


def optimizer_tree(dtype=mx.float32):
    return {"layers": [{"weight": normal(2, 3, dtype=dtype)}], "scale": normal(dtype=dtype)}


@golden("optimizers/steps")
def optimizer_steps():
    """Parameters and state behind five steps with given gradients."""

    def stepped(optimizer, parameters, gradients):
        for each in gradients:
            parameters = optimizer.apply_gradients(each, parameters)
        return {"parameters": parameters, "state": optimizer.state}

    parameters, gradients = optimizer_tree(), [optimizer_tree() for _ in range(5)]
    adam = {"betas": [0.7, 0.8]}, {"eps": 0.1}, {"bias_correction": True}
    falling = optim.linear_schedule(0.1, 0.01, 3)
    optimizers = {
        "sgd": optim.SGD(0.1),
        "sgd_weight_decay": optim.SGD(0.1, weight_decay=0.2),
        "sgd_momentum": optim.SGD(0.1, momentum=0.8),
        "sgd_dampening": optim.SGD(0.1, momentum=0.8, dampening=0.3),
        "sgd_nesterov": optim.SGD(0.1, momentum=0.8, nesterov=True),
        "sgd_all": optim.SGD(0.1, momentum=0.8, weight_decay=0.2, nesterov=True),
        "sgd_schedule": optim.SGD(falling, momentum=0.8),
        "adam": optim.Adam(0.1),
        "adamw": optim.AdamW(0.1),
        "adamw_weight_decay": optim.AdamW(0.1, weight_decay=0.3),
        "adamw_schedule": optim.AdamW(falling, bias_correction=True),
    }
    for name, optimizer in (("adam", optim.Adam), ("adamw", optim.AdamW)):
        for options in adam:
            optimizers[f"{name}_{next(iter(options))}"] = optimizer(0.1, **options)
    results = {name: stepped(o, parameters, gradients) for name, o in optimizers.items()}

    half = optimizer_tree(mx.bfloat16), [optimizer_tree(mx.bfloat16) for _ in range(2)]
    results["half"] = {"start": half[0], "gradients": half[1]}
    results["half"] |= {"sgd": stepped(optim.SGD(0.1, momentum=0.8, nesterov=True), *half)}
    results["half"] |= {"adamw": stepped(optim.AdamW(0.1, bias_correction=True), *half)}
    return {"start": parameters, "gradients": gradients} | results


@golden("optimizers/schedules")
def schedules():
    """Learning rates at some steps, and clipped gradients."""
    steps = [0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 15, 19, 20, 21, 25, 30, 50, 100, 1000]
    warmup, decay = optim.linear_schedule(0.0, 0.1, 5), optim.cosine_decay(0.1, 10, 0.01)
    rates = {
        "exponential": optim.exponential_decay(0.1, 0.9),
        "step": optim.step_decay(0.1, 0.5, 10),
        "cosine": optim.cosine_decay(0.1, 20),
        "cosine_end": optim.cosine_decay(0.1, 20, 0.02),
        "linear": optim.linear_schedule(0.3, 0.1, 20),
        "join": optim.join_schedules([warmup, decay], [5]),
        "join_three": optim.join_schedules(
            [warmup, decay, optim.exponential_decay(0.02, 0.9)], [5, 20]
        ),
    }
    results = {
        name: [rate(mx.array(step, mx.uint64)).item() for step in steps]
        for name, rate in rates.items()
    }
    optimizer = optim.SGD(optim.join_schedules([warmup, decay], [5]))
    parameters, used, values = {"w": mx.array([1.0, -2.0])}, [], []
    for _ in range(12):
        parameters = optimizer.apply_gradients({"w": mx.array([0.5, 1.5])}, parameters)
        used.append(optimizer.learning_rate.item())
        values.append(parameters["w"])
    results["optimizer"] = {"used": used, "values": mx.stack(values)}

    gradients = {"a": normal(3, 2), "b": [normal(4), normal()]}
    halves = tree_map(lambda g: (300 * g).astype(mx.float16), gradients)
    for name, grads, limit in (
        ("clipped", gradients, 1.5),
        ("kept", gradients, 100.0),
        ("half", halves, 2.0),
    ):
        clipped, norm = optim.clip_grad_norm(grads, limit)
        results[name] = {"gradients": grads, "clipped": clipped, "norm": norm}
    return {"steps": mx.array(steps, mx.uint64)} | results
