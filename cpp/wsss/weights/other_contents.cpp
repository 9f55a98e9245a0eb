#include "wsss/weights/other_contents.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "wsss/weights/json.h"
#include "wsss/weights/pickle_globals.h"

namespace wsss {

namespace {

using namespace std::literals;

constexpr std::string_view kKnown = "none of the known containers (PyTorch .pth, MXNet .params, safetensors)";
// Of a text that is looked through for what it is.
constexpr std::size_t kLookedAt = 4096;
constexpr std::size_t kLargestIndex = 64 << 20;

/// Formats that are told by how they begin.
struct Beginning {
  std::string_view bytes;
  std::string_view name;
  std::string_view advice;
};
constexpr std::string_view kUnpack = "unpack it and give the file inside";
constexpr std::string_view kExport = "in the program that wrote it, save the weights for PyTorch or as safetensors";
constexpr std::string_view kPicture = "give the file with the weights";
constexpr std::array<Beginning, 17> kBeginnings{
    {{"\x1f\x8b"sv, "compressed with gzip", "unpack it with gunzip"},
     {"BZh"sv, "compressed with bzip2", "unpack it with bunzip2"},
     {"\xfd"
      "7zXZ\0"sv,
      "compressed with xz", "unpack it with unxz"},
     {"\x28\xb5\x2f\xfd"sv, "compressed with zstd", "unpack it with unzstd"},
     {"7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive", kUnpack},
     {"Rar!\x1a\x07"sv, "a RAR archive", kUnpack},
     {"PK\x05\x06"sv, "an empty zip archive", "download or save it again"},
     {"\x89HDF\r\n\x1a\n"sv, "an HDF5 file, as Keras writes weights", kExport},
     {"\x93NUMPY"sv, "a NumPy array", kExport},
     {"GGUF"sv, "a GGUF file", kExport},
     {"\x89PNG\r\n\x1a\n"sv, "a PNG picture", kPicture},
     {"\xff\xd8\xff"sv, "a JPEG picture", kPicture},
     {"II*\0"sv, "a TIFF picture", kPicture},
     {"MM\0*"sv, "a TIFF picture", kPicture},
     {"%PDF"sv, "a PDF", kPicture},
     {"\x7f"
      "ELF"sv,
      "a program", kPicture},
     {"SQLite format 3"sv, "an SQLite database", kPicture}}};

Error refusal(const std::string& what) { return Error(ErrorCode::kWeights, what); }

bool begins_with_word(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  return std::equal(lower.begin(), lower.end(), text.begin(),
                    [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
}

/// Text without a byte order mark and without white space before it.
std::string_view trimmed(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const auto start = text.find_first_not_of(" \t\r\n");
  return start == std::string_view::npos ? std::string_view{} : text.substr(start);
}

bool is_text(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\r' || c == '\t';
  });
}

/// The value behind a word at the start of a line, as in a Git LFS pointer.
std::string line_after(std::string_view text, std::string_view word) {
  const auto at = text.find("\n" + std::string(word) + " ");
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + word.size() + 2);
  return printable(rest.substr(0, rest.find_first_of("\r\n")));
}

std::string title_of(std::string_view page) {
  for (std::size_t at = 0; at + 7 < page.size(); ++at) {
    if (!begins_with_word(page.substr(at), "<title>")) continue;
    const std::string_view rest = page.substr(at + 7);
    return " (\"" + printable(trimmed(rest.substr(0, rest.find('<')))) + "\")";
  }
  return {};
}

/// Files that the index of a sharded checkpoint names; empty if it is no such index.
std::vector<std::string> shards_of(std::string_view text) {
  std::vector<std::string> shards;
  if (text.size() > kLargestIndex) return shards;
  try {
    const Json json = parse_json(text);
    for (const auto& [name, value] : json.object) {
      if (name != "weight_map") continue;
      for (const auto& [tensor, file] : value.object) shards.push_back(printable(file.string));
    }
  } catch (const Error&) {
    return {};
  }
  std::sort(shards.begin(), shards.end());
  shards.erase(std::unique(shards.begin(), shards.end()), shards.end());
  return shards;
}

Error refused_json(std::string_view text) {
  const auto shards = shards_of(text);
  if (!shards.empty()) {
    std::string files;
    for (std::size_t i = 0; i < shards.size() && i < 3; ++i) files += (i == 0 ? "" : ", ") + shards[i];
    if (shards.size() > 3) files += " and " + std::to_string(shards.size() - 3) + " more";
    return refusal("it is the index of a checkpoint in several files, without weights of its own: they are in " +
                   files +
                   ". Give that file, or, if there are several, join them in Python into one state dict and save that");
  }
  return refusal("it is JSON text and " + std::string(kKnown) + ": " + printable(text) +
                 ". Perhaps it is a server's answer instead of the file; download it again");
}

}  // namespace

