#include "wsss/weights/pickle_globals.h"

#include <algorithm>
#include <array>
#include <string>

namespace wsss {

namespace {

// Python 2 wrote builtins as __builtin__, NumPy moved its core between versions.
constexpr std::array<AllowedGlobal, 73> kAllowed{{
    {"collections.OrderedDict", CallMeaning::kDictionary},
    {"collections.defaultdict", CallMeaning::kDictionary},
    {"builtins.dict", CallMeaning::kDictionary},
    {"__builtin__.dict", CallMeaning::kDictionary},
    {"builtins.set", CallMeaning::kOpaque},
    {"__builtin__.set", CallMeaning::kOpaque},
    {"torch.Size", CallMeaning::kTuple},
    {"torch._utils._rebuild_tensor", CallMeaning::kCall},
    {"torch._utils._rebuild_tensor_v2", CallMeaning::kCall},
    {"torch._utils._rebuild_parameter", CallMeaning::kCall},
    {"torch._utils._rebuild_parameter_with_state", CallMeaning::kCall},
    {"torch._utils._rebuild_tensor_v3", CallMeaning::kCall},
    {"torch._utils._rebuild_sparse_tensor", CallMeaning::kCall},
    {"torch._utils._rebuild_sparse_csr_tensor", CallMeaning::kCall},
    {"torch._utils._rebuild_nested_tensor", CallMeaning::kCall},
    {"torch._utils._rebuild_qtensor", CallMeaning::kCall},
    {"torch._utils._rebuild_meta_tensor_no_storage", CallMeaning::kCall},
    {"torch._utils._rebuild_wrapper_subclass", CallMeaning::kCall},
    {"torch._utils._rebuild_device_tensor_from_numpy", CallMeaning::kCall},
    {"torch._utils._rebuild_device_tensor_from_cpu_tensor", CallMeaning::kCall},
    {"torch._utils._rebuild_xla_tensor", CallMeaning::kCall},
    {"torch._tensor._rebuild_from_type", CallMeaning::kCall},
    {"torch._tensor._rebuild_from_type_v2", CallMeaning::kCall},
    {"torch.serialization._get_layout", CallMeaning::kOpaque},
    {"torch.device", CallMeaning::kOpaque},
    {"numpy.core.multiarray.scalar", CallMeaning::kOpaque},
    {"numpy._core.multiarray.scalar", CallMeaning::kOpaque},
    {"numpy.dtype", CallMeaning::kOpaque},
    {"_codecs.encode", CallMeaning::kOpaque},
    // Types, which are arguments of the calls above and are never called.
    {"torch.Tensor", CallMeaning::kOpaque},
    {"torch.FloatStorage", CallMeaning::kOpaque},
    {"torch.DoubleStorage", CallMeaning::kOpaque},
    {"torch.HalfStorage", CallMeaning::kOpaque},
    {"torch.BFloat16Storage", CallMeaning::kOpaque},
    {"torch.LongStorage", CallMeaning::kOpaque},
    {"torch.IntStorage", CallMeaning::kOpaque},
    {"torch.ShortStorage", CallMeaning::kOpaque},
    {"torch.CharStorage", CallMeaning::kOpaque},
    {"torch.ByteStorage", CallMeaning::kOpaque},
    {"torch.BoolStorage", CallMeaning::kOpaque},
    {"torch.cuda.FloatStorage", CallMeaning::kOpaque},
    {"torch.cuda.DoubleStorage", CallMeaning::kOpaque},
    {"torch.cuda.HalfStorage", CallMeaning::kOpaque},
    {"torch.cuda.BFloat16Storage", CallMeaning::kOpaque},
    {"torch.cuda.LongStorage", CallMeaning::kOpaque},
    {"torch.cuda.IntStorage", CallMeaning::kOpaque},
    {"torch.cuda.ShortStorage", CallMeaning::kOpaque},
    {"torch.cuda.CharStorage", CallMeaning::kOpaque},
    {"torch.cuda.ByteStorage", CallMeaning::kOpaque},
    {"torch.FloatTensor", CallMeaning::kOpaque},
    {"torch.DoubleTensor", CallMeaning::kOpaque},
    {"torch.HalfTensor", CallMeaning::kOpaque},
    {"torch.LongTensor", CallMeaning::kOpaque},
    {"torch.IntTensor", CallMeaning::kOpaque},
    {"torch.ShortTensor", CallMeaning::kOpaque},
    {"torch.CharTensor", CallMeaning::kOpaque},
    {"torch.ByteTensor", CallMeaning::kOpaque},
    {"torch.cuda.FloatTensor", CallMeaning::kOpaque},
    {"torch.cuda.DoubleTensor", CallMeaning::kOpaque},
    {"torch.cuda.HalfTensor", CallMeaning::kOpaque},
    {"torch.cuda.LongTensor", CallMeaning::kOpaque},
    {"torch.ComplexFloatStorage", CallMeaning::kOpaque},
    {"torch.ComplexDoubleStorage", CallMeaning::kOpaque},
    {"torch.QInt8Storage", CallMeaning::kOpaque},
    {"torch.QUInt8Storage", CallMeaning::kOpaque},
    {"torch.QInt32Storage", CallMeaning::kOpaque},
    {"torch.QUInt4x2Storage", CallMeaning::kOpaque},
    {"torch.QUInt2x4Storage", CallMeaning::kOpaque},
    {"torch.cuda.ComplexFloatStorage", CallMeaning::kOpaque},
    {"torch.cuda.ComplexDoubleStorage", CallMeaning::kOpaque},
    {"torch.storage.UntypedStorage", CallMeaning::kOpaque},
    {"torch.UntypedStorage", CallMeaning::kOpaque},
    {"torch.cuda.UntypedStorage", CallMeaning::kOpaque},
}};

// What could only be there to do harm; of a module without names, everything.
struct Attack {
  std::string_view module;
  std::string_view names;  ///< With a space before and behind each; empty = all.
};
constexpr std::array<Attack, 21> kAttacks{{
    {"os", ""},
    {"posix", ""},
    {"nt", ""},
    {"sys", ""},
    {"subprocess", ""},
    {"commands", " getoutput getstatusoutput "},
    {"socket", ""},
    {"shutil", ""},
    {"pty", ""},
    {"runpy", ""},
    {"importlib", ""},
    {"ctypes", ""},
    {"webbrowser", ""},
    {"code", " interact InteractiveConsole InteractiveInterpreter compile_command "},
    {"codeop", ""},
    {"pip", ""},
    {"pdb", ""},
    {"bdb", ""},
    {"timeit", ""},
    {"builtins", " eval exec compile open __import__ input breakpoint "},
    {"__builtin__", " eval exec execfile compile open file __import__ input raw_input "},
}};

// Of a name in a message, in bytes.
constexpr std::size_t kLongestShown = 80;

}  // namespace

const AllowedGlobal* find_allowed_global(std::string_view name) {
  const auto* found = std::find_if(kAllowed.begin(), kAllowed.end(),
                                   [&](const AllowedGlobal& allowed) { return allowed.name == name; });
  return found == kAllowed.end() ? nullptr : found;
}

bool is_attack(std::string_view module, std::string_view name) {
  // A copy of the environment is common among settings.
  if (module == "os" && name == "_Environ") return false;
  return std::any_of(kAttacks.begin(), kAttacks.end(), [&](const Attack& attack) {
    if (!attack.names.empty()) {
      return module == attack.module && attack.names.find(" " + std::string(name) + " ") != std::string_view::npos;
    }
    return module.substr(0, module.find('.')) == attack.module;
  });
}

bool is_plain(std::string_view module, std::string_view name) {
  static constexpr std::string_view kTypes = " int long float complex bool str unicode bytes list tuple object ";
  if (module == "builtins" || module == "__builtin__") {
    return kTypes.find(" " + std::string(name) + " ") != std::string_view::npos;
  }
  static constexpr std::array<std::string_view, 14> kStarts{
      "int",   "uint", "float",   "bfloat16", "complex",           "bool",          "qint",
      "quint", "bits", "strided", "sparse_",  "contiguous_format", "channels_last", "per_"};
  return module == "torch" &&
         std::any_of(kStarts.begin(), kStarts.end(), [&](std::string_view start) { return name.starts_with(start); });
}

Error forbidden_global(std::string_view name) {
  return Error(ErrorCode::kWeights,
               "it asks for the Python object " + printable(name) +
                   ", which runs programs or code and which no weight file needs; nothing was executed here. Do not "
                   "open it in Python either, and get the weights from elsewhere");
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kLongestShown)) out += c >= ' ' && c <= '~' ? c : '?';
  return text.size() > kLongestShown ? out + "..." : out;
}

}  // namespace wsss
