"""One inference engine as a peer of bench/speed.mjs: the same network, written as ONNX, with what follows it; answers as peer.py does.

python peer_engine.py WORK VARIANT DATA THREADS DEVICE

WORK     classifier-inference or segmenter-inference.
VARIANT  onnxruntime; openvino; or openvino+bf16, where the processor has it.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

WORK, VARIANT, DATA, THREADS, DEVICE = sys.argv[1:6]
with open(os.path.join(DATA, "set.json")) as file:
    SET = json.load(file)
N, SIZE, BATCH = SET["count"], SET["size"], SET["batch"]


def export(path):
    """Writes the network from bytes to what a user gets: nobody feeds an engine floats that were made elsewhere for nothing."""
    import torch

    from networks import classifier_of, segmenter_of

    is_classifier = WORK == "classifier-inference"

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = classifier_of(SET) if is_classifier else segmenter_of(SET)

        def forward(self, patches):
            logits = self.network(patches.permute(0, 3, 1, 2).float() / 255)
            return torch.sigmoid(logits) if is_classifier else logits.argmax(1).to(torch.uint8)

    patches = torch.zeros(BATCH, SIZE, SIZE, 3, dtype=torch.uint8)
    torch.onnx.export(Whole().eval(), (patches,), path, opset_version=17, dynamo=False, input_names=["patches"])


if len(sys.argv) > 6:
    export(sys.argv[6])
    sys.exit(0)


def onnxruntime_session(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(THREADS)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(None, {"patches": batch})


def openvino_session(path):
    import openvino

    hint = "bf16" if "bf16" in VARIANT else "f32"
    settings = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    if int(THREADS) > 0:
        settings["INFERENCE_NUM_THREADS"] = int(THREADS)
    model = openvino.Core().compile_model(path, "CPU", settings)
    request = model.create_infer_request()
    return lambda batch: request.infer({"patches": batch})


# In a process of its own, so that the memory of this one is the engine's.
network = os.path.join(tempfile.mkdtemp(prefix="wsss-engine-"), "network.onnx")
subprocess.run([sys.executable, *sys.argv, network], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
session = (onnxruntime_session if VARIANT == "onnxruntime" else openvino_session)(network)

import numpy

patches = numpy.fromfile(os.path.join(DATA, "patches.bin"), numpy.uint8).reshape(N, SIZE, SIZE, 3)
batches = [patches[begin : begin + BATCH] for begin in range(0, N, BATCH)]
for line in sys.stdin:
    seconds = []
    for _ in range(json.loads(line)["runs"]):
        since = time.perf_counter()
        for batch in batches:
            session(batch)
        seconds.append(time.perf_counter() - since)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peakBytes": peak}), flush=True)
