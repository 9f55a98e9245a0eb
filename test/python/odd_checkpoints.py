"""Checkpoints with what is no plain tensor, as PyTorch writes it. Usage: odd_checkpoints.py OUT"""
import argparse
import enum
import os
import pathlib
import sys
import warnings

import torch
from torch.optim.swa_utils import AveragedModel

warnings.simplefilter("ignore")


class Tagged(torch.Tensor):
    pass


class Mode(enum.Enum):
    TRAIN = 1


out = sys.argv[1]
os.makedirs(out, exist_ok=True)
weight = torch.arange(6.0).reshape(2, 3)
net = torch.nn.Linear(3, 2)
old = {"_use_new_zipfile_serialization": False}


def save(name, what, **options):
    torch.save(what, os.path.join(out, name), **options)


save("sparse.pth", {"weight": weight, "odd": torch.eye(3).to_sparse()})
save("meta.pth", {"weight": weight, "odd": torch.empty(3, device="meta")})
save("quantized.pth", {"weight": weight, "odd": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)})
save("complex.pth", {"weight": weight, "odd": torch.zeros(3, dtype=torch.complex64)})
save("complex_legacy.pth", {"weight": weight, "odd": torch.zeros(3, dtype=torch.complex64)}, **old)
save("uint16.pth", {"weight": weight, "odd": torch.zeros(3, dtype=torch.uint16)})
save("float8.pth", {"weight": weight, "odd": torch.zeros(3).to(torch.float8_e4m3fn)})
save("float8_legacy.pth", {"odd": torch.zeros(3).to(torch.float8_e4m3fn), "weight": weight}, **old)
save("subclass.pth", {"weight": weight.as_subclass(Tagged)})
tagged = torch.nn.Parameter(weight.clone())
tagged.tag = "keep"
attributed = weight.clone()
attributed.note = "x"
save("attributes.pth", {"weight": tagged, "bias": attributed})
objects = {
    "state_dict": {"weight": weight},
    "args": argparse.Namespace(lr=0.1, layers=[1, 2]),
    "mode": Mode.TRAIN,
    "path": pathlib.PurePosixPath("x"),
    "names": {"a", "b"},
}
save("objects.pth", objects)
save("objects_protocol_4.pth", objects, pickle_protocol=4)
save("averaged.pth", AveragedModel(net).state_dict())
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
net(torch.ones(1, 3)).sum().backward()
optimizer.step()
save("trainer.pth", {"optimizer": optimizer.state_dict(), "best": torch.tensor(0.5), "net_g": {"weight": weight, "bias": weight}, "epoch": 3})
save("model.pth", net)
torch.jit.script(net).save(os.path.join(out, "script.pt"))
