"""Reads a classifier that `wsss-tissue convert` wrote, as a user of the published code would, and writes it back.

round_trip.py IN.pth PATCH.rgb SIDE OUT.pth [legacy]

Prints the probabilities of the patch as one JSON list.
"""

import json
import sys

import torch
from resnet38 import ResNet38

source, patch, side, target = sys.argv[1:5]
state = torch.load(source, weights_only=True)
network = ResNet38({name: tuple(tensor.shape) for name, tensor in state.items()})
network.load_state_dict(state, strict=True)
network.eval()
side = int(side)
with open(patch, "rb") as file:
    pixels = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).view(1, side, side, 3)
with torch.no_grad():
    probabilities = torch.sigmoid(network(pixels.permute(0, 3, 1, 2).float() / 255))
# As checkpoints are: nested, parallel, with an optimizer whose state is of no use to anyone else.
checkpoint = {
    "epoch": 3,
    "state_dict": {f"module.{name}": tensor for name, tensor in network.state_dict().items()},
    "optimizer": torch.optim.SGD(network.parameters(), lr=0.1).state_dict(),
}
torch.save(checkpoint, target, _use_new_zipfile_serialization="legacy" not in sys.argv)
print(json.dumps(probabilities[0].tolist()))
