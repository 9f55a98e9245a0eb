"""The whole demo in PyTorch, for bench/speed/peer.py: from the files of a dataset to the scores of its test patches.

Networks, numbers of patches, epochs and rates are the demo's. Left out is what costs little: warm-up, level weights of its own and the
running average of the weights; nothing is saved. Every batch of masks has a backward pass for each class. `plain` draws pseudo masks as published; otherwise they come of one forward pass for all
classes and, like ours, of a patch and its three mirror images.
"""

import os
from typing import NamedTuple

import torch
import torch.nn.functional as F
from PIL import Image

from networks import DeepLab, ResNet38

GATE = 0.1


class Split(NamedTuple):
    patches: torch.Tensor  # uint8 [N, H, W, 3]
    labels: torch.Tensor  # float [N, K]
    masks: torch.Tensor  # long [N, H, W]; K is background


def read_split(root, entries):
    def pixels(name, mode):
        picture = Image.open(os.path.join(root, name))
        picture = picture if mode is None else picture.convert(mode)
        flat = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
        return flat.view(picture.height, picture.width, -1)

    patches = torch.stack([pixels(entry["image"], "RGB") for entry in entries])
    masks = torch.stack([pixels(entry["mask"], None)[:, :, 0] for entry in entries]).long()
    return Split(patches, torch.tensor([entry["labels"] for entry in entries], dtype=torch.float32), masks)


class Demo:
    """One run of the demo.

    `traits` is the variant; `tools` holds `prepared`, `compiled`, `precision`, `published_map` and `fast_maps` of peer.py, and `sgd(network, rate,
    decay)`.
    """

    def __init__(self, root, settings, traits, tools):
        self.settings, self.traits, self.tools = settings, traits, tools
        self.classes = settings["classes"]
        self.splits = {name: read_split(root, entries) for name, entries in settings["splits"].items()}

    def images(self, split, indices):
        layout = torch.channels_last if "channels-last" in self.traits else torch.contiguous_format
        return (split.patches[indices].permute(0, 3, 1, 2).float() / 255).contiguous(memory_format=layout)

    def batches(self, split):
        return torch.arange(len(split.patches)).split(self.settings["batch"])

    def train(self, network, settings, loss_of, validate):
        optimizer = self.tools.sgd(network, settings["learningRate"], settings["weightDecay"])
        count, batch = len(self.splits["train"].patches), settings["batchSize"]
        total = settings["epochs"] * (count // batch)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(1 - step / total, 0) ** 0.9)
        for epoch in range(settings["epochs"]):
            network.train()
            for indices in torch.randperm(count).split(batch):
                if len(indices) < batch:
                    continue
                loss = loss_of(indices, epoch)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
                optimizer.step()
                schedule.step()
                loss.item()
            validate(network.eval())

    def flipped(self, images, *maps):
        for dimension in (2, 3):
            flips = torch.rand(len(images)) < 0.5
            images = torch.where(flips[:, None, None, None], images.flip(dimension), images)
            maps = [torch.where(flips[:, None, None], each.flip(dimension - 1), each) for each in maps]
        return images, maps

    def train_classifier(self):
        settings, split = self.settings["classifier"], self.splits["train"]
        network = self.tools.prepared(ResNet38(self.classes, settings["width"], pretrained=False))
        forward = self.tools.compiled(network)

        def loss_of(indices, epoch):
            images, _ = self.flipped(self.images(split, indices))
            attends = epoch >= settings["pdaStartEpoch"]
            gamma = 0.985 ** (epoch - settings["pdaStartEpoch"]) if attends else None
            with self.tools.precision():
                logits = forward(images, gamma)
            return F.multilabel_soft_margin_loss(logits.float(), split.labels[indices])

        self.train(network, settings, loss_of, lambda eval_network: self.probabilities(eval_network, self.splits["val"]))
        return network.eval()

    @torch.inference_mode()
    def probabilities(self, network, split):
        outputs = []
        for indices in self.batches(split):
            with self.tools.precision():
                outputs.append(network(self.images(split, indices)).float().sigmoid())
        return torch.cat(outputs)

    def up_sampled(self, maps, labels):
        up = F.interpolate(maps, self.splits["train"].masks.shape[1:], mode="bilinear", align_corners=False)
        return up.masked_fill(labels[:, :, None, None] == 0, -torch.inf).argmax(1)

    def masks_as_published(self, network):
        split = self.splits["train"]
        levels = []
        for level in range(3):
            masks = []
            for index in range(len(split.patches)):
                x = self.images(split, [index])
                maps = torch.stack([self.tools.published_map(network, x, level, k)[0] for k in range(self.classes)])
                masks.append(self.up_sampled(maps[None], split.labels[[index]]))
            levels.append(torch.cat(masks))
        return levels

    def masks_fast(self, network):
        split = self.splits["train"]
        levels = [[], [], []]
        for indices in self.batches(split):
            sums = None
            for mirror in ((), (2,), (3,), (2, 3)):
                x = self.images(split, indices).flip(mirror)
                maps = [each.flip(mirror) for each in self.tools.fast_maps(network, x)]
                sums = maps if sums is None else [one + other for one, other in zip(sums, maps)]
            for level, maps in enumerate(sums):
                levels[level].append(self.up_sampled(maps, split.labels[indices]))
        return [torch.cat(masks) for masks in levels]

    def train_segmenter(self, levels):
        settings, split = self.settings["segmenter"], self.splits["train"]
        network = self.tools.prepared(DeepLab(self.classes, settings["width"]))
        forward = self.tools.compiled(network)

        def loss_of(indices, _):
            images, targets = self.flipped(self.images(split, indices), *(each[indices] for each in levels))
            with self.tools.precision():
                logits = forward(images)
            losses = [F.cross_entropy(logits.float(), target, ignore_index=self.classes) for target in targets]
            return 0.6 * losses[0] + 0.2 * losses[1] + 0.2 * losses[2]

        self.train(network, settings, loss_of, lambda eval_network: self.mean_iou(eval_network, "val"))
        return network.eval()

    @torch.inference_mode()
    def mean_iou(self, network, name, gate=None):
        split, k = self.splits[name], self.classes
        confusion = torch.zeros(k * k, dtype=torch.long)
        for indices in self.batches(split):
            with self.tools.precision():
                logits = network(self.images(split, indices)).float()
            if gate is not None:
                logits = logits.masked_fill(gate[indices][:, :, None, None] <= GATE, -torch.inf)
            truth, predicted = split.masks[indices], logits.argmax(1)
            tissue = truth < k
            confusion += torch.bincount(truth[tissue] * k + predicted[tissue], minlength=k * k)
        square = confusion.view(k, k).double()
        return (square.diag() / (square.sum(0) + square.sum(1) - square.diag())).mean().item()

    def run(self):
        classifier = self.train_classifier()
        levels = self.masks_as_published(classifier) if self.traits == {"plain"} else self.masks_fast(classifier)
        segmenter = self.train_segmenter(levels)
        return self.mean_iou(segmenter, "test", self.probabilities(classifier, self.splits["test"]))
