"""What must be known of an ONNX network before it can be used: the JSON file beside it, or a table of known files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facies.embeddings.templates import face_template
from facies.errors import WeightsError
from facies.records import CropContract

Three = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0)]
Point = tuple[float, float]


class NetworkSidecar(BaseModel):
    """How an ONNX network is fed and read.

    The network is given ``(pixel * scale - mean) / std`` for each colour, in ``colour_order`` (``mean`` and ``std`` too),
    batches of one crop.
    An output of shape (1, channels, height, width) is averaged over height and width.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="the network's name, as it will stand in reports")
    output: str = Field(min_length=1, description="which output is the vector")
    size: int = Field(ge=8, le=2048, description="side of the square crop in pixels")
    template: tuple[Point, Point, Point, Point, Point] = Field(
        description="right eye, left eye, nose tip, right and left corner of the mouth, as fractions of the side"
    )
    licence: str = Field(min_length=1, description="of the weights")
    margin: float = Field(default=0.0, gt=-0.5, lt=3)
    colour_order: Literal["RGB", "BGR"] = "RGB"
    scale: Positive = 1 / 255
    mean: Three = (0.0, 0.0, 0.0)
    std: tuple[Positive, Positive, Positive] = (1.0, 1.0, 1.0)
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    resize_filter: Literal["area", "linear"] = "area"
    source: str = ""
    trained_on: str = ""
    precision: Literal["float32", "int8"] = Field("float32", description="of the file's arithmetic; int8 is what quantise_network writes")
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$", description="of the ONNX file; checked when given")

    def crop(self) -> CropContract:
        """Return how faces are cut for the network."""
        return CropContract(
            self.template, size=self.size, margin=self.margin, colour_order=self.colour_order, resize_filter=self.resize_filter
        )

    def preparation(self) -> str:
        """Return in words what the network is given and what is read from it."""
        mean, std = (", ".join(map(str, values)) for values in (self.mean, self.std))
        return f"(pixel * {self.scale} - ({mean})) / ({std}), {self.layout}; output {self.output}"


KNOWN_NETWORKS: dict[str, NetworkSidecar] = {
    "14bf454157302eafe6f5978c5fbad6f0f241d3088fa0340aa3c2a49c66bf62d8": NetworkSidecar(
        name="face-reidentification-retail-0095",
        output="pooled512",
        size=128,
        template=((0.3156, 0.4616), (0.6826, 0.4598), (0.5003, 0.6405), (0.3495, 0.8247), (0.6534, 0.8233)),
        licence="Apache-2.0",
        colour_order="BGR",
        scale=1.0,
        source="Open Model Zoo; the pooled map before the identity projection",
        trained_on="not published",
    ),
    "c0ebf79123a34228ad799abb7b8ab195c5a8a6205077f02c2e029f27b961d0b5": NetworkSidecar(
        name="mobilenet_v2_imagenet",
        output="pooled1280",
        size=224,
        template=face_template(eye_distance=0.3, eye_height=0.4),
        licence="Apache-2.0",
        scale=1 / 127.5,
        mean=(1.0, 1.0, 1.0),
        source="MobileNetV2 1.0",
        trained_on="ImageNet-1k",
    ),
    "7b55ceb467c7db43dca2b6f6e16f050e4227fecbd115781bf6e1cc2e31e65aab": NetworkSidecar(
        name="faceapi_age_gender (for comparison only)",
        output="feat",
        size=112,
        template=face_template(eye_distance=0.36, eye_height=0.34),
        licence="MIT",
        scale=1.0,
        source="face-api.js; trained to tell age, so it is no measure of what an encoder without labels can do",
        trained_on="UTKFace, IMDB-WIKI, MegaAge and others, partly non-commercial",
    ),
}
"""Networks that need no JSON file beside them, by the SHA-256 of their ONNX file."""


def sidecar_path(network: Path) -> Path:
    """Return where the description of a network lies: ``<file>.json``.

    Examples
    --------
    >>> sidecar_path(Path("networks/mine.onnx")).name
    'mine.onnx.json'
    """
    return network.with_name(f"{network.name}.json")


def quantised_path(network: Path) -> Path:
    """Return where the int8 file of a network lies: ``<name>.int8.onnx``; of such a file, itself.

    Examples
    --------
    >>> quantised_path(Path("networks/mine.onnx")).name, quantised_path(Path("mine.int8.onnx")).name
    ('mine.int8.onnx', 'mine.int8.onnx')
    """
    return network if network.name.endswith(".int8.onnx") else network.with_name(f"{network.name.removesuffix('.onnx')}.int8.onnx")


def read_sidecar(network: Path, *, sha256: str) -> NetworkSidecar:
    """Return what is known of a network: from the file beside it, else from :data:`KNOWN_NETWORKS`.

    Parameters
    ----------
    network
        The ONNX file.
    sha256
        Its SHA-256.

    Raises
    ------
    WeightsError
        When nothing is known of the network, the description is wrong, or it is of another file.
    """
    path = sidecar_path(network)
    if not path.exists():
        return _known(network, sha256)
    sidecar = _parse(path)
    if sidecar.sha256 and sidecar.sha256 != sha256:
        raise WeightsError(
            f"{path.name} describes a file with SHA-256 {sidecar.sha256[:12]}..., {network.name} has {sha256[:12]}...: take that file"
        )
    return sidecar


def _known(network: Path, sha256: str) -> NetworkSidecar:
    if sha256 in KNOWN_NETWORKS:
        return KNOWN_NETWORKS[sha256]
    remedy = f"write {sidecar_path(network).name} beside it (`facies encoders --example` prints one to fill in)"
    raise WeightsError(f"nothing says how {network.name} is fed: {remedy}")


def _parse(path: Path) -> NetworkSidecar:
    try:
        return NetworkSidecar.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise WeightsError(f"{path.name}: {where}: {first['msg'].lower()} (`facies encoders --example` prints a complete one)") from error
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read: {error.strerror}") from error


def example_sidecar() -> str:
    """Return a complete description of a network, as JSON, to fill in.

    Examples
    --------
    >>> NetworkSidecar.model_validate_json(example_sidecar()).size
    112
    """
    example = {
        "name": "my-network",
        "output": "features",
        "size": 112,
        "template": face_template(eye_distance=0.31, eye_height=0.46),
        "margin": 0.0,
        "colour_order": "RGB",
        "scale": 0.00392156862745098,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "layout": "NCHW",
        "licence": "Apache-2.0",
        "source": "who made it, and where it is published",
        "trained_on": "which photographs, and under which terms",
    }
    return json.dumps(example, indent=2)
