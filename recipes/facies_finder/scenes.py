"""Scenes to learn from: a face put into a canvas with drawn geometry, light, background, occlusion and damage.

What is drawn (:class:`Placement`) is apart from its application (:func:`warp_into`). All pictures are grey, 8 bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from portraits import Portrait, pyramid_of

SIDE = 160
"""Side of the canvas that the detector sees in training."""
CROP = 80
"""Side of the crop that the refiner sees."""
TEMPLATE = np.array([[0.33, 0.40], [0.67, 0.40], [0.5, 0.585], [0.365, 0.755], [0.635, 0.755]])
"""Where the five points lie in the refiner's crop, as fractions of its side."""
SWAPPED = [1, 0, 2, 4, 3]
FILL = 127

Rng = np.random.Generator


@dataclass(frozen=True)
class Placement:
    """Where a picture goes: the matrix from source to canvas pixels and a bulge that moves the nose as a turned head does."""

    matrix: np.ndarray
    bulge: np.ndarray
    bulge_at: np.ndarray
    bulge_width: float
    mirrored: bool


def similarity(scale: float, radians: float) -> np.ndarray:
    c, s = scale * np.cos(radians), scale * np.sin(radians)
    return np.array([[c, -s], [s, c]])


def draw_roll(rng: Rng) -> float:
    return np.deg2rad(rng.uniform(-50, 50) if rng.random() < 0.3 else rng.normal(0, 12))


def draw_placement(
    rng: Rng, points: np.ndarray, *, eye_distance: float, centre: np.ndarray, radians: float, distortion: float
) -> Placement:
    """Draw how a face with these points comes to lie about `centre` with its eyes about `eye_distance` apart."""
    mirrored = rng.random() < 0.5
    stretch = np.diag(np.exp(rng.normal(0, 0.06 * distortion, 2)))
    shear = np.array([[1.0, rng.normal(0, 0.05 * distortion)], [0.0, 1.0]])
    flip = np.diag([-1.0 if mirrored else 1.0, 1.0])
    own = float(np.linalg.norm(points[1] - points[0]))
    tilt = np.arctan2(*(points[1] - points[0])[::-1])
    linear = similarity(eye_distance / own, radians) @ stretch @ shear @ flip @ similarity(1.0, -tilt)
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = centre - linear @ points.mean(axis=0)
    perspective = np.eye(3)
    perspective[2, :2] = rng.normal(0, 0.10 * distortion, 2) / (2.2 * eye_distance)
    to, back = np.eye(3), np.eye(3)
    to[:2, 2], back[:2, 2] = -centre, centre
    matrix = back @ perspective @ to @ matrix
    turned = rng.random() < 0.5
    bulge = similarity(1.0, radians) @ np.array([rng.normal(0, 0.16), rng.normal(0, 0.06)]) * eye_distance * distortion * turned
    return Placement(matrix, bulge, apply_matrix(matrix, points)[2], 0.42 * eye_distance, mirrored)


