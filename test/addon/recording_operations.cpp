// Trainings whose steps are recorded: on a CUDA device, or on the CPU with graphs that only pretend.

#include <atomic>
#include <cstring>
#include <limits>
#include <thread>

#include "rules.h"
#include "workspace.h"
#include "wsss/classifier/classifier_trainer.h"
#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/device/device.h"
#include "wsss/device/device_memory.h"
#include "wsss/device/device_use.h"
#include "wsss/device/own_stream.h"
#include "wsss/device/placement.h"
#include "wsss/kernels/memory_segments.h"
#include "wsss/recording/recording.h"
#include "wsss/recording/try_recording.h"
#include "wsss/segmenter/segmenter_trainer.h"
#include "wsss/training/checkpoint.h"

namespace wsss::test {

namespace {

/// What a pretended graph does when it is asked to record.
enum class Pretence {
  kRecords,
  kRefuses,      ///< The device refuses, and all is as before.
  kBreaks,       ///< It refuses when the recording ends, and nothing is known of it.
  kBreaksOurs,   ///< As kBreaks, after one of our own launches failed because of it.
  kHasNoRoom,    ///< Memory runs out, at every recording.
  kHasRoomOnce,  ///< Memory runs out at the first recording.
};

/// Recordings on the CPU: `record` does the work and takes it back, `replay` does it again. As on a device, the work
/// reads what lies in its inputs, masks and scalars at that time.
class PretendedGraph : public DeviceGraph {
 public:
  PretendedGraph(Pretence pretence, std::vector<at::Tensor> state) : pretence_(pretence), state_(std::move(state)) {}

  void record(const std::function<void()>& work) override {
    if (pretence_ == Pretence::kHasNoRoom) TORCH_CHECK_WITH(OutOfMemoryError, false, "pretended: out of memory");
    std::vector<at::Tensor> before;
    for (const auto& tensor : state_) before.push_back(tensor.detach().clone());
    work();
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < state_.size(); ++i) state_[i].detach().copy_(before[i]);
    ends_cleanly_ = pretence_ != Pretence::kBreaks && pretence_ != Pretence::kBreaksOurs;
    if (pretence_ == Pretence::kBreaksOurs) throw Error(ErrorCode::kDevice, "pretended: a kernel did not start");
    TORCH_CHECK(pretence_ == Pretence::kRecords, "pretended: not permitted while capturing");
    work_ = work;
  }
  bool ended_cleanly() const override { return ends_cleanly_; }
  void replay() override { work_(); }

 private:
  Pretence pretence_;
  std::vector<at::Tensor> state_;
  std::function<void()> work_;
  bool ends_cleanly_ = true;
};

/// "none", "device" for what the device has, or a pretence, whose graphs are counted.
std::optional<GraphSource> graphs_of(const std::string& name, const torch::nn::Module& network, std::int64_t& count) {
  if (name == "device") return std::nullopt;
  GraphSource source;
  source.reason = "the test wants none";
  if (name == "none") return source;
  const std::map<std::string, Pretence> pretences{
      {"records", Pretence::kRecords},       {"refuses", Pretence::kRefuses},
      {"breaks", Pretence::kBreaks},         {"breaks-ours", Pretence::kBreaksOurs},
      {"has-no-room", Pretence::kHasNoRoom}, {"has-room-once", Pretence::kHasRoomOnce}};
  std::vector<at::Tensor> state = network.parameters();
  for (const auto& buffer : network.buffers()) state.push_back(buffer);
  source.make = [pretence = pretences.at(name), state, &count]() -> std::unique_ptr<DeviceGraph> {
    const bool lacks = pretence == Pretence::kHasRoomOnce && count == 0;
    const bool pretends = pretence != Pretence::kHasRoomOnce;
    ++count;
    return std::make_unique<PretendedGraph>(lacks      ? Pretence::kHasNoRoom
                                            : pretends ? pretence
                                                       : Pretence::kRecords,
                                            state);
  };
  return source;
}

constexpr std::int64_t kClasses = 3;

PatchStore test_patches(std::int64_t count, std::int64_t size) {
  PatchStore patches(count, size, size, kClasses);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto image = synth_image("recorded" + std::to_string(i), size, size);
    std::memcpy(patches.patch(i), image.data(), image.size());
    patches.labels(i)[i % kClasses] = 1;
  }
  return patches;
}

