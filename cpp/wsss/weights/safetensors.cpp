#include "wsss/weights/safetensors.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "wsss/core/error.h"
#include "wsss/weights/atomic_file.h"
#include "wsss/weights/json.h"

namespace wsss {

static_assert(std::endian::native == std::endian::little, "safetensors data is little endian");

namespace {

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kLongestHeader = 100'000'000;  // The limit of the reference implementation.
constexpr std::uint64_t kAlignment = 8;

struct TypeRow {
  const char* name;
  c10::ScalarType type;
};
constexpr std::array<TypeRow, 9> kTypes{{{"F32", c10::kFloat},
                                         {"F64", c10::kDouble},
                                         {"F16", c10::kHalf},
                                         {"BF16", c10::kBFloat16},
                                         {"I64", c10::kLong},
                                         {"I32", c10::kInt},
                                         {"I8", c10::kChar},
                                         {"U8", c10::kByte},
                                         {"BOOL", c10::kBool}}};

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

SafetensorsFile read_safetensors(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) {
    throw Error(ErrorCode::kIo, "cannot read " + path + ": " + std::strerror(errno), {{"path", path}});
  }
  const auto file_size = static_cast<std::uint64_t>(file.tellg());
  const auto broken = [&](const std::string& what) {
    return Error(ErrorCode::kWeights, path + " is not a valid safetensors file: " + what, {{"path", path}});
  };
  std::uint64_t header_size = 0;
  file.seekg(0);
  if (file_size < kLengthBytes || !file.read(reinterpret_cast<char*>(&header_size), kLengthBytes) ||
      header_size > kLongestHeader || header_size > file_size - kLengthBytes) {
    throw broken("its header is missing or longer than the file; is it cut off, or another container?");
  }
  std::string header(header_size, '\0');
  if (!file.read(header.data(), static_cast<std::streamsize>(header_size))) throw broken("it is cut off");

  SafetensorsFile result;
  const std::uint64_t data_start = kLengthBytes + header_size;
  std::vector<Entry> entries;
  try {
    const Json json = parse_json(header);
    if (json.kind != Json::Kind::kObject) throw Error(ErrorCode::kWeights, "the header is not an object");
    for (const auto& [name, value] : json.object) {
      if (name != "__metadata__") {
        entries.push_back(parse_entry(name, value, file_size - data_start));
        continue;
      }
      for (const auto& [key, text] : value.object) result.metadata[key] = text.string;
    }
  } catch (const Error& error) {
    throw broken(error.what());
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.begin < b.begin; });
  std::uint64_t covered = 0;
  for (const Entry& entry : entries) {
    if (entry.begin < covered) throw broken("tensor " + entry.name + " overlaps another");
    covered = entry.begin + entry.size;
    at::Tensor tensor = at::empty(entry.shape, entry.type);
    file.seekg(static_cast<std::streamoff>(data_start + entry.begin));
    if (!file.read(static_cast<char*>(tensor.data_ptr()), static_cast<std::streamsize>(entry.size))) {
      throw broken("it ends inside tensor " + entry.name);
    }
    result.tensors.emplace_back(entry.name, std::move(tensor));
  }
  return result;
}

void write_safetensors(const std::string& path, const StateDict& tensors,
                       const std::map<std::string, std::string>& metadata) {
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
    const auto* row =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& t) { return tensor.scalar_type() == t.type; });
    if (row == kTypes.end()) throw Error(ErrorCode::kInternal, "tensor " + name + " has a type that cannot be saved");
    if (header.size() > 1) header += ",";
    header += json_string(name) + R"(:{"dtype":")" + row->name + R"(","shape":[)";
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
