"""TIAToolbox's semantic segmentor on a slide, as the peer of bench/slide.mjs: the same network in PyTorch, untrained too.

python slide_peer.py SETTINGS    {"file", "output", "slideMpp", "tilePx", "batchSize", "threads", "backbone", "headWidth"}

Prints {"seconds", "peakMiB"}: of run() alone, without imports and without making the network. Probabilities and classes go to a zarr store, the least
that it can write.
"""

import json
import os
import resource
import sys
import time

SETTINGS = json.loads(sys.argv[1])
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "speed"))

import torch
from networks import segmenter_of
from tiatoolbox.models.engine.io_config import IOSegmentorConfig
from tiatoolbox.models.engine.semantic_segmentor import SemanticSegmentor
from tiatoolbox.models.models_abc import ModelABC
from tiatoolbox.wsicore.wsireader import WSIReader

if SETTINGS["threads"] > 0:
    torch.set_num_threads(SETTINGS["threads"])


class Network(ModelABC):
    """Channels-last, in which PyTorch is fastest here."""

    def __init__(self):
        super().__init__()
        settings = {"backbone": SETTINGS["backbone"], "headWidth": SETTINGS["headWidth"], "classes": 4}
        self.network = segmenter_of(settings).eval().to(memory_format=torch.channels_last)

    def forward(self, pictures):
        return self.network(pictures)

    @staticmethod
    def infer_batch(model, batch_data, *, device):
        pictures = batch_data.to(device).permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last) / 255
        with torch.inference_mode():
            return model(pictures).softmax(1).permute(0, 2, 3, 1).cpu().numpy()


side = SETTINGS["tilePx"]
resolution = {"units": "mpp", "resolution": 0.5}
config = IOSegmentorConfig(
    input_resolutions=[resolution],
    output_resolutions=[resolution],
    save_resolution=resolution,
    patch_input_shape=(side, side),
    patch_output_shape=(side, side),
    stride_shape=(side, side),
)
mpp = SETTINGS["slideMpp"]
reader = WSIReader.open(SETTINGS["file"], mpp=(mpp, mpp), power=10 / mpp)
network = Network()
network.infer_batch(network, torch.zeros(SETTINGS["batchSize"], side, side, 3), device="cpu")
engine = SemanticSegmentor(model=network, batch_size=SETTINGS["batchSize"], num_workers=0, device="cpu", verbose=False)
since = time.perf_counter()
engine.run(
    [reader],
    ioconfig=config,
    patch_mode=False,
    save_dir=SETTINGS["output"],
    output_type="zarr",
    auto_get_mask=True,
)
seconds = time.perf_counter() - since
print(json.dumps({"seconds": seconds, "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
