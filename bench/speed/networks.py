"""ResNet38 with PDA and DeepLab v3+ on ResNet101 in plain PyTorch, as one would write them today from the paper: the peers of bench/speed.mjs."""

import torch
import torch.nn.functional as F
from torch import nn

RESIDUALS = [
    # name, in, middle, out, stride, first dilation, dilation
    ("b2", 64, 128, 128, 2, 1, 1), ("b2_1", 128, 128, 128, 1, 1, 1), ("b2_2", 128, 128, 128, 1, 1, 1),
    ("b3", 128, 256, 256, 2, 1, 1), ("b3_1", 256, 256, 256, 1, 1, 1), ("b3_2", 256, 256, 256, 1, 1, 1),
    ("b4", 256, 512, 512, 2, 1, 1), ("b4_1", 512, 512, 512, 1, 1, 1), ("b4_2", 512, 512, 512, 1, 1, 1),
    ("b4_3", 512, 512, 512, 1, 1, 1), ("b4_4", 512, 512, 512, 1, 1, 1), ("b4_5", 512, 512, 512, 1, 1, 1),
    ("b5", 512, 512, 1024, 1, 1, 2), ("b5_1", 1024, 512, 1024, 1, 2, 2), ("b5_2", 1024, 512, 1024, 1, 2, 2),
]
FROZEN = ("conv1a", "b2.", "b2_1.", "b2_2.")


def scaled(channels, width):
    """Channels in a network of another width, as ours has them."""
    return channels if width == 1 else max(1, int(channels * width / 16 + 0.5)) * 16


