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

"""A residual block of convolutions that add and apply ReLU themselves."""

from torch import Tensor, nn


class Residual(nn.Module):
    """ReLU(x + convolution(ReLU(convolution(x)))), where convolutions add and apply ReLU."""

    def __init__(self, first: nn.Module, second: nn.Module, in_place: bool = False) -> None:
        """Take both convolutions.

        ``in_place`` writes the result over the input, which only Winograd's convolution can.
        """
        super().__init__()
        self.first, self.second, self.in_place = first, second, in_place

    def forward(self, x: Tensor) -> Tensor:
        """Run both."""
        if self.in_place:
            return self.second(self.first(x), residual=x, out=x)
        return self.second(self.first(x), residual=x)
