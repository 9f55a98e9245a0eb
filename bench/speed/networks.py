"""ResNet38 with PDA, small classifiers, and DeepLab v3+ in plain PyTorch, as one would write them today: the peers of bench/speed.mjs."""

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


# Expansion, channels, blocks, stride, kernel.
MOBILENET = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 32, 3, 2, 3), (6, 64, 4, 2, 3), (6, 96, 3, 1, 3), (6, 160, 3, 2, 3), (6, 320, 1, 1, 3)]
LITE0 = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]


class Inverted(nn.Module):
    """An inverted residual."""

    def __init__(self, inside, out, expansion, kernel, stride, dilation):
        super().__init__()
        hidden = inside * expansion
        depthwise = nn.Conv2d(hidden, hidden, kernel, stride, dilation * (kernel // 2), dilation, hidden, bias=False)
        layers = [] if expansion == 1 else [conv(inside, hidden, 1), nn.BatchNorm2d(hidden), nn.ReLU6()]
        layers += [depthwise, nn.BatchNorm2d(hidden), nn.ReLU6(), conv(hidden, out, 1), nn.BatchNorm2d(out)]
        self.layers, self.adds = nn.Sequential(*layers), stride == 1 and inside == out

    def forward(self, x):
        return x + self.layers(x) if self.adds else self.layers(x)


class Small(nn.Module):
    """MobileNetV2 or EfficientNet-Lite0 as a backbone at output stride 16; its padding is symmetric, which costs the same."""

    def __init__(self, table):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 32, 3, 2), nn.BatchNorm2d(32), nn.ReLU6())
        inside, so_far, dilation, stages = 32, 2, 1, []
        for expansion, out, count, stride, kernel in table:
            dilates = stride > 1 and so_far == 16
            first = 1 if dilates else stride
            blocks = [Inverted(inside if i == 0 else out, out, expansion, kernel, first if i == 0 else 1, dilation) for i in range(count)]
            stages.append(nn.Sequential(*blocks))
            inside, so_far, dilation = out, so_far * first, dilation * (stride if dilates else 1)
        self.stages = nn.ModuleList(stages)
        self.low_channels, self.high_channels = table[1][1], table[-1][1]

    def forward(self, x):
        x = self.stem(x)
        for number, layers in enumerate(self.stages):
            x = layers(x)
            low = x if number == 1 else (None if number == 0 else low)
        return x, low


class SmallClassifier(nn.Module):
    """Stage 1 on a small network, with PDA."""

    def __init__(self, classes, table):
        super().__init__()
        self.backbone = Small(table)
        self.head = nn.Sequential(conv(320, 1280, 1), nn.BatchNorm2d(1280), nn.ReLU6())
        self.fc8 = conv(1280, classes, 1)

    def forward(self, x, gamma=None):
        features = self.head(self.backbone(x)[0])
        if gamma is not None:
            maps = F.relu(F.conv2d(features, self.fc8.weight)).detach().sum(1, keepdim=True) / self.fc8.out_channels
            peak = maps.amax((2, 3), keepdim=True)
            features = features * torch.where(maps > gamma * peak, torch.full_like(maps, gamma), torch.ones_like(maps))
        pooled = F.dropout2d(features, 0.5, self.training).mean((2, 3), keepdim=True)
        return self.fc8(pooled).flatten(1)


TABLES = {"mobilenet": MOBILENET, "efficientnet-lite0": LITE0}


def classifier_of(settings):
    """The classifier of a work: ResNet38, or a small one; both trained with frozen batch norms."""
    backbone = settings.get("backbone", "resnet38")
    classes = settings["classes"]
    if backbone not in TABLES:
        return ResNet38(classes)
    return SmallClassifier(classes, TABLES[backbone])


def segmenter_of(settings):
    """The segmenter of a work."""
    backbone = settings.get("backbone", "resnet101")
    table = TABLES.get(backbone)
    return DeepLab(settings["classes"], head_width=settings.get("headWidth"), backbone=None if table is None else Small(table))


class DeepLab(nn.Module):
    """Stage 3, output stride 16."""

    def __init__(self, classes, width=1, head_width=None, backbone=None):
        super().__init__()
        self.backbone = ResNet101(width) if backbone is None else backbone
        low, deep = scaled(256, width), scaled(2048, width)
        if backbone is not None:
            low, deep = backbone.low_channels, backbone.high_channels
        inner, reduced = (scaled(each, width if head_width is None else head_width) for each in (256, 48))
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
