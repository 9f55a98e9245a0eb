#include "wsss/weights/safetensors.h"

#include <algorithm>
#include <array>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/weights/atomic_file.h"
#include "wsss/weights/byte_reader.h"
#include "wsss/weights/containers.h"
#include "wsss/weights/json.h"
#include "wsss/weights/pickle_globals.h"
#include "wsss/weights/raw_tensor.h"

namespace wsss {

namespace {

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kLongestHeader = 100'000'000;  // The limit of the reference implementation.
constexpr std::uint64_t kAlignment = 8;
constexpr std::size_t kMostDimensions = 16;

struct TypeRow {
  const char* name;
  c10::ScalarType type;
};
constexpr std::array<TypeRow, 10> kTypes{{{"F32", c10::kFloat},
                                          {"F64", c10::kDouble},
                                          {"F16", c10::kHalf},
                                          {"BF16", c10::kBFloat16},
                                          {"I64", c10::kLong},
                                          {"I32", c10::kInt},
                                          {"I16", c10::kShort},
                                          {"I8", c10::kChar},
                                          {"U8", c10::kByte},
                                          {"BOOL", c10::kBool}}};

const char* type_name(c10::ScalarType type, const std::string& tensor_name) {
  const auto* row = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& t) { return t.type == type; });
  if (row == kTypes.end())
    throw Error(ErrorCode::kWeights, "tensor " + tensor_name + " has a type that cannot be saved");
  return row->name;
}

const Json& member(const Json& object, const std::string& name, Json::Kind kind, const std::string& where) {
  for (const auto& [key, value] : object.object) {
    if (key == name && value.kind == kind) return value;
  }
  throw Error(ErrorCode::kWeights, where + " lacks " + name);
}

std::uint64_t whole_number(const Json& value, const std::string& where) {
  constexpr double kLargest = 9007199254740992.0;  // 2^53
  if (value.kind != Json::Kind::kNumber || value.number < 0.0 || value.number > kLargest ||
      value.number != static_cast<double>(static_cast<std::uint64_t>(value.number))) {
    throw Error(ErrorCode::kWeights, where + " must be a whole number of 0 or more");
  }
  return static_cast<std::uint64_t>(value.number);
}

/// A tensor of a header. Those of types that our networks never have are passed over.
struct Entry {
  std::string name;
  c10::ScalarType type;
  std::vector<std::int64_t> shape;
  std::uint64_t begin;
  std::uint64_t size;
  std::string unread_kind;
};

/// Types of the format that are not read, and what PyTorch calls them.
constexpr std::array<std::array<std::string_view, 2>, 11> kUnread{{{"U16", "uint16"},
                                                                   {"U32", "uint32"},
                                                                   {"U64", "uint64"},
                                                                   {"C64", "complex64"},
                                                                   {"F8_E4M3", "float8_e4m3fn"},
                                                                   {"F8_E5M2", "float8_e5m2"},
                                                                   {"F8_E4M3FNUZ", "float8_e4m3fnuz"},
                                                                   {"F8_E5M2FNUZ", "float8_e5m2fnuz"},
                                                                   {"F8_E8M0", "float8_e8m0fnu"},
                                                                   {"F4", "float4_e2m1fn_x2"},
                                                                   {"C128", "complex128"}}};

std::string unread_name(std::string_view type) {
  const auto* row = std::find_if(kUnread.begin(), kUnread.end(), [&](const auto& one) { return one[0] == type; });
  return row == kUnread.end() ? "of the type " + printable(type) : std::string((*row)[1]);
}