MaskStore test_masks(std::int64_t count, std::int64_t size) {
  MaskStore masks(count, size, size, 1);
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t pixel = 0; pixel < size * size; ++pixel) {
      masks.mask(0, i)[pixel] = static_cast<std::uint8_t>((pixel / 512 + i) % kClasses);
    }
  }
  return masks;
}

void read_options(const Fields& fields, TrainingOptions& options) {
  options.schedule.learning_rate = fields.number("lr");
  options.schedule.epochs = fields.integer("epochs");
  options.schedule.warmup_epochs = fields.integer("warmupEpochs");
  options.batch_size = fields.integer("batchSize");
  options.drop_last_batch = fields.boolean("dropLast");
  options.optimizer.kind = fields.string("optimizer") == "adamw" ? OptimizerKind::kAdamW : OptimizerKind::kSgd;
  options.optimizer.momentum = fields.number("momentum");
  options.optimizer.gradient_clip_norm = fields.number("clipNorm");
  options.weight_average_decay = fields.number("averageDecay");
  options.gradient_checkpointing = fields.boolean("gradientCheckpointing");
  options.dropout_factor = fields.number("dropoutFactor");
  options.precision = fields.string("precision") == "bfloat16" ? Precision::kBfloat16 : Precision::kFloat32;
  options.augmentation = {fields.number("flips"), fields.number("flips"), fields.number("blur")};
  options.loss_interval = fields.integer("interval");
  options.seed = 3;
  options.keep_best = false;
  options.checkpoint_folder = fields.string("folder");
  options.resume_from = fields.string("resumeFrom");
}

/// Fills what LibTorch holds ready for this stream with numbers that are none: whoever reads memory that is not its own
/// is found out.
void poison(const c10::Device& device) {
  std::vector<at::Tensor> blocks;
  for (const std::int64_t megabytes : {1, 1, 1, 1, 2, 4, 8, 16, 32, 64, 128, 256}) {
    blocks.push_back(at::full({megabytes << 18}, std::numeric_limits<float>::quiet_NaN(), at::TensorOptions(device)));
  }
}

/// As UTF-8 bytes, which is what a workspace has for it.
void set_text(Workspace& w, const char* name, const std::string& text) {
  const auto length = static_cast<std::int64_t>(text.size());
  at::Tensor bytes = at::empty({length}, at::kByte);
  std::memcpy(bytes.data_ptr<std::uint8_t>(), text.data(), text.size());
  w.set(name, bytes);
}

/// All tensors of a state as one list of numbers: those of floating point, on the CPU.
at::Tensor flat(const StateDict& state) {
  std::vector<at::Tensor> parts{at::empty({0}, at::kDouble)};
  for (const auto& [name, tensor] : state) {
    if (tensor.is_floating_point()) parts.push_back(tensor.detach().to(at::kCPU, at::kDouble).flatten());
  }
  return at::cat(parts);
}

StateDict with_suffix(const StateDict& state, bool statistics) {
  StateDict chosen;
  for (const auto& entry : state) {
    const bool is_statistic = entry.first.find(".running_") != std::string::npos;
    if (is_statistic == statistics) chosen.push_back(entry);
  }
  return chosen;
}

struct Training {
  std::vector<double> losses;
  double replayed_in_events = 0.0;
  double cancelled = 0.0;
  TrainingSummary summary;
};

template <typename Step>
void take(Training& training, const Fields& fields, const c10::Device& device, const CancelToken& cancel,
          const Step& step) {
  training.losses.push_back(step.loss);
  if (step.replayed) ++training.replayed_in_events;
  if (static_cast<std::int64_t>(training.losses.size()) == fields.integer("stopAfter")) cancel.cancel();
  if (fields.boolean("poison")) poison(device);
}

void finish(Workspace& w, const Fields& fields, const torch::nn::Module& network, const Training& training,
            std::int64_t recordings) {
  const StateDict state = state_dict(network);
  w.set("losses", at::tensor(training.losses, at::kDouble));
  w.set("weights", flat(with_suffix(state, false)));
  w.set("statistics", flat(with_suffix(state, true)));
  const auto set_number = [&](const char* name, double value) { w.set(name, at::scalar_tensor(value, at::kDouble)); };
  set_number("replayed", static_cast<double>(training.summary.replayed_steps));
  set_number("replayedInEvents", training.replayed_in_events);
  set_number("recordings", static_cast<double>(recordings));
  set_number("cancelled", training.cancelled);
  set_text(w, "whyNotRecorded", training.summary.why_not_recorded);
  if (fields.string("folder").empty() || training.cancelled != 0.0) return;
  const Checkpoint checkpoint = read_checkpoint(checkpoint_path(fields.string("folder"), training.summary.steps));
  StateDict states;
  for (const auto& [name, of_parameters] : checkpoint.optimizer) {
    states.insert(states.end(), of_parameters.begin(), of_parameters.end());
  }
  w.set("momenta", flat(states));
  w.set("average", flat(checkpoint.average));
}