def apply_matrix(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    moved = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return moved[:, :2] / moved[:, 2:]


def place_points(placement: Placement, points: np.ndarray) -> np.ndarray:
    """Return the points in the canvas, sides swapped in a mirrored one."""
    moved = apply_matrix(placement.matrix, points)
    away = ((moved - placement.bulge_at) ** 2).sum(axis=1, keepdims=True)
    moved = moved + placement.bulge * np.exp(-away / (2 * placement.bulge_width**2))
    return moved[SWAPPED] if placement.mirrored else moved


_GRIDS: dict[int, tuple[np.ndarray, np.ndarray]] = {}


def grid(side: int) -> tuple[np.ndarray, np.ndarray]:
    if side not in _GRIDS:
        ys, xs = np.mgrid[0:side, 0:side].astype(np.float32)
        _GRIDS[side] = xs, ys
    return _GRIDS[side]


def warp_into(placement: Placement, pyramid: tuple[np.ndarray, ...], side: int, *, border: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the canvas and the mask of pixels that the picture covers."""
    scale = float(np.sqrt(abs(np.linalg.det(placement.matrix[:2, :2]))))
    level = 0 if scale > 0.6 else 1 if scale > 0.3 else 2
    source = pyramid[level]
    factor = 0.5**level
    shrink = np.array([[factor, 0, 0.5 * factor - 0.5], [0, factor, 0.5 * factor - 0.5], [0, 0, 1.0]])
    matrix = (shrink @ np.linalg.inv(placement.matrix)).astype(np.float32)
    xs, ys = grid(side)
    if placement.bulge.any():
        dx, dy = (placement.bulge_at - 0).astype(np.float32)
        weight = np.exp(-((xs - dx) ** 2 + (ys - dy) ** 2) * np.float32(1 / (2 * placement.bulge_width**2)))
        xs, ys = xs - np.float32(placement.bulge[0]) * weight, ys - np.float32(placement.bulge[1]) * weight
    depth = matrix[2, 0] * xs + matrix[2, 1] * ys + matrix[2, 2]
    map_x = (matrix[0, 0] * xs + matrix[0, 1] * ys + matrix[0, 2]) / depth
    map_y = (matrix[1, 0] * xs + matrix[1, 1] * ys + matrix[1, 2]) / depth
    inside = (map_x > -0.5) & (map_y > -0.5) & (map_x < source.shape[1] - 0.5) & (map_y < source.shape[0] - 0.5)
    return cv2.remap(source, map_x, map_y, cv2.INTER_LINEAR, borderMode=border, borderValue=FILL), inside


# --- backgrounds ------------------------------------------------------------------------------------------------------


def read_face_free(folder: Path) -> list[tuple[np.ndarray, ...]]:
    """Read pictures that show no person, at full, half and quarter size."""
    greys = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(folder.glob("*.png"))]
    return [pyramid_of(grey) for grey in greys]


def draw_noise(rng: Rng, side: int) -> np.ndarray:
    """Draw clouds: noise of several coarsenesses."""
    total = np.zeros((side, side), np.float32)
    for cells in rng.choice([2, 4, 8, 16, 40, 80], size=rng.integers(1, 4), replace=False):
        coarse = rng.normal(0, 1, (cells, cells)).astype(np.float32)
        total += cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC) * np.float32(rng.uniform(0.2, 1))
    return to_bytes(total * rng.uniform(5, 60) + rng.uniform(20, 235))


def draw_stripes(rng: Rng, side: int) -> np.ndarray:
    xs, ys = grid(side)
    total = np.full((side, side), rng.uniform(40, 215), np.float32)
    for _ in range(rng.integers(1, 4)):
        turn, period = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(3), np.log(side)))
        wave = np.sin((np.cos(turn) * xs + np.sin(turn) * ys) * np.float32(2 * np.pi / period) + np.float32(rng.uniform(0, 6)))
        total += np.float32(rng.uniform(10, 60)) * (np.sign(wave) if rng.random() < 0.4 else wave)
    return to_bytes(total)


def draw_shapes(rng: Rng, side: int) -> np.ndarray:
    """Draw ellipses, boxes and lines, sometimes in the arrangement of eyes and mouth without a face about them."""
    canvas = np.full((side, side), rng.integers(0, 256), np.uint8)
    for _ in range(rng.integers(2, 25)):
        at = tuple(int(value) for value in rng.integers(0, side, 2))
        size = tuple(int(value) for value in np.exp(rng.uniform(np.log(2), np.log(side / 2), 2)))
        shade, thick = int(rng.integers(0, 256)), int(rng.choice([-1, -1, 1, 3]))
        kind = rng.integers(0, 3)
        if kind == 0:
            cv2.ellipse(canvas, at, size, float(rng.uniform(0, 180)), 0, 360, shade, thick, cv2.LINE_AA)
        elif kind == 1:
            cv2.rectangle(canvas, at, (at[0] + size[0], at[1] + size[1]), shade, thick)
        else:
            cv2.line(canvas, at, tuple(int(value) for value in rng.integers(0, side, 2)), shade, max(1, abs(thick)), cv2.LINE_AA)
    return cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.5, 4)) if rng.random() < 0.5 else canvas


def draw_gradient(rng: Rng, side: int) -> np.ndarray:
    corners = rng.uniform(0, 255, (2, 2)).astype(np.float32)
    smooth = cv2.resize(corners, (side, side), interpolation=cv2.INTER_LINEAR)
    return to_bytes(smooth + rng.normal(0, rng.uniform(0, 6), (side, side)))


def cut_face_free(rng: Rng, pictures: list[tuple[np.ndarray, ...]], side: int) -> np.ndarray:
    """Cut a turned and scaled piece out of a face-free picture."""
    pyramid = pictures[rng.integers(len(pictures))]
    height, width = pyramid[0].shape
    scale = np.exp(rng.uniform(np.log(0.25), np.log(2.5)))
    linear = similarity(scale, rng.uniform(-np.pi, np.pi) if rng.random() < 0.5 else rng.normal(0, 0.1))
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = side / 2 - linear @ (rng.uniform(0.1, 0.9, 2) * [width, height])
    still = Placement(matrix, np.zeros(2), np.zeros(2), 1.0, False)
    return warp_into(still, pyramid, side, border=cv2.BORDER_REFLECT_101)[0]


def cut_beside_face(rng: Rng, portrait: Portrait, side: int) -> np.ndarray:
    """Cut a piece of a portrait that shows clothes, hair or background and none of the five points."""
    full = portrait.pyramid[0]
    height, width = full.shape
    low = portrait.points.min(axis=0) - 0.35 * portrait.eye_distance
    high = portrait.points.max(axis=0) + 0.35 * portrait.eye_distance
    boxes = [(0, 0, width, low[1]), (0, high[1], width, height), (0, 0, low[0], height), (high[0], 0, width, height)]
    areas = np.array([max(0, x1 - x0) * max(0, y1 - y0) for x0, y0, x1, y1 in boxes])
    x0, y0, x1, y1 = np.array(boxes[rng.choice(4, p=areas / areas.sum())]).clip(0).astype(int)
    piece = full[y0 : max(y1, y0 + 2), x0 : max(x1, x0 + 2)]
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    if rng.random() < 0.5:
        return cv2.resize(piece, (side, side), interpolation=cv2.INTER_AREA)
    scale = min(side / piece.shape[0], side / piece.shape[1])
    small = cv2.resize(piece, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    below, right = side - small.shape[0], side - small.shape[1]
    border = cv2.BORDER_REFLECT_101 if min(small.shape) > 1 and rng.random() < 0.5 else cv2.BORDER_CONSTANT
    return cv2.copyMakeBorder(small, below // 2, below - below // 2, right // 2, right - right // 2, border, value=FILL)[:side, :side]


def draw_background(rng: Rng, pictures: list[tuple[np.ndarray, ...]], portraits: list[Portrait], side: int) -> np.ndarray:
    kind = rng.choice(6, p=[0.1, 0.08, 0.14, 0.08, 0.4, 0.2])
    if kind == 4:
        return cut_face_free(rng, pictures, side)
    if kind == 5:
        return cut_beside_face(rng, portraits[rng.integers(len(portraits))], side)
    return (draw_noise, draw_stripes, draw_shapes, draw_gradient)[kind](rng, side)


# --- light, occlusion, damage -----------------------------------------------------------------------------------------


def to_bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0, 255).astype(np.uint8)


def occlude(rng: Rng, canvas: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Cover part of the face: a patch, or a bar over the eyes (dark glasses) or the mouth (a mask, a hand)."""
    eyes = float(np.linalg.norm(points[1] - points[0]))
    canvas = canvas.copy()
    shade = int(rng.integers(0, 256))
    if rng.random() < 0.3:
        first, second = (points[0], points[1]) if rng.random() < 0.6 else (points[3], points[4])
        along = (second - first) * rng.uniform(0.1, 0.4)
        ends = [tuple(round(value) for value in end) for end in (first - along, second + along)]
        cv2.line(canvas, ends[0], ends[1], shade, max(1, int(eyes * rng.uniform(0.15, 0.45))), cv2.LINE_AA)
        return canvas
    at = points.mean(axis=0) + rng.normal(0, 0.9, 2) * eyes
    size = np.maximum(1, rng.uniform(0.1, 0.5, 2) * eyes)
    patch = np.zeros_like(canvas)
    cv2.ellipse(patch, tuple(int(v) for v in at), tuple(int(v) for v in size), float(rng.uniform(0, 180)), 0, 360, 255, -1)
    texture = draw_noise(rng, canvas.shape[0]) if rng.random() < 0.5 else np.full_like(canvas, shade)
    return np.where(patch > 0, texture, canvas)


def relight(rng: Rng, canvas: np.ndarray) -> np.ndarray:
    """Change gamma, contrast, brightness and the light across the picture."""
    gamma, contrast, brightness = np.exp(rng.normal(0, 0.35)), np.exp(rng.normal(0, 0.25)), rng.normal(0, 18)
    table = (np.linspace(0, 1, 256) ** gamma * 255 - 127.5) * contrast + 127.5 + brightness
    canvas = cv2.LUT(canvas, to_bytes(table))
    if rng.random() < 0.3:
        slope = cv2.resize(rng.uniform(0.35, 1.4, (2, 2)).astype(np.float32), canvas.shape[::-1], interpolation=cv2.INTER_LINEAR)
        canvas = cv2.multiply(canvas, slope, dtype=cv2.CV_8U)
    return canvas


def damage(rng: Rng, canvas: np.ndarray) -> np.ndarray:
    """Blur, shrink, add noise and compress."""
    side = canvas.shape[0]
    if rng.random() < 0.25:
        canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.4, 1.8))
    if rng.random() < 0.15:
        small = cv2.resize(canvas, None, fx=(f := rng.uniform(0.4, 0.9)), fy=f, interpolation=cv2.INTER_AREA)
        canvas = cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.3:
        noise = np.empty(canvas.shape, np.int16)
        cv2.setRNGSeed(int(rng.integers(1 << 30)))
        cv2.randn(noise, 0, float(rng.uniform(2, 14)))
        canvas = to_bytes(canvas + noise)
    if rng.random() < 0.3:
        coded = cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 90))])[1]
        canvas = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
    return canvas


