# Copyright 2026 The emiff_ros authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Resized images of a data set as one memory-mapped array, so that loading costs a copy.

Decoding and shrinking a 1920x1080 JPEG on a CPU takes longer than all random changes of a sample.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
import hashlib
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from emiff_ros.dair.errors import MissingFileError
from emiff_ros.dair.images import read_image
from emiff_ros.resize import resize

_LAYOUT = 2
"""Part of the key; raise it when the stored pixels change their meaning."""


def default_cache_folder() -> Path:
    """Return the user's cache folder for resized images (``XDG_CACHE_HOME`` is honoured)."""
    root = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(root) / 'emiff_ros' / 'images'


class ImageCache:
    """Images of one size, ``[N, height, width, 3]`` RGB uint8, in the order of ``paths``.

    The array is built once, in a temporary file that is renamed when it is complete. Its name is
    a hash of the size and of each file's path, length and modification time: changed data makes
    a new array.

    Args:
        paths: image files.
        height, width: size to store, pixels.
        folder: where arrays are kept.
        label: shown beside the progress bar.

    Raises:
        DairError: naming the first image that cannot be read.
    """

    def __init__(
        self, paths: Sequence[Path], height: int, width: int, folder: Path, label: str = 'images'
    ) -> None:
        """See the class."""
        self.paths = list(paths)
        self.path = Path(folder) / f'{_key(self.paths, height, width)}.npy'
        if not self.path.exists():
            self._build(height, width, label)
        self._array: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.paths)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """Return a copy of one image."""
        if self._array is None:
            self._array = np.load(self.path, mmap_mode='r')
        return np.array(self._array[index])

    def __getstate__(self) -> dict:
        """Leave the memory map behind when a data loader's worker gets a copy."""
        return {**self.__dict__, '_array': None}

    def _build(self, height: int, width: int, label: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(f'{self.path.name}.{os.getpid()}')
        shape = (len(self.paths), height, width, 3)
        array = np.lib.format.open_memmap(partial, mode='w+', dtype=np.uint8, shape=shape)

        def store(index: int) -> None:
            array[index] = resize(read_image(self.paths[index]), height, width)

        try:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                jobs = pool.map(store, range(len(self.paths)))
                for _ in tqdm(jobs, total=len(self.paths), desc=f'caching {label}', unit='image'):
                    pass
            array.flush()
            partial.replace(self.path)
        finally:
            partial.unlink(missing_ok=True)


def _key(paths: Sequence[Path], height: int, width: int) -> str:
    digest = hashlib.sha256(f'{_LAYOUT} {height} {width}'.encode())
    for path in paths:
        try:
            status = path.stat()
        except OSError as error:
            raise MissingFileError(
                path, f'cannot be opened ({error.strerror})', 'complete the images of the data set'
            ) from error
        digest.update(f'\n{path.resolve()} {status.st_size} {status.st_mtime_ns}'.encode())
    return digest.hexdigest()[:32]
