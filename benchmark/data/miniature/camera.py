"""Everything between the scene and the file: background, light, blur, sensor noise, encoder draw.

The layers are those of the common grammar of all miniatures: background, actors, lighting, blur,
noise, H.264. Every draw is independent of the label, so nothing here can give a class away. Frames
are RGB.

    background = draw_background(rng, frames=64)          # (T, H, W, 3) float32, 0..255
    ... draw the actors ...
    camera = draw_camera(rng)
    frames = camera.shoot(scene, rng)                     # (T, H, W, 3) uint8, lit, blurred, noisy
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import cv2
import numpy as np

from benchmark.data.miniature.clip import SIZE

GAIN = (0.55, 1.25)  # overall brightness; miniature grammar
SLOPE = 0.3  # largest brightness difference between the left and the right edge; miniature grammar
NOISE = (
    2.0,
    4.0,
)  # sensor noise, grey levels; miniature grammar (sigma 7 would cost 1.7 times the bytes)
CRF = (23, 28)  # H.264 quality, both ends included; miniature grammar
MAX_SHAPES = 4  # miniature grammar
PAN = 6.0  # largest pan speed of a background, pixels per second at 20 fps; chosen
TEXTURED = (
    0.3  # share of backgrounds that are a panning texture instead of a field with shapes; chosen
)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """The recording conditions of one clip.

    gain, slope: brightness and its change from the left to the right edge · blur: sigma in pixels,
    0 = none · noise: sigma in grey levels · crf: H.264 quality.
    """

    gain: float
    slope: float
    blur: float
    noise: float
    crf: int

    def shoot(self, frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Light, blur and noise, in this order: (T, H, W, 3) in 0..255 -> the same in uint8."""
        lit = _lit(frames, gain=self.gain, slope=self.slope)
        if self.blur > 0:
            for frame in lit:
                cv2.GaussianBlur(frame, (0, 0), self.blur, dst=frame)
        return _noisy(lit, sigma=self.noise, rng=rng)

    def latents(self) -> dict[str, float]:
        """The conditions as JSON-ready numbers."""
        return {key: round(float(value), 4) for key, value in asdict(self).items()}


def draw_camera(rng: np.random.Generator, *, blur: tuple[float, float] = (0.0, 0.0)) -> Camera:
    """Draw the recording conditions of one clip; `blur` is the range of the lens blur in pixels."""
    return Camera(
        gain=rng.uniform(*GAIN),
        slope=rng.uniform(-SLOPE, SLOPE),
        blur=rng.uniform(*blur),
        noise=rng.uniform(*NOISE),
        crf=draw_crf(rng),
    )


def draw_crf(rng: np.random.Generator) -> int:
    """Encoder quality of one clip, uniform over 23..28."""
    return int(rng.integers(CRF[0], CRF[1] + 1))


