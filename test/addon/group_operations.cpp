// Test operations on process groups: the processes are threads of this one, each with a network of its own.

#include <algorithm>
#include <cstring>
#include <exception>
#include <future>
#include <thread>

#include "rules.h"
#include "workspace.h"
#include "wsss/classifier/classifier_trainer.h"
#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/process_group/process_group.h"
#include "wsss/process_group/share_out.h"
#include "wsss/segmenter/segmenter_trainer.h"
#include "wsss/weights/state_dict.h"

namespace wsss::test {

namespace {

constexpr std::int64_t kClasses = 3;

/// What one process ends with.
struct Outcome {
  std::vector<double> losses, measures, scores;
  at::Tensor weights;
};

/// Work of each process of a group, on a thread of its own; `work` gets null for one process alone.
template <typename Result>
std::vector<Result> in_group(int processes, const std::function<Result(const std::shared_ptr<ProcessGroup>&)>& work) {
  if (processes == 0) return {work(nullptr)};
  std::promise<int> port;
  std::shared_future<int> found = port.get_future().share();
  std::vector<std::future<Result>> running;
  for (int rank = 0; rank < processes; ++rank) {
    running.push_back(std::async(std::launch::async, [&, rank] {
      at::set_num_threads(1);
      ProcessGroupOptions options;
      options.rank = rank;
      options.size = processes;
      options.address = "127.0.0.1";
      options.port = rank == 0 ? 0 : found.get();
      options.keeps_store = rank == 0;
      options.prefix = "test";
      return work(ProcessGroup::join(options, [&](int own) { port.set_value(own); }, CancelToken()));
    }));
  }
  std::vector<Result> results;
  for (auto& one : running) results.push_back(one.get());
  return results;
}

PatchStore numbered_patches(const std::string& name, std::int64_t count, std::int64_t side) {
  PatchStore patches(count, side, side, kClasses);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto image = synth_image(name + std::to_string(i), side, side);
    std::memcpy(patches.patch(i), image.data(), image.size());
    patches.labels(i)[i % kClasses] = 1;
    if (i % 4 == 0) patches.labels(i)[(i + 1) % kClasses] = 1;
  }
  return patches;
}

/// Stripes whose width differs from patch to patch; every fifth row is background, so that patches differ in how many
/// pixels count.
MaskStore striped_masks(const PatchStore& patches, std::int64_t levels) {
  MaskStore masks(patches.count(), patches.height(), patches.width(), levels);
  for (std::int64_t level = 0; level < levels; ++level) {
    for (std::int64_t i = 0; i < patches.count(); ++i) {
      std::uint8_t* mask = masks.mask(level, i);
      for (std::int64_t y = 0; y < patches.height(); ++y) {
        for (std::int64_t x = 0; x < patches.width(); ++x) {
          const bool is_background = y % 5 == 0 && i % 2 == 0;
          *mask++ = static_cast<std::uint8_t>(is_background ? kClasses : (x / (3 + i + level)) % kClasses);
        }
      }
    }
  }
  return masks;
}

/// What the training is, read on the JavaScript thread.
struct Case {
  explicit Case(const Fields& fields)
      : stage(fields.string("stage")),
        backbone(fields.string("backbone")),
        width(fields.number("width")),
        dtype(dtype_of(fields)),
        patches(fields.integer("patches")),
        side(fields.integer("side")),
        batch(fields.integer("batch")),
        epochs(fields.integer("epochs")),
        rate(fields.number("lr")),
        dropout(fields.number("dropout")),
        freeze_batch_norm(fields.boolean("freezeBatchNorm")),
        checkpointing(fields.boolean("checkpointing")),
        bfloat16_gradients(fields.boolean("bfloat16Gradients")),
        sync_batch_norm(fields.boolean("syncBatchNorm")) {}

  std::string stage, backbone;
  double width;
  c10::ScalarType dtype;
  std::int64_t patches, side, batch, epochs;
  double rate, dropout;
  bool freeze_batch_norm, checkpointing, bfloat16_gradients, sync_batch_norm;
};

void set_options(const Case& given, const std::shared_ptr<ProcessGroup>& group, TrainingOptions& options) {
  options.schedule.learning_rate = given.rate;
  options.schedule.epochs = given.epochs;
  options.batch_size = given.batch;
  options.drop_last_batch = false;
  options.dropout_factor = given.dropout;
  options.augmentation.horizontal_flip = 0.5;
  options.augmentation.quarter_turns = 0.75;
  options.weight_average_decay = 0.9;
  options.optimizer.gradient_clip_norm = 5.0;
  options.gradient_checkpointing = given.checkpointing;
  options.group = group;
  options.group_config = "the same";
  options.synchronize_batch_norms = given.sync_batch_norm;
  options.bfloat16_gradients = given.bfloat16_gradients;
}

at::Tensor all_weights(const torch::nn::Module& network) {
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : state_dict(network)) tensors.push_back(tensor.to(at::kDouble).flatten());
  return at::cat(tensors).clone();
}

