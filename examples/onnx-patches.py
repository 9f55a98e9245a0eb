"""Segments pictures with an ONNX file of wsss-tissue-native: no PyTorch, no Node.

    pip install onnxruntime numpy pillow
    npx wsss-tissue convert my-run/segmenter.safetensors segmenter.onnx
    python onnx-patches.py segmenter.onnx maps patch.png ...

Writes for each picture a class map as an index PNG in the classes' colours, and prints the share of each class.
"""

import json
import pathlib
import sys

import numpy
import onnxruntime
from PIL import Image

model, out, *pictures = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=onnxruntime.get_available_providers())
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
palette = [value for one in classes for value in one["colour"]]
pathlib.Path(out).mkdir(parents=True, exist_ok=True)

for picture in pictures:
    rgb = numpy.asarray(Image.open(picture).convert("RGB"), numpy.float32)  # [H, W, 3], 0 to 255
    (scores,) = session.run(None, {"image": rgb.transpose(2, 0, 1)[None]})
    # Logits and probabilities have an axis of classes; a class map is one already.
    indices = scores[0] if scores.dtype == numpy.uint8 else scores[0].argmax(0).astype(numpy.uint8)
    image = Image.fromarray(indices, "P")
    image.putpalette(palette)
    image.save(pathlib.Path(out, pathlib.Path(picture).stem + ".png"))
    shares = {one["name"]: float((indices == index).mean()) for index, one in enumerate(classes)}
    print(picture, json.dumps(shares))
