"""Ten steps of training of small networks, made behind one seed: inputs, targets and losses."""

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim

from common import golden


def trajectory(model, optimizer, x, y):
    """Losses of steps on one batch; the model draws what it draws in order."""
    step = nn.value_and_grad(
        model, lambda x, y: nn.losses.cross_entropy(model(x), y, reduction="mean")
    )
    losses = []
    for _ in range(10):
        loss, gradients = step(x, y)
        optimizer.update(model, gradients)
        mx.eval(loss, model.parameters(), optimizer.state)
        losses.append(loss.item())
    return {"x": x, "y": y, "losses": losses}


@golden("nn/trajectory_mlp")
def mlp():
    model = nn.Sequential(
        nn.Linear(8, 32), nn.GELU(), nn.LayerNorm(32), nn.Dropout(0.2), nn.Linear(32, 4)
    )
    x, y = mx.random.normal((16, 8)), mx.random.randint(0, 4, (16,))
    return trajectory(model, optim.SGD(0.1, momentum=0.9), x, y)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.lstm = nn.LSTM(8, 16)
        self.gru = nn.GRU(16, 12)
        self.head = nn.Linear(12, 4)

    def __call__(self, x):
        hidden, _ = self.lstm(self.embedding(x))
        return self.head(self.gru(hidden)[:, -1])


@golden("nn/trajectory_lstm")
def lstm():
    model = Recurrent()
    x, y = mx.random.randint(0, 20, (6, 9)), mx.random.randint(0, 4, (6,))
    return trajectory(model, optim.Adam(1e-2, bias_correction=True), x, y)


class Language(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 16)
        self.encoder = nn.TransformerEncoder(2, 16, 4, dropout=0.1)
        self.head = nn.Linear(16, 20)

    def __call__(self, x):
        mask = nn.MultiHeadAttention.create_additive_causal_mask(x.shape[1])
        return self.head(self.encoder(self.embedding(x), mask))


@golden("nn/trajectory_transformer")
def transformer():
    model = Language()
    x = mx.random.randint(0, 20, (4, 11))
    return trajectory(model, optim.AdamW(1e-3), x[:, :-1], x[:, 1:])
