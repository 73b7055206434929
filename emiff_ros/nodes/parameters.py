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

"""Parameters of the nodes: one specification gives declarations, descriptors and checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

_BUILT_IN = ('use_sim_time', 'start_type_description_service')
_BUILT_IN_PREFIXES = ('qos_overrides.',)


class ParameterError(ValueError):
    """A parameter that does not exist or whose value is not allowed."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a node.

    Attributes:
        name: as in ``ros2 param``.
        default: value where nothing is given; its type is the parameter's type.
        description: what it does, one sentence.
        unit: unit of the value, empty for a pure number or text.
        minimum: lowest allowed number.
        maximum: highest allowed number.
        choices: allowed values of a text.
        run_time: can be changed while the node runs.
    """

    name: str
    default: Any
    description: str
    unit: str = ''
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    run_time: bool = False

    def descriptor(self) -> ParameterDescriptor:
        """Return what ``ros2 param describe`` shows."""
        constraints = f'one of: {", ".join(self.choices)}' if self.choices else ''
        unit = f' [{self.unit}]' if self.unit else ''
        descriptor = ParameterDescriptor(
            name=self.name,
            description=f'{self.description}{unit}',
            additional_constraints=constraints,
            read_only=not self.run_time,
        )
        if self.minimum is None and self.maximum is None:
            return descriptor
        if isinstance(self.default, float):
            low, high = self.minimum, self.maximum
            descriptor.floating_point_range = [
                FloatingPointRange(
                    from_value=float('-inf') if low is None else float(low),
                    to_value=float('inf') if high is None else float(high),
                )
            ]
        elif isinstance(self.default, int):
            low = -(2**63) if self.minimum is None else int(self.minimum)
            high = 2**63 - 1 if self.maximum is None else int(self.maximum)
            descriptor.integer_range = [IntegerRange(from_value=low, to_value=high)]
        return descriptor

    def check(self, value: Any) -> None:
        """Refuse a value that the descriptor's ranges cannot express.

        Raises:
            ParameterError: naming the parameter, the value and what is allowed.
        """
        if self.choices and value not in self.choices:
            raise ParameterError(
                f'parameter {self.name} is {value!r}; expected one of {", ".join(self.choices)}'
            )


class NodeParameters:
    """The declared parameters of one node, always as last accepted.

    Values are read as attributes: ``parameters.values.station_id``.
    """

    def __init__(self, node: Node, specification: Iterable[Parameter]) -> None:
        """Declare all parameters on ``node``.

        Raises:
            ParameterError: for an unknown name or a value that is not allowed.
        """
        self._specification: Mapping[str, Parameter] = {item.name: item for item in specification}
        self._refuse_unknown(node)
        self.values = SimpleNamespace()
        for item in self._specification.values():
            try:
                declared = node.declare_parameter(item.name, item.default, item.descriptor())
            except Exception as error:
                raise ParameterError(f'parameter {item.name} cannot be used: {error}') from error
            item.check(declared.value)
            setattr(self.values, item.name, declared.value)
        node.add_on_set_parameters_callback(self._accept_changes)

    def _refuse_unknown(self, node: Node) -> None:
        given = node._parameter_overrides  # rclpy has no public way to list what was given
        unknown = [
            name
            for name in given
            if name not in self._specification
            and name not in _BUILT_IN
            and not name.startswith(_BUILT_IN_PREFIXES)
        ]
        if unknown:
            raise ParameterError(
                f'unknown parameter(s) {", ".join(sorted(unknown))}; '
                f'this node has: {", ".join(sorted(self._specification))}'
            )

    def _accept_changes(self, parameters: list[RosParameter]) -> SetParametersResult:
        known = [item for item in parameters if item.name in self._specification]
        for parameter in known:
            try:
                self._specification[parameter.name].check(parameter.value)
            except ParameterError as error:
                return SetParametersResult(successful=False, reason=str(error))
        for parameter in known:
            setattr(self.values, parameter.name, parameter.value)
        return SetParametersResult(successful=True)
