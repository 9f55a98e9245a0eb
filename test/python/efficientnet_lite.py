"""EfficientNet-Lite in plain PyTorch, from its tables: a peer that ours must agree with in outputs and gradients.

efficientnet_lite.py VARIANT FOLDER

Writes into FOLDER `weights.pth`, random weights under the names of the first PyTorch port, with ImageNet's head, and `expected.safetensors`:
the input `x` in 0..1, and of the network in float64 its features and the gradients of `(head ** 2).mean()`, under our names.
"""

import ctypes
import json
import math
import struct
import sys

import torch
from torch import nn
from torch.nn.functional import conv2d, pad

SCALES = [(1.0, 1.0), (1.0, 1.1), (1.1, 1.2)]
# Of EfficientNet-B0: expansion, channels, blocks, stride, kernel.
STAGES = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]


def round_channels(channels, width):
    wanted = channels * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


def same_pads(size, kernel, stride, dilation):
    out = -(-size // stride)
    total = max((out - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


class SameConv(nn.Conv2d):
    """Padded as TensorFlow's "same"."""

    def padded(self, x):
        rows = same_pads(x.shape[2], self.kernel_size[0], self.stride[0], self.dilation[0])
        columns = same_pads(x.shape[3], self.kernel_size[1], self.stride[1], self.dilation[1])
        return pad(x, (*columns, *rows))

    def forward(self, x):
        return conv2d(self.padded(x), self.weight, None, self.stride, 0, self.dilation, self.groups)


def norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-3)


class Block(nn.Module):
    def __init__(self, channels, out, expansion, kernel, stride, dilation, adds):
        super().__init__()
        hidden = channels * expansion
        self.expands = expansion > 1
        self.adds = adds
        if self.expands:
            self._expand_conv = SameConv(channels, hidden, 1, bias=False)
            self._bn0 = norm(hidden)
        self._depthwise_conv = SameConv(hidden, hidden, kernel, stride, dilation=dilation, groups=hidden, bias=False)
        self._bn1 = norm(hidden)
        self._project_conv = SameConv(hidden, out, 1, bias=False)
        self._bn2 = norm(out)

    def forward(self, x):
        t = nn.functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        t = nn.functional.relu6(self._bn1(self._depthwise_conv(t)))
        t = self._bn2(self._project_conv(t))
        return x + t if self.adds else t


class Lite(nn.Module):
    def __init__(self, variant, output_stride):
        super().__init__()
        width, depth = SCALES[variant]
        self._conv_stem = SameConv(3, 32, 3, 2, bias=False)
        self._bn0 = norm(32)
        blocks, self.ends = [], []
        channels, stride_so_far, dilation = 32, 2, 1
        for number, (expansion, out, count, stride, kernel) in enumerate(STAGES):
            out = round_channels(out, width)
            count = count if number in (0, len(STAGES) - 1) else math.ceil(count * depth)
            dilates = stride > 1 and stride_so_far == output_stride
            for i in range(count):
                blocks.append(Block(channels, out, expansion, kernel, 1 if dilates or i > 0 else stride, dilation, i > 0))
                channels = out
            if dilates:
                dilation *= stride
            else:
                stride_so_far *= stride
            self.ends.append(len(blocks) - 1)
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = SameConv(channels, 1280, 1, bias=False)
        self._bn1 = norm(1280)

    def forward(self, x, normalises=False):
        stem = self._conv_stem
        x = stem.padded(x)
        if normalises:  # after the padding, as a network does whose first layer has it folded in
            x = (x * 255 - 127) / 128
        x = nn.functional.relu6(self._bn0(conv2d(x, stem.weight, None, stem.stride)))
        stations = []
        for block in self._blocks:
            x = block(x)
            stations.append(x)
        head = nn.functional.relu6(self._bn1(self._conv_head(x)))
        return {"head": head, **{f"stage{i + 1}": stations[end] for i, end in enumerate(self.ends)}}


def our_name(name, blocks):
    if not name.startswith("_blocks."):
        outer = {"_conv_stem": "0.0", "_bn0": "0.1", "_conv_head": f"{blocks + 1}.0", "_bn1": f"{blocks + 1}.1"}
        layer, kind = name.rsplit(".", 1)
        return f"features.{outer[layer]}.{kind}"
    _, number, layer, kind = name.split(".")
    order = ["_depthwise_conv", "_bn1", None, "_project_conv", "_bn2"]
    if number != "0":
        order = ["_expand_conv", "_bn0", None, *order]
    return f"features.{int(number) + 1}.conv.{order.index(layer)}.{kind}"


def randomize(network):
    generator = torch.Generator().manual_seed(7)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.weight[0].numel()
            module.weight.data.normal_(0, math.sqrt(2 / fan_in), generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.1, generator=generator)
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)


def write_safetensors(path, tensors):
    header, offset, parts = {}, 0, []
    for name, tensor in tensors.items():
        values = tensor.detach().contiguous().double()
        data = ctypes.string_at(values.data_ptr(), values.nbytes)  # without NumPy, which need not be there
        header[name] = {"dtype": "F64", "shape": list(tensor.shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
        parts.append(data)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


variant, folder = int(sys.argv[1]), sys.argv[2]
classifier = Lite(variant, output_stride=16)
randomize(classifier)
state = {name: tensor.clone() for name, tensor in classifier.state_dict().items()}
imagenet_head = {"_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}
torch.save({**state, **imagenet_head}, f"{folder}/weights.pth", _use_new_zipfile_serialization=False)

expected = {"x": torch.rand(2, 3, 97, 70, generator=torch.Generator().manual_seed(8)).double()}
x = expected["x"]
for mode in ("eval", "train"):
    classifier.load_state_dict(state)
    classifier.double().train(mode == "train")
    classifier.zero_grad()
    levels = classifier(x)
    (levels["head"] ** 2).mean().backward()
    expected.update({f"{mode}.{name}": levels[name] for name in ("head", "stage7", "stage6")})
    for name, parameter in classifier.named_parameters():
        expected[f"{mode}.grad.{our_name(name, len(classifier._blocks))}"] = parameter.grad.clone()
with torch.no_grad():
    classifier.load_state_dict(state)
    expected["folded.head"] = classifier.eval()(x, normalises=True)["head"]
    for stride in (8, 16):
        backbone = Lite(variant, stride)
        backbone.load_state_dict(state)
        levels = backbone.double().eval()(x)
        expected[f"backbone{stride}.high"] = levels["stage7"]
        expected[f"backbone{stride}.low"] = levels["stage2"]
write_safetensors(f"{folder}/expected.safetensors", expected)
