"""The ways of learning without labels: what is trained beside the backbone, and the loss of a batch of views.

Each method is one torch module. It is called with the views of a step and returns the loss; :attr:`Taught.encoder` is the network that is
kept in the end. Losses and heads of the published methods are lightly's.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from facies.embeddings.pretrain.batches import CHANCE, generator
from facies.embeddings.pretrain.description import describe_crops
from facies.embeddings.pretrain.offline import import_training
from facies.embeddings.pretrain.recipe import PretrainRecipe
from facies.embeddings.pretrain.schedule import teacher_momentum
from facies.errors import InputError


@dataclass(frozen=True)
class Step:
    """Where in the run a batch stands.

    Parameters
    ----------
    number, n_steps
        Steps before this one, and of the whole run.
    epoch
        Counted from 0.
    places
        Which places of the batch, over all processes, the views here are of.
    """

    number: int
    n_steps: int
    epoch: int
    places: range


class Taught(nn.Module):  # type: ignore[misc]
    """A backbone and what a method trains beside it."""

    n_views: ClassVar[int] = 2
    shows_crop: ClassVar[bool] = False
    """Whether the last view is the crop itself, unchanged."""

    def __init__(self, backbone: nn.Module, recipe: PretrainRecipe) -> None:
        super().__init__()
        self.backbone = backbone
        self.recipe = recipe

    @property
    def encoder(self) -> nn.Module:
        """The network that is kept."""
        return self.backbone

    def project(self, vectors: Tensor) -> Tensor:
        """Return what the loss sees of the encoder's vectors: where they collapse first."""
        return vectors

    def forward(self, views: Tensor, step: Step) -> Tensor:
        """Return the loss of views (n_views * n, 3, size, size): first all first views, then all second ones."""
        raise NotImplementedError

    def before_update(self, step: Step) -> None:
        """Change gradients before the weights are updated."""

    def after_update(self, step: Step) -> None:
        """Follow an update of the weights."""


class Describe(Taught):
    """The vector of a view must tell a fixed description of the crop itself, whatever place and light the view has.

    After MaskFeat (Wei et al. 2022), which predicts orientation histograms of masked patches; here one vector holds the whole face.
    """

    shows_crop = True

    def __init__(self, backbone: nn.Module, recipe: PretrainRecipe) -> None:
        super().__init__(backbone, recipe)
        n_values, hidden = describe_crops(torch.zeros(1, 3, recipe.size, recipe.size)).shape[1], int(recipe.hidden_dim or 0)
        self.standardise = nn.BatchNorm1d(n_values, affine=False)
        self.head = nn.Sequential(
            nn.Linear(_width(backbone), hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, n_values)
        )

    def project(self, vectors: Tensor) -> Tensor:
        """Return the told descriptions."""
        return self.head(vectors)

    def forward(self, views: Tensor, step: Step) -> Tensor:  # noqa: ARG002
        """Return the squared error of the description, each value standardised over the batch."""
        view, crop = views.chunk(2)
        told = self.head(self.backbone(view))
        with torch.no_grad(), torch.autocast(views.device.type, enabled=False):
            target = self.standardise(describe_crops(crop))
        return nn.functional.mse_loss(told.float(), target)


class SimClr(Taught):
    """Views of one crop attract, all others repel (Chen et al. 2020)."""

    def __init__(self, backbone: nn.Module, recipe: PretrainRecipe) -> None:
        super().__init__(backbone, recipe)
        self.head = _heads().SimCLRProjectionHead(_width(backbone), recipe.hidden_dim, recipe.projection_dim)
        self.loss = _losses().NTXentLoss(temperature=recipe.temperature, gather_distributed=_is_shared())

    def project(self, vectors: Tensor) -> Tensor:
        """Return the projections."""
        return self.head(vectors)

    def forward(self, views: Tensor, step: Step) -> Tensor:  # noqa: ARG002
        """Return the cross entropy of telling the other view of a crop among all crops of the batch."""
        first, second = self.head(self.backbone(views)).chunk(2)
        return _in_full(self.loss, first, second)


