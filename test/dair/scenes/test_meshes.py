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

"""Meshes: shapes have the extent they are asked for and keep it when moved."""

import numpy as np
import pytest

from emiff_ros.dair.scenes.meshes import MeshBuilder, merge


def area(mesh):
    edges = mesh.triangles[:, 1:] - mesh.triangles[:, :1]
    return 0.5 * np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1).sum()


def test_box_has_its_corners_and_surface():
    builder = MeshBuilder()
    builder.box([-1, -2, 0], [1, 2, 3], (0.1, 0.2, 0.3))
    mesh = builder.build()
    points = mesh.triangles.reshape(-1, 3)
    np.testing.assert_allclose(points.min(axis=0), [-1, -2, 0])
    np.testing.assert_allclose(points.max(axis=0), [1, 2, 3])
    assert area(mesh) == pytest.approx(2 * (2 * 4 + 2 * 3 + 4 * 3))
    np.testing.assert_allclose(mesh.colours, np.tile([0.1, 0.2, 0.3], (12, 1)), rtol=1e-6)


def test_panel_splits_a_face_into_panes_and_frame():
    builder = MeshBuilder()
    corners = [(0, 0, 0), (4, 0, 0), (4, 0, 2), (0, 0, 2)]
    pane, frame = {'colour': (1, 0, 0)}, {'colour': (0, 1, 0)}
    builder.panel(corners, (0, 0.25, 0.75, 1), (0, 0.5, 1), pane, frame)
    mesh = builder.build()
    red = mesh.colours[:, 0] > 0.5
    panes = merge([mesh])
    assert area(mesh) == pytest.approx(8.0)
    red_area = area(type(mesh)(panes.triangles[red], *([None] * 4)))
    assert red_area == pytest.approx(4 * 0.5 * 2 * 0.5)


def test_solid_column_of_a_panel_is_frame():
    builder = MeshBuilder()
    corners = [(0, 0, 0), (4, 0, 0), (4, 0, 2), (0, 0, 2)]
    pane, frame = {'colour': (1, 0, 0)}, {'colour': (0, 1, 0)}
    builder.panel(corners, (0, 0.2, 0.4, 0.6, 1), (0, 0.5, 1), pane, frame, solid=(1,))
    mesh = builder.build()
    middles = mesh.triangles.mean(axis=1)[mesh.colours[:, 0] > 0.5]
    assert len(middles) == 2
    assert (middles[:, 0] > 1.6).all()


def test_placed_turns_and_shifts():
    builder = MeshBuilder()
    builder.box([0, 0, 0], [2, 1, 1], (0, 0, 0))
    points = builder.build().placed(10, 20, np.pi / 2).triangles.reshape(-1, 3)
    np.testing.assert_allclose(points.min(axis=0), [9, 20, 0], atol=1e-5)
    np.testing.assert_allclose(points.max(axis=0), [10, 22, 1], atol=1e-5)


def test_paint_replaces_painted_faces_only():
    builder = MeshBuilder()
    builder.box([0, 0, 0], [1, 1, 1], (0.5, 0.5, 0.5), paint=1.0)
    builder.box([0, 0, 0], [1, 1, 1], (0.1, 0.1, 0.1))
    colours = builder.build().painted((0.9, 0.0, 0.2)).colours
    np.testing.assert_allclose(colours[:12], np.tile([0.9, 0.0, 0.2], (12, 1)), rtol=1e-6)
    np.testing.assert_allclose(colours[12:], 0.1, rtol=1e-6)


def test_normals_are_unit_vectors():
    builder = MeshBuilder()
    builder.tube([0, 0, 0], [1, 2, 3], 0.5, (0, 0, 0))
    builder.blob([0, 0, 0], [1, 2, 3], (0.1, 0.2, 0.1), np.random.default_rng(0))
    mesh = builder.build()
    lengths = np.linalg.norm(mesh.normals(), axis=1)
    assert ((np.abs(lengths - 1) < 1e-3) | (lengths == 0)).all()
    assert (lengths > 0).mean() > 0.8


def test_merging_nothing_gives_an_empty_mesh():
    assert len(merge([])) == 0
