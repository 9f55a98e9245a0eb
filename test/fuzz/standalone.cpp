// A driver for machines without libFuzzer: mutates the files of a corpus at random, without looking at coverage.
//
//   wsss_fuzz CORPUS_FOLDER RUNS [SEED]
//
// Prints "RUNS inputs" at the end. A crash writes nothing, but the same seed finds it again.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);

namespace {

using Bytes = std::vector<unsigned char>;

std::vector<Bytes> read_corpus(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  Bytes operator()(const std::vector<Bytes>& corpus) {
    Bytes bytes = corpus[below(corpus.size())];
    for (std::size_t i = 0, n = 1 + below(6); i < n && !bytes.empty(); ++i) mutate(bytes, corpus);
    return bytes;
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }

  void mutate(Bytes& bytes, const std::vector<Bytes>& corpus) {
    const std::size_t at = below(bytes.size());
    switch (below(7)) {
      case 0:
        bytes[at] = static_cast<unsigned char>(below(256));
        break;
      case 1:
        bytes[at] ^= static_cast<unsigned char>(1U << below(8));
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), below(9), static_cast<unsigned char>(below(256)));
        break;
      case 4:
        bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), at + below(9))));
        break;
      case 5:
        overwrite_number(bytes, at);
        break;
      default:
        splice(bytes, at, corpus[below(corpus.size())]);
    }
  }

  /// Sizes and offsets are where readers go wrong.
  void overwrite_number(Bytes& bytes, std::size_t at) {
    static constexpr std::uint64_t kNumbers[] = {0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF,
                                                 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF};
    const std::uint64_t number = kNumbers[below(std::size(kNumbers))];
    const std::size_t width = std::size_t{1} << below(4);
    for (std::size_t i = 0; i < width && at + i < bytes.size(); ++i) {
      bytes[at + i] = static_cast<unsigned char>(number >> (8 * i));
    }
  }

  void splice(Bytes& bytes, std::size_t at, const Bytes& other) {
    if (other.empty()) return;
    const std::size_t from = below(other.size());
    const std::size_t count = std::min(other.size() - from, below(64) + 1);
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), other.begin() + static_cast<std::ptrdiff_t>(from),
                 other.begin() + static_cast<std::ptrdiff_t>(from + count));
  }

  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const auto corpus = read_corpus(argv[1]);
  if (corpus.empty()) return 2;
  const long runs = std::atol(argv[2]);
  Mutator mutator(argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1);
  for (const Bytes& bytes : corpus) LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  for (long i = 0; i < runs; ++i) {
    const Bytes bytes = mutator(corpus);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  std::printf("%ld inputs\n", runs);
  return 0;
}
