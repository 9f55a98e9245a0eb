// Test operations that make weights and images by the golden cases' rules.

#include <cstring>
#include <sstream>

#include "rules.h"
#include "workspace.h"
#include "wsss/core/libtorch.h"

namespace wsss::test {

std::string js_number(double value) {
  // The golden names carry gamma with at most six decimals.
  std::ostringstream text;
  text.precision(6);
  text << value;
  return text.str();
}

at::Tensor rule_images(const std::vector<std::string>& tags, std::int64_t height, std::int64_t width,
                       c10::ScalarType dtype) {
  std::vector<at::Tensor> images;
  for (const auto& tag : tags) {
    auto bytes = synth_image(tag, height, width);
    images.push_back(at::from_blob(bytes.data(), {height, width, 3}, at::kByte).permute({2, 0, 1}).clone());
  }
  // The division is made in float32 whatever the network computes in, as the cases are defined.
  return at::stack(images).to(at::kFloat).div_(255.0).to(dtype);
}

void add_rule_operations(OperationTable& table) {
  // {key, shape, scale, offset} -> out
  table["tensor_uniform"] = [](Workspace& w, const Fields& fields) {
    std::vector<std::int64_t> shape;
    for (const double size : fields.numbers("shape")) shape.push_back(static_cast<std::int64_t>(size));
    w.set("out", tensor_uniform(fields.string("key"), shape, fields.number("scale"), fields.number("offset")));
  };
  // {netKey, weightTag, name, shape} -> out
  table["rule_weight"] = [](Workspace& w, const Fields& fields) {
    std::vector<std::int64_t> shape;
    for (const double size : fields.numbers("shape")) shape.push_back(static_cast<std::int64_t>(size));
    w.set("out", rule_weight(fields.string("netKey"), fields.string("weightTag"), fields.string("name"), shape));
  };
  // {key, H, W, pitch} -> out [H, W]
  table["noise_field"] = [](Workspace& w, const Fields& fields) {
    const auto height = fields.integer("H"), width = fields.integer("W");
    auto field = noise_field(fields.string("key"), height, width, fields.integer("pitch"));
    w.set("out", at::from_blob(field.data(), {height, width}, at::kByte).clone());
  };
  // {tag, H, W} -> out [H, W, 3]
  table["synth_image"] = [](Workspace& w, const Fields& fields) {
    const auto height = fields.integer("H"), width = fields.integer("W");
    auto image = synth_image(fields.string("tag"), height, width);
    w.set("out", at::from_blob(image.data(), {height, width, 3}, at::kByte).clone());
  };
}

}  // namespace wsss::test
