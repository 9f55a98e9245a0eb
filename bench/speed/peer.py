"""One PyTorch peer of bench/speed.mjs: reads one JSON object a line, {"runs": n}, and answers {"seconds": [...]} for its work.

python peer.py WORK VARIANT DATA THREADS DEVICE

WORK     as in bench/speed.mjs.
VARIANT  plain: float32 NCHW, as the published code does it; and joined by "+": channels-last, bf16 (autocast), compile; or, for pseudo
         masks, fast: one forward pass, autograd to the three maps only. On a GPU all but plain keep the set there and read no loss
         back, and compile makes CUDA graphs.
DATA     folder with patches.bin (uint8 [N, H, W, 3]), masks.bin (uint8 [3, N, H, W]) and set.json; of the demo a dataset and set.json.
"""

import contextlib
import json
import os
import resource
import sys
import time

from types import SimpleNamespace

import torch
import torch.nn.functional as F

from networks import ResNet38, classifier_of, segmenter_of

WORK, VARIANT, DATA, THREADS, DEVICE = sys.argv[1:6]
TRAITS = set(VARIANT.split("+"))
if int(THREADS) > 0:
    torch.set_num_threads(int(THREADS))
torch.manual_seed(0)
ON_GPU = DEVICE == "cuda"
WORLD, RANK = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
if WORLD > 1:  # One of several processes: bench/data-parallel.mjs.
    torch.distributed.init_process_group("gloo")
PLAIN = TRAITS == {"plain"}

with open(os.path.join(DATA, "set.json")) as file:
    SET = json.load(file)
N, SIZE, K = SET.get("count", 0), SET.get("size"), SET["classes"]