Entry parse_entry(const std::string& name, const Json& json, std::uint64_t data_size) {
  const std::string where = "tensor " + name;
  if (json.kind != Json::Kind::kObject) throw Error(ErrorCode::kWeights, where + " is not described by an object");
  const std::string& type_name = member(json, "dtype", Json::Kind::kString, where).string;
  const auto* row = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& t) { return type_name == t.name; });
  const bool is_known = row != kTypes.end();
  Entry entry{name, is_known ? row->type : c10::kByte, {}, 0, 0, is_known ? "" : unread_name(type_name)};
  std::uint64_t bytes = c10::elementSize(entry.type);
  for (const Json& size : member(json, "shape", Json::Kind::kArray, where).array) {
    const std::uint64_t extent = whole_number(size, where + ": shape");
    entry.shape.push_back(static_cast<std::int64_t>(extent));
    if (__builtin_mul_overflow(bytes, extent, &bytes)) throw Error(ErrorCode::kWeights, where + " is too large");
  }
  checked_element_count(entry.shape, name);
  if (entry.shape.size() > kMostDimensions) throw Error(ErrorCode::kWeights, where + " has more than 16 dimensions");
  const auto& offsets = member(json, "data_offsets", Json::Kind::kArray, where).array;
  if (offsets.size() != 2) throw Error(ErrorCode::kWeights, where + " needs two data_offsets");
  entry.begin = whole_number(offsets[0], where + ": data_offsets");
  const std::uint64_t end = whole_number(offsets[1], where + ": data_offsets");
  // How many bytes an element of an unread type takes is not known here.
  if (end < entry.begin || end > data_size || (is_known && end - entry.begin != bytes)) {
    throw Error(ErrorCode::kWeights, where + " lies outside the file or does not match its shape");
  }
  entry.size = end - entry.begin;
  return entry;
}

}  // namespace

bool is_safetensors(std::span<const std::byte> bytes) {
  if (bytes.size() < kLengthBytes + 2) return false;
  return ByteReader(bytes).read<std::uint64_t>() <= kLongestHeader && bytes[kLengthBytes] == std::byte{'{'};
}

WeightFile read_safetensors_container(const WeightBytes& file) {
  ByteReader in(file.bytes);
  const auto header_size = in.read<std::uint64_t>();
  if (header_size > kLongestHeader) throw Error(ErrorCode::kWeights, "its header is longer than 100 MB");
  const Json header = parse_json(in.text(header_size));
  if (header.kind != Json::Kind::kObject) throw Error(ErrorCode::kWeights, "its header is not an object");

  WeightFile result;
  result.container = "safetensors";
  const auto data = file.bytes.subspan(in.position());
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.object) {
    if (name != "__metadata__") {
      entries.push_back(parse_entry(name, value, data.size()));
      continue;
    }
    for (const auto& [key, text] : value.object) result.metadata[key] = text.string;
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.begin < b.begin; });
  std::uint64_t covered = 0;
  for (const Entry& entry : entries) {
    if (entry.begin < covered) throw Error(ErrorCode::kWeights, "tensor " + entry.name + " overlaps another");
    if (entry.begin > covered) throw Error(ErrorCode::kWeights, "bytes before " + entry.name + " belong to no tensor");
    covered = entry.begin + entry.size;
    if (!entry.unread_kind.empty()) {
      result.unread.push_back({entry.name, entry.unread_kind});
      continue;
    }
    result.tensors.emplace_back(
        entry.name, flat_tensor(file.part(data.subspan(entry.begin, entry.size)), entry.type).view(entry.shape));
  }
  if (covered != data.size()) throw Error(ErrorCode::kWeights, "bytes at its end belong to no tensor");
  return result;
}

void write_safetensors(const std::string& path, const StateDict& tensors,
                       const std::map<std::string, std::string>& metadata) {
  require_unique_names(tensors, path);
  std::string header = "{";
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      if (header.back() != '{') header += ",";
      header += json_string(key) + ":" + json_string(value);
    }
    header += "}";
  }
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const char* type = type_name(tensor.scalar_type(), name);
    if (header.size() > 1) header += ",";
    header += json_string(name) + R"(:{"dtype":")" + type + R"(","shape":[)";
    for (std::int64_t d = 0; d < tensor.dim(); ++d) {
      if (d > 0) header += ',';
      header += std::to_string(tensor.size(d));
    }
    const std::uint64_t end = offset + static_cast<std::uint64_t>(tensor.numel()) * tensor.element_size();
    header += "],\"data_offsets\":[" + std::to_string(offset) + "," + std::to_string(end) + "]}";
    offset = end;
  }
  header += "}";
  while ((kLengthBytes + header.size()) % kAlignment != 0) header += ' ';

  AtomicFile file(path);
  const std::uint64_t header_size = header.size();
  file.write(&header_size, kLengthBytes);
  file.write(header.data(), header.size());
  for (const auto& item : tensors) {
    const at::Tensor bytes = item.second.detach().to(torch::kCPU).contiguous();
    file.write(bytes.const_data_ptr(), bytes.nbytes());
  }
  file.commit();
}

}  // namespace wsss
