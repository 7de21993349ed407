"""Pictures as pillow writes and reads them, and summaries as tensorboard encodes them."""

import io

import mlx.core as mx
import numpy as np

from common import golden

HEIGHT, WIDTH = 20, 24


def picture(channels):
    """Smooth, so that JPEG keeps it, with a hard edge."""
    y, x, c = np.mgrid[0:HEIGHT, 0:WIDTH, 0:channels]
    values = 127 + 80 * np.sin(x / 5 + c) + 40 * np.cos(y / 3 - c)
    values[: HEIGHT // 2, : WIDTH // 3] += 60
    return np.clip(values, 0, 255).astype(np.uint8)


def pictures():
    from PIL import Image

    rgb = Image.fromarray(picture(3))
    alpha = picture(4)
    alpha[..., 3] = 255 * (alpha[..., 3] > 127)
    return {
        "rgb.png": rgb,
        "grey.png": Image.fromarray(picture(1)[..., 0]),
        "grey16.png": Image.fromarray(picture(1)[..., 0].astype(np.uint16) * 257),
        "palette.png": rgb.convert("P", palette=Image.Palette.ADAPTIVE, colors=16),
        "rgba.png": Image.fromarray(alpha),
        "photo.jpg": rgb,
    }


def encoded(name):
    file = io.BytesIO()
    options = {"quality": 90} if name.endswith(".jpg") else {}
    pictures()[name].save(file, "JPEG" if name.endswith(".jpg") else "PNG", **options)
    return file.getvalue()


for image_name in ["rgb.png", "grey.png", "grey16.png", "palette.png", "rgba.png", "photo.jpg"]:
    golden(f"data/images/{image_name}")(lambda name=image_name: encoded(name))


@golden("data/images")
def decoded():
    from PIL import Image

    results = {}
    for name in pictures():
        image = Image.open(io.BytesIO(encoded(name)))
        if name == "grey16.png":
            grey = (np.array(image) // 257).astype(np.uint8)
            results[name] = np.repeat(grey[..., None], 3, axis=2)
        elif name == "rgba.png":
            white = Image.new("RGBA", image.size, "white")
            results[name] = np.array(Image.alpha_composite(white, image).convert("RGB"))
        else:
            results[name] = np.array(image.convert("RGB"))
    rgb = Image.open(io.BytesIO(encoded("rgb.png")))
    results["grey of rgb.png"] = np.array(rgb.convert("L"))[..., None]
    photo = Image.fromarray(results["photo.jpg"])
    for height, width in [(5, 40), (33, 7), (20, 24)]:
        resized = photo.resize((width, height), Image.Resampling.BILINEAR)
        results[f"{height}x{width}"] = np.array(resized)
    return {name: mx.array(values) for name, values in results.items()}


@golden("logging/summaries")
def summaries():
    """Values of event files, the bytes of their messages."""
    from tensorboard.compat.proto import summary_pb2, tensor_pb2, tensor_shape_pb2

    values = np.array([-1.5, 0, 0.25, 0.25, 2, 300], dtype=np.float32).astype(np.float64)
    width = (values.max() - values.min()) / 30
    limits = [values.min() + width * i for i in range(1, 31)]
    buckets = np.zeros(30)
    for value in values:
        buckets[min(int((value - values.min()) / width), 29)] += 1
    histogram = summary_pb2.HistogramProto(
        min=values.min(),
        max=values.max(),
        num=len(values),
        sum=values.sum(),
        sum_squares=(values * values).sum(),
        bucket_limit=limits,
        bucket=buckets,
    )
    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name="text")
    messages = {
        "scalar": summary_pb2.Summary.Value(tag="loss/training", simple_value=0.1),
        "histogram": summary_pb2.Summary.Value(tag="weights", histo=histogram),
        "text": summary_pb2.Summary.Value(
            tag="sample",
            metadata=summary_pb2.SummaryMetadata(plugin_data=plugin),
            tensor=tensor_pb2.TensorProto(dtype=7, tensor_shape=shape, string_val=[b"**bold** \xc3\xa4"]),
        ),
    }
    return {
        name: mx.array(np.frombuffer(message.SerializeToString(), dtype=np.uint8))
        for name, message in messages.items()
    }