template <typename Run>
void run_guarded(Training& training, const Run& run) {
  try {
    training.summary = run();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCancelled) throw;
    training.cancelled = 1.0;
  }
}

// {stage, backbone, device, graphs, interval, size, count, batchSize, dropLast, epochs, lr, warmupEpochs, optimizer,
// momentum, clipNorm, averageDecay, precision, gradientCheckpointing, dropoutFactor, flips, blur, gamma, freezeNorms,
// validates, search, tf32, poison, stopAfter, folder, resumeFrom} -> losses; weights, statistics, momenta, average of
// its end as lists; replayed, recordings, replayedInEvents, cancelled, whyNotRecorded: a small training
void recorded_training(Workspace& w, const Fields& fields) {
  const c10::Device device = parse_device(fields.string("device"));
  const Tf32Scope tf32(fields.boolean("tf32"));
  const PatchStore patches = test_patches(fields.integer("count"), fields.integer("size"));
  const MaskStore masks = test_masks(fields.integer("count"), fields.integer("size"));
  const CancelToken cancel;
  Training training;
  std::int64_t recordings = 0;
  const auto settle_in = [&](torch::nn::Module& network, TrainingOptions& options) {
    place(network, device);
    at::globalContext().setBenchmarkCuDNN(fields.boolean("search"));
    read_options(fields, options);
    options.graphs = graphs_of(fields.string("graphs"), network, recordings);
  };
  if (fields.string("stage") == "classifier") {
    Classifier network = make_classifier(fields.string("backbone"), kClasses, 1.0 / 16);
    network->initialize(1);
    ClassifierTrainingOptions options;
    settle_in(*network, options);
    options.gamma = {1, 1.0, fields.number("gamma"), 0.3, false};
    options.freeze_stem = false;
    options.freeze_batch_norm = fields.boolean("freezeNorms");
    const ClassifierObserver observer{[&](const ClassifierStep& step) { take(training, fields, device, cancel, step); },
                                      {}};
    std::vector<const PatchStore*> validation;
    if (fields.boolean("validates")) validation.push_back(&patches);
    run_guarded(training, [&] { return train_classifier(network, options, patches, validation, observer, cancel); });
    finish(w, fields, *network, training, recordings);
  } else {
    DeepLab network(fields.string("backbone"), kClasses, 16, 0.25, 0.25);
    network->initialize(1);
    SegmenterTrainingOptions options;
    settle_in(*network, options);
    options.loss.weights = {1.0};
    options.freeze_batch_norm = fields.boolean("freezeNorms");
    const SegmenterObserver observer{[&](const StepReport& step) { take(training, fields, device, cancel, step); }, {}};
    std::vector<SegmenterValidation> validation;
    if (fields.boolean("validates")) validation.push_back({patches, masks});
    run_guarded(training,
                [&] { return train_segmenter(network, options, patches, masks, validation, observer, cancel); });
    finish(w, fields, *network, training, recordings);
  }
}

// {device, graphs} -> why, again: what try_recording() says, twice
void tried_recording(Workspace& w, const Fields& fields) {
  std::int64_t count = 0;
  const torch::nn::Module nothing;
  const auto pretended = graphs_of(fields.string("graphs"), nothing, count);
  const GraphSource source = pretended ? *pretended : graphs_of_cuda();
  const c10::Device device = parse_device(fields.string("device"));
  for (const char* name : {"why", "again"}) set_text(w, name, try_recording(device, source));
}

