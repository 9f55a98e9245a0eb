"""Sum and largest absolute value of every tensor of a checkpoint, by torch.load: tensor_sums.py FILE"""

import json
import sys

import torch

# The files of this test are known; some are older than weights_only.
loaded = torch.load(sys.argv[1], map_location="cpu", weights_only=len(sys.argv) < 3)
state = loaded.get("state_dict", loaded)
print(json.dumps({name: [t.double().sum().item(), t.double().abs().max().item()] for name, t in state.items()}))
