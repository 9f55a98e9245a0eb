"""How much a forward pass of a patch multiplies, and how fast this machine multiplies at best: what the times of bench/speed.mjs are bound by.

python bench/speed/bound.py [PATCH_PX] [THREADS]      with the Python of bench/speed.mjs; 224, all cores

Of each network: multiplications by kind of convolution, those that are left where 3x3 convolutions of stride 1 go by Winograd's filtering
(36 products for 16 outputs instead of 144, whole tiles), and the seconds that these take at the peak, of a product of two matrices of 2048
by 2048 (median of nine).
"""

import math
import statistics
import sys
import time

import torch

from networks import DeepLab, ResNet38

SIZE = int(sys.argv[1]) if len(sys.argv) > 1 else 224
if len(sys.argv) > 2:
    torch.set_num_threads(int(sys.argv[2]))
CLASSES = 4
SIDE = 2048


def by_winograd(convolution, height, width):
    """Products of Winograd's filtering for each channel pair, or None where it is not taken or does not pay."""
    dilation = convolution.dilation[0]
    if convolution.kernel_size != (3, 3) or convolution.stride != (1, 1):
        return None
    if min(convolution.in_channels, convolution.out_channels) < 64:
        return None
    tiles = math.prod(min(dilation, side) * math.ceil(math.ceil(side / dilation) / 4) for side in (height, width))
    return 36 * tiles if 36 * tiles <= 0.5 * 9 * height * width else None


def count(network):
    """Multiplications of one patch by kind, and in all after Winograd's filtering."""
    kinds, left = {}, 0

    def add(convolution, _, output):
        nonlocal left
        height, width = output.shape[2:]
        pairs = convolution.in_channels * convolution.out_channels
        kernel = convolution.kernel_size[0]
        direct = pairs * kernel**2 * height * width
        fewer = by_winograd(convolution, height, width)
        kind = f"{kernel}x{kernel}" + (", strided" if convolution.stride[0] > 1 else "") + (", filtered" if fewer else "")
        kinds[kind] = kinds.get(kind, 0) + direct
        left += pairs * fewer if fewer else direct

    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(add)
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 3, SIZE, SIZE))
    return kinds, left


def peak(dtype):
    """Multiplications a second."""
    some, other = (torch.randn(SIDE, SIDE).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(10):
        since = time.perf_counter()
        some @ other
        seconds.append(time.perf_counter() - since)
    return SIDE**3 / statistics.median(seconds[1:])


peaks = {dtype: peak(dtype) for dtype in (torch.float32, torch.bfloat16)}
print(f"matrix product, {torch.get_num_threads()} threads:")
for dtype, rate in peaks.items():
    print(f"  {str(dtype)[6:]}: {2 * rate / 1e9:.0f} GFLOP/s")
for name, network in (("classifier (ResNet38)", ResNet38(CLASSES)), ("segmenter (ResNet101)", DeepLab(CLASSES))):
    kinds, left = count(network)
    total = sum(kinds.values())
    print(f"{name}, a patch of {SIZE} px: {total / 1e9:.1f} GMAC")
    for kind, amount in sorted(kinds.items(), key=lambda each: -each[1]):
        print(f"  {kind}: {amount / 1e9:.1f}")
    bounds = ", ".join(f"{1000 * left / rate:.0f} ms in {str(dtype)[6:]}" for dtype, rate in peaks.items())
    print(f"  left after filtering: {left / 1e9:.1f} GMAC, at the peak {bounds}")
