// PyTorch 1.6 and later: a zip archive of stored (never compressed) records, PREFIX/data.pkl and PREFIX/data/KEY.
// Format of the archive: PKWARE's APPNOTE 6.3, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16.

#include <algorithm>
#include <map>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/weights/byte_reader.h"
#include "wsss/weights/containers.h"
#include "wsss/weights/other_contents.h"
#include "wsss/weights/raw_tensor.h"
#include "wsss/weights/torch_pickle.h"

namespace wsss {

namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kEnd64LocatorSignature = 0x07064b50;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64LocatorBytes = 20;
constexpr std::size_t kLongestComment = 65535;
constexpr std::uint16_t kZip64Extra = 0x0001;
constexpr std::uint32_t kIn64 = 0xFFFFFFFF;
constexpr std::uint16_t kEncrypted = 1;

Error broken(const std::string& what) { return Error(ErrorCode::kWeights, what); }

struct Record {
  std::uint64_t header = 0;  ///< Position of its local header.
  std::uint64_t size = 0;
  std::uint64_t begin = 0;  ///< Position of its data.
  /// Why its data can't be read as they lie there: "encrypted", "compressed, ..."; empty if they can.
  std::string_view packed_how = {};
};

using Records = std::map<std::string, Record, std::less<>>;

struct Directory {
  std::uint64_t begin = 0;
  std::uint64_t size = 0;
  std::uint64_t count = 0;
};

Directory find_directory(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  if (bytes.size() < kEndBytes) throw broken("it is cut off: a zip archive has a directory at its end");
  const std::size_t first = bytes.size() > kEndBytes + kLongestComment ? bytes.size() - kEndBytes - kLongestComment : 0;
  for (std::size_t at = bytes.size() - kEndBytes;; --at) {
    in.seek(at);
    if (in.read<std::uint32_t>() == kEndSignature) {
      in.seek(at + 10);
      Directory directory;
      directory.count = in.read<std::uint16_t>();
      directory.size = in.read<std::uint32_t>();
      directory.begin = in.read<std::uint32_t>();
      if (at < kEnd64LocatorBytes) return directory;
      in.seek(at - kEnd64LocatorBytes);
      if (in.read<std::uint32_t>() != kEnd64LocatorSignature) return directory;
      in.seek(at - kEnd64LocatorBytes + 8);
      in.seek(in.read<std::uint64_t>());
      if (in.read<std::uint32_t>() != kEnd64Signature) throw broken("its zip64 directory is missing");
      in.seek(in.position() + 28);
      directory.count = in.read<std::uint64_t>();
      directory.size = in.read<std::uint64_t>();
      directory.begin = in.read<std::uint64_t>();
      return directory;
    }
    if (at == first) break;
  }
  throw broken("it is cut off: the directory at the end of a zip archive is missing");
}

/// Replaces fields that did not fit 32 bits by those of the zip64 extra field, in the order of the format.
void read_zip64(std::span<const std::byte> extra, std::uint64_t& size, std::uint64_t& packed, std::uint64_t& header) {
  ByteReader in(extra);
  while (in.remaining() >= 4) {
    const auto id = in.read<std::uint16_t>();
    ByteReader field(in.take(in.read<std::uint16_t>()));
    if (id != kZip64Extra) continue;
    if (size == kIn64) size = field.read<std::uint64_t>();
    if (packed == kIn64) packed = field.read<std::uint64_t>();
    if (header == kIn64) header = field.read<std::uint64_t>();
    return;
  }
}

Records read_records(std::span<const std::byte> bytes) {
  const Directory directory = find_directory(bytes);
  ByteReader in(bytes);
  in.seek(directory.begin);
  in = ByteReader(in.take(directory.size));
  Records records;
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    if (in.read<std::uint32_t>() != kCentralSignature) throw broken("its zip directory is damaged");
    in.take(4);
    const auto flags = in.read<std::uint16_t>();
    const auto method = in.read<std::uint16_t>();
    in.take(8);
    std::uint64_t packed = in.read<std::uint32_t>();
    std::uint64_t size = in.read<std::uint32_t>();
    const auto name_length = in.read<std::uint16_t>();
    const auto extra_length = in.read<std::uint16_t>();
    const auto comment_length = in.read<std::uint16_t>();
    in.take(8);
    std::uint64_t header = in.read<std::uint32_t>();
    const std::string name(in.text(name_length));
    read_zip64(in.take(extra_length), size, packed, header);
    in.take(comment_length);
    std::string_view how;
    if (method != 0 || packed != size) how = "compressed, which PyTorch never does; unpack it and pack it with zip -0";
    if ((flags & kEncrypted) != 0) how = "encrypted";
    if (!records.emplace(name, Record{header, packed, 0, how}).second) {
      throw broken("record " + name + " stands there twice");
    }
  }
  return records;
}

