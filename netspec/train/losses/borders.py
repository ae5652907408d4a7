"""How much the places of a mask weigh in the loss of U-Net: those between two cells that nearly touch weigh most."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REACH = 6.0
"""Distances above so many sigma are not measured: their term is below exp(-18) of w0."""


def border_weights(mask: NDArray[Any], w0: float, sigma: float, *, balance: bool) -> NDArray[np.float32]:
    """w_c + w0 exp(-(d1 + d2)^2 / (2 sigma^2)) at each place of a mask (height, width) of classes.

    d1 and d2 are distances to the border of the nearest and of the second nearest cell, in places: from outside to the
    nearest place of the cell, from inside to the nearest that is not of it. Cells are the parts of a class other than 0
    that hang together by their sides. With `balance` w_c is places / (classes there * places of the class), else 1.
    Source: Ronneberger, Fischer, Brox, "U-Net", 2015, section 3, equation 2.
    """
    import numpy as np

    d1, d2 = _two_nearest(mask, REACH * sigma)
    base = np.ones(mask.shape)
    if balance:
        classes, place, counts = np.unique(mask, return_inverse=True, return_counts=True)
        valid = classes >= 0  # the others do not count
        base = (counts[valid].sum() / (max(valid.sum(), 1) * counts))[place.reshape(mask.shape)]
    weight: NDArray[np.float32] = (base + w0 * np.exp(-((d1 + d2) ** 2) / (2 * sigma**2))).astype(np.float32)
    return weight


def _two_nearest(mask: NDArray[Any], reach: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """The distances to the borders of the two nearest cells; infinite where they are farther than `reach`."""
    import numpy as np
    from scipy.ndimage import distance_transform_edt, find_objects, label

    d1, d2 = np.full(mask.shape, np.inf), np.full(mask.shape, np.inf)
    margin = ceil(reach)
    for value in np.unique(mask[mask > 0]):
        cells, _ = label(mask == value)
        for number, box in enumerate(find_objects(cells), 1):
            around = tuple(
                slice(max(0, side.start - margin), min(size, side.stop + margin))
                for side, size in zip(box, mask.shape, strict=True)
            )
            cell = cells[around] == number
            distance = np.where(cell, _inside(cell), distance_transform_edt(~cell))
            distance[distance > reach] = np.inf
            near, far = d1[around], d2[around]
            d2[around] = np.minimum(far, np.maximum(near, distance))
            d1[around] = np.minimum(near, distance)
    return d1, d2


def _inside(cell: NDArray[Any]) -> NDArray[Any]:
    """The distance from each place of a cell to the nearest that is not of it; infinite where all are."""
    import numpy as np
    from scipy.ndimage import distance_transform_edt

    result: NDArray[Any] = np.full(cell.shape, np.inf) if cell.all() else distance_transform_edt(cell)
    return result
