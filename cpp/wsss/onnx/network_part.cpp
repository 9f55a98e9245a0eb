#include "wsss/onnx/network_part.h"

#include <utility>

namespace wsss::onnx {

namespace {

std::string joined(const std::string& name, const std::string& part) { return name.empty() ? part : name + "." + part; }

}  // namespace

NetworkPart::NetworkPart(const torch::nn::Module& module, std::string name)
    : module_(&module), name_(std::move(name)) {}

bool NetworkPart::has(const std::string& name) const { return module_->named_children().contains(name); }

NetworkPart NetworkPart::operator[](const std::string& name) const {
  const auto children = module_->named_children();
  const auto* found = children.find(name);
  if (found == nullptr) throw Error(ErrorCode::kInternal, "the network has no module " + joined(name_, name));
  return NetworkPart(**found, joined(name_, name));
}

std::vector<NetworkPart> NetworkPart::parts() const {
  std::vector<NetworkPart> parts;
  for (const auto& child : module_->named_children()) parts.emplace_back(*child.value(), joined(name_, child.key()));
  return parts;
}

}  // namespace wsss::onnx
