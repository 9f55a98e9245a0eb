#include "wsss/training/checkpoint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string_view>
#include <system_error>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/number_text.h"
#include "wsss/weights/safetensors.h"
#include "wsss/weights/weight_file.h"

namespace wsss {

namespace {

constexpr std::string_view kFormat = "wsss-tissue-native checkpoint 1";
constexpr std::string_view kStem = "checkpoint-";
constexpr std::string_view kEnding = ".safetensors";
constexpr std::string_view kNetwork = "network.";
constexpr std::array<std::string_view, 3> kOptimizerStates{"momentum.", "exp_avg.", "exp_avg_sq."};
constexpr std::string_view kAverage = "average.";
constexpr std::string_view kMeters = "meters.";
constexpr std::string_view kSteps = "steps.";
constexpr std::string_view kEpochs = "epochs.";
// Of earlier versions.
constexpr std::string_view kOldSteps = "history.steps";
constexpr std::string_view kOldEpochs = "history.epochs";

double exact_number(std::string_view text) {
  double value = 0.0;
  if (text.empty() || read_number(text, value) != text.size()) {
    throw Error(ErrorCode::kWeights, "the checkpoint has a broken number: " + std::string(text));
  }
  return value;
}

std::int64_t exact_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Error(ErrorCode::kWeights, "the checkpoint has a broken number: " + std::string(text));
  }
  return value;
}

std::vector<double> split_numbers(std::string_view text) {
  std::vector<double> values;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    values.push_back(exact_number(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return values;
}

void append(StateDict& all, std::string_view prefix, const StateDict& tensors) {
  for (const auto& [name, tensor] : tensors) all.emplace_back(std::string(prefix) + name, tensor);
}

/// Those tensors whose name has the prefix, without it.
StateDict without_prefix(const StateDict& all, std::string_view prefix) {
  StateDict found;
  for (const auto& [name, tensor] : all) {
    if (name.starts_with(prefix)) found.emplace_back(name.substr(prefix.size()), tensor);
  }
  return found;
}

StateDict tensors_of(const Measures& measures) {
  StateDict tensors;
  for (const auto& [name, values] : measures) {
    tensors.emplace_back(std::string(kMeters) + name, at::tensor(values, at::kDouble));
  }
  return tensors;
}

Measures measures_of(const StateDict& tensors) {
  Measures measures;
  for (const auto& [name, tensor] : without_prefix(tensors, kMeters)) {
    if (tensor.scalar_type() != at::kDouble) throw Error(ErrorCode::kWeights, "the checkpoint's meters are broken");
    const at::Tensor values = tensor.contiguous();
    const double* begin = values.const_data_ptr<double>();
    measures.emplace(name, std::vector<double>(begin, begin + values.numel()));
  }
  return measures;
}

const at::Tensor* find(const StateDict& tensors, std::string_view name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const auto& one) { return one.first == name; });
  return found == tensors.end() ? nullptr : &found->second;
}

/// Steps of a checkpoint's file name; -1 for other files.
std::int64_t steps_of(const std::string& name) {
  std::string_view rest(name);
  if (!rest.starts_with(kStem) || !rest.ends_with(kEnding)) return -1;
  rest.remove_prefix(kStem.size());
  rest.remove_suffix(kEnding.size());
  std::int64_t steps = -1;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), steps);
  return error == std::errc() && end == rest.data() + rest.size() ? steps : -1;
}

void remove_others(const std::string& folder, std::int64_t steps, std::int64_t keep) {
  std::vector<std::int64_t> older;
  std::error_code ignored;  // What cannot be removed stays; the new checkpoint is in place.
  std::filesystem::directory_iterator entry(folder, ignored);
  while (!ignored && entry != std::filesystem::directory_iterator()) {
    const std::filesystem::path path = entry->path();
    entry.increment(ignored);
    const std::int64_t found = steps_of(path.filename().string());
    std::error_code unremoved;
    if (found > steps) std::filesystem::remove(path, unremoved);
    if (found >= 0 && found < steps) older.push_back(found);
  }
  std::sort(older.begin(), older.end(), std::greater<>());
  for (std::size_t i = static_cast<std::size_t>(keep - 1); i < older.size(); ++i) {
    std::filesystem::remove(checkpoint_path(folder, older[i]), ignored);
  }
}

}  // namespace

