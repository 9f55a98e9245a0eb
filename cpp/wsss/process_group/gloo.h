// Connections between processes by Gloo, which lies in LibTorch.
#pragma once

#include <c10/util/intrusive_ptr.h>

#include <functional>

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace wsss {

struct ProcessGroupOptions;

/// Connections to all other processes of a group.
struct GlooConnections {
  c10::intrusive_ptr<c10d::Backend> backend;
  /// Lets everything that is under way fail, here and in the others; without it the backend waits for it when it ends.
  std::function<void()> close;
};

/// Connects this process with the others of its group. The interface is that from which the store is reached, or what
/// GLOO_SOCKET_IFNAME names, as in PyTorch.
GlooConnections connect_gloo(const c10::intrusive_ptr<c10d::Store>& store, const ProcessGroupOptions& options);

}  // namespace wsss
