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


@golden("optimizers/more_steps")
def more_optimizer_steps():
    """As steps, for the other optimizers, with a filter of convolutional shape too."""

    def tree(dtype=mx.float32):
        part = optimizer_tree(dtype)
        part["layers"].append({"weight": normal(4, 2, dtype=dtype), "bias": normal(4, dtype=dtype)})
        return part | {"filter": normal(3, 2, 2, dtype=dtype)}

    def stepped(optimizer, parameters, gradients):
        for each in gradients:
            parameters = optimizer.apply_gradients(each, parameters)
        return {"parameters": parameters, "state": optimizer.state}

    parameters, gradients = tree(), [tree() for _ in range(4)]
    half = tree(mx.bfloat16), [tree(mx.bfloat16) for _ in range(2)]
    falling = optim.linear_schedule(0.1, 0.01, 3)
    given = {"relative_step": False, "learning_rate": 0.1}
    make = {
        "rmsprop": lambda: optim.RMSprop(0.1),
        "rmsprop_alpha": lambda: optim.RMSprop(0.1, alpha=0.7),
        "rmsprop_eps": lambda: optim.RMSprop(0.1, eps=0.1),
        "adagrad": lambda: optim.Adagrad(0.1),
        "adagrad_eps": lambda: optim.Adagrad(falling, eps=0.1),
        "adadelta": lambda: optim.AdaDelta(0.1),
        "adadelta_rho": lambda: optim.AdaDelta(0.1, rho=0.6),
        "adadelta_eps": lambda: optim.AdaDelta(0.1, eps=0.1),
        "adamax": lambda: optim.Adamax(0.1),
        "adamax_betas": lambda: optim.Adamax(0.1, betas=[0.7, 0.8]),
        "adamax_eps": lambda: optim.Adamax(0.1, eps=0.1),
        "lion": lambda: optim.Lion(0.1),
        "lion_betas": lambda: optim.Lion(0.1, betas=[0.2, 0.5]),
        "lion_weight_decay": lambda: optim.Lion(0.1, weight_decay=0.3),
        "adafactor": lambda: optim.Adafactor(),
        "adafactor_eps": lambda: optim.Adafactor(eps=(0.1, 2.0)),
        "adafactor_clip": lambda: optim.Adafactor(clip_threshold=0.3),
        "adafactor_decay": lambda: optim.Adafactor(decay_rate=-0.5),
        "adafactor_beta": lambda: optim.Adafactor(beta_1=0.8),
        "adafactor_weight_decay": lambda: optim.Adafactor(weight_decay=0.3),
        "adafactor_unscaled": lambda: optim.Adafactor(scale_parameter=False),
        "adafactor_warmup": lambda: optim.Adafactor(warmup_init=True),
        "adafactor_given": lambda: optim.Adafactor(**given),
        "adafactor_unused": lambda: optim.Adafactor(0.1),
        "muon": lambda: optim.Muon(0.1),
        "muon_momentum": lambda: optim.Muon(0.1, momentum=0.5),
        "muon_weight_decay": lambda: optim.Muon(0.1, weight_decay=0.3),
        "muon_plain": lambda: optim.Muon(0.1, nesterov=False),
        "muon_steps": lambda: optim.Muon(0.1, ns_steps=2),
        "multi": lambda: optim.MultiOptimizer(
            [optim.Muon(0.1), optim.SGD(0.2), optim.Adam(0.3)],
            [lambda path, g: g.ndim == 2, lambda path, g: path.startswith("filter")],
        ),
    }
    results = {name: stepped(new(), parameters, gradients) for name, new in make.items()}
    results["half"] = {"start": half[0], "gradients": half[1]}
    for name in ("rmsprop", "adadelta", "adamax", "lion", "adafactor", "muon"):
        results["half"][name] = stepped(make[name](), *half)
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
