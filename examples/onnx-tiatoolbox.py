"""Segments a slide with TIAToolbox's engine and a segmenter of wsss-tissue-native as an ONNX file.

    pip install tiatoolbox==2.1.3 onnxruntime
    npx wsss-tissue convert my-run/segmenter.safetensors segmenter.onnx --output probabilities
    python onnx-tiatoolbox.py segmenter.onnx slide.svs out

The class gate of `wsss-tissue segment` is not in the file.
"""

import json
import sys

import numpy
import onnxruntime
from tiatoolbox.models.engine.io_config import IOSegmentorConfig
from tiatoolbox.models.engine.semantic_segmentor import SemanticSegmentor
from tiatoolbox.models.models_abc import ModelABC

TILE = 512


class OnnxSegmenter(ModelABC):
    """What TIAToolbox asks of a model."""

    def __init__(self, path):
        super().__init__()
        self.session = onnxruntime.InferenceSession(path, providers=onnxruntime.get_available_providers())
        metadata = self.session.get_modelmeta().custom_metadata_map
        self.classes = [one["name"] for one in json.loads(metadata["classes"])]
        self.mpp = float(metadata.get("micronsPerPixel", 0.5))

    def forward(self, *args, **kwargs):
        raise NotImplementedError("infer_batch runs the file")

    @staticmethod
    def infer_batch(model, batch_data, *, device):
        pictures = numpy.asarray(batch_data, numpy.float32).transpose(0, 3, 1, 2)
        (probabilities,) = model.session.run(None, {"image": numpy.ascontiguousarray(pictures)})
        return probabilities.transpose(0, 2, 3, 1)


if __name__ == "__main__":
    path, slide, out = sys.argv[1:]
    model = OnnxSegmenter(path)
    resolution = {"units": "mpp", "resolution": model.mpp}
    config = IOSegmentorConfig(
        input_resolutions=[resolution],
        output_resolutions=[resolution],
        save_resolution=resolution,
        patch_input_shape=(TILE, TILE),
        patch_output_shape=(TILE, TILE),
        stride_shape=(TILE // 2, TILE // 2),
    )
    engine = SemanticSegmentor(model=model, batch_size=4, num_workers=0, device="cpu")
    # "annotationstore" in place of "zarr" gives polygons, where Python's sqlite3 can load extensions.
    written = engine.run([slide], ioconfig=config, patch_mode=False, save_dir=out, output_type="zarr")
    print("classes, by their numbers in `predictions`:", ", ".join(model.classes))
    print(written)
