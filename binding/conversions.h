// Options from JavaScript objects to the core's structs, and the core's reports back to JavaScript objects.
#pragma once

#include <napi.h>

#include "fields.h"
#include "wsss/classifier/classifier_trainer.h"
#include "wsss/core/precision.h"
#include "wsss/evaluation/confusion.h"
#include "wsss/pseudo_mask/generate.h"
#include "wsss/segmenter/redraw_masks.h"
#include "wsss/segmenter/segmenter_trainer.h"
#include "wsss/training/training_options.h"
#include "wsss/weight_tools/convert_weights.h"
#include "wsss/weight_tools/weight_inspection.h"
#include "wsss/weights/load.h"

namespace wsss::binding {

/// Member "precision" of an options object.
Precision precision_of(const Fields& fields);
// Options objects of lib/native/addon.ts to the core's structs.
ClassifierTrainingOptions classifier_training_options(Napi::Value value);
SegmenterTrainingOptions segmenter_training_options(Napi::Value value);
/// Null for null.
std::optional<WeightLoading> weight_loading(Napi::Value value);
PseudoMaskOptions pseudo_mask_options(Napi::Value value);
RedrawOptions redraw_options(Napi::Value value);
/// "one", "flips" or "symmetries".
PatchViews patch_views(const Fields& fields);
/// "exclude" or "multiply".
GateRule gate_rule(const Fields& fields);
/// Nothing for null and undefined.
std::optional<ClassGate> class_gate(Napi::Value value, std::int64_t patch_count, std::int64_t class_count);

// The core's reports to plain objects of lib/native/addon.ts.
Napi::Object to_js(Napi::Env env, const ClassifierStep& step);
Napi::Object to_js(Napi::Env env, const ClassifierEpoch& epoch);
Napi::Object to_js(Napi::Env env, const StepReport& step);
Napi::Object to_js(Napi::Env env, const SegmenterEpoch& epoch);
Napi::Object to_js(Napi::Env env, const TrainingSummary& summary);
Napi::Object to_js(Napi::Env env, const LabelScores& scores);
Napi::Object to_js(Napi::Env env, const ConfusionMatrix& confusion);
Napi::Object to_js(Napi::Env env, const LoadReport& report);
Napi::Object to_js(Napi::Env env, const WeightInspection& inspection);
Napi::Object to_js(Napi::Env env, const Conversion& conversion);
Napi::Object progress_to_js(Napi::Env env, std::int64_t done, std::int64_t total);
Napi::Object finished_masks_to_js(Napi::Env env, const std::vector<std::int64_t>& patches, std::int64_t done,
                                  std::int64_t total);
/// A float32 tensor's values as an ArrayBuffer.
Napi::Value floats_to_js(Napi::Env env, const at::Tensor& tensor);

}  // namespace wsss::binding
