#include "wsss/weights/pickle_globals.h"

#include <algorithm>
#include <array>
#include <string>

namespace wsss {

namespace {

// Python 2 wrote builtins as __builtin__, NumPy moved its core between versions.
constexpr std::array<AllowedGlobal, 48> kAllowed{{
    {"collections.OrderedDict", CallMeaning::kDictionary},
    {"collections.defaultdict", CallMeaning::kDictionary},
    {"builtins.dict", CallMeaning::kNever},
    {"__builtin__.dict", CallMeaning::kNever},
    {"builtins.set", CallMeaning::kOpaque},
    {"__builtin__.set", CallMeaning::kOpaque},
    {"torch.Size", CallMeaning::kTuple},
    {"torch._utils._rebuild_tensor", CallMeaning::kCall},
    {"torch._utils._rebuild_tensor_v2", CallMeaning::kCall},
    {"torch._utils._rebuild_parameter", CallMeaning::kCall},
    {"torch._utils._rebuild_parameter_with_state", CallMeaning::kCall},
    {"torch.device", CallMeaning::kOpaque},
    {"torch.Tensor", CallMeaning::kNever},
    {"torch.FloatStorage", CallMeaning::kNever},
    {"torch.DoubleStorage", CallMeaning::kNever},
    {"torch.HalfStorage", CallMeaning::kNever},
    {"torch.BFloat16Storage", CallMeaning::kNever},
    {"torch.LongStorage", CallMeaning::kNever},
    {"torch.IntStorage", CallMeaning::kNever},
    {"torch.ShortStorage", CallMeaning::kNever},
    {"torch.CharStorage", CallMeaning::kNever},
    {"torch.ByteStorage", CallMeaning::kNever},
    {"torch.BoolStorage", CallMeaning::kNever},
    {"torch.cuda.FloatStorage", CallMeaning::kNever},
    {"torch.cuda.DoubleStorage", CallMeaning::kNever},
    {"torch.cuda.HalfStorage", CallMeaning::kNever},
    {"torch.cuda.BFloat16Storage", CallMeaning::kNever},
    {"torch.cuda.LongStorage", CallMeaning::kNever},
    {"torch.cuda.IntStorage", CallMeaning::kNever},
    {"torch.cuda.ShortStorage", CallMeaning::kNever},
    {"torch.cuda.CharStorage", CallMeaning::kNever},
    {"torch.cuda.ByteStorage", CallMeaning::kNever},
    {"torch.FloatTensor", CallMeaning::kNever},
    {"torch.DoubleTensor", CallMeaning::kNever},
    {"torch.HalfTensor", CallMeaning::kNever},
    {"torch.LongTensor", CallMeaning::kNever},
    {"torch.IntTensor", CallMeaning::kNever},
    {"torch.ShortTensor", CallMeaning::kNever},
    {"torch.CharTensor", CallMeaning::kNever},
    {"torch.ByteTensor", CallMeaning::kNever},
    {"torch.cuda.FloatTensor", CallMeaning::kNever},
    {"torch.cuda.DoubleTensor", CallMeaning::kNever},
    {"torch.cuda.HalfTensor", CallMeaning::kNever},
    {"torch.cuda.LongTensor", CallMeaning::kNever},
    {"numpy.core.multiarray.scalar", CallMeaning::kOpaque},
    {"numpy._core.multiarray.scalar", CallMeaning::kOpaque},
    {"numpy.dtype", CallMeaning::kOpaque},
    {"_codecs.encode", CallMeaning::kOpaque},
}};

// Of a name in a message, in bytes.
constexpr std::size_t kLongestShown = 80;

/// Text of a file inside a message: short, and without anything that a terminal would obey.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kLongestShown)) out += c >= ' ' && c <= '~' ? c : '?';
  return text.size() > kLongestShown ? out + "..." : out;
}

}  // namespace

const AllowedGlobal* find_allowed_global(std::string_view name) {
  const auto* found = std::find_if(kAllowed.begin(), kAllowed.end(),
                                   [&](const AllowedGlobal& allowed) { return allowed.name == name; });
  return found == kAllowed.end() ? nullptr : found;
}

Error forbidden_global(std::string_view name) {
  return Error(ErrorCode::kWeights,
               "it asks for the Python object " + printable(name) +
                   ", which no weight file needs; nothing was executed. If it holds a whole model or "
                   "its settings, save its state_dict() alone");
}

}  // namespace wsss
