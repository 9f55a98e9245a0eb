// The parts of a network, found by the names that they have in checkpoints.
#pragma once

#include <torch/nn/module.h>

#include <string>
#include <vector>

#include "wsss/core/error.h"

namespace wsss::onnx {

/// A module of a network and its name in it. The network must outlive it.
class NetworkPart {
 public:
  explicit NetworkPart(const torch::nn::Module& module, std::string name = {});

  bool has(const std::string& name) const;
  /// @throws Error kInternal if there is no such part.
  NetworkPart operator[](const std::string& name) const;
  /// In the order in which they were registered.
  std::vector<NetworkPart> parts() const;

  /// The module as what it is.
  /// @throws Error kInternal if it is something else.
  template <typename Module>
  const Module& as() const {
    if (const auto* found = dynamic_cast<const Module*>(module_)) return *found;
    throw Error(ErrorCode::kInternal, "the module " + name_ + " is not of the expected type");
  }
  template <typename Module>
  bool is() const {
    return dynamic_cast<const Module*>(module_) != nullptr;
  }

  /// Its whole name, such as "backbone.layer1.0.conv1"; empty for the network itself.
  const std::string& name() const { return name_; }

 private:
  const torch::nn::Module* module_;
  std::string name_;
};

}  // namespace wsss::onnx