class VicReg(Taught):
    """Views agree, each dimension varies, no two say the same (Bardes et al. 2022)."""

    def __init__(self, backbone: nn.Module, recipe: PretrainRecipe) -> None:
        super().__init__(backbone, recipe)
        self.head = _heads().VICRegProjectionHead(_width(backbone), recipe.hidden_dim, recipe.projection_dim)
        self.loss = _losses().VICRegLoss(
            lambda_param=recipe.invariance, mu_param=recipe.variance, nu_param=recipe.covariance, gather_distributed=_is_shared()
        )

    def project(self, vectors: Tensor) -> Tensor:
        """Return the projections."""
        return self.head(vectors)

    def forward(self, views: Tensor, step: Step) -> Tensor:  # noqa: ARG002
        """Return the weighted sum of the three terms."""
        first, second = self.head(self.backbone(views)).chunk(2)
        return _in_full(self.loss, first, second)


class Byol(Taught):
    """One network predicts what its own slow average says of the other view (Grill et al. 2020)."""

    def __init__(self, backbone: nn.Module, recipe: PretrainRecipe) -> None:
        super().__init__(backbone, recipe)
        self.head = _heads().BYOLProjectionHead(_width(backbone), recipe.hidden_dim, recipe.projection_dim)
        self.predictor = _heads().BYOLPredictionHead(recipe.projection_dim, recipe.hidden_dim, recipe.projection_dim)
        self.teacher, self.teacher_head = _frozen_copy(self.backbone), _frozen_copy(self.head)
        self.loss = _losses().NegativeCosineSimilarity()

    def project(self, vectors: Tensor) -> Tensor:
        """Return the projections."""
        return self.head(vectors)

    def forward(self, views: Tensor, step: Step) -> Tensor:  # noqa: ARG002
        """Return the negative cosine, both views in both roles."""
        first, second = self.predictor(self.head(self.backbone(views))).chunk(2)
        with torch.no_grad():
            seen_first, seen_second = self.teacher_head(self.teacher(views)).chunk(2)
        return 0.5 * (_in_full(self.loss, first, seen_second) + _in_full(self.loss, second, seen_first))

    def after_update(self, step: Step) -> None:
        """Let the teacher follow."""
        _follow(((self.backbone, self.teacher), (self.head, self.teacher_head)), self.recipe, step)


class Dino(Taught):
    """A student learns the sharpened, centred opinion of its own slow average (Caron et al. 2021), which is the network that is kept."""

    def __init__(self, backbone: nn.Module, recipe: PretrainRecipe) -> None:
        super().__init__(backbone, recipe)
        self.head, self.teacher_head = self._head(), self._head()
        self.teacher = _frozen_copy(self.backbone)
        self.teacher_head.load_state_dict(self.head.state_dict())
        self.teacher_head.requires_grad_(False)
        self.loss = _losses().DINOLoss(
            output_dim=recipe.projection_dim, student_temp=recipe.temperature, teacher_temp=recipe.teacher_temperature
        )

    def _head(self) -> nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch has a newer weight norm, lightly's head uses the older
            return _heads().DINOProjectionHead(
                _width(self.backbone), self.recipe.hidden_dim, 128, self.recipe.projection_dim, freeze_last_layer=1
            )  # fmt: skip

    @property
    def encoder(self) -> nn.Module:
        """The teacher: it is better than the student all along."""
        return self.teacher

    def project(self, vectors: Tensor) -> Tensor:
        """Return the teacher's projections."""
        return self.teacher_head(vectors)

    def forward(self, views: Tensor, step: Step) -> Tensor:  # noqa: ARG002
        """Return the cross entropy between teacher and student, each on the other's view."""
        learnt = self.head(self.backbone(views)).float().chunk(2)
        with torch.no_grad():
            seen = self.teacher_head(self.teacher(views)).float().chunk(2)
        with torch.autocast(views.device.type, enabled=False):
            return self.loss(list(seen), list(learnt), teacher_temp=self.recipe.teacher_temperature)

    def before_update(self, step: Step) -> None:
        """Keep the last layer still in the first epoch, as the authors do."""
        self.head.cancel_last_layer_gradients(step.epoch)

    def after_update(self, step: Step) -> None:
        """Let the teacher follow."""
        _follow(((self.backbone, self.teacher), (self.head, self.teacher_head)), self.recipe, step)