Outcome train_one_classifier(const Case& given, const std::shared_ptr<ProcessGroup>& group) {
  const PatchStore patches = numbered_patches("group", given.patches, given.side);
  const PatchStore validation = numbered_patches("val", 5, given.side);
  Classifier network = make_classifier(given.backbone, kClasses, given.width);
  network->initialize(3);
  network->to(given.dtype);
  ClassifierTrainingOptions options;
  set_options(given, group, options);
  options.gamma = {1, 1.0, 0.985, 0.65, true};  // PDA from the second epoch on.
  options.dense_loss_weight = 0.5;
  options.freeze_stem = false;
  options.freeze_batch_norm = given.freeze_batch_norm;
  Outcome outcome;
  const ClassifierObserver observer{
      [&](const ClassifierStep& step) {
        outcome.losses.push_back(step.loss);
        outcome.measures.push_back(step.jaccard);
        outcome.measures.push_back(static_cast<double>(step.patches));
      },
      [&](const ClassifierEpoch& epoch) { outcome.scores.push_back(epoch.validation->jaccard); }};
  train_classifier(network, options, patches, {&validation}, observer, CancelToken());
  outcome.weights = all_weights(*network);
  return outcome;
}

Outcome train_one_segmenter(const Case& given, const std::shared_ptr<ProcessGroup>& group) {
  const PatchStore patches = numbered_patches("group", given.patches, given.side);
  const MaskStore masks = striped_masks(patches, 3);
  const PatchStore validation = numbered_patches("val", 5, given.side);
  const MaskStore truth = striped_masks(validation, 1);
  DeepLab network(given.backbone, kClasses, 16, given.width, given.width);
  network->initialize(3);
  network->to(given.dtype);
  SegmenterTrainingOptions options;
  set_options(given, group, options);
  options.freeze_batch_norm = given.freeze_batch_norm;
  options.loss.kind = SegmentationLossKind::kFocal;  // It is not linear in the sum over pixels.
  Outcome outcome;
  const SegmenterObserver observer{[&](const StepReport& step) {
                                     outcome.losses.push_back(step.loss);
                                     outcome.measures.push_back(step.logits.to(at::kDouble).sum().item<double>());
                                   },
                                   [&](const SegmenterEpoch& epoch) {
                                     for (const auto count : epoch.validation->counts())
                                       outcome.scores.push_back(static_cast<double>(count));
                                   }};
  train_segmenter(network, options, patches, masks, {{validation, truth}}, observer, CancelToken());
  outcome.weights = all_weights(*network);
  return outcome;
}

// {processes, stage, backbone, width, dtype, patches, side, batch, epochs, lr, dropout, freezeBatchNorm, checkpointing,
// bfloat16Gradients, syncBatchNorm} -> losses, measures, scores, weights: of process 0; alike: 1 where all processes
// have the same bits. 0 processes: one alone, without a group.
void group_training(Workspace& w, const Fields& fields) {
  const Case given(fields);
  const bool is_classifier = given.stage == "classifier";
  const std::vector<Outcome> outcomes =
      in_group<Outcome>(static_cast<int>(fields.integer("processes")), [&](const std::shared_ptr<ProcessGroup>& group) {
        return is_classifier ? train_one_classifier(given, group) : train_one_segmenter(given, group);
      });
  const Outcome& first = outcomes.front();
  bool alike = true;
  for (const Outcome& other : outcomes) {
    alike = alike && other.losses == first.losses && other.measures == first.measures && other.scores == first.scores &&
            other.weights.equal(first.weights);
  }
  w.set("losses", at::tensor(first.losses, at::kDouble));
  w.set("measures", at::tensor(first.measures, at::kDouble));
  w.set("scores", at::tensor(first.scores, at::kDouble));
  w.set("weights", first.weights);
  w.set("alike", at::tensor({alike ? 1 : 0}, at::kByte));
}

// {processes, patches, side, attached, bytesAtOnce} -> alike: 1 where every process ends with the masks that all have
// drawn. The first `attached` of the others see the store of process 0, the rest keep their own; the bytes of a sum are
// few, so that shares lie across several.
void joined_masks(Workspace& w, const Fields& fields) {
  const std::int64_t count = fields.integer("patches");
  const std::int64_t side = fields.integer("side");
  const std::int64_t attached = fields.integer("attached");
  const std::int64_t bytes_at_once = fields.integer("bytesAtOnce");
  std::promise<std::string> address;
  std::shared_future<std::string> found = address.get_future().share();
  const auto value = [&](std::int64_t patch, std::int64_t pixel) {
    return static_cast<std::uint8_t>((7 * patch + pixel) % 251);
  };
  const std::vector<char> right =
      in_group<char>(static_cast<int>(fields.integer("processes")), [&](const std::shared_ptr<ProcessGroup>& group) {
        const bool is_attached = group->rank() > 0 && group->rank() <= attached;
        MaskStore masks(count, side, side, 1, {group->rank() == 0, is_attached ? found.get() : std::string()});
        if (group->rank() == 0) address.set_value(masks.address());
        const auto draw = [&](const Share& share) {
          for (std::int64_t patch = share.begin; patch < share.end; ++patch)
            for (std::int64_t pixel = 0; pixel < side * side; ++pixel)
              masks.mask(0, patch)[pixel] = value(patch, pixel);
        };
        share_out(*group, count, CancelToken(), draw,
                  [&](const Share& share) { join_rows(masks.tensor()[0], share, *group, bytes_at_once); });
        bool is_right = true;
        for (std::int64_t patch = 0; patch < count; ++patch)
          for (std::int64_t pixel = 0; pixel < side * side; ++pixel)
            is_right = is_right && masks.mask(0, patch)[pixel] == value(patch, pixel);
        group->leave("it is done");
        return static_cast<char>(is_right);
      });
  w.set("alike",
        at::tensor({std::all_of(right.begin(), right.end(), [](char one) { return one == 1; }) ? 1 : 0}, at::kByte));
}

}  // namespace

void add_group_operations(OperationTable& table) {
  table["group_training"] = group_training;
  table["joined_masks"] = joined_masks;
}

}  // namespace wsss::test
