#include "wsss/core/recompute.h"

#include <torch/custom_class.h>

#include <utility>
#include <vector>

#include "wsss/core/libtorch.h"
#include "wsss/core/precision.h"
#include "wsss/core/shared_step.h"

namespace wsss {

namespace {

using Function = std::function<at::Tensor(const at::Tensor&)>;
using torch::autograd::variable_list;

// Of the thread. NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
thread_local bool scope_is_on = false;
thread_local bool recomputing = false;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

/// What the backward pass, on a thread of its own on a GPU, has to know.
struct Block : torch::CustomClassHolder {
  Function function;
  Precision precision = Precision::kFloat32;
  const SharedStep* step = nullptr;
};

class RecomputingScope {
 public:
  RecomputingScope() : previous_(std::exchange(recomputing, true)) {}
  ~RecomputingScope() { recomputing = previous_; }
  RecomputingScope(const RecomputingScope&) = delete;
  RecomputingScope& operator=(const RecomputingScope&) = delete;

 private:
  bool previous_;
};

/// The input as the block's own leaf, so that gradients end there.
at::Tensor leaf_of(const at::Tensor& x) { return x.detach().requires_grad_(x.requires_grad()); }

class Recomputed : public torch::autograd::Function<Recomputed> {
 public:
  /// @param parameters  inputs too, or a block whose input needs no gradient would not be asked for those of its
  ///                    weights.
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::TensorList& parameters, const c10::intrusive_ptr<Block>& block) {
    variable_list kept{x};
    kept.insert(kept.end(), parameters.begin(), parameters.end());
    context->save_for_backward(std::move(kept));
    context->saved_data["block"] = c10::IValue::make_capsule(block);
    // With gradients, which is another way through the layers than without; what it records dies with `inside`.
    const torch::AutoGradMode recording(true);
    const at::Tensor inside = block->function(leaf_of(x));
    return inside.detach();
  }

  static variable_list backward(torch::autograd::AutogradContext* context, const variable_list& gradients) {
    const variable_list kept = context->get_saved_variables();
    const auto block = c10::static_intrusive_pointer_cast<Block>(context->saved_data["block"].toCapsule());
    const torch::AutoGradMode recording(true);
    const PrecisionScope precision(block->precision);
    const SharedStepScope step(block->step);
    const RecomputingScope again;
    variable_list inputs{leaf_of(kept.front())};
    inputs.insert(inputs.end(), kept.begin() + 1, kept.end());
    const at::Tensor output = block->function(inputs.front());
    variable_list wanted;
    for (const auto& input : inputs) {
      if (input.requires_grad()) wanted.push_back(input);
    }
    const variable_list found = torch::autograd::grad({output}, wanted, {gradients.front()}, /*retain_graph=*/false,
                                                      /*create_graph=*/false, /*allow_unused=*/true);
    variable_list result;
    auto next = found.begin();
    for (const auto& input : inputs) result.push_back(input.requires_grad() ? *next++ : at::Tensor());
    result.emplace_back();  // The block itself.
    return result;
  }
};

}  // namespace

RecomputeScope::RecomputeScope(bool on) : previous_(std::exchange(scope_is_on, on)) {}

RecomputeScope::~RecomputeScope() { scope_is_on = previous_; }

bool is_recomputing() { return recomputing; }

at::Tensor recomputed(const torch::nn::Module& module, const at::Tensor& x, const Function& block) {
  if (!scope_is_on || !at::GradMode::is_enabled()) return block(x);
  const variable_list parameters = module.parameters();
  bool learns = x.requires_grad();
  for (const auto& parameter : parameters) learns = learns || parameter.requires_grad();
  if (!learns) return block(x);
  auto kept = c10::make_intrusive<Block>();
  kept->function = block;
  kept->precision = current_precision();
  kept->step = shared_step();
  return Recomputed::apply(x, at::TensorList(parameters), kept);
}

}  // namespace wsss
