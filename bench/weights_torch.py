"""One measurement of bench/weights.mjs by PyTorch: loads IN into a ResNet38 and saves OUT."""

import json
import os
import resource
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "test", "python"))
from resnet38 import ResNet38  # noqa: E402

source, target = sys.argv[1:3]
is_safetensors = source.endswith(".safetensors")
if is_safetensors:
    from safetensors.torch import load_file, save_file

since = time.perf_counter()
state = load_file(source) if is_safetensors else torch.load(source, weights_only=True)
network = ResNet38({name: tuple(tensor.shape) for name, tensor in state.items()})
network.load_state_dict(state, strict=True)
load = time.perf_counter() - since

since = time.perf_counter()
if is_safetensors:
    save_file(network.state_dict(), target)
else:
    torch.save(network.state_dict(), target)
save = time.perf_counter() - since
with open(target, "rb") as file:
    os.fsync(file.fileno())
flushed = time.perf_counter() - since
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"load": load, "save": save, "flushed": flushed, "memoryBytes": memory}))