def conv(inside, out, kernel, stride=1, dilation=1):
    padding = dilation * (kernel // 2)
    return nn.Conv2d(inside, out, kernel, stride, padding, dilation, bias=False)


class Residual(nn.Module):
    def __init__(self, inside, middle, out, stride, first_dilation, dilation):
        super().__init__()
        self.bn_branch2a = nn.BatchNorm2d(inside)
        self.conv_branch2a = conv(inside, middle, 3, stride, first_dilation)
        self.bn_branch2b1 = nn.BatchNorm2d(middle)
        self.conv_branch2b1 = conv(middle, out, 3, 1, dilation)
        self.conv_branch1 = conv(inside, out, 1, stride) if inside != out or stride != 1 else None

    def forward(self, x):
        t = F.relu(self.bn_branch2a(x))
        shortcut = x if self.conv_branch1 is None else self.conv_branch1(t)
        return shortcut + self.conv_branch2b1(F.relu(self.bn_branch2b1(self.conv_branch2a(t))))


class Bottleneck38(nn.Module):
    def __init__(self, inside, out, dropout):
        super().__init__()
        self.bn_branch2a = nn.BatchNorm2d(inside)
        self.conv_branch1 = conv(inside, out, 1)
        self.conv_branch2a = conv(inside, out // 4, 1)
        self.bn_branch2b1 = nn.BatchNorm2d(out // 4)
        self.conv_branch2b1 = conv(out // 4, out // 2, 3, 1, 4)
        self.bn_branch2b2 = nn.BatchNorm2d(out // 2)
        self.conv_branch2b2 = conv(out // 2, out, 1)
        self.dropout = dropout

    def forward(self, x):
        t = F.relu(self.bn_branch2a(x))
        r = F.dropout2d(F.relu(self.bn_branch2b1(self.conv_branch2a(t))), self.dropout, self.training)
        r = F.dropout2d(F.relu(self.bn_branch2b2(self.conv_branch2b1(r))), self.dropout, self.training)
        return self.conv_branch1(t) + self.conv_branch2b2(r)


class ResNet38(nn.Module):
    """Stage 1. With `pretrained`, batch norms keep their statistics and the stem its weights, as for a start from ImageNet."""

    def __init__(self, classes, width=1, pretrained=True):
        super().__init__()
        self.pretrained = pretrained
        self.conv1a = conv(3, scaled(64, width), 3)
        for name, inside, middle, out, *steps in RESIDUALS:
            channels = [scaled(each, width) for each in (inside, middle, out)]
            self.add_module(name, Residual(*channels, *steps))
        self.b6 = Bottleneck38(scaled(1024, width), scaled(2048, width), 0.3)
        self.b7 = Bottleneck38(scaled(2048, width), scaled(4096, width), 0.5)
        self.bn7 = nn.BatchNorm2d(scaled(4096, width))
        self.fc8 = nn.Conv2d(scaled(4096, width), classes, 1, bias=False)
        if not pretrained:
            return
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(parameter.dim() == 4 and not name.startswith(FROZEN))

    def train(self, mode=True):
        super().train(mode)
        for module in self.modules():
            if self.pretrained and isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def levels(self, x):
        """Outputs of b4_5, b5_2 and bn7."""
        taps = []
        x = self.conv1a(x)
        for name, *_ in RESIDUALS:
            x = getattr(self, name)(x)
            if name in ("b4_5", "b5_2"):
                taps.append(x)
        return [*taps, F.relu(self.bn7(self.b7(self.b6(x))))]

    def classify(self, features):
        return self.fc8(features.mean((2, 3), keepdim=True)).flatten(1)

    def attend(self, features, gamma):
        """Progressive dropout attention."""
        maps = F.relu(F.conv2d(features, self.fc8.weight))
        threshold = maps.detach().amax((2, 3), keepdim=True) * gamma
        kept = maps.masked_fill(maps.detach() > threshold, 0.0)
        return features * (kept.sum(1, keepdim=True) / self.fc8.weight.shape[0])

    def forward(self, x, gamma=None):
        features = self.levels(x)[-1]
        if gamma is not None:
            features = self.attend(features, gamma)
        return self.classify(F.dropout2d(features, 0.5, self.training))


class Bottleneck(nn.Module):
    def __init__(self, inside, planes, out, stride, dilation, projects):
        super().__init__()
        self.conv1, self.bn1 = conv(inside, planes, 1), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = conv(planes, planes, 3, stride, dilation), nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = conv(planes, out, 1), nn.BatchNorm2d(out)
        self.downsample = nn.Sequential(conv(inside, out, 1, stride), nn.BatchNorm2d(out)) if projects else None

    def forward(self, x):
        r = F.relu(self.bn1(self.conv1(x)))
        r = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(r)))))
        return F.relu(r + (x if self.downsample is None else self.downsample(x)))


def stage(inside, planes, out, stride, dilations):
    blocks = [Bottleneck(inside, planes, out, stride, dilations[0], True)]
    blocks += [Bottleneck(out, planes, out, 1, dilation, False) for dilation in dilations[1:]]
    return nn.Sequential(*blocks)


class ResNet101(nn.Module):
    def __init__(self, width):
        super().__init__()
        c64, c128, c256, c512, c1024, c2048 = (scaled(each, width) for each in (64, 128, 256, 512, 1024, 2048))
        self.conv1, self.bn1 = conv(3, c64, 7, 2), nn.BatchNorm2d(c64)
        self.layer1 = stage(c64, c64, c256, 1, [1] * 3)
        self.layer2 = stage(c256, c128, c512, 2, [1] * 4)
        self.layer3 = stage(c512, c256, c1024, 2, [1] * 23)
        self.layer4 = stage(c1024, c512, c2048, 1, [2, 4, 8])

    def forward(self, x):
        low = self.layer1(F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1))
        return self.layer4(self.layer3(self.layer2(low))), low


def conv_norm(inside, out, kernel, dilation=1):
    return nn.Sequential(conv(inside, out, kernel, 1, dilation), nn.BatchNorm2d(out), nn.ReLU())


class DeepLab(nn.Module):
    """Stage 3, output stride 16."""

    def __init__(self, classes, width=1):
        super().__init__()
        self.backbone = ResNet101(width)
        low, deep = scaled(256, width), scaled(2048, width)
        inner, reduced = scaled(256, width), scaled(48, width)
        rates = (conv_norm(deep, inner, 3, rate) for rate in (6, 12, 18))
        self.branches = nn.ModuleList([conv_norm(deep, inner, 1), *rates])
        self.pool = conv_norm(deep, inner, 1)
        self.join = nn.Sequential(conv_norm(5 * inner, inner, 1), nn.Dropout(0.5))
        self.reduce = conv_norm(low, reduced, 1)
        self.decode = nn.Sequential(
            *(conv_norm(inner + reduced, inner, 3), nn.Dropout(0.5)),
            *(conv_norm(inner, inner, 3), nn.Dropout(0.1), nn.Conv2d(inner, classes, 1)),
        )

    def forward(self, x):
        high, low = self.backbone(x)
        pooled = self.pool(high.mean((2, 3), keepdim=True)).expand(-1, -1, *high.shape[2:])
        aspp = self.join(torch.cat([*(branch(high) for branch in self.branches), pooled], 1))
        aspp = F.interpolate(aspp, low.shape[2:], mode="bilinear", align_corners=True)
        logits = self.decode(torch.cat([aspp, self.reduce(low)], 1))
        return F.interpolate(logits, x.shape[2:], mode="bilinear", align_corners=True)
