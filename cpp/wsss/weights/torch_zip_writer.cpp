#include "wsss/weights/torch_zip_writer.h"

#include <array>
#include <cstdint>
#include <utility>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/weights/atomic_file.h"
#include "wsss/weights/crc32.h"

namespace wsss {

namespace {

constexpr std::string_view kFolder = "archive/";
constexpr std::uint64_t kAlignment = 64;           // Of every record's data, as PyTorch aligns it for mapping.
constexpr std::uint64_t kLargestZip = 0xFFFFFFFE;  // Beyond it a zip archive needs its 64-bit extension.
constexpr std::uint16_t kVersionNeeded = 20;
constexpr std::uint16_t kFirstDayOfDos = 33;  // 1 January 1980: no clock in the file, equal weights give equal bytes.

template <typename Number>
void put(std::string& out, Number value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// The pickle of a dictionary of tensors, protocol 2.
class PickleWriter {
 public:
  std::string dictionary(const StateDict& tensors) {
    out_ = "\x80\x02}(";
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      text(tensors[i].first);
      tensor(tensors[i].second, std::to_string(i));
    }
    return std::move(out_) + "u.";
  }

 private:
  void text(std::string_view value) {
    out_ += 'X';
    put(out_, static_cast<std::uint32_t>(value.size()));
    out_ += value;
  }

  void integer(std::int64_t value) {
    if (value >= 0 && value <= INT32_MAX) {
      out_ += 'J';
      put(out_, static_cast<std::int32_t>(value));
    } else {
      out_ += "\x8a\x08";
      put(out_, value);
    }
  }

  void integers(c10::IntArrayRef values) {
    out_ += '(';
    for (const auto value : values) integer(value);
    out_ += 't';
  }

  /// torch._utils._rebuild_tensor_v2(storage, 0, sizes, strides, requires_grad=False, hooks=OrderedDict())
  void tensor(const at::Tensor& tensor, const std::string& key) {
    out_ += "ctorch._utils\n_rebuild_tensor_v2\n((";
    text("storage");
    out_ += std::string("ctorch\n") + storage_class(tensor.scalar_type()) + "\n";
    text(key);
    text("cpu");
    integer(tensor.numel());
    out_ += "tQ";
    integer(0);
    integers(tensor.sizes());
    integers(tensor.strides());
    out_ +=
        "\x89"
        "ccollections\nOrderedDict\n)RtR";
  }

  static const char* storage_class(c10::ScalarType type) {
    static constexpr std::array<std::pair<c10::ScalarType, const char*>, 10> kClasses{
        {{c10::kFloat, "FloatStorage"},
         {c10::kDouble, "DoubleStorage"},
         {c10::kHalf, "HalfStorage"},
         {c10::kBFloat16, "BFloat16Storage"},
         {c10::kLong, "LongStorage"},
         {c10::kInt, "IntStorage"},
         {c10::kShort, "ShortStorage"},
         {c10::kChar, "CharStorage"},
         {c10::kByte, "ByteStorage"},
         {c10::kBool, "BoolStorage"}}};
    for (const auto& [known, name] : kClasses) {
      if (known == type) return name;
    }
    throw Error(ErrorCode::kWeights, std::string("tensors of type ") + c10::toString(type) + " cannot be saved");
  }

  std::string out_;
};

/// A zip archive of stored records, written from front to back.
class ZipWriter {
 public:
  explicit ZipWriter(const std::string& path) : path_(path), file_(path) {}

  void add(const std::string& name, std::span<const std::byte> data) {
    const std::string full = std::string(kFolder) + name;
    std::string shared;  // What local header and directory have in common.
    put(shared, std::uint16_t{0});
    put(shared, std::uint16_t{0});  // stored
    put(shared, std::uint16_t{0});
    put(shared, kFirstDayOfDos);
    put(shared, crc32(data));
    put(shared, static_cast<std::uint32_t>(data.size()));
    put(shared, static_cast<std::uint32_t>(data.size()));
    put(shared, static_cast<std::uint16_t>(full.size()));

    constexpr std::uint64_t kLocalBytes = 30;
    constexpr std::uint64_t kExtraHeader = 4;
    const std::uint64_t begin = written_ + kLocalBytes + full.size() + kExtraHeader;
    const std::string padding((kAlignment - begin % kAlignment) % kAlignment, 'Z');
    require_room(begin + padding.size() + data.size());
    std::string local("PK\x03\x04");
    put(local, kVersionNeeded);
    local += shared;
    put(local, static_cast<std::uint16_t>(kExtraHeader + padding.size()));
    local += full + "FB";  // PyTorch's own padding field.
    put(local, static_cast<std::uint16_t>(padding.size()));
    local += padding;

    directory_ += "PK\x01\x02";
    put(directory_, kVersionNeeded);
    put(directory_, kVersionNeeded);
    directory_ += shared;
    directory_.append(12, '\0');  // extra, comment, disk, internal and external attributes
    put(directory_, static_cast<std::uint32_t>(written_));
    directory_ += full;
    ++count_;
    write(local.data(), local.size());
    write(data.data(), data.size());
  }

  void finish() {
    require_room(written_ + directory_.size());
    std::string end("PK\x05\x06");
    end.append(4, '\0');
    put(end, count_);
    put(end, count_);
    put(end, static_cast<std::uint32_t>(directory_.size()));
    put(end, static_cast<std::uint32_t>(written_));
    put(end, std::uint16_t{0});
    write(directory_.data(), directory_.size());
    write(end.data(), end.size());
    file_.commit();
  }

 private:
  void require_room(std::uint64_t size) const {
    if (size <= kLargestZip && count_ < UINT16_MAX) return;
    throw Error(ErrorCode::kWeights, path_ + " would be larger than 4 GB; save as .safetensors instead",
                {{"path", path_}});
  }

  void write(const void* bytes, std::size_t size) {
    file_.write(bytes, size);
    written_ += size;
  }

  std::string path_;
  AtomicFile file_;
  std::string directory_;
  std::uint64_t written_ = 0;
  std::uint16_t count_ = 0;
};

std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace

void write_torch_zip(const std::string& path, const StateDict& tensors) {
  require_unique_names(tensors, path);
  StateDict plain;  // Contiguous on the CPU, so that strides in the pickle match the bytes.
  for (const auto& [name, tensor] : tensors) plain.emplace_back(name, tensor.detach().to(torch::kCPU).contiguous());
  ZipWriter zip(path);
  zip.add("data.pkl", bytes_of(PickleWriter().dictionary(plain)));
  zip.add("byteorder", bytes_of("little"));
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const at::Tensor& tensor = plain[i].second;
    zip.add("data/" + std::to_string(i), {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()});
  }
  zip.add("version", bytes_of("3\n"));
  zip.finish();
}

}  // namespace wsss
