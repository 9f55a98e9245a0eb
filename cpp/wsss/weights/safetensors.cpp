#include "wsss/weights/safetensors.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>

#include "wsss/core/error.h"
#include "wsss/weights/atomic_file.h"
#include "wsss/weights/byte_reader.h"
#include "wsss/weights/containers.h"
#include "wsss/weights/json.h"
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

struct Entry {
  std::string name;
  c10::ScalarType type;
  std::vector<std::int64_t> shape;
  std::uint64_t begin;
  std::uint64_t size;
};

Entry parse_entry(const std::string& name, const Json& json, std::uint64_t data_size) {
  const std::string where = "tensor " + name;
  if (json.kind != Json::Kind::kObject) throw Error(ErrorCode::kWeights, where + " is not described by an object");
  const std::string& type_name = member(json, "dtype", Json::Kind::kString, where).string;
  const auto* row = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& t) { return type_name == t.name; });
  if (row == kTypes.end()) throw Error(ErrorCode::kWeights, where + " has the unknown type " + type_name);

  Entry entry{name, row->type, {}, 0, 0};
  std::uint64_t bytes = c10::elementSize(row->type);
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
  if (end < entry.begin || end > data_size || end - entry.begin != bytes) {
    throw Error(ErrorCode::kWeights, where + " lies outside the file or does not match its shape");
  }
  entry.size = bytes;
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
