"""What the files of goldens share: @golden names the function that makes a file."""

import mlx.core as mx

GOLDENS = {}


def golden(name):
    def register(function):
        assert name not in GOLDENS, name
        GOLDENS[name] = function
        return function

    return register


def normal(*shape, dtype=mx.float32):
    return mx.random.normal(shape).astype(dtype)


def differentiated(function, *inputs):
    """What the function returns, and the gradients of sum(output * cotangent) in its inputs."""

    def loss(*inputs):
        output = function(*inputs)
        cotangent = mx.random.normal(output.shape, key=mx.random.key(1)).astype(output.dtype)
        return (output * cotangent).sum(), output, cotangent

    (_, output, cotangent), gradients = mx.value_and_grad(loss, list(range(len(inputs))))(*inputs)
    gradients = [gradients] if len(inputs) == 1 else list(gradients)
    return {"output": output, "cotangent": cotangent, "gradients": gradients}
