"""ResNet38 in plain PyTorch, written from the key inventory of golden case A: a peer that our checkpoints must fit strictly."""

import torch
from torch import nn

# name, stride, first dilation, dilation
BLOCKS = [
    ("b2", 2, 1, 1), ("b2_1", 1, 1, 1), ("b2_2", 1, 1, 1),
    ("b3", 2, 1, 1), ("b3_1", 1, 1, 1), ("b3_2", 1, 1, 1),
    ("b4", 2, 1, 1), ("b4_1", 1, 1, 1), ("b4_2", 1, 1, 1), ("b4_3", 1, 1, 1), ("b4_4", 1, 1, 1), ("b4_5", 1, 1, 1),
    ("b5", 1, 1, 2), ("b5_1", 1, 2, 2), ("b5_2", 1, 2, 2),
]


def conv(shape, stride=1, dilation=1):
    out_channels, in_channels, kernel, _ = shape
    padding = dilation if kernel == 3 else 0
    return nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, bias=False)


class Residual(nn.Module):
    def __init__(self, shapes, name, stride, first_dilation, dilation):
        super().__init__()
        of = lambda key: shapes[f"{name}.{key}.weight"]
        self.bn_branch2a = nn.BatchNorm2d(of("bn_branch2a")[0])
        self.conv_branch2a = conv(of("conv_branch2a"), stride, first_dilation)
        self.bn_branch2b1 = nn.BatchNorm2d(of("bn_branch2b1")[0])
        self.conv_branch2b1 = conv(of("conv_branch2b1"), 1, dilation)
        if f"{name}.conv_branch1.weight" in shapes:
            self.conv_branch1 = conv(of("conv_branch1"), stride)

    def forward(self, x):
        t = torch.relu(self.bn_branch2a(x))
        shortcut = self.conv_branch1(t) if hasattr(self, "conv_branch1") else x
        return shortcut + self.conv_branch2b1(torch.relu(self.bn_branch2b1(self.conv_branch2a(t))))


class Bottleneck(nn.Module):
    def __init__(self, shapes, name):
        super().__init__()
        of = lambda key: shapes[f"{name}.{key}.weight"]
        self.bn_branch2a = nn.BatchNorm2d(of("bn_branch2a")[0])
        self.conv_branch2a = conv(of("conv_branch2a"))
        self.bn_branch2b1 = nn.BatchNorm2d(of("bn_branch2b1")[0])
        self.conv_branch2b1 = conv(of("conv_branch2b1"), 1, 4)
        self.bn_branch2b2 = nn.BatchNorm2d(of("bn_branch2b2")[0])
        self.conv_branch2b2 = conv(of("conv_branch2b2"))
        self.conv_branch1 = conv(of("conv_branch1"))

    def forward(self, x):
        t = torch.relu(self.bn_branch2a(x))
        r = torch.relu(self.bn_branch2b1(self.conv_branch2a(t)))
        r = torch.relu(self.bn_branch2b2(self.conv_branch2b1(r)))
        return self.conv_branch1(t) + self.conv_branch2b2(r)


class ResNet38(nn.Module):
    """Evaluation mode only: dropout and PDA belong to training."""

    def __init__(self, shapes):
        super().__init__()
        self.conv1a = nn.Conv2d(3, shapes["conv1a.weight"][0], 3, padding=1, bias=False)
        for name, *rest in BLOCKS:
            self.add_module(name, Residual(shapes, name, *rest))
        self.b6 = Bottleneck(shapes, "b6")
        self.b7 = Bottleneck(shapes, "b7")
        self.bn7 = nn.BatchNorm2d(shapes["bn7.weight"][0])
        self.fc8 = nn.Conv2d(shapes["fc8.weight"][1], shapes["fc8.weight"][0], 1, bias=False)

    def forward(self, x):
        x = self.conv1a(x)
        for name, *_ in BLOCKS:
            x = getattr(self, name)(x)
        x = torch.relu(self.bn7(self.b7(self.b6(x))))
        return self.fc8(x.mean((2, 3), keepdim=True)).flatten(1)