/// Finds where each record's data begins, and that no two share bytes.
void locate(std::span<const std::byte> bytes, Records& records) {
  std::vector<const Record*> order;
  for (auto& [name, record] : records) {
    ByteReader in(bytes);
    in.seek(record.header);
    if (in.read<std::uint32_t>() != kLocalSignature) throw broken("record " + name + " is not where it should be");
    in.take(22);
    const auto name_length = in.read<std::uint16_t>();
    const auto extra_length = in.read<std::uint16_t>();
    in.take(name_length);
    in.take(extra_length);
    record.begin = in.position();
    in.take(record.size);
    order.push_back(&record);
  }
  std::sort(order.begin(), order.end(), [](const Record* a, const Record* b) { return a->header < b->header; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (order[i]->header < order[i - 1]->begin + order[i - 1]->size) throw broken("two of its records overlap");
  }
}

/// The folder inside the archive, with its slash.
std::string find_prefix(const Records& records) {
  std::vector<std::string> names;
  static constexpr std::string_view kProgram = "data.pkl";
  for (const auto& [name, record] : records) {
    if (name == kProgram) return "";
    if (name.ends_with("/data.pkl") && std::count(name.begin(), name.end(), '/') == 1) {
      return name.substr(0, name.size() - kProgram.size());
    }
    names.push_back(name);
  }
  throw not_torch_zip(names);
}

}  // namespace

bool is_torch_zip(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && ByteReader(bytes).read<std::uint32_t>() == kLocalSignature;
}

WeightFile read_torch_zip(const WeightBytes& file) {
  Records records = read_records(file.bytes);
  const std::string prefix = find_prefix(records);
  // A program compresses its source text, so it is told before anything is said of that.
  if (records.contains(prefix + "constants.pkl")) {
    throw broken(
        "it is a TorchScript program, not a state dict; in Python, torch.save(torch.jit.load(FILE).state_dict(), "
        "OTHER) saves what is needed");
  }
  for (const auto& [name, record] : records) {
    if (!record.packed_how.empty()) throw broken("record " + name + " is " + std::string(record.packed_how));
  }
  locate(file.bytes, records);
  const auto bytes_of = [&](const Record& record) { return file.bytes.subspan(record.begin, record.size); };
  if (const auto order = records.find(prefix + "byteorder"); order != records.end()) {
    if (ByteReader(bytes_of(order->second)).text(order->second.size) != "little") throw broken("it is big endian");
  }
  ByteReader program(bytes_of(records.find(prefix + "data.pkl")->second));
  const Pickle pickle = Pickle::read(program);

  std::map<std::string, at::Tensor, std::less<>> storages;
  const TorchTensors tensors(pickle, [&](const Pickle& owner, const PickleValue& persistent_id) {
    const StorageId id(owner, persistent_id);
    if (const auto known = storages.find(id.key); known != storages.end()) {
      return same_storage(known->second, id);
    }
    const auto found = records.find(prefix + "data/" + std::string(id.key));
    if (found == records.end()) throw broken("storage " + std::string(id.key) + " is missing");
    const std::uint64_t element = c10::elementSize(id.type);
    if (found->second.size / element != id.count || found->second.size % element != 0) {
      throw broken("storage " + std::string(id.key) + " does not have the size that it should have");
    }
    return storages[std::string(id.key)] = flat_tensor(file.part(bytes_of(found->second)), id.type);
  });
  WeightFile result = state_dict_of(pickle, tensors, file);
  result.container = "zip";
  return result;
}

}  // namespace wsss