Error not_weights(std::span<const std::byte> bytes) {
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string_view start = all.substr(0, kLookedAt);
  for (const auto& [beginning, name, advice] : kBeginnings) {
    if (!start.starts_with(beginning)) continue;
    return refusal("it is " + std::string(name) + ", " + std::string(kKnown) + "; " + std::string(advice));
  }
  const std::string_view text = trimmed(start);
  if (text.starts_with("version https://git-lfs") || text.starts_with("version https://hawser")) {
    const std::string size = line_after(text, "size");
    return refusal("it is a Git LFS pointer, not the file that it stands for" +
                   (size.empty() ? std::string() : " (of " + size + " bytes)") +
                   "; run git lfs pull in its repository, or download the file itself");
  }
  if (begins_with_word(text, "<!doctype html") || begins_with_word(text, "<html") || begins_with_word(text, "<head")) {
    return refusal("it is a web page" + title_of(text) +
                   ", not weights: the address that it came from asks for a click, a login or a confirmation first. "
                   "Download the file itself");
  }
  if (text.starts_with("<")) {
    return refusal("it is XML text and " + std::string(kKnown) + ": " + printable(text) +
                   ". Perhaps it is a server's answer instead of the file; download it again");
  }
  const bool has_json_start = text.starts_with("{") || text.starts_with("[");
  if (has_json_start && is_text(text)) return refused_json(trimmed(all));
  if (is_text(text)) return refusal("it is text and " + std::string(kKnown) + ": " + printable(text));
  if (start.find_first_not_of('\0') == std::string_view::npos) {
    return refusal("it begins with nothing but zeros: its download or copy was not finished; get it again");
  }
  return refusal("it is " + std::string(kKnown) + ", or is cut off");
}

Error not_torch_zip(const std::vector<std::string>& names) {
  const auto first_with = [&](std::initializer_list<std::string_view> endings) -> const std::string* {
    for (const std::string& name : names) {
      if (std::any_of(endings.begin(), endings.end(), [&](std::string_view end) { return name.ends_with(end); }))
        return &name;
    }
    return nullptr;
  };
  const std::string none = "it is a zip archive, but torch.save did not write it: there is no data.pkl inside";
  if (const auto* name = first_with({".pth", ".pt", ".pth.tar", ".ckpt", ".safetensors", ".params", ".bin", ".th"})) {
    return refusal(none + ", but " + printable(*name) + ": unpack it and give that file");
  }
  if (const auto* name = first_with({"/data.pkl"})) {
    return refusal(none + " at its top, but " + printable(*name) +
                   ": it is an unpacked checkpoint that was packed again with a folder around it. Pack that folder "
                   "alone, without compression (zip -0 -r)");
  }
  if (first_with({".npy"}) != nullptr) return refusal(none + "; it is a NumPy archive (.npz). " + std::string(kExport));
  if (first_with({".weights.h5"}) != nullptr) return refusal(none + "; it is a Keras model. " + std::string(kExport));
  if (first_with({"serialized_exported_program.json", "models/model.json"}) != nullptr) {
    return refusal(none + "; it is a program of torch.export (.pt2). Save model.state_dict() instead");
  }
  return refusal(none + (names.empty() ? "" : "; its first record is " + printable(names.front())));
}

}  // namespace wsss