def apply_light(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Multiply by a random gain and horizontal gradient: (T, H, W, 3) -> the same, float32."""
    return _lit(frames, gain=rng.uniform(*GAIN), slope=rng.uniform(-SLOPE, SLOPE))


def apply_sensor(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add white noise of a random strength and quantise: (T, H, W, 3) -> the same, uint8."""
    return _noisy(frames.astype(np.float32), sigma=rng.uniform(*NOISE), rng=rng)


def draw_background(rng: np.random.Generator, *, frames: int, size: int = SIZE) -> np.ndarray:
    """A smooth colour field with 0-4 shapes, or a texture, panning slowly or not at all.

    Returns (T, H, W, 3) float32 in 0..255, H = W = `size`. cv2 draws anti-aliased only into uint8:
    use `.astype(np.uint8)` before drawing on it.
    """
    margin = size // 2
    canvas = _field(rng, size=size + 2 * margin)
    textured = rng.random() < TEXTURED
    if textured:
        canvas = canvas + _texture(rng, size=size + 2 * margin)
    else:
        canvas = _shapes(rng, canvas, count=int(rng.integers(0, MAX_SHAPES + 1)))
    canvas = np.clip(canvas, 0, 255).astype(np.float32)
    speed = rng.uniform(0, PAN) if textured or rng.random() < 0.5 else 0.0
    angle = rng.uniform(0, 2 * np.pi)
    steps = np.arange(frames) - (frames - 1) / 2
    path = margin + steps[:, None] * (speed / 20.0) * np.array([np.cos(angle), np.sin(angle)])
    if speed == 0.0:
        return np.broadcast_to(
            canvas[margin:-margin, margin:-margin], (frames, size, size, 3)
        ).copy()
    return pan(canvas, np.clip(path, 0, 2 * margin), size=size)


def pan(canvas: np.ndarray, path: np.ndarray, *, size: int) -> np.ndarray:
    """Cut windows at sub-pixel corners: (H', W', 3), (T, 2) of x, y -> (T, size, size, 3)."""
    out = np.empty((len(path), size, size, 3), dtype=canvas.dtype)
    for frame, (x, y) in zip(out, path, strict=True):
        shift = np.array([[1, 0, -x], [0, 1, -y]], dtype=np.float64)
        cv2.warpAffine(
            canvas,
            shift,
            (size, size),
            dst=frame,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
    return out


def _field(rng: np.random.Generator, *, size: int) -> np.ndarray:
    """A smooth colour field: one colour plus a cubic interpolation of 4 x 4 random offsets."""
    base = rng.uniform(50, 200, size=3)
    grid = (base + rng.normal(0, 30, size=(4, 4, 3))).astype(np.float32)
    return cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)


def _texture(rng: np.random.Generator, *, size: int) -> np.ndarray:
    """Value noise of three octaves, or stripes, around 0: (size, size, 1 or 3)."""
    contrast = rng.uniform(10, 35)
    if rng.random() < 0.4:
        angle, period, phase = rng.uniform(0, np.pi), rng.uniform(8, 30), rng.uniform(0, 2 * np.pi)
        y, x = np.mgrid[:size, :size].astype(np.float32)
        wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period + phase)
        return contrast * wave[..., None]
    out = np.zeros((size, size, 3), dtype=np.float32)
    for octave, cells in enumerate((8, 16, 32)):
        grid = rng.standard_normal((cells, cells, 3), dtype=np.float32)
        out += cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC) / 2**octave
    return contrast * out


def _shapes(rng: np.random.Generator, canvas: np.ndarray, *, count: int) -> np.ndarray:
    """Draw `count` discs, boxes or triangles inside the visible part of the canvas."""
    picture = np.clip(canvas, 0, 255).astype(np.uint8)
    side = len(canvas)
    for _ in range(count):
        centre = rng.uniform(0.2 * side, 0.8 * side, size=2)
        radius, turn = rng.uniform(0.04, 0.14) * side, rng.uniform(0, 2 * np.pi)
        corners = (24, 4, 3)[int(rng.integers(3))]
        angles = turn + 2 * np.pi * np.arange(corners) / corners
        points = centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        colour = tuple(float(value) for value in rng.uniform(30, 225, size=3))
        cv2.fillPoly(picture, [np.round(points * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
    return picture.astype(np.float32)


def _lit(frames: np.ndarray, *, gain: float, slope: float) -> np.ndarray:
    """Frames times gain * (1 + slope * x), x from -0.5 at the left edge to 0.5 at the right one."""
    across = gain * (1 + slope * np.linspace(-0.5, 0.5, frames.shape[2]))
    return frames * across.astype(np.float32)[:, None]


def _noisy(frames: np.ndarray, *, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Add white noise in place and quantise; a channel's noise is independent of the others'."""
    noise = rng.standard_normal(frames.shape, dtype=np.float32)
    noise *= sigma
    noise += frames
    noise += 0.5  # rounds: the conversion below truncates
    return np.clip(noise, 0, 255, out=noise).astype(np.uint8)
