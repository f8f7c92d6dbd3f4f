"""FaRL's network, against the same network made of torch's own layers with random weights; skipped where torch is absent."""

from __future__ import annotations

import numpy as np
import pytest

from facies.embeddings import load_encoder
from facies.errors import WeightsError

torch = pytest.importorskip("torch", reason="torch is not installed (extra train)")
WIDTH, PATCH, SIDE, DEPTH = 128, 8, 32, 2


class QuickGelu(torch.nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = torch.nn.MultiheadAttention(WIDTH, WIDTH // 64, batch_first=True)
        self.ln_1, self.ln_2 = torch.nn.LayerNorm(WIDTH), torch.nn.LayerNorm(WIDTH)
        self.mlp = torch.nn.Sequential()
        self.mlp.add_module("c_fc", torch.nn.Linear(WIDTH, 4 * WIDTH))
        self.mlp.add_module("gelu", QuickGelu())
        self.mlp.add_module("c_proj", torch.nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class Tower(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.conv1 = torch.nn.Conv2d(3, WIDTH, PATCH, stride=PATCH, bias=False)
        self.class_embedding = torch.nn.Parameter(torch.randn(WIDTH))
        self.positional_embedding = torch.nn.Parameter(torch.randn((SIDE // PATCH) ** 2 + 1, WIDTH))
        self.ln_pre, self.ln_post = torch.nn.LayerNorm(WIDTH), torch.nn.LayerNorm(WIDTH)
        self.transformer = torch.nn.Module()
        self.transformer.resblocks = torch.nn.Sequential(*[Block() for _ in range(DEPTH)])
        self.proj = torch.nn.Parameter(torch.randn(WIDTH, 64))
        for parameter in self.parameters():
            torch.nn.init.normal_(parameter, std=0.3)

    def forward(self, x):
        x = self.conv1(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(len(x), 1, WIDTH), x], dim=1) + self.positional_embedding
        return self.ln_post(self.transformer.resblocks(self.ln_pre(x))[:, 0])


@pytest.fixture(scope="module")
def tower():
    return Tower().eval()


@pytest.fixture
def published(tower, tmp_path, monkeypatch):
    """A file like the published one: a pickle of arrays with the text tower beside the image tower."""
    monkeypatch.setenv("FACIES_WEIGHTS", str(tmp_path / "store"))
    state = {f"visual.{name}": value for name, value in tower.state_dict().items()} | {"token_embedding.weight": torch.zeros(3, 4)}
    torch.save({"state_dict": state}, tmp_path / "farl.pth")
    return tmp_path / "farl.pth"


@pytest.fixture
def crops():
    return np.random.default_rng(4).integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8)


def test_vectors__are_those_of_the_same_network_made_of_torch_layers(tower, published, crops):
    mean, std = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    fed = ((crops / 255 - mean) / std).astype(np.float32).transpose(0, 3, 1, 2)
    with torch.no_grad():
        expected = tower(torch.from_numpy(np.ascontiguousarray(fed))).numpy()
    encoder = load_encoder("farl", weights=published)
    assert (encoder.card.dimension, encoder.card.crop.size) == (WIDTH, SIDE)
    assert np.abs(encoder.encode(crops) - expected).max() < 1e-4


def test_batch__gives_the_same_bits_as_one_by_one(published, crops):
    encoder = load_encoder("farl", weights=published)
    assert np.array_equal(encoder.encode(crops), np.concatenate([encoder.encode(crop[None]) for crop in crops]))


def test_published_file__is_converted_once_to_safetensors(published, crops):
    first = load_encoder("farl", weights=published)
    converted = list((published.parent / "store").glob("farl-*.safetensors"))
    assert len(converted) == 1
    again = load_encoder("farl", weights=converted[0])
    assert np.array_equal(first.encode(crops), again.encode(crops))


def test_file_with_more_than_arrays__is_refused(published):
    torch.save({"state_dict": {"visual.x": QuickGelu()}}, published)
    with pytest.raises(WeightsError, match="holds more than arrays"):
        load_encoder("farl", weights=published)


def test_weights_of_another_network__are_refused(published):
    torch.save({"state_dict": {"visual.conv1.weight": torch.zeros(WIDTH, 3, 8, 8)}}, published)
    with pytest.raises(WeightsError, match="hold no 'class_embedding'"):
        load_encoder("farl", weights=published)
    torch.save({"state_dict": {"weight": torch.zeros(2)}}, published)
    with pytest.raises(WeightsError, match="no image tower"):
        load_encoder("farl", weights=published)


def test_weights_not_fetched__are_answered_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("FACIES_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="facies weights fetch farl"):
        load_encoder("farl")