def raw(name, *shape):
    with open(os.path.join(DATA, name), "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).view(*shape)


PATCHES = raw("patches.bin", N, SIZE, SIZE, 3) if N > 0 else torch.empty(0)
LABELS = torch.tensor(SET.get("labels", []), dtype=torch.float32).to(DEVICE)
if ON_GPU and not PLAIN:
    PATCHES = PATCHES.to(DEVICE)
    torch.backends.cudnn.benchmark = True


def images(indices):
    """float32 [n, 3, H, W] in 0..1."""
    # As written, a GPU gets the floats that the loader made.
    batch = (PATCHES[indices].permute(0, 3, 1, 2).float() / 255).to(DEVICE)
    layout = torch.channels_last if "channels-last" in TRAITS else torch.contiguous_format
    return batch.contiguous(memory_format=layout)


def augmented(indices, generator):
    batch = images(indices)
    flips = (torch.rand(len(indices), generator=generator) < 0.5).to(DEVICE)
    return torch.where(flips[:, None, None, None], batch.flip(3), batch), flips


def precision():
    return torch.autocast(DEVICE, dtype=torch.bfloat16) if "bf16" in TRAITS else contextlib.nullcontext()


def prepared(network):
    network = network.to(DEVICE)
    if "channels-last" in TRAITS:
        network = network.to(memory_format=torch.channels_last)
    return network


def shared(network):
    """The network whose gradients are averaged over the processes."""
    return torch.nn.parallel.DistributedDataParallel(network) if WORLD > 1 else network


def own_part():
    """The patches of a step that this process computes."""
    batch = torch.arange(SET["batch"], device=PATCHES.device)
    return batch[len(batch) * RANK // WORLD : len(batch) * (RANK + 1) // WORLD]


def compiled(function):
    return torch.compile(function, mode="reduce-overhead" if ON_GPU else None) if "compile" in TRAITS else function


def groups(network, is_head, rate):
    learned = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    body = [p for name, p in learned if not is_head(name)]
    head = [p for name, p in learned if is_head(name)]
    return [{"params": body, "lr": rate}, {"params": head, "lr": 10 * rate}]


def sgd(network, is_head, rate, decay):
    fused = None if PLAIN else True
    return torch.optim.SGD(groups(network, is_head, rate), lr=rate, momentum=0.9, weight_decay=decay, fused=fused)


def steps(step):
    """One step on a CPU; on a GPU so many that waiting for the last one counts for little."""
    count = 20 if ON_GPU else 1

    def run():
        for _ in range(count):
            loss = step()
            if PLAIN or not ON_GPU:
                loss.item()
        finished()

    run.share = count
    return run


def finished():
    if ON_GPU:
        torch.cuda.synchronize()


def classifier_step():
    network = prepared(classifier_of(SET)).train()
    # As ours begin from ImageNet weights: batch norms stay as they are, and the stem has no gradient.
    if "backbone" in SET:
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval().requires_grad_(False)
        for layers in (network.backbone.stem, *network.backbone.stages[:2]):
            layers.requires_grad_(False)
    optimizer = sgd(network, lambda name: name.startswith("fc8"), 1e-3, 5e-4)
    replica = shared(network)
    forward = compiled(lambda x: replica(x, 0.94))
    generator = torch.Generator().manual_seed(1)
    batch = own_part()

    def step():
        x, _ = augmented(batch, generator)
        with precision():
            logits = forward(x)
        loss = F.multilabel_soft_margin_loss(logits.float(), LABELS[batch])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        return loss

    return steps(step)


def segmenter_step():
    network = prepared(segmenter_of(SET)).train()
    optimizer = sgd(network, lambda name: not name.startswith("backbone"), 5e-4, 0.01)
    forward = compiled(shared(network))
    masks = raw("masks.bin", 3, N, SIZE, SIZE).long()
    if not PLAIN:
        masks = masks.to(DEVICE)
    generator = torch.Generator().manual_seed(1)
    batch = own_part()

    def step():
        x, flips = augmented(batch, generator)
        targets = masks[:, batch].to(DEVICE)
        targets = torch.where(flips[None, :, None, None], targets.flip(3), targets)
        with precision():
            logits = forward(x)
        losses = [F.cross_entropy(logits.float(), target, ignore_index=K) for target in targets]
        loss = 0.6 * losses[0] + 0.2 * losses[1] + 0.2 * losses[2]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        return loss

    return steps(step)


def inference(network, outcome):
    network = prepared(network).eval()
    forward = compiled(network)

    @torch.inference_mode()
    def run():
        for begin in range(0, N, SET["batch"]):
            with precision():
                out = forward(images(list(range(begin, min(begin + SET["batch"], N)))))
            outcome(out.float()).cpu()

    return run


def write_masks(maps, labels):
    """Class indices from up-sampled maps [n, K, h, w] among the present classes."""
    up = F.interpolate(maps, (SIZE, SIZE), mode="bilinear", align_corners=False)
    return up.masked_fill(labels[:, :, None, None] == 0, -torch.inf).argmax(1).to(torch.uint8).cpu()


def published_map(network, x, level, k):
    """Grad-CAM [n, h, w] of one class at one level by a forward and a whole backward pass of its own, hooks on the module."""
    module = [network.b4_5, network.b5_2, None][level]
    kept = {}

    def keep(_, __, output):
        kept["map"] = output
        output.register_hook(lambda gradient: kept.__setitem__("gradient", gradient))

    handle = None if module is None else module.register_forward_hook(keep)
    features = network.levels(x)[-1]
    if module is None:
        keep(None, None, features)
    network.zero_grad()
    network.classify(features)[0, k].backward()
    if handle is not None:
        handle.remove()
    weights = kept["gradient"].mean((2, 3), keepdim=True)
    return (weights * kept["map"]).sum(1).detach()


def masks_as_published(network):
    """One patch after the other."""

    def run():
        # Whatever its label, every patch costs the same: 24 passes. The first stands for all, or a round would take minutes.
        x = images([0])
        for level in range(3):
            maps = torch.stack([published_map(network, x, level, k)[0] for k in range(K)])[None]
            write_masks(maps, LABELS[[0]])

    run.share = 1 / N
    return run


def fast_maps(network, x):
    """Grad-CAM [n, K, h, w] of all classes at each level: one forward pass, autograd to the three maps alone."""
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    with precision():
        levels = network.levels(x.requires_grad_(True))
        logits = network.classify(levels[-1]).float()
    maps = [[] for _ in levels]
    for k in range(K):
        gradients = torch.autograd.grad(logits[:, k].sum(), levels, retain_graph=k + 1 < K)
        for level, gradient in enumerate(gradients):
            weights = gradient.float().mean((2, 3), keepdim=True)
            maps[level].append((weights * levels[level].detach().float()).sum(1))
    return [torch.stack(of_level, 1) for of_level in maps]


def masks_fast(network):
    def run():
        for begin in range(0, N, SET["batch"]):
            indices = list(range(begin, min(begin + SET["batch"], N)))
            for of_level in fast_maps(network, images(indices)):
                write_masks(of_level, LABELS[indices])

    return run


def pseudo_masks():
    network = prepared(ResNet38(K)).eval()
    if "fast" in TRAITS:
        return masks_fast(network)
    for parameter in network.parameters():
        parameter.requires_grad_(True)
    return masks_as_published(network)


def loader():
    """Decoding, as torch's DataLoader with two workers and PIL do it."""
    from PIL import Image

    files = [os.path.join(DATA, "train", name) for name in sorted(os.listdir(os.path.join(DATA, "train")))]

    class Patches(torch.utils.data.Dataset):
        def __len__(self):
            return len(files)

        def __getitem__(self, index):
            picture = Image.open(files[index]).convert("RGB")
            return torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(SIZE, SIZE, 3)

    def run():
        for batch in torch.utils.data.DataLoader(Patches(), batch_size=20, num_workers=2):
            batch.permute(0, 3, 1, 2).float().div_(255)

    return run


def demo():
    from peer_demo import Demo

    tools = SimpleNamespace(
        prepared=prepared,
        compiled=compiled,
        precision=precision,
        published_map=published_map,
        fast_maps=fast_maps,
        sgd=lambda network, rate, decay: sgd(network, lambda name: False, rate, decay),
    )
    return lambda: Demo(DATA, SET, TRAITS, tools).run()


WORKS = {
    "demo": demo,
    "classifier-step": classifier_step,
    "segmenter-step": segmenter_step,
    "classifier-inference": lambda: inference(classifier_of(SET), torch.sigmoid),
    "segmenter-inference": lambda: inference(segmenter_of(SET), lambda logits: logits.argmax(1)),
    "pseudo-masks": pseudo_masks,
    "loader": loader,
}

work = WORKS[WORK]()
for line in sys.stdin:
    seconds = []
    for _ in range(json.loads(line)["runs"]):
        since = time.perf_counter()
        work()
        seconds.append((time.perf_counter() - since) / getattr(work, "share", 1))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peakBytes": peak, "torch": torch.__version__}), flush=True)
