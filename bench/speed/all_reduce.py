"""What PyTorch's Gloo takes to add up so many float32 numbers over the processes of a group, in buckets of 4 MiB, with nothing else to do.

python all_reduce.py NUMBERS

Reads one JSON object a line, {"runs": n}, and answers {"seconds": [...]}: the mean of ten sums after one.
"""

import json
import sys
import time

import torch

torch.set_num_threads(1)
torch.distributed.init_process_group("gloo")
BUCKETS = torch.zeros(int(sys.argv[1])).split(1 << 20)


def add_up():
    for work in [torch.distributed.all_reduce(bucket, async_op=True) for bucket in BUCKETS]:
        work.wait()


for line in sys.stdin:
    seconds = []
    for _ in range(json.loads(line)["runs"]):
        add_up()
        since = time.perf_counter()
        for _ in range(10):
            add_up()
        seconds.append((time.perf_counter() - since) / 10)
    print(json.dumps({"seconds": seconds}), flush=True)