class Mae(Taught):
    """A vision transformer fills in the patches that were taken away (He et al. 2022)."""

    n_views = 1

    def __init__(self, backbone: nn.Module, recipe: PretrainRecipe) -> None:
        modules, width = import_training("lightly.models.modules"), _width(backbone)
        if not isinstance(backbone, import_training("timm.models.vision_transformer").VisionTransformer):
            raise InputError(f"mae needs a vision transformer such as vit_tiny_patch16_224: backbone is {recipe.backbone}")
        super().__init__(backbone, recipe)
        self.patch = int(backbone.patch_embed.patch_size[0])
        self.n_prefix = int(backbone.num_prefix_tokens)
        masked = modules.MaskedVisionTransformerTIMM(vit=backbone, weight_initialization="skip", pos_embed_initialization="skip")
        self.masked = (masked,)  # in a tuple, where torch does not count the backbone's weights a second time
        dim = int(recipe.decoder_dim or 0)
        self.narrow = nn.Linear(width, dim)
        n_patches = int(backbone.patch_embed.num_patches)
        self.decoder = modules.MaskedVisionTransformerDecoderTIMM(
            num_patches=n_patches, embed_dim=dim, depth=recipe.decoder_depth, num_heads=_n_heads(dim), num_prefix_tokens=self.n_prefix
        )
        self.paint = nn.Linear(dim, self.patch**2 * 3)

    def forward(self, views: Tensor, step: Step) -> Tensor:
        """Return the squared error of the missing patches, each standardised in itself."""
        keep, gone = self._masks(step, len(views), views.device)
        painted = self._fill_in(views, keep, gone)
        tools = import_training("lightly.models.utils")
        patches = tools.get_at_index(tools.patchify(views, self.patch), gone - self.n_prefix)
        return nn.functional.mse_loss(painted.float(), tools.normalize_mean_var(patches.float()))

    def _fill_in(self, views: Tensor, keep: Tensor, gone: Tensor) -> Tensor:
        """Return the missing patches as painted, (n, patches, values)."""
        tools = import_training("lightly.models.utils")
        narrow = self.narrow(self.masked[0].encode(views, idx_keep=keep))
        blank = tools.repeat_token(self.decoder.mask_token, (len(views), self.decoder.sequence_length)).to(narrow.dtype)
        tokens = self.decoder.decode(self.decoder.add_pos_embed(tools.set_at_index(blank, keep, narrow)))
        return self.paint(tools.get_at_index(tokens, gone))

    def _masks(self, step: Step, n: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Draw which tokens of each crop stay and which go, (n, tokens); tokens that are no patches stay."""
        n_patches = self.decoder.sequence_length - self.n_prefix
        state = self.recipe.random_state
        noise = np.stack([generator(state, CHANCE, step.number, place).random(n_patches) for place in step.places])
        order = torch.from_numpy(np.argsort(noise, axis=1) + self.n_prefix).to(device)
        n_kept = max(1, round(n_patches * (1 - float(self.recipe.mask or 0))))
        prefix = torch.arange(self.n_prefix, device=device).expand(n, -1)
        return torch.cat([prefix, order[:, :n_kept]], dim=1), order[:, n_kept:]


METHODS: Mapping[str, type[Taught]] = {"describe": Describe, "simclr": SimClr, "vicreg": VicReg, "byol": Byol, "dino": Dino, "mae": Mae}
"""The methods by the name that a recipe gives: a table to read."""


def make_method(backbone: nn.Module, recipe: PretrainRecipe) -> Taught:
    """Return the method of a recipe around a backbone, its further weights drawn from the recipe's ``random_state``.

    Raises
    ------
    InputError
        When the method cannot teach this kind of network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.random_state + 1)
        return METHODS[recipe.method](backbone, recipe.filled())


def _heads() -> Any:
    return import_training("lightly.models.modules.heads")


def _losses() -> Any:
    return import_training("lightly.loss")


def _width(backbone: nn.Module) -> int:
    return int(backbone.num_features)


def _n_heads(dim: int) -> int:
    """Return how many heads of about 32 numbers fit evenly."""
    return next(n for n in range(max(dim // 32, 1), 0, -1) if dim % n == 0)


def _is_shared() -> bool:
    return bool(torch.distributed.is_available() and torch.distributed.is_initialized() and torch.distributed.get_world_size() > 1)


def _frozen_copy(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module).requires_grad_(False)


def _in_full(loss: Any, *vectors: Tensor) -> Tensor:
    """Return a loss in full precision: in half, the difference between two good matches is rounded away."""
    with torch.autocast(vectors[0].device.type, enabled=False):
        return loss(*(vector.float() for vector in vectors))


def _follow(pairs: tuple[tuple[nn.Module, nn.Module], ...], recipe: PretrainRecipe, step: Step) -> None:
    """Move each teacher a little towards its student."""
    kept = teacher_momentum(step.number, n_steps=step.n_steps, start=float(recipe.momentum or 0))
    for student, teacher in pairs:
        import_training("lightly.models.utils").update_momentum(student, teacher, kept)
