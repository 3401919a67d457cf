"""The part of a micrograph that is scored: a rectangle of it, and a mask."""

import operator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from heamap.errors import InputError
from heamap_serving.micrograph import MAX_PIXELS, Micrograph, check_pixels

MASK_FILES = (".npy", ".png", ".tif", ".tiff")


@dataclass(frozen=True)
class Region:
    """What is scored of an image.

    Attributes
    ----------
    roi : x and y of the first pixel, width and height, in pixels of the file's image; x runs along its rows. The image
        is scored as if it held nothing else. None: all of it
    mask : (rows, cols) of the whole image; columns where it is False are left out. None: none is
    """

    roi: tuple[int, int, int, int] | None = None
    mask: npt.NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if self.roi is not None:
            try:
                # Whole numbers of NumPy's are none to JSON.
                x, y, width, height = map(operator.index, self.roi)
            except (TypeError, ValueError):
                raise InputError(f"--roi {self.roi}: expected four whole numbers, X Y WIDTH HEIGHT") from None
            object.__setattr__(self, "roi", (x, y, width, height))
        if self.roi is not None and (min(self.roi[:2]) < 0 or min(self.roi[2:]) < 1):
            raise InputError(f"--roi {_words(self.roi)}: X and Y must be 0 or more, WIDTH and HEIGHT 1 or more")

    @property
    def origin(self) -> tuple[int, int]:
        """Row and column of the file's image where the scored part begins."""
        return (0, 0) if self.roi is None else (self.roi[1], self.roi[0])

    def crop(self, micrograph: Micrograph) -> Micrograph:
        """The rectangle alone.

        Raises
        ------
        InputError : it reaches beyond the image, has pixels that are no numbers, is constant, or the mask has another
            shape than the image
        """
        rows, cols = micrograph.image.shape
        if self.mask is not None and self.mask.shape != (rows, cols):
            raise InputError(f"mask of {self.mask.shape} pixels for an image of {(rows, cols)}: give one of its shape")
        if self.roi is None:
            check_pixels(micrograph.image)
            return micrograph
        x, y, width, height = self.roi
        if x + width > cols or y + height > rows:
            raise InputError(f"--roi {_words(self.roi)} reaches beyond the image of {cols} x {rows} pixels")
        image = np.ascontiguousarray(micrograph.image[y : y + height, x : x + width])
        try:
            check_pixels(image)
        except InputError as error:
            raise InputError(f"--roi {_words(self.roi)}: {error}") from None
        return replace(micrograph, image=image)

    def holds(self, places_px: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Which places (n, 2), row and column in pixels of the scored part, the mask lets through."""
        if self.mask is None:
            return np.ones(len(places_px), bool)
        nearest = np.rint(places_px + np.asarray(self.origin)).astype(np.int64)
        rows, cols = np.clip(nearest, 0, np.subtract(self.mask.shape, 1)).T
        return np.asarray(self.mask[rows, cols])

    def record(self) -> dict[str, object]:
        """For provenance."""
        kept = None if self.mask is None else float(self.mask.mean())
        box = None if self.roi is None else dict(zip(("x", "y", "width", "height"), self.roi, strict=True))
        return {"roi_px": box, "mask_share": kept}


WHOLE = Region()


def read_mask(path: Path) -> npt.NDArray[np.bool_]:
    """A mask (rows, cols) from a grey picture or a NumPy array: what is neither 0 nor NaN is inside.

    Of a TIFF file the stored numbers count, not how it asks for them to be shown: ImageJ's masks have an inverted
    colour table.

    Raises
    ------
    InputError : no such file, another format, or no single plane of numbers
    """
    if path.suffix.lower() not in MASK_FILES:
        raise InputError(f"--mask {path}: suffix {path.suffix!r} is none of {', '.join(MASK_FILES)}")
    try:
        values = _read(path)
    except FileNotFoundError:
        raise InputError(f"--mask {path}: no such file") from None
    # A damaged picture makes the libraries raise anything, from EOFError to their own kinds of Exception.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"--mask {path}: cannot be read ({reason[:120]})") from error
    if values.ndim != 2 or values.dtype.kind not in "buif":
        raise InputError(f"--mask {path}: shape {values.shape} of {values.dtype}; expected one plane (rows, cols)")
    mask = (values != 0) & ~np.isnan(values)
    if not mask.any():
        raise InputError(f"--mask {path}: every pixel is 0, so that nothing would be scored")
    return np.asarray(mask)


def _read(path: Path) -> npt.NDArray[np.generic]:
    if path.suffix.lower() == ".npy":
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    return _read_png(path) if path.suffix.lower() == ".png" else _read_tiff(path)


def _read_tiff(path: Path) -> npt.NDArray[np.generic]:
    import tifffile

    with tifffile.TiffFile(path) as file:
        if len(file.pages) != 1:
            raise ValueError(f"{len(file.pages)} pages, expected one")
        page = file.pages[0].aspage()
        _check_size(page.imagewidth, page.imagelength)
        values = np.asarray(page.asarray())
    return values[..., :3].max(axis=-1) if values.ndim == 3 and values.shape[-1] in (3, 4) else values


def _read_png(path: Path) -> npt.NDArray[np.generic]:
    from PIL import PngImagePlugin

    # Not by Image.open, which refuses a sixth of what an image may have.
    with path.open("rb") as file, PngImagePlugin.PngImageFile(file) as picture:
        _check_size(picture.width, picture.height)
        grey = picture.mode in ("1", "L", "F") or picture.mode.startswith("I")
        return np.asarray(picture if grey else picture.convert("L"))


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels are more than {MAX_PIXELS}")


def _words(roi: tuple[int, int, int, int]) -> str:
    return " ".join(map(str, roi))