# --- whole scenes -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sources:
    portraits: list[Portrait]
    pictures: list[tuple[np.ndarray, ...]]
    mined: np.ndarray | None = None

    def portrait(self, rng: Rng) -> Portrait:
        return self.portraits[rng.integers(len(self.portraits))]

    def background(self, rng: Rng, side: int) -> np.ndarray:
        return draw_background(rng, self.pictures, self.portraits, side)

    def no_face(self, rng: Rng) -> np.ndarray:
        """Return a crop without a face: drawn or cut, or one that the detector mistook."""
        if self.mined is None or rng.random() < 0.4:
            return self.background(rng, CROP)
        crop = self.mined[rng.integers(len(self.mined))]
        return np.ascontiguousarray(crop[:, ::-1]) if rng.random() < 0.5 else crop


def head_mask(points: np.ndarray, rng: Rng, side: int) -> np.ndarray:
    """Return a soft oval about the head, 0 to 1."""
    eyes = float(np.linalg.norm(points[1] - points[0]))
    roll = np.arctan2(*(points[1] - points[0])[::-1])
    up = similarity(1.0, roll) @ np.array([0.0, -0.25 * eyes])
    mask = np.zeros((side, side), np.float32)
    radii = (max(1, int(eyes * rng.uniform(1.05, 1.5))), max(1, int(eyes * rng.uniform(1.5, 2.0))))
    centre = tuple(round(value) for value in points.mean(axis=0) + up)
    cv2.ellipse(mask, centre, radii, float(np.rad2deg(roll)), 0, 360, 1.0, -1)
    return cv2.GaussianBlur(mask, (0, 0), 0.6 + eyes * rng.uniform(0.01, 0.08))


