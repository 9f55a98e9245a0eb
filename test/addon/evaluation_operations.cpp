// Test operations on segmentation scores, and the list of a network's tensors.

#include "workspace.h"
#include "wsss/classifier/classifier.h"
#include "wsss/core/libtorch.h"
#include "wsss/evaluation/confusion.h"
#include "wsss/image/resize.h"
#include "wsss/segmenter/deeplab.h"
#include "wsss/weights/foreign_names.h"
#include "wsss/weights/state_dict.h"

namespace wsss::test {

namespace {

at::Tensor doubles(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

// gt<i>, pred<i>; {count, classCount} -> confusion [K, K + 1], scores [4], iou [K], dice [K]
void confusion(Workspace& w, const Fields& fields) {
  const std::int64_t classes = fields.integer("classCount");
  ConfusionMatrix matrix(classes);
  for (std::int64_t i = 0; i < fields.integer("count"); ++i) {
    const at::Tensor truth = w.get("gt" + std::to_string(i)).to(at::kByte).contiguous();
    const at::Tensor prediction = w.get("pred" + std::to_string(i)).to(at::kByte).contiguous();
    matrix.add(truth.const_data_ptr<std::uint8_t>(), prediction.const_data_ptr<std::uint8_t>(), truth.numel());
  }
  const SegmentationScores scores = matrix.scores();
  w.set("confusion", doubles({matrix.counts().begin(), matrix.counts().end()}).view({classes, classes + 1}));
  w.set("scores",
        doubles({scores.pixel_accuracy, scores.mean_class_accuracy, scores.mean_iou, scores.frequency_weighted_iou}));
  w.set("iou", doubles(scores.iou));
  w.set("dice", doubles(scores.dice));
}

// {role: "classifier" | "segmenter", backbone, classCount, outputStride, width} -> one tensor per state-dict entry,
// 0-sized values
void inventory(Workspace& w, const Fields& fields) {
  std::shared_ptr<torch::nn::Module> network;
  const auto classes = fields.integer("classCount");
  const auto backbone = fields.string("backbone");
  const double width = fields.number("width");
  if (fields.string("role") == "classifier") {
    network = make_classifier(backbone, classes, width).ptr();
  } else {
    network = DeepLab(backbone, classes, fields.integer("outputStride"), width).ptr();
  }
  std::string names;
  double parameters = 0.0;
  for (const auto& parameter : network->parameters()) parameters += static_cast<double>(parameter.numel());
  for (const auto& [name, tensor] : with_published_aliases(state_dict(*network))) {
    names += name + ":";
    for (std::int64_t d = 0; d < tensor.dim(); ++d) {
      if (d > 0) names += 'x';
      names += std::to_string(tensor.size(d));
    }
    names += '\n';
  }
  at::Tensor text = at::empty({static_cast<std::int64_t>(names.size())}, at::kByte);
  std::memcpy(text.data_ptr<std::uint8_t>(), names.data(), names.size());
  w.set("inventory", text);
  w.set("parameters", doubles({parameters}));
}

}  // namespace

void add_evaluation_operations(OperationTable& table) {
  table["confusion"] = confusion;
  table["inventory"] = inventory;
}

}  // namespace wsss::test