std::string checkpoint_path(const std::string& folder, std::int64_t steps) {
  std::array<char, 24> number;
  std::snprintf(number.data(), number.size(), "%09lld", static_cast<long long>(steps));
  return folder + "/" + std::string(kStem) + number.data() + std::string(kEnding);
}

void write_checkpoint(const std::string& folder, const Checkpoint& checkpoint, std::int64_t keep) {
  StateDict tensors;
  append(tensors, kNetwork, checkpoint.network);
  for (const auto& [state, of_parameters] : checkpoint.optimizer) append(tensors, state + ".", of_parameters);
  append(tensors, kAverage, checkpoint.average);
  append(tensors, "", tensors_of(checkpoint.meters));
  append(tensors, "", checkpoint.history.steps.tensors(kSteps));
  append(tensors, "", checkpoint.history.epochs.tensors(kEpochs));
  write_safetensors(checkpoint_path(folder, checkpoint.steps), tensors,
                    {{"format", std::string(kFormat)},
                     {"stage", checkpoint.stage},
                     {"config", checkpoint.config},
                     {"epoch", std::to_string(checkpoint.epoch)},
                     {"steps", std::to_string(checkpoint.steps)},
                     {"batchSize", std::to_string(checkpoint.batch_size)},
                     {"lossSum", exact_text(checkpoint.sums.loss)},
                     {"patchesSeen", std::to_string(checkpoint.sums.patches)},
                     {"bestEpoch", std::to_string(checkpoint.best_epoch)},
                     {"bestScore", exact_text(checkpoint.best_score)},
                     {"lastLoss", exact_text(checkpoint.last_loss)},
                     {"elapsedMs", exact_text(checkpoint.elapsed_ms)}});
  remove_others(folder, checkpoint.steps, keep);
}

Checkpoint read_checkpoint(const std::string& path) {
  const WeightFile file = read_weight_file(path);
  const auto field = [&](const char* name) -> const std::string& {
    const auto found = file.metadata.find(name);
    if (found == file.metadata.end()) {
      throw Error(ErrorCode::kWeights, path + " is not a checkpoint of this library: it lacks " + name,
                  {{"path", path}});
    }
    return found->second;
  };
  if (field("format") != kFormat) {
    throw Error(ErrorCode::kWeights, path + " is a checkpoint of another version: " + field("format"),
                {{"path", path}});
  }
  const auto integer = [&](const char* name) { return exact_integer(field(name)); };
  const auto has = [&](const char* name) { return file.metadata.find(name) != file.metadata.end(); };
  Checkpoint checkpoint;
  checkpoint.stage = field("stage");
  checkpoint.config = field("config");
  if (has("batchSize")) checkpoint.batch_size = integer("batchSize");
  checkpoint.epoch = integer("epoch");
  checkpoint.steps = integer("steps");
  checkpoint.sums = {exact_number(field("lossSum")), integer("patchesSeen")};
  checkpoint.best_epoch = integer("bestEpoch");
  checkpoint.best_score = exact_number(field("bestScore"));
  checkpoint.last_loss = exact_number(field("lastLoss"));
  checkpoint.elapsed_ms = exact_number(field("elapsedMs"));
  checkpoint.network = without_prefix(file.tensors, kNetwork);
  checkpoint.average = without_prefix(file.tensors, kAverage);
  for (const auto state : kOptimizerStates) {
    StateDict found = without_prefix(file.tensors, state);
    if (!found.empty()) checkpoint.optimizer[std::string(state.substr(0, state.size() - 1))] = std::move(found);
  }
  const at::Tensor* steps = find(file.tensors, kOldSteps);
  const at::Tensor* epochs = find(file.tensors, kOldEpochs);
  if (steps != nullptr && epochs != nullptr) {
    checkpoint.meters = meters_of_row(checkpoint.stage, split_numbers(field("meters")));
    checkpoint.history = history_of_rows(checkpoint.stage, *steps, *epochs);
  } else {
    checkpoint.meters = measures_of(file.tensors);
    checkpoint.history = {Table::of_tensors(file.tensors, kSteps), Table::of_tensors(file.tensors, kEpochs)};
  }
  return checkpoint;
}

}  // namespace wsss
