// The classifier's inference of bench/speed.mjs in C++ alone, to see what Node costs: reads a line, answers with
// {"seconds": [...], "peakBytes": n} for one run, as ours.mjs does.
//
//   native PATCHES COUNT SIZE CLASSES BATCH THREADS
//
// PATCHES  file of uint8 [COUNT, SIZE, SIZE, 3]
#include <sys/resource.h>
#include <torch/torch.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <string>

#include "wsss/classifier/classifier_inference.h"
#include "wsss/device/device.h"

int main(int count_of_words, char** words) {
  if (count_of_words != 7) return 2;
  const std::int64_t count = std::stoll(words[2]), size = std::stoll(words[3]), classes = std::stoll(words[4]);
  const std::int64_t batch = std::stoll(words[5]);
  wsss::set_intra_op_threads(std::stoi(words[6]));
  wsss::PatchStore patches(count, size, size, classes);
  std::ifstream file(words[1], std::ios::binary);
  for (std::int64_t i = 0; i < count; ++i) {
    file.read(reinterpret_cast<char*>(patches.patch(i)), size * size * 3);
  }
  if (!file) return 1;
  wsss::Classifier network = wsss::make_classifier("resnet38", classes, 1.0);
  network->initialize(1);
  const wsss::CancelToken never;
  for (std::string line; std::getline(std::cin, line);) {
    const auto since = std::chrono::steady_clock::now();
    wsss::classify_patches(network, patches, batch, {}, never);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - since;
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::cout << "{\"seconds\": [" << seconds.count() << "], \"peakBytes\": " << usage.ru_maxrss * 1024 << "}\n"
              << std::flush;
  }
  return 0;
}