// {device} -> why, again, sum: of a recording that waits for the device, which CUDA forbids; of the next one; and what
// the device computes afterwards, 3 if all is well. No other recording is made in this process then.
void forced_failure(Workspace& w, const Fields& fields) {
  const c10::Device device = parse_device(fields.string("device"));
  const GraphSource source = graphs_of_cuda();
  {
    const OwnStream stream(device);
    const at::Tensor x = at::ones({1}, at::TensorOptions(device));
    Recording recording;
    recording.make(source, [&] { x.add_(x.item<float>()); });
    set_text(w, "why", recording.problem());
  }
  set_text(w, "again", try_recording(device, source));
  const at::Tensor ones = at::ones({3}, at::TensorOptions(device));
  w.set("sum", ones.sum().to(at::kCPU, at::kDouble));
}

// {} -> seen [7]: that two threads use devices at once; that one inside another's turn does not wait for itself while a
// third waits to be alone; that being alone excludes others, and inside it one may use; that a user cannot be alone;
// that two with other wishes of TF32 do not use devices at once, and each has its own
void device_turns(Workspace& w, const Fields& /*fields*/) {
  const c10::Device device(c10::kCUDA, 0);
  std::atomic<int> inside{0}, done{0};
  // Ends only if both are inside together.
  const auto together = [&] {
    const DeviceUse use(device);
    ++inside;
    while (inside < 2) std::this_thread::yield();
  };
  std::thread other(together);
  together();
  other.join();
  const bool both = inside == 2;

  std::atomic<bool> waits{false}, alone{false}, used{false};
  bool before = true, nested = false, excluded = true, inside_alone = false, refused = false;
  std::thread recorder;
  {
    const DeviceUse use(device);
    recorder = std::thread([&] {
      waits = true;
      const SoleDeviceUse sole;
      alone = true;
      const DeviceUse own(device);
      inside_alone = true;
      while (done == 0) std::this_thread::yield();
      excluded = !used;
    });
    while (!waits) std::this_thread::yield();
    const DeviceUse again(device);
    nested = true;
    before = alone;
  }
  while (!alone) std::this_thread::yield();
  std::thread user([&] {
    done = 1;
    const DeviceUse use(device);
    used = true;
  });
  recorder.join();
  user.join();
  {
    const DeviceUse use(device);
    try {
      const SoleDeviceUse sole;
    } catch (const c10::Error&) {
      refused = true;
    }
  }
  bool apart = true, has_own = true;
  std::atomic<int> exact{0};
  const auto in_turns = [&](bool tf32) {
    for (int i = 0; i < 200; ++i) {
      const Tf32Scope scope(tf32);
      const DeviceUse use(device);
      if (!tf32) ++exact;
      if (tf32 && exact != 0) apart = false;
      if (at::globalContext().allowTF32CuDNN() != tf32) has_own = false;
      if (!tf32) --exact;
    }
  };
  std::thread exact_user([&] { in_turns(false); });
  in_turns(true);
  exact_user.join();
  const std::vector<std::int64_t> seen{both,     nested,          !before,         inside_alone,
                                       excluded, used && refused, apart && has_own};
  w.set("seen", at::tensor(seen, at::kLong));
}

// {free} -> bytes: of a stream beside what it holds ready, what another does, and a recording's own
void free_bytes(Workspace& w, const Fields& fields) {
  const int ours = 0, theirs = 0;
  const std::vector<MemorySegment> segments{
      {100, 40, &ours, false},     // ours, partly used: the rest
      {200, 150, &theirs, false},  // another's, partly used: nothing
      {400, 0, &theirs, false},    // another's, unused: given back first
      {800, 0, &ours, true},       // a recording's
  };
  const std::int64_t bytes = free_bytes_of(fields.integer("free"), segments, &ours);
  w.set("bytes", at::scalar_tensor(static_cast<double>(bytes), at::kDouble));
}

// {message} -> lacks: whether a failure of LibTorch with these words is that memory ran out
void lacks_memory(Workspace& w, const Fields& fields) {
  bool lacks = false;
  try {
    TORCH_CHECK(false, fields.string("message"));
  } catch (const c10::Error& error) {
    lacks = is_out_of_memory(error);
  }
  w.set("lacks", at::scalar_tensor(lacks ? 1.0 : 0.0, at::kDouble));
}

}  // namespace

void add_recording_operations(OperationTable& table) {
  table["recorded_training"] = recorded_training;
  table["tried_recording"] = tried_recording;
  table["forced_failure"] = forced_failure;
  table["device_turns"] = device_turns;
  table["free_bytes"] = free_bytes;
  table["lacks_memory"] = lacks_memory;
}

}  // namespace wsss::test
