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

"""The pairs of a data set on disk: a CSV file of vehicle and station stamps in nanoseconds."""

from collections.abc import Mapping
import csv
from pathlib import Path

COLUMNS = ('vehicle_stamp', 'station_stamp')

_REMEDY = (
    f'expected the header {",".join(COLUMNS)!r}, as `python -m emiff_ros convert-bag` writes it'
)


def write_pairs(path: Path, station_stamp_of: Mapping[int, int]) -> None:
    """Write the station image stamp of each vehicle image stamp, both in nanoseconds."""
    with path.open('w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(COLUMNS)
        writer.writerows(station_stamp_of.items())


def read_pairs(path: Path) -> dict[int, int]:
    """Read what :func:`write_pairs` wrote.

    Returns:
        Station image stamp by vehicle image stamp, nanoseconds.

    Raises:
        ValueError: if the file cannot be read, is no such table, lists no pair or a vehicle stamp
            twice; the message names file and line.
    """
    try:
        return _read(path)
    except OSError as error:
        raise ValueError(f'{path} cannot be read ({error.strerror}); {_REMEDY}') from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f'{path} is no CSV file: {error}; {_REMEDY}') from error


def _read(path: Path) -> dict[int, int]:
    pairs: dict[int, int] = {}
    with path.open(newline='', encoding='utf-8') as file:
        rows = csv.reader(file)
        header = tuple(next(rows, ()))
        if header != COLUMNS:
            raise ValueError(f'{path} begins with {",".join(header)!r}; {_REMEDY}')
        for row in rows:
            place = f'{path}, line {rows.line_num}'
            try:
                vehicle_stamp, station_stamp = map(int, row)
            except ValueError:
                raise ValueError(f'{place}: {row}; expected two stamps in nanoseconds') from None
            if vehicle_stamp in pairs:
                raise ValueError(f'{place}: vehicle stamp {vehicle_stamp} is listed before')
            pairs[vehicle_stamp] = station_stamp
    if not pairs:
        raise ValueError(f'{path} lists no pairs; expected at least one below its header')
    return pairs