def put_on_background(rng: Rng, sources: Sources, canvas: np.ndarray, inside: np.ndarray, points: np.ndarray) -> np.ndarray:
    side = canvas.shape[0]
    kind = rng.random()
    if kind < 0.3:
        return canvas
    background = sources.background(rng, side)
    if kind < 0.65:
        return np.where(inside, canvas, background)
    weight = head_mask(points, rng, side) * inside
    return to_bytes(canvas * weight + background * (1 - weight))


def draw_face(rng: Rng, sources: Sources, *, eye_distance: float, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    portrait = sources.portrait(rng)
    placement = draw_placement(rng, portrait.points, eye_distance=eye_distance, centre=centre, radians=draw_roll(rng), distortion=1.0)
    border = cv2.BORDER_CONSTANT if rng.random() < 0.5 else cv2.BORDER_REPLICATE
    canvas, inside = warp_into(placement, portrait.pyramid, SIDE, border=border)
    points = place_points(placement, portrait.points)
    canvas = put_on_background(rng, sources, canvas, inside, points)
    if rng.random() < 0.25:
        canvas = occlude(rng, canvas, points)
    return canvas, points


def one_face(rng: Rng, sources: Sources) -> tuple[np.ndarray, list[np.ndarray]]:
    eyes = float(np.exp(rng.uniform(np.log(8), np.log(66))))
    room = max(4.0, SIDE / 2 - 1.0 * eyes)
    canvas, points = draw_face(rng, sources, eye_distance=eyes, centre=SIDE / 2 + rng.uniform(-room, room, 2))
    return canvas, [points]


def two_faces(rng: Rng, sources: Sources) -> tuple[np.ndarray, list[np.ndarray]]:
    """Two faces on the two sides of an upright or level line."""
    eyes = np.exp(rng.uniform(np.log(8), np.log(24), 2))
    axis = int(rng.integers(2))
    line = SIDE / 2 + rng.uniform(-12, 12)
    faces = []
    for which in (0, 1):
        low, high = (0.0, line) if which == 0 else (line, float(SIDE))
        reach = min(1.25 * eyes[which], (high - low) / 2 - 1)
        centre = rng.uniform(1.25 * eyes[which], SIDE - 1.25 * eyes[which], 2)
        centre[axis] = rng.uniform(low + reach, high - reach)
        faces.append(draw_face(rng, sources, eye_distance=float(eyes[which]), centre=centre))
    first = grid(SIDE)[axis] < line
    return np.where(first, faces[0][0], faces[1][0]), [faces[0][1], faces[1][1]]


def letterbox(rng: Rng, canvas: np.ndarray, faces: list[np.ndarray]) -> np.ndarray:
    """Leave bars of the filling shade beside the picture, as a picture that is not square has, without touching the points."""
    points = np.concatenate(faces) if faces else np.array([[SIDE / 2, SIDE / 2]])
    axis = int(rng.integers(2))
    cut = int(rng.uniform(0, 0.25) * SIDE)
    cut = int(max(0, min(cut, points[:, axis].min() - 3, SIDE - 4 - points[:, axis].max())))
    canvas = canvas.copy()
    if cut > 0:
        view = canvas.T if axis == 0 else canvas
        view[:cut], view[SIDE - cut :] = FILL, FILL
    return canvas


def draw_scene(rng: Rng, sources: Sources, *, face_free: float) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return a canvas (160, 160) and the five points of each face in it."""
    kind = rng.random()
    if kind < face_free:
        canvas, faces = sources.background(rng, SIDE), []
    elif kind < face_free + 0.15:
        canvas, faces = two_faces(rng, sources)
    else:
        canvas, faces = one_face(rng, sources)
    canvas = damage(rng, relight(rng, canvas))
    if rng.random() < 0.45:
        canvas = letterbox(rng, canvas, faces)
    faces = [points for points in faces if points.min() > -2 and points.max() < SIDE + 1]
    return canvas, faces


def draw_crop(rng: Rng, sources: Sources, *, face_free: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Return a crop (80, 80), the five points in it and 1 for a face that is roughly in place, 0 for none, -1 for neither."""
    if rng.random() < face_free:
        return damage(rng, relight(rng, sources.no_face(rng))), np.zeros((5, 2)), 0
    portrait = sources.portrait(rng)
    template = TEMPLATE * CROP - 0.5
    wanted = float(np.linalg.norm(template[1] - template[0]))
    wild = rng.random() < 0.12
    spread = (0.6, 0.5, 1.0) if wild else (0.11, 0.09, 0.16)
    eyes = wanted * float(np.exp(rng.normal(0, spread[0])))
    shift = rng.normal(0, spread[1], 2) * wanted
    placement = draw_placement(
        rng, portrait.points, eye_distance=eyes, centre=template.mean(axis=0) + shift, radians=rng.normal(0, spread[2]), distortion=0.8
    )
    border = cv2.BORDER_CONSTANT if rng.random() < 0.5 else cv2.BORDER_REPLICATE
    canvas, inside = warp_into(placement, portrait.pyramid, CROP, border=border)
    points = place_points(placement, portrait.points)
    if rng.random() < 0.5:
        canvas = put_on_background(rng, sources, canvas, inside, points)
    if rng.random() < 0.25:
        canvas = occlude(rng, canvas, points)
    canvas = damage(rng, relight(rng, canvas))
    return canvas, points, label_crop(points, template, wanted)


def label_crop(points: np.ndarray, template: np.ndarray, wanted: float) -> int:
    """Return 1 when every point is near its place, 0 when the face is far off, -1 between."""
    off = np.linalg.norm(points - template, axis=1).mean() / wanted
    return 1 if off < 0.45 else 0 if off > 0.95 else -1
