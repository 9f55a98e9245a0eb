"""Holds a share of the GPU memory that is free, says so, and waits for its standard input to close.

python hold-memory.py SHARE
"""

import sys

import torch

free, _ = torch.cuda.mem_get_info()
held = torch.empty(int(free * float(sys.argv[1])), dtype=torch.uint8, device="cuda")
left, total = torch.cuda.mem_get_info()
print(f"ready: {held.numel() >> 20} MiB are held, {left >> 20} of {total >> 20} MiB are free", flush=True)
sys.stdin.read()
