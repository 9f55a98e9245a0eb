// Test operations on ONNX files: a network as a file, and what the network itself makes of pictures.

#include "rules.h"
#include "workspace.h"
#include "wsss/core/libtorch.h"
#include "wsss/onnx/export_onnx.h"

namespace wsss::test {

namespace {

constexpr std::int64_t kClasses = 3;

/// Where they are in the golden cases' rules.
std::string rule_of(const std::string& backbone) {
  if (backbone == "resnet101") return "resnet";
  return backbone.starts_with("efficientnet") ? "mobilenet" : backbone;
}

onnx::OnnxFile file_of(const Fields& fields) {
  onnx::OnnxFile file{fields.string("path"), std::nullopt, {{"classes", "a, b and c"}}};
  if (fields.boolean("fixed")) file.fixed_size = onnx::MapSize{fields.integer("H"), fields.integer("W")};
  return file;
}

/// [N, 3, H, W] of bytes, as the files read them.
at::Tensor image_of(const Fields& fields) {
  const std::int64_t height = fields.integer("H"), width = fields.integer("W");
  std::vector<at::Tensor> images;
  for (const std::string& tag : fields.strings("tags")) {
    std::vector<std::uint8_t> rgb = synth_image(tag, height, width);
    images.push_back(at::from_blob(rgb.data(), {height, width, 3}, at::kByte).permute({2, 0, 1}).to(at::kFloat));
  }
  return at::stack(images);
}

// {backbone, width, tags, H, W, path, fixed} -> image, probabilities, <level> ...
void classifier(Workspace& w, const Fields& fields) {
  const torch::NoGradGuard no_grad;
  Classifier network = make_classifier(fields.string("backbone"), kClasses, fields.number("width"));
  fill_by_rule(*network, rule_of(fields.string("backbone")), "onnx");
  network->eval();
  const at::Tensor image = image_of(fields);
  Dropout inactive;
  const FeatureLevels features = network->features(image / 255, inactive);
  w.set("image", image);
  w.set("probabilities", network->classify(features.deep, inactive).sigmoid());
  for (const char* name : network->level_names()) w.set(name, features.of(network->level_named(name)));
  onnx::export_onnx(network, file_of(fields));
}

// {backbone, stride, width, headWidth, tags, H, W, path, fixed, output} -> image, logits
void segmenter(Workspace& w, const Fields& fields) {
  const torch::NoGradGuard no_grad;
  DeepLab network(fields.string("backbone"), kClasses, fields.integer("stride"), fields.number("width"),
                  fields.number("headWidth"));
  fill_by_rule(*network, rule_of(fields.string("backbone")), "onnx");
  network->eval();
  const at::Tensor image = image_of(fields);
  Dropout inactive;
  w.set("image", image);
  w.set("logits", network->forward(image / 255, inactive));
  const std::string output = fields.string("output");
  onnx::export_onnx(network,
                    output == "logits"          ? onnx::SegmentationOutput::kLogits
                    : output == "probabilities" ? onnx::SegmentationOutput::kProbabilities
                                                : onnx::SegmentationOutput::kClassMap,
                    file_of(fields));
}

}  // namespace

void add_onnx_operations(OperationTable& table) {
  table["onnx.classifier"] = classifier;
  table["onnx.segmenter"] = segmenter;
}

}  // namespace wsss::test
